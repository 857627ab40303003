"""What the engine runs containers with: the one that a function or the host names, if the engine has it."""

import os
import pathlib
import shutil

import pytest

from harness import engine
from harness.functions import HELLO, SHELL_HELLO
from harness.own_engine import OwnEngine

OTHER = "other"
# Another runtime as far as the engine knows, which can be told by its trace: runc, behind a script.
PROGRAM = """#!/bin/sh
echo "$@" >> {trace}
exec {runc} "$@"
"""


@pytest.fixture(scope="module")
def two_runtimes(base_image, runtime_images):
    if os.getuid() != 0:
        pytest.skip("a second Docker engine needs root")
    own = OwnEngine()
    program = pathlib.Path(own.folder, "other-runtime")
    own.trace = pathlib.Path(own.folder, "trace")
    own.settings = {"runtimes": {OTHER: {"path": str(program)}}}
    try:
        program.write_text(PROGRAM.format(trace=own.trace, runc=shutil.which("runc")), encoding="utf-8")
        program.chmod(0o755)
        own.start()
        wanted = ("-python:", "-shell:")
        engine.USUAL.copy_images([base_image, *(i for i in runtime_images if any(name in i for name in wanted))], own)
        yield own
    finally:
        own.discard()


@pytest.fixture
def berth(two_runtimes, make_berth):
    """A daemon on that engine, not started yet."""
    berth = make_berth()
    berth.engine = two_runtimes
    berth.host = {"docker_socket": two_runtimes.socket, "queue_timeout": 30}
    return berth


def runtime_of(berth, name):
    """What the engine says, and what has left a trace of the container."""
    container = berth.instance(name)["Id"]
    runtime = berth.engine.inspect(container)["HostConfig"]["Runtime"]
    assert (container in berth.engine.trace.read_text(encoding="utf-8")) == (runtime == OTHER)
    return runtime


@pytest.mark.shows_setting("configuration.runtime")
def test_a_function_is_run_with_what_it_names(berth):
    berth.host |= {"prewarm": 1}
    berth.write_function("usual", HELLO, idle_timeout=60)
    berth.write_function("other", HELLO, idle_timeout=60, runtime=OTHER)
    berth.write_function("script", SHELL_HELLO, language="shell", idle_timeout=60, runtime=OTHER)
    berth.start()
    for name, runtime in (("usual", "runc"), ("other", OTHER), ("script", OTHER)):
        berth.wait_answer(f"/{name}", lambda answer: answer.status == 200, "an answer", 60)
        assert runtime_of(berth, name) == runtime


@pytest.mark.shows_setting("host.runtime")
def test_the_host_names_one_for_functions_that_do_not(berth):
    berth.host |= {"runtime": OTHER, "prewarm": 0}
    berth.write_function("usual", HELLO, idle_timeout=60)
    berth.write_function("own", HELLO, idle_timeout=60, runtime="runc")
    berth.start()
    for name, runtime in (("usual", OTHER), ("own", "runc")):
        berth.wait_answer(f"/{name}", lambda answer: answer.status == 200, "an answer", 60)
        assert runtime_of(berth, name) == runtime


def test_one_that_the_engine_has_not_is_refused_by_name(berth):
    berth.write_function("usual", HELLO)
    berth.write_function("lost", HELLO, runtime="runsc")
    berth.start()
    error = berth.wait_refusal("/lost").error()
    assert (error["component"], error["reason"]) == ("fleet", "runtime-unknown"), error
    assert '"runsc"' in error["message"] and OTHER in error["hint"] and "runc" in error["hint"]
    assert berth.get("/usual").status == 200
