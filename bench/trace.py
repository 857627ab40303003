"""An open-loop replay of many functions that are called in bursts, as on a real host: few are popular (Zipf), each has
times with calls and times without. The arrivals come from a seeded generator and are sent when they are due, however
long earlier ones take; a request that is sent late counts from when it was due."""
import argparse
import itertools
import random
import time

import measure
from lib import client, report, samples
from lib.berth import Berth

ON_S, OFF_S = 2.0, 8.0  # mean lengths of a function's times with and without calls
ZIPF = 1.1
COLUMNS = ("p50", "p90", "p99", "p99.9", "max")
KINDS = (("hello", samples.HELLO), ("waits 50 ms", samples.waits(0.05)), ("computes", samples.works(50000)))


def arrivals(seed, functions, seconds, rate):
    """[(when, function)] in order: `rate` requests a second on average over all functions."""
    rng = random.Random(seed)
    weights = [1 / rank ** ZIPF for rank in range(1, functions + 1)]
    scale = rate / sum(weights)
    found = []
    for number, weight in enumerate(weights):
        mean_rate = weight * scale
        burst_rate = mean_rate * (ON_S + OFF_S) / ON_S
        on = rng.random() < ON_S / (ON_S + OFF_S)
        now = 0.0
        while now < seconds:
            end = min(now + rng.expovariate(1 / (ON_S if on else OFF_S)), seconds)
            if on:
                due = now + rng.expovariate(burst_rate)
                while due < end:
                    found.append((due, number))
                    due += rng.expovariate(burst_rate)
            now, on = end, not on
    return sorted(found)


def replay(berth, schedule, names):
    crowd = client.Crowd(berth.address)
    late = []
    began = time.monotonic()
    for when, number in schedule:
        due = began + when
        while (left := due - time.monotonic()) > 0:
            crowd.turn(left)
        late.append(-left * 1000)
        crowd.send(f"/{names[number]}", tag=number, due_s=due)
    return crowd.drain(), late


def container_seconds(events):
    """How long containers lived, as the daemon saw it: those of functions, and prewarmed ones that were never used."""
    gone = [event for event in events if event["event"] == "instance.gone"]
    of_functions = sum(event["age_ms"] for event in gone if "function" in event)
    return of_functions / 1000, sum(event["age_ms"] for event in gone) / 1000 - of_functions / 1000


def summary(answers, events, late):
    ok = [answer for answer in answers if answer.status == 200]
    cold = [answer for answer in ok if answer.cold]
    used, unused = container_seconds(events)
    taken = sum(event["event"] == "instance.state" and event["from"] == "prewarmed" and event["to"] == "loading"
                for event in events)
    loaded = sum(event["event"] == "instance.state" and event["to"] == "loading" for event in events)
    return {"requests": len(answers), "errors": len(answers) - len(ok),
            "cold_share": len(cold) / len(ok), "ms": report.distribution([answer.ms for answer in ok], COLUMNS),
            "cold_ms": report.distribution([answer.ms for answer in cold], COLUMNS),
            "warm_ms": report.distribution([answer.ms for answer in ok if not answer.cold], COLUMNS),
            "instances": loaded, "from_prewarmed": taken, "container_seconds": used,
            "unused_prewarmed_seconds": unused, "sent_late_ms": report.distribution(late, COLUMNS)}


def show(found):
    rows = [[title, *(f"{found[key][column]:.1f}" for column in COLUMNS)]
            for title, key in (("all", "ms"), ("cold", "cold_ms"), ("warm", "warm_ms"),
                               ("sent late by", "sent_late_ms")) if found[key]]
    measure.print_table(["ms", *COLUMNS], rows)
    print(f"{found['requests']} requests, {found['errors']} errors, {found['cold_share'] * 100:.2f} % cold; "
          f"{found['instances']} instances, {found['from_prewarmed']} of them prewarmed; "
          f"{found['container_seconds']:.0f} container seconds, "
          f"{found['unused_prewarmed_seconds']:.0f} more of prewarmed ones that were not used")


def main(arguments):
    parser = argparse.ArgumentParser(prog="bench/run trace", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--functions", type=int, default=40)
    parser.add_argument("--rate", type=float, default=40, help="requests a second, on average")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--prewarm", type=int, default=2)
    parser.add_argument("--idle-timeout", default="10s")
    options = parser.parse_args(arguments)
    before = report.machine()
    schedule = arrivals(options.seed, options.functions, options.seconds, options.rate)
    kinds = itertools.cycle(KINDS)
    names = [f"f{number}" for number in range(options.functions)]
    settings = {"idle_timeout": options.idle_timeout, "concurrency": 8}
    functions = {name: (next(kinds)[1], settings) for name in names}
    with Berth(functions, {"prewarm": options.prewarm}) as berth:
        berth.wait_idle(options.prewarm)
        answers, late = replay(berth, schedule, names)
    found = summary(answers, berth.log.events, late)
    report.note(before)
    show(found)
    report.write("trace", {"machine": before, "options": vars(options), **found})
