"""What functions write, in the log of the daemon: all of a burst, and of a flood only as much as is set."""

import concurrent.futures

import pytest

from harness.wait import wait_until

FLOOD = """
    import sys

    def handle(request):
        for number in range(int(request.query_params["lines"])):
            print(f"line-{number}-" + "x" * 90)
        return "done"
"""
RECORD_MAX = 400  # bytes of such a record


def logged(berth, function):
    return [entry["text"] for entry in berth.log.entries(event="function.output", function=function)]


def dropped(berth, function):
    """What the records say that was dropped: lines and bytes."""
    entries = berth.log.entries(event="function.output-dropped", level="warning", function=function)
    return sum(int(entry["lines"]) for entry in entries), sum(int(entry["bytes"]) for entry in entries)


def metric(berth, name, function):
    return berth.gauge(f"berth_output_dropped_{name}_total", function)


@pytest.mark.shows_setting("host.log_rate")
def test_flood_is_cut_to_its_rate_and_what_is_dropped_is_counted(berth):
    lines = 20000
    berth.host = {"log_rate": "1Ki"}
    berth.write_function("flood", FLOOD, idle_timeout=60)
    berth.write_function("other", FLOOD, idle_timeout=60)
    berth.start()
    assert berth.get(f"/flood?lines={lines}").text == "done"
    wait_until(
        lambda: len(logged(berth, "flood")) + dropped(berth, "flood")[0] == lines, "every line to be accounted for", 30
    )
    arrived = logged(berth, "flood")
    assert 300 * 1024 // RECORD_MAX < len(arrived) < 300 * 1024 // 100 + 600
    assert arrived[:50] == [f"line-{number}-" + "x" * 90 for number in range(50)]
    assert (metric(berth, "lines", "flood"), metric(berth, "bytes", "flood")) == dropped(berth, "flood")
    assert len(berth.log.entries(event="function.output-dropped")) < 5
    assert berth.get("/other?lines=20").text == "done"
    wait_until(lambda: len(logged(berth, "other")) == 20, "the other function's lines")
    assert metric(berth, "lines", "other") == 0


def test_who_writes_more_than_is_logged_is_made_to_wait(berth):
    berth.host = {"log_rate": "1Ki"}
    berth.write_function(
        "pours",
        """
        import os, time

        def handle(request):
            written, end = 0, time.monotonic() + 3
            while time.monotonic() < end:
                written += os.write(1, b"line\\n" * 10000)
            return str(written)
        """,
    )
    berth.start()
    assert int(berth.get("/pours").text) < 40 << 20
    assert metric(berth, "lines", "pours") > 0


def test_burst_arrives_whole(berth):
    lines = 30000
    berth.write_function("burst", FLOOD, idle_timeout=60)
    berth.start()
    assert berth.get(f"/burst?lines={lines}").text == "done"
    wait_until(lambda: len(logged(berth, "burst")) >= lines, "every line", 60)
    assert [int(text.split("-")[1]) for text in logged(berth, "burst")] == list(range(lines))
    assert metric(berth, "lines", "burst") == 0


def test_floods_from_three_functions_arrive_whole(berth):
    lines = 100000
    names = ("one", "two", "three")
    for name in names:
        berth.write_function(name, FLOOD, idle_timeout=60, timeout=120)
    berth.start()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda name: berth.get(f"/{name}?lines={lines}"), names))
    assert [answer.text for answer in answers] == ["done"] * 3
    for name in names:
        wait_until(lambda name=name: len(logged(berth, name)) >= lines, "every line", 120)
        assert [int(text.split("-")[1]) for text in logged(berth, name)] == list(range(lines))
        assert metric(berth, "lines", name) == 0


def test_long_lines_lose_nothing_and_show_where_they_are_cut(berth):
    berth.write_function("long", """
        def handle(request):
            print("x" * 60000)
            print("y" * 70000 + "\\x01" * 70000)
            print("and on")
            return "done"
    """)
    berth.start()
    assert berth.get("/long").text == "done"
    wait_until(lambda: "and on" in logged(berth, "long"), "the last line")
    pieces = [(entry["text"], entry.get("cut")) for entry in berth.log.entries(event="function.output", function="long")]
    assert pieces[0] == ("x" * 60000, None) and pieces[-1] == ("and on", None)
    assert "".join(text for text, _ in pieces[1:-1]) == "y" * 70000 + "\x01" * 70000
    assert pieces[1][1] == "yes" and max(len(text) for text, _ in pieces) <= 65536


def test_flushed_output_is_shown_before_its_line_ends(berth):
    berth.write_function(
        "dots",
        """
        import os, threading

        enough = threading.Event()

        def handle(request):
            if request.query_params:
                return str(enough.set())
            print("no newline yet", end="", flush=True)
            os.write(1, b"from below")
            enough.wait()
            return "done"
        """,
        concurrency=2,
    )
    berth.start()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(berth.get, "/dots", headers={"X-Request-Id": "dotted"})
        try:
            wait_until(lambda: len(logged(berth, "dots")) == 2, "both texts", 10)
            assert not answer.done()
        finally:
            berth.get("/dots?enough=1")
    flushed, below = berth.log.entries(event="function.output", function="dots")
    assert (flushed["text"], flushed["cut"], flushed["request_id"]) == ("no newline yet", "yes", "dotted")
    assert (below["text"], below["cut"]) == ("from below", "yes")


def test_dev_stdout_can_be_opened_and_bytes_of_any_kind_are_valid_records(berth):
    berth.write_function("bytes", """
        import subprocess

        def handle(request):
            subprocess.run(["sh", "-c", "echo through the device > /dev/stdout; echo and err >/dev/stderr"], check=True)
            with open("/proc/self/fd/1", "wb") as out:
                out.write(b"latin caf\\xe9 nul \\0 end\\n")
            return "done"
    """)
    berth.start()
    assert berth.get("/bytes").text == "done"
    wait_until(lambda: len(logged(berth, "bytes")) == 3, "the lines")
    entries = {entry["text"]: entry["stream"] for entry in berth.log.entries(event="function.output", function="bytes")}
    assert entries == {"through the device": "stdout", "and err": "stderr", "latin caf? nul \0 end": "stdout"}


BROKEN = """
    print("before it")

    def configure():
        return {}["missing"]

    CONF = configure()

    def handle(request):
        return "ok"
"""


def test_exception_while_loading_is_told_with_its_place_and_kept_with_its_traceback(berth):
    berth.write_function("broken", BROKEN)
    berth.start()
    answer = berth.get("/broken")
    assert answer.status == 502
    assert "broken.py:4" in answer.error()["message"] and "KeyError: 'missing'" in answer.error()["message"]
    said = berth.log.entries(event="function.output", function="broken", instance=last_failure(berth)["instance"])
    assert [(entry["stream"], entry["text"]) for entry in said][0] == ("stdout", "before it")
    traceback = [entry["text"] for entry in said if entry["stream"] == "traceback"]
    assert traceback[0].startswith("Traceback") and traceback[-1] == "KeyError: 'missing'"
    assert any("in configure" in line for line in traceback)
    failure = last_failure(berth)
    assert failure["traceback"].splitlines() == traceback
    assert "before it" in failure["output"]


def last_failure(berth):
    return berth.admin("GET", "/system/function/broken").json()["berth"]["last_failure"]
