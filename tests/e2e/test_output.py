"""What functions write, in the log of the daemon: all of a burst, and of a flood only as much as is set."""

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
    assert 120 * 1024 // RECORD_MAX < len(arrived) < 120 * 1024 // 100 + 200
    assert arrived[:50] == [f"line-{number}-" + "x" * 90 for number in range(50)]
    assert (metric(berth, "lines", "flood"), metric(berth, "bytes", "flood")) == dropped(berth, "flood")
    assert len(berth.log.entries(event="function.output-dropped")) < 5
    assert berth.get("/other?lines=20").text == "done"
    wait_until(lambda: len(logged(berth, "other")) == 20, "the other function's lines")
    assert metric(berth, "lines", "other") == 0


def test_burst_arrives_whole(berth):
    lines = 30000
    berth.write_function("burst", FLOOD, idle_timeout=60)
    berth.start()
    assert berth.get(f"/burst?lines={lines}").text == "done"
    wait_until(lambda: len(logged(berth, "burst")) >= lines, "every line", 60)
    assert [int(text.split("-")[1]) for text in logged(berth, "burst")] == list(range(lines))
    assert metric(berth, "lines", "burst") == 0


def test_long_lines_lose_nothing(berth):
    berth.write_function("long", "def handle(request):\n    print('x' * 50000 + '\\x01' * 50000)\n    return 'done'\n")
    berth.start()
    assert berth.get("/long").text == "done"

    def arrived():
        text = "".join(logged(berth, "long"))
        return text.count("x"), text.count("\x01")

    wait_until(lambda: arrived() == (50000, 50000), "all of the line")
