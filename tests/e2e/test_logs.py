"""What functions write is kept: by function, with what it belongs to, also after the container and the daemon are gone."""

import http.client
import json
import os
import subprocess
import threading

import pytest

from harness.cli import Cli
from harness.functions import HELLO
from harness.wait import wait_until

SPEAKS = """
    import sys

    def handle(request):
        what = request.url.path.rsplit("/", 1)[-1]
        print("it says", what)
        print("it complains of", what, file=sys.stderr)
        return "ok"
"""

CHATTY = """
    def handle(request):
        for number in range(20000):
            print("line", number, "x" * 200)
        return "ok"
"""

RAISES = """
    def handle(request):
        raise ValueError("the cause of it all")
"""


def lines_of(berth, query=""):
    """The lines that the management API gives for a query."""
    answer = berth.admin("GET", "/system/logs?events=1&since=2000-01-01T00:00:00Z&" + query)
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/x-ndjson", answer
    return [json.loads(line) for line in answer.text.splitlines()]


def texts_of(berth, query=""):
    return [line["text"] for line in lines_of(berth, query) if line["stream"] != "event"]


def wait_line(berth, text, query=""):
    """The line with this text, once it is kept."""

    def look():
        found = [line for line in lines_of(berth, query) if line["text"] == text]
        return found[0] if found else None

    return wait_until(look, f"the line {text!r}", 60)


# -- one daemon


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    shared_berth.expect_error(".*", function="loads")
    shared_berth.write_function("speaks", SPEAKS, idle_timeout=60)
    shared_berth.write_function("other", SPEAKS, idle_timeout=60)
    shared_berth.write_function("raises", RAISES, idle_timeout=60)
    shared_berth.write_function("loads", "import no_such_module\n\ndef handle(request):\n    return 'never'\n")
    shared_berth.start()


@pytest.fixture
def cli(served):
    return Cli(served)


def test_line_says_what_it_belongs_to(served):
    answer = served.get("/speaks/one")
    line = wait_line(served, "it says one", "name=speaks")
    status = served.admin("GET", "/system/function/speaks").json()
    assert (line["name"], line["namespace"], line["stream"]) == ("speaks", "openfaas-fn", "stdout")
    assert line["instance"] == answer.headers["X-Served-By"] and line["request_id"] == answer.headers["X-Request-Id"]
    assert status["berth"]["revision"].startswith(line["revision"]) and len(line["revision"]) == 12
    assert wait_line(served, "it complains of one", "name=speaks.openfaas-fn")["stream"] == "stderr"
    ready = [event["text"] for event in lines_of(served, "name=speaks") if event["stream"] == "event"]
    assert any(text.startswith("instance ready: created in ") for text in ready)


def test_lines_are_chosen(served):
    first = served.get("/speaks/first").headers["X-Request-Id"]
    served.get("/other/second")
    wait_line(served, "it complains of first")
    wait_line(served, "it complains of second")
    assert texts_of(served, f"request_id={first}") == ["it says first", "it complains of first"]
    assert "it says second" not in texts_of(served, "name=speaks")
    both = texts_of(served)
    assert both.index("it says first") < both.index("it says second")
    assert texts_of(served, "name=other&tail=1") == texts_of(served, "name=other")[-1:]
    assert texts_of(served, "name=other&tail=-1") == texts_of(served, "name=other")
    assert texts_of(served, "name=speaks&instance=none") == []
    assert served.admin("GET", "/system/logs?name=speaks&since=2100-01-01T00:00:00Z").text == ""


def test_odd_questions_are_refused(served):
    expected = {"name=nothing": 404, "name=../requests": 404, "name=..": 404, "since=now": 422, "tail=x": 422}
    for query, status in expected.items():
        answer = served.admin("GET", f"/system/logs?{query}")
        assert answer.status == status and answer.headers.get_content_type() == "text/plain", query


def test_lines_are_followed(served):
    connection = http.client.HTTPConnection(*served.admin_address, timeout=60)
    connection.request("GET", "/system/logs?name=speaks&follow=1", headers=served.credentials())
    answer = connection.getresponse()
    served.get("/speaks/followed")
    while json.loads(answer.readline())["text"] != "it complains of followed":
        pass
    connection.close()


def own_memory(berth):
    with open(f"/proc/{berth.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon")) << 10


def test_readers_that_do_not_read_cost_little(berth):
    berth.write_function("chatty", CHATTY)
    berth.start()
    berth.get("/chatty")
    wait_line(berth, "line 19999 " + "x" * 200, "tail=1")
    before, connections = own_memory(berth), []
    for _ in range(40):
        connection = http.client.HTTPConnection(*berth.admin_address, timeout=60)
        connection.request("GET", "/system/logs?since=2000-01-01T00:00:00Z&follow=1", headers=berth.credentials())
        connections.append(connection)
    answers = [connection.getresponse() for connection in connections]
    assert all(answer.readline() for answer in answers), "each has begun"
    if "san" not in berth.bin_dir:
        assert own_memory(berth) - before < 60 << 20, "of more than 300 MB that were asked for"
    for connection, answer in zip(connections, answers):
        answer.close()
        connection.close()
    assert len(lines_of(berth, "tail=3")) == 3


def test_command_shows_them(served, cli):
    request_id = served.get("/speaks/shown").headers["X-Request-Id"]
    wait_line(served, "it complains of shown")
    text = cli.run("logs", "speaks")
    assert " speaks " in text and "it says shown" in text and "-- instance ready" in text
    lines = cli.run("logs", "--request", request_id).splitlines()
    assert [line.split(" ", 3)[3].strip() for line in lines] == ["it says shown", "it complains of shown"]
    assert len(cli.run("logs", "--tail", "2").splitlines()) == 2
    assert all(json.loads(line)["name"] == "speaks" for line in cli.run("logs", "speaks", "--json").splitlines())
    assert cli.run("logs", "--since", "2100-01-01T00:00:00Z") == ""
    cli.run("logs", "nothing", status=1)
    assert "not found" in cli.said
    cli.run("logs", "--since", "then", status=2)


def test_command_follows(served, cli):
    process = subprocess.Popen(
        [cli.program, "logs", "-f", "speaks", "--tail", "1"], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "BERTH_URL": cli.url},
    )
    timer = threading.Timer(100, process.kill)
    timer.start()
    served.get("/speaks/live")
    assert any("it complains of live" in line for line in process.stdout)
    timer.cancel()
    process.kill()
    process.wait()
    process.stdout.close()


def test_why_shows_the_output_of_the_request(served, cli):
    request_id = served.get("/raises").headers["X-Request-Id"]
    wait_line(served, "ValueError: the cause of it all")
    text = cli.run("why", request_id)
    assert "The last that was written to standard error in that time: ValueError: the cause of it all" in text
    assert "Traceback (most recent call last):" in text.split("What its instance wrote")[1]
    assert "the function's own" in cli.run("requests", "raises")
    failed = served.get("/loads").headers["X-Request-Id"]
    wait_line(served, "ModuleNotFoundError: No module named 'no_such_module'", "name=loads")
    assert "No module named 'no_such_module'" in cli.run("why", failed)


# -- what outlives containers and the daemon


def test_lines_survive_containers_kill_and_restart(berth):
    berth.write_function("speaks", SPEAKS, idle_timeout=1)
    berth.start()
    berth.get("/speaks/before")
    wait_line(berth, "it complains of before")
    berth.wait_no_instance("speaks", 60)
    assert wait_line(berth, "instance removed: idle")["stream"] == "event"
    berth.kill()
    berth.start()
    assert "it says before" in texts_of(berth, "name=speaks")
    berth.get("/speaks/after")
    wait_line(berth, "it complains of after")
    berth.stop()
    berth.start()
    texts = texts_of(berth, "name=speaks")
    assert texts.index("it says before") < texts.index("it says after")


@pytest.mark.shows_setting("host.log_disk")
def test_space_is_bounded(berth):
    berth.host = {"log_disk": "64Ki", "log_rate": 0}
    berth.write_function("chatty", "def handle(request):\n    for n in range(5000):\n        print('line', n)\n    return 'ok'\n")
    berth.start()
    berth.get("/chatty")
    wait_line(berth, "line 4999")
    folder = os.path.join(berth.state_dir, "logs", "chatty")
    wait_until(
        lambda: sum(os.stat(os.path.join(folder, name)).st_size for name in os.listdir(folder)) <= 64 << 10,
        "the oldest segments to be removed", 60,
    )
    kept = texts_of(berth, "name=chatty")
    assert "line 0" not in kept and kept[-1] == "line 4999"
    berth.stop()
    berth.host = {"log_disk": 0}
    berth.write_function("hello", HELLO)
    berth.start()
    answer = berth.admin("GET", "/system/logs?name=hello")
    assert answer.status == 404 and "log_disk" in answer.text
    assert berth.get("/hello").status == 200
