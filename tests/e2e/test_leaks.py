"""Many rounds of everything: what one round opens, the same round closes."""

import gc

import pytest

from harness import processes
from harness.functions import HELLO, SHELL_HELLO
from harness.wait import wait_until


def idle_files(berth):
    """The number of open files once no container is left."""
    wait_until(lambda: not berth.containers(), "no container", 20)
    wait_until(lambda: all(map(processes.is_firewall, processes.children(berth.pid))), "no child process", 20)
    return len(processes.open_files(berth.pid))


@pytest.mark.limit(300)
def test_cold_starts_leave_no_open_file(berth):
    berth.write_function("hello", HELLO, idle_timeout=1)
    berth.write_function("shelly", SHELL_HELLO, language="shell", idle_timeout=1)
    berth.host = {"prewarm": 0}
    berth.write_config()
    berth.start()
    counts = []
    for _ in range(5):
        assert berth.get("/hello").status == berth.get("/shelly").status == 200
        counts.append(idle_files(berth))
    assert max(counts[1:]) - min(counts[1:]) <= 2, counts


def test_requests_leave_no_open_file(berth):
    berth.write_function("hello", HELLO, idle_timeout=30)
    berth.start()
    berth.get("/hello")
    counts = []
    for _ in range(3):
        for _ in range(100):
            assert berth.get("/hello").status == 200
        gc.collect()
        counts.append(len(processes.open_files(berth.pid)))
    assert counts[-1] - counts[0] <= 4, counts


def test_broken_connections_leave_no_open_file(berth):
    berth.write_function("hello", HELLO, idle_timeout=1)
    berth.host = {"prewarm": 0}
    berth.write_config()
    berth.start()
    assert berth.get("/hello").status == 200
    before = idle_files(berth)
    for data in (
        b"",
        b"GET",
        b"GET /hello HTTP/1.1\r\nHost",
        b"POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab",
        b"\0" * 100,
    ) * 10:
        with berth.connect() as connection:
            connection.send(data)
    assert berth.get("/hello").status == 200
    assert idle_files(berth) <= before + 2


def test_reloads_leave_no_open_file(berth):
    berth.write_function("hello", HELLO, idle_timeout=1)
    berth.host = {"prewarm": 0}
    berth.write_config()
    berth.start()
    counts = []
    for number in range(5):
        berth.write_function("hello", f'def handle(request):\n    return "{number}"\n', idle_timeout=1)
        berth.reload()
        berth.wait_answer("/hello", lambda answer, want=str(number): answer.text == want, "the new code")
        counts.append(idle_files(berth))
    assert max(counts[1:]) - min(counts[1:]) <= 2, counts
