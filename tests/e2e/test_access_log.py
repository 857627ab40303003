"""What the log says of requests after their end: all of them, also those that are under way when the daemon ends."""

import concurrent.futures
import signal

import pytest

from harness.functions import HELLO, MIRROR
from harness.wait import wait_until


def entry_of(berth, request_id):
    """The line of the request, once it is there."""

    def look():
        found = berth.log.entries(event="gateway.request", request_id=request_id)
        return found[0] if found else None

    return wait_until(look, f"the line of {request_id}", 30)


def test_line_says_what_served_the_request(berth):
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.host = {"prewarm": 0}
    berth.start("--log-level", "debug")
    first = berth.get("/hello?who=me")
    second = berth.post("/hello", b"some body")
    status = berth.admin("GET", "/system/function/hello").json()
    cold, warm = (entry_of(berth, answer.headers["X-Request-Id"]) for answer in (first, second))
    for entry, answer in ((cold, first), (warm, second)):
        assert entry["instance"] == answer.headers["X-Served-By"]
        assert status["berth"]["revision"].startswith(entry["revision"])
        assert (entry["function"], entry["client"], entry["status"]) == ("hello", "127.0.0.1", "200")
        assert entry["end"] == "answered" and float(entry["ms"]) > 0
    assert (cold["method"], cold["path"], cold["cold"]) == ("GET", "/hello", "1")
    assert (warm["method"], warm["path"], warm["cold"]) == ("POST", "/hello", "0")
    assert float(cold["wait_ms"]) > 0 and int(warm["bytes_in"]) > int(cold["bytes_in"])


def test_requests_under_way_at_the_end_are_in_the_log(berth):
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.write_function("mirror", MIRROR, request_buffering=False, idle_timeout=60, concurrency=4, max_scale=1)
    berth.start("--log-level", "debug")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: berth.get("/hello"), range(200)))
    held = [berth.hold("/mirror") for _ in range(4)]
    wait_until(lambda: berth.gauge("berth_slots_busy", "mirror") == 4, "the requests to be under way", 30)
    berth.signal(signal.SIGTERM)
    wait_until(lambda: berth.log.entries(event="daemon.draining"), "the end to have begun", 30)
    for connection in held:
        connection.send("x")
    done += [connection.response() for connection in held]
    for connection in held:
        connection.close()
    assert berth.wait_end() == 0
    assert {answer.status for answer in done} == {200}
    logged = [entry["request_id"] for entry in berth.log.entries(event="gateway.request")]
    assert sorted(logged) == sorted(answer.headers["X-Request-Id"] for answer in done)


def test_requests_that_the_end_cuts_are_in_the_log(berth):
    berth.host = {"drain_timeout": "1s", "head_timeout": "60s"}
    berth.write_function("hello", HELLO)
    berth.start("--log-level", "debug")
    halves = [berth.connect(timeout=60) for _ in range(300)]
    for connection in halves:
        connection.send("GET /hello HTTP/1.1\r\n")
    wait_until(lambda: berth.counter("berth_bytes_in_total") == len(halves) * 21, "the halves of their heads", 30)
    assert berth.stop() == 0
    for connection in halves:
        connection.close()
    ends = [entry["end"] for entry in berth.log.entries(event="gateway.request")]
    assert ends == ["stopped"] * len(halves)


def invocations(berth, function):
    return berth.admin("GET", f"/system/function/{function}").json()["invocationCount"]


@pytest.mark.shows_setting("host.access_log")
def test_requests_are_in_the_log_unless_that_is_not_wanted(berth):
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    entry = entry_of(berth, berth.get("/hello?token=hidden").headers["X-Request-Id"])
    assert (entry["level"], entry["function"], entry["path"], entry["status"]) == ("info", "hello", "/hello", "200")
    failed = berth.get("/nowhere?token=hidden").headers["X-Request-Id"]
    entry = entry_of(berth, failed)
    assert (entry["status"], entry["reason"]) == ("404", "function-unknown") and "nowhere" in entry["error"]
    assert len(berth.log.entries(request_id=failed)) == 1
    berth.host = {"access_log": False}
    berth.apply()
    silent = berth.get("/hello").headers["X-Request-Id"]
    failed = berth.get("/nowhere?token=hidden").headers["X-Request-Id"]
    wait_until(lambda: berth.log.entries(event="gateway.error", request_id=failed), "the error's line", 30)
    assert not berth.log.entries(request_id=silent)
    assert not [line for line in berth.log.lines() if "hidden" in line]


def ask_quickly(berth, target, count):
    """Many requests on one connection, one after the other."""
    with berth.connect(timeout=120) as connection:
        for _ in range(count // 100):
            connection.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
            for _ in range(100):
                connection.response()


@pytest.mark.shows_setting("host.access_log_rate")
def test_of_many_requests_a_sample_is_in_the_log(berth):
    def left_out(field):
        return sum(int(entry[field]) for entry in berth.log.entries(event="gateway.requests-left-out"))

    def written(status):
        return len(berth.log.entries(event="gateway.request", status=status))

    berth.host = {"access_log_rate": 10, "slow_request": "60s"}
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    ask_quickly(berth, "/hello", 2000)
    wait_until(lambda: written(200) + left_out("requests") == 2000, "each to be there or counted", 60)
    assert 10 <= written(200) < 2000
    assert left_out("failed_or_slow") == 0
    berth.get("/nowhere")
    wait_until(lambda: written(404) == 1, "the one that failed", 30)
    ask_quickly(berth, "/nowhere", 2000)
    wait_until(lambda: written(404) + left_out("failed_or_slow") == 2001, "each to be there or counted", 60)
    assert 100 <= written(404) < 2001
    entries = berth.log.entries(event="gateway.requests-left-out")
    assert len({entry["time"][:19] for entry in entries}) >= len(entries) - 1, "once a second"
    berth.host["access_log_rate"] = 0
    berth.apply()
    before, missing = written(200), left_out("requests")
    ask_quickly(berth, "/hello", 1000)
    wait_until(lambda: written(200) == before + 1000, "every one", 60)
    assert left_out("requests") == missing


SLEEPER = """
    import asyncio

    async def handle(request):
        await asyncio.sleep(float(request.query_params["seconds"]))
        return "slept"
"""


@pytest.mark.shows_setting("host.slow_request")
def test_slow_requests_say_where_the_time_went(berth):
    berth.host = {"slow_request": "2s"}
    berth.write_function("sleeper", SLEEPER, idle_timeout=60)
    berth.start()
    berth.get("/sleeper?seconds=0")
    slow = berth.get("/sleeper?seconds=2.1").headers["X-Request-Id"]
    wait_until(lambda: berth.log.entries(event="gateway.slow-request", request_id=slow), "the slow request's line", 30)
    [entry] = berth.log.entries(event="gateway.slow-request", request_id=slow)
    assert entry["path"] == "/sleeper"
    assert float(entry["run_ms"]) >= 2000 and float(entry["ms"]) >= float(entry["run_ms"]) + float(entry["answer_ms"])
    assert entry["cold"] == "0"
