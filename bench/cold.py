"""Cold starts of what people deploy, as a client sees them on a fresh connection: with an instance that waits with its libraries
imported, with a plain prewarmed one, with nothing prewarmed, and beside them `docker run` of an image with the same application
baked in, until its first answer.

The kinds alternate, one sample each a round, so that noise hits all alike; a sample is only taken when the engine has
nothing else to do. What functions need is installed by the first run and kept in build/bench-state, their images in Docker."""
import argparse
import contextlib
import tempfile

import measure
from lib import applications, baked, by_hand, cold_table, lua, report
from lib.deployed import CallsWithLibraries, ColdCalls, Deployed

PREWARM = 2
SETTINGS = {"idle_timeout": "250ms"}
# Of a daemon each: its host section, and how many prewarmed instances there are for each language.
KINDS = {"with libraries": ({"prewarm": PREWARM, "prewarm_memory": "2Gi"}, PREWARM),
         "plain": ({"prewarm": PREWARM, "prewarm_memory": 0}, PREWARM),
         "nothing": ({"prewarm": 0}, 0)}
BY_HAND, DOCKER_RUN = "create + start", "docker run"
ALL = (*KINDS, BY_HAND, DOCKER_RUN)


def parse(arguments):
    parser = argparse.ArgumentParser(prog="bench/run cold", description=__doc__)
    parser.add_argument("--samples", type=int, default=10, help="cold starts of each kind and application")
    parser.add_argument("--rows", help="the applications, with commas; all unless given")
    parser.add_argument("--kinds", help=f"which of these, with commas; all unless given: {', '.join(ALL)}")
    options = parser.parse_args(arguments)
    options.rows = applications.chosen(options.rows.split(",") if options.rows else None)
    options.kinds = options.kinds.split(",") if options.kinds else list(ALL)
    if unknown := sorted(set(options.kinds) - set(ALL)):
        parser.error(f"there is no kind {', '.join(unknown)}")
    if "nothing" not in options.kinds and not {BY_HAND, DOCKER_RUN}.isdisjoint(options.kinds):
        parser.error(f"{BY_HAND} and {DOCKER_RUN} are made of the instances of the kind nothing: name it, too")
    return options


def start(stack, options, kind):
    """The daemon of a kind, with all that its functions need."""
    host, _ = KINDS[kind]
    more, plugins = {}, None
    if kind == "nothing":
        more = {baked.SERVERS: (baked.SERVERS_FILES, {**SETTINGS, "idle_timeout": "2s"})}
    if any(row.language == "lua" for row in options.rows):
        plugins = lua.build(stack.enter_context(tempfile.TemporaryDirectory(prefix="bl-")))
    report.progress(f"{kind}: installing what is not there yet")
    berth = stack.enter_context(Deployed(kind.replace(" ", "-"), options.rows, host, SETTINGS, more, plugins))
    berth.warm_up()
    return berth


def prewarmed(kind, rows):
    """How many instances a daemon of that kind has when it is idle, those with libraries left out."""
    return KINDS[kind][1] * len({row.language for row in rows if not row.is_image})


def samplers(stack, options):
    """{(application's name, kind): what takes a sample}, in the order that they are taken in."""
    berths = {kind: start(stack, options, kind) for kind in KINDS if kind in options.kinds}
    found = {}
    servers = berths["nothing"].servers() if DOCKER_RUN in options.kinds else None
    for row in options.rows:
        for kind, berth in berths.items():
            if kind == "with libraries" and not row.is_image:
                found[row.name, kind] = CallsWithLibraries(berth, row)
            elif not (row.is_image and KINDS[kind][1]):
                found[row.name, kind] = ColdCalls(berth, row, prewarmed(kind, options.rows))
        if servers and (row.serves or row.is_image):
            image = baked.bake(row, berths["nothing"].container_of(row.name), servers)
            found[row.name, DOCKER_RUN] = baked.DockerRun(row, image)
        if row is applications.HELLO and BY_HAND in options.kinds:
            by = by_hand.CreateAndStart(berths["nothing"].container_of(row.name))
            found[row.name, BY_HAND] = stack.enter_context(contextlib.closing(by))
    return found


def measure_all(kinds, count):
    results = {key: [] for key in kinds}
    for number in range(count):
        for key, kind in kinds.items():
            report.progress(f"round {number + 1} of {count}: {', '.join(key)}")
            for other in kinds.values():
                other.settle()
            results[key].append(kind.sample())
    return results


def main(arguments):
    options = parse(arguments)
    before = report.machine()
    with contextlib.ExitStack() as stack:
        results = measure_all(samplers(stack, options), options.samples)
    report.note(before)
    cold_table.show(options.rows, results)
    met = cold_table.verdicts(options.rows, results)
    report.write("cold", {"machine": before, "samples": options.samples, "targets": met,
                          "all": {f"{name}, {kind}": found for (name, kind), found in results.items()}})
