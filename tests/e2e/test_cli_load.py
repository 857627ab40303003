"""`berth load`: what it counts, by the clock and one after the other, and what it shows."""

import os
import signal
import subprocess

import pytest

from harness.cli import Cli
from harness.functions import FAILING, HELLO, SLEEPY

MIXED = """
from starlette.responses import StreamingResponse

async def cut():
    yield b"a piece"
    raise ValueError("and no more")

async def handle(request):
    path = request.url.path.rsplit("/", 1)[-1]
    if path == "cut":
        return StreamingResponse(cut())
    if path == "body":
        return f"{request.method} {(await request.body()).decode()} {request.headers.get('x-one')}"
    return ("teapot", 418)
"""


@pytest.fixture(scope="module")
def shared_berth(shared_berth):
    shared_berth.write_function("hello", HELLO, max_scale=2)
    shared_berth.write_function("sleepy", SLEEPY, max_scale=2, concurrency=50)
    shared_berth.write_function("failing", FAILING)
    shared_berth.write_function("mixed", MIXED)
    shared_berth.write_function("broken", "def handle(:\n")
    shared_berth.start()
    return shared_berth


@pytest.fixture
def cli(served):
    return Cli(served)


def start(cli, *arguments):
    """`berth load` in the background; what it says comes through a pipe."""
    return subprocess.Popen(
        [cli.program, "load", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "BERTH_URL": cli.url},
    )


def test_daemon_counts_the_same(cli):
    before = cli.json("describe", "sleepy")["invocations"]
    load = cli.json("load", "sleepy", "-c", "8", "-d", "1s")
    assert load["requests"] > 0 and load["failed"] == 0 and load["errors"] == []
    assert load["statuses"] == {"200": load["requests"]}
    assert load["daemon"]["invocations"] == load["requests"]
    assert cli.json("describe", "sleepy")["invocations"] == before + load["requests"]
    assert load["instances_max"] >= 1


def test_closed_loop_has_as_many_under_way_as_connections(cli):
    """Each answer takes 50 ms and more, so that a connection can have had no more than 20 in a second."""
    cli.run("invoke", "sleepy")
    load = cli.json("load", "sleepy", "-c", "4", "-d", "1s")
    assert 4 <= load["requests"] <= 4 * 21
    latency = load["latency_ms"]
    assert 50 <= latency["min"] <= latency["p50"] <= latency["p99"] <= latency["max"]
    assert load["rps"] is None


def test_open_loop_keeps_the_rate(cli):
    """As many begin as the clock says, whatever the time that one takes."""
    load = cli.json("load", "sleepy", "--rps", "40", "-c", "200", "-d", "2s")
    assert load["requests"] + load["unstarted"] == pytest.approx(80, abs=1)
    assert load["unstarted"] == 0 and load["failed"] == 0
    assert load["rps"] == 40


def test_waiting_for_a_connection_is_latency(cli):
    """One connection can do 20 a second of those that take 50 ms: of 100 a second most wait, the last one nearly as long
    as it all goes on. A request never took longer than a second, had one but counted from when it began."""
    cli.run("invoke", "sleepy")
    load = cli.json("load", "sleepy", "--rps", "100", "-c", "1", "-d", "2s")
    assert load["requests"] <= 45 and load["unstarted"] >= 155
    assert load["latency_ms"]["max"] > 1000
    assert load["latency_ms"]["min"] >= 50


def test_cold_starts_are_counted(cli):
    cli.berth.wait_no_instance("hello", 60)
    load = cli.json("load", "hello", "--rps", "10", "-c", "1", "-d", "500ms")
    assert load["daemon"]["cold_starts"] == 1


def test_function_that_fails(cli):
    load = cli.json("load", "failing", "--rps", "20", "-d", "500ms", status=1)
    assert load["failed"] == load["requests"] > 0 and load["daemon"]["failed"] == load["failed"]
    (error,) = load["errors"]
    assert (error["kind"], error["status"], error["count"]) == ("status", 500, load["failed"])
    text = cli.run("load", "failing", "--rps", "20", "-d", "500ms", status=1)
    example = next(line.split()[-1] for line in text.splitlines() if line.startswith("status 500"))
    assert f"berth why {example}" in text and "berth requests failing --failed" in text
    assert "ValueError" in cli.run("why", example)


def test_kinds_of_errors_are_told_apart(cli):
    def kinds(*arguments):
        return {(error["kind"], error["status"]) for error in cli.json("load", *arguments, "-c", "2", status=1)["errors"]}

    assert kinds("mixed", "/pot", "-d", "300ms") == {("status", 418)}
    assert ("reset", None) in kinds("mixed", "/cut", "-d", "300ms")
    cli.run("invoke", "sleepy")
    assert kinds("sleepy", "?s=30", "-d", "300ms", "--timeout", "500ms") == {("timeout", None)}


def test_request_is_as_the_flags_say(cli):
    answer = "PUT text 1"
    load = cli.json("load", "mixed", "body", "-X", "PUT", "--body", "text", "-H", "X-One: 1", "-d", "300ms", "-c", "1")
    assert load["method"] == "PUT" and load["statuses"] == {"200": load["requests"]}
    whole = cli.run("invoke", "mixed", "body", "-X", "PUT", "-d", "text", "-H", "X-One: 1", "-i")
    assert whole.endswith(answer)
    large = os.path.join(cli.berth.folder, "large")
    with open(large, "wb") as file:
        file.write(b"x" * 3_000_000)
    load = cli.json("load", "mixed", "body", "--body", f"@{large}", "-d", "500ms", "-c", "2")
    assert load["method"] == "POST" and load["bytes"] > load["requests"] * 3_000_000
    assert cli.json("load", "hello", "-X", "HEAD", "-d", "300ms")["failed"] == 0
    closing = cli.json("load", "hello", "-H", "Connection: close", "-d", "300ms")
    assert closing["failed"] == 0 and closing["requests"] > 0


def test_interrupt_ends_it_with_the_summary(cli):
    load = start(cli, "sleepy", "-c", "2", "-d", "10m", "--json")
    lines = [load.stderr.readline()]
    assert "1 s" in lines[0] and "requests/s" in lines[0], lines
    load.send_signal(signal.SIGINT)
    output, _ = load.communicate(timeout=60)
    assert load.returncode == 0
    assert '"interrupted": true' in output and '"failed": 0' in output


def test_second_interrupt_does_not_wait(cli):
    cli.run("invoke", "sleepy")
    load = start(cli, "sleepy", "?s=55", "-c", "2", "-d", "10m", "--json")
    load.stderr.readline()
    load.send_signal(signal.SIGINT)
    load.stderr.readline()
    load.send_signal(signal.SIGINT)
    output, _ = load.communicate(timeout=30)
    assert '"abandoned": 2' in output


def test_nothing_but_the_summary_when_quiet(cli):
    text = cli.run("load", "hello", "-d", "1200ms", "--quiet")
    assert cli.said == "" and text.startswith("GET http://")


def test_daemon_that_goes_away(berth):
    """Connections are refused from then on, and there is nobody to ask for instances: both are said."""
    berth.write_function("hello", HELLO)
    berth.start()
    cli = Cli(berth)
    load = start(cli, "hello", "-c", "2", "--rps", "20", "-d", "10m")
    assert "instances" in load.stderr.readline()
    berth.stop()
    line = ""
    while "the daemon does not answer" not in line:
        line = load.stderr.readline()
        assert line
    load.send_signal(signal.SIGINT)
    output, _ = load.communicate(timeout=60)
    assert load.returncode == 1
    assert "connect " in output and "Connection refused" in output


def test_wrong_arguments_are_refused(cli):
    for arguments, words in (
        (("hello", "-c", "0"), "--connections 0: it is a number from 1 to 10000"),
        (("hello", "-c", "10001"), "from 1 to 10000"),
        (("hello", "-d", "2h"), "it is a time from 1ms to 1h"),
        (("hello", "-d", "5"), "write 500ms, 30s or 5m"),
        (("hello", "--rps", "no"), "--rps no: it is a number"),
        (("hello", "-H", "no header"), "is no header"),
        (("hello", "-H", "A: b\r\nC: d"), "is no header"),
        (("hello", "-H", "Content-Length: 3"), "comes from the body"),
        (("hello", "/a b"), "write a space as %20"),
        (("hello", "-X", "G T"), "is no method"),
    ):
        cli.run("load", *arguments, status=2)
        assert words in cli.said, arguments
    cli.run("load", "hello", "--body", "@/nowhere", status=1)
    assert "/nowhere" in cli.said
    cli.run("load", "helo", status=1)
    assert "did you mean hello?" in cli.said
    cli.run("load", "broken", status=1)
    assert "broken cannot be called" in cli.said and "berth describe broken" in cli.said
    cli.run("load", "hello", "--url", f"unix:{cli.berth.folder}/nothing.sock", status=3)


# -- on a terminal


def is_under_way(shown):
    """An instance is ready, and there are answers."""
    return "of them ready" in shown and ", 0 of them ready" not in shown and "█" in shown


@pytest.mark.parametrize("columns", [100, 60])
def test_live_view(cli, make_screen, columns):
    screen = make_screen([cli.program, "load", "sleepy", "-c", "3", "-d", "10m"], columns=columns, lines=30,
                         environment={"BERTH_URL": cli.url})
    text = screen.wait(lambda shown: is_under_way(shown), "the live view", 60)
    lines = [line for line in text.splitlines() if line]
    assert lines[0].startswith("sleepy   ") and "of 600 s (Ctrl-C ends it)" in lines[0]
    assert lines[1].startswith("  requests   ") and "in flight" in lines[1]
    assert lines[2].startswith("  latency    p50 ")
    assert len(lines) == 12, "no line is wrapped, and none is left of the last drawing"
    assert sum(" │" in line for line in lines) == 6
    screen.type("\x03")
    assert screen.wait_end(60) == 0
    shown = "\n".join(screen.all_lines())
    assert "in flight" not in shown, "the charts stay, the rest gives way to the summary"
    assert "Latency in ms" in shown and "s (interrupted)" in shown
    assert screen.is_as_before()


def test_live_view_without_other_characters(cli, make_screen):
    screen = make_screen([cli.program, "load", "sleepy", "-c", "3", "-d", "10m"],
                         environment={"BERTH_URL": cli.url, "LC_ALL": "C"})
    text = screen.wait(lambda shown: "#" in shown and "ready" in shown, "the live view", 60)
    assert text.isascii()
    screen.resize(40, 20)
    screen.wait(lambda shown: "sleepy" in shown and "p50" in shown, "the live view in a smaller terminal", 60)
    screen.type("\x03")
    assert screen.wait_end(60) == 0
    assert screen.is_as_before()


def test_live_view_in_few_lines(cli, make_screen):
    """What has no room is left out, and nothing scrolls away."""
    screen = make_screen([cli.program, "load", "sleepy", "-c", "3", "-d", "10m"], lines=6, environment={"BERTH_URL": cli.url})
    screen.wait(lambda shown: "2." in shown.splitlines()[0] and "requests/s" in shown, "some drawings of the live view", 60)
    assert sum("Ctrl-C ends it" in line for line in screen.all_lines()) == 1
    screen.type("\x03")
    assert screen.wait_end(60) == 0


def test_terminal_that_can_nothing_gets_lines(cli, make_screen):
    screen = make_screen([cli.program, "load", "hello", "-d", "1500ms"], environment={"BERTH_URL": cli.url, "TERM": "dumb"})
    assert screen.wait_end(60) == 0
    assert b"\x1b[" not in screen.raw.replace(b"\x1b[1m", b"").replace(b"\x1b[0m", b"").replace(b"\x1b[2m", b"")
    assert any("requests/s  p50" in line for line in screen.all_lines())


def test_summary_goes_to_a_file_while_the_view_is_live(cli, make_screen, tmp_path):
    """The view is on standard error."""
    target = tmp_path / "load.json"
    command = f'"{cli.program}" load sleepy -d 2s --json > "{target}"'
    screen = make_screen(["/bin/sh", "-c", command], environment={"BERTH_URL": cli.url})
    assert screen.wait_end(60) == 0
    assert b"in flight" in screen.raw
    assert '"requests_per_s"' in target.read_text() and "requests_per_s" not in screen.text()
