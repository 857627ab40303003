"""What a warm request costs the daemon, this build against another one: CPU time of the whole process for each request.

Both daemons run side by side, each with a Python hello in one instance and one worker, and are loaded in turns. The CPU time
is that of berthd alone, all of its threads, and it is shown what of it is not the worker's: records of requests, counts, the log.
Before anything is measured the files of records have been filled once, since every page of a new file costs memory that is
cleared for it. `--against` names the folder with the other build's programs; without it this build runs twice, which shows
how steady the figures are."""
import argparse
import pathlib
import statistics

import measure
import python
from lib import client, report, samples
from lib.berth import Berth

SETTINGS = {"max_scale": 1, "idle_timeout": "1h", "concurrency": python.HELLO_CONNECTIONS}
WARM_UP_S = 20
ADDED_MOST = 1.02


class Daemon(measure.Peer):
    """The process of a daemon, without that of the function."""

    def __init__(self, name, berth):
        self.name, self.port, self.path, self.folder = name, berth.port, "/hello", pathlib.Path(f"/proc/{berth.pid}/task")
        client.get(berth.address, "/hello")

    def thread_seconds(self):
        """The CPU time of the workers, and of the other threads."""
        workers = others = 0
        for thread in self.folder.iterdir():
            seconds = int((thread / "schedstat").read_text().split()[0]) / 1e9
            if (thread / "comm").read_text().startswith("worker"):
                workers += seconds
            else:
                others += seconds
        return workers, others

    def cpu_seconds(self):
        return sum(self.thread_seconds())

    def load(self, seconds):
        before = self.thread_seconds()
        result = measure.load(self, self.path, python.HELLO_CONNECTIONS, seconds)
        workers, others = (now - then for now, then in zip(self.thread_seconds(), before))
        return {**result, "others_us": result["cpu_us"] * others / (workers + others)}


def parse(arguments):
    parser = argparse.ArgumentParser(prog="bench/run warm", description=__doc__)
    parser.add_argument("--against", type=pathlib.Path, default=measure.BIN, help="the folder with the other berthd")
    parser.add_argument("--seconds", type=int, default=2, help="length of one run")
    parser.add_argument("--rounds", type=int, default=31, help="runs of each")
    return parser.parse_args(arguments)


def take_turns(peers, options):
    """The runs of each by name: whoever goes first in one round goes last in the next."""
    runs = {peer.name: [] for peer in peers}
    for peer in peers:
        peer.load(WARM_UP_S)
    for number in range(options.rounds):
        for peer in peers if number % 2 else reversed(peers):
            runs[peer.name].append(peer.load(options.seconds))
    return runs


def main(arguments):
    options = parse(arguments)
    before = report.machine()
    functions = {"hello": (samples.HELLO, SETTINGS)}
    with Berth(functions, {"prewarm": 0}, ["--workers", "1"]) as this, \
            Berth(functions, {"prewarm": 0}, ["--workers", "1"], options.against) as other:
        runs = take_turns([Daemon("this", this), Daemon("other", other)], options)
    ratios = [mine["cpu_us"] / theirs["cpu_us"] for mine, theirs in zip(runs["this"], runs["other"])]
    medians = {name: measure.median_of(those) for name, those in runs.items()}
    added = 1 + (medians["this"]["others_us"] - medians["other"]["others_us"]) / medians["other"]["cpu_us"]
    report.note(before)
    measure.print_table(["build", "requests/s", "p50 ms", "p99 ms", "CPU us/request", "not the worker's"], [
        [name, f"{run['requests_per_second']:.0f}", f"{run['p50_ms']:.3f}", f"{run['p99_ms']:.3f}", f"{run['cpu_us']:.2f}",
         f"{run['others_us']:.3f}"] for name, run in medians.items()])
    quartiles = ", ".join(f"{quartile:.3f}" for quartile in statistics.quantiles(ratios, n=4))
    print(f"CPU time for each request, times the other build's: quartiles of {options.rounds} rounds {quartiles}")
    met = [report.verdict("the same, by what the threads beside the worker take", added, ADDED_MOST)]
    report.write("warm", {"machine": before, "runs": runs, "ratios": ratios, "added": added, "targets": met})
