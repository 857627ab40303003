"""Clients that one gateway passes on to the next, with whatever of their requests has come."""

import threading

import pytest

from conftest import Gateway, wait_for

GET = "GET /f/hello HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def pair(start_gateway, backend, tmp_path):
    """A function that starts two gateways, the second to take the clients of the first, with so many slots each."""
    started = []
    backend.on("/hello")(lambda connection, _: connection.answer(b"hello"))

    def start(slots=2, next_slots=2, **settings):
        folder = tmp_path / "next"
        folder.mkdir()
        path = str(folder / "take.sock")
        arguments = ["--route", f"f={backend.path}:{next_slots}", "--take", path, "--records", "keep"]
        for name, value in settings.items():
            arguments += ["--set", f"{name}={value}"]
        follower = Gateway(folder, arguments)
        started.append(follower)
        follower.wait_slots(next_slots)
        first = start_gateway(slots=slots, workers=2, options=["--records", "keep"])
        first.hand_over = lambda: (first.command("hold"), first.command(f"pass {path}"))
        first.next_path = path
        return first, follower

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture
def held(backend):
    """A request to /f/held is answered once this is set."""
    event = threading.Event()

    @backend.on("/held")
    def handler(connection, _):
        event.wait(60)
        connection.answer(b"held")

    yield event
    event.set()


def wait_end(gateway):
    wait_for(lambda: gateway.process.poll() is not None, "the first gateway's end")


def test_idle_clients_go_on_with_the_next(pair):
    first, follower = pair()
    clients = [first.client() for _ in range(300)]
    for client in clients[::2]:
        assert client.get("/f/hello").body == b"hello"
    first.wait_open(300)
    first.hand_over()
    wait_end(first)
    follower.wait_open(300)
    for client in clients:
        assert client.get("/f/hello").body == b"hello"
        client.sock.close()
    follower.wait_open(0)
    assert len(follower.wait_records(300)) == 300


def test_client_keeps_its_address(pair):
    first, follower = pair()
    with first.client(source="127.0.0.9") as client:
        assert b"X-Forwarded-For: 127.0.0.9" in client.get("/f/dump").body
        first.hand_over()
        wait_end(first)
        assert b"X-Forwarded-For: 127.0.0.9" in client.get("/f/dump").body


@pytest.mark.parametrize("at", [1, 4, 20, len(GET) - 1])
def test_part_of_a_head(pair, at):
    first, follower = pair()
    with first.client() as client:
        client.send(GET[:at].encode())
        wait_for(lambda: first.stats()["bytes_in"] == at, "the part having come")
        first.hand_over()
        wait_end(first)
        client.send(GET[at:].encode())
        assert client.read_response().body == b"hello"
    assert follower.wait_records(1)[0]["end"] == "answered"


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
def test_part_of_a_body(pair, chunked):
    first, follower = pair()
    body = b"5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n" if chunked else b"hello, world"
    framing = "Transfer-Encoding: chunked" if chunked else "Content-Length: 12"
    with first.client() as client:
        client.request(["POST /f/echo HTTP/1.1", "Host: x", framing], body[:7])
        wait_for(lambda: first.stats()["requests_active"] == 1, "the request having come")
        first.hand_over()
        wait_end(first)
        client.send(body[7:])
        assert client.read_response().body == b"hello, world"
    assert first_of(follower)["bytes_in"] >= len(body)


def first_of(gateway):
    return gateway.wait_records(1)[0]


def test_client_that_was_told_to_continue(pair):
    first, follower = pair()
    with first.client() as client:
        client.request(["POST /f/echo HTTP/1.1", "Host: x", "Content-Length: 5", "Expect: 100-continue"])
        wait_for(lambda: first.stats()["requests_active"] == 1, "the request having come")
        first.hand_over()
        wait_end(first)
        client.send(b"hello")
        assert client.read_response().body == b"hello"


def test_request_that_waits_for_a_slot(pair, held):
    """One that has a slot is finished where it is, and its connection goes then."""
    first, follower = pair(slots=1)
    with first.client() as busy, first.client() as waiting:
        busy.request(["GET /f/held HTTP/1.1", "Host: x"])
        wait_for(lambda: first.counts()["busy"] == 1, "the slot being taken")
        waiting.send(GET.encode())
        wait_for(lambda: first.counts()["waiting"] == 1, "the other waiting")
        first.hand_over()
        assert waiting.read_response().body == b"hello"
        assert first.process.poll() is None
        held.set()
        assert busy.read_response().body == b"held"
        wait_end(first)
        assert busy.get("/f/hello").body == b"hello"


def test_pipelined_requests(pair, held):
    first, follower = pair()
    with first.client() as client:
        client.send(b"GET /f/held HTTP/1.1\r\nHost: x\r\n\r\n" + GET.encode() * 3)
        wait_for(lambda: first.counts()["busy"] == 1, "the slot being taken")
        first.hand_over()
        held.set()
        assert client.read_response().body == b"held"
        assert [client.read_response().body for _ in range(3)] == [b"hello"] * 3
        wait_end(first)
    assert len(follower.wait_records(3)) == 3


def test_no_request_begins_while_it_holds(pair, backend):
    first, follower = pair()
    with first.client() as client, first.client() as half:
        assert client.get("/f/hello").body == b"hello"
        half.send(GET[:10].encode())
        first.wait_open(2)
        first.command("hold")
        seen = len(backend.requests)
        client.send(GET.encode())
        half.send(GET[10:].encode())
        for _ in range(20):
            assert first.stats()["requests_active"] == 0
        assert len(backend.requests) == seen
        first.command(f"pass {first.next_path}")
        assert client.read_response().body == b"hello"
        assert half.read_response().body == b"hello"
        wait_end(first)


def test_stream_stays_to_its_end(pair, backend):
    first, follower = pair()
    go_on = threading.Semaphore(0)

    @backend.on("/stream")
    def handler(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            go_on.acquire(timeout=60)
            connection.send(b"1\r\nx\r\n")
        connection.send(b"0\r\n\r\n")

    with first.client() as client:
        client.request(["GET /f/stream HTTP/1.1", "Host: x"])
        assert client.read_head().status == 200
        first.hand_over()
        for _ in range(3):
            assert first.process.poll() is None
            go_on.release()
            assert client.read_exactly(6) == b"1\r\nx\r\n"
        assert client.read_exactly(5) == b"0\r\n\r\n"
        wait_end(first)
        assert client.get("/f/hello").body == b"hello"


def test_limits_do_not_hold_for_who_has_been_let_in(pair):
    first, follower = pair(max_connections=4, max_connections_per_address=2)
    clients = [first.client() for _ in range(10)]
    first.wait_open(10)
    first.hand_over()
    wait_end(first)
    for client in clients:
        assert client.get("/f/hello").body == b"hello"
    for client in clients:
        client.sock.close()
    follower.wait_open(0)
    with follower.client() as client:
        assert client.get("/f/hello").body == b"hello"


def test_end_while_it_holds_answers_what_has_come(pair):
    first, _ = pair()
    with first.client() as client:
        client.send(GET[:10].encode())
        wait_for(lambda: first.stats()["bytes_in"] == 10, "the part having come")
        first.command("hold")
        first.process.terminate()
        client.send(GET[10:].encode())
        answer = client.read_response()
        assert (answer.status, answer.get("Connection")) == (200, "close")
