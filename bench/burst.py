"""Bursts on functions that nothing runs of: 0 to 200 requests at once on one function, and 50 functions called at once.

A burst of N requests to a cold function of concurrency C should start about N/C instances, never N, and every request
must be answered. Of the 50 functions those that get a prewarmed instance should be answered first."""
import argparse

import measure
from lib import client, report, samples
from lib.berth import Berth

CONCURRENCY = 8
WAIT_S = 0.1
COLUMNS = ("min", "p50", "p90", "p99", "max")


def started(events, function):
    """Instances that were given the function, whether prewarmed or not."""
    return {event["instance"] for event in events
            if event["event"] == "instance.state" and event["to"] == "loading" and event.get("function") == function}


def asked_for(events, function):
    return sum(event["start"] for event in events
               if event["event"] == "scale.decision" and event.get("function") == function)


def burst(berth, paths):
    """All paths at once; the answers, and the log's events of that time."""
    berth.update()
    seen = len(berth.log.events)
    crowd = client.Crowd(berth.address)
    for path in paths:
        crowd.send(path, tag=path)
        crowd.turn(0)
    answers = crowd.drain()
    berth.update()
    return answers, berth.log.events[seen:]


def on_one_function(berth, name, count, prewarmed):
    berth.wait_idle(prewarmed)
    answers, events = burst(berth, [f"/{name}"] * count)
    ok = [answer for answer in answers if answer.status == 200]
    times = [answer.ms for answer in ok]
    return {"requests": count, "answered_200": len(ok), "rule": -(-count // CONCURRENCY),
            "asked_for": asked_for(events, name), "started": len(started(events, name)),
            "served": len({answer.served_by for answer in ok}), "ms": report.distribution(times)}


def on_many_functions(berth, names, prewarmed):
    berth.wait_idle(prewarmed)
    answers, events = burst(berth, [f"/{name}" for name in names])
    ahead = {event["function"] for event in events if event["event"] == "instance.state"
             and event["from"] == "prewarmed" and event["to"] == "loading"}
    ok = [answer for answer in answers if answer.status == 200]
    order = [answer.tag.lstrip("/") for answer in ok]  # as they were answered
    first = order[:prewarmed]
    return {"requests": len(names), "answered_200": len(ok), "took_prewarmed": len(ahead), "order": order,
            "first_were_prewarmed": set(first) <= ahead, "ms": report.distribution([answer.ms for answer in ok])}


def main(arguments):
    parser = argparse.ArgumentParser(prog="bench/run burst", description=__doc__)
    parser.add_argument("--requests", type=int, default=200, help="requests at once on one function")
    parser.add_argument("--functions", type=int, default=50, help="functions called at once")
    options = parser.parse_args(arguments)
    before = report.machine()
    prewarmed = 2
    one = {"concurrency": CONCURRENCY, "max_scale": 100, "idle_timeout": "1s"}
    functions = {"hello": (samples.HELLO, one), "waits": (samples.waits(WAIT_S), one)}
    many = [f"hello-{number}" for number in range(options.functions)]
    functions |= {name: (samples.HELLO, {"idle_timeout": "1s"}) for name in many}
    with Berth(functions, {"prewarm": prewarmed}) as berth:
        bursts = {name: on_one_function(berth, name, options.requests, prewarmed) for name in ("hello", "waits")}
        crowd = on_many_functions(berth, many, prewarmed)
    report.note(before)
    show(bursts, crowd)
    report.write("burst", {"machine": before, "one_function": bursts, "many_functions": crowd})


def show(bursts, crowd):
    titles = {"hello": "hello", "waits": f"a handler of {WAIT_S * 1000:.0f} ms"}
    rows = [[f"{found['requests']} at once, {titles[name]}", found["answered_200"], found["rule"], found["asked_for"],
             found["started"], *(f"{found['ms'][column]:.0f}" for column in COLUMNS)]
            for name, found in bursts.items()]
    rows.append([f"{crowd['requests']} functions at once", crowd["answered_200"], "", "", "",
                 *(f"{crowd['ms'][column]:.0f}" for column in COLUMNS)])
    measure.print_table(["", "200s", "N/C", "decided", "loaded", *(f"{column} ms" for column in COLUMNS)], rows)
    word = "were" if crowd["first_were_prewarmed"] else "WERE NOT"
    print(f"the first answers {word} those of prewarmed instances; {crowd['took_prewarmed']} functions got one in all")
