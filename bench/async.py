"""Async calls: how many are accepted and delivered a second, what a million that wait cost, and what direct calls notice.

Beside it, on the same machine and disk and in turns: a list of Redis with an append-only file, synced before each answer, and a
worker in Python that takes from it as safely (moved to a second list, its result stored and removed in one transaction). Redis
speaks its own protocol with its own load generator, and nothing stands between them; Berth is called over HTTP."""
import argparse
import contextlib
import csv
import pathlib
import re
import statistics
import subprocess
import tempfile
import time
import urllib.request

import measure
from lib import report, samples
from lib.berth import Berth

BODY = "x" * 200
CLIENTS = (1, 32, 256)
ACCEPTED_LEAST, P99_MOST_MS, MEMORY_MOST_MIB, SLOWER_MOST = 10000, 20, 30, 1.05
RULES = {"work": (samples.HELLO, {"async_concurrency": 8, "concurrency": 8, "max_scale": 1, "idle_timeout": "1h"}),
         "direct": (samples.HELLO, {"max_scale": 1, "idle_timeout": "1h"}),
         "later": (samples.waits(600), {"async_concurrency": 1, "max_scale": 1, "timeout": "1h", "max_age": "24h"})}
POST = """wrk.method = "POST"
wrk.body = "%s"
"""
WORKER = pathlib.Path(__file__).resolve().parent / "lib" / "redis_worker.py"


def load(url, clients, seconds, script=None):
    """One run of wrk."""
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--latency", *(["-s", script] if script else []), url]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if errors := re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: .*", output):
        raise RuntimeError(f"{url}: {errors[0]}")
    return {"per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]),
            "p50_ms": measure.milliseconds(re.search(r"\s50%\s+(\S+)", output)[1]),
            "p99_ms": measure.milliseconds(re.search(r"\s99%\s+(\S+)", output)[1])}


def memory_mib(pid):
    """The process' own (anonymous), and all that it has resident: for Berth mostly the file of the newest requests, which is
    mapped and as large with or without a backlog."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {name: int(re.search(rf"{field}:\s+(\d+)", status)[1]) / 1024
            for name, field in (("anonymous", "RssAnon"), ("resident", "VmRSS"))}


class Calls:
    """The async calls of a daemon."""

    def __init__(self, berth, folder):
        self.berth = berth
        self.script = pathlib.Path(folder, "post.lua")
        self.script.write_text(POST % BODY, encoding="ascii")

    def metrics(self):
        """The samples of the page, by name and labels as they are written."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.berth.admin_port}/metrics", timeout=30) as page:
            lines = page.read().decode().splitlines()
        return {name: float(value) for name, _, value in
                (line.rpartition(" ") for line in lines if line and not line.startswith("#"))}

    def waiting(self):
        found = self.metrics()
        return int(found['berth_calls{state="waiting"}'] + found['berth_calls{state="running"}'])

    def accept(self, function, clients, seconds):
        """wrk against the async path; besides, how many calls one sync of the disk made safe."""
        before = self.metrics()
        run = load(f"http://127.0.0.1:{self.berth.port}/async-function/{function}", clients, seconds, self.script)
        after = self.metrics()
        grown = {name: after[name] - before[name] for name in after if name.startswith("berth_call")}
        syncs = grown['berth_call_commits_total{synced="yes"}']
        return {**run, "per_sync": grown["berth_calls_accepted_total"] / max(syncs, 1)}

    def fill(self, function, count):
        while (missing := count - self.waiting()) > 0:
            report.progress(f"{missing} calls are still to be accepted")
            self.accept(function, 256, 2 if missing < 50000 else 10)

    def drain(self, function, count):
        """How many calls a second are delivered until none waits."""
        self.fill(function, count)
        waiting, began = self.waiting(), time.monotonic()
        while (left := self.waiting()) > 0:
            report.progress(f"{left} calls wait")
            time.sleep(0.1)
        return waiting / (time.monotonic() - began)


class Redis:
    """A redis-server of its own, whose list is on disk before an entry is answered."""

    def __init__(self, folder):
        self.folder = folder
        self.peer = measure.Peer("redis", ["redis-server", "--port", port := measure.free_port(), "--bind", "127.0.0.1",
                                           "--dir", folder, "--save", "", "--appendonly", "yes", "--appendfsync", "always",
                                           "--daemonize", "no"], port)

    def accept(self, clients, seconds):
        """As many entries as Berth might take in that time: redis-benchmark counts entries, not seconds."""
        count = max(200, 3000 * seconds if clients > 1 else 300 * seconds)
        output = subprocess.run(["redis-benchmark", "-p", str(self.peer.port), "-c", str(clients), "-n", str(count),
                                 "-d", str(len(BODY)), "--csv", "RPUSH", "work", BODY],
                                capture_output=True, text=True, check=True).stdout
        row = list(csv.DictReader(output.splitlines()))[-1]
        return {"per_second": float(row["rps"]), "p50_ms": float(row["p50_latency_ms"]), "p99_ms": float(row["p99_latency_ms"])}

    def drain(self, count):
        import redis  # Debian's python3-redis, which only this needs

        client = redis.Redis(port=self.peer.port)
        client.delete("work")
        for _ in range(count // 1000):
            client.rpush("work", *[BODY] * 1000)
        return float(subprocess.run(["/usr/bin/python3", WORKER, str(self.peer.port)],
                                    capture_output=True, text=True, check=True).stdout)

    def memory(self, count):
        import redis

        client = redis.Redis(port=self.peer.port)
        client.delete("work")
        for _ in range(count // 1000):
            client.rpush("work", *[BODY] * 1000)
        return memory_mib(self.peer.process.pid)


def direct(calls, seconds):
    return load(f"http://127.0.0.1:{calls.berth.port}/direct", 4, seconds)


def direct_runs(calls, options):
    """The median of direct calls, beside whatever waits now."""
    return measure.median_of([direct(calls, options.seconds) for _ in range(options.rounds)])


def parse(arguments):
    parser = argparse.ArgumentParser(prog="bench/run async", description=__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="length of one run")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each")
    parser.add_argument("--drain", type=int, default=20000, help="calls that are delivered for the drain rate")
    parser.add_argument("--backlog", type=int, default=1000000, help="calls that wait when memory is looked at")
    return parser.parse_args(arguments)


def acceptance(calls, redis, options):
    found = []
    for clients in CLIENTS:
        runs = {"Berth": [], "Redis": []}
        for number in range(options.rounds):
            report.progress(f"{clients} clients, round {number + 1} of {options.rounds}")
            runs["Berth"].append(calls.accept("later", clients, options.seconds))
            if redis:
                runs["Redis"].append(redis.accept(clients, options.seconds))
        found += [{"peer": peer, "clients": clients, **measure.median_of(those)} for peer, those in runs.items() if those]
    return found


def show(accepted, drained, memory, beside):
    measure.print_table(["accepting", "clients", "a second", "p50 ms", "p99 ms", "calls per sync"], [
        [run["peer"], run["clients"], f"{run['per_second']:.0f}", f"{run['p50_ms']:.2f}", f"{run['p99_ms']:.2f}",
         f"{run['per_sync']:.1f}" if "per_sync" in run else ""] for run in accepted])
    for peer, rate in drained.items():
        print(f"{peer} delivers {rate:.0f} calls a second")
    measure.print_table(["memory, MiB", "anonymous", "resident"], [
        [name, *(f"{mib:.1f}" for mib in found.values())] for name, found in memory.items()])
    for name, run in beside.items():
        print(f"direct calls while {name}: {run['per_second']:.0f} a second, "
              f"p50 {run['p50_ms']:.2f} ms, p99 {run['p99_ms']:.2f} ms")


def main(arguments):
    options = parse(arguments)
    before = report.machine()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-async-", dir="/tmp"))
        berth = stack.enter_context(Berth(RULES, {"prewarm": 0, "calls_max": 2000000, "calls_disk": "8Gi"}))
        calls = Calls(berth, folder)
        memory = {"Berth before any call": memory_mib(berth.pid)}
        redis = Redis(folder) if measure.need("redis-server") else None
        if redis:
            stack.callback(redis.peer.stop)
        drained = {"Berth": statistics.median(calls.drain("work", options.drain) for _ in range(options.rounds))}
        if redis:
            drained["Redis"] = statistics.median(redis.drain(options.drain) for _ in range(options.rounds))
        direct(calls, 1)  # starts its instance
        beside = {"nothing waits": direct_runs(calls, options)}
        accepted = acceptance(calls, redis, options)
        calls.fill("later", options.backlog)
        beside["a backlog waits"] = direct_runs(calls, options)
        memory["Berth with the backlog"] = memory_mib(berth.pid)
        if redis:
            memory["Redis with the backlog"] = redis.memory(options.backlog)
    report.note(before)
    show(accepted, drained, memory, beside)
    mine = next(run for run in accepted if run["peer"] == "Berth" and run["clients"] == 32)
    ratio = beside["a backlog waits"]["p99_ms"] / beside["nothing waits"]["p99_ms"]
    met = [report.verdict("calls accepted a second, 32 clients", mine["per_second"], ACCEPTED_LEAST, most=False),
           report.verdict("p99 of their acceptance, ms", mine["p99_ms"], P99_MOST_MS),
           report.verdict("anonymous MiB with the backlog", memory["Berth with the backlog"]["anonymous"], MEMORY_MOST_MIB),
           report.verdict("p99 of direct calls beside the backlog, times that without", ratio, SLOWER_MOST)]
    report.write("async", {"machine": before, "accepted": accepted, "drained": drained, "memory_mib": memory, "beside": beside,
                           "targets": met})
