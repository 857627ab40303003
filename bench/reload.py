"""What a change costs with many functions: from an edit of one until its first answer, with the daemon watching the files
and by SIGHUP, for a function in shell, one in Python, and one in Python with 100 MB of dependencies; and a start on a state
directory that knows all of them until one is served. With the number of build jobs of each."""
import argparse
import contextlib
import pathlib
import signal
import statistics
import time

import measure
from lib import client, report
from lib.berth import Berth
from lib.wheel import Wheel

LIVE_S, START_S = 0.5, 3.0
BULK_BYTES = 100_000_000
CODE = {"shell": ("main.sh", "#!/bin/sh\necho {}\n"), "python": ("main.py", 'def handle(request):\n    return "{}\\n"\n')}


class Many(Berth):
    """Functions in shell, the last few in Python, that answer with what they were last given."""

    def __init__(self, count):
        super().__init__({}, arguments=["--no-watch"])
        self.languages = {f"f{number}": ("shell", "") for number in range(count)}

    def write(self):
        lines = ["host: {prewarm: 2, log_level: debug}", "usable-functions:"]
        for name, (language, more) in self.languages.items():
            self.edit(name, name)
            lines.append(f"  {name}: {{configuration: {{language: {language}, file: {CODE[language][0]}, "
                         f"idle_timeout: 10m{more}}}}}")
        pathlib.Path(self.folder, "project", "registry.yml").write_text("\n".join(lines) + "\n", encoding="ascii")

    def add(self, name, dependencies=""):
        self.languages[name] = ("python", f", extra_dependencies: \"{dependencies}\"" if dependencies else "")
        self.write()
        self.process.send_signal(signal.SIGHUP)
        self.seconds_until(name, name)

    def edit(self, name, text):
        file, code = CODE[self.languages[name][0]]
        folder = pathlib.Path(self.folder, "project", "functions", name)
        folder.mkdir(parents=True, exist_ok=True)
        new = code.format(text)
        path = folder / file
        if not path.exists() or path.read_text(encoding="ascii") != new:
            path.write_text(new, encoding="ascii")
            path.chmod(0o755)

    def jobs(self):
        self.update()
        return sum(event["event"] == "build.job" and "function" in event for event in self.log.events)

    def seconds_until(self, name, text):
        """From now until the function answers so."""
        began = time.monotonic()
        while True:
            try:
                if client.get(self.address, f"/{name}").body == f"{text}\n".encode():
                    return time.monotonic() - began
            except OSError:
                pass
            if time.monotonic() - began > 120:
                self.update()
                raise RuntimeError(f"{name} does not answer {text}:\n{self.log.tail()}")
            time.sleep(0.005)

    def restart(self, *arguments):
        """Seconds from the new process until a function is served."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.update()
        self.log.events = [event for event in self.log.events if event["event"] == "build.job"]
        self.arguments = list(arguments)
        began = time.monotonic()
        self.start()
        self.seconds_until("f0", "f0")
        return time.monotonic() - began


def edits(berth, name, rounds, reload):
    """[seconds] of edits of a function, and the build jobs of all of them."""
    found, before = [], berth.jobs()
    for number in range(rounds):
        report.progress(f"{name}, edit {number + 1} of {rounds}")
        text = f"{name}-{number}-{reload}"
        berth.edit(name, text)
        if reload:
            berth.process.send_signal(signal.SIGHUP)
        found.append(berth.seconds_until(name, text))
    return found, berth.jobs() - before


def main(arguments):
    parser = argparse.ArgumentParser(prog="bench/run reload", description=__doc__)
    parser.add_argument("--functions", type=int, default=1000)
    parser.add_argument("--edits", type=int, default=100)
    parser.add_argument("--starts", type=int, default=5)
    options = parser.parse_args(arguments)
    before = report.machine()
    report.progress(f"building {options.functions} functions")
    began = time.monotonic()
    found = {}
    with contextlib.ExitStack() as stack:
        berth = stack.enter_context(Many(options.functions))
        first_s = time.monotonic() - began
        bulk = stack.enter_context(Wheel(berth.folder, BULK_BYTES))
        berth.add("python")
        berth.add("bulk", bulk)
        names = {f"f{options.functions - 1}": "shell", "python": "Python", "bulk": "Python, 100 MB of dependencies"}
        for reload, arguments in ((True, ["--no-watch"]), (False, [])):
            berth.restart(*arguments)
            for name, title in names.items():
                found[f"{title}, {'SIGHUP' if reload else 'watched'}"] = edits(berth, name, options.edits, reload)
        jobs = berth.jobs()
        start_s = [berth.restart() for _ in range(options.starts)]
        found[f"start that knows {options.functions}"] = start_s, berth.jobs() - jobs
    report.note(before)
    columns = ("min", "p50", "p99", "max")
    rows = [[title, *report.cells([second * 1000 for second in seconds], columns), str(jobs)]
            for title, (seconds, jobs) in found.items()]
    measure.print_table([f"edit of one of {options.functions}, ms", *columns, "build jobs of all"], rows)
    print(f"a first start, which knows none, took {first_s:.1f} s")
    met = [report.verdict(f"{title}: edit until it is served, p50, s", statistics.median(found[f"{title}, watched"][0]), LIVE_S)
           for title in names.values()]
    met.append(report.verdict("start on a known state until it is served, p50, s", statistics.median(start_s), START_S))
    report.write("reload", {"machine": before, "functions": options.functions, "found": found, "first_start_s": first_s,
                            "targets": met})
