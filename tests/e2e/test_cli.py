"""The program `berth`: what it shows, what it does, and how it says no."""

import json
import os
import signal
import subprocess

import pytest

from harness import secret
from harness.cli import Cli
from harness.daemon import sanitizer_environment
from harness.functions import FAILING, HELLO
from harness.wait import wait_until

ECHO = """
async def handle(request):
    body = (await request.body()).decode()
    path = request.url.path.removeprefix("/echo")
    return f"{request.method} {path}?{request.url.query} {body} {request.headers.get('x-one')}"
"""


@pytest.fixture(scope="module")
def shared_berth(shared_berth):
    shared_berth.write_function("hello", HELLO)
    shared_berth.write_function("echo", ECHO)
    shared_berth.write_function("failing", FAILING)
    shared_berth.write_function("broken", "def handle(:\n")
    shared_berth.start()
    return shared_berth


@pytest.fixture
def cli(served):
    return Cli(served)


def rows(text):
    """The rows of a table by their first cell."""
    return {line.split()[0]: line.split() for line in text.splitlines()[1:]}


def test_functions_are_shown(cli):
    listed = rows(cli.run("ls"))
    assert listed["hello"][1] == "ready" and listed["broken"][1] == "broken"
    assert "broken.py:1" in " ".join(listed["broken"])
    assert {function["name"] for function in cli.json("ls")} == {"hello", "echo", "failing", "broken"}


def test_function_is_described(cli):
    cli.run("invoke", "hello")
    text = cli.run("describe", "hello")
    assert text.startswith("hello can be called, python")
    settings = dict(line.split(maxsplit=1) for line in text.split("Settings\n")[1].splitlines())
    assert (settings["timeout"], settings["memory"], settings["tmp"]) == ("60s", "256Mi", "256Mi")
    assert "concurrency" not in settings, "not set"
    described = cli.json("describe", "hello")
    assert described["name"] == "hello" and described["settings"]["timeout_ms"] == 60000
    assert described["settings"]["concurrency"] is None
    text = cli.run("describe", "broken")
    assert text.startswith("broken cannot be called")
    assert "def handle(:" in text and "^" in text, "the line and the caret"


def test_functions_are_called(cli):
    assert cli.run("invoke", "hello") == "hello"
    assert cli.run("invoke", "echo", "/a/b?c=d") == "GET /a/b?c=d  None"
    assert cli.run("invoke", "echo", "-d", "text", "-H", "X-One: 1") == "POST /? text 1"
    assert cli.run("invoke", "echo", "-d", "", "-X", "PUT") == "PUT /?  None"
    assert cli.run("invoke", "echo", stdin="piped in") == "POST /? piped in None"
    assert cli.run("invoke", "echo", "-d", "-", stdin="from there") == "POST /? from there None"
    path = os.path.join(cli.berth.folder, "body")
    with open(path, "w", encoding="utf-8") as file:
        file.write("in a file")
    assert cli.run("invoke", "echo", "-d", f"@{path}") == "POST /? in a file None"
    assert "HTTP/1.1 200 OK" in cli.run("invoke", "hello", "-i")
    assert not cli.berth.log.entries(event="gateway.request", reason="method-malformed")


def test_call_that_fails_says_what_to_do(cli):
    assert "the function failed with ValueError" in cli.run("invoke", "failing", status=1)
    assert "failing answered with status 500 (request " in cli.said
    assert "berth why " in cli.said
    cli.run("invoke", "echo", "-d", "@/nowhere", status=1)
    assert "/nowhere" in cli.said


def test_answer_ends_its_line_on_a_terminal_only(cli):
    text = cli.run("invoke", "echo", "-d", "open")
    assert not text.endswith("\n")
    screen, terminal = os.openpty()
    command = [cli.program, "invoke", "echo", "-d", "open", "--url", cli.url]
    subprocess.run(command, stdout=terminal, check=True, timeout=60)
    os.close(terminal)
    assert os.read(screen, 1000) == text.encode() + b"\r\n"
    os.close(screen)


def test_scaling_is_explained(cli):
    cli.run("invoke", "hello")
    assert "more requests waited than slots were idle" in cli.run("explain", "hello")
    assert "has not been called" in cli.run("explain", "broken")
    assert cli.json("explain", "hello")[-1]["reason"] == "demand"


def test_languages_are_shown(cli):
    assert {"python", "shell"} <= set(rows(cli.run("plugin", "ls")))


def test_restart_is_asked_for(cli):
    cli.run("invoke", "hello")
    before = cli.json("describe", "hello")["instance_list"][0]["instance"]
    assert "take over" in cli.run("restart", "hello")

    def is_another():
        return before not in [instance["instance"] for instance in cli.json("describe", "hello")["instance_list"]]

    wait_until(is_another, "the former instance to be gone", 60)
    assert cli.run("invoke", "hello") == "hello"


def test_minimum_is_set(cli):
    assert "keeps at least 1 instances" in cli.run("scale", "hello", "1")
    wait_until(lambda: cli.json("describe", "hello")["ready"] >= 1, "an instance nobody has called", 60)
    cli.run("scale", "hello", "0")
    cli.run("scale", "hello", "1000", status=1)
    assert "raise its max_scale" in cli.said
    cli.run("scale", "hello", "many", status=2)
    cli.run("scale", "helo", "1", status=1)
    assert "did you mean hello?" in cli.said


def test_doctor_looks_at_the_machine(cli):
    looks = {look["check"]: look for look in cli.json("doctor")}
    assert looks["docker"]["verdict"] == "ok" and looks["base images"]["verdict"] == "ok"
    assert looks["ports"]["found"] == "the daemon has them"
    folders = {name: looks[f"{name} folder"]["found"] for name in ("state", "run")}
    assert folders == {"state": cli.berth.state_dir, "run": cli.berth.run_dir}
    assert {"cgroups", "clock", "disk", "io_uring", "leftovers", "state folder", "open files"} <= set(looks)
    text = cli.run("doctor", "--docker", "/nowhere.sock", status=2)
    assert "failed   docker         does not answer at /nowhere.sock" in text and "--docker PATH" in text


# -- how it says no


def test_near_words_are_offered(cli):
    cli.run("lss", status=2)
    assert "did you mean berth ls?" in cli.said
    cli.run("ls", "--jsno", status=2)
    assert "did you mean --json?" in cli.said
    cli.run("describe", "helo", status=1)
    assert "did you mean hello?" in cli.said
    cli.run("describe", "nothing-like-it", status=1)
    assert "berth ls shows what there is" in cli.said
    cli.run("describe", status=2)
    assert "describe needs NAME" in cli.said


def test_first_word_of_commands_shows_them(cli):
    shown = cli.run("secret", status=2)
    assert "secret set NAME" in shown and "secret rotate NAME" in shown and "volume ls" not in shown
    assert cli.run("secret", "--help") == cli.run("help", "secret") == shown
    cli.run("volume", "exprot", status=2)
    assert 'there is no command "volume exprot"' in cli.said and "did you mean berth volume export?" in cli.said
    cli.run("plugin", "quite-other", status=2)
    assert "berth plugin --help lists them" in cli.said


def test_options_of_all_commands_may_stand_before_them(cli):
    assert {function["name"] for function in json.loads(cli.run("--json", "ls"))} >= {"hello", "echo"}
    cli.run("--url", "http://127.0.0.1:1", "--json", "plugin", "ls", "--url", cli.url)
    cli.run("--url", "http://127.0.0.1:1", "ls", status=3)
    cli.run("--url", "http://127.0.0.1:1", status=2)
    cli.run("--jsno", "ls", status=2)
    assert "--jsno" in cli.said


def test_no_daemon_answers(cli):
    cli.run("ls", "--url", f"unix:{cli.berth.folder}/nothing.sock", status=3)
    assert "no daemon answers at unix:" in cli.said and "berth up" in cli.said
    cli.run("ls", "--url", "http://127.0.0.1:1", status=3)


def test_over_tcp_with_the_password(cli):
    url = "http://%s:%d" % cli.berth.admin_address
    cli.run("ls", "--url", url, status=1, environment={"BERTH_PASSWORD_FILE": "/dev/null"})
    assert "invalid credentials" in cli.said
    password = os.path.join(cli.berth.state_dir, "admin-password")
    assert "hello" in cli.run("ls", "--url", url, environment={"BERTH_PASSWORD_FILE": password})
    with open(password, encoding="ascii") as file:
        given = url.replace("//", f"//admin:{file.read().strip()}@")
    assert "hello" in cli.run("ls", "--url", given)
    cli.run("ls", "--url", "http://admin:hidden@127.0.0.1:1", status=3)
    assert "http://127.0.0.1:1/" in cli.said and "hidden" not in cli.said


def test_functions_are_called_on_the_host_of_the_daemon(berth):
    """One that listens on every address is called where its management port is."""
    berth.write_function("hello", HELLO)
    port, admin_port = berth.address[1], berth.admin_address[1]
    berth.start("--listen", f"0.0.0.0:{port}", "--admin", f"0.0.0.0:{admin_port}")
    where = {"BERTH_PASSWORD_FILE": os.path.join(berth.state_dir, "admin-password")}
    where["BERTH_URL"] = f"http://127.0.0.2:{admin_port}"
    text = Cli(berth).run("load", "hello", "-c", "1", "-d", "1s", "--quiet", environment=where)
    assert f"GET http://127.0.0.2:{port}/hello" in text


# -- help, completion, the man page


def test_every_command_has_help(cli):
    text = cli.run("--help")
    assert cli.run("help") == text
    names = [line.split("  ")[1] for line in text.splitlines() if line.startswith("  ") and not line.startswith("  -")]
    assert len(names) > 9
    for name in names:
        words = [word for word in name.split() if word.islower()]
        assert cli.run(*words, "--help").startswith("Usage: berth " + " ".join(words))
    assert max(map(len, text.splitlines())) <= 100
    assert cli.run("--version").startswith("berth ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(cli, shell):
    assert "berth __complete" in cli.run("completion", shell)


def test_bash_completes_commands_flags_and_functions(cli):
    def complete(*words):
        line = " ".join(f"'{word}'" for word in words)
        script = f'source <("{cli.program}" completion bash); COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _berth; '
        script += 'printf "%s\\n" "${COMPREPLY[@]}"'
        path = f"{os.path.dirname(cli.program)}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60,
            env={**os.environ, "PATH": path, "BERTH_URL": cli.url},
        )
        return done.stdout.split()

    assert complete("berth", "des") == ["describe"]
    assert complete("berth", "describe", "he") == ["hello"]
    assert complete("berth", "plugin", "") == ["ls", "test"]
    assert complete("berth", "invoke", "--inc") == ["--include"]
    assert complete("berth", "completion", "f") == ["fish"]


def test_man_page_is_well_formed(cli):
    page = cli.run("man-page")
    assert page.isascii() and page.startswith(".TH BERTH 1") and "\n.SH NAME\n" in page


# -- what needs no daemon


def test_new_function_from_an_empty_folder(berth, tmp_path):
    cli = Cli(berth)
    cli.run("new", "pyton", "greet", status=1, cwd=tmp_path)
    assert "did you mean python?" in cli.said and not os.listdir(tmp_path)
    text = cli.run("new", "python", "greet", cwd=tmp_path)
    assert "functions/greet/greet.py" in text and "berth invoke greet" in text
    cli.run("check", cwd=tmp_path)
    assert "1 function, 0 errors" in cli.said
    cli.run("new", "python", "greet", status=1, cwd=tmp_path)
    assert "has a function" in cli.said


@pytest.mark.parametrize("language", ["python", "node", "shell", "container"])
def test_new_function_is_served_as_it_was_made(berth, language):
    cli = Cli(berth)
    assert "functions/greet/" in cli.run("new", language, "greet")
    cli.run("check")
    assert "1 function, 0 errors, 0 warnings" in cli.said
    berth.start(timeout=300)  # the container's image is made by its own Dockerfile
    assert "hello" in cli.run("invoke", "greet").lower()


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        return children.read().split()


class Up:
    """`berth up` in a folder, as it shows itself to a user."""

    def __init__(self, cli, folder, *arguments):
        self.output = os.path.join(cli.berth.folder, "up.txt")
        berth = cli.berth
        places = ("--listen", "%s:%d" % berth.address, "--admin", "%s:%d" % berth.admin_address)
        places += ("--state", berth.state_dir, "--run-dir", berth.run_dir)
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                [cli.program, "up", *places, *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, start_new_session=True, env={**os.environ, **sanitizer_environment()},
            )

    def text(self):
        with open(self.output, encoding="utf-8") as output:
            return output.read()

    def wait(self, words):
        def is_there():
            assert self.process.poll() is None, self.text()
            return words in self.text()

        wait_until(is_there, f"{words!r} in\n{self.text()}", 60)


def test_up_from_an_empty_folder(berth, tmp_path):
    cli = Cli(berth)
    up = Up(cli, tmp_path)
    try:
        up.wait("without a function")
        up.wait("ready: 0 functions")
        cli.run("new", "python", "greet", cwd=tmp_path)
        cli.run("reload", cwd=tmp_path)
        up.wait("greet is live")
        assert "Hello" in cli.run("invoke", "greet", cwd=tmp_path)
        up.wait("GET /greet 200")
        (tmp_path / "functions/greet/greet.py").write_text("def handle(:\n")
        cli.run("reload", cwd=tmp_path, status=2)
        up.wait("greet goes on with its former revision")
        up.wait("def handle(:\n           ^")
        (tmp_path / "functions/greet/greet.py").write_text("def handle(request):\n    print('seen')\n    return 'two'\n")
        cli.run("reload", cwd=tmp_path)
        assert cli.run("invoke", "greet", cwd=tmp_path) == "two"
        up.wait("greet | seen")
    finally:
        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(60) == 0, up.text()
    assert "finishes what is under way" in up.text()


def test_daemon_ends_with_what_has_started_it(berth, tmp_path):
    cli = Cli(berth)
    up = Up(cli, tmp_path)
    up.wait("ready: 0 functions")
    (daemon,) = children_of(up.process.pid)
    up.process.kill()
    up.process.wait()
    wait_until(lambda: not os.path.exists(f"/proc/{daemon}"), "the daemon's end")


def test_check_of_one_function(berth):
    berth.write_function("hello", HELLO)
    berth.write_function("broken", "def handle(:\n")
    cli = Cli(berth)
    arguments = ("--config", berth.config)
    cli.run("check", *arguments, status=2)
    cli.run("check", "hello", *arguments)
    assert "hello: nothing found" in cli.said
    cli.run("check", "broken", *arguments, status=2)
    assert "broken.py:1:12: error" in cli.said
    assert [finding["function"] for finding in cli.json("check", "broken", *arguments, status=2)] == ["broken"]


def test_check_looks_for_secrets_in_the_state_folder_that_it_is_told(berth):
    secret.key_file(berth)
    berth.write_function("pay", HELLO, secrets=["key-of-this-test"])
    berth.start()
    cli = Cli(berth)
    cli.run("secret", "set", "key-of-this-test", stdin="x")
    for name in ([], ["pay"]):
        cli.run("check", *name, status=2)
        assert 'no secret "key-of-this-test"' in cli.said
        cli.run("check", *name, "--state", berth.state_dir)


def test_reload_tells_what_came_of_it(berth):
    berth.write_function("hello", HELLO)
    berth.start()
    cli = Cli(berth)
    assert "1 function, 0 cannot be called" in cli.run("reload")
    berth.write_function("broken", "def handle(:\n")
    assert "2 functions, 1 cannot be called" in cli.run("reload", status=2)
    assert "def handle(:" in cli.said, "the line that is wrong"
    assert cli.json("reload", status=2)["broken"] == ["broken"]
