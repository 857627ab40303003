"""What `berthd` does besides serving: a new function, a look at a plugin."""

import os
import pathlib
import re
import stat
import subprocess

import pytest

from harness.functions import HELLO
from harness.plugins import drop

COMMAND_S = 120


def run(berth, *arguments):
    return subprocess.run(berth.command(*arguments), capture_output=True, text=True, timeout=COMMAND_S)


def make(berth, language, name):
    return run(berth, "--new", language, name)


def function_folders(berth):
    folder = pathlib.Path(berth.project, "functions")
    return sorted(os.listdir(folder)) if folder.is_dir() else []


@pytest.mark.parametrize(
    ("language", "file", "words"), [("python", "greeter.py", "Hello, world"), ("Bash", "handler.sh", "Hello from ")]
)
def test_new_function_serves_as_it_was_made(berth, language, file, words):
    berth.write_function("hello", HELLO)
    made = make(berth, language, "greeter")
    assert made.returncode == 0, made.stderr
    path = os.path.join(berth.project, "functions", "greeter", file)
    assert f"made {path}\n" in made.stdout
    assert stat.S_IMODE(os.stat(path).st_mode) in (0o644, 0o755)
    assert os.stat(path).st_mtime > os.stat(berth.config).st_mtime - 10
    entry = made.stdout[made.stdout.index("  greeter:\n"):]
    with open(berth.config, "a", encoding="utf-8") as registry:
        registry.write(entry)
    berth.start()
    answer = berth.get("/greeter")
    assert answer.status == 200 and words in answer.text, answer


def test_new_function_leaves_the_registry_and_what_is_there_alone(berth):
    berth.write_function("hello", HELLO)
    registry = pathlib.Path(berth.config)
    before = registry.read_text(encoding="utf-8")
    os.mkdir(os.path.join(berth.project, "functions", "taken"))
    for name, words in [
        ("hello", f'{berth.config} has a function "hello" already, in line '),
        ("taken", "functions/taken exists already"),
        ("../out", '"../out" cannot be a function\'s name, or is reserved'),
        ("a b", '"a b" cannot be'),
        ("metrics", '"metrics" cannot be'),
    ]:
        refused = make(berth, "python", name)
        assert refused.returncode == 1 and words in refused.stderr and not refused.stdout, refused
    assert registry.read_text(encoding="utf-8") == before
    assert function_folders(berth) == ["hello", "taken"]


def test_new_function_names_the_languages_there_are(berth):
    berth.write_function("hello", HELLO)
    refused = make(berth, "pyhton", "greeter")
    assert refused.returncode == 1
    assert 'there is no plugin for the language "pyhton"; there are: python, shell' in refused.stderr
    assert "did you mean python?" in refused.stderr
    assert make(berth, "python", "").returncode == 2
    assert function_folders(berth) == ["hello"]


def test_plugin_without_scaffold_makes_nothing(berth, peers):
    berth.write_function("hello", HELLO)
    drop(peers / "locked" / "locked.so", pathlib.Path(berth.project, "plugins"))
    refused = make(berth, "locked", "greeter")
    assert refused.returncode == 1 and "does not make new functions" in refused.stderr
    assert function_folders(berth) == ["hello"]


def look_at(berth, plugin):
    return run(berth, "--check-plugin", str(plugin))


def test_plugin_tells_what_it_offers(berth, peers):
    drop(peers / "toy" / "toy.so", pathlib.Path(berth.folder, "given"))
    told = look_at(berth, pathlib.Path(berth.folder, "given", "toy.so"))
    assert told.returncode == 0 and not told.stderr, told
    for words in (
        "  language toy\n",
        "  version 1.0\n",
        "  callbacks validate, package, launch, scaffold\n",
        '  option shout, boolean, default "false": Answer in capitals.\n',
        "/given/toy/image\n",
        "  builder folder none",
        "the function that it makes is validated and packaged: 1 file, ",
    ):
        assert words in told.stdout, told.stdout
    assert re.search(r"plugin ABI (\d+\.\d+); this host takes 1\.0 to \1\n", told.stdout)


def test_plugins_of_this_host_pass(berth, bin_dir):
    folder = pathlib.Path(bin_dir, "..", "plugins").resolve()
    for name in ("python", "shell"):
        told = look_at(berth, folder / f"{name}.so")
        assert told.returncode == 0, told
        assert f"  language {name} (also " in told.stdout


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("abort", "SIGABRT in validate"),
        ("duplicate_launch", "set_launch wrongly in launch: it was called before"),
        ("early_exit", "in package"),
        ("escaping_path", 'the path "../x" is not relative'),
        ("garbage_launch", "runtime is not a JSON object"),
        ("hang_at_entry", "killed after 5000 ms"),
        ("no_entry", "a plugin exports berth_plugin_entry()"),
        ("no_launch", "launch returned 0 without calling set_launch"),
        ("tcp_launch", "asks for TCP, to port 8080, which is not supported yet"),
        ("wrong_major", "this host expects 1.0 to 1."),
    ],
)
def test_what_is_wrong_with_a_plugin_is_told(berth, peers, name, words):
    told = look_at(berth, peers / "bad" / f"{name}.so")
    assert told.returncode == 1 and words in told.stderr, told


def test_file_that_is_no_plugin_is_told(berth, tmp_path):
    nonsense = tmp_path / "nonsense.so"
    nonsense.write_bytes(b"\x7fELF this is no shared object")
    told = look_at(berth, nonsense)
    assert told.returncode == 1 and "nonsense.so: it cannot be loaded" in told.stderr
    missing = look_at(berth, tmp_path / "missing.so")
    assert missing.returncode == 1 and "cannot open" in missing.stderr and "missing.so" in missing.stderr
    assert run(berth, "--check-plugin").returncode == 2
