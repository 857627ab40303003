"""What the keys of the registry's section `host` do, each shown through the daemon."""

import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import time

import pytest

from harness import engine
from harness.functions import HELD, HELLO, MIRROR, SHELL_HELLO
from harness.wait import stays, wait_until

LIMITS = {"max_head": "2Ki", "max_target": 512, "max_headers": 10, "head_timeout": "1s", "body_timeout": "1s"}


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    shared_berth.host = {**LIMITS, "workers": 3, "log_level": "debug", "log_format": "json", "prewarm": 0}
    shared_berth.write_function("one", MIRROR, idle_timeout=60)
    shared_berth.start()


def head(target="/one", *fields):
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: a", *fields, "", ""])


def status_of(berth, text):
    with berth.connect() as connection:
        connection.send(text)
        return connection.response().status


# -- limits of a request


@pytest.mark.shows_setting("host.max_head")
def test_head_has_a_largest_size(served):
    assert status_of(served, head("/one", "X-Long: " + "x" * 1500)) == 200
    assert status_of(served, head("/one", "X-Long: " + "x" * 2100)) == 431


@pytest.mark.shows_setting("host.max_target")
def test_target_has_a_longest_length(served):
    assert status_of(served, head("/one?" + "x" * 400)) == 200
    assert status_of(served, head("/one?" + "x" * 520)) == 414


@pytest.mark.shows_setting("host.max_headers")
def test_header_lines_are_counted(served):
    assert status_of(served, head("/one", *[f"X-{number}: 1" for number in range(9)])) == 200
    assert status_of(served, head("/one", *[f"X-{number}: 1" for number in range(10)])) == 431


@pytest.mark.shows_setting("host.head_timeout")
def test_head_that_does_not_arrive_is_given_up(served):
    with served.connect() as connection:
        connection.send("GET /one HTTP/1.1\r\nHost: a\r\n")
        began = time.monotonic()
        answer = connection.response()
        assert answer.status == 408
        assert "head_timeout: 1000 ms" in answer.error()["hint"]
        assert time.monotonic() - began > 0.5


@pytest.mark.shows_setting("host.body_timeout")
def test_body_that_stands_still_is_given_up(served):
    assert served.get("/one").status == 200
    with served.connect() as connection:
        connection.send("POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf")
        answer = connection.response()
        assert answer.status == 408
        assert "body_timeout" in answer.error()["hint"]


# -- room for instances


def begin_with_room(berth, **room):
    berth.host = {**room, "queue_timeout": "2s", "prewarm": 0}
    for name in ("one", "two"):
        berth.write_function(name, MIRROR, concurrency=1, memory="64Mi", idle_timeout=60, request_buffering=False)
    berth.start()


def assert_no_room_for_two(berth, limit):
    """While the one instance there is room for serves a request, the other function waits in vain; then it does not."""
    berth.wait_answer("/one", lambda answer: answer.status == 200, "the first instance")
    with berth.hold("/one") as held:
        wait_until(lambda: berth.gauge("berth_slots_busy", "one") == 1, "the instance to be busy")
        refused = berth.get("/two")
        assert refused.status == 503
        assert limit in refused.error()["hint"]
        assert len(berth.containers()) == 1
        held.send("x")
        assert held.response().status == 200
    berth.wait_answer("/two", lambda answer: answer.status == 200, "room once the first is idle")


@pytest.mark.shows_setting("host.max_instances")
def test_instances_of_the_host_are_limited(berth):
    begin_with_room(berth, max_instances=1)
    assert_no_room_for_two(berth, "max_instances")


@pytest.mark.shows_setting("host.max_memory")
def test_memory_of_the_instances_is_limited(berth):
    begin_with_room(berth, max_memory="100Mi")
    assert_no_room_for_two(berth, "max_memory")


# -- the daemon itself


@pytest.mark.shows_setting("host.workers")
def test_workers_are_as_many_as_set(served):
    names = [pathlib.Path(task, "comm").read_text() for task in pathlib.Path(f"/proc/{served.pid}/task").iterdir()]
    assert len([name for name in names if name.startswith("worker-")]) == 3


@pytest.mark.shows_setting("host.log_level", "host.log_format")
def test_log_has_its_level_and_format(served):
    entries = [json.loads(line) for line in served.log.lines()]
    assert "debug" in {entry["level"] for entry in entries}


@pytest.mark.shows_setting("host.listen", "host.admin", "host.state_dir", "host.run_dir")
def test_places_may_be_set_in_the_registry(berth):
    berth.options_given = False
    berth.host = {
        "listen": "%s:%d" % berth.address,
        "admin": "%s:%d" % berth.admin_address,
        "state_dir": berth.state_dir,
        "run_dir": berth.run_dir,
    }
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    assert berth.get("/hello").text == "hello"
    assert os.listdir(os.path.join(berth.state_dir, "packages"))
    (mount,) = [m for m in engine.inspect(berth.instance("hello")["Id"])["Mounts"] if m["Destination"] == "/run/berth"]
    assert mount["Source"].startswith(berth.run_dir + "/")


@pytest.mark.shows_setting("host.plugin_dir")
def test_languages_are_those_of_the_plugin_folder(berth, bin_dir):
    shipped = pathlib.Path(bin_dir, "..", "plugins").resolve()
    own = pathlib.Path(berth.folder, "own")
    own.mkdir()
    shutil.copy(shipped / "shell.so", own)
    shutil.copytree(shipped / "shell", own / "shell")
    berth.host = {"plugin_dir": str(own), "prewarm": 0}
    berth.write_function("hello", HELLO)
    berth.write_function("shelly", SHELL_HELLO, language="shell")
    berth.start()
    assert berth.get("/shelly").text.strip() == "hello"
    answer = berth.get("/hello")
    assert answer.status == 503
    assert "python" in answer.error()["message"]


@pytest.mark.shows_setting("host.prewarm")
def test_prewarmed_instances_are_as_many_as_set(berth):
    berth.host = {"prewarm": 3}
    berth.write_function("hello", HELLO)
    berth.start()

    def prewarmed():
        return len([c for c in berth.containers() if engine.name_of(c).startswith("berth.python.")])

    wait_until(lambda: prewarmed() == 3, "three prewarmed instances", 30)
    assert stays(lambda: prewarmed() == 3, 0.5)


@pytest.mark.shows_setting("host.start_timeout")
def test_instance_that_does_not_load_in_time_is_given_up(berth):
    berth.expect_error(".*", function="endless")
    berth.host = {"start_timeout": "2s", "prewarm": 0}
    berth.write_function("endless", "import threading\nthreading.Event().wait()\ndef handle(request):\n    return 1\n")
    berth.start()
    answer = berth.get("/endless")
    assert answer.status in (502, 503)
    # What took so long, loading or the engine, depends on how busy the machine is.
    assert answer.error()["reason"] == "start-timeout"
    assert "within 2000 ms" in answer.error()["message"]


@pytest.mark.shows_setting("host.drain_timeout")
def test_end_waits_for_requests_no_longer_than_set(berth):
    berth.host = {"drain_timeout": "1s"}
    berth.write_function("held", HELD)
    berth.start()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        cut = pool.submit(status_or_error, berth, "/held/hold")
        wait_until(lambda: berth.gauge("berth_slots_busy", "held") == 1, "the request to be under way", 30)
        berth.signal(signal.SIGTERM)
        assert berth.wait_end() == 0
        assert cut.result() != 200
    assert berth.log.entries(event="daemon.drain-timeout", after_ms=1000)


def status_or_error(berth, target):
    try:
        return berth.get(target).status
    except OSError as error:
        return error
