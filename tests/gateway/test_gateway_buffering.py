"""Slow clients cost memory and not slots: small bodies are received before a slot is taken, and answers of a moderate
size are taken from the runner at once."""
import contextlib
import json
import socket
import threading
import time

import pytest

from conftest import wait_for
from wire import Truncated

CROWD = 8
ANSWER = bytes(range(256)) * 2400  # more than the sockets of a slow reader hold, less than the gateway keeps
SMALL = 2048  # bytes of a slow reader's receive buffer
KIB = 1024
POOLS_KIB = 8 * 1024  # at most, of the worker's own buffers


def hint_of(response):
    return json.loads(response.body)["error"]["hint"]


def check_told(response, status, setting):
    assert (response.status, response.get("Connection")) == (status, "close")
    assert setting in hint_of(response)


def length_head(size, target="/f/echo"):
    return [f"POST {target} HTTP/1.1", "Host: x", f"Content-Length: {size}"]


CHUNKED = ["POST /f/echo HTTP/1.1", "Host: x", "Transfer-Encoding: chunked"]


@pytest.fixture
def answering(backend):
    """The backend answers /answer with ANSWER."""
    backend.handlers["/answer"] = lambda connection, _: connection.answer(ANSWER)
    return backend


def answer_readers(gateway, stack, count=CROWD, version="HTTP/1.1", method="GET"):
    """Clients that have asked for ANSWER and do not read it."""
    readers = [stack.enter_context(gateway.client(receive_buffer=SMALL)) for _ in range(count)]
    for reader in readers:
        reader.request([f"{method} /f/answer {version}", "Host: x"])
    return readers


def wait_released(gateway, completed):
    """Until so many requests have given their slots back."""
    wait_for(lambda: gateway.counts()["completed"] >= completed and gateway.counts()["busy"] == 0, "free slots")


def check_for(seconds, check):
    """It holds all the time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert check()
        time.sleep(0.01)


def settle(gateway):
    """Nothing is under way and nothing is kept."""
    wait_for(lambda: gateway.stats()["requests_active"] == 0, "the end of every exchange")
    assert gateway.stats()["buffered_bytes"] == 0


# --- requests ---


@pytest.mark.parametrize("head, body, expected", [
    (length_head(6), b"abcdef", b"abcdef"),
    (CHUNKED, b"3\r\nabc\r\n3;x=y\r\ndef\r\n0\r\nX: y\r\n\r\n", b"abcdef"),
], ids=["length", "chunked"])
def test_slow_senders_hold_no_slot(start_gateway, head, body, expected):
    """The function's time is far shorter than what they need."""
    gateway = start_gateway(slots=1, timeout=250)
    with contextlib.ExitStack() as stack:
        fast, *slow = [stack.enter_context(gateway.client()) for _ in range(CROWD + 1)]
        for client in slow:
            client.request(head)
        for at in range(len(body)):
            for client in slow:
                client.send(body[at:at + 1])
            assert fast.get("/f/dump").status == 200
            assert at + 1 == len(body) or gateway.counts()["busy"] == 0
            time.sleep(0.05)
        for client in slow:
            response = client.read_response()
            assert (response.status, response.body) == (200, expected)
    settle(gateway)


@pytest.mark.parametrize("size", [1, 900, 1100, 5000, 20000, 65535, 65536, 65537, 300000])
@pytest.mark.parametrize("pieces", [2, 9])
def test_bodies_in_pieces(gateway, size, pieces):
    """Of every size, around those of the buffers, and with the next request right behind."""
    body = bytes(range(256)) * (size // 256 + 1)
    body = body[:size]
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in
                       (body[at:at + 7000] for at in range(0, size, 7000))) + b"0\r\n\r\n"
    following = b"GET /f/dump HTTP/1.1\r\nHost: x\r\n\r\n"
    for head, sent in ((length_head(size), body), (CHUNKED, chunked)):
        with gateway.client() as client:
            client.request(head)
            sent += following
            step = len(sent) // pieces + 1
            for at in range(0, len(sent), step):
                time.sleep(0.01)
                client.send(sent[at:at + step])
            response = client.read_response()
            assert (response.status, response.body) == (200, body)
            assert client.read_response().status == 200
    settle(gateway)


def test_pipelined_bodies(gateway):
    """Many requests in one piece, cut anywhere."""
    sizes = [0, 10, 3000, 30000, 70000, 1]
    data = b"".join("".join(line + "\r\n" for line in [*length_head(size), ""]).encode() + b"p" * size for size in sizes)
    for step in (1777, 20480, 50000):
        with gateway.client() as client:
            for at in range(0, len(data), step):
                client.send(data[at:at + step])
                time.sleep(0.003)
            for size in sizes:
                assert client.read_response().body == b"p" * size
    settle(gateway)


def test_gateway_says_continue_for_what_it_receives(gateway, backend):
    with gateway.client() as client:
        for _ in range(2):
            client.request([*length_head(4, "/f/dump"), "Expect: 100-continue"])
            assert client.read_head().status == 100
            assert gateway.counts()["busy"] == 0
            client.send(b"body")
            response = client.read_response()
            assert response.status == 200 and b"Expect" not in response.body
        client.request([*length_head(4, "/f/dump"), "Expect: 100-continue"], b"bo")
        client.send(b"dy")
        assert client.read_response().interim == []
    assert len(backend.requests) == 3


def test_no_continue_for_what_is_refused(start_gateway):
    gateway = start_gateway(max_body_bytes=10, options=["--broken", "b=it does not load"])
    for head, status in ((length_head(11), 413), (length_head(5, "/b"), 503), (length_head(5, "/none"), 404)):
        with gateway.client() as client:
            client.request([*head, "Expect: 100-continue"])
            response = client.read_response()
            assert (response.status, response.interim) == (status, [])


def test_clients_that_wait_for_a_continue_hold_no_slot(start_gateway):
    """However large a body they announce: the gateway says 100, and the slot is for who has sent something."""
    gateway = start_gateway(slots=1)
    with contextlib.ExitStack() as stack:
        fast, *slow = [stack.enter_context(gateway.client()) for _ in range(CROWD + 1)]
        for client in slow:
            client.request([*length_head(100_000), "Expect: 100-continue"])
            assert client.read_head().status == 100
        assert gateway.counts()["busy"] == 0
        assert fast.get("/f/dump").status == 200
        for client in slow:
            client.send(b"x" * 100_000)
            assert client.read_response().body == b"x" * 100_000


def test_function_that_takes_bodies_as_they_come_says_continue(start_gateway, backend):
    gateway = start_gateway(options=["--request-buffering", "off"])

    @backend.on("/expect")
    def handler(connection, request):
        assert request.get("Expect") == "100-continue" and not connection.pending
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.answer(connection.read_body(request)[0][:5])

    with gateway.client() as client:
        client.request([*length_head(100000, "/f/expect"), "Expect: 100-continue"])
        assert client.read_head().status == 100
        client.send(b"x" * 100000)
        assert client.read_response().body == b"xxxxx"


def test_body_too_large_is_told_before_a_slot_is_taken(start_gateway):
    gateway = start_gateway(slots=0, max_body_bytes=10)
    with gateway.client() as client:
        client.request(CHUNKED, b"6\r\nabcdef\r\n")
        client.send(b"5\r\n")
        check_told(client.read_response(), 413, "max_body")
    settle(gateway)


def test_buffered_request_is_sent_again_whole(start_gateway, backend):
    gateway = start_gateway(slots=2)
    bodies = []

    @backend.on("/put")
    def handler(connection, request):
        bodies.append(connection.read_body(request)[0])
        if len(bodies) == 1:
            return False
        return connection.answer(b"done")

    with gateway.client() as client:
        client.request(["PUT /f/put HTTP/1.1", "Host: x", "Content-Length: 60000"], b"y" * 100)
        wait_for(lambda: gateway.stats()["buffered_bytes"] > 0, "the body's beginning")
        client.send(b"y" * 59900)
        assert client.read_response().body == b"done"
    assert bodies == [b"y" * 60000] * 2


def test_function_that_wants_its_body_as_it_comes(start_gateway, backend):
    gateway = start_gateway(options=["--request-buffering", "off"])
    with gateway.client() as client:
        client.request(length_head(4), b"ab")
        wait_for(lambda: backend.requests, "the request at its runner")
        client.send(b"cd")
        assert client.read_response().body == b"abcd"


def test_client_that_leaves_while_its_body_is_received(gateway, backend):
    for reset in (False, True):
        with gateway.client() as client:
            client.request(length_head(50000), b"x" * 3000)
            wait_for(lambda: gateway.stats()["buffered_bytes"] > 0, "the body's beginning")
            if reset:
                client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        settle(gateway)
    assert not backend.requests


def test_half_closed_client_behind_its_whole_body(gateway):
    with gateway.client() as client:
        client.request(length_head(4), b"bo")
        wait_for(lambda: gateway.stats()["buffered_bytes"] > 0, "the body's beginning")
        client.send(b"dy")
        client.sock.shutdown(socket.SHUT_WR)
        assert client.read_response().body == b"body"
        assert client.is_closed()


def test_drain_waits_for_a_body(start_gateway):
    gateway = start_gateway()
    with gateway.client() as client:
        client.request(length_head(4), b"bo")
        wait_for(lambda: gateway.stats()["buffered_bytes"] > 0, "the body's beginning")
        gateway.command("drain")
        client.send(b"dy")
        response = client.read_response()
        assert (response.body, response.get("Connection")) == (b"body", "close")


# --- a slot held for a client ---


def test_sender_beyond_the_buffer_is_told_when_the_time_is_over(start_gateway, backend):
    """The slot is closed, which cancels the request, and the instance stays."""
    gateway = start_gateway(slots=1, timeout=400, request_buffer_bytes=1000)
    cancelled = threading.Event()

    @backend.on("/upload")
    def handler(connection, _):
        if connection.wait_closed():
            cancelled.set()
        return False

    with gateway.client() as client:
        client.request(length_head(3000, "/f/upload"), b"x" * 1500)
        check_told(client.read_response(), 408, "timeout")
    assert cancelled.wait(5)
    gateway.wait_slots(1)
    assert gateway.stats()["timed_out"] == 0


def test_time_that_the_client_used_is_not_the_functions_fault(start_gateway, backend):
    """Most of the time went by while the client was waited for: that the function still works is no reason to end it."""
    gateway = start_gateway(slots=1, timeout=1000, request_buffer_bytes=0)

    @backend.on("/hang")
    def handler(connection, request):
        connection.read_body(request)
        connection.wait_closed()
        return False

    with gateway.client() as client:
        client.request(length_head(4, "/f/hang"))
        for letter in (b"a", b"b", b"c", b"d"):
            time.sleep(0.2)
            client.send(letter)
        response = client.read_response()
        assert response.status == 408 and "timeout" in hint_of(response)
    assert gateway.stats()["timed_out"] == 0


def test_sender_below_the_least_rate(start_gateway, backend):
    gateway = start_gateway(slots=1, request_buffer_bytes=0)
    backend.handlers["/upload"] = lambda connection, request: connection.read_body(request) and False
    with gateway.client(timeout=0.1) as client, gateway.client() as fast:
        client.request(length_head(100000, "/f/upload"), b"x" * 5000)
        wait_for(lambda: gateway.counts()["busy"] == 1, "the slow client's slot")
        fast.request(["GET /f/dump HTTP/1.1", "Host: x"])
        while not client.is_readable():
            client.send(b"y")
            time.sleep(0.05)
        check_told(client.read_response(), 408, "min_rate")
        assert fast.read_response().status == 200
    assert gateway.stats()["slow_clients_cut"] == 1 and gateway.stats()["timed_out"] == 0


def test_nobody_is_cut_for_whose_slot_nobody_waits(start_gateway, backend):
    """Slots are left: who sends nothing and who reads nothing for longer than the rate is judged goes on afterwards."""
    gateway = start_gateway(slots=3, request_buffer_bytes=0)
    backend.handlers["/large"] = lambda connection, _: connection.answer(bytes(20_000_000))
    with gateway.client() as sender, gateway.client(receive_buffer=SMALL) as reader, gateway.client() as fast:
        sender.request(length_head(10), b"01234")
        reader.request(["GET /f/large HTTP/1.1", "Host: x"])
        check_for(4, lambda: fast.get("/f/dump").status == 200)
        sender.send(b"56789")
        assert sender.read_response().body == b"0123456789"
        reader.read_exactly(500_000)
    assert gateway.stats()["slow_clients_cut"] == 0


def test_sender_above_the_least_rate(start_gateway):
    gateway = start_gateway(request_buffer_bytes=0, min_rate_bytes=100)
    with gateway.client() as client:
        client.request(length_head(1000))
        for _ in range(20):
            client.send(b"z" * 50)
            time.sleep(0.15)
        assert client.read_response().body == b"z" * 1000


def test_reader_of_a_large_answer(start_gateway, backend):
    """What the gateway does not keep holds a slot, and whoever does not take it is cut."""
    gateway = start_gateway(slots=1)
    backend.handlers["/large"] = lambda connection, _: connection.answer(bytes(20_000_000))
    with gateway.client(receive_buffer=SMALL) as client, gateway.client() as fast:
        client.request(["GET /f/large HTTP/1.1", "Host: x"])
        assert client.read_head().status == 200
        assert fast.get("/f/dump").status == 200
        with pytest.raises(Truncated):
            client.read_exactly(20_000_000)
    assert gateway.stats()["slow_clients_cut"] == 1 and gateway.stats()["timed_out"] == 0
    settle(gateway)


def test_reader_of_a_large_answer_that_keeps_up(start_bulk):
    """Its own socket has taken much, and takes no more until a good part of that has been read."""
    gateway = start_bulk()
    with gateway.client() as client:
        client.request(["GET /f/bytes/50000000 HTTP/1.1", "Host: x"])
        client.read_head()
        end = time.monotonic() + 10
        while time.monotonic() < end:
            client.read_exactly(2 * KIB)
            time.sleep(0.02)
        assert gateway.stats()["slow_clients_cut"] == 0


def test_time_ends_for_a_reader_of_a_large_answer(start_gateway, backend):
    """It reads much more slowly than the time allows; the answer itself begins well within."""
    gateway = start_gateway(slots=1, timeout=3000)
    backend.handlers["/large"] = lambda connection, _: connection.answer(bytes(20_000_000))
    with gateway.client(receive_buffer=SMALL) as client:
        client.request(["GET /f/large HTTP/1.1", "Host: x"])
        with pytest.raises(Truncated):
            while True:
                client.read_exactly(1000)
                time.sleep(0.01)
    gateway.wait_slots(1)
    assert gateway.stats()["timed_out"] == 0


# --- answers ---


def test_slow_readers_hold_no_slot(start_gateway, answering):
    """The function's time is long over when they read on."""
    gateway = start_gateway(slots=1, timeout=1000)
    with contextlib.ExitStack() as stack:
        readers = answer_readers(gateway, stack)
        fast = stack.enter_context(gateway.client())
        wait_released(gateway, CROWD)
        assert gateway.stats()["buffered_bytes"] > CROWD * len(ANSWER) // 2
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            assert fast.get("/f/dump").status == 200
        for reader in readers:
            assert reader.read_response().body == ANSWER
            assert reader.get("/f/dump").status == 200
    settle(gateway)
    assert len(answering.requests) > 2 * CROWD


@pytest.mark.parametrize("head", [
    b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ANSWER),
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
], ids=["length", "until close", "chunked"])
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_answers_of_every_framing(start_gateway, backend, head, version):
    gateway = start_gateway(slots=1)
    chunked = b"chunked" in head

    @backend.on("/answer")
    def handler(connection, _):
        connection.send(head)
        for at in range(0, len(ANSWER), 5000):
            part = ANSWER[at:at + 5000]
            connection.send(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
        if chunked:
            connection.send(b"0\r\nX-Sum: 1\r\n\r\n")
        return None if b"Length" in head or chunked else False

    with contextlib.ExitStack() as stack:
        reader, = answer_readers(gateway, stack, 1, version)
        fast = stack.enter_context(gateway.client())
        wait_released(gateway, 1)
        assert fast.get("/f/dump").status == 200
        response = reader.read_response()
        assert response.body == ANSWER
        if chunked and version == "HTTP/1.1":
            assert response.trailers == b"X-Sum: 1\r\n"
    settle(gateway)


def test_half_closed_reader_of_a_kept_answer(start_gateway, answering):
    gateway = start_gateway(slots=1)
    with contextlib.ExitStack() as stack:
        reader, = answer_readers(gateway, stack, 1)
        reader.sock.shutdown(socket.SHUT_WR)
        wait_released(gateway, 1)
        check_for(1.5, lambda: gateway.stats()["requests_active"] == 1)
        assert reader.read_response().body == ANSWER
        assert reader.is_closed()
    settle(gateway)


def test_reader_that_leaves_its_kept_answer(start_gateway, answering):
    gateway = start_gateway(slots=1)
    with contextlib.ExitStack() as stack:
        answer_readers(gateway, stack)
        wait_released(gateway, CROWD)
    settle(gateway)


def test_reader_that_stands_still_at_its_kept_answer(start_gateway, answering):
    gateway = start_gateway(slots=1, body_timeout_ms=300)
    with contextlib.ExitStack() as stack:
        answer_readers(gateway, stack)
        wait_for(lambda: gateway.stats()["requests_active"] == 0, "the end of those that stand still")
    settle(gateway)


def test_drain_with_a_kept_answer(start_gateway, answering):
    gateway = start_gateway(slots=1)
    with contextlib.ExitStack() as stack:
        reader, = answer_readers(gateway, stack, 1)
        wait_released(gateway, 1)
        gateway.command("drain")
        assert reader.read_response().body == ANSWER


def test_answers_are_not_kept_beyond_their_size(start_gateway, answering):
    """Neither where it is announced nor where it turns out."""
    gateway = start_gateway(slots=2, answer_buffer_bytes=300 * KIB, min_rate_bytes=0)

    @answering.on("/endless")
    def handler(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.send(bytes(10000))

    with contextlib.ExitStack() as stack:
        reader, = answer_readers(gateway, stack, 1)
        endless = stack.enter_context(gateway.client(receive_buffer=SMALL))
        endless.request(["GET /f/endless HTTP/1.1", "Host: x"])
        wait_for(lambda: gateway.stats()["buffered_bytes"] > 0, "the endless answer's beginning")
        time.sleep(0.5)
        assert gateway.counts()["busy"] == 2
        assert gateway.stats()["buffered_bytes"] < 400 * KIB
        assert reader.read_response().body == ANSWER


# --- memory ---


def test_slow_readers_give_way_when_memory_is_short(start_gateway, answering):
    gateway = start_gateway(slots=2, buffer_memory_bytes=2 * len(ANSWER))
    with contextlib.ExitStack() as stack:
        answer_readers(gateway, stack)
        fast = stack.enter_context(gateway.client())
        wait_for(lambda: gateway.stats()["slow_clients_cut"] >= CROWD - 4, "slow readers to be cut")
        assert fast.get("/f/dump").status == 200
        assert gateway.stats()["buffered_bytes"] <= 2 * len(ANSWER)
        assert "gateway.slow-clients-cut" in gateway.log_path.read_text()
    settle(gateway)


@pytest.mark.parametrize("size", [60_000, 600_000])
def test_bodies_are_not_kept_behind_their_requests(start_gateway, backend, size):
    """Who does not read its answer costs what is counted for it, whatever it has sent. The next request is still there."""
    gateway = start_gateway(request_buffer_bytes=100_000, buffer_memory_bytes=1 << 30)
    answer, crowd = ANSWER[:300_000], 200

    @backend.on("/big")
    def handler(connection, request):
        connection.read_body(request)
        connection.answer(answer)

    with contextlib.ExitStack() as stack:
        stack.enter_context(gateway.client()).get("/f/dump")
        empty_kib = gateway.memory_kib()
        readers = [stack.enter_context(gateway.client(receive_buffer=SMALL)) for _ in range(crowd)]
        for reader in readers:
            reader.request(length_head(size, "/f/big"), bytes(size) + b"GET /f/dump HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_released(gateway, crowd + 1)
        uncounted_kib = gateway.memory_kib() - empty_kib - gateway.stats()["buffered_bytes"] // KIB
        assert uncounted_kib < POOLS_KIB + crowd * 8
        for reader in readers:
            assert reader.read_response().body == answer
            assert reader.read_response().status == 200
    settle(gateway)


def test_slow_senders_give_way_when_memory_is_short(start_gateway):
    """Those who have kept memory longest are told 408; who comes now is served."""
    gateway = start_gateway(slots=1, buffer_memory_bytes=100 * KIB)
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(gateway.client()) for _ in range(3)]
        for client in slow:
            client.request(length_head(60000), b"x" * 20000)
        wait_for(lambda: gateway.stats()["buffered_bytes"] > 50 * KIB, "three bodies' beginnings")
        check_for(1.2, lambda: gateway.stats()["requests_active"] == len(slow))
        for _ in range(4):
            with gateway.client() as client:
                received = gateway.stats()["bytes_in"]
                client.request(length_head(60000), b"x" * 40000)
                wait_for(lambda before=received: gateway.stats()["bytes_in"] > before + 40000, "most of the body")
                client.send(b"x" * 20000)
                assert client.read_response().status == 200
        check_told(slow[0].read_response(), 408, "min_rate")


def test_body_without_memory_is_refused(start_gateway):
    gateway = start_gateway(slots=1, buffer_memory_bytes=40 * KIB, min_rate_bytes=0)
    with contextlib.ExitStack() as stack:
        holder, refused, small = [stack.enter_context(gateway.client()) for _ in range(3)]
        holder.request(length_head(60000), b"x" * 30000)
        wait_for(lambda: gateway.stats()["buffered_bytes"] > 20 * KIB, "a body's beginning")
        refused.request(length_head(60000), b"x" * 15000)
        response = refused.read_response()
        check_told(response, 503, "buffer_memory")
        assert response.get("Retry-After") == "1"
        small.request(length_head(10), b"0123456789")
        assert small.read_response().status == 200
        holder.send(b"x" * 30000)
        assert holder.read_response().status in (200, 503)


# --- streams ---


def test_event_stream_that_says_something_is_alive(start_gateway, backend):
    gateway = start_gateway(slots=1, timeout=200, options=["--stream-idle", "2000"])

    @backend.on("/events")
    def handler(connection, request):
        kind = request.target.split("?")[1]
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n\r\ndata: 0\n\n" % kind.encode())
        for number in range(1, 5):
            time.sleep(0.15)
            connection.send(b"data: %d\n\n" % number)
        connection.wait_closed()
        return False

    for kind in ("text/event-stream", "Application/X-NDJSON", "multipart/x-mixed-replace;boundary=b"):
        with gateway.client() as client:
            client.request([f"GET /f/events?{kind} HTTP/1.1", "Host: x"])
            assert client.read_head().status == 200
            for number in range(5):
                assert client.read_chunk() == b"data: %d\n\n" % number
            with pytest.raises(Truncated):
                client.read_chunk()
    assert gateway.stats()["timed_out"] == 0


def test_tunnel_that_says_something_is_alive(start_gateway, backend):
    """In either direction; the silence ends both sides."""
    gateway = start_gateway(slots=1, timeout=200, options=["--stream-idle", "2000"])
    ended = threading.Event()

    @backend.on("/ws")
    def handler(connection, _):
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
        connection.read_exactly(5)
        for _ in range(5):
            time.sleep(0.15)
            connection.send(b"y")
        if connection.wait_closed():
            ended.set()
        return False

    with gateway.client() as client:
        client.request(["GET /f/ws HTTP/1.1", "Host: x", "Upgrade: x", "Connection: Upgrade"])
        assert client.read_head().status == 101
        for _ in range(5):
            time.sleep(0.15)
            client.send(b"x")
        assert client.read_exactly(5) == b"yyyyy"
        with pytest.raises(Truncated):
            client.read_exactly(1)
    assert ended.wait(5)
    assert gateway.stats()["timed_out"] == 0


def test_reader_of_an_event_stream_that_does_not_read(start_gateway, backend):
    gateway = start_gateway(slots=1)
    ended = threading.Event()

    @backend.on("/events")
    def handler(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + b"data: %s\n\n" % bytes(5000))
        with contextlib.suppress(ConnectionError):
            while True:
                connection.send(b"data: %s\n\n" % bytes(5000))
        ended.set()
        return False

    with gateway.client(receive_buffer=SMALL) as client, gateway.client() as waiting:
        client.request(["GET /f/events HTTP/1.1", "Host: x"])
        wait_for(lambda: gateway.counts()["busy"] == 1, "the stream")
        waiting.request(["GET /f/dump HTTP/1.1", "Host: x"])
        while not ended.wait(0.1):
            assert gateway.stats()["buffered_bytes"] == 0
        assert waiting.read_response().status == 200
    assert gateway.stats()["slow_clients_cut"] == 1
    settle(gateway)
