"""Slow clients beside quick ones: the latency of hello while many others send one byte of a request a second, against
the usual one. Rounds with and without the slow clients alternate; each figure is the median over the rounds. What they
cost the daemon in memory is shown, and whether that stays as it is while they go on."""
import argparse
import os
import resource
import selectors
import socket
import threading
import time

import measure
import python
from lib import report, samples
from lib.berth import Berth

HEAD = b"GET /hello HTTP/1.1\r\nHost: bench\r\nX-Slow: "
TICK_S = 0.004
LOWEST_PRIORITY = 19  # slow clients are elsewhere: those who are measured shall not wait for the processor they need
START_S = 10  # over which they begin, so that they are not all told 408 at one moment either
FIGURES = ("requests_per_second", "p50_ms", "p99_ms", "cpu_us")


class SlowClient:
    """Sends an endless head byte by byte, and begins anew when it has been told 408."""

    def __init__(self, address):
        self.address = address
        self.sock = None
        self.at = 0

    def connect(self, selector):
        self.sock = socket.create_connection(self.address)
        self.sock.setblocking(False)
        self.at = 0
        selector.register(self.sock, selectors.EVENT_READ, self)

    def send(self):
        """The next byte, when the client has begun."""
        if self.sock is None:
            return
        byte = HEAD[self.at:self.at + 1] or b"y"
        self.at += 1
        try:
            self.sock.send(byte)
        except OSError:
            pass  # the answer is there to be read

    def end(self, selector):
        """Gives the status that it was told, 0 for none."""
        try:
            data = self.sock.recv(4096)
        except OSError:
            data = b""
        selector.unregister(self.sock)
        self.sock.close()
        return int(data[9:12]) if data else 0


class SlowCrowd:
    """Many slow clients in a thread of their own, their bytes spread evenly over each second and their beginnings over
    START_S. A context manager, entered when all have begun."""

    def __init__(self, address, count):
        self.clients = [SlowClient(address) for _ in range(count)]
        self.selector = selectors.DefaultSelector()
        self.told = {}  # status: how often
        self.begun = 0
        self.complete = threading.Event()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        self.complete.wait()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
        for client in self.clients:
            client.sock.close()
        self.selector.close()

    def begin(self, until):
        """Connects the clients up to that one."""
        for client in self.clients[self.begun:until]:
            client.connect(self.selector)
        self.begun = max(self.begun, until)
        if self.begun >= len(self.clients):
            self.complete.set()

    def run(self):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST_PRIORITY)
        ticks = round(1 / TICK_S)
        due, tick = time.monotonic(), 0
        while not self.stopping.is_set():
            if not self.complete.is_set():
                self.begin(min(len(self.clients), int(len(self.clients) * (tick + 1) * TICK_S / START_S)))
            for client in self.clients[tick % ticks::ticks]:
                client.send()
            for key, _ in self.selector.select(0):
                status = key.data.end(self.selector)
                self.told[status] = self.told.get(status, 0) + 1
                key.data.connect(self.selector)
            tick += 1
            due += TICK_S
            self.stopping.wait(max(0, due - time.monotonic()))


def daemon_kib(instance):
    return measure.resident_kib(instance.berth.pid)


def compare(instance, options):
    """Rounds without and with slow clients in turn. Gives runs by kind, the memory with them, and what they were told."""
    runs = {"usual": [], "beside slow clients": []}
    memory, told = [], {}

    def quick():
        return measure.load(instance, instance.target("hello"), options.connections, options.seconds)

    quick()
    for number in range(options.rounds):
        report.progress(f"round {number + 1}, usual")
        runs["usual"].append(quick())
        report.progress(f"round {number + 1}, beside slow clients")
        with SlowCrowd(("127.0.0.1", instance.port), options.clients) as crowd:
            runs["beside slow clients"].append(quick())
            memory.append(daemon_kib(instance))
        for status, count in crowd.told.items():
            told[status] = told.get(status, 0) + count
    return runs, memory, told


def parse(arguments):
    parser = argparse.ArgumentParser(prog="bench/run slow", description=__doc__)
    parser.add_argument("--seconds", type=int, default=8, help="length of one run; each slow client is told 408 after 10")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind")
    parser.add_argument("--clients", type=int, default=2000, help="slow ones")
    parser.add_argument("--connections", type=int, default=8, help="of the quick ones")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    before = report.machine()
    settings = {"max_scale": 1, "idle_timeout": "1h", "concurrency": options.connections}
    with Berth({"hello": (samples.HELLO, settings)}, {"prewarm": 0}) as berth:
        instance = python.Instance(berth, "hello")
        empty = daemon_kib(instance)
        runs, memory, told = compare(instance, options)
    report.note(before)
    found = {kind: measure.median_of(of_kind) for kind, of_kind in runs.items()}
    measure.print_table(["hello", "requests/s", "p50 ms", "p99 ms", "CPU us/request"],
                        [[kind, *(f"{run[figure]:.2f}" for figure in FIGURES)] for kind, run in found.items()])
    print(f"{options.clients} slow clients: the daemon grew by {(max(memory) - empty) / 1024:.1f} MiB, "
          f"told them {told or 'nothing'}")
    met = [report.verdict("p99 beside slow clients, times the usual one",
                          found["beside slow clients"]["p99_ms"] / max(found["usual"]["p99_ms"], 1e-3), 2),
           report.verdict("MiB that the daemon grew between the first round with slow clients and the last",
                          (memory[-1] - memory[0]) / 1024, 1)]
    report.write("slow", {"machine": before, "runs": runs, "medians": found, "memory_kib": memory, "empty_kib": empty,
                          "told": told, "targets": met})
