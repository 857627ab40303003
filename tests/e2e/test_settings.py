"""Every key of the registry has a test that shows its effect through the daemon; the daemon itself says which keys
there are."""

import ast
import json
import os
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent
MARKER = "shows_setting"
PUTS_OFF = {"skip", "skipif", "xfail", "importorskip"}


def shown_keys(function):
    """The settings that a function's mark names; None without one."""
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == f"pytest.mark.{MARKER}":
            return [ast.literal_eval(argument) for argument in decorator.args]
    return None


def puts_off(node):
    """Whether something in it may keep a test from being run, or from counting."""
    return any(isinstance(part, ast.Attribute) and part.attr in PUTS_OFF for part in ast.walk(node))


def runs(module):
    """{name: function} of what pytest runs: of two functions with one name it is the last."""
    return {node.name: node for node in module.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def showing_tests():
    """[(test, keys, whether it may be put off)] of the tests that say that they show a setting."""
    found = []
    for path in sorted(HERE.glob("test_*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        whole = any(puts_off(node) for node in module.body if isinstance(node, (ast.Assign, ast.Expr)))
        for name, function in runs(module).items():
            keys = shown_keys(function)
            if keys is not None:
                found.append((f"{path.name}::{name}", keys, whole or puts_off(function)))
    return found


def test_every_mark_is_on_a_test_that_is_run():
    marks = sum(path.read_text(encoding="utf-8").count(f"@pytest.mark.{MARKER}(") for path in HERE.glob("test_*.py"))
    assert marks == len(showing_tests()) > 0


@pytest.fixture(scope="module")
def settings(bin_dir):
    """{key: its row} of all tables, as "host.listen"."""
    shown = subprocess.run(
        [os.path.join(bin_dir, "berthd"), "--help-settings", "--json"], capture_output=True, check=True, timeout=60
    )
    return {f"{row['section']}.{row['name']}": row for row in json.loads(shown.stdout)}


def test_every_key_has_a_test_that_shows_its_effect(settings):
    assert len(settings) > 40
    shown = {key for _, keys, _ in showing_tests() for key in keys}
    assert sorted(set(settings) - shown) == []


def test_marked_tests_name_keys_that_there_are(settings):
    wrong = {test: keys for test, keys, _ in showing_tests() if not keys or set(keys) - set(settings)}
    assert wrong == {}


def test_no_marked_test_is_put_off():
    assert [test for test, _, off in showing_tests() if off] == []


REQUIRED = {"programing_language": "python", "function_folder": "hello", "base_function_file_name": "hello.py"}


def test_every_alias_is_taken_for_its_key(berth, bin_dir, settings):
    """A key beside its alias is set twice: the alias is known, and stands for that key."""
    berth.plugin_dir = os.path.join(bin_dir, "..", "plugins")
    berth.write_files("functions/hello", {"hello.py": "def handle(request):\n    return 1\n"})
    aliases = [(row, alias) for row in settings.values() for alias in row["aliases"]]
    for row, alias in aliases:
        value = row.get("default") or REQUIRED.get(row["name"], "somewhere")
        sections = {"host": {}, "configuration": dict(REQUIRED)}
        sections[row["section"]].update({row["name"]: value, alias: value})
        functions = {"hello": {"configuration": sections["configuration"]}}
        berth.write_config(json.dumps({"host": sections["host"], "usable-functions": functions}))
        checked = subprocess.run(berth.command("--check", "--json"), capture_output=True, text=True, timeout=60)
        errors = [finding["message"] for finding in json.loads(checked.stdout) if finding["severity"] == "error"]
        assert errors == [f'"{alias}" is set twice: another spelling of it stands on line 1'], row
    assert len(aliases) >= 8
