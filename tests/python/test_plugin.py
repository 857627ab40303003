"""The plugin's shared object, driven as a build job drives it: loaded RTLD_LOCAL, through the C interface."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import corpus
from fake_host import build_folder

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "plugins/python"))

from analysis import job as direct  # noqa: E402


BUILD = build_folder()
pytestmark = pytest.mark.skipif(BUILD is None, reason="nothing is built")


def probe(*arguments):
    done = subprocess.run([BUILD / "bin/plugin_probe", BUILD / "plugins/python.so", *map(str, arguments)],
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr.decode()
    return json.loads(done.stdout)


def call(callback, folder, file=None, name="sample", **options):
    outcome = probe(callback, name, folder, file or "-", *(f"{key}={value}" for key, value in options.items()))
    assert outcome["status"] == 0, outcome["error"]
    return outcome["calls"]


def write(folder, source, name="main.py"):
    folder.joinpath(name).write_text(source)


def test_description():
    table = probe("describe")
    assert (table["name"], table["aliases"], table["major"]) == ("python", ["python3", "py"], 1)
    assert [item["name"] for item in table["options"]] == ["extra_dependencies", "handler", "debug"]
    assert table["options"][2]["default"] == "false"


@pytest.mark.parametrize("case", corpus.cases(), ids=lambda case: case.name)
def test_broken(case, tmp_path):
    case.write(tmp_path)
    calls = call("validate", tmp_path, case.file, **case.options)
    keys = ("severity", "file", "line", "column", "message", "hint", "option")
    assert corpus.differences(case, [tuple(item[key] for key in keys) for item in calls]) == ""


def test_all_callbacks_of_one_job(tmp_path):
    write(tmp_path, "def handle(request):\n    return 1\n")
    folder_call, file_call, dependencies_call, launch_call = call(
        "all", tmp_path, extra_dependencies="humanize  six", debug="true")
    assert folder_call["source"] == str(tmp_path) and "__pycache__" in folder_call["exclude"]
    assert file_call["path"] == f"__pycache__/main.{sys.implementation.cache_tag}.pyc"
    assert dependencies_call["key"] == "humanize six"
    assert dependencies_call["argv"] == ["/opt/berth/install"]
    assert dependencies_call["environment"] == ["BERTH_REQUIREMENTS=humanize\nsix"]
    assert launch_call["image"] is None and launch_call["concurrency"] == 8 and launch_call["transport"] == 1
    assert json.loads(launch_call["runtime"])["debug"] is True


def test_compiled_bytes_are_the_same_in_every_process(tmp_path):
    write(tmp_path, "X = ('a', 1.5, b'b')\ndef handle(request):\n    return X\n")
    assert call("package", tmp_path) == call("package", tmp_path) == call("all", tmp_path)[:2]


def test_compiled_bytes_are_those_of_the_image_python(tmp_path):
    write(tmp_path, "def handle(request):\n    return 1\n")
    compiled = call("package", tmp_path)[1]["hex"]
    assert compiled.startswith(direct.importlib.util.MAGIC_NUMBER.hex() + "01000000")


def test_scaffold(tmp_path):
    (call_,) = call("scaffold", tmp_path / "greeter", name="greeter")
    assert call_["path"] == "greeter.py" and b"async def handle(request)" in bytes.fromhex(call_["hex"])


def test_environment_of_the_user_does_not_reach_the_interpreter(tmp_path, monkeypatch):
    (tmp_path / "ast.py").write_text("raise SystemError('the user\\'s ast was imported')\n")
    write(tmp_path, "def handle(request):\n    return 1\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "ast.py"))
    monkeypatch.chdir(tmp_path)
    (finding,) = call("validate", tmp_path, "main.py")
    assert finding["severity"] == 2 and "ast.py" in finding["message"]


def test_folder_that_does_not_exist(tmp_path):
    (finding,) = call("validate", tmp_path / "gone")
    assert finding["severity"] == 1 and "does not exist" in finding["message"]


def test_launch_without_an_entry_is_an_error_and_no_crash(tmp_path):
    outcome = probe("launch", "sample", tmp_path, "-")
    assert outcome["status"] == -1 and "no entry file" in outcome["error"]


def test_names_that_are_no_utf_8(tmp_path):
    folder = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(folder)
    with open(folder + b"/m\xe9.py", "wb") as file:
        file.write(b"x = (\n")
    done = subprocess.run([BUILD / "bin/plugin_probe", BUILD / "plugins/python.so", "validate", "x", folder, "-"],
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
