"""The corpus of broken Python functions (tests/data/python/broken) through berthd --check: what is found, where, and that
nothing is built."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from harness.daemon import NO_HOST, Berth

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "python"))

import corpus  # noqa: E402

CASES = corpus.cases()
ERRORS = [case for case in CASES if any(item["severity"] == "error" for item in case.expected)]


@pytest.fixture
def project(bin_dir):
    """The folders of a daemon that never runs; its registry holds functions only."""
    berth = Berth(bin_dir)
    berth.host = dict(NO_HOST)
    yield berth
    berth.discard()


def check(berth, *options):
    return subprocess.run(berth.command("--check", *options), capture_output=True, text=True, timeout=120,
                          cwd=berth.project)


def test_there_are_enough():
    assert len(ERRORS) >= 60


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_broken_function(project, case):
    folder = os.path.join(project.project, "functions", case.name)
    os.makedirs(folder)
    case.write(folder)
    configuration = {"programing_language": "python", "function_folder": case.name, **case.options}
    if case.file:
        configuration["base_function_file_name"] = case.file
    project.functions = {case.name: {"configuration": configuration}}
    project.write_config()
    run = check(project, "--json")
    assert run.returncode == (2 if case in ERRORS else 0), run.stdout
    found = json.loads(run.stdout)
    if case.file and not os.path.isfile(os.path.join(folder, case.file)):
        assert_points_at(project.config, case.file, found)
    else:
        assert corpus.differences(case, [finding(item, folder, project.config) for item in found]) == ""
    assert not os.path.exists(project.state_dir) and not project.containers()


def assert_points_at(config, value, found):
    """The registry names a file that is not there: it is told before a plugin is asked, at the value itself."""
    (item,) = found
    with open(config, encoding="utf-8") as file:
        line = file.read().split("\n")[item["line"] - 1]
    assert item["file"] == config and line[item["column"] - 1:].strip("\"'") == value


def finding(item, folder, config):
    """A finding as the analysis made it; what is about an option or the function as a whole stands at its place in the
    registry."""
    place, option = (item["file"], item["line"], item.get("column", 0)), None
    assert item["message"] and item["function"] and "option" not in item
    if item["file"] == config:
        option = option_at(config, item["line"], item["column"])
        place = None, 0, 0
    elif item["file"].startswith(folder + "/"):
        place = item["file"].removeprefix(folder + "/"), *place[1:]
    return corpus.SEVERITIES[item["severity"]], *place, item["message"], item.get("hint"), option


def option_at(config, line, column):
    """The option whose value stands there in the registry; None for the function's key."""
    if (line, column) == (2, 3):
        return None
    with open(config, encoding="utf-8") as file:
        key, colon, value = file.read().split("\n")[line - 1].partition(": ")
    assert colon and value and column == len(key) + 3
    return key.strip()


def test_text_shows_source_and_caret(project):
    project.write_function("broken", "async def handle(request):\n    return (1,\n")
    run = check(project)
    assert run.returncode == 2
    file = os.path.join(project.project, "functions/broken/broken.py")
    lines = run.stderr.split("\n")
    at = lines.index(f"{file}:2:12: error: syntax error: '(' was never closed")
    assert lines[at + 1:at + 3] == ["    return (1,", " " * 11 + "^"]
