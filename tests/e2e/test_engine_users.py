"""Engines whose containers have other users than this host: one that remaps them works, one without root is refused."""

import os

import pytest

from harness import engine
from harness.cli import Cli
from harness.functions import HELLO
from harness.own_engine import OwnEngine
from harness.slow_engine import SlowEngine
from harness.wait import wait_until


@pytest.fixture(scope="module")
def remapping(base_image, runtime_images):
    if os.getuid() != 0:
        pytest.skip("a second Docker engine needs root")
    own = OwnEngine(settings={"userns-remap": "default"})
    os.chmod(own.folder, 0o711)  # the remapped root has to get to its folders
    try:
        own.start()
        engine.USUAL.copy_images([base_image, *(i for i in runtime_images if "-python:" in i)], own)
        yield own
    finally:
        own.discard()


def test_an_engine_that_remaps_users_leaves_functions_out(remapping, make_berth):
    berth = make_berth()
    berth.engine = remapping
    berth.host = {"docker_socket": remapping.socket, "queue_timeout": 60, "prewarm": 1}
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    berth.wait_answer("/hello", lambda answer: answer.status == 200, "an answer", 60)
    host = remapping.inspect(berth.instance("hello")["Id"])["HostConfig"]
    assert host["UsernsMode"] == "host"
    assert berth.log.entries(event=r"engine\.users-kept")
    looks = {look["check"]: look for look in Cli(berth).json("doctor", "--docker", remapping.socket)}
    assert looks["walls"]["verdict"] == "ok" and "remapped" in looks["walls"]["found"]


def test_an_engine_without_root_is_refused_with_the_reason(berth):
    # Everything else is this machine's engine: only what it says of itself is another's.
    socket = os.path.join(berth.folder, "rootless.sock")
    proxy = SlowEngine(socket)
    proxy.hide("name=seccomp,profile=default", "name=rootless,padding=012345")
    berth.host = {"docker_socket": socket, "queue_timeout": 1}
    berth.write_function("hello", HELLO)
    try:
        berth.start(ready=False)
        (entry,) = wait_until(lambda: berth.log.entries(event=r"engine\.unreachable"), "the refusal", 30)
        assert entry["reason"] == "docker-rootless" and "runs without root" in entry["error"]
        look = {look["check"]: look for look in Cli(berth).json("doctor", "--docker", socket, status=2)}["walls"]
        assert look["verdict"] == "failed" and "without root" in look["found"]
    finally:
        berth.stop()
        proxy.close()
