"""The Node.js plugin's shared object, driven as a build job drives it: loaded RTLD_LOCAL, through the C interface."""
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests/data/node"
sys.path.insert(0, str(ROOT / "tests/python"))

import corpus  # noqa: E402
from fake_host import build_folder  # noqa: E402

BUILD = build_folder()
pytestmark = pytest.mark.skipif(BUILD is None, reason="nothing is built")

HELLO = "module.exports = async (req) => 'hello';\n"
MANIFEST = {"name": "first", "version": "1.0.0", "scripts": {"test": "x"}, "dependencies": {"express": "^4"}}
LOCK = {"name": "first", "version": "1.0.0", "lockfileVersion": 3, "packages": {
    "": {"name": "first", "version": "1.0.0", "dependencies": {"express": "^4"}}, "node_modules/express": {"version": "4.18.2"}}}


def probe(*arguments):
    done = subprocess.run([BUILD / "bin/plugin_probe", BUILD / "plugins/node.so", *map(str, arguments)],
                          capture_output=True, timeout=120, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr.decode()
    return json.loads(done.stdout)


def call(callback, folder, file=None, name="sample", **options):
    outcome = probe(callback, name, folder, file or "-", *(f"{key}={value}" for key, value in options.items()))
    assert outcome["status"] == 0, outcome["error"]
    return outcome["calls"]


def write(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        folder.joinpath(name.replace("__", "-").replace("_", ".")).write_text(text, encoding="utf-8")
    return folder


def test_description():
    table = probe("describe")
    assert (table["name"], table["aliases"], table["major"]) == ("node", ["nodejs", "javascript", "js"], 1)
    assert [item["name"] for item in table["options"]] == ["handler", "debug"]


@pytest.mark.parametrize("case", corpus.cases(DATA / "broken"), ids=lambda case: case.name)
def test_broken(case, tmp_path):
    case.write(tmp_path)
    calls = call("validate", tmp_path, case.file, **case.options)
    keys = ("severity", "file", "line", "column", "message", "hint", "option")
    assert corpus.differences(case, [tuple(item[key] for key in keys) for item in calls]) == ""


def test_functions_that_serve_have_no_findings(tmp_path):
    for path in sorted((DATA / "functions").glob("*js")):
        folder = tmp_path / path.stem
        folder.mkdir()
        (folder / path.name).write_bytes(path.read_bytes())
        assert call("validate", folder, path.name) == [], path.name


@pytest.mark.parametrize("base, version", [("bookworm", "18."), ("trixie", "20.")])
def test_engines_are_compared_with_the_release_that_the_function_runs_on(tmp_path, monkeypatch, base, version):
    monkeypatch.setenv("PROBE_BASE", base)
    for wanted in ("18", "20"):
        write(tmp_path, index_js=HELLO, package_json={"engines": {"node": f"^{wanted}"}})
        findings = call("validate", tmp_path)
        assert len(findings) == (not version.startswith(wanted))
        assert all(f"functions run on {version}" in finding["message"] for finding in findings)


def test_launch(tmp_path):
    write(tmp_path, index_js=HELLO)
    add_folder, launch = call("all", tmp_path, debug="true", handler="default")
    assert add_folder["source"] == str(tmp_path) and ".npmrc" in add_folder["exclude"]
    assert "node_modules" not in add_folder["exclude"]
    assert launch["command"] == ["/usr/bin/node", "/opt/berth/main.js"] and launch["concurrency"] == 16
    assert json.loads(launch["runtime"]) == {"file": "index.js", "debug": True, "handler": "default"}


def imports_told(folder):
    launch = call("all", folder)[-1]
    return json.loads(launch["runtime"]).get("imports")


def test_launch_tells_what_modules_import_in_the_order_of_its_loading(tmp_path):
    (tmp_path / "lib").mkdir()
    write(tmp_path / "lib", own_mjs="export * from 'third';\nimport '../index.mjs';\nimport 'node:fs';\nexport const a = 1;\n",
          other_cjs="require('fifth');\n")
    write(tmp_path, index_mjs="import 'first';\nimport { a } from './lib/own.mjs';\nimport './lib/other.cjs';\nimport '#own';\n"
                              "import 'https://x.y/z.js';\nimport 'third/file';\nimport 'first';\nawait import('later');\n"
                              "export default () => a;\n",
          package_json={"imports": {"#own": "./lib/own.mjs"},
                        "dependencies": dict.fromkeys(["first", "third", "fifth", "later"], "*")})
    assert imports_told(tmp_path) == ["first", "third", "node:fs", "third/file"]


def test_launch_tells_of_no_imports_where_there_are_none(tmp_path):
    write(tmp_path, index_js="const fs = require('fs');\n" + HELLO)
    assert imports_told(tmp_path) is None


def test_launch_tells_of_so_many_imports_and_no_more(tmp_path):
    imports = "".join(f"import 'node:fs/promises';\nimport 'p{number}/{'x' * number}';\n" for number in range(400))
    write(tmp_path, index_mjs=imports + "export default () => 1;\n",
          package_json={"dependencies": {f"p{number}": "*" for number in range(400)}})
    told = imports_told(tmp_path)
    assert told[:3] == ["node:fs/promises", "p0/", "p1/x"] and len(told) < 256 and max(map(len, told)) <= 128


@pytest.mark.parametrize("code, concurrency", [
    ("exports.handler = async (event, context) => ({});", 1),
    ("exports.handler = async () => ({});", 1),
    ("exports.handler = async (req, res) => {};", 16),
    ("module.exports = async (event) => ({});", 1),
    ("exports.handle = async (first) => ({});", 16),
    ("module.exports.fetch = async (event) => ({});", 16),
])
def test_events_are_handled_one_at_a_time(tmp_path, code, concurrency):
    write(tmp_path, index_js=code)
    assert call("launch", tmp_path)[0]["concurrency"] == concurrency


def test_module_without_a_manifest_gets_one(tmp_path):
    write(tmp_path, index_js="export default () => 1;\n")
    _, manifest, _ = call("all", tmp_path)
    assert manifest["path"] == "package.json" and json.loads(bytes.fromhex(manifest["hex"])) == {"type": "module"}


def packaged(folder, manifest, lock, **more):
    calls = call("package", write(folder, index_js=HELLO, package_json=manifest, package__lock_json=lock, **more))
    return calls, {item["path"]: bytes.fromhex(item["hex"]).decode() for item in calls if item["call"] == "add_file"}


def test_functions_that_ask_for_the_same_share_what_is_installed(tmp_path):
    calls, files = packaged(tmp_path / "a", MANIFEST, LOCK)
    assert "node_modules" in calls[0]["exclude"]
    assert (calls[-1]["key"], calls[-1]["argv"], calls[-1]["environment"]) == ("npm ci", ["/opt/berth/install"], [])
    other = json.loads(json.dumps(LOCK).replace("first", "second").replace("1.0.0", "2.0.0"))
    _, others = packaged(tmp_path / "b", {**MANIFEST, "name": "second", "scripts": {}}, other)
    assert files == others and sorted(files) == [".berth/npm/package-lock.json", ".berth/npm/package.json"]
    other["packages"]["node_modules/express"]["version"] = "4.18.3"
    assert packaged(tmp_path / "c", MANIFEST, other)[1] != files


def test_passwords_of_npm_are_handed_on_in_a_variable(tmp_path):
    write(tmp_path, _npmrc="//registry.test/:_authToken=hunter2\n")
    calls, files = packaged(tmp_path, MANIFEST, LOCK)
    assert calls[-1]["environment"] == ["BERTH_NPMRC=//registry.test/:_authToken=hunter2\n"]
    assert "hunter2" not in str(files) + str(calls[-1]["argv"]) + calls[-1]["key"]


def test_scaffold(tmp_path):
    (call_,) = call("scaffold", tmp_path / "greeter", name="greeter")
    (tmp_path / "greeter").mkdir()
    (tmp_path / "greeter" / call_["path"]).write_bytes(bytes.fromhex(call_["hex"]))
    assert call_["path"] == "greeter.js" and call("validate", tmp_path / "greeter") == []


@pytest.mark.parametrize("files, word", [
    ({"index_js": HELLO + "x = 1;\n" * 50000}, "too large"),
    ({"index_js": "(" * 100000}, "nested too deeply"),
])
def test_what_would_take_long_is_not_looked_at(tmp_path, files, word):
    (finding,) = call("validate", write(tmp_path, **files))
    assert finding["severity"] == 3 and word in finding["message"]


def test_torn_files_are_told_of_and_never_break_the_plugin(tmp_path):
    chance = random.Random(1)
    text = (DATA / "functions/event.js").read_text(encoding="utf-8") + (DATA / "functions/web.mjs").read_text(encoding="utf-8")
    for number in range(25):
        start, end = sorted(chance.sample(range(len(text)), 2))
        torn = text[:start] + text[end:] + chance.choice(["", "}", "'", "`${", "/*", "é\u2028"])
        folder = write(tmp_path / str(number), index_js=torn, package_json=json.dumps(MANIFEST)[:chance.randrange(60)])
        for finding in call("validate", folder):
            lines = (folder / finding["file"]).read_bytes().split(b"\n") if finding["file"] else [b""]
            assert finding["line"] <= len(lines) and finding["column"] <= len(lines[finding["line"] - 1]) + 1, finding
