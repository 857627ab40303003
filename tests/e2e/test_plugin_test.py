"""`berth plugin test`: plugins that behave pass, the others are told what is wrong with them."""

import itertools
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

from harness import engine, processes
from harness.plugins import drop
from harness.servers import SERVER

COMMAND_S = 400


@pytest.fixture
def examine(bin_dir):
    """Runs `berth plugin test` with these arguments."""

    def examine(*arguments):
        command = [os.path.join(bin_dir, "berth"), "plugin", "test", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S)

    return examine


def verdicts(told):
    """The checks of a JSON report by name."""
    return {check["name"]: check for check in json.loads(told.stdout)["checks"]}


@pytest.fixture
def failures(examine):
    """The checks that a plugin fails, by name."""

    def failures(plugin, *arguments, status=1):
        told = examine(plugin, "--json", *arguments)
        assert told.returncode == status, told
        return {name: check for name, check in verdicts(told).items() if check["verdict"] == "failed"}

    return failures


@pytest.fixture
def toy(peers, tmp_path):
    """The plugin that was built with nothing but the installed SDK."""
    drop(peers / "toy" / "toy.so", tmp_path / "given")
    return tmp_path / "given" / "toy.so"


@pytest.fixture
def function(tmp_path):
    """A function for plugins that make none."""
    folder = tmp_path / "function"
    folder.mkdir()
    (folder / "main.x").write_text("one\n")
    return folder


NO_CONTAINERS = "plugin,scaffold,validate,package,launch"
ECHO = """\
async def handle(request):
    print("asked with", request.method)
    async for piece in request.stream():
        yield piece
"""
NODE_ECHO = """\
module.exports = async (req, res) => {
  console.log("asked with", req.method);
  for await (const piece of req) res.write(piece);
  res.end();
};
"""


SHELL_ECHO = """\
#!/bin/sh
echo "asked with $REQUEST_METHOD" >&2
exec cat
"""
NO_SHELL = """\
ARG BERTH_BASE
FROM ${BERTH_BASE}
COPY server.pl /srv/server.pl
RUN rm -f /bin/sh /usr/bin/sh
CMD ["perl", "/srv/server.pl"]
"""
NO_ECHO = {"download", "streaming", "output"}


@pytest.mark.parametrize("name", ["container", "node", "python", "shell"])
def test_plugins_of_this_host_pass(examine, bin_dir, name):
    told = examine(pathlib.Path(bin_dir, "..", "plugins", f"{name}.so").resolve(), "--only", NO_CONTAINERS)
    assert told.returncode == 0 and not told.stderr, told
    assert re.search(rf"^  language {name}( \(also .+\))?$", told.stdout, re.MULTILINE)
    assert re.search(r"\n(\d+) of \1 checks passed, 0 failed, 0 skipped \(", told.stdout), told.stdout
    assert max(len(line) for line in told.stdout.splitlines() if "/" not in line) <= 100


def test_plugin_tells_what_it_offers(examine, toy):
    told = examine(toy, "--only", "plugin")
    assert told.returncode == 0, told
    for words in (
        "  language toy\n",
        "  callbacks validate, package, launch, scaffold\n",
        '  option shout, boolean, default "false": Answer in capitals.\n',
        "/given/toy/image\n",
        "  builder folder none",
    ):
        assert words in told.stdout, told.stdout
    assert re.search(r"version 1.0, plugin ABI (\d+\.\d+); this host takes 1\.0 to \1\n", told.stdout)


@pytest.mark.parametrize(
    ("name", "check", "words"),
    [
        ("crashes_on_empty", "empty", "SIGABRT in validate"),
        ("fails_on_missing", "missing", "cannot read the file"),
        ("far_findings", "good", "(main.x:99:1) is about a line that the file has not"),
        ("garbled_findings", "good", "has control characters in it"),
        ("hosts_option", "options", 'called "memory", which is a setting of the host\'s'),
        ("leaks_files", "repeated", "more files are open after 200 cycles"),
        ("names_function", "launch-alike", "is another for a function of another name"),
        ("names_source", "self-contained", "where names the folder of the source"),
        ("random_package", "package-same", "the package is another the second time"),
        ("shows_all", "exports", "it exports more than berth_plugin_entry: shown_validate"),
        ("waits_for_pipes", "pipe", "killed after 20000 ms in validate"),
        ("writes_source", "source-kept", "it has written to .cache"),
    ],
)
def test_plugin_that_does_not_behave_fails_the_check_of_it(failures, peers, name, check, words):
    failed = failures(peers / "poor" / f"{name}.so", "--only", f"{check},exports,abi,scaffold,package")
    assert words in failed[check]["text"], failed
    assert failed[check]["advice"]
    allowed = {check} | ({"package-same"} if name == "names_source" else set())
    assert set(failed) == allowed, failed


def test_plugin_that_leaks_memory_is_told_how_much(failures, peers):
    """64 KiB in each cycle, and what the heap has of its own."""
    failed = failures(peers / "poor" / "leaks_memory.so", "--only", "repeated,exports,abi,scaffold,package")
    found = re.search(r"each of 200 cycles of validate, package and launch leaves (\d+) bytes", failed["repeated"]["text"])
    assert found and 65536 <= int(found[1]) < 2 * 65536, failed


@pytest.mark.parametrize(
    ("name", "check", "words"),
    [
        ("abort", "no-files", "SIGABRT in validate"),
        ("duplicate_launch", "package", "set_launch wrongly in launch: it was called before"),
        ("early_exit", "package", "in package"),
        ("escaping_path", "package", 'the path "../x" is not relative'),
        ("garbage_launch", "package", "runtime is not a JSON object"),
        ("no_image", "launch", "names no image and has no image folder"),
        ("no_launch", "package", "launch returned 0 without calling set_launch"),
    ],
)
def test_plugin_that_cannot_serve_fails(failures, peers, function, name, check, words):
    failed = failures(peers / "bad" / f"{name}.so", "--function", function, "--only", f"no-files,{check}")
    assert words in failed[check]["text"] and failed[check]["advice"], failed


@pytest.mark.parametrize(
    ("name", "check", "words"),
    [
        ("bad/hang_at_entry", "loads", "killed after 5000 ms"),
        ("bad/no_entry", "loads", "it has no entry point"),
        ("bad/wrong_major", "abi", "this host expects 1.0 to 1."),
        ("poor/wrong_size", "abi", "struct_size of its description is 8"),
    ],
)
def test_plugin_that_cannot_be_used_is_told(failures, peers, name, check, words):
    failed = failures(peers / f"{name}.so", status=2)
    assert words in failed[check]["text"] and not set(failed) - {check, "exports"}, failed


def test_checks_that_need_a_plugin_are_not_told_one_by_one(examine, peers):
    told = examine(peers / "bad" / "wrong_major.so")
    assert told.returncode == 2 and "skipped  " not in told.stdout
    [others] = re.findall(r"\nThe other (\d+) checks need a plugin that can be used\.\n", told.stdout)
    assert f" checks passed, 1 failed, {others} skipped (" in told.stdout


def test_file_that_is_no_plugin_is_told(examine, failures, tmp_path):
    nonsense = tmp_path / "nonsense.so"
    nonsense.write_bytes(b"\x7fELF this is no shared object")
    failed = failures(nonsense, status=2)
    assert "nonsense.so: it cannot be loaded" in failed["loads"]["text"]
    assert "no whole 64-bit ELF file" in failed["exports"]["text"]
    missing = examine(tmp_path / "missing.so")
    assert missing.returncode == 2 and "cannot open" in missing.stderr and "missing.so" in missing.stderr


def test_plugin_without_scaffold_is_tested_with_a_function_that_is_given(examine, peers, function):
    plugin = peers / "bad" / "no_image.so"
    alone = verdicts(examine(plugin, "--json", "--only", "package,scaffold"))
    assert alone["package"]["verdict"] == "skipped" and "--function DIR" in alone["package"]["text"]
    assert alone["scaffold"]["verdict"] == "skipped"
    given = verdicts(examine(plugin, "--json", "--only", "package", "--function", function))
    assert given["package"]["verdict"] == "passed", given
    assert sorted(os.listdir(function)) == ["main.x"]


def test_checks_are_listed_and_chosen(examine, toy):
    listed = examine("--list", "--json")
    names = [check["name"] for check in json.loads(listed.stdout)]
    assert len(set(names)) == len(names)
    text = examine("--list").stdout
    assert all(f"  {name} " in text for name in names)
    assert list(verdicts(examine(toy, "--json", "--only", "loads,launch-alike"))) == ["loads", "launch-alike"]
    wrong = examine(toy, "--only", "loads,nonsense")
    assert wrong.returncode == 2 and 'no check "nonsense"' in wrong.stderr and "--list" in wrong.stderr
    assert examine().returncode == 2


def test_nothing_is_left_behind(examine, toy, peers):
    def places():
        return {name for name in os.listdir("/tmp") if name.startswith("berth-plugin-")}

    before = places()
    examine(peers / "poor" / "crashes_on_empty.so", "--only", "scaffold,empty,package")
    assert examine(toy, "--only", NO_CONTAINERS).returncode == 0
    assert not places() - before


@pytest.mark.limit(COMMAND_S)
@pytest.mark.parametrize(("language", "file", "code"), [
    ("node", "echo.js", NODE_ECHO), ("python", "echo.py", ECHO), ("shell", "echo.sh", SHELL_ECHO)],
    ids=["node", "python", "shell"])
def test_language_of_this_host_passes_in_a_container(examine, bin_dir, node_image, tmp_path, language, file, code):
    (tmp_path / "echo").mkdir()
    (tmp_path / "echo" / file).write_text(code)
    plugin = pathlib.Path(bin_dir, "..", "plugins", f"{language}.so").resolve()
    told = examine(plugin, "--json", "--only", "container", "--function", tmp_path / "echo")
    assert told.returncode == 0, told
    assert {check["verdict"] for check in verdicts(told).values()} == {"passed"}, told.stdout
    assert verdicts(told)["output"]["text"] == "the first line is: asked with GET"


@pytest.mark.limit(COMMAND_S)
@pytest.mark.parametrize(("name", "without"), [("container", set()), ("shell", NO_ECHO), ("toy", NO_ECHO)],
                         ids=["container", "shell", "toy"])
def test_new_function_of_a_language_passes_in_a_container(examine, bin_dir, runtime_images, toy, name, without):
    plugin = toy if name == "toy" else pathlib.Path(bin_dir, "..", "plugins", f"{name}.so").resolve()
    told = examine(plugin, "--json", "--only", "container")
    assert told.returncode == 0, told
    skipped = {name: check["text"] for name, check in verdicts(told).items() if check["verdict"] == "skipped"}
    assert set(skipped) == without, skipped
    assert all("--function DIR" in why for why in skipped.values())


@pytest.mark.limit(COMMAND_S)
def test_runner_that_breaks_the_protocol_fails(failures, peers, tmp_path):
    drop(peers / "stubborn" / "stubborn.so", tmp_path / "given")
    plugin = tmp_path / "given" / "stubborn.so"
    failed = failures(plugin, "--only", "launch,answers,keep-alive,cancel,protected,volume,sigterm")
    assert set(failed) == {"cancel", "protected", "volume", "sigterm"}, failed
    assert "the instance has 0 connections" in failed["cancel"]["text"] and "dial again" in failed["cancel"]["advice"]
    assert "the volume /data" in failed["protected"]["text"]
    assert "grep -qx written /kept/file" in failed["volume"]["text"] and "No such file" in failed["volume"]["text"]
    assert "has not ended 10000 ms after SIGTERM" in failed["sigterm"]["text"]


@pytest.mark.limit(COMMAND_S)
def test_volume_is_not_looked_at_without_a_shell(examine, bin_dir, runtime_images, tmp_path):
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "Dockerfile").write_text(NO_SHELL)
    (tmp_path / "bare" / "server.pl").write_text(SERVER)
    plugin = pathlib.Path(bin_dir, "..", "plugins", "container.so").resolve()
    told = examine(plugin, "--json", "--only", "answers,volume", "--function", tmp_path / "bare")
    assert told.returncode == 0, told
    checks = verdicts(told)
    assert checks["answers"]["verdict"] == "passed" and checks["volume"]["verdict"] == "skipped", checks
    assert checks["volume"]["text"] == "there is no shell in its image to write a file with"


@pytest.mark.limit(COMMAND_S)
def test_function_that_cannot_load_is_told_with_the_cause(examine, bin_dir, runtime_images, tmp_path):
    (tmp_path / "broken").mkdir()
    code = 'raise RuntimeError("out of cheese")\n\n\ndef handle(request):\n    return "never"\n'
    (tmp_path / "broken" / "broken.py").write_text(code)
    plugin = pathlib.Path(bin_dir, "..", "plugins", "python.so").resolve()
    told = examine(plugin, "--json", "--only", "container", "--function", tmp_path / "broken")
    assert told.returncode == 1, told
    checks = verdicts(told)
    assert checks.pop("answers")["verdict"] == "failed" and "out of cheese" in told.stdout
    assert {check["text"] for check in checks.values()} == {"the function does not answer"}


@pytest.mark.limit(COMMAND_S)
def test_interrupted_test_leaves_nothing_behind(bin_dir, runtime_images, toy):
    command = [os.path.join(bin_dir, "berth"), "plugin", "test", str(toy), "--only", "container"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        [answered] = itertools.islice((line for line in process.stdout if " answers " in line), 1)
        [daemon] = processes.children(process.pid)
        place = re.search(r"/tmp/berth-plugin-\w+", processes.command_line(daemon)).group()
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait(COMMAND_S) == 1
    assert "passed" in answered and " checks passed, " in rest and " sigterm " not in rest
    assert not processes.command_line(daemon) and not os.path.exists(place)
    assert not engine.Engine().containers_below(place)
