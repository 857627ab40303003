"""Async calls on the management port: lists, one with all that is known of it, cancelling, dead letters, metrics."""

import json
import os

import jsonschema
import pytest

from harness import prometheus
from harness.functions import HELD, HELLO
from harness.known_calls import BROKEN_UNTIL_FIXED, call_of, wait_for
from harness.later import accept
from harness.wait import wait_until


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    shared_berth.write_function("hello", HELLO, idle_timeout=60)
    shared_berth.write_function("private", HELLO, public=False, idle_timeout=60)
    shared_berth.write_function("held", HELD, concurrency=10, max_scale=1, idle_timeout=60)
    for name in ("broken", "unlucky"):
        shared_berth.write_function(
            name, BROKEN_UNTIL_FIXED, max_scale=1, idle_timeout=60, retries=1, retry_wait="10ms"
        )
    shared_berth.start()


@pytest.fixture(scope="module")
def description(shared_berth):
    return shared_berth.admin("GET", "/berth/openapi.json").json()


def check(description, name, value):
    """That a value is what the description of the API says of it."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": description["components"]}
    jsonschema.Draft202012Validator(schema).validate(value)


def reason_of(answer):
    return answer.status, answer.json()["error"]["reason"]


def page(berth, query=""):
    answer = berth.admin("GET", f"/berth/calls{query}")
    assert answer.status == 200, answer
    return answer.json()


# -- what is told


def test_all_that_is_known_of_a_call_is_told(served, description):
    call = accept(served, "hello/a/b?token=1", b"some body", Authorization="Bearer xyz", Cookie="a=b", X_Odd="kept")
    told = wait_for(served, call, "done")
    check(description, "CallDetails", told)
    assert (told["id"], told["function"], told["method"], told["path"]) == (call, "hello", "POST", "/a/b")
    assert (told["attempts"], told["status"], told["bytes"], told["client"]) == (1, 200, 9, "127.0.0.1")
    assert told["headers"]["Authorization"] == told["headers"]["Cookie"] == "(hidden)"
    assert told["headers"]["X-Odd"] == "kept" and "xyz" not in json.dumps(told)
    assert told["result"]["status"] == 200 and told["result"]["bytes"] == len("hello")
    assert told["ended"] >= told["accepted"] and told["expires"] > told["ended"] and told["due"] is None
    (attempt,) = told["tries"]
    assert (attempt["number"], attempt["request_id"], attempt["status"]) == (1, f"{call}-1", 200)
    assert call_of(served, told["number"]) == told


def test_each_attempt_is_a_request_of_its_own(served):
    call = accept(served, "hello")
    wait_for(served, call, "done")

    def look():
        answer = served.admin("GET", f"/berth/requests/{call}-1")
        return answer.status == 200 and answer.json()["records"][0]

    record = wait_until(look, "the record of the delivery", 30)
    assert (record["function"], record["status"], record["client"]) == ("hello", 200, "calls")


def test_lists_have_pages(served, description):
    ids = [accept(served, "private" if at % 2 else "hello") for at in range(4) if at % 2 == 0]
    ids += [accept(served, "hello") for _ in range(3)]
    listed = page(served, "?function=hello&limit=2")
    for one in listed:
        check(description, "Call", one)
    assert [one["id"] for one in listed] == [ids[-1], ids[-2]]
    behind = page(served, f"?function=hello&limit=2&before={listed[-1]['number']}")
    assert [one["id"] for one in behind] == [ids[-3], ids[-4]]
    for call in ids:
        wait_for(served, call, "done")
    assert {one["state"] for one in page(served, "?state=done&limit=1000")} == {"done"}
    assert page(served, "?function=nobody") == []


@pytest.mark.parametrize("query", ["state=lost", "limit=many", "limit=1001", "before=-1"])
def test_wrong_parameters_are_refused(served, query):
    assert reason_of(served.admin("GET", f"/berth/calls?{query}")) == (422, "parameter-invalid")


@pytest.mark.parametrize("name", ["0" * 32, "999999999", "nobody", "0", "f" * 31, "18446744073709551617", "%00"])
def test_unknown_calls_are_said_to_be_that(served, name):
    assert reason_of(served.admin("GET", f"/berth/calls/{name}")) == (404, "call-unknown")
    assert reason_of(served.admin("DELETE", f"/berth/calls/{name}")) == (404, "call-unknown")
    assert reason_of(served.admin("DELETE", f"/berth/dead/{name}")) == (404, "call-unknown")
    assert reason_of(served.admin("POST", f"/berth/dead/{name}/redrive")) == (404, "call-unknown")


# -- cancelling


def test_call_under_way_is_broken_off(served, description):
    call = accept(served, "held/hold")
    running = wait_for(served, call, "running")
    (attempt,) = running["tries"]
    assert attempt["ended"] is None and attempt["duration_ms"] is None
    answer = served.admin("DELETE", f"/berth/calls/{call}")
    assert answer.status == 200, answer
    check(description, "Call", answer.json())
    assert answer.json()["state"] == "cancelled"
    assert call_of(served, call)["tries"][0]["reason"] == "cancelled"
    assert reason_of(served.admin("DELETE", f"/berth/calls/{call}")) == (409, "call-ended")


# -- dead letters


def dead(berth, function):
    return [one["id"] for one in berth.admin("GET", f"/berth/dead?function={function}").json()]


def test_dead_letter_is_delivered_again(served, description):
    call = accept(served, "broken/x")
    told = wait_for(served, call, "dead")
    check(description, "CallDetails", told)
    assert (told["attempts"], told["status"], len(told["tries"])) == (2, 500, 2)
    assert told["expires"] is None and dead(served, "broken") == [call]
    served.get("/broken/fix")
    answer = served.admin("POST", f"/berth/dead/{told['number']}/redrive")
    assert (answer.status, answer.json()) == (200, {"redriven": 1, "next": None})
    assert wait_for(served, call, "done")["status"] == 200
    assert dead(served, "broken") == []
    assert reason_of(served.admin("POST", f"/berth/dead/{call}/redrive")) == (409, "call-not-dead")
    assert reason_of(served.admin("DELETE", f"/berth/dead/{call}")) == (409, "call-not-dead")
    assert served.log.entries(event="call.redriven", call=str(told["number"]))


def test_dead_letters_are_forgotten_one_by_one_and_together(served):
    calls = [accept(served, "unlucky") for _ in range(3)]
    for call in calls:
        wait_for(served, call, "dead")
    assert sorted(dead(served, "unlucky")) == sorted(calls)
    assert served.admin("DELETE", f"/berth/dead/{calls[0]}").json() == {"dropped": 1, "next": None}
    assert reason_of(served.admin("GET", f"/berth/calls/{calls[0]}")) == (404, "call-unknown")
    assert reason_of(served.admin("DELETE", "/berth/dead")) == (422, "parameter-invalid")
    assert reason_of(served.admin("POST", "/berth/dead/redrive")) == (422, "parameter-invalid")
    assert served.admin("DELETE", "/berth/dead?function=hello").json() == {"dropped": 0, "next": None}
    numbers = sorted(call_of(served, call)["number"] for call in calls[1:])
    redrive = "/berth/dead/redrive?function=unlucky&limit=1"
    assert served.admin("POST", redrive).json() == {"redriven": 1, "next": numbers[1]}
    assert served.admin("POST", f"{redrive}&before={numbers[1]}").json() == {"redriven": 1, "next": numbers[0]}
    assert served.admin("POST", f"{redrive}&before={numbers[0]}").json() == {"redriven": 0, "next": None}
    for call in calls[1:]:
        assert len(wait_for(served, call, "dead")["tries"]) > 2
    assert served.admin("DELETE", "/berth/dead?all=1").json() == {"dropped": 2, "next": None}
    assert served.log.entries(event="call.dropped", count=2)


# -- schedules


def test_schedules_tell_their_next_times_and_their_last_run(berth, description):
    schedules = [{"cron": "@every 1s", "name": "often"}, {"cron": "30 2 * * *", "time_zone": "Europe/Berlin"}]
    berth.write_function("ticks", HELLO, idle_timeout=60, schedule=schedules)
    berth.write_function("hello", HELLO)
    berth.start()

    def look():
        answer = berth.admin("GET", "/berth/schedules?function=ticks")
        assert answer.status == 200, answer
        last = answer.json()[0]["last"]
        return answer.json() if last and last["state"] == "done" else None

    often, nightly = wait_until(look, "a run that has ended", 30)
    for one in (often, nightly):
        check(description, "Schedule", one)
    assert (often["function"], often["name"], often["cron"]) == ("ticks", "often", "@every 1s")
    assert (often["last"]["schedule"], often["last"]["status"]) == ("often", 200)
    assert len(often["next"]) == 5 and often["next"] == sorted(set(often["next"]))
    assert nightly["last"] is None and nightly["time_zone"] == "Europe/Berlin" and nightly["skips"] == []
    assert {time[10:] for time in nightly["next"]} <= {"T00:30:00.000Z", "T01:30:00.000Z"}
    assert berth.admin("GET", "/berth/schedules?function=hello").json() == []


# -- the whole


def test_store_is_checked(served, description):
    answer = served.admin("GET", "/berth/calls/check")
    assert answer.status == 200, answer
    check(description, "CallCheck", answer.json())
    assert answer.json()["problems"] == [] and 0 < answer.json()["bytes"] < answer.json()["bytes_max"]


def calls_metrics(berth):
    """{(metric, value of its label or None): number} of what is counted of calls."""
    families = prometheus.parse(berth.admin("GET", "/metrics").text)
    return {
        (name, next(iter(labels.values()), None)): number
        for name, family in families.items()
        if name.startswith(("berth_call", "berth_calls"))
        for _, labels, number in family.samples
    }


def test_what_happens_is_counted(served):
    before = calls_metrics(served)
    wait_for(served, accept(served, "hello"), "done")
    wait_for(served, accept(served, "unlucky"), "dead")
    held = accept(served, "held/hold")
    wait_for(served, held, "running")
    grown = {
        ("berth_calls_accepted_total", None): 3,
        ("berth_calls", "running"): 1,
        ("berth_calls", "done"): 1,
        ("berth_calls", "dead"): 1,
        ("berth_calls_ended_total", "done"): 1,
        ("berth_calls_ended_total", "dead"): 1,
        ("berth_call_attempts_total", "done"): 1,
        ("berth_call_attempts_total", "failed"): 2,
    }

    def has_grown():
        now = calls_metrics(served)
        return all(now[key] - before[key] == number for key, number in grown.items())

    wait_until(has_grown, "the metrics have it", 10)
    assert served.admin("DELETE", f"/berth/calls/{held}").status == 200
    served.admin("DELETE", "/berth/dead?all=1")
    cancelled = ("berth_calls_ended_total", "cancelled")
    wait_until(lambda: calls_metrics(served)[cancelled] == before[cancelled] + 1, "it is cancelled", 10)
    wait_until(lambda: calls_metrics(served)["berth_calls", "running"] == 0, "nothing is under way", 10)
    assert calls_metrics(served)["berth_calls_waiting_max", None] == 1000000


# -- without a store


def test_without_a_store_that_is_what_is_said(berth):
    berth.write_function("hello", HELLO)
    os.mkdir(berth.state_dir, mode=0o700)
    berth.write_files(berth.state_dir, {"calls": "in the way"})
    berth.start()
    assert berth.get("/hello").status == 200
    assert reason_of(berth.admin("GET", "/berth/calls")) == (503, "calls-unavailable")
    assert reason_of(berth.admin("GET", "/berth/calls/check")) == (503, "calls-unavailable")
