"""What a request is told that has waited for `queue_timeout`: what it really waited for, and since when."""

import contextlib
import os
import pathlib
import re

import pytest

from harness.functions import HELLO, MIRROR
from harness.index import Index, mirrored, wheel
from harness.plugins import drop
from harness.wait import wait_until

pytestmark = pytest.mark.limit(300)

WAIT_S = 3

BLOCKS_AT_LOAD = """
    import threading

    print("reads the model", flush=True)
    threading.Event().wait()

    def handle(request):
        return "never"
"""


@contextlib.contextmanager
def held(slow, request):
    """The engine's answers to such requests are kept back."""
    slow.hold(request)
    try:
        yield
    finally:
        slow.release()


@pytest.fixture
def berth(berth):
    """Serves one function before the one that is waited for is there, so that only that one is."""
    berth.host = {"queue_timeout": f"{WAIT_S}s", "prewarm": 0, "start_timeout": "200s"}
    berth.write_function("hello", HELLO, idle_timeout=200)
    return berth


def drop_toy(berth, peers, *steps):
    """The toy language beside the registry, with these steps at the end of its Dockerfile."""
    folder = pathlib.Path(berth.project, "plugins")
    drop(peers / "toy" / "toy.so", folder)
    with open(folder / "toy" / "image" / "Dockerfile", "a", encoding="utf-8") as dockerfile:
        dockerfile.write("".join(f"{step}\n" for step in steps))


def begin(berth):
    berth.write_config()
    berth.start()
    berth.wait_answer("/hello", lambda answer: answer.status == 200, "the function beside")


def deploy(berth, *arguments, **settings):
    """A function more on a daemon that serves."""
    berth.write_function(*arguments, **settings)
    berth.reload()


def told(berth, name, words=""):
    """The error that a request for a function gets which is not ready in time, once it has come as far as these words say;
    others are served."""
    answer = berth.wait_answer(f"/{name}", lambda answer: answer.status != 404 and words in answer.text, words, 120)
    assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0, answer
    error = answer.error()
    assert re.match(rf"The request waited {WAIT_S}000 ms for the function: ", error["message"]), error
    assert "queue_timeout" in error["hint"] and "again" in error["hint"], error
    berth.wait_answer("/hello", lambda answer: answer.status == 200, "the function beside")
    return error


def seconds(error):
    """For how long what it waited for has been going on."""
    return int(re.search(r", for (\d+) s", error["message"]).group(1))


def test_files_that_are_checked(berth, peers):
    drop(peers / "bad" / "sleep_forever.so", pathlib.Path(berth.project, "plugins"))
    begin(berth)
    deploy(berth, "victim", {"victim.txt": "x\n"}, language="sleep-forever")
    error = told(berth, "victim")
    assert (error["component"], error["reason"]) == ("build", "packaging")
    assert "its files are being checked and packaged, for " in error["message"]
    assert seconds(told(berth, "victim")) > seconds(error)
    berth.stop()


def test_turn_to_be_checked(berth, peers):
    drop(peers / "bad" / "sleep_forever.so", pathlib.Path(berth.project, "plugins"))
    begin(berth)
    names = [f"victim{number}" for number in range(os.cpu_count() + 1)]
    for name in names:
        berth.write_function(name, {"victim.txt": "x\n"}, language="sleep-forever")
    berth.reload()
    reasons = {told(berth, name)["reason"] for name in names}
    assert reasons == {"packaging", "queued"}
    berth.stop()


def test_image_that_is_looked_for(slow, berth, peers):
    berth.host["docker_socket"] = slow.path
    drop_toy(berth, peers)
    begin(berth)
    with held(slow, "GET /images/"):
        deploy(berth, "third", {"third.toy": "x\n"}, language="toy")
        error = told(berth, "third")
    assert (error["component"], error["reason"]) == ("build", "building-image")
    assert "Docker is being asked for the image of toy, for " in error["message"]


def test_image_that_is_built(berth, peers):
    drop_toy(berth, peers, "RUN echo a step that takes long && sleep 60 && false")
    begin(berth)
    deploy(berth, "third", {"third.toy": "x\n"}, language="toy")
    wait_until(lambda: berth.log.entries(event="image.output", text="a step that takes long"), "the step", 60)
    error = told(berth, "third")
    assert (error["component"], error["reason"]) == ("build", "building-image")
    assert "the image of toy is being built, for " in error["message"]
    assert error["message"].endswith("the last line of it: a step that takes long")
    assert seconds(told(berth, "third")) > seconds(error)


def test_turn_to_be_installed(berth):
    """Two sets of dependencies are installed at a time."""
    index = Index()
    index.gate.clear()
    names = ("alpha", "beta", "gamma")
    for name in names:
        index.wheels[name] = wheel(name, 10)
        berth.write_function(name, HELLO, extra_dependencies=name)
    try:
        berth.start(environment=mirrored(index), ready=False)
        wait_until(lambda: sum(target.endswith(".whl") for target in index.asked) == 2, "two installations", 100)
        errors = [told(berth, name) for name in names]
    finally:
        index.gate.set()
        index.close()
    assert sorted(error["reason"] for error in errors) == ["installing", "installing", "queued"]
    for error in errors:
        what = "are being installed" if error["reason"] == "installing" else "wait for others to be installed"
        assert f"its dependencies {what}, for " in error["message"]


@pytest.mark.parametrize("prewarm", [0, 1])
def test_function_that_loads(berth, prewarm):
    berth.host["prewarm"] = prewarm
    begin(berth)
    deploy(berth, "blocks", BLOCKS_AT_LOAD)
    error = told(berth, "blocks", "it loads the function")
    assert (error["component"], error["reason"]) == ("fleet", "starting")
    assert "an instance is being started, for " in error["message"]
    assert seconds(told(berth, "blocks")) > seconds(error)


def test_runner_that_has_not_dialled(berth, peers):
    script = "#!/bin/sh\\nexec sleep 600\\n"
    drop_toy(berth, peers, f"RUN printf '{script}' > /usr/local/bin/silent && chmod 755 /usr/local/bin/silent")
    begin(berth)
    deploy(berth, "third", {"third.toy": "x\n"}, language="toy", runner="/usr/local/bin/silent")
    berth.wait_answer("/third", lambda answer: "starting" in answer.text, "the image", 120)
    error = told(berth, "third", "its runner has not connected yet")
    assert (error["component"], error["reason"]) == ("fleet", "starting")


def test_container_that_docker_makes(slow, berth):
    berth.host["docker_socket"] = slow.path
    berth.write_function("cold", HELLO)
    begin(berth)
    with held(slow, "POST /containers/create"):
        error = told(berth, "cold")
    assert (error["component"], error["reason"]) == ("fleet", "starting")
    assert "Docker has not made its container yet" in error["message"]
    assert berth.wait_answer("/cold", lambda answer: answer.status == 200, "the instance")


def test_room_for_an_instance(berth):
    berth.host["max_instances"] = 1
    del berth.functions["hello"]
    for name in ("one", "two"):
        berth.write_function(name, MIRROR, request_buffering=False, concurrency=1, idle_timeout=60)
    berth.start()
    berth.wait_answer("/one", lambda answer: answer.status == 200, "the instance")
    with berth.hold("/one") as held:
        wait_until(lambda: berth.gauge("berth_slots_busy", "one") == 1, "the instance to be busy")
        answer = berth.get("/two")
        held.send("x")
        assert held.response().status == 200
    assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0
    error = answer.error()
    assert (error["component"], error["reason"]) == ("fleet", "no-room")
    assert "for the function: there is no room for an instance" in error["message"]
    assert "max_instances" in error["hint"]
