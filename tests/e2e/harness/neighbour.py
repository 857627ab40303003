"""Another function under constant load while a fault happens: it must notice nothing. What was seen of the fault becomes a
row of the table of faults (docs/faults.md), where a run asks for that: `--fault-table FILE`. Then a stranger is asked, too,
which tells what the machine does to everybody at that moment."""

import contextlib
import json

from harness import engine
from harness.functions import HELLO
from harness.load import Load
from harness.stranger import Stranger
from harness.wait import wait_until

CLIENTS = 2
USUAL = 150  # requests before a fault, by which one knows what is usual
AFTER = 50  # and behind it
SHOWN = 110  # characters of a cell's text
LEFT_OUT = ("function.output", "instance.state")  # what the function says, and what another line says, too

table = {"path": None}  # set by conftest


def percentile(times, share):
    """In milliseconds."""
    ordered = sorted(times)
    return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def shorten(text):
    text = " ".join(str(text).split())
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


class Fault:
    """What was seen of one. saw() is for the answer, or the exception, that a caller got."""

    def __init__(self, name, berth):
        self.name = name
        self.berth = berth
        self.seen = []
        self.kept = "nothing"
        self.lines_before = len(berth.log.entries())

    def saw(self, answer):
        text = answer if isinstance(answer, str) else self.tell(answer)
        if text not in self.seen:
            self.seen.append(text)
        return answer

    @staticmethod
    def tell(answer):
        if isinstance(answer, Exception):
            return f"{type(answer).__name__}: {answer}"
        if answer.headers.get_content_type() == "application/json" and b'"error"' in answer.body:
            error = answer.json()["error"]
            return f"{answer.status} `{error['reason']}`: {error['message']}"
        return f"{answer.status}"

    def left(self, text):
        self.kept = text

    def said(self):
        """The events of level warning and error, those of lost instances and of refused requests, each once."""
        told = []
        for entry in self.berth.log.entries()[self.lines_before:]:
            is_loud = entry["level"] in ("warning", "error") or entry["event"] == "instance.failed"
            reason = f" ({entry['reason']})" if entry.get("reason") else ""
            if is_loud and entry["event"] not in LEFT_OUT and f"`{entry['event']}`{reason}" not in told:
                told.append(f"`{entry['event']}`{reason}")
        return told


def is_clean(berth):
    """Every container and every directory belongs to an instance that there is."""
    names = {engine.name_of(container)[-12:] for container in berth.containers()}
    return berth.instances_with_directories() <= names


def serve_neighbour(berth):
    berth.write_function("hello", HELLO, idle_timeout=600, min_scale=1)


class Slowness:
    """How long a load's slowest hundredth took before and since a moment."""

    def __init__(self, load):
        self.load = load
        self.before = len(load.times)

    def tell(self):
        """In milliseconds, and how many times what was usual."""
        usual, now = (percentile(times, 0.99) for times in (self.load.times[: self.before], self.load.times[self.before:]))
        return round(now, 1), round(now / usual, 1)


def write_row(fault, load, slowness, stranger):
    p99, factor = slowness.tell()
    row = {
        "fault": fault.name,
        "caller": "; ".join(shorten(text) for text in fault.seen) or "nothing",
        "log": ", ".join(fault.said()[:6]) or "nothing",
        "left": fault.kept,
        "requests": len(load.answers),
        "errors": len(load.bad),
        "p99": p99,
        "factor": factor,
        "stranger": stranger.tell() if stranger else None,
    }
    print(f"\n{row['fault']}: neighbour {row['requests']} requests, {row['errors']} errors, "
          f"p99 {row['p99']} ms ({row['factor']} times its usual); caller: {row['caller']}; log: {row['log']}")
    if table["path"]:
        with open(table["path"], "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


@contextlib.contextmanager
def stranger_under_load():
    """A load on a stranger, where there is a table to write."""
    if not table["path"]:
        yield None
        return
    with Stranger() as stranger, Load(stranger, "/", CLIENTS) as load:
        yield load


@contextlib.contextmanager
def undisturbed(berth, name="a fault"):
    """Constant load on the function `hello`, of which every request must be answered. What happens in the block is the
    fault `name`, whose row is written."""
    berth.wait_answer("/hello", lambda answer: answer.status == 200, "the other function", 60)
    fault = Fault(name, berth)
    with stranger_under_load() as other, Load(berth, "/hello", CLIENTS) as load:
        wait_until(lambda: load.good > USUAL and (not other or other.good > USUAL), "the other function to serve", 30)
        slowness, strange = Slowness(load), Slowness(other) if other else None
        yield fault
        enough = load.good + AFTER
        wait_until(lambda: load.good > enough, "the other function to go on", 30)
    assert load.bad == []
    write_row(fault, load, slowness, strange)
