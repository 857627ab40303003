"""Express, Koa, Fastify, ws and an addon in C from npm, as their packages' users write them, below a function's name; and
the life of what is installed."""

import asyncio
import json
import pathlib

import pytest
import websockets

from harness.node_docs import examples
from harness.wait import wait_until

pytestmark = [pytest.mark.network, pytest.mark.limit(900)]

INSTALL_S = 600  # a builder image with npm and compilers, first

EXAMPLES = [example for example in examples() if example.uses_npm]
APPS = pathlib.Path(__file__).resolve().parents[1] / "data/node/apps"
BROUGHT = {str(path.relative_to(APPS)): path.read_bytes() for path in sorted(APPS.rglob("*")) if path.is_file()}

EXPRESS = """
    const express = require("express");
    const adder = require("adder");

    const app = express();
    app.use(express.json());
    app.get("/add/:a/:b", (req, res) => {
      res.json({ sum: adder.add(Number(req.params.a), Number(req.params.b)), query: req.query });
    });
    app.post("/echo", (req, res) => res.status(201).send(req.body));
    app.get("/fails", () => { throw new Error("told by Express"); });
    module.exports = app;
"""

LISTENS = """
    const express = require("express");
    const app = express();
    const port = process.env.PORT || 3000;

    app.get("/", (req, res) => {
      res.send("Hello World!");
    });

    app.listen(port, () => {
      console.log(`Example app listening on port ${port}`);
    });
"""

KOA = """
    import Koa from "koa";

    const app = new Koa();
    app.use(async (ctx) => {
      ctx.body = { path: ctx.path, query: ctx.query };
    });
    export default app;
"""

FASTIFY = """
    const fastify = require("fastify")({ logger: false });

    fastify.get("/items/:id", async (request, reply) => ({ id: request.params.id }));
    fastify.addHook("onClose", async () => console.log("closed"));
    module.exports = fastify;
"""

FASTIFY_LISTENS = """
    import Fastify from "fastify";

    const fastify = Fastify();
    fastify.get("/", function (request, reply) {
      reply.send({ hello: "world" });
    });
    await fastify.listen({ port: 3000 });
"""

WS = """
    const http = require("http");
    const { WebSocketServer } = require("ws");

    const server = http.createServer((req, res) => res.end("no socket"));
    new WebSocketServer({ server }).on("connection", (socket) => {
      socket.on("message", (message) => socket.send(`you said ${message}`));
    });
    server.listen(8080);
"""

FUNCTIONS = {
    "express": {"app.js": EXPRESS},
    "listens": {"server.js": LISTENS},
    "koa": {"app.mjs": KOA},
    "fastify": {"app.js": FASTIFY},
    "fastify_listens": {"app.mjs": FASTIFY_LISTENS},
    "ws": {"server.js": WS},
}


# Packages in the function's own folder, which need no network: one that can be edited, one whose addon cannot be compiled.
USES = "module.exports = () => `{word} ${{require('mine').name}}`;\n"
MINE = {"package.json": '{ "dependencies": { "mine": "file:./mine" } }', "mine/index.js": "exports.name = 'package';\n",
        "mine/package.json": '{ "name": "mine", "version": "1.0.0" }'}
BROKEN = {**MINE, "mine/package.json": '{ "name": "mine", "version": "1.0.0", "scripts": { "install": "node-gyp rebuild" } }',
          "mine/binding.gyp": '{ "targets": [{ "target_name": "mine", "sources": ["mine.c"] }] }',
          "mine/mine.c": "int broken(void) { return nowhere; }\n"}


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth, node_image):
    for name, files in FUNCTIONS.items():
        shared_berth.write_function(name, {**files, **BROUGHT}, language="node", idle_timeout=60)
    shared_berth.write_function("mine", {"index.js": USES.format(word="first"), **MINE}, language="node")
    shared_berth.write_function("cannot-compile", {"index.js": USES.format(word="never"), **BROKEN}, language="node")
    for example in EXAMPLES:
        shared_berth.write_function(example.name, {**example.files(), **BROUGHT}, language="node")
    shared_berth.start(timeout=INSTALL_S)
    shared_berth.wait_answer("/listens", lambda answer: answer.status == 200, "an answer", INSTALL_S)


def test_express_with_an_addon(served):
    assert served.get("/express/add/2/40?x=1").json() == {"sum": 42, "query": {"x": "1"}}
    answer = served.post("/express/echo", json.dumps({"a": [1]}).encode(), headers={"Content-Type": "application/json"})
    assert (answer.status, answer.json()) == (201, {"a": [1]})


def test_express_tells_its_own_errors(served):
    assert served.get("/express/fails").status == 500
    assert served.get("/express/nowhere").status == 404
    wait_until(lambda: served.log.entries(event="function.output", function="express", text="Error: told by Express"),
               "the stack")


def test_application_that_listens_by_itself(served):
    assert served.get("/listens").text == "Hello World!"
    assert served.log.entries(event="function.output", function="listens", text="Example app listening on port 3000")


def test_koa(served):
    assert served.get("/koa/x/y?z=1").json() == {"path": "/x/y", "query": {"z": "1"}}


def test_fastify(served):
    assert served.get("/fastify/items/7").json() == {"id": "7"}
    assert served.get("/fastify_listens").json() == {"hello": "world"}


def test_websockets(served):
    assert served.get("/ws").text == "no socket"
    async def talk():
        async with websockets.connect("ws://%s:%d/ws/" % served.address) as socket:
            await socket.send("hello")
            return await socket.recv()

    assert asyncio.run(talk()) == "you said hello"


def installations(berth):
    return {entry["key"] for entry in berth.log.entries(event="dependencies.install")}


def test_installation_that_fails_tells_why(served):
    answer = served.wait_refusal("/cannot-compile", INSTALL_S)
    assert "mine.c:1:27: error: " in answer.error()["message"], answer


def test_change_of_code_installs_nothing_and_one_of_the_package_does(served):
    served.wait_answer("/mine", lambda answer: answer.text == "first package", "the first", INSTALL_S)
    before = installations(served)
    assert len(before) == 3  # that of the applications, which share it, and two of packages in their own folders
    served.write_function("mine", {"index.js": USES.format(word="second"), **MINE}, language="node")
    served.reload()
    served.wait_answer("/mine", lambda answer: answer.text == "second package", "the edit", INSTALL_S)
    assert installations(served) == before
    served.write_function("mine", {"index.js": USES.format(word="third"), **MINE, "mine/index.js": "exports.name = 'other';\n"},
                          language="node")
    served.reload()
    served.wait_answer("/mine", lambda answer: answer.text == "third other", "the package's edit", INSTALL_S)
    assert len(installations(served)) == 4


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example_of_the_documentation(served, example):
    example.check(served)
