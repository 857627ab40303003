"""Shell functions: CGI in, standard output out."""

import pytest

from harness.wait import wait_until

CGI = """
    #!/bin/sh
    case $PATH_INFO in
    /env) env ;;
    /upper) tr a-z A-Z ;;
    /status) printf 'Status: 418 Teapot\\r\\nContent-Type: text/x-tea\\r\\n\\r\\nshort and stout' ;;
    /fail) echo "a word to the log" >&2; echo "Content-Type: text/plain"; exit 3 ;;
    /big) head -c 1048576 /dev/zero ;;
    /write)
        for place in cgi.sh "$0" "${0%/*}/new"; do echo x 2>/dev/null >>"$place" && echo "$place" can be written; done
        echo tried ;;
    *) echo plain ;;
    esac
"""


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    shared_berth.write_function("cgi", CGI, language="shell", idle_timeout=60, environment={"COLOUR": "blue"})
    shared_berth.write_function("big", {"cgi.sh": CGI, "data": b"\1" * (9 << 20)}, language="shell")
    shared_berth.start()


def test_standard_output_is_the_body(served):
    answer = served.get("/cgi")
    assert (answer.status, answer.text) == (200, "plain\n")


def test_body_is_standard_input(served):
    body = b"some words " * 10_000
    assert served.post("/cgi/upper", body).body == body.upper()


def test_variables_are_those_of_cgi(served):
    answer = served.post(
        "/cgi/env?a=b&c=%20", b"12345", headers={"Content-Type": "text/plain", "X-Odd-Name": "odd"}
    )
    seen = dict(line.split("=", 1) for line in answer.text.splitlines() if "=" in line)
    assert seen["GATEWAY_INTERFACE"] == "CGI/1.1"
    assert seen["REQUEST_METHOD"] == "POST"
    assert seen["QUERY_STRING"] == "a=b&c=%20"
    assert seen["CONTENT_LENGTH"] == "5"
    assert seen["CONTENT_TYPE"] == "text/plain"
    assert seen["PATH_INFO"] == "/env"
    assert seen["SCRIPT_NAME"] == "/cgi"
    assert seen["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert seen["REMOTE_ADDR"] == "127.0.0.1"
    assert seen["HTTP_X_ODD_NAME"] == "odd"
    assert seen["COLOUR"] == "blue"


def test_proxy_header_never_becomes_a_variable(served):
    assert "HTTP_PROXY=" not in served.get("/cgi/env", headers={"Proxy": "evil"}).text


def test_headers_of_the_script_are_used(served):
    answer = served.get("/cgi/status")
    assert (answer.status, answer.text) == (418, "short and stout")
    assert answer.headers["Content-Type"] == "text/x-tea"


def test_exit_status_other_than_0_is_a_500_with_stderr_in_the_log(served):
    assert served.get("/cgi/fail").status == 500
    wait_until(
        lambda: any("a word to the log" in line for line in served.log.lines()), "standard error in the log"
    )


@pytest.mark.parametrize("name", ["cgi", "big"])
def test_code_cannot_be_written(served, name):
    """Neither the copy for a prewarmed instance nor the package itself."""
    assert served.get(f"/{name}/write").text == "tried\n"


def test_large_output(served):
    assert served.get("/cgi/big").body == bytes(1 << 20)


def test_head_runs_the_script_and_sends_no_body(served):
    answer = served.request("HEAD", "/cgi")
    assert (answer.status, answer.body) == (200, b"")


def test_script_in_another_language(berth):
    berth.write_function("awk", {"run": "#!/usr/bin/awk -f\nBEGIN { print 6 * 7 }\n"}, language="shell")
    berth.start()
    assert berth.get("/awk").text == "42\n"


def test_interpreter_that_nobody_knows_of_is_tried(berth):
    """The image may have been given more than the plugin knows; when it has not, the runner says what is missing."""
    berth.expect_error(".*", function="foreign")
    berth.write_function("foreign", "#!/usr/bin/node\nconsole.log(1)\n", language="shell")
    berth.write_function("known", "#!/usr/bin/tail -n1\nthe last line\n", language="shell")
    berth.start()
    assert berth.get("/known").text == "the last line\n"
    answer = berth.get("/foreign")
    assert answer.status == 502
    assert "cannot execute /usr/bin/node: No such file or directory" in answer.error()["message"]
    assert berth.log.entries(event="function.diagnostic", function="foreign", level="warning")
