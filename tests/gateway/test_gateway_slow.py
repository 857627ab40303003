"""Many clients that send one byte a second cost others nothing, and the daemon a bounded amount of memory."""
import json
import time

from conftest import wait_for

CLIENTS = 2000
ROUNDS = 4  # bytes that each sends, one a second
HEAD_TIMEOUT_MS = 8000
LEFT_KIB = 3072  # what may be left of a crowd when it has gone, a quarter of what it took
CLIENT_KIB = 8  # what one may cost while its head is on its way
HEAD = b"GET /f/hello HTTP/1.1\r\nHost: x\r\nX: y\r\n\r\n"


def ask(client):
    assert client.get("/f/hello").body == b"hello, world\n"
    return 1


def send_round(slow, fast):
    """A second in which each slow client sends one byte, and the other one asks all the time. Returns how often."""
    end = time.monotonic() + 1
    asked = 0
    for number, (client, byte) in enumerate(slow):
        client.send(byte)
        if number % 10 == 0:
            asked += ask(fast)
    while time.monotonic() < end:
        asked += ask(fast)
    return asked


def test_slow_clients_cost_others_nothing(start_bulk):
    """Every second one completes its head in time and is answered; the others go on until they are told 408."""
    gateway = start_bulk(head_timeout_ms=HEAD_TIMEOUT_MS)
    with gateway.client() as fast:
        asked = ask(fast)
        empty_kib = gateway.memory_kib()
        in_time, late = ([gateway.client(timeout=30) for _ in range(CLIENTS // 2)] for _ in range(2))
        for client in in_time + late:
            client.send(HEAD[:-ROUNDS])
        full_kib = None
        for at in range(ROUNDS):
            last = HEAD[len(HEAD) - ROUNDS + at:][:1]
            asked += send_round([(client, last) for client in in_time] + [(client, b"z") for client in late], fast)
            full_kib = full_kib or gateway.memory_kib()
        assert gateway.memory_kib() - full_kib < 1024, "grows with every byte"
        assert full_kib - empty_kib < CLIENTS * CLIENT_KIB
        for client in in_time:
            assert client.read_response().status == 200
            ask(client)
        for client in late:
            response = client.read_response()
            assert (response.status, response.get("Connection")) == (408, "close")
            assert "head_timeout" in json.loads(response.body)["error"]["hint"]
            assert client.leave() == b""
        asked += ask(fast)
    stats = gateway.stats()
    assert stats["2xx"] == asked + CLIENTS and stats["4xx"] == CLIENTS // 2
    for client in in_time:
        client.sock.close()
    wait_for(lambda: gateway.memory_kib() - empty_kib < LEFT_KIB, "what the crowd needed to be given back", 40)
    wait_for(lambda: gateway.stats()["open"] == 0, "every connection's end")
