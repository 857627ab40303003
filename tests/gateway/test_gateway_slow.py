"""Many clients that send one byte every half second cost others nothing, and the daemon a bounded amount of memory."""
import contextlib
import json
import socket
import time

from conftest import wait_for
from wire import Truncated

CLIENTS = 2000
ROUNDS = 4  # bytes that each sends
ROUND_S = 0.5
HEAD_TIMEOUT_MS = 8000  # four times what the rounds take on an idle machine
LEFT_KIB = 3072  # what may be left of a crowd when it has gone, a quarter of what it took
CLIENT_KIB = 8  # what one may cost while its head is on its way
ANSWER = 300_000  # bytes; with as many readers more than the gateway keeps and their sockets hold
SMALL = 2048  # bytes of a slow reader's receive buffer
PATIENCE_S = 5  # others have their answer within that time
BUFFER_MEMORY = 64 << 20
BODY = (bytes(range(251)) * 4)[:1000]  # as the backend expects it
HEAD = b"GET /f/hello HTTP/1.1\r\nHost: x\r\nX: y\r\n\r\n"


def ask(client):
    began = time.monotonic()
    assert client.get("/f/hello").body == b"hello, world\n"
    assert time.monotonic() - began < PATIENCE_S
    return 1


def send_round(slow, fast):
    """A while in which each slow client sends one byte, and the other one asks all the time. Returns how often."""
    end = time.monotonic() + ROUND_S
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
    assert stats["responses 2xx"] == asked + CLIENTS and stats["responses 4xx"] == CLIENTS // 2
    for client in in_time:
        client.sock.close()
    wait_for(lambda: gateway.memory_kib() - empty_kib < LEFT_KIB, "what the crowd needed to be given back", 40)
    wait_for(lambda: gateway.stats()["connections_open"] == 0, "every connection's end")


def check_given_back(gateway, clients, empty_kib):
    for client in clients:
        client.sock.close()
    wait_for(lambda: gateway.stats()["connections_open"] == 0, "every connection's end")
    assert gateway.stats()["buffered_bytes"] == 0
    wait_for(lambda: gateway.memory_kib() - empty_kib < LEFT_KIB, "what the crowd needed to be given back", 40)


def test_slow_bodies_cost_others_nothing(start_bulk):
    """All of them complete their bodies in the end, and each is answered."""
    gateway = start_bulk(queue_length=CLIENTS)  # all may end at once
    with gateway.client() as fast:
        ask(fast)
        empty_kib = gateway.memory_kib()
        slow = [gateway.client(timeout=30) for _ in range(CLIENTS)]
        for client in slow:
            client.request(["POST /f/upload HTTP/1.1", "Host: x", f"Content-Length: {len(BODY)}"])
        for at in range(ROUNDS):
            send_round([(client, BODY[at:at + 1]) for client in slow], fast)
            assert gateway.counts()["busy"] == 0
        assert gateway.memory_kib() - empty_kib < CLIENTS * CLIENT_KIB
        for client in slow:
            client.send(BODY[ROUNDS:])
        for client in slow:
            response = client.read_response()
            assert (response.status, response.body) == (200, b"%d\n" % len(BODY))
        ask(fast)
    check_given_back(gateway, slow, empty_kib)


def read_round(slow, fast):
    """A second in which each slow client reads one byte, and the other one asks all the time."""
    end = time.monotonic() + 1
    for number, client in enumerate(slow):
        with contextlib.suppress(BlockingIOError, ConnectionError):
            client.pending += client.sock.recv(1, socket.MSG_DONTWAIT)
        if number % 10 == 0:
            ask(fast)
    while time.monotonic() < end:
        ask(fast)


def test_slow_readers_cost_others_nothing(start_bulk):
    """There is memory for some of their answers only: those who keep it longest are cut for those who come."""
    gateway = start_bulk(buffer_memory_bytes=BUFFER_MEMORY)
    with gateway.client() as fast:
        ask(fast)
        empty_kib = gateway.memory_kib()
        slow = []
        while len(slow) < CLIENTS:
            slow.append(gateway.client(timeout=30, receive_buffer=SMALL))
            slow[-1].request([f"GET /f/bytes/{ANSWER} HTTP/1.1", "Host: x"])
            if len(slow) % 20 == 0:
                ask(fast)
        for _ in range(ROUNDS):
            read_round(slow, fast)
            assert gateway.stats()["buffered_bytes"] <= BUFFER_MEMORY
        wait_for(lambda: gateway.counts()["busy"] == 0, "free slots")
        assert gateway.stats()["slow_clients_cut"] > CLIENTS // 2
        assert gateway.memory_kib() - empty_kib < BUFFER_MEMORY // 1024 + CLIENTS * CLIENT_KIB
        whole = 0
        for client in slow:
            with contextlib.suppress(Truncated):
                assert len(client.read_response().body) == ANSWER
                whole += 1
        assert whole == CLIENTS - gateway.stats()["slow_clients_cut"]
        ask(fast)
    check_given_back(gateway, slow, empty_kib)
