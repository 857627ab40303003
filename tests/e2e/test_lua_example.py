"""The SDK's example of a language, as a stranger uses it: installed, copied out, built outside of the tree."""

import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import zlib

import pytest

from harness.cli import Cli
from harness.wait import wait_until

INSTALL_S = 500
pytestmark = pytest.mark.limit(600)

HELLO = """\
local greeting = require "lib.greeting"

return function(request)
    print("path", request.path)
    io.write("half ")
    io.write("a line\\n")
    return greeting .. " from " .. request.path .. (request.query and "?" .. request.query or "")
end
"""
SHAPES = """\
local M = {}
local answers = {
    ["/json"] = function() return { list = { 1, 2 } } end,
    ["/nothing"] = function() return nil end,
    ["/status"] = function() return "gone", 410, { ["X-Note"] = "kept", ["Set-Cookie"] = { "a=1", "b=2" } } end,
    ["/stream"] = function()
        local count = 0
        return function()
            count = count + 1
            return count < 4 and "piece " .. count .. "\\n" or nil
        end
    end,
    ["/environment"] = function() return os.getenv("GREETING") .. " " .. io.popen("pwd"):read() end,
    ["/raise"] = function() error("out of cheese") end,
    ["/table"] = function() return true end,
    ["/header"] = function() return "x", 200, { ["X-Bad"] = "a\\r\\nb" } end,
    ["/wait"] = function()
        while not io.open("go") do os.execute("sleep 0.05") end
        return "went"
    end,
    ["/exit"] = function() os.exit(3) end,
    ["/go"] = function()
        io.open("go", "w"):close()
        return "sent"
    end,
}

function M.handle(request)
    return answers[request.path](request)
end

return M
"""


def run(*command, environment=None, cwd=None):
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, cwd=cwd, env={**os.environ, **(environment or {})}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(bin_dir, into):
    """The example, built from the installed SDK: by CMake in `into`/build, and with pkg-config in `into`/made."""
    sdk, source = into / "sdk", into / "lua"
    tree = os.path.dirname(os.path.abspath(bin_dir))
    run("cmake", "--install", tree, "--component", "sdk", "--prefix", str(sdk))
    shutil.copytree(sdk / "share" / "berth" / "examples" / "lua", source)
    run("cmake", "-S", str(source), "-B", str(into / "build"), f"-DCMAKE_PREFIX_PATH={sdk}")
    run("cmake", "--build", str(into / "build"))
    [package] = sdk.glob("**/berth-language.pc")
    run("make", f"BUILD={into / 'made'}", environment={"PKG_CONFIG_PATH": str(package.parent)}, cwd=source)


@pytest.fixture(scope="session")
def example(bin_dir, tmp_path_factory):
    """The folder with both builds of the example."""
    folder = tmp_path_factory.mktemp("example")
    build(bin_dir, folder)
    return folder


@pytest.fixture
def lua(berth, example):
    """A daemon with the language in the plugin folder beside its registry."""
    shutil.copytree(example / "build" / "plugins", pathlib.Path(berth.project, "plugins"))
    return berth


def sample(example, name):
    """The files of one of the example's own functions, its entry first."""
    folder = example / "lua" / "functions" / name
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    paths.sort(key=lambda path: path.name != "handler.lua")
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def is_settled(answer):
    """Not still being built or installed."""
    if answer.status != 503:
        return True
    return answer.error()["reason"] in ("image-build", "dependency-install", "invalid-function", "load-failed")


def answer_of(berth, target):
    return berth.wait_answer(target, is_settled, f"an answer of {target}", INSTALL_S)


def findings(berth):
    done = subprocess.run(berth.command("--check"), capture_output=True, text=True, timeout=120)
    return done.returncode, done.stderr


def test_both_ways_to_build_give_the_same(example):
    def content(folder):
        return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    by_cmake, by_make = (content(example / name / "plugins") for name in ("build", "made"))
    plugin = pathlib.Path("lua.so")
    assert by_cmake.pop(plugin)[:4] == by_make.pop(plugin)[:4] == b"\x7fELF"
    assert by_cmake == by_make


def test_what_make_builds_passes_what_needs_no_container(bin_dir, example):
    plugin = example / "made" / "plugins" / "lua.so"
    told = run(os.path.join(bin_dir, "berth"), "plugin", "test", str(plugin), "--only", "plugin,scaffold,validate,package,launch")
    assert "0 failed, 0 skipped" in told, told


def test_handlers_of_each_shape(lua):
    lua.write_function("hello", {"handler.lua": HELLO, "lib/greeting.lua": 'return "Hello"\n'}, language="lua")
    settings = {"environment": {"GREETING": "hi"}, "concurrency": 3, "idle_timeout": 60}
    lua.write_function("shapes", {"main.lua": SHAPES}, language="lua", **settings)
    lua.start()
    answer = answer_of(lua, "/hello/a%20b?c=d")
    assert (answer.status, answer.text) == (200, "Hello from /a%20b?c=d"), answer
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    lines = wait_until(lambda: [e["text"] for e in own_lines(lua, "hello", answer)][:2], "its output")
    assert lines == ["path\t/a%20b", "half a line"]

    assert answer_of(lua, "/shapes/json").json() == {"list": [1, 2]}
    nothing = lua.get("/shapes/nothing")
    assert nothing.status == 204 and "content-length" not in nothing.headers
    status = lua.get("/shapes/status")
    assert (status.status, status.text, status.headers["x-note"]) == (410, "gone", "kept")
    assert lua.get("/shapes/stream").text == "piece 1\npiece 2\npiece 3\n"
    assert lua.get("/shapes/environment").text == "hi /work"
    head = lua.request("HEAD", "/shapes/status")
    assert head.status == 410 and head.headers["content-length"] == "4" and head.text == ""

    with lua.connect(timeout=60) as waiting:
        waiting.send("GET /shapes/wait HTTP/1.1\r\nHost: test\r\n\r\n")
        assert lua.get("/shapes/go").text == "sent"
        assert waiting.response().text == "went"


def own_lines(berth, function, answer):
    """What the function has written for that request."""
    lines = Cli(berth).run("logs", function, "--json").splitlines()
    entries = [json.loads(line) for line in lines]
    return [entry for entry in entries if entry.get("request_id") == answer.headers["x-request-id"]]


def test_errors_name_the_place_and_the_request(lua):
    lua.write_function("shapes", {"main.lua": SHAPES}, language="lua")
    lua.write_function("open", {"main.lua": SHAPES}, language="lua", debug=True)
    lua.start()
    raised = answer_of(lua, "/shapes/raise")
    error = raised.error()
    assert raised.status == 500 and error["message"] == "main.lua:14: out of cheese", raised
    assert (error["component"], error["reason"]) == ("function", "exception")
    assert error["request_id"] == raised.headers["x-request-id"] and "traceback" not in error
    assert "stack traceback" in answer_of(lua, "/open/raise").error()["traceback"]
    assert "returned a boolean" in lua.get("/shapes/table").error()["message"]
    assert 'header "X-Bad"' in lua.get("/shapes/header").error()["message"]
    assert lua.get("/shapes/exit").status == 502
    assert answer_of(lua, "/shapes/json").status == 200


def test_mistakes_are_located_before_anything_runs(lua):
    lua.write_function("syntax", {"handler.lua": "local x = 1\nlocal y = = 2\nreturn x\n"}, language="lua")
    lua.write_function("inner", {"handler.lua": 'local a = require "a"\nreturn a\n', "a.lua": "return {\n"}, language="lua")
    lua.write_function("none", {"handler.lua": "function handle() end\n"}, language="lua")
    lua.write_function("table", {"handler.lua": "return { handel = function() end }\n"}, language="lua")
    code = 'local u = require "utli"\n-- require "no"\nlocal ok = pcall(require, "neither")\nreturn function() return u end\n'
    lua.write_function("module", {"handler.lua": code, "util.lua": "return 1\n"}, language="lua")
    status, told = findings(lua)
    assert status == 2, told
    for words in (
        "syntax/handler.lua:2: error: unexpected symbol near '='",
        "inner/a.lua:1:8: error: unexpected symbol near <eof>",
        "none/handler.lua:1:21: error: the file returns nothing",
        "table/handler.lua:1:8: error: the table that the file returns has no `handle`",
        "did you mean `handle` by `handel`?",
        "module/handler.lua:1:11: warning: there is no module `utli`",
        "did you mean `util`?",
    ):
        assert words in told, told
    assert "`no`" not in told and "neither" not in told
    lua.start()
    refused = answer_of(lua, "/syntax").error()
    assert refused["reason"] == "invalid-function" and "handler.lua:2" in refused["message"], refused
    missing = answer_of(lua, "/module").error()
    assert "handler.lua:1: module 'utli' not found" in missing["message"], missing


def test_native_module_and_locked_rock(lua, example):
    files = sample(example, "checksum")
    newer = {
        name.replace("1.0-1", "1.1-1"): text.replace(b"1.0", b"1.1")
        for name, text in files.items()
        if name.startswith("rocks/")
    }
    files.update(newer)
    lua.write_function("checksum", files, language="lua", idle_timeout=60)
    lua.start()
    answer = answer_of(lua, "/checksum")
    assert answer.status == 200, answer
    body = b"x" * 300000
    expected = {"crc32": f"{zlib.crc32(body):08x}", "shown_by": "hex 1.0"}
    assert lua.post("/checksum", body).json() == expected
    files["luarocks.lock"] = files["luarocks.lock"].replace(b"1.0-1", b"1.1-1")
    lua.write_function("checksum", files, language="lua", idle_timeout=60)
    lua.reload()
    moved = lua.wait_answer("/checksum", lambda answer: answer.json().get("shown_by") == "hex 1.1", "the other lock", INSTALL_S)
    assert moved.status == 200
    files["handler.lua"] = b'local none = require "hexx"\n' + files["handler.lua"]
    lua.write_function("checksum", files, language="lua", idle_timeout=60)
    status, told = findings(lua)
    assert "checksum/handler.lua:1:14: warning: there is no module `hexx`" in told, told


def test_cause_of_a_failed_installation_is_told(lua, example):
    files = sample(example, "checksum")
    files["luarocks.lock"] = files["luarocks.lock"].replace(b"1.0-1", b"7.0-1")
    lua.write_function("checksum", files, language="lua")
    files = {**sample(example, "checksum"), "src/crc32.c": "int luaopen_crc32(void) { return nothing; }\n"}
    lua.write_function("broken", files, language="lua")
    lua.start()
    error = answer_of(lua, "/checksum").error()
    assert error["reason"] == "dependency-install" and "Could not satisfy dependency hex 7.0-1" in error["message"], error
    error = answer_of(lua, "/broken").error()
    assert error["reason"] == "dependency-install" and "src/crc32.c:1:" in error["message"], error


def test_plugin_test_finds_nothing(bin_dir, runtime_images, example):
    """Last: the tests before it have made the images, for which they wait longer."""
    command = [os.path.join(bin_dir, "berth"), "plugin", "test", str(example / "build" / "plugins" / "lua.so"), "--json"]
    command += ["--function", str(example / "lua" / "functions" / "echo")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    checks = json.loads(done.stdout)["checks"]
    wrong = [check for check in checks if check["verdict"] != "passed" and check["group"] != "scaffold"]
    assert done.returncode == 0 and not wrong, wrong
