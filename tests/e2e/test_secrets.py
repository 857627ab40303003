"""Secrets: given to functions as files and variables, to nobody else, and replaced without losing a request."""

import json
import os
import subprocess
import threading

import pytest

from harness import engine, secret
from harness.cli import Cli
from harness.functions import HELLO
from harness.servers import write_server
from harness.wait import wait_until

BIG = b"x" * (5 << 20)  # a package that is not copied into a prewarmed instance


@pytest.fixture(name="cli")
def cli_fixture(berth):
    secret.key_file(berth)
    return Cli(berth)


def sees(answer, value):
    """What a function was given is this value, in each way that it asks for."""
    assert answer.status == 200, answer.text
    seen = answer.json()
    assert {seen["file"], seen["other"], seen["variable"]} == {secret.digest(value)}
    return seen


def processes():
    """What /proc tells of all: their command lines, and the environment of those that are in no container."""
    ours = os.readlink("/proc/self/ns/pid")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            is_outside = os.readlink(f"/proc/{pid}/ns/pid") == ours
            for name in ("cmdline", "environ") if is_outside else ("cmdline",):
                with open(f"/proc/{pid}/{name}", "rb") as file:
                    yield f"{name} of {pid}", file.read()
        except OSError:
            continue  # it has ended


def dumped_mappings(pid):
    """(begin, end) of what a core file of the process would have: what can be read, and is not left out (VmFlags)."""
    begin = end = 0
    readable = False
    with open(f"/proc/{pid}/smaps", encoding="ascii", errors="replace") as file:
        for line in file:
            first = line.split()[0]
            if "-" in first and not first.endswith(":"):
                begin, end = (int(number, 16) for number in first.split("-"))
                readable = line.split()[1].startswith("r")
            elif first == "Rss:":
                readable = readable and line.split()[1] != "0"
            elif first == "VmFlags:" and readable and "dd" not in line.split() and "io" not in line.split():
                yield begin, end


def core_of(pid):
    """The memory of a process as a core file would have it, a piece at a time."""
    step = 16 << 20
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for begin, end in dumped_mappings(pid):
            for at in range(begin, end, step):
                try:
                    memory.seek(at)
                    yield f"memory at {at:x}", memory.read(min(step, end - at) + 64)
                except (OSError, ValueError, OverflowError):
                    continue


def files_below(*folders, without):
    for folder in folders:
        for path, _, names in os.walk(folder):
            if path == without or path.startswith(without + "/"):
                continue
            for name in names:
                whole = os.path.join(path, name)
                if os.path.isfile(whole) and not os.path.islink(whole):
                    with open(whole, "rb") as file:
                        yield whole, file.read()


def told_by_engine(berth):
    for container in berth.containers():
        for command in ("inspect", "logs", "top", "diff"):
            done = subprocess.run(["docker", command, container["Id"]], capture_output=True, timeout=60)
            yield f"docker {command}", done.stdout + done.stderr
        for command in ("inspect", "history --no-trunc"):
            done = subprocess.run(["docker", "image", *command.split(), container["Image"]], capture_output=True, timeout=60)
            yield f"docker image {command}", done.stdout + done.stderr


def told_by_management(berth, function):
    """The answers of every path that can be asked for, with names that there are."""
    described = berth.admin("GET", "/berth/openapi.json").json()["paths"]
    newest = berth.admin("GET", "/berth/requests?limit=1").json()
    request = json.dumps(newest)
    for path, methods in described.items():
        if "get" in methods and path not in ("/berth/events", "/system/logs"):
            yield path, berth.admin("GET", path.replace("{name}", function)).text.encode()
    yield "requests", request.encode()
    yield "logs", berth.admin("GET", f"/system/logs?name={function}&follow=0&events=1").text.encode()
    yield "why", json.dumps([berth.admin("GET", f"/berth/requests/{item['id']}").json() for item in newest]).encode()


def everything(berth, cli, functions):
    yield from told_by_engine(berth)
    yield from processes()
    for function in functions:
        yield from told_by_management(berth, function)
        yield "describe", cli.run("describe", function, "--json").encode()
        yield "history", cli.run("history", function, "--json").encode()
    for command in ("secret ls", "ls", "requests", "volume ls"):
        yield command, cli.run(*command.split(), "--json").encode()
    with open(berth.log.path, "rb") as log:
        yield "log", log.read()
    yield from files_below(berth.state_dir, berth.run_dir, berth.project, without=berth.memory_dir())
    yield from core_of(berth.pid)


@pytest.mark.shows_setting("configuration.secrets", "host.secret_key_file", "configuration.environment")
def test_value_is_in_the_functions_and_nowhere_else(berth, cli):
    value = secret.new_value()
    berth.write_function("fresh", {"fresh.py": secret.PYTHON, "big.bin": BIG}, idle_timeout=600, **secret.USES)
    berth.write_function("warm", secret.PYTHON, idle_timeout=600, **secret.USES)
    berth.write_function("script", secret.SHELL, language="shell", idle_timeout=600, **secret.USES)
    write_server(berth, "web", idle_timeout=600, **secret.USES)
    berth.host["log_level"] = "debug"
    berth.expect_error(".*")
    berth.start()
    cli.run("secret", "set", "token", stdin=value + "\n")
    berth.admin("POST", "/system/secrets", json.dumps({"name": "unused", "value": value}).encode())
    functions = {"fresh": "0", "warm": "1", "script": None}
    for name, prewarmed in functions.items():
        answer = berth.wait_answer(f"/{name}", lambda answer: answer.status == 200, f"{name} to serve", 120)
        seen = sees(answer, value)
        if prewarmed:
            assert seen["prewarmed"] == prewarmed
            assert seen["names"] == ["token"]
            assert seen["mode"] == (0o400 if os.geteuid() == 0 else 0o444)
            assert seen["owner"] is (os.geteuid() == 0) and not seen["writable"]
    berth.wait_answer("/web/", lambda answer: answer.status == 200, "the server", 120)
    with open(berth.host["secret_key_file"], encoding="ascii") as file:
        key = file.read().strip().encode()
    wanted = secret.traces(value) | {key}
    found = [where for where, data in everything(berth, cli, [*functions, "web"]) if any(trace in data for trace in wanted)]
    assert found == []
    # The search does find what is there.
    assert any(b"berth-warm" in data or b"warm" in data for _, data in core_of(berth.pid))


FRAIL = {
    "python": ("python", "import os\n\nLIMIT = int(os.environ['TOKEN'])\n\ndef handle(request):\n    return 'never'\n"),
    "file": ("python", "LIMIT = int(open('/run/secrets/token').read())\n\ndef handle(request):\n    return 'never'\n"),
    "node": ("node", "if (process.env.TOKEN) throw new Error('no limit: ' + process.env.TOKEN);\n"
                     "module.exports = async (req, res) => res.end('never');\n"),
}


def test_failure_that_quotes_the_value_is_told_without_it(berth, cli):
    """A stranger who calls such a function is told why it does not load. Its own log has what it wrote."""
    value = f"sek-{os.urandom(16).hex()}"
    for name, (language, code) in FRAIL.items():
        berth.write_function(name, code, language=language, **secret.USES)
    command = "sh -c 'echo limit: $TOKEN; exit 3'"
    write_server(berth, "server", command=command, **secret.USES)
    berth.expect_error(".*")
    berth.start()
    cli.run("secret", "set", "token", stdin=value)
    told = []
    for name in [*FRAIL, "server"]:
        answer = berth.wait_answer(f"/{name}", lambda answer: "***" in answer.text, "the failure", 120)
        assert answer.status in (502, 503)
        told.append(answer.text)
        request = berth.admin("GET", f"/berth/requests/{answer.error()['request_id']}").json()
        told += [json.dumps({key: request[key] for key in request if key not in ("output", "lines")})]
        told += [berth.admin("GET", path + name).text for path in ("/system/function/", "/berth/functions/")]
        told += [cli.run("describe", name), cli.run("describe", name, "--json")]
    assert [text for text in told if value in text] == []


def test_missing_secret_is_found_at_its_place_and_mended_without_a_reload(berth, cli):
    berth.expect_error(".*")
    berth.write_function("pay", secret.PYTHON, idle_timeout=60, **secret.USES)
    berth.write_function("hello", HELLO)
    berth.start()
    assert berth.get("/hello").status == 200
    refused = berth.wait_refusal("/pay")
    assert refused.error()["reason"] == "invalid-function" and 'no secret "token"' in refused.error()["message"]
    with open(berth.config, encoding="utf-8") as file:
        line = next(number for number, text in enumerate(file, 1) if "secrets:" in text)
    findings = cli.run("check", "pay", status=2) + cli.said
    # `berth check` looks without a daemon, at the state directory that the registry names.
    assert f"global-function-definition.yml:{line}:" in findings and "berth secret set token" in findings
    value = secret.new_value()
    cli.run("secret", "set", "token", stdin=value)
    sees(berth.wait_answer("/pay", lambda answer: answer.status == 200, "the function to serve", 120), value)


def test_rotation_loses_no_request(berth, cli):
    first, second = secret.new_value(), secret.new_value()
    berth.write_function("pay", secret.PYTHON, idle_timeout=60, concurrency=4, **secret.USES)
    berth.write_function("other", HELLO)
    berth.start()
    cli.run("secret", "set", "token", stdin=first)
    sees(berth.wait_answer("/pay", lambda answer: answer.status == 200, "the function to serve", 120), first)
    answers, over = [], threading.Event()

    def call():
        while not over.is_set():
            answers.append(berth.get("/pay"))

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    try:
        wait_until(lambda: len(answers) >= 20, "requests under way", 60)
        said = cli.run("secret", "rotate", "token", stdin=second)
        assert "pay serves with it, as revision " in said and "other" not in said
        sees(berth.get("/pay"), second)  # from the moment on that it says so
        done = len(answers)
        wait_until(lambda: len(answers) >= done + 20, "requests after it", 60)
    finally:
        over.set()
        for caller in callers:
            caller.join()
    assert {answer.status for answer in answers} == {200}
    assert {answer.json()["file"] for answer in answers} == {secret.digest(first), secret.digest(second)}
    changes = berth.admin("GET", "/berth/functions/pay/revisions").json()[0]["changed"]["settings"]
    assert changes == ["environment.TOKEN", "secrets.token"] or changes == ["secrets.token", "environment.TOKEN"]


PICKY = """
    with open("/run/secrets/token") as file:
        assert file.read() != "bad", "a token that nobody takes"
""" + secret.PYTHON


def test_what_does_not_load_with_another_value_goes_on_with_the_one_before(berth, cli):
    berth.expect_error(".*")
    value = secret.new_value()
    berth.write_function("pay", PICKY, idle_timeout=1, **secret.USES)
    berth.start()
    cli.run("secret", "set", "token", stdin=value)
    sees(berth.wait_answer("/pay", lambda answer: answer.status == 200, "the function to serve", 120), value)
    cli.run("secret", "rotate", "token", stdin="bad", status=1)
    assert "what served before goes on, with the former value" in cli.said
    assert "a token that nobody takes" in cli.said
    wait_until(lambda: not berth.instances("pay"), "no instance", 60)
    sees(berth.get("/pay"), value)
    cli.run("reload")
    wait_until(lambda: not berth.instances("pay"), "no instance again", 60)
    sees(berth.get("/pay"), value)


def test_rollback_and_restart_have_the_value_of_now(berth, cli):
    first, second = secret.new_value(), secret.new_value()
    berth.write_function("pay", secret.PYTHON, idle_timeout=60, **secret.USES)
    berth.start()
    cli.run("secret", "set", "token", stdin=first)
    sees(berth.wait_answer("/pay", lambda answer: answer.status == 200, "the function to serve", 120), first)
    cli.run("secret", "rotate", "token", stdin=second)
    cli.run("rollback", "pay")
    sees(berth.get("/pay"), second)
    berth.stop()
    berth.start()
    sees(berth.get("/pay"), second)


def test_without_its_key_file_nothing_is_given_or_set(berth, cli):
    berth.expect_error(".*")
    value = secret.new_value()
    berth.write_function("pay", secret.PYTHON, idle_timeout=60, **secret.USES)
    berth.start()
    cli.run("secret", "set", "token", stdin=value)
    berth.stop()
    key = berth.host["secret_key_file"]
    os.rename(key, key + ".aside")
    berth.start()
    refused = berth.wait_refusal("/pay")
    assert "cannot be had" in refused.error()["message"]
    assert "secret.key" in cli.run("secret", "ls")
    cli.run("secret", "set", "new", stdin="x", status=1)
    assert "is not there" in cli.said and not os.path.exists(key)
    os.rename(key + ".aside", key)
    cli.run("reload")
    sees(berth.wait_answer("/pay", lambda answer: answer.status == 200, "the function to serve", 120), value)


def test_what_a_killed_daemon_left_in_memory_is_there_for_its_instances_only(berth, cli):
    """The next daemon goes on with them: their folders stay, others go."""
    berth.write_function("pay", secret.PYTHON, idle_timeout=600, **secret.USES)
    berth.expect_error(".*")
    berth.start()
    cli.run("secret", "set", "token", stdin="left")
    berth.wait_answer("/pay", lambda answer: answer.status == 200, "the function to serve", 120)
    folder = berth.memory_dir()
    before, containers = set(os.listdir(folder)), {container["Id"] for container in berth.containers()}
    assert before
    assert os.stat(folder).st_mode & 0o777 == 0o700
    instance = engine.name_of(berth.instance("pay")).rsplit("-", 1)[1]
    berth.kill()
    stray = os.path.join(folder, "0123456789ab", "secrets")
    os.makedirs(stray)
    berth.start()
    assert not os.path.exists(stray)
    assert instance in before & set(os.listdir(folder))
    assert berth.get("/pay").status == 200
    assert containers & {container["Id"] for container in berth.containers()}
    berth.stop()
    assert not os.path.exists(folder)
