"""Calls that are accepted now and done later."""

import datetime
import itertools
import random
import statistics
import threading
import time

import pytest

from harness.functions import MIRROR
from harness.later import WORKER, accept, look, result, wait_done, wait_state
from harness.wait import stays, wait_until

BROKEN = "def handle(request:\n"

# Has each call wait until /open was called directly, and answers with how many came in before it, and with it.
GATE = """
    import asyncio

    order = []
    gate = None

    async def handle(request):
        global gate
        gate = gate or asyncio.Event()
        path = request.scope["raw_path"].decode()
        if path == "/open":
            gate.set()
            return {"order": order}
        if path == "/close":
            gate.clear()
            order.clear()
            return {}
        if path == "/order":
            return {"order": order}
        order.append(request.url.query)
        await gate.wait()
        return {"order": list(order)}
"""

# Calls another function later, by its own gateway.
CALLER = """
    import json
    import os
    import urllib.request

    def handle(request):
        url = os.environ["BERTH_GATEWAY"] + request.query_params["to"]
        with urllib.request.urlopen(urllib.request.Request(url, b"from inside"), timeout=60) as answer:
            return {"status": answer.status, "told": json.loads(answer.read())}
"""


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    usual = {"retry_wait": "50ms", "idle_timeout": 60}
    shared_berth.write_function("worker", WORKER, concurrency=8, **usual)
    shared_berth.write_function("few", WORKER, concurrency=8, retries=2, **usual)
    shared_berth.write_function("short", WORKER, concurrency=8, max_age="10s", retries=100, retry_wait="200ms",
                                idle_timeout=60, retry_wait_max="500ms")
    shared_berth.write_function("one", GATE, concurrency=8, async_concurrency=1, idle_timeout=60)
    shared_berth.write_function("slow", WORKER, concurrency=4, timeout=1, retries=1, **usual)
    shared_berth.write_function("forgetful", WORKER, result_ttl=0, **usual)
    shared_berth.write_function("brief", WORKER, result_ttl="1s", **usual)
    shared_berth.write_function("mirror", MIRROR, public=False, **usual)
    shared_berth.write_function("caller", CALLER, **usual)
    shared_berth.write_function("broken", BROKEN)
    shared_berth.write_config()
    shared_berth.start()


# --- acceptance and result


def test_call_is_accepted_and_done(served):
    call = accept(served, "worker/some/path?a=b", b"hello", Content_Type="text/x-own")
    told = wait_done(served, call)
    assert (told["method"], told["path"], told["query"], told["body"]) == ("POST", "/some/path", "a=b", "hello")
    headers = told["headers"]
    assert headers["content-type"] == "text/x-own"
    assert headers["x-call-id"] == call and headers["x-attempt"] == "1"
    assert headers["x-request-id"] == f"{call}-1"
    assert headers["x-forwarded-for"] == "127.0.0.1" and headers["x-real-ip"] == "127.0.0.1"
    assert headers["host"] == "%s:%d" % served.address
    assert abs(int(headers["x-start-time"]) / 1e9 - time.time()) < 300
    assert "x-berth-async" not in headers
    seen = look(served, call)
    assert seen["function"] == "worker" and seen["attempts"] == 1
    assert seen["accepted_at"] <= seen["last"]["at"] <= seen["ended_at"]
    assert seen["result"]["status"] == 200 and seen["result"]["headers"]["x-worker"] == "yes"
    answer = result(served, call)
    assert answer.headers["X-Function-Status"] == "200" and answer.headers["X-Call-Id"] == call
    assert answer.headers["Content-Type"] == "application/json"
    assert int(answer.headers["Content-Length"]) == seen["result"]["bytes"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
def test_methods_come_through(served, method):
    call = accept(served, "worker/x", b"", method)
    assert wait_done(served, call)["method"] == method


def test_prefer_is_enough(served):
    answer = served.post("/worker/x", b"a", headers={"Prefer": "respond-async, return=minimal"})
    assert answer.status == 202 and answer.headers["Preference-Applied"] == "respond-async"
    told = wait_done(served, answer.json()["id"])
    assert told["path"] == "/x" and told["headers"]["prefer"] == "return=minimal"


@pytest.mark.parametrize("size", [0, 32 << 10, (32 << 10) + 1, 1 << 20])
def test_bodies_come_whole(served, size):
    body = random.randbytes(size)
    call = accept(served, "worker/sized", body)
    assert wait_done(served, call)["size"] == size


def test_largest_head_that_is_accepted_is_delivered(served):
    """By the usual settings: 100 lines, 16 KiB, a target of 8 KiB."""
    prefer = {"Prefer": "respond-async"}
    many = {f"X-{number}": "x" for number in range(94)}
    large = {"X-Large": "x" * 16000, "Host": "h" * 200}
    long_target = "/worker?" + "x" * 8180
    for target, headers in (("/worker", many), ("/worker", large), (long_target, {})):
        answer = served.request("POST", target, b"", {**headers, **prefer})
        assert answer.status == 202
        wait_state(served, answer.json()["id"], "done")


def test_large_results_are_kept(served):
    served.write_function("large", "def handle(request):\n    return b'x' * int(request.query_params['n'])", idle_timeout=60)
    served.apply()
    for size in (32 << 10, 3 << 20):
        call = accept(served, f"large?n={size}")
        assert wait_state(served, call, "done")["result"]["bytes"] == size
        assert result(served, call).body == b"x" * size
        head = served.request("HEAD", f"/async/{call}/result")
        assert (head.status, head.headers["Content-Length"], head.body) == (200, str(size), b"")


def test_what_a_direct_caller_is_told_is_told_at_once(served):
    for name, status, reason in (
        ("nobody", 404, "function-unknown"),
        ("mirror", 404, "function-unknown"),
        ("broken", 503, "invalid-function"),
    ):
        served.wait_settled(f"/{name}", "the function to be built, or not")
        answer = served.post(f"/async-function/{name}", b"x")
        assert (answer.status, answer.error()["reason"]) == (status, reason)


def test_unknown_calls_are_unknown(served):
    for target in ("0" * 32, "1", "x" * 32, "0" * 32 + "/result", ""):
        answer = served.get(f"/async/{target}")
        assert (answer.status, answer.error()["reason"]) == (404, "call-unknown")
        answer = served.request("DELETE", f"/async/{target}")
        assert (answer.status, answer.error()["reason"]) == (404, "call-unknown")


def test_functions_call_later_and_privately(served):
    told = served.post("/caller?to=/async-function/mirror/deep").json()
    assert told["status"] == 202
    mirrored = wait_done(served, told["told"]["id"])
    assert mirrored["path"] == "/deep" and mirrored["size"] == len(b"from inside")
    assert dict(mirrored["headers"])["x-berth-caller"] == "caller"


# --- results that are not kept


@pytest.mark.shows_setting("configuration.result_ttl")
def test_results_are_kept_for_a_time(served):
    call = accept(served, "forgetful")
    assert wait_state(served, call, "done")["result"] is None
    answer = served.get(f"/async/{call}/result")
    assert (answer.status, answer.error()["reason"]) == (404, "call-no-result")
    call = accept(served, "brief")
    wait_until(lambda: served.get(f"/async/{call}").status == 404, "the call to be forgotten", 20)


# --- retries


@pytest.mark.shows_setting("configuration.retry_wait")
def test_failed_attempts_are_repeated_until_one_works(served):
    call = accept(served, "worker?fails=3")
    told = wait_done(served, call)
    assert told["headers"]["x-attempt"] == "4" and told["headers"]["x-request-id"] == f"{call}-4"
    assert look(served, call)["attempts"] == 4
    assert len(served.log.entries("call.retried", call=call)) == 3


@pytest.mark.shows_setting("configuration.retries")
def test_calls_are_given_up_after_retries(served):
    call = accept(served, "few?fails=100")
    told = wait_state(served, call, "dead")
    assert told["attempts"] == 3
    assert told["last"]["status"] == 500 and told["last"]["error"]["reason"] == "function-status"
    assert result(served, call).json() == {"failed": 3}
    assert served.log.entries("call.dead", call=call, level="warning")


@pytest.mark.shows_setting("configuration.retry_on")
def test_only_what_is_named_is_repeated(served):
    call = accept(served, "worker?fails=1&status=404")
    assert wait_state(served, call, "done")["result"]["status"] == 404
    served.configure("few", retry_on=["404"])
    served.apply()
    assert wait_done(served, accept(served, "few?fails=1&status=404"))["headers"]["x-attempt"] == "2"
    call = accept(served, "few?fails=1")
    assert wait_state(served, call, "done")["result"]["status"] == 500
    served.configure("few", retry_on=["5xx"])
    served.apply()


def test_timeouts_are_repeated(served):
    call = accept(served, "slow?s=30", Accept="text/plain")
    told = wait_state(served, call, "dead")
    assert told["attempts"] == 2 and told["last"]["error"]["reason"] == "timeout"


@pytest.mark.shows_setting("configuration.retry_wait_max", "configuration.max_age")
def test_old_calls_are_given_up(served):
    """In the time that they have there are more attempts than there would be without a longest pause between them."""
    assert served.get("/short").status == 200
    call = accept(served, "short?fails=1000")
    told = wait_state(served, call, "dead")
    assert told["last"]["error"]["reason"] == "max-age"
    assert 8 <= told["attempts"] < 60


# --- order and how many at once


def order_of(berth):
    return berth.get("/one/order").json()["order"]


@pytest.mark.shows_setting("configuration.async_concurrency")
def test_calls_begin_in_their_order_and_leave_room_for_direct_ones(served):
    served.get("/one/close")
    calls = [accept(served, f"one?{number}") for number in range(20)]
    wait_until(lambda: order_of(served) == ["0"], "the first call")
    assert stays(lambda: order_of(served) == ["0"], 0.5)
    served.get("/one/open")
    for call in calls:
        wait_state(served, call, "done")
    assert order_of(served) == [str(number) for number in range(20)]


def test_the_next_call_begins_when_one_has_ended(served):
    """Not when something else happens to wake who begins it."""
    served.get("/one/open")
    calls = [accept(served, f"one?{number}") for number in range(30)]
    begun = [datetime.datetime.fromisoformat(wait_state(served, call, "done")["last"]["at"][:-1]) for call in calls]
    gaps = [(after - before).total_seconds() for before, after in itertools.pairwise(begun)]
    assert statistics.median(gaps) < 0.5


def test_more_at_once_when_the_settings_say_so(served):
    served.get("/one/close")
    served.configure("one", async_concurrency=5)
    served.apply()
    calls = [accept(served, f"one?{number}") for number in range(8)]
    wait_until(lambda: len(order_of(served)) == 5, "five calls")
    assert stays(lambda: len(order_of(served)) == 5, 0.5)
    served.get("/one/open")
    for call in calls:
        wait_state(served, call, "done")
    served.configure("one", async_concurrency=1)
    served.apply()


# --- calls that are not to be done


def test_waiting_and_running_calls_are_cancelled(served):
    served.get("/one/close")
    running, waiting = accept(served, "one?running"), accept(served, "one?waiting")
    wait_until(lambda: order_of(served) == ["running"], "the first call")
    for call in (waiting, running):
        answer = served.request("DELETE", f"/async/{call}")
        assert (answer.status, answer.json()["state"]) == (200, "cancelled")
        answer = served.request("DELETE", f"/async/{call}")
        assert (answer.status, answer.error()["reason"]) == (409, "call-ended")
        assert look(served, call)["state"] == "cancelled"
        answer = served.get(f"/async/{call}/result")
        assert (answer.status, answer.error()["reason"]) == (404, "call-no-result")
    assert "Retry-After" not in served.get(f"/async/{running}").headers
    after = accept(served, "one?after")
    wait_until(lambda: order_of(served) == ["running", "after"], "the call behind the cancelled ones")
    answer = served.get(f"/async/{after}/result")
    assert (answer.status, answer.error()["reason"]) == (404, "call-not-ended")
    assert served.get(f"/async/{after}").headers["Retry-After"] == "1"
    served.get("/one/open")
    wait_state(served, after, "done")


# --- the same again


def test_key_gives_the_first_answer_for_a_day(served):
    def ask(key, body=b"x", target="worker/keyed"):
        return served.post(f"/async-function/{target}", body, headers={"Idempotency-Key": key})

    first = ask("key-1")
    assert first.status == 202 and "Idempotency-Replayed" not in first.headers
    wait_state(served, first.json()["id"], "done")
    again = ask("key-1")
    assert again.status == 202 and again.headers["Idempotency-Replayed"] == "true"
    assert again.json()["id"] == first.json()["id"]
    for other in (ask("key-1", b"y"), ask("key-1", b"x", "worker/else")):
        assert (other.status, other.error()["reason"]) == (422, "idempotency-conflict")
    assert ask("key-1", target="few/keyed").json()["id"] != first.json()["id"]
    assert ask("key-2").json()["id"] != first.json()["id"]
    assert wait_done(served, first.json()["id"])["headers"]["idempotency-key"] == "key-1"
    for key in ("", "k" * 256):
        assert ask(key).error()["reason"] == "idempotency-key"
    large = random.randbytes(100000)
    assert ask("large", large).json()["id"] == ask("large", large).json()["id"]


def test_requests_with_one_key_at_once_are_one_call(served):
    ids = []

    def ask():
        ids.append(served.post("/async-function/worker", b"x", headers={"Idempotency-Key": "at-once"}).json()["id"])

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 16 and len(set(ids)) == 1


# --- many


def test_many_clients_are_accepted_together(served):
    calls = []

    def ask(number):
        calls.extend(accept(served, f"worker?{number}-{count}") for count in range(10))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(calls)) == 320
    for call in calls:
        wait_state(served, call, "done")


# --- functions that come and go


def test_calls_wait_for_a_function_that_is_gone(served):
    served.get("/one/close")
    first, second = accept(served, "one?first"), accept(served, "one?second")
    wait_until(lambda: order_of(served) == ["first"], "the first call")
    kept = served.functions.pop("one")
    served.apply()
    served.request("DELETE", f"/async/{first}")
    assert stays(lambda: look(served, second)["state"] == "waiting", 1)
    served.functions["one"] = kept
    served.apply()
    wait_state(served, second, "running", "waiting")
    wait_until(lambda: served.get("/one/open").status == 200, "the function", 30)
    wait_state(served, second, "done")
