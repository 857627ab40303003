"""What another value of a setting does at a reload: it holds at once, a new revision takes over, or the daemon says that it
needs a restart."""

import os

import pytest
from harness.functions import HELD, HELLO
from harness.wait import wait_until

BODY = "x" * 3000

SLOW = """
    import asyncio

    async def handle(request):
        await asyncio.sleep(float(request.query_params["seconds"]))
        return "slept"
"""


@pytest.fixture(name="seen")
def seen_fixture(berth):
    """Which container and which revision serve."""
    return lambda: (berth.instance("hello")["Id"], revision(berth))


def revision(berth):
    return berth.admin("GET", "/system/function/hello").json()["berth"]["revision"]


def held(berth):
    """A request that is with the function until another releases it."""
    connection = berth.connect(timeout=60)
    connection.send("GET /hello/hold HTTP/1.1\r\nHost: test\r\n\r\n")
    wait_until(lambda: berth.gauge("berth_slots_busy", "hello") == 1, "the request to be with the function", 30)
    return connection


def test_timeout_holds_at_once_and_spares_requests_under_way(berth, seen):
    berth.write_function("hello", SLOW, concurrency=4, timeout=60, idle_timeout=60)
    berth.start()
    with berth.connect(timeout=60) as under_way:
        under_way.send("GET /hello?seconds=4 HTTP/1.1\r\nHost: test\r\n\r\n")
        wait_until(lambda: berth.gauge("berth_slots_busy", "hello") == 1, "the request to be with the function", 30)
        before = seen()
        berth.configure("hello", timeout=1)
        berth.apply()
        assert seen() == before
        assert berth.get("/hello?seconds=60").status == 504
        assert under_way.response().status == 200


def test_scale_and_idle_time_hold_at_once(berth, seen):
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    assert revision(berth)
    berth.configure("hello", min_scale=1)
    berth.apply()
    wait_until(lambda: berth.gauge("berth_slots_idle", "hello"), "the instance that is wanted", 60)
    before = seen()
    berth.configure("hello", min_scale=0, idle_timeout="200ms")
    berth.apply()
    berth.wait_no_instance("hello", 30)
    assert revision(berth) == before[1]


def test_limits_of_the_host_hold_at_once(berth, seen):
    berth.write_function("hello", HELD, concurrency=1, max_scale=1, idle_timeout=60)
    berth.start()
    assert berth.post("/hello", BODY).status == 200
    before = seen()
    berth.host["max_body"] = "2Ki"
    berth.host["queue_timeout"] = "300ms"
    berth.apply()
    assert berth.post("/hello", BODY).status == 413
    with held(berth):
        assert berth.get("/hello").error()["reason"] == "queue-timeout"
        berth.host["queue_length"] = 1
        berth.host["queue_timeout"] = "60s"
        berth.apply()
        with berth.connect() as waits:
            waits.send("GET /hello HTTP/1.1\r\nHost: test\r\n\r\n")
            wait_until(lambda: berth.gauge("berth_requests_waiting", "hello") == 1, "a request in the queue")
            refused = berth.get("/hello").error()
            assert refused["reason"] == "queue-full"
            assert "queue_length: 1 " in refused["hint"]
            assert seen() == before


def test_setting_of_the_container_makes_a_new_revision(berth, seen):
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    assert berth.get("/hello").status == 200
    before = seen()
    berth.configure("hello", shm="32Mi")
    berth.apply()
    wait_until(lambda: revision(berth) != before[1], "another revision", 60)
    wait_until(lambda: len(berth.instances("hello")) == 1, "the old instance to go", 60)
    assert seen()[0] != before[0]


def test_what_needs_a_restart_is_said_with_its_place(berth, seen):
    berth.host.update(keep_alive_timeout="30s", max_headers=50)
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    assert berth.get("/hello").status == 200
    before = seen()
    berth.host["keep_alive_timeout"] = "31s"
    del berth.host["max_headers"]
    berth.apply()
    told = berth.log.entries("config.restart-needed")
    assert {os.path.basename(entry["file"]) for entry in told} == {"global-function-definition.yml"}
    assert told[1]["message"].startswith('"keep_alive_timeout" ') and int(told[1]["line"]) > 0
    assert told[0]["message"].startswith('"max_headers" ') and "line" not in told[0]
    assert seen() == before
    berth.host.update(keep_alive_timeout="30s", max_headers=50)
    berth.apply()
    assert len(berth.log.entries("config.restart-needed")) == len(told) == 2
