"""Functions that are called by the clock."""

import datetime
import os
import sqlite3

import pytest

from harness.later import WORKER, result
from harness.wait import wait_until

SLOW = """
    import asyncio
    from starlette.responses import JSONResponse

    async def handle(request):
        await asyncio.sleep(3)
        return JSONResponse({})
"""


def runs(berth, function, state=None):
    """The calls that runs of the function's schedules are, the oldest first, with all that is told of them."""
    query = f"?function={function}&limit=1000" + (f"&state={state}" if state else "")
    listed = berth.admin("GET", f"/berth/calls{query}").json()
    told = [berth.admin("GET", f"/berth/calls/{call['id']}").json() for call in listed]
    return sorted((call for call in told if call["schedule"]), key=lambda call: call["number"])


def wait_runs(berth, function, count, state="done"):
    return wait_until(lambda: (found := runs(berth, function, state)) and len(found) >= count and found, f"{count} runs")


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def store_of(berth):
    return sqlite3.connect(os.path.join(berth.state_dir, "calls", "calls.db"), timeout=60)


def set_back(berth, minutes):
    """As if the daemon, which has stopped, had done so some minutes earlier."""
    with store_of(berth) as store:
        store.execute("UPDATE schedules SET decided_ms = decided_ms - ?", (minutes * 60000,))
        assert store.total_changes > 0
    store.close()


def schedules_in_store(berth):
    """{name: up to when its times are decided} while no daemon runs."""
    store = store_of(berth)
    found = dict(store.execute("SELECT name, decided_ms FROM schedules").fetchall())
    store.close()
    return found


def skips(berth, function, reason):
    return [
        entry
        for entry in berth.log.entries("schedule.skipped")
        if entry["function"] == function and entry["reason"] == reason
    ]


@pytest.mark.shows_setting("configuration.schedule")
def test_runs_are_calls_at_their_times(berth):
    schedule = {"cron": "@every 1s", "name": "ticks", "path": "/some/path?of=today", "body": '{"a": 1}'}
    berth.write_function("worker", WORKER, schedule=schedule, idle_timeout=60)
    berth.start()
    found = wait_runs(berth, "worker", 4)
    times = [moment(run["scheduled"]) for run in found]
    assert all(run["schedule"] == "ticks" and run["method"] == "POST" for run in found)
    assert len(set(times)) == len(times) and all(at.microsecond == 0 for at in times)
    told = result(berth, found[0]["id"]).json()
    assert (told["method"], told["path"], told["query"], told["body"]) == ("POST", "/some/path", "of=today", '{"a": 1}')
    headers = told["headers"]
    assert headers["x-berth-schedule"] == "ticks"
    assert moment(headers["x-berth-scheduled-at"]) == times[0]
    assert headers["content-type"] == "application/json"
    assert headers["x-call-id"] == found[0]["id"] and headers["x-attempt"] == "1"


def test_a_run_is_skipped_while_the_one_before_goes_on(berth):
    berth.write_function("slow", SLOW, schedule="@every 1s", concurrency=4, idle_timeout=60)
    berth.start()
    found = wait_runs(berth, "slow", 2)
    for former, run in zip(found, found[1:]):
        assert moment(run["accepted"]) >= moment(former["ended"])
    skipped = wait_until(lambda: skips(berth, "slow", "overlap"), "a run to be skipped")
    assert skipped[0]["schedule"] == "@every 1s"


def test_runs_wait_for_the_one_before(berth):
    schedule = {"cron": "@every 1s", "overlap": "queue"}
    berth.write_function("slow", SLOW, schedule=schedule, concurrency=4, idle_timeout=60)
    berth.start()
    found = wait_runs(berth, "slow", 3)
    times = [moment(run["scheduled"]) for run in found]
    for former, run in zip(found, found[1:]):
        assert moment(run["accepted"]) >= moment(former["ended"])
    assert times[2] - times[0] <= datetime.timedelta(seconds=60)
    assert not skips(berth, "slow", "overlap")


def test_runs_may_go_on_beside_each_other(berth):
    schedule = {"cron": "@every 1s", "overlap": "allow"}
    berth.write_function("slow", SLOW, schedule=schedule, concurrency=8, async_concurrency=8, idle_timeout=60)
    berth.start()
    wait_until(lambda: len(runs(berth, "slow", "running")) >= 2, "two runs at the same time")
    assert not skips(berth, "slow", "overlap")


def start_again_after(berth, minutes, **schedule):
    """A function that runs every minute, with a daemon that was away for some; its runs afterwards."""
    berth.write_function("worker", WORKER, schedule={"cron": "* * * * *", **schedule}, idle_timeout=60)
    berth.start()
    berth.stop()
    set_back(berth, minutes)
    berth.start()


def test_what_was_missed_is_skipped(berth):
    start_again_after(berth, 10)
    skipped = wait_until(lambda: skips(berth, "worker", "missed"), "the missed times to be skipped")
    assert 8 <= int(skipped[0]["times"]) <= 15 and skipped[0]["level"] == "info"
    assert len(runs(berth, "worker")) <= 2


def test_all_that_was_missed_is_made_up_for_one_after_the_other(berth):
    start_again_after(berth, 10, catch_up="all")
    found = wait_runs(berth, "worker", 9)
    times = [moment(run["scheduled"]) for run in found]
    assert all(later - earlier == datetime.timedelta(minutes=1) for earlier, later in zip(times, times[1:]))
    for former, run in zip(found, found[1:]):
        assert moment(run["accepted"]) >= moment(former["ended"])
    assert not skips(berth, "worker", "missed")


def test_the_last_one_that_was_missed_is_made_up_for_within_its_window(berth):
    start_again_after(berth, 70, catch_up="last", catch_up_window="30m")
    found = wait_runs(berth, "worker", 1)
    skipped = wait_until(lambda: skips(berth, "worker", "missed"), "the missed times to be skipped")
    assert 65 <= int(skipped[0]["times"]) <= 75
    age = moment(found[0]["accepted"]) - moment(found[0]["scheduled"])
    assert age < datetime.timedelta(minutes=2)


def test_a_run_is_not_lost_by_a_crash(berth):
    berth.write_function("worker", WORKER, schedule={"cron": "@every 1s", "overlap": "queue"}, idle_timeout=60)
    berth.start()
    wait_runs(berth, "worker", 2)
    berth.kill()
    berth.start()
    known = len(runs(berth, "worker"))
    found = wait_runs(berth, "worker", known + 2)
    times = [run["scheduled"] for run in found]
    assert len(set(times)) == len(times)


def test_schedules_change_with_the_registry(berth):
    berth.write_function("worker", WORKER, schedule=["@every 1s", {"cron": "@daily", "name": "nightly"}], idle_timeout=60)
    berth.start()
    wait_runs(berth, "worker", 1)
    berth.stop()
    known = schedules_in_store(berth)
    assert set(known) == {"@every 1s", "nightly"}
    berth.start()
    berth.write_function("worker", WORKER, schedule={"cron": "@weekly", "name": "nightly"}, idle_timeout=60)
    berth.apply()
    berth.stop()
    changed = schedules_in_store(berth)
    assert set(changed) == {"nightly"} and changed["nightly"] > known["nightly"]
    berth.start()
    newest = runs(berth, "worker")[-1]["number"]
    berth.write_function("worker", WORKER, schedule={"cron": "@every 1s", "name": "again"}, idle_timeout=60)
    berth.apply()
    wait_until(lambda: runs(berth, "worker")[-1]["number"] > newest, "a run of the new schedule")
    assert all(run["schedule"] == "again" for run in runs(berth, "worker") if run["number"] > newest)
