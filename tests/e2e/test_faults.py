"""An instance is lost in every way there is, while another function is under load: the caller learns the cause, the
other function notices nothing, and nothing is left behind."""

import re

import pytest

from harness import engine
from harness.functions import HELLO, MIRROR
from harness.load import Load
from harness.neighbour import undisturbed
from harness.wait import stays, wait_until

SPEAKS_AND_SLEEPS = """
    import threading

    def handle(request):
        if request.url.path.endswith("sleep"):
            print("about to sleep", flush=True)
            threading.Event().wait(30)
        return "fine"
"""

EATS_MEMORY = """
    def handle(request):
        if request.url.path.endswith("eat"):
            print("about to eat", flush=True)
            hoard = []
            while True:
                hoard.append(bytearray(1 << 20))
        return "fine"
"""


def serve(berth, name, code, **settings):
    berth.expect_error(".*", function=name)
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.write_function(name, code, **{"idle_timeout": 60, "request_buffering": False, **settings})
    berth.start()


def lost(berth, name):
    """The last instance that was lost, and why, as the management port tells it."""
    return berth.admin("GET", f"/system/function/{name}").json()["berth"]["last_failure"]


def wait_gone(berth, identity):
    """The container is removed, and every instance's directory that is left belongs to another one."""
    wait_until(lambda: not engine.exists(identity), "the lost container to be removed", 20)

    def has_own_directories_only():
        names = {engine.name_of(container)[-12:] for container in berth.containers()}
        return berth.instances_with_directories() <= names

    wait_until(has_own_directories_only, "its directory to be removed")


def hold_one(berth, target):
    """A request that is under way in the function's one instance, and that instance's container."""
    name = target.split("/")[1]
    assert berth.get(f"/{name}").status == 200
    held = berth.hold(target)
    wait_until(lambda: berth.gauge("berth_slots_busy", name) == 1, "the request to be under way")
    return held, berth.instance(name)["Id"]


def answer_of(held):
    answer = held.response()
    held.close()
    return answer


def assert_tells(error, reason, message, hint=""):
    assert error["component"] == "container"
    assert re.fullmatch(reason, error["reason"])
    assert re.fullmatch(message, error["message"])
    assert hint in error["hint"]


KILLED = "the container was ended by SIGKILL from outside while it served"
TOO_MUCH = "the container used more than its memory limit of 64 MiB while it {}; its last line was: about to eat"


def test_killed_while_it_serves(berth):
    serve(berth, "speaks", SPEAKS_AND_SLEEPS)
    with undisturbed(berth, "its container is killed while it serves") as fault:
        held, container = hold_one(berth, "/speaks/sleep")
        held.send("x")
        said = {"event": "function.output", "text": "about to sleep"}
        wait_until(lambda: berth.log.entries(**said), "the handler to run")
        engine.kill(container)
        answer = fault.saw(answer_of(held))
        assert answer.status == 502
        assert_tells(answer.error(), "container-killed", KILLED + "; its last line was: about to sleep")
        assert_tells(lost(berth, "speaks"), "container-killed", KILLED + "; its last line was: about to sleep")
        wait_gone(berth, container)
        assert berth.get("/speaks").text == "fine"


def test_out_of_memory(berth):
    serve(berth, "eats", EATS_MEMORY, memory="64Mi")
    with undisturbed(berth, "it uses more memory than it may") as fault:
        assert berth.get("/eats").text == "fine"
        container = berth.instance("eats")["Id"]
        answer = fault.saw(berth.post("/eats/eat"))
        assert answer.status == 502
        assert_tells(answer.error(), "out-of-memory", TOO_MUCH.format("served"), "raise `memory`")
        assert_tells(lost(berth, "eats"), "out-of-memory", TOO_MUCH.format("served"), "raise `memory`")
        wait_gone(berth, container)
        assert berth.get("/eats").text == "fine"


LOADS = {
    "import": (
        'print("about to load", flush=True)\nimport nowhere_to_be_found\n',
        ("load-failed", r".*ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
    ),
    "exit": (
        'import os\nprint("about to exit", flush=True)\nos._exit(7)\n',
        (
            "container-exited",
            "the container exited with code 7 while it loaded the function; its last line was: about to exit",
        ),
    ),
    "memory": (
        'print("about to eat", flush=True)\nhoard = bytearray(1 << 30)\n',
        ("out-of-memory", TOO_MUCH.format("loaded the function")),
    ),
}


@pytest.mark.parametrize("way", LOADS)
def test_fails_while_it_loads_and_is_not_started_over_and_over(berth, way):
    code, (reason, message) = LOADS[way]
    serve(berth, "broken", code + 'def handle(request):\n    return ""\n', memory="64Mi")
    with undisturbed(berth, f"it fails while it loads: {way}") as fault:
        failures = {"event": "instance.failed", "reason": reason}
        with Load(berth, "/broken", 2) as load:
            wait_until(lambda: len(berth.log.entries(**failures)) >= 2, "a second start")
            assert stays(lambda: berth.running, 3)
        for answer in load.answers:
            assert fault.saw(answer).status == 502
            assert answer.error()["reason"] == reason
            assert re.fullmatch(message, answer.error()["message"])
        assert lost(berth, "broken")["reason"] == reason
        assert len(berth.log.entries(**failures)) <= 8
        berth.wait_no_instance("broken")


def test_paused_while_it_serves(berth):
    serve(berth, "mirror", MIRROR, timeout=10)
    with undisturbed(berth, "its processes are frozen") as fault:
        held, container = hold_one(berth, "/mirror")
        engine.pause(container)
        held.send("x")
        answer = fault.saw(answer_of(held))
        assert answer.status == 504
        assert answer.error()["message"] == "The function did not finish within 10000 ms."
        wait_gone(berth, container)
        assert berth.get("/mirror").status == 200


def test_removed_by_hand_while_idle(berth):
    serve(berth, "mirror", MIRROR)
    with undisturbed(berth, "its idle container is removed by hand") as fault:
        berth.get("/mirror")
        container = berth.instance("mirror")["Id"]
        engine.remove(container)
        assert fault.saw(berth.get("/mirror")).status == 200
        wait_gone(berth, container)
        wait_until(lambda: lost(berth, "mirror"), "the loss to be noticed")


def test_removed_by_hand_while_it_serves(berth):
    serve(berth, "mirror", MIRROR)
    with undisturbed(berth, "its container is removed by hand while it serves") as fault:
        held, container = hold_one(berth, "/mirror")
        engine.remove(container)
        answer = fault.saw(answer_of(held))
        assert answer.status == 502
        gone = "the container was gone while it served"
        assert_tells(answer.error(), "container-killed|container-gone", f"{KILLED}|{gone}")
        wait_gone(berth, container)
        assert berth.get("/mirror").status == 200
