"""How many prewarmed instances are kept with a function's libraries, for whom, and what is said of that."""

import pytest

from harness.cli import Cli
from harness.index import mirrored, wheel
from harness.wait import wait_until

# A library that takes its time to load, and 60 MiB: two instances that have it are too much for some budgets.
HEAVY = """
    import time
    time.sleep(0.3)
    weight = bytearray(60 << 20)
    weight[::4096] = b"x" * len(weight[::4096])
"""

HANDLER = """
    import {library}

    def handle(request):
        return {library}.NAME
"""

FOR_ONE, FOR_TWO = "130Mi", "400Mi"


@pytest.fixture
def berth(make_berth, index):
    berth = make_berth()
    berth.host = {"prewarm": 1, "prewarm_memory": FOR_ONE}
    for name in ("one", "two"):
        index.wheels[name + "lib"] = wheel(name + "lib", module=name + "lib", code=HEAVY)
        berth.write_function(name, HANDLER.format(library=name + "lib"), extra_dependencies=name + "lib")
    berth.start(environment=mirrored(index))
    return berth


def libraries(berth, name):
    return berth.admin("GET", f"/berth/functions/{name}").json()["libraries"] or {}


def kept(berth):
    """{function: reason} of those for which instances wait, and of the others; None while not all is as it is to be."""
    both = {name: libraries(berth, name) for name in ("one", "two")}
    if any("reason" not in each or each["ready"] != each["instances"] for each in both.values()):
        return None
    return {name: (each["instances"], each["reason"]) for name, each in both.items()}


def await_kept(berth, matches, what):
    def look():
        found = kept(berth)
        return found if found and matches(found) else None

    return wait_until(look, what, 100)


def counts(found):
    return sorted(count for count, _ in found.values())


def set_memory(berth, size):
    berth.host["prewarm_memory"] = size
    berth.write_config()
    berth.admin("POST", "/berth/reload?wait=1")


def await_one(berth):
    """One is kept, of whoever was loaded first, as both are worth the same: that one, and the other."""
    found = await_kept(berth, lambda found: counts(found) == [0, 1], "one to be kept")
    assert sorted(reason for _, reason in found.values()) == ["deployed", "no-room"]
    return sorted(found, key=found.get, reverse=True)


@pytest.mark.shows_setting("host.prewarm_memory")
def test_memory_of_instances_with_libraries_is_bounded(berth):
    def info():
        return berth.admin("GET", "/system/info").json()["berth"]["libraries"]

    await_one(berth)
    assert info()["max_memory_bytes"] == 130 << 20 and 60 << 20 < info()["memory_bytes"] <= 130 << 20
    set_memory(berth, FOR_TWO)
    await_kept(berth, lambda found: counts(found) == [1, 1], "both to be kept")
    assert info()["instances"] == 2 and 120 << 20 < info()["memory_bytes"] <= 400 << 20
    assert "berth_prewarmed_library_instances 2" in berth.admin("GET", "/metrics").text
    set_memory(berth, 0)
    found = await_kept(berth, lambda found: counts(found) == [0, 0], "none to be kept")
    assert {reason for _, reason in found.values()} == {"off"}
    assert info() == {"instances": 0, "memory_bytes": 0, "max_memory_bytes": 0}


def test_who_is_called_is_expected_to_be_called_again(berth, index):
    holder, other = await_one(berth)
    wanted = {other: (1, "cold-starts"), holder: (0, "no-room")}

    def call_when_cold():
        if not berth.instances(other):
            assert berth.get(f"/{other}").text == other + "lib"
        return kept(berth) == wanted

    wait_until(call_when_cold, "the other one to be kept", 100)
    cli = Cli(berth)
    explained = " ".join(cli.run("explain", other).split())
    assert f"ahead {other}lib: " in explained and "kept warm 1 instance with these loaded" in explained
    assert "cold starts expected in the next hour" in explained
    assert "none: the memory of `prewarm_memory` saves more elsewhere" in " ".join(cli.run("explain", holder).split())
    assert {each["name"]: each["kept_warm"] for each in cli.json("ls")} == {other: 1, holder: 0}
    berth.stop()
    berth.start(environment=mirrored(index))
    await_kept(berth, lambda found: found == wanted, "the same to be kept by the next daemon")


def test_a_schedule_has_its_instance_before_it_is_due(berth):
    holder, other = await_one(berth)
    berth.functions[other]["configuration"]["schedule"] = "* * * * *"
    berth.write_config()
    berth.admin("POST", "/berth/reload?wait=1")
    found = await_kept(berth, lambda found: found[other] == (1, "scheduled"), "the one that is due to be kept")
    assert found[holder] == (0, "no-room")
