"""One daemon under everything at once, for minutes or hours: see scripts/soak."""

import argparse
import contextlib
import os
import pathlib
import shutil
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from faults import Faults
from harness import processes
from harness.daemon import Berth
from harness.functions import HELLO, NODE_HELLO, SHELL_HELLO
from harness.wait import wait_until
from ledger import Ledger
from own import own_engine, say
from samples import Sample, tell
from traffic import Traffic, told_of_schedule
import serves

ROUND_S = (12, 60)  # shortest and longest
ROUNDS = 12  # that there are of them, where they are neither
EARLY = 0.4  # of the rounds: those in which the daemon is restarted. In what follows it has to be flat
PREWARMED = 1  # of each runtime
FIRST_S = 600
QUIET_S = 60


def has_sanitizer(bin_dir):
    with open(os.path.join(bin_dir, "berthd"), "rb") as file:
        return b"__asan_init" in file.read()


class Soak:
    def __init__(self, options, bin_dir, own):
        self.options = options
        self.berth = Berth(bin_dir)
        self.berth.host = {
            "prewarm": PREWARMED,
            "drain_timeout": "20s",
            "log_disk": "2Mi",
        }
        if own:
            self.berth.engine = own
            self.berth.host["docker_socket"] = own.socket
        self.ledger = Ledger()
        self.faults = Faults(self.berth, self.ledger, own is not None)
        self.samples = []
        self.problems = []
        self.is_sanitized = has_sanitizer(bin_dir)
        serves.write(self.berth, options.node)
        self.runtimes = ("python", "shell", "node") if options.node else ("python", "shell")
        self.traffic = Traffic(self.berth, self.ledger, options.node)

    # -- its parts

    def begin(self):
        self.berth.start(timeout=FIRST_S, environment=self.environment())
        for name in serves.names(self.berth):
            wait_until(lambda name=name: self.berth.get(f"/{name}", timeout=FIRST_S).status != 503, f"{name} to serve", FIRST_S)

    def environment(self):
        """A sanitizer keeps what was freed for a while, which looks like growth: as little of it as it can."""
        return {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99:quarantine_size_mb=4"}

    def rest(self):
        """Until nobody uses it and what was started for them is gone; a sample of it then."""
        began = time.monotonic()
        self.traffic.rest()
        ticking = {"ticks"}

        def is_quiet():
            self.use_kept_trials()
            busy = [name for name in serves.names(self.berth) if name not in ticking and self.berth.instances(name)]
            left = len(self.berth.containers()) <= PREWARMED * len(self.runtimes) + len(ticking)
            jobs = [pid for pid in processes.children(self.berth.pid) if not processes.is_firewall(pid)]
            return not busy and left and not jobs

        wait_until(is_quiet, "everything to come to rest", QUIET_S)
        self.check_schedule()
        self.samples.append(Sample(self.berth))
        values = self.samples[-1].values
        say(
            f"at rest after {time.monotonic() - began:.1f} s: {values['anonymous memory'] / 1048576:.1f} MiB, "
            f"{values['descriptors']} descriptors, {values['threads']} threads; {self.ledger.total()} requests, "
            f"{len(self.ledger.failed)} failed, {len(self.ledger.unexplained())} of them for no known reason"
        )
        self.traffic.go_on()

    def use_kept_trials(self):
        """The instance of a new revision waits for its first request for minutes: it gets one."""
        for name in serves.names(self.berth):
            if self.berth.admin("GET", f"/berth/functions/{name}").json()["trial_kept_ms"] > 0:
                self.berth.get(f"/{name}")

    def check_schedule(self):
        told = told_of_schedule(self.berth, "ticks")
        if not told:
            self.problems.append("the schedule of ticks is gone")

    def round(self, seconds, large):
        """Load, with faults one after the other."""
        end = time.monotonic() + seconds
        small = self.faults.small()
        if large:
            time.sleep(min(3, seconds / 4))
            say(f"fault: {large.__name__}")
            large()
        pause = max(0.5, seconds / (2 * len(small)))
        while time.monotonic() < end:
            fault = small[self.turn % len(small)]
            self.turn += 1
            fault()
            time.sleep(min(pause, max(0, end - time.monotonic())))

    def run(self):
        seconds = self.options.seconds
        length = min(max(seconds / ROUNDS, ROUND_S[0]), ROUND_S[1])
        rounds = max(5, round(seconds / length))
        self.turn = 0
        large = self.faults.large()
        say(f"{rounds} rounds of {length:.0f} s")
        self.begin()
        self.traffic.start()
        for number in range(rounds):
            is_early = 0 < number <= int(rounds * EARLY)
            self.round(length, large[(number - 1) % len(large)] if is_early else None)
            self.rest()
        self.traffic.end()

    def finish(self, keep):
        """Ends the daemon, as every end-to-end test does, and gathers what was wrong."""
        self.traffic.go_on()
        for name in serves.names(self.berth):  # to these things are done
            self.berth.expect_error(".*", function=name)
        self.berth.expect_error(r"engine\..*|docker\..*|instance\..*")
        if keep:
            os.makedirs(keep, exist_ok=True)
            shutil.copy(self.berth.log.path, os.path.join(keep, "log"))
        self.problems += self.berth.finish()

    # -- what came of it

    def report(self):
        lines, growing = tell(self.samples, self.is_sanitized) if self.samples else ([], ["there are no samples"])
        unexplained = self.ledger.unexplained()
        lost = self.traffic.accepted - self.traffic.done
        print(f"\nSoak of {self.options.seconds:.0f} s{' with AddressSanitizer' if self.is_sanitized else ''}\n")
        print("\n".join(lines))
        print()
        print("\n".join(self.ledger.tell_requests()))
        print(f"  calls accepted: {self.traffic.accepted}, done: {self.traffic.done}")
        print(f"  clients that went away: {self.traffic.vanished}")
        print("\n  faults")
        print("\n".join(self.ledger.tell_faults()))
        verdicts = [f"it grows: {name}" for name in growing]
        verdicts += [f"{len(unexplained)} requests failed, and no fault explains it"] if unexplained else []
        verdicts += [f"{lost} calls were accepted and not done"] if lost else []
        verdicts += self.problems
        print()
        print("\n".join(self.ledger.tell_unexplained()))
        print("\n".join(f"PROBLEM: {text}" for text in verdicts) or "No problem was found.")
        return 1 if verdicts else 0


def engine_of(options, bin_dir):
    """A second engine, or None for the usual one."""
    if not options.own_engine:
        return contextlib.nullcontext()
    functions = {"python-image": (HELLO, "python"), "shell-image": (SHELL_HELLO, "shell")}
    if options.node:
        functions["node-image"] = (NODE_HELLO, "node")
    return own_engine(bin_dir, functions)


def parse(arguments):
    parser = argparse.ArgumentParser(prog="scripts/soak", description="One daemon under everything at once.")
    parser.add_argument("minutes", type=float)
    parser.add_argument("--preset", default="release", help="the build that is used; default: release")
    parser.add_argument("--bin-dir", help="or the folder of its programs")
    parser.add_argument("--own-engine", action="store_true", help="a Docker engine of its own, which is stopped now and then")
    parser.add_argument("--node", action="store_true", help="with a function in Node.js too")
    parser.add_argument("--keep", metavar="FOLDER", help="where the daemon's log is left")
    options = parser.parse_args(arguments)
    options.seconds = options.minutes * 60
    return options


def main(arguments):
    options = parse(arguments)
    bin_dir = os.path.abspath(options.bin_dir or ROOT / "build" / options.preset / "bin")
    with engine_of(options, bin_dir) as own:
        soak = Soak(options, bin_dir, own)
        try:
            soak.run()
        except (AssertionError, OSError, KeyboardInterrupt) as error:
            soak.problems.append(f"it was broken off: {type(error).__name__}: {error}")
        finally:
            soak.traffic.over.set()
            soak.finish(options.keep)
        return soak.report()


sys.exit(main(sys.argv[1:]))
