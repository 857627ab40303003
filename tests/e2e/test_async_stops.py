"""Calls that are done later, and what may come in between: ends of the daemon, and limits of what is kept."""

import os
import random
import subprocess

import pytest

from harness.cli import Cli
from harness.later import WORKER, accept, look, read_diary, result, wait_done, wait_state, write_diarist
from harness.wait import stays, wait_until


@pytest.fixture
def small_disk(berth):
    """A disk of 2 MiB for what is kept of calls; a function that gives it another size."""
    folder = os.path.join(berth.state_dir, "calls")
    os.makedirs(berth.state_dir, 0o700)
    os.mkdir(folder)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=True)

    def resize(size):
        subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True)

    yield resize
    if berth.running:
        berth.stop()
    subprocess.run(["umount", folder], check=True)


def post(berth, target, body=b""):
    return berth.post(f"/async-function/{target}", body)


# --- ends of the daemon


def test_call_that_was_running_at_a_crash_is_repeated(berth):
    write_diarist(berth, async_concurrency=1)
    berth.start()
    running, waiting = accept(berth, "diarist?s=60"), accept(berth, "diarist", b"body")
    wait_until(lambda: read_diary(berth) == [(running, 1)], "the first attempt")
    berth.kill()
    berth.start()
    assert berth.log.entries("call.repeated", calls=1)
    wait_until(lambda: read_diary(berth) == [(running, 1), (running, 2)], "the second attempt", 30)
    assert berth.request("DELETE", f"/async/{running}").status == 200
    wait_state(berth, waiting, "done")
    assert look(berth, waiting)["attempts"] == 1
    assert look(berth, running)["state"] == "cancelled"


def test_what_is_done_is_still_known_after_a_crash(berth):
    berth.write_function("worker", WORKER, idle_timeout=60)
    berth.start()
    body = random.randbytes(100000)
    call = accept(berth, "worker", body)
    assert wait_done(berth, call)["size"] == len(body)
    seen = look(berth, call)
    berth.kill()
    berth.start()
    assert look(berth, call) == seen
    assert result(berth, call).json()["size"] == len(body)
    again = accept(berth, "worker", body)
    assert wait_done(berth, again)["size"] == len(body)


def test_call_that_is_running_at_the_end_waits_again(berth):
    berth.host = {"drain_timeout": 1}
    write_diarist(berth, async_concurrency=1)
    berth.start()
    running, waiting = accept(berth, "diarist?s=30"), accept(berth, "diarist")
    wait_until(lambda: read_diary(berth) == [(running, 1)], "the attempt")
    assert berth.stop() == 0
    assert read_diary(berth) == [(running, 1)]
    berth.start()
    assert not berth.log.entries("call.repeated")
    wait_until(lambda: len(read_diary(berth)) == 2, "the attempt to be made once more", 30)
    assert berth.request("DELETE", f"/async/{running}").status == 200
    wait_state(berth, waiting, "done")
    assert [call for call, _ in read_diary(berth)] == [running, running, waiting]


def test_calls_under_way_are_finished_by_the_drain(berth):
    write_diarist(berth, async_concurrency=1)
    berth.start()
    running, waiting = accept(berth, "diarist?s=1"), accept(berth, "diarist")
    wait_until(lambda: read_diary(berth) == [(running, 1)], "the attempt")
    assert berth.stop() == 0
    berth.start()
    assert look(berth, running)["state"] == "done"
    wait_state(berth, waiting, "done")
    assert read_diary(berth) == [(running, 1), (waiting, 1)]


def test_daemon_serves_without_a_place_for_calls(berth):
    berth.write_function("worker", WORKER)
    os.makedirs(berth.state_dir, 0o700)
    with open(os.path.join(berth.state_dir, "calls"), "w", encoding="ascii"):
        pass
    berth.start()
    assert berth.log.entries("calls.unavailable", level="warning")
    assert berth.get("/worker").status == 200
    answer = post(berth, "worker")
    assert (answer.status, answer.error()["reason"]) == (503, "calls-unavailable")
    assert berth.state_dir not in answer.text
    refused = berth.admin("GET", "/berth/calls/check").json()["error"]
    look = {look["check"]: look for look in Cli(berth).json("doctor", status=2)}["async calls"]
    assert (look["verdict"], look["found"]) == ("failed", refused["message"])


def test_nothing_is_accepted_into_a_store_that_was_moved_away(berth):
    """It is still open, but who restarts the daemon would find nothing of it."""
    write_diarist(berth, async_concurrency=1)
    berth.start()
    call = accept(berth, "diarist?s=1")
    waiting = accept(berth, "diarist")
    wait_state(berth, call, "running")
    store = os.path.join(berth.state_dir, "calls", "calls.db")
    os.rename(store, store + ".away")
    answer = post(berth, "diarist")
    assert (answer.status, answer.error()["reason"]) == (503, "calls-store")
    wait_until(lambda: berth.log.entries("calls.store-failing"), "the end that cannot be written down", 20)
    os.rename(store + ".away", store)
    for each in (call, waiting):
        wait_state(berth, each, "done")
    assert post(berth, "diarist").status == 202
    assert read_diary(berth)[:2] == [(call, 1), (waiting, 1)]


# --- limits of what is kept


@pytest.mark.shows_setting("host.calls_max")
def test_more_calls_than_may_wait_are_refused(berth):
    berth.host = {"calls_max": 3}
    write_diarist(berth, async_concurrency=1)
    berth.start()
    calls = [accept(berth, "diarist?s=60")]
    wait_until(lambda: len(read_diary(berth)) == 1, "the first call to be running")
    calls += [accept(berth, "diarist") for _ in range(3)]
    answer = post(berth, "diarist")
    assert (answer.status, answer.error()["reason"]) == (503, "calls-full")
    assert "calls_max: 3" in answer.error()["hint"] and answer.headers["Retry-After"]
    assert berth.request("DELETE", f"/async/{calls[0]}").status == 200
    for call in calls[1:]:
        wait_state(berth, call, "done")
    wait_state(berth, accept(berth, "diarist"), "done")


@pytest.mark.shows_setting("host.calls_disk")
def test_more_bytes_than_may_be_kept_are_refused(berth):
    berth.host = {"calls_disk": "2Mi"}
    write_diarist(berth, async_concurrency=1)
    berth.start()
    first = accept(berth, "diarist?s=60", bytes(600 << 10))
    accept(berth, "diarist", bytes(600 << 10))
    for body in (bytes(900 << 10), iter([bytes(300 << 10)] * 4)):
        answer = post(berth, "diarist", body)
        assert (answer.status, answer.error()["reason"]) == (503, "calls-full")
        assert "calls_disk: 2097152" in answer.error()["hint"]
    small = accept(berth, "diarist", b"small")
    assert berth.request("DELETE", f"/async/{first}").status == 200
    wait_state(berth, small, "done")


def test_result_that_is_too_large_is_cut(berth):
    berth.host = {"calls_disk": "1Mi"}
    write_diarist(berth)
    berth.start()
    call = accept(berth, "diarist?n=3000000")
    told = wait_state(berth, call, "done")["result"]
    assert told["is_cut"] and told["bytes"] < 1 << 20
    answer = result(berth, call)
    assert answer.headers["X-Result-Cut"] == "true" and answer.body == b"x" * told["bytes"]


def test_nothing_accepted_is_lost_on_a_full_disk(berth, small_disk):
    write_diarist(berth, async_concurrency=1)
    berth.start()
    first = accept(berth, "diarist?s=3")
    accepted = [first]
    for number in range(100):
        answer = post(berth, "diarist", random.randbytes(random.choice((100, 20000, 200000))))
        if answer.status != 202:
            break
        accepted.append(answer.json()["id"])
    assert (answer.status, answer.error()["reason"]) == (503, "calls-disk-full")
    assert berth.state_dir not in answer.text
    assert len(accepted) > 3
    small_disk("64m")
    wait_until(lambda: post(berth, "diarist").status == 202, "calls to be accepted again", 20)
    for call in accepted:
        wait_state(berth, call, "done")
    written = [call for call, _ in read_diary(berth)]
    assert [written.count(call) for call in accepted] == [1] * len(accepted)
    assert number < 99


def test_ends_that_cannot_be_written_down_are_later(berth, small_disk):
    write_diarist(berth, async_concurrency=2)
    berth.start()
    call = accept(berth, "diarist?s=2&n=30000")
    wait_until(lambda: read_diary(berth) == [(call, 1)], "the attempt")
    filler = os.path.join(berth.state_dir, "calls", "filler")
    with pytest.raises(OSError), open(filler, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    wait_until(lambda: berth.log.entries("calls.store-failing"), "the end that cannot be written down", 20)
    assert stays(lambda: look(berth, call)["state"] == "running", 1)
    os.remove(filler)
    assert wait_state(berth, call, "done")["result"]["bytes"] == 30000
    assert berth.log.entries("calls.store-works")
    assert read_diary(berth) == [(call, 1)]
