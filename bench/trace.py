"""A day of many functions that are called in bursts, as on a real host, with a fixed amount of memory for prewarmed instances:
spent on plain ones alone, and on a few plain ones and others that have imported their function's libraries ahead.

The day is compressed: its calls come within --day seconds, and a function's instances go after --idle-timeout, which is to be
compressed as well; starts take what they take. It is replayed once for each kind, the same calls at the same times. Open loop:
a request is sent when it is due, however long earlier ones take, and one that is sent late counts from when it was due."""
import argparse
import dataclasses
import itertools
import time

from lib import applications, client, day, memory_watch, report
from lib.deployed import Deployed

COLUMNS = ("p50", "p90", "p99", "p99.9", "max")
MIX = ("fastapi", "hello", "flask", "requests", "express", "pandas", "pillow", "numpy")  # in turns, from the most popular
PLAIN, LIBRARIES = "plain pool", "with libraries"
CONCURRENCY = 8


def deployed_functions(count):
    """Each has an application, and a name and an environment of its own: no two share an instance with libraries."""
    known = {application.name: application for application in applications.APPLICATIONS}
    kinds = itertools.islice(itertools.cycle(MIX), count)
    return [dataclasses.replace(known[kind], name=f"{kind}-{number}", environment={"SERVICE": f"{kind}-{number}"})
            for number, kind in enumerate(kinds)]


def start(functions, options, kind, host):
    settings = {"idle_timeout": options.idle_timeout, "concurrency": CONCURRENCY}
    return Deployed(f"trace-{kind.replace(' ', '-')}", functions, host, settings)


def plain_bytes(functions, options):
    """What one plain instance of each language takes together."""
    report.progress("measuring plain instances")
    with start(functions, options, PLAIN, {"prewarm": 1, "prewarm_memory": 0}) as berth:
        berth.warm_up()
        berth.wait_idle(len({function.language for function in functions}))
        return memory_watch.look(berth.folder, {})["prewarmed"]


def replay(berth, schedule, functions):
    """The answers, and how late each request was sent, in ms."""
    crowd = client.Crowd(berth.address)
    late = []
    began = time.monotonic()
    for when, number in schedule:
        due = began + when
        while (left := due - time.monotonic()) > 0:
            crowd.turn(left)
        late.append(-left * 1000)
        function = functions[number]
        crowd.send(f"/{function.name}{function.path}", tag=number, due_s=due, body=function.body)
    return crowd.drain(), late


def container_seconds(events):
    """How long containers lived, as the daemon saw it: those of functions, and prewarmed ones that were never used."""
    gone = [event for event in events if event["event"] == "instance.gone"]
    of_functions = sum(event["age_ms"] for event in gone if "function" in event)
    return of_functions / 1000, sum(event["age_ms"] for event in gone) / 1000 - of_functions / 1000


def loads(events):
    """How many instances were given a function, and how many of them had been prewarmed."""
    given = [event for event in events if event["event"] == "instance.state" and event["to"] == "loading"]
    return len(given), sum(event["from"] == "prewarmed" for event in given)


def summary(answers, events, late, memory):
    ok = [answer for answer in answers if answer.status == 200]
    cold = [answer for answer in ok if answer.cold]
    used, unused = container_seconds(events)
    loaded, taken = loads(events)
    return {"requests": len(answers), "errors": len(answers) - len(ok),
            "cold_share": len(cold) / len(ok), "ms": report.distribution([answer.ms for answer in ok], COLUMNS),
            "cold_ms": report.distribution([answer.ms for answer in cold], COLUMNS),
            "warm_ms": report.distribution([answer.ms for answer in ok if not answer.cold], COLUMNS),
            "waited_ms": sum(answer.timing["start"] for answer in cold),
            "instances": loaded, "from_prewarmed": taken, "container_seconds": used,
            "unused_prewarmed_seconds": unused, "sent_late_ms": report.distribution(late, COLUMNS),
            "prewarmed_mib": memory.mebibytes("prewarmed"), "all_mib": memory.mebibytes("prewarmed", "functions")}


def replay_day(functions, options, kind, host, schedule):
    """One kind's day."""
    report.progress(f"{kind}: installing what is not there yet")
    with start(functions, options, kind, host) as berth:
        berth.warm_up()
        berth.wait_idle()
        report.progress(f"{kind}: {len(schedule)} calls in {options.day:.0f} s")
        seen = len(berth.log.events)
        with memory_watch.MemoryWatch(berth.folder) as memory:
            answers, late = replay(berth, schedule, functions)
    return summary(answers, berth.log.events[seen:], late, memory)


def mean(values):
    return sum(values) / len(values)


# What the table says of a day, a line each.
LINES = {
    "calls (errors)": lambda found: f"{found['requests']} ({found['errors']})",
    "cold, %": lambda found: f"{found['cold_share'] * 100:.2f}",
    "all calls: p50, p99, p99.9, ms": lambda found: spread(found["ms"]),
    "cold calls: p50, p99, p99.9, ms": lambda found: spread(found["cold_ms"]),
    "warm calls: p50, p99, p99.9, ms": lambda found: spread(found["warm_ms"]),
    "all that was waited for starts, s": lambda found: f"{found['waited_ms'] / 1000:.1f}",
    "instances (prewarmed)": lambda found: f"{found['instances']} ({found['from_prewarmed']})",
    "prewarmed, MiB: mean, most": lambda found: f"{mean(found['prewarmed_mib']):.0f}, {max(found['prewarmed_mib']):.0f}",
    "all instances, MiB: mean, most": lambda found: f"{mean(found['all_mib']):.0f}, {max(found['all_mib']):.0f}",
    "container seconds (prewarmed ones that were not used)":
        lambda found: f"{found['container_seconds']:.0f} ({found['unused_prewarmed_seconds']:.0f})",
    "sent late by: p99, ms": lambda found: f"{found['sent_late_ms']['p99']:.1f}",
}


def spread(distribution):
    return ", ".join(f"{distribution[column]:.1f}" for column in ("p50", "p99", "p99.9")) if distribution else "-"


def parse(arguments):
    parser = argparse.ArgumentParser(prog="bench/run trace", description=__doc__)
    parser.add_argument("--day", type=float, default=300, help="how many seconds a day takes")
    parser.add_argument("--functions", type=int, default=24)
    parser.add_argument("--calls", type=int, default=6000, help="of a day, about")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--memory", type=int, default=400, help="MiB for prewarmed instances")
    parser.add_argument("--idle-timeout", default="1s")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    before = report.machine()
    functions = deployed_functions(options.functions)
    schedule = day.arrivals(options.seed, options.functions, options.day, options.calls)
    plain, budget = plain_bytes(functions, options), options.memory * 2 ** 20
    hosts = {PLAIN: {"prewarm": max(1, budget // plain), "prewarm_memory": 0},
             LIBRARIES: {"prewarm": 1, "prewarm_memory": max(0, budget - plain)}}
    found = {kind: replay_day(functions, options, kind, host, schedule) for kind, host in hosts.items()}
    report.note(before)
    report.markdown(["", *found], [[line, *(tell(of_kind) for of_kind in found.values())] for line, tell in LINES.items()])
    met = [report.verdict("p99 of all calls, with libraries / plain pool",
                          found[LIBRARIES]["ms"]["p99"] / found[PLAIN]["ms"]["p99"], 1),
           report.verdict("memory of prewarmed instances, the most, MiB", max(found[LIBRARIES]["prewarmed_mib"]), options.memory)]
    report.write("trace", {"machine": before, "options": vars(options), "hosts": hosts, "found": found, "targets": met})
