"""What a change costs with many functions: from an edit of one, and SIGHUP, until it is served; and a start on a state
directory that knows all of them until one is served. With the number of build jobs of each."""
import argparse
import pathlib
import signal
import statistics
import time

import measure
from lib import client, report
from lib.berth import Berth

LIVE_S, START_S = 1.0, 3.0


class Many(Berth):
    """Functions in shell that answer with what they were last given."""

    def __init__(self, count):
        super().__init__({})
        self.count = count

    def write(self):
        lines = ["host: {prewarm: 0, log_level: debug}", "usable-functions:"]
        lines += [f"  f{number}: {{configuration: {{language: shell, file: main.sh, idle_timeout: 10m}}}}"
                  for number in range(self.count)]
        for number in range(self.count):
            self.edit(number, number)
        pathlib.Path(self.folder, "project", "registry.yml").write_text("\n".join(lines) + "\n", encoding="ascii")

    def edit(self, number, text):
        folder = pathlib.Path(self.folder, "project", "functions", f"f{number}")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "main.sh"
        path.write_text(f"#!/bin/sh\necho {text}\n", encoding="ascii")
        path.chmod(0o755)

    def jobs(self):
        self.update()
        return sum(event["event"] == "build.job" and "function" in event for event in self.log.events)

    def seconds_until(self, number, text):
        """From now until the function answers so."""
        began = time.monotonic()
        while True:
            try:
                if client.get(self.address, f"/f{number}").body == f"{text}\n".encode():
                    return time.monotonic() - began
            except OSError:
                pass
            if time.monotonic() - began > 120:
                raise RuntimeError(f"f{number} does not answer {text}:\n{self.log.tail()}")
            time.sleep(0.005)


def edits(berth, rounds):
    """[seconds] of edits of the last function, and the build jobs of all of them."""
    last, found = berth.count - 1, []
    berth.seconds_until(last, last)
    before = berth.jobs()
    for number in range(rounds):
        report.progress(f"edit {number + 1} of {rounds}")
        berth.edit(last, f"edit-{number}")
        berth.process.send_signal(signal.SIGHUP)
        found.append(berth.seconds_until(last, f"edit-{number}"))
    return found, berth.jobs() - before


def restarts(berth, rounds):
    """[seconds] of starts until a function is served, and the build jobs of all of them."""
    found, before = [], berth.jobs()
    for number in range(rounds):
        report.progress(f"start {number + 1} of {rounds}")
        berth.process.send_signal(signal.SIGTERM)
        berth.process.wait(60)
        berth.update()
        berth.log.events = [event for event in berth.log.events if event["event"] == "build.job"]
        began = time.monotonic()
        berth.start()
        berth.seconds_until(0, 0)
        found.append(time.monotonic() - began)
    return found, berth.jobs() - before


def main(arguments):
    parser = argparse.ArgumentParser(prog="bench/run reload", description=__doc__)
    parser.add_argument("--functions", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    before = report.machine()
    report.progress(f"building {options.functions} functions")
    began = time.monotonic()
    with Many(options.functions) as berth:
        first_s = time.monotonic() - began
        edit_s, edit_jobs = edits(berth, options.rounds)
        start_s, start_jobs = restarts(berth, options.rounds)
    report.note(before)
    rows = [[title, *(f"{value:.2f}" for value in (min(found), statistics.median(found), max(found))), str(jobs)]
            for title, found, jobs in ((f"edit of one of {options.functions}", edit_s, edit_jobs),
                                       (f"start that knows {options.functions}", start_s, start_jobs))]
    measure.print_table([f"{options.rounds} rounds, s", "min", "p50", "max", "build jobs of all rounds"], rows)
    print(f"a first start, which knows none, took {first_s:.1f} s")
    met = [report.verdict("edit until it is served, p50, s", statistics.median(edit_s), LIVE_S),
           report.verdict("start on a known state until it is served, p50, s", statistics.median(start_s), START_S)]
    report.write("reload", {"machine": before, "functions": options.functions, "edit_s": edit_s, "edit_jobs": edit_jobs,
                            "start_s": start_s, "start_jobs": start_jobs, "first_start_s": first_s, "targets": met})
