"""What a container's start is made of: create + start + first dial of the very container that a Python hello gets when nothing
is prewarmed, made by hand over the Engine API, and the same with one thing changed.

The variants alternate, one sample each a round in an order of chance, so that noise hits all alike; each is compared with the
container as it is of the same round. With --own-engine further rows come from an engine of the benchmark's own (needs
root) in a network namespace of its own, which has crun beside runc; there crun is compared with runc."""
import argparse
import contextlib
import copy
import random
import shutil
import statistics
import sys
import time

import measure
from lib import applications, report
from lib.by_hand import ByHand
from lib.deployed import Deployed

sys.path.insert(0, str(measure.ROOT / "tests/e2e"))

from harness.engine import USUAL  # noqa: E402 (the path comes first)
from harness.own_engine import OwnEngine  # noqa: E402

AS_IT_IS = "as it is"
HOST = {"prewarm": 0, "spare_networks": 0}
OWN = "own engine, runc"
OWN_NETWORK = "bench-start"
# crun refuses a machine that has some cgroup controllers in version 1 and others in version 2. Containers need none of the
# latter, so this engine is shown an empty folder there.
HIDE = "umount /sys/fs/cgroup/unified && mount -t tmpfs none /sys/fs/cgroup/unified"
PROGRAM = ("unshare", "--mount", "sh", "-c", f'{HIDE}; exec dockerd "$@"', "dockerd")


class Variant:
    """The container with something changed: `change` is given the request's body and its HostConfig. `base` is the title of
    what it is compared with."""

    def __init__(self, title, change=lambda body, host: None, created_ahead=False, base=AS_IT_IS):
        self.title = title
        self.change = change
        self.created_ahead = created_ahead
        self.base = base

    def sample(self, by_hand):
        body = copy.deepcopy(by_hand.body)
        self.change(body, body["HostConfig"])
        return self.run(by_hand, body)

    def run(self, by_hand, body):
        began = time.monotonic()
        with by_hand.container(body) as identity:
            created = 0.0 if self.created_ahead else (time.monotonic() - began) * 1000
            dialled, answered = by_hand.start(identity)
        return {"create": created, "start answered": answered, "dialled": dialled, "total": created + dialled}


class Joins(Variant):
    """Joins the network of a container that only waits, which was made before."""

    def run(self, by_hand, body):
        waits = {"Image": body["Image"], "Entrypoint": ["/bin/sleep", "600"],
                 "HostConfig": {"NetworkMode": body["HostConfig"]["NetworkMode"], "CapDrop": ["ALL"]}}
        with by_hand.container(waits) as other:
            by_hand.engine.call("POST", f"/containers/{other}/start")
            body["HostConfig"]["NetworkMode"] = f"container:{other}"
            return super().run(by_hand, body)


def with_host(**settings):
    return lambda body, host: host.update(settings)


def without_mounts(body, host):
    """But for what the runner needs to dial."""
    host["Mounts"] = [mount for mount in host["Mounts"] if mount["Target"] in ("/run/berth", "/berth/init")]
    host["Tmpfs"] = {}


def variants():
    unconfined = ["no-new-privileges:true", "seccomp=unconfined"]
    return [
        Variant(AS_IT_IS),
        Joins("network of a container made ahead"),
        Variant("created ahead", created_ahead=True),
        Joins("both", created_ahead=True),
        Variant("network: none", with_host(NetworkMode="none")),
        Variant("no tmpfs", with_host(Tmpfs={})),
        Variant("no tmpfs, two binds only", without_mounts),
        Variant("seccomp: unconfined", with_host(SecurityOpt=unconfined)),
        Variant("no masked and read-only paths", with_host(MaskedPaths=[], ReadonlyPaths=[])),
        Variant("no limits", with_host(Memory=0, MemorySwap=0, NanoCpus=0, PidsLimit=0)),
        Variant("a cgroup parent", with_host(CgroupParent="/bench-start")),
        Variant("log driver: local", with_host(LogConfig={"Type": "local", "Config": {}})),
        Variant("ipc: none", with_host(IpcMode="none")),
        Variant("python3 -I -S that only dials", lambda body, host: body.update(Cmd=BARE_PYTHON)),
    ]


def own_variants():
    """On an engine of our own. Its bridge has no rules, which the usual engine's has."""
    bridge = {"NetworkMode": OWN_NETWORK}
    return [
        Variant(OWN, with_host(**bridge), base=OWN),
        Variant("own engine, crun", with_host(**bridge, Runtime="crun"), base=OWN),
        Joins("own engine, runc, network made ahead", with_host(**bridge), base=OWN),
        Joins("own engine, crun, network made ahead", with_host(**bridge, Runtime="crun"), base=OWN),
    ]


@contextlib.contextmanager
def own_engine(image):
    """An engine with crun and with an image of the usual one."""
    own = OwnEngine(PROGRAM, settings={"runtimes": {"crun": {"path": shutil.which("crun")}}})
    try:
        own.start()
        USUAL.copy_images([image], own)
        own.call("POST", "/networks/create",
                 {"Name": OWN_NETWORK, "Options": {"com.docker.network.bridge.enable_icc": "false"}})
        yield own
    finally:
        own.discard()


def measure_all(pairs, rounds):
    """pairs: each variant with who makes its containers."""
    results = {variant.title: [] for variant, _ in pairs}
    for number in range(rounds):
        for variant, by_hand in random.sample(pairs, len(pairs)):
            results[variant.title].append(variant.sample(by_hand))
        report.progress(f"{number + 1} of {rounds} rounds")
    return results


def against(results, variant):
    """Medians over the rounds: what it took less than its base, and its share of that."""
    both = [(mine["total"], other["total"]) for mine, other in zip(results[variant.title], results[variant.base])]
    return (statistics.median(other - mine for mine, other in both),
            statistics.median(mine / other for mine, other in both))


def show(pairs, results):
    rows = []
    for variant, _ in pairs:
        found = results[variant.title]
        saved, share = against(results, variant)
        medians = [report.percentile([sample[key] for sample in found], 0.5) for key in found[0]]
        rows.append([variant.title, *(f"{value:.0f}" for value in (*medians, saved)), f"{share:.2f}"])
    measure.print_table(["p50, ms", "create", "start answered", "dialled", "total", "saves", "share"], rows)


def wanted(pairs, words):
    """Those whose titles have one of the words, and what they are compared with."""
    found = [variant for variant, _ in pairs if not words or any(word in variant.title for word in words)]
    titles = {variant.title for variant in found} | {variant.base for variant in found}
    return [(variant, by_hand) for variant, by_hand in pairs if variant.title in titles]


def main(arguments):
    parser = argparse.ArgumentParser(prog="bench/run start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="samples of each variant")
    parser.add_argument("--own-engine", action="store_true", help="compare crun with runc, too")
    parser.add_argument("--only", nargs="+", metavar="WORDS", help="leave out the variants whose titles have none of these")
    options = parser.parse_args(arguments)
    before = report.machine()
    with contextlib.ExitStack() as stack:
        berth = stack.enter_context(Deployed("start", [applications.HELLO], HOST, {"idle_timeout": "5s"}))
        like = berth.container_of(applications.HELLO.name)
        pairs = [(variant, stack.enter_context(contextlib.closing(ByHand(like)))) for variant in variants()]
        if options.own_engine:
            own = stack.enter_context(own_engine(like["Config"]["Image"]))
            pairs += [(variant, stack.enter_context(contextlib.closing(ByHand(like, own.socket))))
                      for variant in own_variants()]
        pairs = wanted(pairs, options.only)
        results = measure_all(pairs, options.rounds)
    report.note(before)
    show(pairs, results)
    report.write("start", {"machine": before, "rounds": options.rounds, "all": results})
