"""Metrics that a listener of StatsD gets."""

import re
import socket

import pytest

from harness.functions import HELLO
from harness.wait import wait_until

DATAGRAM_MAX = 1432
LINE = re.compile(r"([\w.-]+):(\d+(?:\.\d+)?)\|(c|g|ms)(?:\|@(0\.\d+))?")


class Listener:
    """A socket that keeps what it gets."""

    def __init__(self, port=0):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]
        self.sizes = []
        self.counters = {}
        self.gauges = {}
        self.timings = {}

    def receive(self):
        """Takes all that has come. What is no line of StatsD fails."""
        while True:
            try:
                datagram = self.socket.recv(65536)
            except BlockingIOError:
                return self
            self.sizes.append(len(datagram))
            for line in datagram.decode("ascii").split("\n"):
                found = LINE.fullmatch(line)
                assert found, line
                self.take(found.group(1), float(found.group(2)), found.group(3))

    def take(self, name, value, kind):
        if kind == "c":
            self.counters[name] = self.counters.get(name, 0) + value
        elif kind == "g":
            self.gauges[name] = value
        else:
            self.timings.setdefault(name, []).append(value)

    def close(self):
        self.socket.close()


@pytest.fixture(name="listener")
def fixture_listener():
    listener = Listener()
    yield listener
    listener.close()


@pytest.mark.shows_setting("host.statsd")
def test_metrics_are_sent_to_the_listener(berth, listener):
    berth.host = {"statsd": f"127.0.0.1:{listener.port}"}
    for number in range(40):
        berth.write_function(f"unused-{number}", HELLO)
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    for _ in range(5):
        listener.receive()  # what comes is lost once the socket is full
        assert berth.get("/hello").status == 200
    called = "berth.gateway_function_invocation_total.hello.200"
    wait_until(lambda: listener.receive().counters.get(called) == 5, "the requests to be told", 60)
    wait_until(lambda: listener.receive().gauges.get("berth.gateway_service_count.hello") == 1, "the instance", 60)
    wait_until(lambda: "berth.slots_busy.unused-39" in listener.receive().gauges, "the other functions", 60)
    timings = "berth.request_duration.hello"
    wait_until(lambda: len(listener.receive().timings.get(timings, [])) == 5, "their durations", 60)
    assert listener.counters["berth.cold_waits_total"] >= 1
    assert berth.get("/hello").status == 200
    assert berth.stop() == 0
    assert listener.receive().counters[called] == 6
    assert len(listener.timings[timings]) == 6
    assert len(listener.sizes) > 1 and max(listener.sizes) <= DATAGRAM_MAX


@pytest.mark.shows_setting("host.statsd_prefix")
def test_names_begin_with_the_prefix(berth, listener):
    berth.host = {"statsd": f"127.0.0.1:{listener.port}", "statsd_prefix": "rack3.faas"}
    berth.write_function("hello", HELLO)
    berth.start()
    wait_until(lambda: listener.receive().gauges, "metrics", 60)
    assert {name.split(".")[:2] == ["rack3", "faas"] for name in {**listener.gauges, **listener.counters}} == {True}


def test_a_listener_may_come_and_go(berth):
    """While there is none nothing is different; what it is told later is what has been since."""
    listener = Listener()
    port = listener.port
    listener.close()
    berth.host = {"statsd": f"127.0.0.1:{port}"}
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    assert berth.get("/hello").status == 200
    listener = Listener(port)
    try:

        def counted():
            assert berth.get("/hello").status == 200
            return listener.receive().counters.get("berth.gateway_function_invocation_total.hello.200", 0)

        wait_until(counted, "requests to be told", 60)
    finally:
        listener.close()


def test_an_address_that_nothing_can_be_sent_to_is_refused(berth):
    berth.host = {"statsd": "no-such-host.invalid:8125"}
    berth.write_function("hello", HELLO)
    berth.expect_error("daemon.failed")
    berth.start(ready=False)
    assert berth.wait_end() == 1
    assert "no-such-host.invalid:8125" in berth.log_tail()
