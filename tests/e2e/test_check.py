"""`berthd --check` and the daemon say the same, about functions, plugins and the registry."""

import importlib
import json
import os
import subprocess

import pytest

from harness.functions import HELLO
from harness.index import mirrored, wheel
from harness.wait import wait_until

CHECK_S = 60


def check(berth):
    run = subprocess.run(berth.command("--check", "--json"), capture_output=True, text=True, timeout=CHECK_S)
    return run.returncode, json.loads(run.stdout)


def link_outward(folder):
    os.symlink("../../global-function-definition.yml", os.path.join(folder, "shared"))


def link_in_a_circle(folder):
    os.symlink(".", os.path.join(folder, "shared"))


def make_deep(folder):
    os.makedirs(os.path.join(folder, *["shared"] * 70))


def make_large(folder):
    with open(os.path.join(folder, "shared"), "wb") as file:
        file.truncate(600 << 20)


REFUSED = [
    (link_outward, "the link shared leads out of the folder"),
    (link_in_a_circle, "leads in a circle"),
    (make_deep, "is nested deeper than 64 folders"),
    (make_large, "the package is larger than 512 MiB"),
]


@pytest.mark.parametrize(("spoil", "words"), REFUSED, ids=[spoil.__name__ for spoil, _ in REFUSED])
def test_what_the_daemon_refuses_the_check_refuses(berth, spoil, words):
    berth.write_function("odd", HELLO)
    spoil(os.path.join(berth.project, "functions", "odd"))
    status, findings = check(berth)
    assert status == 2
    [error] = [finding for finding in findings if finding["severity"] == "error"]
    assert error["function"] == "odd" and words in error["message"]
    berth.start()
    assert words in berth.wait_refusal("/odd").error()["message"]
    assert words in berth.log.entries(event="function.problem", function="odd")[-1]["error"]


# What came with a release of Python or went with one.
VERSIONED = {
    "alias": "    type Number = int",
    "quotes": '    WORD = f"{"one"}"',
    "removed": "    import cgi",
}


@pytest.mark.parametrize("name", VERSIONED)
def test_check_reads_code_as_the_python_of_the_container_does(berth, name):
    berth.write_function(name, VERSIONED[name] + HELLO)
    _, findings = check(berth)
    berth.start()
    assert (berth.get(f"/{name}").status == 200) == (findings == []), findings


LOOKS_FOR = """
    import importlib.util

    def handle(request):
        names = request.query_params["names"].split()
        return [name for name in names if importlib.util.find_spec(name) is None]
"""


def test_modules_that_the_check_takes_for_there_are_in_the_image(berth, root, monkeypatch):
    monkeypatch.syspath_prepend(root / "plugins" / "python")
    said = importlib.import_module("analysis.modules").IN_IMAGE
    berth.write_function("looks_for", LOOKS_FOR)
    berth.start()
    assert berth.get("/looks_for?names=" + "+".join(said)).json() == []


def test_warnings_of_the_check_are_in_the_daemons_log_and_its_state(berth):
    berth.write_function("warned", {"warned.py": HELLO, "json.py": "x = 1\n"}, idle_timeout=30)
    status, findings = check(berth)
    assert status == 0
    [warning] = [finding for finding in findings if finding["severity"] == "warning"]
    berth.start()
    assert berth.get("/warned").status == 200
    told = berth.admin("GET", "/system/function/warned").json()["berth"]["diagnostics"]
    assert [(finding["severity"], finding["message"], finding["file"]) for finding in told] == [
        ("warning", warning["message"], warning["file"])]
    [entry] = berth.log.entries(event="function.diagnostic", function="warned", level="warning")
    assert warning["message"] in entry["message"]


def test_folders_in_memory_that_are_larger_than_the_memory_are_warned_about(berth):
    berth.write_function("roomy", HELLO, memory="96Mi", tmp="128Mi", shm="64Mi")
    berth.write_function("usual", HELLO, memory="96Mi")
    berth.write_function("fits", HELLO, memory="192Mi", tmp="128Mi", shm="64Mi")
    status, findings = check(berth)
    assert status == 0
    [warning] = findings
    assert (warning["severity"], warning["function"]) == ("warning", "roomy")
    assert '"tmp" and "shm" can hold 192 MiB' in warning["message"] and "that is 96 MiB" in warning["message"]
    assert '"memory"' in warning["hint"]
    with open(warning["file"], encoding="utf-8") as file:
        line = file.read().splitlines()[warning["line"] - 1]
    assert line.strip().startswith("tmp:") and line[warning["column"] - 1 :].strip('"').startswith("128Mi")
    berth.start()
    assert berth.get("/roomy").status == 200
    [told] = berth.admin("GET", "/system/function/roomy").json()["berth"]["diagnostics"]
    assert (told["message"], told["line"]) == (warning["message"], warning["line"])
    [entry] = berth.log.entries(event="function.diagnostic", level="warning")
    assert entry["function"] == "roomy" and warning["message"] in entry["message"]


def test_registry_that_is_no_yaml_is_an_error_until_it_is_mended(berth):
    berth.expect_error("config.unusable")
    berth.write_config("usable-functions: [\n")
    berth.start(ready=False)
    health = wait_until(lambda: berth.log.entries(event="config.unusable") and berth.admin("GET", "/healthz"), "health", 30)
    assert health.status == 503 and "global-function-definition.yml:2:1" in health.text
    berth.write_function("hello", HELLO)
    berth.reload()
    wait_until(lambda: berth.admin("GET", "/healthz").status == 200, "the daemon to be ready", 60)
    assert berth.get("/hello").status == 200
    assert berth.stop() == 0


def test_exit_status_tells_of_a_registry_that_was_no_yaml(berth):
    berth.expect_error("config.unusable")
    berth.expect_error("daemon.failed")
    berth.write_config("usable-functions: [\n")
    berth.start(ready=False)
    wait_until(lambda: berth.log.entries(event="config.unusable"), "a word about it", 30)
    assert berth.stop() == 1


def test_a_name_that_is_not_ascii_takes_the_normal_way(berth):
    code = "def handle(request):\n    return open('t\u00e9xt.txt', encoding='utf-8').read()\n"
    berth.write_function("named", {"named.py": code, "t\u00e9xt.txt": "\u00fc"})
    berth.start()
    assert berth.get("/named").text == "\u00fc"
    assert not berth.log.entries(event="revision.package-unreadable")


IMPORTS = """
    import parcel

    def handle(request):
        return parcel.NAME

    def rarely():
        import {other}
"""


def told(berth, name):
    """(severity, line, message, hint) of what the daemon's state says of a function."""
    state = berth.admin("GET", f"/system/function/{name}").json()["berth"]
    return [(finding["severity"], finding["line"], finding["message"], finding["hint"]) for finding in state["diagnostics"]]


def checked(berth, name):
    """The same of what the check says."""
    status, findings = check(berth)
    assert status == 0
    return [(finding["severity"], finding["line"], finding["message"], finding["hint"])
            for finding in findings if finding["function"] == name]


@pytest.mark.limit(200)
def test_installed_dependencies_are_known_to_the_check_and_to_the_daemon(berth, index):
    """`alpha` may bring anything as long as it is not installed, and of `requests` it is thought to be known what it
    brings; here, both bring `parcel` and nothing else."""
    index.wheels.update({name: wheel(name, 10) for name in ("alpha", "requests")})
    berth.write_function("typo", IMPORTS.format(other="parcle"), extra_dependencies="alpha", idle_timeout=60)
    berth.write_function("hinted", IMPORTS.format(other="json"), extra_dependencies="requests", idle_timeout=60)
    assert checked(berth, "typo") == []
    [(_, line, message, _)] = checked(berth, "hinted")
    assert line == 1 and message.startswith("`parcel` is neither")
    berth.start(environment=mirrored(index))
    for name, text in (("typo", "alpha"), ("hinted", "requests")):
        berth.wait_answer(f"/{name}", lambda answer: answer.status == 200, f"the answer of {name}", 60)
        assert berth.get(f"/{name}").text == text
    finding = ("warning", 7, "`parcle` is neither in the standard library nor in the folder nor among the installed "
               "dependencies", 'did you mean `parcel`? Else add `extra_dependencies: "alpha parcle"`')
    assert told(berth, "typo") == checked(berth, "typo") == [finding]
    assert told(berth, "hinted") == checked(berth, "hinted") == []
    [entry] = berth.log.entries(event="function.diagnostic", function="typo", level="warning")
    assert (entry["message"], entry["line"]) == (finding[2], "7") and entry["file"].endswith("typo.py")
    assert not berth.log.entries(event="function.diagnostic", function="hinted")

    berth.write_function("typo", IMPORTS.format(other="parcle"), extra_dependencies="alpha requests", idle_timeout=60)
    assert checked(berth, "typo") == []
    mended = IMPORTS.format(other="parcel.more").replace("NAME", "NAME + '!'")
    berth.write_function("typo", mended, extra_dependencies="alpha", idle_timeout=60)
    assert checked(berth, "typo") == []
    berth.reload()
    berth.wait_answer("/typo", lambda answer: answer.text == "alpha!", "the answer of what was mended", 30)
    assert told(berth, "typo") == []


def test_files_changed_while_dependencies_are_installed_are_not_held_against_what_was_packaged(berth, index):
    index.wheels["alpha"] = wheel("alpha", 10)
    index.gate.clear()
    berth.write_function("uses", IMPORTS.format(other="json"), extra_dependencies="alpha", idle_timeout=60)
    berth.start(environment=mirrored(index), ready=False)
    wait_until(lambda: berth.log.entries(event="dependencies.install", function="uses"), "the installation", 60)
    berth.write_function("uses", "def handle(:\n", extra_dependencies="alpha", idle_timeout=60)
    index.gate.set()
    assert berth.wait_answer("/uses", lambda answer: answer.status == 200, "its answer", 60).text == "alpha"
    state = berth.admin("GET", "/system/function/uses").json()["berth"]
    [finding] = state["diagnostics"]
    assert finding["severity"] == "warning"
    assert finding["message"].startswith("what the installed dependencies say of it is not known: syntax error")


def test_dependencies_that_stay_the_same_cost_no_second_look(berth, index):
    index.wheels.update({name: wheel(name, 10) for name in ("alpha", "beta")})
    code = IMPORTS.format(other="parcle")
    among_installed = "`parcle` is neither in the standard library nor in the folder nor among the installed dependencies"

    def deploy(code, text, **settings):
        """(messages, second looks so far) once the code has answered with this text."""
        berth.write_function("uses", code, idle_timeout=60, **settings)
        if berth.process:
            berth.reload()
        else:
            berth.start("--log-level", "debug", environment=mirrored(index))
        berth.wait_answer("/uses", lambda answer: answer.text == text, f"the answer {text}", 60)
        looks = berth.log.entries(event="build.job", operation="validate", function="uses")
        return [message for _, _, message, _ in told(berth, "uses")], len(looks)

    assert deploy(code, "alpha", extra_dependencies="alpha") == ([among_installed], 1)
    assert deploy(code.replace("NAME", "NAME + '!'"), "alpha!", extra_dependencies="alpha") == ([among_installed], 1)
    assert deploy(code, "beta", extra_dependencies="beta") == ([among_installed], 2)
    code = code.replace("import parcel\n", "\n").replace("parcel.NAME", "'nothing'")
    assert deploy(code, "nothing") == ([among_installed.replace("installed ", "")], 3)


def test_the_next_times_of_schedules_are_shown(berth):
    schedule = [{"cron": "0 3 * * *", "name": "nightly", "time_zone": "Asia/Tokyo"}, "@every 30s"]
    berth.write_function("odd", HELLO, schedule=schedule)
    status, findings = check(berth)
    assert status == 0
    nightly, often = findings
    assert nightly["severity"] == often["severity"] == "note" and nightly["function"] == "odd"
    assert nightly["message"].startswith('"nightly" runs next at ') and nightly["message"].count(" 03:00:00 +09:00") == 5
    assert nightly["line"] > 0 and often["message"].startswith('"@every 30s" runs next at ')
    shown = subprocess.run(berth.command("--check"), capture_output=True, text=True, timeout=CHECK_S)
    assert nightly["message"] in shown.stderr
