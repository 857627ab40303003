"""What `berthd` does besides serving: a new function."""

import os
import pathlib
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
    assert 'there is no plugin for the language "pyhton"; there are: container, node, python, shell' in refused.stderr
    assert "did you mean python?" in refused.stderr
    assert make(berth, "python", "").returncode == 2
    assert function_folders(berth) == ["hello"]


def test_plugin_without_scaffold_makes_nothing(berth, peers):
    berth.write_function("hello", HELLO)
    drop(peers / "locked" / "locked.so", pathlib.Path(berth.project, "plugins"))
    refused = make(berth, "locked", "greeter")
    assert refused.returncode == 1 and "does not make new functions" in refused.stderr
    assert function_folders(berth) == ["hello"]
