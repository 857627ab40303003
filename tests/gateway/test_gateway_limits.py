"""Every limit has its own answer, and nothing grows without bound."""
import contextlib
import json
import re
import socket
import threading
import time

import pytest

from conftest import start_peer, wait_for
from wire import Truncated

PATTERN = bytes(range(251)) * 4096


def error_of(response):
    return json.loads(response.body)["error"]


def check_limit(response, status, setting):
    assert response.status == status
    assert setting in error_of(response)["hint"]


def test_head_size(start_gateway):
    gateway = start_gateway(max_head_bytes=2048)
    with gateway.client() as client:
        check_limit(client.get("/f/echo", "X: " + "y" * 3000), 431, "max_head")
        client.sock.shutdown(socket.SHUT_WR)
        assert client.is_closed()


def test_header_count(start_gateway):
    gateway = start_gateway(max_headers=10)
    with gateway.client() as client:
        assert client.get("/f/echo", *[f"X-{i}: y" for i in range(9)]).status == 200
        check_limit(client.get("/f/echo", *[f"X-{i}: y" for i in range(10)]), 431, "max_headers")


def test_target_length(start_gateway):
    gateway = start_gateway(max_target_bytes=300)
    with gateway.client() as client:
        check_limit(client.get("/f/" + "x" * 300), 414, "max_target")


def test_body_size(start_gateway):
    gateway = start_gateway(max_body_bytes=10)
    with gateway.client() as client:
        client.request(["POST /f/echo HTTP/1.1", "Host: x", "Content-Length: 10"], b"x" * 10)
        assert client.read_response().status == 200
        client.request(["POST /f/echo HTTP/1.1", "Host: x", "Content-Length: 11"])
        check_limit(client.read_response(), 413, "max_body")
    with gateway.client() as client:
        client.request(["POST /f/echo HTTP/1.1", "Host: x", "Transfer-Encoding: chunked"], b"6\r\nabcdef\r\n")
        client.send(b"5\r\nghijk\r\n")
        check_limit(client.read_response(), 413, "max_body")
    gateway.wait_slots(4)


def test_time_to_send_a_head(start_gateway):
    gateway = start_gateway(head_timeout_ms=150)
    with gateway.client() as client:
        assert client.get("/f/echo").status == 200
        client.send(b"GET /f/echo HT")
        check_limit(client.read_response(), 408, "head_timeout")
        client.sock.shutdown(socket.SHUT_WR)
        assert client.is_closed()


def test_a_dripping_head_gains_no_time(start_gateway):
    gateway = start_gateway(head_timeout_ms=200)
    with gateway.client() as client:
        client.sock.settimeout(0.02)
        end = time.monotonic() + 5
        client.send(b"GET /f/echo HTTP/1.1\r\nX: ")
        response = b""
        while not response and time.monotonic() < end:
            try:
                client.send(b"y")
                response = client.sock.recv(100)
            except socket.timeout:
                pass
        assert response.startswith(b"HTTP/1.1 408 ")


def test_idle_keep_alive(start_gateway):
    gateway = start_gateway(keep_alive_timeout_ms=150)
    with gateway.client() as fresh, gateway.client() as used:
        assert used.get("/f/echo").status == 200
        assert fresh.is_closed() and used.is_closed()


def test_function_timeout(start_gateway, backend):
    gateway = start_gateway(timeout=200)
    backend.handlers["/hang"] = lambda connection, request: not connection.wait_closed()
    with gateway.client() as client:
        response = client.get("/f/hang")
        check_limit(response, 504, "timeout")
        assert re.search(r"run;dur=", response.get("Server-Timing"))
        wait_for(lambda: gateway.counts()["idle"] == 4, "a new instance")
        assert client.get("/f/echo").get("X-Served-By") == "000000000002"
    assert gateway.stats()["timed_out"] == 1


def test_function_timeout_after_the_head_cuts(start_gateway, backend):
    gateway = start_gateway(timeout=200)

    @backend.on("/hang")
    def handler(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\n\r\nbegin")
        connection.wait_closed()
        return False

    with gateway.client() as client:
        client.request(["GET /f/hang HTTP/1.1", "Host: x"])
        with pytest.raises(Truncated):
            client.read_response()
    assert gateway.stats()["timed_out"] == 1


def test_uploading_does_not_use_up_the_functions_time(start_gateway):
    gateway = start_gateway(timeout=250)
    with gateway.client() as client:
        client.request(["POST /f/echo HTTP/1.1", "Host: x", "Content-Length: 6"])
        for letter in b"abcdef":
            time.sleep(0.1)
            client.send(bytes([letter]))
        assert client.read_response().body == b"abcdef"


def test_upload_that_pauses_longer_than_the_functions_time(start_gateway):
    gateway = start_gateway(timeout=300, body_timeout_ms=5000)
    with gateway.client() as client:
        client.request(["POST /f/echo HTTP/1.1", "Host: x", "Content-Length: 10"], b"hello")
        time.sleep(0.8)
        client.send(b"world")
        response = client.read_response()
        assert (response.status, response.body) == (200, b"helloworld")
    assert gateway.stats()["timed_out"] == 0


def test_function_that_hangs_after_its_slow_client(start_gateway, backend):
    """The function has its whole time, which begins when the body is there."""
    gateway = start_gateway(timeout=300, body_timeout_ms=5000)

    @backend.on("/hang")
    def handler(connection, request):
        connection.read_body(request)
        connection.wait_closed()
        return False

    with gateway.client() as client:
        client.request(["POST /f/hang HTTP/1.1", "Host: x", "Content-Length: 10"], b"hello")
        time.sleep(0.8)
        client.send(b"world")
        check_limit(client.read_response(), 504, "timeout")
    assert gateway.stats()["timed_out"] == 1


def test_stalled_upload(start_gateway):
    gateway = start_gateway(body_timeout_ms=150)
    with gateway.client() as client:
        client.request(["POST /f/echo HTTP/1.1", "Host: x", "Content-Length: 6"], b"abc")
        check_limit(client.read_response(), 408, "body_timeout")
    assert gateway.stats()["timed_out"] == 0
    gateway.wait_slots(4)


def test_waiting_for_continue_is_not_a_stall(start_gateway, backend):
    gateway = start_gateway(body_timeout_ms=150, request_buffer_bytes=0)

    @backend.on("/expect")
    def handler(connection, request):
        time.sleep(0.5)
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body, _ = connection.read_body(request)
        connection.answer(body)

    with gateway.client() as client:
        client.request(["POST /f/expect HTTP/1.1", "Host: x", "Content-Length: 4", "Expect: 100-continue"])
        assert client.read_head().status == 100
        client.send(b"body")
        assert client.read_response().body == b"body"


def test_client_that_does_not_read(start_gateway, backend):
    gateway = start_gateway(body_timeout_ms=300)
    gone = threading.Event()

    @backend.on("/flood")
    def handler(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                connection.send(b"x" * 65536)
        except ConnectionError:
            gone.set()
            return False

    with gateway.client() as client:
        client.request(["GET /f/flood HTTP/1.1", "Host: x"])
        assert gone.wait(5)
    gateway.wait_slots(4)


def test_queue_length(start_gateway, backend):
    gateway = start_gateway(slots=1, queue_length=1)
    go_on = threading.Event()

    @backend.on("/wait")
    def handler(connection, _):
        go_on.wait(10)
        connection.answer(b"done")

    with gateway.client() as busy, gateway.client() as waiting, gateway.client() as refused:
        busy.request(["GET /f/wait HTTP/1.1", "Host: x"])
        wait_for(lambda: gateway.counts()["busy"] == 1, "a busy slot")
        waiting.request(["GET /f/echo HTTP/1.1", "Host: x"])
        wait_for(lambda: gateway.counts()["waiting"] == 1, "a waiter")
        response = refused.get("/f/echo")
        check_limit(response, 503, "queue_length")
        assert response.get("Retry-After") == "1"
        go_on.set()
        assert busy.read_response().body == b"done"
        response = waiting.read_response()
        assert response.status == 200
        assert float(re.search(r"queue;dur=([\d.]+)", response.get("Server-Timing"))[1]) > 0


def test_queue_time(start_gateway):
    gateway = start_gateway(slots=0, queue_timeout_ms=150)
    with gateway.client() as client:
        response = client.get("/f/echo")
        check_limit(response, 503, "queue_timeout")
        assert response.get("Retry-After") == "1"
        start = float(re.search(r"start;dur=([\d.]+)", response.get("Server-Timing"))[1])
        assert 140 < start < 2000


def test_connections_above_the_limit_wait(start_gateway):
    gateway = start_gateway(max_connections=2, workers=2)
    first, second = gateway.client(), gateway.client()
    for client in (first, second):
        begin_request(client)
    wait_for(lambda: gateway.stats()["requests_active"] == 2, "both requests being under way")
    third = gateway.client(timeout=0.3)
    third.request(["GET /f/echo HTTP/1.1", "Host: x"])
    with pytest.raises(socket.timeout):
        third.read_response()
    assert gateway.stats()["connections_accepted"] == 2
    first.sock.close()
    third.sock.settimeout(5)
    assert third.read_response().status == 200
    assert end_request(second).status == 200
    second.sock.close()
    third.sock.close()


def begin_request(client):
    """A request whose last byte is still to come."""
    client.request(["POST /f/echo HTTP/1.1", "Host: x", "Content-Length: 3"], b"ab")


def end_request(client):
    client.send(b"c")
    return client.read_response()


def test_a_thousand_connections(start_gateway):
    gateway = start_gateway(slots=8, workers=2)
    before = gateway.descriptors()
    clients = [gateway.client(timeout=30) for _ in range(1000)]
    for client in clients:
        client.request(["GET /f/echo HTTP/1.1", "Host: x"])
    assert all(client.read_response().status == 200 for client in clients)
    for client in clients:
        client.request(["POST /f/echo HTTP/1.1", "Host: x", "Content-Length: 3"], b"abc")
    assert all(client.read_response().body == b"abc" for client in clients)
    for client in clients:
        client.sock.close()
    wait_for(lambda: gateway.stats()["connections_open"] == 0, "no connection left")
    assert gateway.descriptors() == before


GIB = 1 << 30


def send_pattern(client, size):
    while size > 0:
        piece = memoryview(PATTERN)[:min(size, len(PATTERN))]
        client.send(piece)
        size -= len(piece)


def read_pattern(client, size):
    """Reads so many bytes and checks each."""
    begun = len(client.pending)
    assert PATTERN.startswith(client.pending)
    client.pending = b""
    block = memoryview(bytearray(len(PATTERN)))
    while begun < size:
        offset = begun % len(PATTERN)
        count = client.sock.recv_into(block, min(len(PATTERN) - offset, size - begun))
        assert count > 0, "cut short"
        assert PATTERN.startswith(block[:count], offset)
        begun += count


def test_big_upload_with_flat_memory(start_bulk):
    bulk = start_bulk(timeout=600_000)
    with bulk.client(timeout=60) as client:
        assert client.get("/f/hello").status == 200
        before = bulk.memory_kib()
        client.request(["POST /f/upload HTTP/1.1", "Host: x", f"Content-Length: {GIB}"])
        send_pattern(client, GIB)
        assert client.read_response().body == b"%d\n" % GIB
        assert bulk.memory_kib() - before < 1024
    assert bulk.stats()["bytes_in"] > GIB


def test_big_download_with_flat_memory(start_bulk):
    bulk = start_bulk(timeout=600_000)
    with bulk.client(timeout=60) as client:
        assert client.get("/f/hello").status == 200
        before = bulk.memory_kib()
        client.request([f"GET /f/bytes/{GIB} HTTP/1.1", "Host: x"])
        assert client.read_head().get("Content-Length") == str(GIB)
        read_pattern(client, GIB)
        assert client.get("/f/hello").body == b"hello, world\n"
        assert bulk.memory_kib() - before < 1024
    assert bulk.stats()["bytes_out"] > GIB


def test_slow_reader_holds_the_runner_back(start_gateway, backend):
    gateway = start_gateway()
    sent = []

    @backend.on("/flood")
    def handler(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        for _ in range(1000):
            connection.send(b"x" * 100000)
            sent.append(100000)

    before = gateway.memory_kib()
    with gateway.client() as client:
        client.request(["GET /f/flood HTTP/1.1", "Host: x"])
        client.read_head()
        wait_for(lambda: sent, "the first bytes")
        settled = -1
        while settled != len(sent):
            settled = len(sent)
            time.sleep(0.2)
        assert sum(sent) < 20000000
        assert gateway.memory_kib() - before < 4096
        left = 100000000
        while left > 0:
            left -= len(client.read_exactly(min(left, 1000000)))
        assert client.get("/f/echo").status == 200


def test_events_arrive_as_they_are_written(start_gateway, backend):
    gateway = start_gateway()
    more = threading.Semaphore(0)

    @backend.on("/events")
    def handler(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for number in range(5):
            more.acquire(timeout=10)
            connection.send(b"data: %d\n\n" % number)
        return False

    with gateway.client() as client:
        client.request(["GET /f/events HTTP/1.1", "Host: x"])
        assert client.read_head().status == 200
        for number in range(5):
            more.release()
            assert client.read_chunk() == b"data: %d\n\n" % number
        assert client.read_chunk() == b""
