"""Clients' connections: how many there may be, which go when they run short, and how long one may idle."""

import contextlib
import time

import pytest

from harness.functions import HELD
from harness.wait import wait_until

MAX = 40
SHARE = 25
CLIENT, PROXY = "127.0.0.2", "127.0.0.3"


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    shared_berth.host = {
        "max_connections": MAX,
        "max_connections_per_address": SHARE,
        "trusted_proxies": [PROXY],
        "keep_alive_timeout": "300s",
        "workers": 2,
    }
    shared_berth.write_function("held", HELD, idle_timeout=120, concurrency=64, max_scale=1)
    shared_berth.start()
    assert shared_berth.get("/held/").status == 200


@pytest.fixture
def crowd(served):
    """A function that opens connections from an address; they are closed in the end, and are gone then."""
    with contextlib.ExitStack() as stack:
        yield lambda count, source: [stack.enter_context(served.connect(source=source)) for _ in range(count)]
    wait_until(lambda: served.counter("berth_connections_open") == 0, "the end of all connections", 10)


def ask(connection, action=""):
    connection.send(f"GET /held/{action} HTTP/1.1\r\nHost: test\r\n\r\n")
    return connection.response()


@pytest.mark.shows_setting("host.max_connections")
def test_silent_connections_make_room_for_a_new_client(served, crowd):
    before = served.counter("berth_connections_evicted_total")
    first = crowd(1, PROXY)[0]
    assert ask(first).status == 200
    silent = crowd(3 * MAX, PROXY)
    began = time.monotonic()
    assert ask(crowd(1, PROXY)[0]).status == 200
    assert time.monotonic() - began < 60
    assert first.at_end() and silent[0].at_end()
    assert served.counter("berth_connections_open") <= MAX
    assert served.counter("berth_connections_evicted_total") - before >= 2 * MAX
    assert served.log.entries(event="gateway.connections-short")


@pytest.mark.shows_setting("host.max_connections")
def test_requests_under_way_keep_their_connections(served, crowd):
    held = crowd(MAX, PROXY)
    for connection in held:
        connection.send("GET /held/hold HTTP/1.1\r\nHost: test\r\n\r\n")
    wait_until(lambda: served.counter("berth_requests_active") == MAX, "all requests being under way", 10)
    late = crowd(1, PROXY)[0]
    late.send("GET /held/release HTTP/1.1\r\nHost: test\r\n\r\n")
    late.socket.settimeout(0.5)
    with pytest.raises(TimeoutError):
        late.socket.recv(1)
    held.pop().close()  # the one way to make room now
    late.socket.settimeout(30)
    late.reader = late.socket.makefile("rb")
    assert late.response().status == 200
    assert {connection.response().status for connection in held} == {200}


@pytest.mark.shows_setting("host.max_connections_per_address", "host.trusted_proxies")
def test_an_address_has_its_share_and_a_trusted_proxy_has_none(served, crowd):
    before = served.counter("berth_connections_refused_total")
    share = crowd(SHARE, CLIENT)
    assert {ask(connection).status for connection in share} == {200}
    assert all(connection.at_end() for connection in crowd(3, CLIENT))
    assert served.counter("berth_connections_refused_total") - before == 3
    assert {ask(connection).status for connection in crowd(2, "127.0.0.4") + share} == {200}
    assert served.log.entries(event="gateway.address-limit", client=CLIENT)
    share.pop().close()
    wait_until(lambda: ask_anew(served) == 200, "room for another", 5)
    proxied = crowd(SHARE + 5, PROXY)
    assert {ask(connection).status for connection in proxied} == {200}


def ask_anew(served):
    with served.connect(source=CLIENT) as connection:
        try:
            return ask(connection).status
        except (AssertionError, ConnectionError):
            return None


@pytest.mark.shows_setting("host.keep_alive_timeout")
def test_a_connection_idles_for_its_time_only(make_berth):
    berth = make_berth()
    berth.host = {"keep_alive_timeout": "700ms"}
    berth.write_function("held", HELD)
    berth.start()
    with berth.connect() as silent, berth.connect() as used:
        began = time.monotonic()
        assert ask(used).status == 200
        assert silent.at_end() and used.at_end()
        assert 0.6 < time.monotonic() - began < 60
