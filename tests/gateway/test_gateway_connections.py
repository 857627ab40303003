"""When connections run short those that have idled longest make room, and no address has more than its share."""
import contextlib
import time

import pytest

from conftest import wait_for
from raw_client import RawClient


def ask(client):
    return client.get("/f/echo").status


def idle_one_after_the_other(gateway, count):
    """Clients that have been answered, each at a time of its own: the clock of the gateway counts milliseconds."""
    clients = []
    for _ in range(count):
        clients.append(gateway.client())
        assert ask(clients[-1]) == 200
        time.sleep(0.003)
    return clients


def check_end(clients, ended):
    """The first `ended` of them have been hung up on, the others still are answered."""
    assert all(client.is_closed() for client in clients[:ended])
    for client in clients[ended:]:
        client.sock.settimeout(5)
        assert ask(client) == 200


@pytest.mark.parametrize("workers", [1, 2])
def test_the_longest_idle_goes_first(start_gateway, workers):
    gateway = start_gateway(max_connections=8, workers=workers)
    old = idle_one_after_the_other(gateway, 8)
    assert ask(old[0]) == 200  # the first is the last in turn by that
    old.append(old.pop(0))
    time.sleep(0.003)
    new = idle_one_after_the_other(gateway, 5)
    check_end(old, 5)
    check_end(new, 0)
    assert gateway.stats()["connections_evicted"] == 5
    assert gateway.stats()["connections_open"] == 8
    for client in [*old, *new]:
        client.sock.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_crowd_of_silent_clients_keeps_nobody_out(start_gateway, workers):
    gateway = start_gateway(max_connections=200, workers=workers)
    crowd = [gateway.client() for _ in range(350)]
    began = time.monotonic()
    for _ in range(20):
        with gateway.client() as client:
            assert ask(client) == 200
    assert time.monotonic() - began < 60
    wait_for(lambda: gateway.stats()["connections_evicted"] >= 150, "the silent ones making room")
    assert gateway.stats()["connections_open"] <= 200
    for client in crowd:
        client.sock.close()


def test_parts_of_heads_go_after_those_of_which_nothing_came(start_gateway):
    gateway = start_gateway(max_connections=4, head_timeout_ms=60000)
    parts = [gateway.client() for _ in range(2)]
    for client in parts:
        client.send(b"GET /f/echo HT")
        time.sleep(0.003)
    wait_for(lambda: gateway.stats()["bytes_in"] == 28, "both parts having come")
    silent = [gateway.client() for _ in range(2)]
    wait_for(lambda: gateway.stats()["connections_open"] == 4, "all four being accepted")
    new = []
    for number in range(1, 4):
        new.append(gateway.client())
        new[-1].request(["POST /f/echo HTTP/1.1", "Host: x", "Content-Length: 1"])
        wait_for(lambda: gateway.stats()["requests_active"] == number, "the request being under way")
    assert all(client.is_closed() for client in [*silent, parts[0]])
    parts[1].send(b"TP/1.1\r\nHost: x\r\n\r\n")
    assert parts[1].read_response().status == 200
    for client in new:
        client.send(b"x")
        assert client.read_response().status == 200
    for client in [*parts, *silent, *new]:
        client.sock.close()


def test_requests_under_way_are_never_closed_for_room(start_gateway):
    gateway = start_gateway(max_connections=4, workers=2)
    busy = [gateway.client() for _ in range(4)]
    for client in busy:
        client.request(["POST /f/echo HTTP/1.1", "Host: x", "Content-Length: 1"])
    wait_for(lambda: gateway.stats()["requests_active"] == 4, "all being under way")
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(gateway.client())
        busy[0].send(b"x")
        assert busy[0].read_response().status == 200
        wait_for(lambda: gateway.stats()["connections_accepted"] > 4, "one that waits being accepted")
        assert busy[0].is_closed()
        for client in busy[1:]:
            client.send(b"x")
            assert client.read_response().status == 200
    for client in busy:
        client.sock.close()


def test_none_is_closed_while_nobody_waits(start_gateway):
    gateway = start_gateway(max_connections=3, workers=2)
    clients = idle_one_after_the_other(gateway, 3)
    check_end(clients, 0)
    assert gateway.stats()["connections_evicted"] == 0
    for client in clients:
        client.sock.close()


def test_it_is_told_once(start_gateway):
    gateway = start_gateway(max_connections=2)
    clients = idle_one_after_the_other(gateway, 6)
    assert gateway.stats()["connections_evicted"] == 4
    assert gateway.log_path.read_text().count("gateway.connections-short") == 1
    for client in clients:
        client.sock.close()


def test_an_address_has_its_share_only(start_gateway):
    gateway = start_gateway(workers=2, options=["--trust", "127.0.0.3"], max_connections_per_address=3)
    clients = idle_one_after_the_other(gateway, 3)
    for _ in range(4):
        with gateway.client() as client:
            assert client.is_closed()
    assert gateway.stats()["connections_refused"] == 4
    assert gateway.log_path.read_text().count("gateway.address-limit") <= 2  # one a worker
    for source in ("127.0.0.2", *["127.0.0.3"] * 5):
        clients.append(RawClient(gateway.address, source=source))
        assert ask(clients[-1]) == 200
    clients.pop(0).sock.close()
    wait_for(lambda: gateway.stats()["connections_open"] == 8, "the end of one")
    with gateway.client() as client:
        assert ask(client) == 200
    check_end(clients, 0)
    for client in clients:
        client.sock.close()
