"""The engine does not do what it should, while a function is under load whose instance runs: that one notices nothing, a
function that needs a container is told why there is none, and all is well once the engine is."""

import os
import tempfile

import pytest

from harness.faulty_engine import FaultyEngine
from harness.functions import HELLO
from harness.neighbour import is_clean, serve_neighbour, undisturbed
from harness.wait import wait_until

WAYS = {
    "hang": ("the engine takes requests and never answers", (503,)),
    "500": ("the engine answers 500 to everything", (503,)),
    "cut": ("the engine's answers are cut within their heads", (503,)),
    "slow": ("the engine takes half a second for each part of an answer", (200, 503)),
    "away": ("nobody listens at the engine's socket", (503,)),
}


@pytest.fixture(scope="module")
def faulty():
    with tempfile.TemporaryDirectory(prefix="bf-") as folder:
        proxy = FaultyEngine(os.path.join(folder, "docker.sock"))
        yield proxy
        proxy.close()


@pytest.fixture(scope="module", autouse=True)
def started(faulty, shared_berth):
    """Instances that nobody needs are asked for before a fault, so that the engine is asked for something at once."""
    shared_berth.host = {"docker_socket": faulty.path, "queue_timeout": 3, "prewarm": 0}
    shared_berth.expect_error(".*")
    serve_neighbour(shared_berth)
    for way in WAYS:
        shared_berth.write_function(f"cold-{way}", HELLO, idle_timeout=2)
    shared_berth.start()


@pytest.mark.parametrize("way", WAYS)
def test_engine(served, faulty, way):
    name, statuses = WAYS[way]
    with undisturbed(served, name) as fault:
        neighbour = served.instance("hello")["Id"]
        faulty.become(way)
        answer = fault.saw(served.get(f"/cold-{way}"))
        assert answer.status in statuses
        if answer.status != 200:
            assert answer.error()["reason"] and answer.headers["Retry-After"]
        faulty.become(None)
        served.wait_answer(f"/cold-{way}", lambda answer: answer.status == 200, "the engine to be of use again", 60)
        served.wait_no_instance(f"cold-{way}", 30)
        wait_until(lambda: is_clean(served), "nothing to be left of what was tried", 60)
        assert served.instance("hello")["Id"] == neighbour
