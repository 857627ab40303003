"""One Python instance behind Berth against the usual servers, alone and without any gateway in front: the same handler,
one process each, the same load by wrk. Rounds alternate between the servers; each figure is the median over them.

The servers come from PyPI into build/bench-peers on the first run."""
import argparse
import os
import pathlib
import re
import subprocess

import measure
from lib import client, engine, report, samples
from lib.berth import Berth

PEERS = measure.ROOT / "build/bench-peers"
PACKAGES = ("uvicorn", "h11", "httptools", "uvloop", "starlette", "flask", "waitress", "gunicorn")
SLEEP_S = 0.05
SLEEPERS = 16
HELLO_CONNECTIONS = 32

ASGI = '''
from starlette.applications import Starlette
from starlette.routing import Route

{hello}
hello = handle

{waits}
from starlette.responses import PlainTextResponse


async def waits(request):
    return PlainTextResponse(await handle(request))


app = Starlette(routes=[Route("/hello", hello), Route("/waits", waits)])
'''

WSGI = '''
import logging
import time

from flask import Flask

app = Flask(__name__)
logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # else a line for each request that waits for a thread


@app.route("/hello")
def hello():
    return "<h1>Hello from Berth</h1>\\n"


@app.route("/waits")
def waits():
    time.sleep({seconds})
    return "waited"
'''


def install():
    """The virtual environment with the peers, made when it is not there."""
    done = PEERS / "installed"
    if not done.exists():
        report.progress("installing the peers from PyPI")
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--clear", PEERS], check=True)
        subprocess.run([PEERS / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES], check=True)
        listing = subprocess.run([PEERS / "bin/pip", "list", "--format=freeze"], check=True, capture_output=True)
        done.write_bytes(listing.stdout)
    (PEERS / "asgi_app.py").write_text(ASGI.format(hello=samples.HELLO, waits=samples.waits(SLEEP_S)), encoding="utf-8")
    (PEERS / "wsgi_app.py").write_text(WSGI.format(seconds=SLEEP_S), encoding="utf-8")
    return dict(line.split("==") for line in done.read_text(encoding="utf-8").split())


class Server(measure.Peer):
    """One of the peers: a process of its own."""

    path = "/hello"

    def __init__(self, name, port, *argv):
        super().__init__(name, [PEERS / "bin" / argv[0], *argv[1:]], port, cwd=PEERS,
                         env={**os.environ, "PYTHONPATH": str(PEERS), "HOME": str(PEERS)})

    def target(self, what):
        return f"/{what}"

    def memory_mib(self):
        return sum(pss_kib(pid) for pid in self.pids()) / 1024


class Instance(measure.Peer):
    """The instance of a function together with the daemon before it."""

    def __init__(self, berth, function):
        self.name, self.port, self.function, self.berth = "berth", berth.port, function, berth
        client.get(berth.address, f"/{function}")
        container = next(entry for entry in engine.containers_below(berth.folder)
                         if any(f"berth-{function}-" in name for name in entry["Names"]))
        self.runner = child_of(engine.inspect(container["Id"])["State"]["Pid"])

    def target(self, what):
        return f"/{what}"

    def pids(self):
        return [self.berth.pid, self.runner]

    def memory_mib(self):
        return pss_kib(self.runner) / 1024


def child_of(pid):
    """The process that an instance's first process has started."""
    (child,) = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return int(child)


def pss_kib(pid):
    """Memory of a process; what it shares with others is divided."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])


def start_servers(wanted=None):
    """The servers of those names, or all."""
    ports = [measure.free_port() for _ in range(5)]
    quiet = ("--no-access-log", "--log-level", "warning", "--app-dir", PEERS)
    peers = []
    try:
        for name, port, *argv in (
                ("uvicorn h11", ports[0], "uvicorn", "--http", "h11", "--loop", "asyncio", "--port", ports[0], *quiet,
                 "asgi_app:app"),
                ("uvicorn httptools uvloop", ports[1], "uvicorn", "--http", "httptools", "--loop", "uvloop", "--port",
                 ports[1], *quiet, "asgi_app:app"),
                ("flask waitress", ports[2], "waitress-serve", "--host", "127.0.0.1", "--port", ports[2],
                 "--threads", SLEEPERS, "wsgi_app:app"),
                ("flask gunicorn sync", ports[3], "gunicorn", "-w", 1, "-k", "sync", "-b", f"127.0.0.1:{ports[3]}",
                 "wsgi_app:app")):
            if wanted is None or name in wanted:
                peers.append(Server(name, port, *argv))
    except BaseException:
        for peer in peers:
            peer.stop()
        raise
    return peers


def rounds(peers, what, connections, options):
    """{name: medians}: wrk over all peers in turn."""
    runs = {peer.name: [] for peer in peers}
    for peer in peers:
        measure.load(peer, peer.target(what), connections, 1)
    for number in range(options.rounds):
        for peer in peers:
            report.progress(f"{what}, round {number + 1}, {peer.name}")
            runs[peer.name].append(measure.load(peer, peer.target(what), connections, options.seconds))
    return {peer.name: {**measure.median_of(runs[peer.name]), "memory_mib": peer.memory_mib()} for peer in peers}


def show(what, found):
    """One row a server; ours divided by theirs, and their CPU time divided by ours."""
    ours = found["berth"]
    rows = []
    for name, run in found.items():
        times = ours["requests_per_second"] / run["requests_per_second"]
        rows.append([name, f"{run['requests_per_second']:.0f}", f"{times:.2f}", f"{run['p50_ms']:.2f}",
                     f"{run['p99_ms']:.2f}", f"{run['cpu_us']:.0f}", f"{run['cpu_us'] / ours['cpu_us']:.2f}",
                     f"{run['memory_mib']:.1f}"])
    header = [what, "requests/s", "berth is x", "p50 ms", "p99 ms", "CPU us/request", "CPU x", "MiB"]
    measure.print_table(header, rows)


def main(arguments):
    parser = argparse.ArgumentParser(prog="bench/run python", description=__doc__)
    parser.add_argument("--seconds", type=int, default=3, help="length of one run")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    before = report.machine()
    versions = install()
    one = {"max_scale": 1, "idle_timeout": "1h"}
    functions = {"hello": (samples.HELLO, {**one, "concurrency": HELLO_CONNECTIONS}),
                 "waits": (samples.waits(SLEEP_S), {**one, "concurrency": SLEEPERS})}
    servers = []
    with Berth(functions, {"prewarm": 0}, ["--workers", "1"]) as berth:
        try:
            servers = start_servers()
            hello = rounds([Instance(berth, "hello"), *servers], "hello", HELLO_CONNECTIONS, options)
            waits = rounds([Instance(berth, "waits"), *servers], "waits", SLEEPERS, options)
        finally:
            for server in servers:
                server.stop()
    report.note(before)
    show(f"hello, {HELLO_CONNECTIONS} connections", hello)
    show(f"a handler of {SLEEP_S * 1000:.0f} ms, {SLEEPERS} connections", waits)
    print("CPU time is that of the server, for berth of daemon and instance together; MiB is Pss of the Python process")
    met = [report.verdict(f"hello, times {name}",
                          hello["berth"]["requests_per_second"] / hello[name]["requests_per_second"], least, most=False)
           for name, least in (("uvicorn h11", 5), ("uvicorn httptools uvloop", 1.25))]
    report.write("python", {"machine": before, "versions": versions, "hello": hello, "waits": waits, "targets": met})
