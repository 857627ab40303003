"""Clients and runners that end their connection, or half of it, at any moment."""
import socket
import threading
import time

import pytest

from conftest import wait_for
from wire import Truncated

MIB = 1 << 20
RESET = b"\1\0\0\0\0\0\0\0"  # struct linger: close sends a reset

POST = b"POST /f/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
DOWNLOAD = b"GET /f/bytes/50000000 HTTP/1.1\r\nHost: x\r\n\r\n"

# What a client sends and how much it reads before it is gone.
LEAVES = {
    "at once": (b"", 0),
    "within the request line": (b"GET /f/he", 0),
    "within the head": (b"GET /f/hello HTTP/1.1\r\nHo", 0),
    "behind the head": (b"GET /f/hello HTTP/1.1\r\nHost: x\r\n\r\n", 0),
    "behind three pipelined": (b"GET /f/hello HTTP/1.1\r\nHost: x\r\n\r\n" * 3, 20),
    "before the body": (POST.replace(b"echo", b"upload"), 0),
    "within the body": (POST.replace(b"echo", b"upload") + b"x" * 100000, 0),
    "within a chunk": (b"POST /f/upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc", 0),
    "before the answer": (b"GET /f/slow/300 HTTP/1.1\r\nHost: x\r\n\r\n", 0),
    "within the answer": (DOWNLOAD, 100000),
    "at the answer's first byte": (DOWNLOAD, 1),
    "behind what is refused": (b"GET\r\n\r\n" + b"x" * 5000, 0),
}


@pytest.mark.parametrize("reset", [False, True], ids=["close", "reset"])
@pytest.mark.parametrize("data, count", LEAVES.values(), ids=LEAVES)
def test_client_that_leaves(start_bulk, data, count, reset):
    gateway = start_bulk(workers=2)
    with gateway.client() as client:
        assert client.get("/f/hello").status == 200
    wait_for(lambda: gateway.stats()["connections_open"] == 0, "no client")
    before = gateway.descriptors()
    clients = [gateway.client() for _ in range(8)]  # no more than slots, as some wait for their answer
    for client in clients:
        client.send(data)
    for client in clients:
        client.read_exactly(count)
        if reset:
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.sock.close()
    wait_for(lambda: gateway.stats()["connections_accepted"] == 9, "every connection being accepted")
    wait_for(lambda: gateway.stats()["connections_open"] == gateway.stats()["requests_active"] == 0, "every connection's end")
    gateway.wait_slots(8)
    assert gateway.counts()["busy"] == gateway.counts()["waiting"] == 0
    assert gateway.descriptors() == before
    with gateway.client() as client:
        assert client.get("/f/hello").body == b"hello, world\n"


def test_half_closed_client_reads_a_long_answer(start_gateway, backend):
    """It has said that it sends nothing more; as long as it takes what comes it has not left."""
    gateway = start_gateway()
    pieces, go_on = 60, threading.Semaphore(0)

    @backend.on("/long")
    def handler(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (pieces * 1000))
        for _ in range(pieces):
            go_on.acquire(timeout=10)
            connection.send(b"x" * 1000)

    with gateway.client() as client:
        client.request(["GET /f/long HTTP/1.1", "Host: x"])
        assert client.read_head().status == 200
        client.sock.shutdown(socket.SHUT_WR)
        for _ in range(pieces):
            go_on.release()
            assert client.read_exactly(1000) == b"x" * 1000
            time.sleep(0.04)
        assert client.is_closed()


def test_half_closed_client_that_reads_slowly(start_bulk):
    gateway = start_bulk()
    with gateway.client() as client:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send(DOWNLOAD)
        client.sock.shutdown(socket.SHUT_WR)
        assert client.read_head().status == 200
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            assert gateway.stats()["requests_active"] == 1
        left = 50000000 - len(client.pending)
        while left > 0:
            data = client.sock.recv(MIB)
            assert data, "cut short"
            left -= len(data)
        client.pending = b""
        assert client.is_closed()


def shut_down(connection, how):
    connection.sock.shutdown(how)
    connection.wait_closed()
    return False


def test_runner_that_half_closes_behind_its_answer(gateway, backend):
    @backend.on("/last")
    def handler(connection, _):
        connection.answer(b"bye")
        return shut_down(connection, socket.SHUT_WR)

    with gateway.client() as client:
        for _ in range(10):
            assert client.get("/f/last").body == b"bye"
    gateway.wait_slots(4)


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
])
def test_runner_that_half_closes_within_its_answer(gateway, backend, answer):
    @backend.on("/cut")
    def handler(connection, _):
        connection.send(answer)
        return shut_down(connection, socket.SHUT_WR)

    with gateway.client() as client:
        client.request(["GET /f/cut HTTP/1.1", "Host: x"])
        with pytest.raises(Truncated):
            client.read_response()
    gateway.wait_slots(4)


def test_runner_that_half_closes_before_its_answer(gateway, backend):
    @backend.on("/nothing")
    def handler(connection, _):
        return shut_down(connection, socket.SHUT_WR)

    with gateway.client() as client:
        client.request(["POST /f/nothing HTTP/1.1", "Host: x", "Content-Length: 0"])
        assert client.read_response().status == 502
        assert client.get("/f/echo").status == 200


def test_runner_that_stops_reading_a_body(gateway, backend):
    """It answers all the same: the client gets that answer whatever is left of its body."""
    @backend.on("/deaf")
    def handler(connection, _):
        connection.sock.shutdown(socket.SHUT_RD)
        connection.answer(b"enough")
        connection.sock.shutdown(socket.SHUT_WR)
        return False

    for _ in range(10):
        with gateway.client() as client:
            client.request(["POST /f/deaf HTTP/1.1", "Host: x", f"Content-Length: {MIB}"], b"x" * 100000)
            assert client.read_response().body == b"enough"
    gateway.wait_slots(4)


def test_runner_killed_within_a_download(gateway, backend):
    """As when its process is killed: the socket goes with bytes unread on it."""
    @backend.on("/killed")
    def handler(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % MIB)
        connection.send(b"x" * 300000)
        return False

    with gateway.client() as client:
        client.request(["POST /f/killed HTTP/1.1", "Host: x", "Content-Length: 100000"], b"y" * 100000)
        head = client.read_head()
        assert head.status == 200
        with pytest.raises(Truncated):
            client.read_exactly(MIB)
    gateway.wait_slots(4)


def test_upgrade_with_a_body(gateway, backend):
    """The body ends first; what stands behind it belongs to the tunnel."""
    @backend.on("/up")
    def handler(connection, request):
        assert request.get("Upgrade") == "lines"
        body, _ = connection.read_body(request)
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: lines\r\nConnection: Upgrade\r\n\r\n" + body)
        while (line := connection.read_until(b"\n")) != b"end\n":
            connection.send(line.upper())
        return False

    head = ["POST /f/up HTTP/1.1", "Host: x", "Upgrade: lines", "Connection: upgrade"]
    for framing, body in (("Content-Length: 4", b"body"), ("Transfer-Encoding: chunked", b"4\r\nbody\r\n0\r\n\r\n")):
        with gateway.client() as client:
            client.request([*head, framing], body + b"early\n")
            assert client.read_head().status == 101
            assert client.read_exactly(10) == b"bodyEARLY\n"
            client.send(b"late\nend\n")
            assert client.read_to_end() == b"LATE\n"
    gateway.wait_slots(4)
