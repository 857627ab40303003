"""What is known of a request after its end, however that came."""
import contextlib
import socket
import threading

import pytest

from conftest import wait_for
from held_log import HeldLog

RESET = b"\1\0\0\0\0\0\0\0"  # struct linger: close sends a reset
UPGRADE = ["GET /f/ws HTTP/1.1", "Host: x", "Upgrade: x", "Connection: Upgrade"]
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"

PHASES = ("head", "body", "slot", "reply", "over")


class Held:
    """A path whose answer waits until the test is over: the runner has the request, and `sent` of the answer has gone."""

    def __init__(self, backend, path, sent=b""):
        self.asked, self.go_on = threading.Semaphore(0), threading.Event()

        @backend.on(path)
        def handler(connection, _):
            connection.send(sent)
            self.asked.release()
            self.go_on.wait(60)
            return False

    def wait(self):
        assert self.asked.acquire(timeout=60)


@pytest.fixture
def held(backend):
    """A function that makes a held path."""
    with contextlib.ExitStack() as stack:
        def hold(path, sent=b""):
            path = Held(backend, path, sent)
            stack.callback(path.go_on.set)
            return path

        yield hold


@pytest.fixture
def driver_options():
    return ["--records", "keep"]


def reached(record):
    """The phases that came, of which none comes before another."""
    found = [name for name in PHASES if record[name] is not None]
    assert [record[name] for name in found] == sorted(record[name] for name in found)
    return found


def leave(client):
    """Goes without a word."""
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.sock.close()


def test_answered_request(gateway):
    head = ["POST /f/echo?a=1 HTTP/1.1", "Host: x", "X-Request-Id: mine", "Content-Length: 5"]
    with gateway.client() as client:
        client.request(head, b"hello")
        response = client.read_response()
    [record] = gateway.wait_records(1)
    assert reached(record) == list(PHASES)
    assert {name: record[name] for name in ("end", "status", "reason", "own", "routed", "cold", "stream")} == {
        "end": "answered", "status": 200, "reason": "", "own": False, "routed": True, "cold": False, "stream": False}
    assert (record["id"], record["method"], record["target"]) == ("mine", "POST", "/f/echo?a=1")
    assert (record["function"], record["client"]) == ("f", "127.0.0.1")
    assert f"{record['instance']:012x}" == response.get("X-Served-By")
    assert record["revision"] == 1
    assert record["bytes_in"] == sum(len(line) + 2 for line in [*head, ""]) + 5
    assert record["bytes_out"] == len(response.raw) + 5


# --- one request that ends by itself: what is sent, the settings, and what the record says ---

def answer_with(text):
    def script(backend):
        @backend.on("/scripted")
        def handler(connection, _):
            connection.send(text)
            return False
    return script


GET = b"GET /f/scripted HTTP/1.1\r\nHost: x\r\n\r\n"
BIG = b"POST /f/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
CHUNKED = b"POST /f/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

ENDS = {
    "an answer": (GET, answer_with(b"HTTP/1.1 204 No Content\r\n\r\n"), {},
                  ("answered", 204, "", False, ["head", "body", "slot", "reply", "over"])),
    "the function's own error": (GET, answer_with(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), {},
                                 ("answered", 503, "", False, ["head", "body", "slot", "reply", "over"])),
    "OPTIONS of the gateway": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", None, {},
                               ("answered", 204, "", True, ["head", "body", "over"])),
    "an unknown function": (b"GET /unknown HTTP/1.1\r\nHost: x\r\n\r\n", None, {},
                            ("answered", 404, "function-unknown", True, ["head", "body", "over"])),
    "no function": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", None, {},
                    ("answered", 404, "no-function-named", True, ["head", "body", "over"])),
    "a broken function": (b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n", None, {},
                          ("answered", 503, "invalid-function", True, ["head", "body", "over"])),
    "a bad head": (b"GET /f HTTP/1.1\r\nHost: x\r\nBad header: 1\r\n\r\n", None, {},
                   ("answered", 400, "header-name", True, ["over"])),
    "a head that does not come": (b"GET /f HTTP/1.1\r\n", None, {"head_timeout_ms": 50},
                                  ("answered", 408, "head-timeout", True, ["over"])),
    "a body that is too large": (BIG, None, {"max_body_bytes": 10},
                                 ("answered", 413, "body-too-large", True, ["head", "over"])),
    "a bad body": (CHUNKED, None, {}, ("answered", 400, "chunk-size", True, ["head", "over"])),
    "a body that does not come": (BIG, None, {"body_timeout_ms": 50},
                                  ("answered", 408, "body-timeout", True, ["head", "over"])),
    "a runner that hangs up": (GET, answer_with(b""), {},
                               ("answered", 502, "runner-lost", True, ["head", "body", "slot", "over"])),
    "a bad answer": (GET, answer_with(b"HTTP/1.1 999\r\n\r\n"), {},
                     ("answered", 502, "status-line-malformed", True, ["head", "body", "slot", "reply", "over"])),
    "half an answer": (GET, answer_with(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), {},
                       ("cut", 200, "runner-lost", False, ["head", "body", "slot", "reply", "over"])),
    "an answer with a bad body": (GET, answer_with(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), {},
                                  ("cut", 200, "runner-protocol", False, ["head", "body", "slot", "reply", "over"])),
}


@pytest.mark.parametrize("sent, script, settings, expected", ENDS.values(), ids=ENDS)
def test_ends(start_gateway, backend, sent, script, settings, expected):
    gateway = start_gateway(options=["--broken", "b=it does not load"], **settings)
    if script:
        script(backend)
    with gateway.client() as client:
        client.send(sent)
        [record] = gateway.wait_records(1)
    assert (record["end"], record["status"], record["reason"], record["own"], reached(record)) == expected
    assert bool(record["message"]) == (record["own"] and bool(record["reason"]))
    assert bool(record["instance"]) == ("slot" in reached(record))


# --- clients that leave ---

def test_client_that_leaves_within_the_head(gateway):
    with gateway.client() as client:
        client.send(b"GET /f/echo HTTP/1.1\r\nHo")
        client.sock.shutdown(socket.SHUT_WR)
        [record] = gateway.wait_records(1)
    assert (record["end"], record["status"], reached(record)) == ("client-gone", 0, ["over"])


def test_client_that_leaves_within_the_body(gateway):
    with gateway.client() as client:
        client.send(BIG + b"x" * 10)
        client.sock.shutdown(socket.SHUT_WR)
        [record] = gateway.wait_records(1)
    assert (record["end"], record["status"], reached(record)) == ("client-gone", 0, ["head", "over"])
    assert record["bytes_in"] == len(BIG) + 10


@pytest.mark.parametrize("sent, status", [(b"", 0), (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", 200)],
                         ids=["before the answer", "within the answer"])
def test_client_that_leaves_its_runner(gateway, held, sent, status):
    path = held("/held", sent)
    client = gateway.client()
    client.request(["GET /f/held HTTP/1.1", "Host: x"])
    path.wait()
    if sent:
        client.read_head()
    leave(client)
    [record] = gateway.wait_records(1)
    assert (record["end"], record["status"], record["own"]) == ("client-gone", status, False)
    assert reached(record) == ["head", "body", "slot", *(["reply"] if sent else []), "over"]


def test_client_that_leaves_the_queue(start_gateway, held):
    gateway = start_gateway(slots=1)
    path = held("/held")
    first, second = gateway.client(), gateway.client()
    first.request(["GET /f/held HTTP/1.1", "Host: x"])
    path.wait()
    second.request(["GET /f/echo HTTP/1.1", "Host: x"])
    wait_for(lambda: gateway.counts()["waiting"] == 1, "the request in the queue")
    leave(second)
    [record] = gateway.wait_records(1)
    assert (record["end"], record["status"], record["instance"]) == ("client-gone", 0, 0)
    assert reached(record) == ["head", "body", "over"] and record["waited_us"] > 0
    leave(first)
    gateway.wait_records(1)


# --- time and room ---

def test_request_that_finds_the_queue_full_and_one_that_waits_too_long(start_gateway, held):
    gateway = start_gateway(slots=1, queue_length=1, queue_timeout_ms=500)
    path = held("/held")
    clients = [gateway.client() for _ in range(3)]
    clients[0].request(["GET /f/held HTTP/1.1", "Host: x"])
    path.wait()
    clients[1].request(["GET /f/echo HTTP/1.1", "Host: x"])
    clients[2].request(["GET /f/echo HTTP/1.1", "Host: x"])
    refused, late = gateway.wait_records(2)
    assert (refused["status"], refused["reason"], refused["waited_us"]) == (503, "queue-full", 0)
    assert (late["status"], late["reason"], late["waited_us"] >= 500_000) == (503, "queue-timeout", True)
    path.go_on.set()
    gateway.wait_records(1)
    for client in clients:
        client.sock.close()


@pytest.mark.parametrize("sent, expected", [
    (b"", ("answered", 504, True)),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", ("cut", 200, False)),
], ids=["before the answer", "within the answer"])
def test_function_that_takes_too_long(start_gateway, held, sent, expected):
    gateway = start_gateway(timeout=300)
    held("/held", sent)
    with gateway.client() as client:
        client.request(["GET /f/held HTTP/1.1", "Host: x"])
        [record] = gateway.wait_records(1)
    assert (record["end"], record["status"], record["own"]) == expected
    assert (record["reason"], record["component"]) == ("timeout", "function")
    assert "300 ms" in record["message"]


def test_stream_that_falls_silent(start_gateway, held):
    gateway = start_gateway(options=["--stream-idle", "200"])
    held("/held", STREAM)
    with gateway.client() as client:
        client.request(["GET /f/held HTTP/1.1", "Host: x"])
        [record] = gateway.wait_records(1)
    assert (record["end"], record["status"], record["reason"]) == ("cut", 200, "timeout") and record["stream"]


def test_client_that_makes_room(start_gateway):
    gateway = start_gateway(max_connections=1, head_timeout_ms=60000)
    with gateway.client() as slow:
        slow.send(b"GET /f/echo HTTP/1.1\r\n")
        wait_for(lambda: gateway.stats()["bytes_in"] > 0, "the beginning of its head")
        with gateway.client() as other:
            assert other.get("/f/echo").status == 200
        records = gateway.wait_records(2)
    assert sorted((record["end"], record["status"]) for record in records) == [("answered", 200), ("evicted", 0)]


# --- other ways ---

@pytest.mark.parametrize("who", ["client", "runner"])
def test_tunnel(gateway, backend, who):
    @backend.on("/ws")
    def handler(connection, _):
        connection.send(SWITCHED + b"hi")
        if who == "client":
            connection.wait_closed(60)
        return False

    with gateway.client() as client:
        client.request(UPGRADE)
        assert client.read_head().status == 101
        assert client.read_exactly(2) == b"hi"
        if who == "client":
            leave(client)
        [record] = gateway.wait_records(1)
    assert (record["status"], record["stream"]) == (101, True)
    assert record["end"] == ("client-gone" if who == "client" else "answered")


def test_request_that_is_sent_again(gateway, backend):
    """The first runner is gone before the request reaches it: the record is of the second time."""
    backend.close_connections()
    with gateway.client() as client:
        assert client.get("/f/echo").status == 200
    [record] = gateway.wait_records(1)
    assert (record["end"], record["status"], record["reason"]) == ("answered", 200, "")


def test_request_that_waits_for_an_instance(start_gateway):
    gateway = start_gateway(slots=1)
    assert gateway.command("retire f") == {"done": True}
    with gateway.client() as client:
        client.request(["GET /f/echo HTTP/1.1", "Host: x"])
        wait_for(lambda: gateway.counts()["waiting"] == 1, "the request in the queue")
        gateway.command("revive f")
        assert client.read_response().status == 200
    [record] = gateway.wait_records(1)
    assert (record["cold"], record["status"]) == (True, 200) and record["waited_us"] > 0


def test_request_whose_instance_fails(start_gateway):
    gateway = start_gateway(slots=1)
    assert gateway.command("retire f") == {"done": True}
    with gateway.client() as client:
        client.request(["GET /f/echo HTTP/1.1", "Host: x"])
        wait_for(lambda: gateway.counts()["waiting"] == 1, "the request in the queue")
        gateway.command("fail f")
        assert client.read_response().status == 502
    [record] = gateway.wait_records(1)
    assert (record["status"], record["component"], record["reason"]) == (502, "runner", "load-failed")
    assert (record["instance"], record["revision"], record["own"]) == (0, 1, True)


def test_target_is_cut(gateway):
    with gateway.client() as client:
        client.get("/f/echo?" + "x" * 2000)
    [record] = gateway.wait_records(1)
    assert record["target"] == "/f/echo?" + "x" * 1016


def test_every_request_has_one_record(start_bulk):
    """Of pipelined requests on many connections, on several workers."""
    gateway, clients, each = start_bulk(workers=2), 20, 200
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(gateway.client()) for _ in range(clients)]
        for peer in peers:
            peer.send(b"GET /f/hello HTTP/1.1\r\nHost: x\r\n\r\n" * each)
        for peer in peers:
            for _ in range(each):
                assert peer.read_response().status == 200
    records = gateway.wait_records(clients * each)
    assert len({record["id"] for record in records}) == clients * each
    assert gateway.stats()["request_records_dropped"] == 0


def test_log_that_stands_still_delays_nobody(start_gateway, tmp_path):
    """The lines of requests are the control thread's: workers go on, and what there is no room for is counted."""
    asked, log = 6000, HeldLog(tmp_path / "driver.log")
    with log.passed_on():
        gateway = start_gateway(log=log)
    with gateway.client() as client:
        for _ in range(asked // 100):
            client.send(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
            for _ in range(100):
                assert client.read_response().status == 404
    with log.passed_on():
        dropped = gateway.stats()["request_records_dropped"]
        assert 0 < dropped < asked
        wait_for(lambda: gateway.log_path.read_text().count(" gateway.error ") == asked - dropped, "the rest", 60)
        gateway.stop()
