"""Node.js handlers of every shape, each with every kind of result, called over HTTP. The functions are
tests/data/node/functions; the first line of each says how it is called and what it answers."""

import pathlib
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.node_docs import examples
from harness.wait import wait_until

EXAMPLES = [example for example in examples() if not example.uses_npm]

# Tells how many of its requests ran at the same time at most, and when a client has gone.
COUNTED = """
    const { setTimeout } = require("node:timers/promises");
    let running = 0;
    let most = 0;

    module.exports = async (req) => {
      running++;
      most = Math.max(most, running);
      req.signal.addEventListener("abort", () => console.log("aborted"));
      await setTimeout(req.path === "/long" ? 60000 : 50, null, { signal: req.signal }).finally(() => running--);
      return { most };
    };
"""

EVENTS = """
    const { setTimeout } = require("node:timers/promises");
    let running = 0;
    let most = 0;

    exports.handler = async (event) => {
      most = Math.max(most, ++running);
      await setTimeout(20);
      running--;
      return { most };
    };
"""

# Lines of several requests at once, in pieces, by callbacks, promises and timers.
OUTPUT = """
    const fs = require("node:fs");
    const { setTimeout } = require("node:timers/promises");

    module.exports = async (req) => {
      process.stdout.write("one ");
      await setTimeout(5);
      process.stdout.write(`line of ${req.path}\n`);
      fs.stat("/", () => console.error("callback of", req.path));
      await new Promise(setImmediate);
      process.stdout.write("no end of " + req.path);
      return "written";
    };
"""

# Work that outlives its answer: of the handler itself, in a timer, in what waitUntil() was told of.
AFTERWARDS = """
    const { setTimeout } = require("node:timers/promises");

    module.exports = async (req, res) => {
      res.end("answered");
      for (let step = 0; step < 40; step++) await setTimeout(100);
      console.log("work is finished");
    };
"""
TIMER = """
    module.exports = () => {
      setTimeout(() => console.log("work is finished"), 4000);
      return "answered";
    };
"""
WAIT_UNTIL = """
    exports.fetch = async (request, env, context) => {
      context.waitUntil(new Promise((resolve) => {
        const timer = setTimeout(() => { console.log("work is finished"); resolve(); }, 4000);
        timer.unref();
        setTimeout(() => {}, 4100);
      }));
      return new Response("answered");
    };
"""

REJECTED = """
    module.exports = async () => {
      throw new Error("rejected");
    };
"""

# Exceptions that nothing catches; each request to /fine is answered.
STRAY = """
    let count = 0;

    module.exports = (req, res) => {
      count++;
      if (req.path === "/begun") {
        res.writeHead(200, { "Content-Length": 10 });
        res.write("begun");
      }
      if (req.path === "/fine") return { count };
      setTimeout(() => { throw new Error("stray " + req.path); }, 5);
    };
"""
FOREIGN = """
    const { EventEmitter } = require("node:events");
    const foreign = new EventEmitter();
    let told;
    const emitted = new Promise((resolve) => { told = resolve; });
    emitted.then(() => { throw new Error("of no request"); });

    module.exports = async (req) => {
      if (req.path === "/emit") told();
      await new Promise((resolve) => setTimeout(resolve, 50));
      return "answered";
    };
"""

STATE = """
    const fs = require("node:fs");
    const path = require("node:path");
    let count = 0;

    function attempt(file) {
      try {
        fs.writeFileSync(file, "x");
        return "ok";
      } catch (error) {
        return error.code;
      }
    }

    module.exports = () => ({
      found: fs.readdirSync("/tmp"), count: ++count,
      cwd: process.cwd(), same: fs.realpathSync("state.js") === __filename, own: attempt(__filename),
      beside: attempt(path.join(__dirname, "new")), here: attempt("new"), tmp: attempt("/tmp/new"), env: process.env.NODE_ENV,
    });
    process.on("exit", () => console.log("farewell"));
"""

LIFE = {
    "counted": (COUNTED, {"concurrency": 3, "idle_timeout": 60}),
    "events": (EVENTS, {}),
    "two-events": (EVENTS, {"concurrency": 2}),
    "output": (OUTPUT, {"idle_timeout": 60}),
    "afterwards": (AFTERWARDS, {}),
    "timer": (TIMER, {}),
    "wait-until": (WAIT_UNTIL, {}),
    "rejected": (REJECTED, {"timeout": "1h"}),
    "stray": (STRAY, {"idle_timeout": 60}),
    "foreign": (FOREIGN, {}),
    "state": ({"state.js": STATE}, {"idle_timeout": 2}),
    "debug": ("module.exports = () => nowhere;\n", {"debug": True}),
    "named": ("exports.api = { create: () => 'created' };\n", {"handler": "api.create"}),
    "broken": ("module.exports = nowhere;\n", {}),
    "endless": ("exports.handle = new Promise(() => {});\n", {}),
}

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "data/node/functions"
FILES = sorted(FOLDER.glob("*js"))
CALL = re.compile(r"// (\w+) (\S+)(?: (.+?))? \| (\d+) \| (.*?) ?\| ?(.*)")


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth, node_image):
    for path in FILES:
        shared_berth.write_function(path.stem, {path.name: path.read_text(encoding="utf-8")}, language="node")
    for example in EXAMPLES:
        shared_berth.write_function(example.name, example.files(), language="node")
    for name, (code, settings) in LIFE.items():
        shared_berth.write_function(name, code, language="node", max_scale=1, **settings)
    shared_berth.start()


def test_there_are_enough():
    assert len(FILES) >= 20 and len(EXAMPLES) >= 12


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_function(served, path):
    line = path.read_text(encoding="utf-8").split("\n", 1)[0]
    method, target, body, status, kind, text = CALL.fullmatch(line).groups()
    answer = served.request(method, f"/{path.stem}{target}", body.encode() if body else None,
                            {"Content-Type": "application/octet-stream"} if body else {})
    assert (answer.status, answer.headers.get("Content-Type", "")) == (int(status), kind), answer
    assert text in answer.text


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example_of_the_documentation(served, example):
    example.check(served)


def together(berth, target, count):
    with ThreadPoolExecutor(12) as pool:
        return list(pool.map(berth.get, [target] * count))


@pytest.mark.parametrize("name, most", [("counted", 3), ("events", 1), ("two-events", 2)])
def test_concurrency_is_honoured_exactly(served, name, most):
    served.get(f"/{name}")
    answers = together(served, f"/{name}", 24)
    assert {answer.status for answer in answers} == {200}
    assert max(answer.json()["most"] for answer in answers) == most


def test_request_whose_client_leaves_is_aborted(served):
    with served.connect() as client:
        client.send("GET /counted/long HTTP/1.1\r\nHost: test\r\n\r\n")
        wait_until(lambda: served.gauge("berth_slots_busy", "counted") == 1, "the request to run")
    wait_until(lambda: served.log.entries(event="function.output", function="counted", text="aborted"), "the handler to be told")
    assert served.get("/counted").status == 200


def test_lines_belong_to_their_requests(served):
    with ThreadPoolExecutor(4) as pool:
        answers = dict(zip("abcd", pool.map(served.get, [f"/output/{name}" for name in "abcd"])))
    for name, answer in answers.items():
        for text in (f"one line of /{name}", f"callback of /{name}", f"no end of /{name}"):
            wait_until(lambda: served.log.entries(event="function.output", function="output", text=text,
                                                  request_id=answer.headers["X-Request-Id"]), f"the line {text!r}")


@pytest.mark.parametrize("name", ["afterwards", "timer", "wait-until"])
def test_work_after_the_answer_is_finished(served, name):
    assert served.get(f"/{name}").text == "answered"
    wait_until(lambda: served.log.entries(event="function.output", function=name, text="work is finished"),
               "the work to be finished")
    wait_until(lambda: served.log.entries(event="instance.gone", function=name), "the instance to be removed")


def test_handler_that_has_failed_is_no_work(served):
    assert served.get("/rejected").status == 500
    wait_until(lambda: served.log.entries(event="instance.gone", function="rejected"), "the instance to be removed")


def test_exception_that_nothing_catches_is_answered_and_the_others_go_on(served):
    before = served.get("/stray/fine").json()["count"]
    answer = served.get("/stray/x")
    assert answer.status == 500 and answer.error()["reason"] == "exception"
    wait_until(lambda: served.log.entries(event="function.output", function="stray", text="Error: stray /x",
                                          request_id=answer.headers["X-Request-Id"]), "the stack")
    assert served.get("/stray/fine").json()["count"] == before + 2


def test_answer_that_has_begun_is_cut_short(served):
    with served.connect() as client:
        client.send("GET /stray/begun HTTP/1.1\r\nHost: test\r\n\r\n")
        status, headers = client.head()
        assert (status, headers["Content-Length"]) == (200, "10")
        assert client.reader.read(5) == b"begun" and client.at_end()


def test_exception_of_no_request_ends_the_instance_when_it_has_answered(served):
    assert served.get("/foreign").text == "answered"
    assert served.get("/foreign/emit").text == "answered"
    wait_until(lambda: served.log.entries(event="instance.gone", function="foreign"), "the instance to end")
    assert served.get("/foreign").text == "answered"


def test_state_of_an_instance(served):
    first, second = served.get("/state").json(), served.get("/state").json()
    assert (first["count"], second["count"], first["found"]) == (1, 2, [])
    assert (first["cwd"], first["same"], first["here"], first["tmp"], first["env"]) == ("/work", True, "ok", "ok", "production")
    assert "ok" not in (first["own"], first["beside"])
    wait_until(lambda: served.log.entries(event="function.output", function="state", text="farewell"), "the end")


def test_debug_shows_the_stack(served):
    answer = served.get("/debug")
    assert answer.status == 500 and "ReferenceError: nowhere is not defined" in answer.error()["traceback"]
    assert "debug.js:1:" in answer.error()["traceback"]


def test_handler_that_is_named(served):
    assert served.get("/named").text == "created"


@pytest.mark.parametrize("name, text", [
    ("broken", "broken.js:1 with ReferenceError: nowhere is not defined"),
    ("endless", "loading endless.js does not end"),
])
def test_function_that_cannot_be_loaded_tells_why(served, name, text):
    assert text in served.get(f"/{name}").error()["message"]
