"""What a function's keys in the registry do, each shown through the daemon, where no other test does."""

import pytest

from harness.functions import HELLO, MIRROR, SHELL_HELLO
from harness.wait import wait_until

FILES = {f"{name}.py": f'def handle(request):\n    return "{name}"\n' for name in ("first", "second")}


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    shared_berth.write_files("functions/folder", FILES)
    shared_berth.write_function("second", HELLO, function_folder="folder", base_function_file_name="second.py")
    shared_berth.write_function("first", HELLO, function_folder="folder", base_function_file_name="first.py")
    shared_berth.write_function("folder", HELLO, function_folder=None, base_function_file_name="first.py")
    shared_berth.write_function("shelly", SHELL_HELLO, language="Shell", idle_timeout=60)
    shared_berth.functions["second"]["version"] = 2.10
    shared_berth.write_config()
    shared_berth.start()


@pytest.mark.shows_setting(
    "function.configuration", "configuration.function_folder", "configuration.base_function_file_name"
)
def test_folder_and_file_say_what_is_run(served):
    assert served.get("/second").text == "second"
    assert served.get("/first").text == "first"


def test_folder_is_named_like_the_key_unless_set(served):
    assert served.get("/folder").text == "first"


@pytest.mark.shows_setting("configuration.programing_language")
def test_language_says_what_runs_it(served):
    assert served.get("/shelly").text.strip() == "hello"
    (shelly,) = [entry for entry in served.admin("GET", "/system/functions").json() if entry["name"] == "shelly"]
    assert "-shell:" in served.instance("shelly")["Image"], shelly


@pytest.mark.shows_setting("function.version")
def test_version_is_shown_as_it_is_written(served):
    described = served.admin("GET", "/system/function/second").json()
    assert "2.1" in str(described)


@pytest.mark.shows_setting("configuration.start_timeout")
def test_instance_has_the_time_to_load_that_its_function_sets(berth):
    berth.expect_error(".*", function="endless")
    slow = "import threading\nthreading.Event().wait({})\ndef handle(request):\n    return 'loaded'\n"
    berth.host = {"start_timeout": "2s"}
    berth.write_function("patient", slow.format(4), start_timeout="60s")
    berth.write_function("endless", slow.format(""), start_timeout="1s")
    berth.start()
    assert berth.get("/patient").text == "loaded"
    answer = berth.get("/endless")
    assert answer.status in (502, 503)
    # What took so long, loading or the engine, depends on how busy the machine is.
    assert answer.error()["reason"] == "start-timeout"
    assert "within 1000 ms" in answer.error()["message"]


@pytest.mark.shows_setting("configuration.max_body")
def test_body_may_be_as_large_as_its_function_allows(berth):
    berth.host = {"max_body": 1000}
    berth.write_function("plain", MIRROR)
    berth.write_function("narrow", MIRROR, max_body=10)
    berth.write_function("wide", MIRROR, max_body="2Ki")
    berth.start()
    assert berth.post("/wide", body=b"x" * 2048).json()["size"] == 2048
    assert berth.post("/narrow", body=b"x" * 10).json()["size"] == 10
    for name, size, place in (
        ("wide", 2049, "function's settings"),
        ("narrow", 11, "function's settings"),
        ("plain", 1001, "section `host`"),
    ):
        answer = berth.post(f"/{name}", body=b"x" * size)
        assert answer.status == 413, name
        assert place in answer.error()["hint"], name


def hold_all(berth, name, count):
    """Requests to a function of one slot: one is served and the others wait."""
    assert berth.get(f"/{name}").status == 200
    wait_until(lambda: berth.gauge("berth_slots_busy", name) == 0, "the slot to be free again")
    held = [berth.hold(f"/{name}") for _ in range(count)]
    wait_until(lambda: (berth.gauge("berth_slots_busy", name), berth.gauge("berth_requests_waiting", name)) == (1, count - 1),
               "one to be served and others to wait", 30)
    return held


def release(held):
    for connection in held:
        connection.send("x")
    for connection in held:
        assert connection.response().status == 200
        connection.close()


@pytest.mark.shows_setting("configuration.queue_length")
def test_so_many_wait_as_the_function_lets(berth):
    berth.host = {"queue_length": 1}
    berth.write_function("popular", MIRROR, request_buffering=False, concurrency=1, max_scale=1, queue_length=2, idle_timeout=60)
    berth.start()
    held = hold_all(berth, "popular", 3)
    answer = berth.get("/popular")
    assert answer.status == 503 and answer.error()["reason"] == "queue-full"
    assert "queue_length: 2 among the function's settings" in answer.error()["hint"]
    release(held)


@pytest.mark.shows_setting("configuration.queue_timeout")
def test_request_waits_as_long_as_its_function_lets(berth):
    berth.host = {"queue_timeout": "1h"}
    berth.write_function("hasty", MIRROR, request_buffering=False, concurrency=1, max_scale=1, idle_timeout=60)
    berth.start()
    held = hold_all(berth, "hasty", 1)
    berth.configure("hasty", queue_timeout="100ms")
    berth.apply()
    answer = berth.get("/hasty")
    assert answer.status == 503 and answer.error()["reason"] == "queue-timeout"
    assert "waited 100 ms" in answer.error()["message"]
    assert "queue_timeout among the function's settings" in answer.error()["hint"]
    release(held)


def test_limit_of_the_wait_for_a_start_is_named_where_it_is(berth):
    berth.write_function("late", "import time\ntime.sleep(300)\ndef handle(request):\n    return 1\n", queue_timeout="100ms")
    berth.start()
    error = berth.get("/late").error()
    assert "waited 100 ms" in error["message"]
    assert "queue_timeout among the function's settings" in error["hint"]
