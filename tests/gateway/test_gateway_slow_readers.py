"""Many clients that read a byte a second cost others nothing, and the daemon a bounded amount of memory."""
import contextlib
import socket
import time

from conftest import wait_for
from crowd import CLIENT_KIB, CLIENTS, ROUNDS, ask, check_given_back
from wire import Truncated

ANSWER = 300_000  # bytes; with as many readers more than the gateway keeps and their sockets hold
SMALL = 2048  # bytes of a slow reader's receive buffer
BUFFER_MEMORY = 64 << 20


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
