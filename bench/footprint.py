"""Memory: the daemon with many functions registered and none running, what an idle instance costs it, and what a
prewarmed instance's container takes."""
import argparse
import pathlib
import re
import statistics

import measure
from lib import client, engine, report, samples
from lib.berth import Berth

TARGET_MIB = 10
INSTANCES = 20


def daemon_kib(pid):
    """What is the daemon's own (anonymous), and what it has resident with the pages of shared libraries (RSS; Pss: those
    that others map too are divided)."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return {"rss": int(re.search(r"VmRSS:\s+(\d+)", status)[1]), "peak": int(re.search(r"VmHWM:\s+(\d+)", status)[1]),
            "anonymous": int(re.search(r"RssAnon:\s+(\d+)", status)[1]),
            "pss": int(re.search(r"^Pss:\s+(\d+)", rollup, re.M)[1])}


def settled_kib(berth):
    """Its memory once it has stopped changing."""
    found = [daemon_kib(berth.pid)]
    berth.wait(lambda: unchanged(found, berth), "the daemon's memory to settle", 120)
    return found[-1]


def unchanged(found, berth):
    found.append(daemon_kib(berth.pid))
    return len(found) > 300 and len({entry["rss"] for entry in found[-300:]}) == 1


def registered(count, prewarm):
    """The daemon with that many functions, all built, none running."""
    functions = {f"hello-{number}": (f"# {number}\n{samples.HELLO}", {}) for number in range(count)}
    report.progress(f"building {count} functions")
    with Berth(functions, {"prewarm": prewarm}) as berth:
        berth.wait_idle(prewarm)
        found = settled_kib(berth)
        containers = [engine.memory_bytes(entry["Id"]) for entry in engine.containers_below(berth.folder)]
    return found, [size for size in containers if size]


def idle_instances(count):
    """What one more idle instance, with a slot, costs the daemon; and what its container takes."""
    settings = {"idle_timeout": "1h", "memory": "64Mi"}
    functions = {f"hello-{number}": (samples.HELLO, settings) for number in range(count)}
    with Berth(functions, {"prewarm": 0}) as berth:
        before = settled_kib(berth)
        client.get(berth.address, "/hello-0")
        first = settled_kib(berth)
        for number in range(1, count):
            report.progress(f"instance {number + 1} of {count}")
            answer = client.get(berth.address, f"/hello-{number}")
            if answer.status != 200:
                raise RuntimeError(f"hello-{number} answered {answer.status}: {answer.body[:300]}")
        after = settled_kib(berth)
        containers = [engine.memory_bytes(entry["Id"]) for entry in engine.containers_below(berth.folder)]
    return {"before": before, "first": first, "after": after, "each_kib": (after["anonymous"] - first["anonymous"]) / (count - 1),
            "container_mib": statistics.median(size for size in containers if size) / 2**20}


def main(arguments):
    parser = argparse.ArgumentParser(prog="bench/run footprint", description=__doc__)
    parser.add_argument("--functions", type=int, default=1000)
    options = parser.parse_args(arguments)
    before = report.machine()
    one, _ = registered(1, 0)
    many, _ = registered(options.functions, 0)
    _, prewarmed = registered(1, 2)
    instances = idle_instances(INSTANCES)
    report.note(before)
    rows = [[title, *(f"{found[key] / 1024:.2f}" for key in ("anonymous", "rss", "pss", "peak"))] for title, found in
            (("1 function registered", one), (f"{options.functions} functions registered", many),
             (f"{INSTANCES} idle instances", instances["after"]))]
    measure.print_table(["the daemon, MiB", "anonymous", "RSS", "Pss", "peak RSS"], rows)
    print(f"each idle instance costs the daemon {instances['each_kib']:.1f} KiB; its container takes "
          f"{instances['container_mib']:.1f} MiB, a prewarmed one {statistics.median(prewarmed) / 2**20:.1f} MiB")
    met = [report.verdict(f"anonymous memory with {options.functions} functions, MiB", many["anonymous"] / 1024, TARGET_MIB)]
    report.write("footprint", {"machine": before, "functions": options.functions, "registered_1": one,
                               "registered": many, "prewarmed_bytes": prewarmed, "idle_instances": instances,
                               "targets": met})
