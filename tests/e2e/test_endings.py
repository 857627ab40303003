"""An instance ends within a request: what the function did itself is told and not repeated, what was done to the
instance from outside costs a request that may be sent twice nothing but time."""

import os
import signal
import time

import pytest

from harness import engine
from harness.load import Load
from harness.wait import wait_until

DEADLY = """
    import ctypes, os, signal, subprocess, threading

    async def handle(request):
        await request.body()
        way = request.url.path.rsplit("/", 1)[-1]
        print("about to", way, flush=True)
        if way == "exit":
            os._exit(3)
        if way == "exit-137":
            os._exit(137)
        if way == "crash":
            ctypes.string_at(0)
        if way == "eat":
            hoard = []
            while True:
                hoard.append(bytearray(1 << 20))
        if way == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if way == "kill-all":
            subprocess.run(["sh", "-c", "kill -KILL -1"])
        if way == "kill-first":
            os.kill(1, signal.SIGKILL)
        return "fine"
"""

OWN = {
    "exit": ("container-exited", "the container exited with code 3 while it served"),
    "crash": ("container-exited", "the container was ended by SIGSEGV while it served"),
    "exit-137": ("container-exited", "the container was ended by SIGKILL while it served"),
    "kill": ("container-exited", "the container was ended by SIGKILL while it served"),
    "kill-all": ("container-exited", "the container was ended by SIGKILL while it served"),
    "eat": ("out-of-memory", "the container used more than its memory limit of 64 MiB while it served"),
}

# It hangs until it is let go, and serves from then on: what a request that is sent twice comes to.
HANGS = """
    import asyncio, os

    async def handle(request):
        await request.body()
        print("serving", request.method, flush=True)
        if request.url.path.endswith("hang") and not os.path.exists("/gate/open"):
            await asyncio.sleep(300)
        return "fine"
"""


def instances_lost(berth, name):
    return len(berth.log.entries(event=r"instance\.failed", function=name))


def said(berth, text):
    return berth.log.entries(event=r"function\.output", text=text)


@pytest.mark.parametrize("way", OWN)
def test_request_that_ends_its_instance_is_told_and_not_repeated(berth, way):
    reason, message = OWN[way]
    berth.expect_error(".*", function="deadly")
    berth.write_function("deadly", DEADLY, memory="64Mi", idle_timeout=60)
    berth.start()
    assert berth.get("/deadly").text == "fine"
    began = time.monotonic()
    answer = berth.get(f"/deadly/{way}")
    took = time.monotonic() - began
    assert answer.status == 502
    assert answer.error()["reason"] == reason
    assert answer.error()["message"].startswith(message)
    assert took < 10
    assert berth.get("/deadly").text == "fine"
    wait_until(lambda: said(berth, f"about to {way}"), "its output")
    assert len(said(berth, f"about to {way}")) == 1
    assert instances_lost(berth, "deadly") == 1


def test_out_of_memory_is_told_of_before_the_engine_knows(slow, berth):
    """The engine learns of it by an event of its own, which may come after the container's end."""
    berth.host["docker_socket"] = slow.path
    slow.hide('"OOMKilled":true', '"OOMKilled":null')
    berth.expect_error(".*", function="deadly")
    berth.write_function("deadly", DEADLY, memory="64Mi", idle_timeout=60)
    berth.start()
    assert berth.get("/deadly/eat").error()["reason"] == "out-of-memory"


CLOSES_ITS_DESCRIPTORS = """
    import os, socket

    def handle(request):
        if request.url.path.endswith("close"):
            print("about to close", flush=True)
            os.closerange(3, 1000)
        return "fine"
"""


@pytest.mark.parametrize("concurrency", [1, 8])
def test_nobody_waits_for_an_instance_that_has_lost_its_slots(berth, concurrency):
    berth.expect_error(".*", function="closes")
    berth.write_function("closes", CLOSES_ITS_DESCRIPTORS, concurrency=concurrency, max_scale=1, idle_timeout=60)
    berth.start()
    assert berth.get("/closes").text == "fine"
    for number in range(1, 4):
        lost = [berth.instance("closes")]
        with berth.connect(timeout=30) as deadly:
            deadly.send("GET /closes/close HTTP/1.1\r\nHost: a\r\n\r\n")
            draining = {"event": r"instance\.state", "function": "closes", "to": "draining"}
            wait_until(lambda want=number: len(berth.log.entries(**draining)) == want, "the loss to be seen")
            began = time.monotonic()
            assert berth.get("/closes").text == "fine"
            assert time.monotonic() - began < 60
            answer = deadly.response()
        assert (answer.status, answer.error()["reason"]) == (502, "runner-gone")
        for container in lost:
            wait_until(lambda gone=container["Id"]: not engine.exists(gone), "what cannot serve to be removed", 20)
    assert len(said(berth, "about to close")) == 3
    assert len(berth.log.entries(event=r"instance\.failed", reason="runner-gone")) == 3


def test_function_cannot_end_in_the_way_that_is_taken_for_somebody_elses_doing(berth):
    """By SIGKILL of the first process, which is not its own."""
    berth.write_function("deadly", DEADLY, idle_timeout=60)
    berth.start()
    assert berth.get("/deadly/kill-first").text == "fine"


def kill_process(identity):
    os.kill(engine.inspect(identity)["State"]["Pid"], signal.SIGKILL)


def stop(identity):
    engine.USUAL.call("POST", f"/containers/{identity}/stop", t=0)


FROM_OUTSIDE = {"docker kill": engine.kill, "docker rm": engine.remove, "docker stop": stop, "kill": kill_process}


@pytest.mark.parametrize("way", FROM_OUTSIDE)
def test_what_is_done_to_an_instance_costs_no_request_that_may_be_repeated(berth, way):
    berth.expect_error(".*", function="slow")
    berth.write_function("slow", HANGS, idle_timeout=60, concurrency=4, volumes={"gate": "/gate"})
    berth.start()
    assert berth.get("/slow").text == "fine"
    container = berth.instance("slow")["Id"]
    with berth.connect(timeout=120) as get, berth.connect(timeout=120) as post:
        get.send("GET /slow/hang HTTP/1.1\r\nHost: a\r\n\r\n")
        post.send("POST /slow/hang HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
        wait_until(lambda: said(berth, "serving POST") and len(said(berth, "serving GET")) == 2, "both under way")
        with open(os.path.join(berth.state_dir, "volumes", "gate", "open"), "w", encoding="ascii"):
            FROM_OUTSIDE[way](container)
        refused = post.response()
        assert refused.status == 502
        assert refused.error()["reason"] in ("container-killed", "container-gone")
        answer = get.response()
        assert (answer.status, answer.text) == (200, "fine")
    assert len(berth.log.entries(event=r"gateway\.repeated")) == 1
    wait_until(lambda: len(said(berth, "serving GET")) == 3, "the output of the repeated request")
    assert len(said(berth, "serving POST")) == 1
    assert instances_lost(berth, "slow") == 1


TAKES_A_MOMENT = """
    import asyncio

    async def handle(request):
        await asyncio.sleep(0.02)
        return "fine"
"""

KILLS = 10


def running(berth, name):
    return [c for c in berth.instances(name) if c["State"] == "running"]


def test_no_request_is_lost_while_serving_containers_are_killed(berth):
    berth.expect_error(".*", function="steady")
    berth.write_function("steady", TAKES_A_MOMENT, concurrency=2, max_scale=3, idle_timeout=60, memory="64Mi")
    berth.start()
    assert berth.get("/steady").text == "fine"
    ways = (engine.kill, engine.remove)
    with Load(berth, "/steady", 4) as load:
        for number in range(KILLS):
            # What was lost last has been sent again and answered by then: each request may be lost once.
            enough = load.good + 50
            wait_until(lambda enough=enough: load.good >= enough, "requests to be answered", 30)
            ways[number % 2](wait_until(lambda: running(berth, "steady"), "an instance to kill")[0]["Id"])
            wait_until(lambda lost=number + 1: instances_lost(berth, "steady") == lost, "the loss to be seen", 30)
        enough = load.good + 50
        wait_until(lambda: load.good >= enough, "requests to be answered in the end", 30)
    assert load.bad == []
    assert berth.log.entries(event=r"gateway\.repeated")
