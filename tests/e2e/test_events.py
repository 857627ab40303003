"""What changes is told to whoever follows it, at any level of the log, and nothing else is."""

import http.client
import json
import os
import signal
import subprocess
import threading

import pytest

from harness.cli import Cli
from harness.functions import HELLO

SAYS = "def handle(request):\n    print('a line of output')\n    return 'ok'\n"


class Events:
    """A reader of /berth/events."""

    def __init__(self, berth, query="", headers=None):
        self.connection = http.client.HTTPConnection(*berth.admin_address, timeout=200)
        self.connection.request("GET", "/berth/events" + query, headers={**berth.credentials(), **(headers or {})})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200 and self.answer.headers["Content-Type"] == "text/event-stream"
        assert self.answer.readline() == b":\n", "it begins at once"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.answer.close()
        self.connection.close()

    def next(self):
        """The next event as its id, name and data; None: there are no more."""
        fields = {}
        while line := self.answer.readline().decode():
            if line == "\n" and fields:
                return int(fields["id"]), fields["event"], json.loads(fields["data"])
            name, _, value = line.rstrip("\n").partition(": ")
            if value:
                fields[name] = value
        return None

    def until(self, name, **members):
        """The events up to the first one of this name with these members, which is the last of them."""
        found = []
        while event := self.next():
            found.append(event)
            if event[1] == name and all(event[2].get(key) == value for key, value in members.items()):
                return found
        raise AssertionError(f"no {name} with {members} among {found}")

    def rest(self):
        return list(iter(self.next, None))


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    shared_berth.write_function("says", SAYS, idle_timeout=1)
    shared_berth.write_function("other", HELLO, idle_timeout=1)
    shared_berth.start("--log-level", "error")


def test_life_of_an_instance_is_told(served):
    with Events(served) as events:
        served.get("/says")
        told = events.until("instance.gone", function="says")
    ids = [number for number, _, _ in told]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    states = [data["to"] for _, name, data in told if name == "instance.state" and data.get("function") == "says"]
    assert "ready" in states and states[-1] == "removing"
    (decision, *_) = [data for _, name, data in told if name == "scale.decision" and data["function"] == "says"]
    assert decision["start"] == 1 and decision["reason"] == "demand" and decision["waiting"] == 1
    for _, name, data in told:
        assert data["event"] == name and data["time"].endswith("Z") and data["level"] in ("info", "warning")
        assert not name.startswith("gateway.") and name != "function.output"
    assert served.log.entries(level="info") == [], "the log is another matter"


def test_what_has_been_is_told_from_an_event_on(served):
    with Events(served, "?since=0") as events:
        told = events.until("daemon.ready")
    number, name, data = next(event for event in told if event[1] == "config.applied")
    assert data["functions"] == 2
    assert "daemon.started" in [name for _, name, _ in told]
    for query, headers in ((f"?since={number}", None), ("", {"Last-Event-ID": str(number)})):
        with Events(served, query, headers) as events:
            assert events.next()[0] == number + 1


def test_a_function_is_told_of_alone(served):
    with Events(served, "?function=other") as events:
        served.get("/says")
        served.get("/other")
        told = events.until("instance.gone")
    assert {data["function"] for _, _, data in told} == {"other"}


def test_odd_questions_are_refused(served):
    for query, status in {"function=none": 404, "since=x": 422, "since=-1": 422}.items():
        answer = served.admin("GET", f"/berth/events?{query}")
        assert answer.status == status and answer.json()["error"]["component"] == "admin", query
    assert served.admin("HEAD", "/berth/events").status == 405
    assert served.admin("POST", "/berth/events").headers["Allow"] == "GET"
    assert served.admin("GET", "/berth/events", headers={"Authorization": ""}).status == 401


def test_mistakes_are_told(served):
    with Events(served, "?function=other") as events:
        served.write_function("other", "def handle(:\n", idle_timeout=1)
        served.reload()
        told = events.until("function.problem")
        assert told[-1][2]["reason"] == "invalid-function" and told[-1][2]["level"] == "warning"
        assert any("invalid syntax" in data["message"] for _, name, data in told if name == "function.diagnostic")
        served.write_function("other", HELLO, idle_timeout=1)
        served.reload()
        events.until("function.mended")


def test_command_shows_them(served):
    cli = Cli(served)
    process = subprocess.Popen(
        [cli.program, "events", "says", "--all"], stdout=subprocess.PIPE, text=True, env={**os.environ, "BERTH_URL": cli.url}
    )
    timer = threading.Timer(200, process.kill)
    timer.start()
    served.get("/says")
    lines = []
    for line in process.stdout:
        lines.append(line)
        if " instance.gone says " in line:
            break
    timer.cancel()
    process.kill()
    process.wait()
    process.stdout.close()
    assert any(" instance.state says " in line and " to=ready" in line for line in lines), lines
    cli.run("events", "--function", "say", status=1)
    assert "did you mean says?" in cli.said


def test_end_is_told_and_not_held_up(berth):
    berth.write_function("hello", HELLO, min_scale=1)
    berth.start()
    berth.get("/hello")
    cli = Cli(berth)
    process = subprocess.Popen(
        [cli.program, "events", "--all", "--json"], stdout=subprocess.PIPE, text=True, env={**os.environ, "BERTH_URL": cli.url}
    )
    with Events(berth, "?since=0") as events, Events(berth) as silent:
        events.until("daemon.ready")
        assert json.loads(process.stdout.readline())["event"] == "daemon.started", "the command is there"
        berth.signal(signal.SIGTERM)
        told = events.rest()
        assert silent is not None and berth.wait_end() == 0
    names = [name for _, name, _ in told]
    assert "daemon.draining" in names and names[-1] == "instance.gone"
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [json.loads(line)["event"] for line in output.splitlines()][-1] == "instance.gone"
