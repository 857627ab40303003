"""One Node.js instance behind Berth against servers that stand alone, in containers of the same image with the same limits and
without any gateway in front: plain node:http, Fastify and Express, one process each, the same load by wrk. Rounds alternate
between the servers; each figure is the median over them.

The packages come from npm, by way of the functions that use them too."""
import argparse
import pathlib

import measure
from lib import engine, report, samples
from lib.berth import Berth
from python import Instance, pss_kib, rounds, show

CONNECTIONS = 32
AIM_HTTP = 0.9
CPUS = 1
MANIFEST = '{ "dependencies": { "express": "^4.18.2", "fastify": "^4.0.0" } }\n'

ANSWER = '"<h1>Hello from Berth</h1>\\n"'
HTTP = f"""
const body = {ANSWER};
require("node:http").createServer((req, res) => {{
  res.writeHead(200, {{ "Content-Type": "text/plain; charset=utf-8", "Content-Length": body.length }});
  res.end(body);
}}).listen(process.env.PORT, "127.0.0.1");
"""
EXPRESS = f"""
const app = require("express")();
app.get("*", (req, res) => res.type("text").send({ANSWER}));
app.listen(process.env.PORT, "127.0.0.1");
"""
FASTIFY = f"""
const fastify = require("fastify")();
fastify.get("*", async (request, reply) => {ANSWER});
fastify.listen({{ port: Number(process.env.PORT), host: "127.0.0.1" }});
"""


class Alone(measure.Peer):
    """A script that listens by itself, in a container of the runtime image."""

    def __init__(self, name, script, image, modules, folder):
        port = measure.free_port()
        self.container = f"bench-{pathlib.Path(folder).name}-{port}"
        pathlib.Path(folder, f"{port}.js").write_text(script, encoding="utf-8")
        super().__init__(name, ["docker", "run", "--rm", "--init=false", "--name", self.container, "--network", "host",
                                "--cpus", CPUS, "--env", f"PORT={port}", "--env", "NODE_ENV=production",
                                "--volume", f"{folder}:/peers:ro", "--volume", f"{modules}:/peers/node_modules:ro",
                                "--entrypoint", "/usr/bin/node", image, f"/peers/{port}.js"], port)
        self.pid = engine.inspect(self.container)["State"]["Pid"]

    def target(self, _what):
        return "/"

    def pids(self):
        return [self.pid]

    def memory_mib(self):
        return pss_kib(self.pid) / 1024

    def stop(self):
        engine.remove(self.container)
        self.process.wait()


def named(instance, name):
    instance.name = name
    return instance


def start_alone(berth):
    """The servers, with what the functions' packages were installed to."""
    folder = pathlib.Path(berth.folder, "peers")
    (folder / "node_modules").mkdir(parents=True)
    (modules,) = pathlib.Path(berth.folder, "state").glob("**/node_modules/express/package.json")
    image = next(entry["Image"] for entry in engine.containers_below(berth.folder)
                 if any("berth-hello-" in name for name in entry["Names"]))
    started = []
    try:
        for name, script in (("node:http", HTTP), ("fastify", FASTIFY), ("express", EXPRESS)):
            started.append(Alone(name, script, image, modules.parents[1], folder))
    except BaseException:
        for peer in started:
            peer.stop()
        raise
    return started


def main(arguments):
    parser = argparse.ArgumentParser(prog="bench/run node", description=__doc__)
    parser.add_argument("--seconds", type=int, default=3, help="length of one run")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    before = report.machine()
    settings = {"programing_language": "node", "concurrency": CONNECTIONS, "max_scale": 1, "idle_timeout": "1h", "cpus": CPUS}
    functions = {name: ({"index.js": code, "package.json": MANIFEST}, settings)
                 for name, code in (("hello", samples.NODE_HELLO), ("express", EXPRESS), ("fastify", FASTIFY))}
    alone = []
    with Berth(functions, {"prewarm": 0}, ["--workers", "1"]) as berth:
        try:
            instances = [Instance(berth, "hello")]
            alone = start_alone(berth)
            hello = rounds([*instances, *alone], "hello", CONNECTIONS, options)
            framework = {name: rounds([named(Instance(berth, name), "berth"), *(peer for peer in alone if peer.name == name)],
                                      name, CONNECTIONS, options) for name in ("fastify", "express")}
        finally:
            for peer in alone:
                peer.stop()
    report.note(before)
    show(f"hello, {CONNECTIONS} connections", hello)
    for name, found in framework.items():
        show(f"the same {name} application", found)
    print("CPU time is that of the server, for berth of daemon and instance together")
    times = hello["berth"]["requests_per_second"] / hello["node:http"]["requests_per_second"]
    met = [report.verdict("hello, times node:http", times, AIM_HTTP, most=False)]
    report.write("node", {"machine": before, "hello": hello, "frameworks": framework, "targets": met})
