"""Async calls by `berth`: having them done, looking at them, taking them back, dead letters."""

import os
import re

import pytest

from harness.cli import Cli
from harness.functions import HELD, HELLO, MIRROR
from harness.known_calls import BROKEN_UNTIL_FIXED, call_of, wait_for
from harness.later import accept
from harness.receiver import LOOPBACK, Receiver
from harness.wait import wait_until


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    shared_berth.write_function("hello", HELLO, idle_timeout=60)
    shared_berth.write_function("private", MIRROR, public=False, idle_timeout=60)
    shared_berth.write_function("held", HELD, concurrency=10, max_scale=1, idle_timeout=60)
    shared_berth.write_function(
        "broken", BROKEN_UNTIL_FIXED, max_scale=1, idle_timeout=60, retries=1, retry_wait="10ms"
    )
    shared_berth.host["callback_networks"] = LOOPBACK
    shared_berth.write_function("ticks", HELLO, idle_timeout=60, schedule="@every 1s")
    shared_berth.start()


@pytest.fixture
def cli(served):
    return Cli(served)


def test_call_is_done_later(served, cli):
    call = cli.run("invoke", "hello", "/a?b", "-d", "x", "--async").strip()
    assert re.fullmatch("[0-9a-f]{32}", call) and f"berth why {call}" in cli.said
    assert wait_for(served, call, "done")["path"] == "/a"
    told = cli.json("call", "hello", "--async")
    assert told["function"] == "hello" and wait_for(served, told["id"], "done")["method"] == "GET"


def test_private_function_is_called_later_too(served, cli):
    call = cli.run("invoke", "private", "-d", "body", "--async").strip()
    assert wait_for(served, call, "done")["status"] == 200


def test_what_is_refused_is_said(cli):
    assert "function-unknown" in cli.run("invoke", "nobody", "--async", status=1)
    assert "answered with status 404" in cli.said


def test_calls_are_listed(served, cli):
    call = accept(served, "hello")
    number = wait_for(served, call, "done")["number"]
    lines = cli.run("calls", "hello", "--state", "done", "--limit", "3").splitlines()
    assert lines[0].split()[:2] == ["NUMBER", "ACCEPTED"]
    assert len([line for line in lines if " hello " in line]) <= 3
    (line,) = [line for line in lines if call in line]
    assert line.split()[0] == str(number) and " done " in line and " 200 " in line
    assert [one["id"] for one in cli.json("calls", "--function", "hello", "-n", "1")] == [call]
    assert all(one["number"] < number for one in cli.json("calls", "--before", str(number)))
    assert cli.run("calls", "nobody") == "No such call is kept.\n"
    cli.run("calls", "--state", "lost", status=1)
    assert "waiting, running, done, dead or cancelled" in cli.said


def test_call_is_told_of_by_each_of_its_names(served, cli):
    call = accept(served, "hello/x?secret=1", b"some body", Authorization="Bearer abc")
    told = wait_for(served, call, "done")
    text = cli.run("why", call)
    assert text.startswith(f"Async call {told['number']} of hello: done, 1 attempt\n")
    assert "POST /hello/x, 9 B" in text and "Authorization: (hidden)" in text and "secret" not in text
    assert re.search(r"^ +1  \S+ +\d+\.\d s +\d+\.\d ms +200  answered$", text, re.MULTILINE)
    assert "status 200, 5 B, kept until 2" in text and "nothing: it has ended" in text
    assert cli.run("why", str(told["number"])) == text == cli.run("calls", "show", call)
    assert cli.json("why", call)["call"]["id"] == cli.json("calls", "show", str(told["number"]))["id"] == call
    attempt = cli.run("why", f"{call}-1")
    assert attempt.startswith(text) and "The request with this id" in attempt
    assert "POST /function/hello/x: 200, after" in attempt
    both = cli.json("why", f"{call}-1")
    assert both["call"]["id"] == call and both["records"][0]["id"] == f"{call}-1"


def test_unknown_ids_are_said_to_be_that(cli):
    cli.run("why", "0" * 32, status=1)
    assert "no record of a request" in cli.said
    cli.run("calls", "show", "0" * 32, status=1)
    assert "no call" in cli.said and "berth calls" in cli.said


def test_call_is_taken_back(served, cli):
    call = accept(served, "held/hold")
    number = wait_for(served, call, "running")["number"]
    text = cli.run("calls", "show", call)
    assert "under way" in text and f"berth calls cancel {number}" in text
    assert cli.run("calls", "cancel", str(number)) == f"Call {number} of held is cancelled.\n"
    cli.run("calls", "cancel", call, status=1)
    assert "has ended already: it is cancelled" in cli.said


def test_dead_letters(served, cli):
    assert cli.run("dead", "ls") == "There are no dead letters.\n"
    call = accept(served, "broken")
    number = wait_for(served, call, "dead")["number"]
    assert call in cli.run("dead", "ls", "--function", "broken")
    text = cli.run("dead", "show", call)
    assert f"Async call {number} of broken: dead, " in text and f"berth dead redrive {number}" in text
    assert re.search(r"^ +2  .* 500  ", text, re.MULTILINE)
    cli.run("dead", "redrive", status=2)
    assert "needs either an ID, or --function NAME, or --all" in cli.said
    cli.run("dead", "drop", call, "--all", status=2)
    served.get("/broken/fix")
    assert cli.run("dead", "redrive", call) == "Dead letters that wait again: 1\n"
    wait_for(served, call, "done")
    cli.run("dead", "drop", call, status=1)
    assert "is no dead letter: it is done" in cli.said
    assert cli.run("dead", "drop", "--all") == "Dead letters that are forgotten: 0\n"
    assert cli.json("dead", "redrive", "--function", "broken") == {"redriven": 0}


def test_callback_is_told_of(served, cli):
    receiver = Receiver()
    call = accept(served, "hello", X_Callback_Url=receiver.url("/hook?key=xyz"))
    told = wait_until(lambda: (call_of(served, call)["callback"] or {}).get("state") == "delivered", "its post", 30)
    assert told and receiver.wait().path == "/hook?key=xyz"
    text = cli.run("why", call)
    assert re.search(r"^Its callback\n  delivered, 1 attempt, status 200$", text, re.MULTILINE), text
    assert f"callback  http://127.0.0.1:{receiver.port}/hook\n" in text
    receiver.close()


def test_schedules_are_shown(cli):
    wait_until(lambda: (cli.json("cron", "ls")[0]["last"] or {}).get("state") == "done", "a run that has ended", 30)
    lines = cli.run("cron", "ls", "ticks").splitlines()
    assert lines[0].startswith("ticks  @every 1s")
    assert [line.split()[0] for line in lines if "Z" in line][:1] == ["next"] and len(lines) >= 7
    (last,) = [line for line in lines if line.startswith("  last ")]
    assert "berth why " in last
    assert cli.run("cron", "ls", "hello").startswith("hello is not called by the clock.")


def test_doctor_looks_at_the_store(cli):
    look = {look["check"]: look for look in cli.json("doctor")}["async calls"]
    assert look["verdict"] == "ok" and "the store is whole" in look["found"]


def test_words_of_calls_are_completed(cli):
    offered = cli.run("__complete", "--", "calls", "").splitlines()
    assert {"show", "cancel", "hello"} <= set(offered)
    assert cli.run("__complete", "--", "dead", "re").splitlines() == ["redrive"]
    assert "--async" in cli.run("__complete", "--", "invoke", "--a")
    assert "call" not in cli.run("--help").split()


def test_help_fits_a_line(cli, served):
    for command in (["calls"], ["calls", "show"], ["dead", "redrive"], ["dead", "drop"], ["invoke"], ["why"]):
        text = cli.run(*command, "--help", environment={**os.environ, "COLUMNS": "100"})
        assert all(len(line) <= 100 for line in text.splitlines()), command
