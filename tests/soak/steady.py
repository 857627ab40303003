"""Constant load on a daemon that is upgraded and killed, on an engine that is restarted: see scripts/steady."""

import argparse
import os
import pathlib
import shutil
import signal
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from constant import Callers, Streams
from harness import engine
from harness.daemon import Berth
from harness.wait import wait_until
from own import own_engine, say

CLIENTS, STREAMS = 64, 8
FIRST_S = 600
EFFECT_S = 60
BACK_S = 1.0  # that the next daemon has for its first answer after a kill

HELLO = """
    import asyncio

    async def handle(request):
        await asyncio.sleep(0.005)
        return "hello EDITION"
"""

# Numbers, one after the other, for as long as somebody reads.
COUNTING = """
    import asyncio
    from starlette.responses import StreamingResponse

    async def numbers():
        number = 0
        while True:
            yield f"{number}\\n"
            number += 1
            await asyncio.sleep(0.05)

    async def handle(request):
        return StreamingResponse(numbers(), media_type="text/plain")
"""


class Happened:
    """What was done of one kind: how often, how long it took, and the slowest answer meanwhile."""

    def __init__(self, kind):
        self.kind, self.count, self.longest_s, self.slowest_s = kind, 0, 0.0, 0.0

    def row(self):
        return f"  {self.kind:<28}{self.count:>6}{self.longest_s * 1000:>14.0f}{self.slowest_s * 1000:>16.0f}"


class Steady:
    def __init__(self, options, bin_dir, own=None):
        self.options, self.engine = options, own
        self.problems = []
        self.kinds = {}
        self.edition = 0
        self.kills = []  # (seconds to the first answer, requests that were cut)
        self.berth = Berth(bin_dir)
        self.berth.host = {"drain_timeout": "1h", "prewarm": 1}
        if own:
            self.berth.engine = own
            self.berth.host["docker_socket"] = own.socket
        self.berth.write_function("counting", COUNTING, idle_timeout=3600, timeout=3600, concurrency=2 * STREAMS)
        self.write_hello()
        self.callers = self.streams = None
        self.old = []  # daemons that another one has followed

    def write_hello(self):
        self.berth.write_function("hello", HELLO.replace("EDITION", str(self.edition)), idle_timeout=3600, concurrency=CLIENTS)

    # -- what is done

    def does(self, kind, action):
        """Under load, which goes on before the next thing is done."""
        happened = self.kinds.setdefault(kind, Happened(kind))
        self.callers.slowest_s = 0.0
        began = time.monotonic()
        action()
        happened.longest_s = max(happened.longest_s, time.monotonic() - began)
        self.await_load()
        happened.slowest_s = max(happened.slowest_s, self.callers.slowest_s)
        happened.count += 1

    def await_load(self):
        answers, numbers = self.callers.answers, self.streams.least()
        wait_until(lambda: self.callers.answers > answers + 2 * CLIENTS or self.callers.failures, "answers", EFFECT_S)
        wait_until(lambda: self.streams.least() > numbers + 2 or self.streams.failures, "the streams to go on", EFFECT_S)

    def redeploy(self):
        self.edition += 1
        self.write_hello()
        self.berth.reload()
        wanted = f"hello {self.edition}"
        self.berth.wait_answer("/hello", lambda answer: answer.text == wanted, wanted, EFFECT_S)

    def upgrade(self):
        _, before = self.berth.upgrade()
        self.old.append(before)

    def restart_engine(self):
        """In turns in order and as in a crash; its containers run on."""
        happened = self.kinds["engine restarted"]
        (self.engine.stop if happened.count % 2 == 0 else self.engine.crash)()
        self.engine.start(live_restore=True)
        self.berth.wait_answer("/hello", lambda answer: answer.status == 200, "an answer", EFFECT_S)

    def plan(self):
        """All of it, each kind as evenly as its number allows."""
        options = self.options
        wanted = (("function deployed anew", self.redeploy, options.redeploys),
                  ("daemon upgraded", self.upgrade, options.upgrades),
                  ("engine restarted", self.restart_engine, options.engine_restarts))
        steps = [((at + 1) / (count + 1), kind, action) for kind, action, count in wanted for at in range(count)]
        return [(kind, action) for _, kind, action in sorted(steps, key=lambda step: step[0])]

    # -- its two parts

    def begin(self):
        self.berth.start(timeout=FIRST_S)
        self.berth.wait_answer("/hello", lambda answer: answer.status == 200, "an answer", FIRST_S)

    def keep_on(self):
        """Nothing of what is done may be noticed."""
        self.begin()
        began = time.monotonic()
        with Streams(self.berth.address, "/counting", STREAMS) as self.streams:
            wait_until(lambda: self.streams.least() > 0, "the streams", FIRST_S)
            with Callers(self.berth.address, "/hello", CLIENTS) as self.callers:
                wait_until(lambda: self.callers.answers > CLIENTS, "the clients", FIRST_S)
                for kind, action in self.plan():
                    say(kind)
                    self.does(kind, action)
        self.tell_kept(time.monotonic() - began)
        if self.callers.failures:
            self.problems.append(f"{len(self.callers.failures)} requests failed: {self.callers.failures[:3]}")
        if self.streams.failures:
            self.problems.append(f"{len(self.streams.failures)} streams ended: {self.streams.failures[:3]}")
        for before in self.old:
            status = before.wait(EFFECT_S)
            if status:
                self.problems.append(f"a daemon ended with status {status}")

    def kill(self):
        failures = len(self.callers.failures)
        before = self.serving()
        self.callers.may_connect.clear()
        self.berth.kill()
        self.callers.may_connect.set()
        began = time.monotonic()
        self.berth.start(ready=False)
        while not self.answers():
            time.sleep(0.002)
        self.kills.append([time.monotonic() - began, 0])
        self.berth.wait_ready()
        answers = self.callers.answers
        wait_until(lambda: self.callers.answers > answers + 2 * CLIENTS, "answers", EFFECT_S)
        self.kills[-1][1] = len(self.callers.failures) - failures
        if not before <= {container["Id"] for container in self.berth.instances("hello")}:
            self.problems.append("a container that served does not after a kill")
        if self.kills[-1][1] > CLIENTS:
            self.problems.append(f"more failed at a kill than there are clients: {set(self.callers.failures[failures:])}")
        if self.kills[-1][0] > BACK_S and not self.options.any_time:
            self.problems.append(f"the first answer after a kill took {self.kills[-1][0]:.2f} s")

    def serving(self):
        """The containers of instances that are ready: of one that is being made there is nothing to go on with."""
        told = self.berth.admin("GET", "/berth/functions/hello/instances").json()
        ready = {f"berth-hello-{each['instance']}" for each in told if each["state"] == "ready"}
        return {container["Id"] for container in self.berth.instances("hello") if engine.name_of(container) in ready}

    def answers(self):
        try:
            return self.berth.get("/hello").status == 200
        except OSError:
            return False

    def be_killed(self):
        """Without streams, and on the usual engine: one in a network of its own has the rules for what functions reach made in
        a container, which takes a while."""
        self.begin()
        with Callers(self.berth.address, "/hello", CLIENTS, comes_again=True) as self.callers:
            wait_until(lambda: self.callers.answers > CLIENTS, "the clients", FIRST_S)
            for _ in range(self.options.kills):
                say("daemon killed")
                self.kill()
        known = self.berth.admin("GET", "/berth/requests?function=hello&limit=10000").json()
        self.tell_killed(sum(record.get("code") == "daemon-ended" for record in known))

    # -- what came of it

    def tell_kept(self, seconds):
        print(f"\n{CLIENTS} clients that keep their connections, {STREAMS} streams, {seconds:.0f} s\n")
        print(f"  {'what was done':<28}{'times':>6}{'longest ms':>14}{'slowest answer':>16}")
        print("\n".join(happened.row() for happened in self.kinds.values()))
        print(f"\n  requests: {self.callers.answers} answered, {len(self.callers.failures)} failed")
        print(f"  numbers streamed: {sum(self.streams.numbers)}; streams that ended: {len(self.streams.failures)}\n", flush=True)

    def tell_killed(self, known):
        print(f"\n{CLIENTS} clients that keep their connections and come again, killed {len(self.kills)} times\n")
        for at, (back_s, cut) in enumerate(self.kills):
            print(f"  kill {at + 1}: first answer after {back_s * 1000:.0f} ms, {cut} requests cut")
        print(f"  records of requests that were in flight: {known}\n", flush=True)

    def finish(self):
        self.berth.expect_error(r"engine\..*|docker\..*|instance\..*")
        if self.options.keep:
            os.makedirs(self.options.keep, exist_ok=True)
            shutil.copy(self.berth.log.path, os.path.join(self.options.keep, "log" if self.engine else "log-of-kills"))
        self.problems += self.berth.finish()


def parse(arguments):
    parser = argparse.ArgumentParser(prog="scripts/steady", description="Constant load that may not notice anything.")
    for name, count in (("redeploys", 20), ("upgrades", 10), ("engine-restarts", 5), ("kills", 5)):
        parser.add_argument(f"--{name}", type=int, default=count, metavar="COUNT", help=f"default: {count}")
    parser.add_argument("--preset", default="release", help="the build that is used; default: release")
    parser.add_argument("--bin-dir", help="or the folder of its programs")
    parser.add_argument("--any-time", action="store_true", help="however long the first answer after a kill takes")
    parser.add_argument("--keep", metavar="FOLDER", help="where the daemon's log is left")
    return parser.parse_args(arguments)


def go_through(steady, part):
    """One part of it, with what every daemon has to be like at its end; what was wrong."""
    try:
        part()
    except (AssertionError, OSError, KeyboardInterrupt) as error:
        steady.problems.append(f"it was broken off: {type(error).__name__}: {error}")
    finally:
        steady.finish()
    return steady.problems


def main(arguments):
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the engine goes with it
    options = parse(arguments)
    bin_dir = os.path.abspath(options.bin_dir or ROOT / "build" / options.preset / "bin")
    with own_engine(bin_dir, {"python-image": (HELLO, "python")}, live_restore=True) as own:
        steady = Steady(options, bin_dir, own)
        problems = go_through(steady, steady.keep_on)
    if options.kills:
        steady = Steady(options, bin_dir)
        problems += go_through(steady, steady.be_killed)
    print("\n".join(f"PROBLEM: {text}" for text in problems) or "Nobody has noticed.")
    return 1 if problems else 0


sys.exit(main(sys.argv[1:]))
