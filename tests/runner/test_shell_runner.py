"""The shell runner as a process: CGI variables, output and headers, streaming, failures, cancelling."""
import json
import os
import signal
import threading
import time

import pytest

DEADLINE_S = 20


def wait_until(condition, what):
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.005)


def variables(answer):
    return dict(line.split("=", 1) for line in answer.body.decode().splitlines() if "=" in line)


# ---- Input


def test_output_is_the_body(host):
    answer = host.serve("echo plain").ask()
    assert (answer.status, answer.body) == (200, b"plain\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_script_that_ends_at_once_has_an_answer_with_a_length(host):
    """What "at once" is depends on how busy this machine is."""
    slot = host.serve("echo plain")
    wait_until(lambda: slot.ask().framing == "length", "a script that is quick")


def test_variables_are_those_of_cgi(host):
    slot = host.serve("env", environment={"COLOUR": "blue", "HTTP_PROXY": "http://own"})
    answer = slot.ask("/a%20b/c%2Fd?x=%20&y", "POST", b"12345", [
        "Host: example.org:8080", "Content-Type: text/x", "X-Forwarded-Prefix: /f", "X-Odd-Name: odd",
        "X-Forwarded-For: 10.9.9.9, 127.0.0.1", "X-Real-IP: 10.9.9.9", "Cookie: a=1", "Cookie: b=2", "Accept: x", "Accept: y",
        "Proxy: evil", "X_Odd_Name: posing", "Authorization: Basic Zm9v",
    ])
    seen = variables(answer)
    expected = {
        "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_PROTOCOL": "HTTP/1.1", "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "/f", "PATH_INFO": "/a b/c/d", "QUERY_STRING": "x=%20&y",
        "REQUEST_URI": "/f/a%20b/c%2Fd?x=%20&y", "CONTENT_TYPE": "text/x", "CONTENT_LENGTH": "5",
        "REMOTE_ADDR": "10.9.9.9", "SERVER_NAME": "example.org", "SERVER_PORT": "8080", "HTTP_X_ODD_NAME": "odd",
        "HTTP_COOKIE": "a=1; b=2", "HTTP_ACCEPT": "x, y", "HTTP_HOST": "example.org:8080", "COLOUR": "blue",
        "HTTP_PROXY": "http://own", "HTTP_AUTHORIZATION": "Basic Zm9v", "PWD": host.code,
    }
    assert {name: seen.get(name) for name in expected} == expected
    assert seen["SERVER_SOFTWARE"].startswith("berth/")
    assert "HTTP_CONTENT_LENGTH" not in seen and "BERTH_SOCKET" not in seen and "HTTPS" not in seen


@pytest.mark.parametrize("headers, name, port, https", [
    (["Host: a"], "a", "80", None),
    (["Host: a", "X-Forwarded-Proto: https"], "a", "443", "on"),
    (["Host: [::1]:99"], "[::1]", "99", None),
    ([], "", "80", None),
])
def test_server_name_and_port(host, headers, name, port, https):
    seen = variables(host.serve("env").ask(headers=headers))
    assert (seen["SERVER_NAME"], seen["SERVER_PORT"], seen.get("HTTPS")) == (name, port, https)
    assert seen["REQUEST_SCHEME"] == ("https" if https else "http")


def test_a_request_without_a_body(host):
    seen = variables(host.serve("cat; env").ask())
    assert "CONTENT_LENGTH" not in seen and "CONTENT_TYPE" not in seen


def test_nul_in_the_path_is_refused(host):
    slot = host.serve("echo x")
    assert slot.ask("/a%00b").status == 400
    assert slot.ask("/a%0").status == 200


def test_chunked_body(host):
    slot = host.serve("printf '%s:' \"${CONTENT_LENGTH-none}\"; cat")
    slot.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    slot.send(b"2\r\nde\r\n0\r\n\r\n")
    assert slot.answer().body == b"none:abcde"


def test_expect_continue(host):
    slot = host.serve("cat")
    slot.request("/", "POST", headers=["Expect: 100-continue", "Content-Length: 2"])
    assert slot.head()[0] == 100
    slot.send(b"hi")
    assert slot.answer().body == b"hi"


def test_large_body_both_ways(host):
    slot = host.serve("cat")
    body = os.urandom(1 << 20) * 24
    slot.request("/", "POST", headers=[f"Content-Length: {len(body)}"])
    sender = threading.Thread(target=slot.send, args=(body,))
    sender.start()
    answer = slot.answer()
    sender.join()
    assert answer.body == body


def test_script_that_reads_no_body(host):
    slot = host.serve("echo done")
    assert slot.ask("/", "POST", b"x" * 60000).body == b"done\n"
    assert slot.ask("/", "POST", b"x" * 60000).body == b"done\n"


def test_script_that_stops_reading(host):
    slot = host.serve("head -c 10")
    slot.request("/", "POST", headers=["Content-Length: 50000000"])
    sender = threading.Thread(target=lambda: _send_and_ignore(slot, b"y" * 50000000))
    sender.start()
    answer = slot.answer()
    assert (answer.status, answer.body) == (200, b"y" * 10)
    assert answer.headers["connection"] == "close"
    sender.join()
    assert host.accept().ask("/", "POST", b"0123456789abc").body == b"0123456789"


def _send_and_ignore(slot, data):
    try:
        slot.send(data)
    except OSError:
        pass


# ---- Output


HEADERS = [
    (r"Status: 404 Not Here\n\ngone", 404, "text/plain; charset=utf-8", b"gone"),
    (r"Status: 201\r\nContent-Type: a/b\r\n\r\nx", 201, "a/b", b"x"),
    (r"content-type:text/html\nX-More: 1\n\n<p>", 200, "text/html", b"<p>"),
    (r"Location: /else\n\n", 302, None, b""),
    (r"Location: /else\nStatus: 303\n\nsee", 303, "text/plain; charset=utf-8", b"see"),
    (r"Note: text\n\nmore", 200, "text/plain; charset=utf-8", b"Note: text\n\nmore"),
    (r"Status: all is well\n\nmore", 200, "text/plain; charset=utf-8", b"Status: all is well\n\nmore"),
    (r"Status: 404\n", 200, "text/plain; charset=utf-8", b"Status: 404\n"),
    (r"Status: 999\n\n", 200, "text/plain; charset=utf-8", b"Status: 999\n\n"),
    (r"Content-Type: a/b\nno header\n\nx", 200, "text/plain; charset=utf-8",
     b"Content-Type: a/b\nno header\n\nx"),
    (r"Content-Type:\n\nx", 200, "text/plain; charset=utf-8", b"Content-Type:\n\nx"),
    (r"Stat", 200, "text/plain; charset=utf-8", b"Stat"),
    (r"", 200, "text/plain; charset=utf-8", b""),
]


@pytest.mark.parametrize("output, status, kind, body", HEADERS)
def test_headers_of_the_script(host, output, status, kind, body):
    answer = host.serve(f"printf '{output}'").ask()
    assert (answer.status, answer.headers.get("content-type"), answer.body) == (status, kind, body)
    assert answer.framing != "cut"


def test_headers_in_pieces_are_still_headers(host):
    script = "printf 'Sta'; sleep 0.1; printf 'tus: 40'; sleep 0.1; printf '4\\nX-A: b\\n'; sleep 0.1; printf '\\nbody'"
    answer = host.serve(script).ask()
    assert (answer.status, answer.headers["x-a"], answer.body) == (404, "b", b"body")


def test_no_content(host):
    answer = host.serve("printf 'Status: 204\\n\\n'").ask()
    assert answer.status == 204 and "content-type" not in answer.headers


def test_head(host):
    slot = host.serve("echo four")
    answer = slot.ask("/", "HEAD")
    assert answer.status == 200 and answer.headers.get("content-length", "5") == "5"
    assert slot.ask().body == b"four\n"


def test_length_of_the_script(host):
    answer = host.serve("printf 'Content-Type: a/b\\nContent-Length: 4\\n\\nab'; sleep 0.2; printf 'cd'").ask()
    assert (answer.framing, answer.body) == ("length", b"abcd")


def test_output_is_streamed(host):
    slot = host.serve("echo one; read -r line; echo \"$line\"; read -r line; echo \"$line\"")
    slot.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert slot.head()[0] == 200
    assert slot.chunk() == b"one\n"
    slot.send(b"4\r\ntwo\n\r\n")
    assert slot.chunk() == b"two\n"
    slot.send(b"6\r\nthree\n\r\n0\r\n\r\n")
    assert slot.chunk() == b"three\n"
    assert slot.chunk() == b""


def test_large_output(host):
    answer = host.serve("head -c 30000000 /dev/zero").ask()
    assert len(answer.body) == 30000000 and answer.framing == "chunked"


def test_standard_error_is_passed_on(host):
    slot = host.serve("echo a word >&2; echo ok")
    assert slot.ask().body == b"ok\n"
    slot.close()
    host.accept().close()
    status, errors = host.stop()
    assert (status, errors) == (0, "a word\n")


# ---- Failures


def test_failure_before_the_answer_is_a_500(host):
    """As long as headers may still come, nothing has been answered, however long the script takes to end."""
    slot = host.serve("echo 'Content-Type: text/plain'; exit 3")
    answer = slot.ask()
    assert answer.status == 500
    error = json.loads(answer.body)["error"]
    assert set(error) == {"component", "reason", "message", "hint", "request_id"}
    assert (error["component"], error["reason"]) == ("function", "script-failed")
    assert error["message"] == "run.sh ended with exit status 3"
    assert slot.ask().status == 500


def test_death_by_signal_is_a_500(host):
    answer = host.serve("kill -SEGV $$").ask()
    message = json.loads(answer.body)["error"]["message"]
    assert message == "run.sh was ended by signal 11 (Segmentation fault)"


def test_failure_in_the_middle_cuts_the_answer(host):
    slot = host.serve("echo partial; sleep 1; exit 1")
    answer = slot.ask()
    assert (answer.status, answer.body, answer.framing) == (200, b"partial\n", "cut")
    assert host.accept().ask().framing == "cut"


def test_failure_after_much_output_cuts_the_answer(host):
    answer = host.serve("head -c 70000 /dev/zero; exit 1").ask()
    assert (len(answer.body), answer.framing) == (70000, "cut")


@pytest.mark.parametrize("runtime, message", [
    ({"file": "missing.sh", "interpreter": "/bin/sh"}, "cannot read"),
    ({"file": "run.sh", "interpreter": "/bin/none"}, "cannot execute /bin/none: No such file or directory"),
    ({"file": "run.sh"}, "cannot execute"),
])
def test_function_that_cannot_load(host, runtime, message):
    host.write("run.sh", "echo")
    answer = host.init(host.start(), runtime)
    assert answer.status == 500
    assert message in json.loads(answer.body)["error"]["message"]


def test_what_the_host_asks_and_this_runner_does_not_know(host):
    """Such as to load libraries ahead. It is no request for the function, and the runner goes on to work."""
    slot = host.start()
    for _ in range(2):
        answer = slot.ask("/.berth/prewarm", "POST", b'{"protocol": 1, "modules": []}')
        assert (answer.status, json.loads(answer.body)["error"]["reason"]) == (404, "not-known")
        host.write("run.sh", "echo fine")
        assert host.init(slot, {"file": "run.sh", "interpreter": "/bin/sh"}).status == 200
        assert slot.ask().body == b"fine\n"


# ---- Processes


def test_program_without_an_interpreter(host):
    host.write("run", "#!/usr/bin/awk -f\nBEGIN { print 6 * 7 }\n", 0o755)
    slot = host.start()
    assert host.init(slot, {"file": "run"}).status == 200
    assert slot.ask().body == b"42\n"


def test_argument_of_the_interpreter(host):
    host.write("run", "#!/usr/bin/awk -f\nBEGIN { print 6 * 7 }\n")
    slot = host.start()
    assert host.init(slot, {"file": "run", "interpreter": "/usr/bin/awk", "argument": "-f"}).status == 200
    assert slot.ask().body == b"42\n"


def test_working_directory_takes_new_files_beside_the_code(host, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    host.write("data.txt", "some\n")
    host.write("run.sh", "echo made >new.txt; cat data.txt new.txt; pwd\n")
    slot = host.start()
    answer = host.init(slot, {"file": "run.sh", "interpreter": "/bin/sh"}, work=str(work))
    assert answer.status == 200
    assert slot.ask().body.decode() == f"some\nmade\n{work}\n"
    assert sorted(os.listdir(work)) == ["data.txt", "new.txt", "run.sh"]
    assert sorted(os.listdir(host.code)) == ["data.txt", "run.sh"]


def test_requests_at_once(host):
    host.serve("read -r line; echo \"$line\"", concurrency=4)
    for slot in host.slots:
        slot.send(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n")
    for number, slot in reversed(list(enumerate(host.slots))):
        slot.send(b"%d!\n" % number)
        assert slot.answer().body == b"%d!\n" % number


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_leaving_client_ends_the_script_and_what_it_started(host):
    slot = host.serve("sleep 1000 & echo $$ $!; wait")
    slot.request()
    slot.head()
    pids = [int(pid) for pid in slot.chunk().split()]
    assert all(map(alive, pids))
    slot.close()
    wait_until(lambda: not any(map(alive, pids)), "the processes to end")
    assert host.accept().request() is None


def test_script_that_ignores_sigterm_is_killed(host):
    slot = host.serve("trap '' TERM; echo $$; while :; do sleep 0.05; done")
    slot.request()
    slot.head()
    pid = int(slot.chunk())
    slot.close()
    wait_until(lambda: not alive(pid), "the script to be killed")
    host.accept()


def test_script_may_clean_up_when_the_client_leaves(host):
    mark = os.path.join(host.folder, "mark")
    slot = host.serve(f"trap 'echo bye > {mark}; exit' TERM; echo ready; while :; do sleep 0.05; done")
    slot.request()
    slot.head()
    slot.close()
    wait_until(lambda: os.path.exists(mark), "the trap to run")
    host.accept()


def test_what_a_script_leaves_behind_is_ended(host):
    slot = host.serve("sleep 1000 & echo $!")
    pid = int(slot.ask().body)
    wait_until(lambda: not alive(pid), "the left process to end")


def test_no_zombies(host):
    slot = host.serve("true")
    for _ in range(20):
        slot.ask()
    with open(f"/proc/{host.runner.pid}/task/{host.runner.pid}/children", encoding="ascii") as children:
        assert children.read() == ""


def test_signals_are_as_usual_in_scripts(host):
    seen = host.serve("cat /proc/self/status").ask().body.decode()
    status = dict(line.split(":\t") for line in seen.splitlines() if ":\t" in line)
    usual = (1 << 31) - 1  # the C library keeps 32 and 33 to itself
    assert int(status["SigBlk"], 16) == 0 and int(status["SigIgn"], 16) & usual == 0


def test_no_descriptors_leak_into_scripts(host):
    host.serve("ls /proc/self/fd", concurrency=4)
    slot = host.slots[0]
    slot.ask()
    assert slot.ask().body.split() == [b"0", b"1", b"2", b"3"]  # 3 is ls's own


def test_no_descriptors_leak_in_the_runner(host):
    slot = host.serve("cat >/dev/null; echo")
    folder = f"/proc/{host.runner.pid}/fd"
    slot.ask("/", "POST", b"x")
    before = len(os.listdir(folder))
    for _ in range(50):
        slot.ask("/", "POST", b"x")
    assert len(os.listdir(folder)) == before


def test_sigterm_finishes_what_runs(host):
    slot = host.serve("echo one; read -r line; echo \"$line\"", concurrency=2)
    slot.request("/", "POST", headers=["Content-Length: 4"])
    slot.head()
    assert slot.chunk() == b"one\n"
    host.runner.send_signal(signal.SIGTERM)
    assert host.slots[1].receive() == b""
    slot.send(b"two\n")
    assert slot.chunk() == b"two\n"
    assert slot.chunk() == b""
    assert host.runner.wait(DEADLINE_S) == 0
