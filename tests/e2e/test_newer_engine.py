"""The Docker engine of Debian 13, beside the one of this machine: it serves the same."""

import os
import subprocess

import pytest

from harness import engine
from harness.functions import HELLO, SHELL_HELLO
from harness.own_engine import OwnEngine
from harness.wait import wait_until

pytestmark = pytest.mark.limit(600)  # the system with that engine may have to be made first

OLDEST = 26

SPEAKS = """
    def handle(request):
        print("said", request.query_params["word"])
        return "ok"
"""
HUNGRY = """
    def handle(request):
        return str(len(bytearray(512 * 1024 * 1024)))
"""


@pytest.fixture(scope="module")
def newer_engine(root, base_image, runtime_images):
    if os.getuid() != 0:
        pytest.skip("a second Docker engine needs root")
    debian13 = str(root / "scripts" / "debian13")
    subprocess.run([debian13, "engine"], check=True, stdin=subprocess.DEVNULL)
    own = OwnEngine([debian13, "run", "--show", os.path.realpath("/tmp"), "dockerd"])
    try:
        own.start()
        engine.USUAL.copy_images([base_image, *runtime_images], own)
        yield own
    finally:
        own.discard()


@pytest.fixture
def berth(newer_engine, make_berth):
    """A daemon on that engine, not started yet."""
    berth = make_berth()
    berth.engine = newer_engine
    berth.host = {"docker_socket": newer_engine.socket, "queue_timeout": 30}
    return berth


def test_engine_is_a_newer_one(newer_engine):
    assert int(newer_engine.call("GET", "/version")["Version"].split(".")[0]) >= OLDEST


def test_functions_serve_and_their_output_is_logged(berth):
    berth.write_function("speaks", SPEAKS)
    berth.write_function("shell", SHELL_HELLO, language="shell")
    berth.start()
    assert berth.get("/speaks?word=first").status == 200
    assert berth.get("/shell").status == 200
    wait_until(
        lambda: any(entry.get("text") == "said first" for entry in berth.log.entries(event="function.output")),
        "the function's output",
    )


def test_end_for_want_of_memory_is_explained_and_the_next_instance_serves(berth):
    berth.write_function("hungry", HUNGRY, memory="64Mi")
    berth.start()
    error = berth.get("/hungry").error()
    assert error["reason"] == "out-of-memory", error
    assert berth.get("/hungry").status == 502


def test_engine_that_is_restarted_serves_again(berth, newer_engine):
    berth.write_function("hello", HELLO)
    berth.start()
    assert berth.get("/hello").status == 200
    newer_engine.stop()
    wait_until(lambda: berth.log.entries(event="engine.unreachable"), "the loss to be seen")
    newer_engine.start()
    berth.wait_answer("/hello", lambda answer: answer.status == 200, "service again", 60)
