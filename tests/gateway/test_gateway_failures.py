"""What goes wrong on either side, and what the other side sees of it."""
import json
import re
import socket
import threading
import time

import pytest

from conftest import wait_for
from wire import Truncated


def reason_of(response):
    return json.loads(response.body)["error"]["reason"]


def test_idle_connection_that_closed_is_replaced(gateway, backend):
    together = threading.Barrier(4)

    @backend.on("/all")
    def handler(connection, _):
        together.wait(5)
        connection.answer()

    clients = [gateway.client() for _ in range(4)]
    for client in clients:
        client.request(["GET /f/all HTTP/1.1", "Host: x"])
    for client in clients:
        assert client.read_response().status == 200
        client.sock.close()
    backend.close_connections()
    wait_for(lambda: backend.accepted >= 8, "new connections")
    gateway.wait_slots(4)
    with gateway.client() as client:
        assert client.get("/f/echo").status == 200


def test_repeats_an_idempotent_request_once(gateway, backend):
    seen = []

    @backend.on("/once")
    def handler(connection, _):
        seen.append(1)
        if len(seen) == 1:
            return False
        connection.answer(b"second")
        return True

    with gateway.client() as client:
        assert client.get("/f/once").body == b"second"
    assert gateway.stats()["retries"] == 1


def test_repeats_an_idempotent_body(gateway, backend):
    seen = []

    @backend.on("/once")
    def handler(connection, request):
        body, _ = connection.read_body(request)
        seen.append(body)
        if len(seen) == 1:
            return False
        connection.answer(body)
        return True

    with gateway.client() as client:
        client.request(["PUT /f/once HTTP/1.1", "Host: x", "Content-Length: 6"], b"abcdef")
        assert client.read_response().body == b"abcdef"
    assert seen == [b"abcdef", b"abcdef"]


def test_gives_up_after_the_second_time(gateway, backend):
    backend.handlers["/die"] = lambda connection, request: False
    with gateway.client() as client:
        response = client.get("/f/die")
        assert response.status == 502 and reason_of(response) == "runner-lost"
        assert len(backend.requests) == 2
        assert client.get("/f/echo").status == 200


def test_does_not_repeat_a_post(gateway, backend):
    backend.handlers["/die"] = lambda connection, request: False
    with gateway.client() as client:
        client.request(["POST /f/die HTTP/1.1", "Host: x", "Content-Length: 0"])
        assert client.read_response().status == 502
    assert len(backend.requests) == 1


def test_a_post_survives_connections_found_dead(gateway, backend):
    """Whether the gateway has noticed the end of the idle connections or not, nothing of the request was sent."""
    with gateway.client() as client:
        for _ in range(20):
            backend.close_connections()
            client.request(["POST /f/echo HTTP/1.1", "Host: x", "Content-Length: 3"], b"abc")
            assert client.read_response().body == b"abc"


@pytest.mark.parametrize("answer, reason", [
    (b"HTTP/1.1 200 OK\r\nContent-Le", "runner-lost"),
    (b"HTTP/1.1 103 Early Hints\r\n\r\n", "runner-lost"),
    (b"SSH-2.0-OpenSSH\r\n\r\n", None),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", None),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", None),
    (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 40000 + b"\r\n\r\n", None),
    (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "upgrade-unasked"),
])
def test_bad_answers(gateway, backend, answer, reason):
    @backend.on("/bad")
    def handler(connection, _):
        connection.send(answer)
        return False

    with gateway.client() as client:
        response = client.get("/f/bad")
        assert response.status == 502
        assert reason is None or reason_of(response) == reason
        assert client.get("/f/echo").status == 200
    gateway.wait_slots(4)


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_cut_answer_is_seen_as_cut(gateway, backend, answer, version):
    @backend.on("/cut")
    def handler(connection, _):
        connection.send(answer)
        time.sleep(0.05)
        return False

    with gateway.client() as client:
        client.request([f"GET /f/cut HTTP/{version}", "Host: x"])
        with pytest.raises(Truncated):
            client.read_response()
    gateway.wait_slots(4)


def test_unasked_bytes_end_the_slot(gateway, backend):
    @backend.on("/twice")
    def handler(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na" * 2)
        connection.wait_closed()
        return False

    with gateway.client() as client:
        assert client.get("/f/twice").body == b"a"
        assert client.get("/f/echo").body == b""
    gateway.wait_slots(4)


def test_early_answer_while_the_body_flows(start_gateway, backend):
    gateway = start_gateway(request_buffer_bytes=0)

    @backend.on("/early")
    def handler(connection, _):
        connection.answer(b"no thanks", status="400 Bad Request")
        connection.wait_closed()
        return False

    with gateway.client() as client:
        client.request(["POST /f/early HTTP/1.1", "Host: x", "Content-Length: 100000000"], b"x" * 1000)
        response = client.read_response()
        assert response.status == 400 and response.get("Connection") == "close"
        client.send(b"x" * 1000)
        client.sock.shutdown(socket.SHUT_WR)
        assert client.is_closed()
    gateway.wait_slots(4)


def test_early_answer_and_close_while_the_body_flows(gateway, backend):
    @backend.on("/early")
    def handler(connection, _):
        connection.answer(b"no thanks", status="413 Content Too Large", headers=[("Connection", "close")])
        return False

    for _ in range(5):
        with gateway.client() as client:
            sender = threading.Thread(target=send_quietly, args=(client, b"x" * 3000000))
            client.request(["POST /f/early HTTP/1.1", "Host: x", "Content-Length: 3000000"])
            sender.start()
            assert client.read_response().status == 413
            sender.join()


def send_quietly(client, data):
    try:
        client.send(data)
    except OSError:
        pass


def test_full_duplex(start_gateway, backend):
    gateway = start_gateway(options=["--request-buffering", "off"])

    @backend.on("/duplex")
    def handler(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while chunk := connection.read_chunk():
            connection.send(b"%x\r\n%s\r\n" % (len(chunk), chunk.upper()))
        connection.read_until(b"\r\n")
        connection.send(b"0\r\n\r\n")

    with gateway.client() as client:
        client.request(["POST /f/duplex HTTP/1.1", "Host: x", "Transfer-Encoding: chunked"])
        assert client.read_head().status == 200
        for word in (b"one", b"two", b"three" * 5000):
            client.send(b"%x\r\n%s\r\n" % (len(word), word))
            received = b""
            while len(received) < len(word):
                received += client.read_chunk()
            assert received == word.upper()
        client.send(b"0\r\n\r\n")
        assert client.read_chunk() == b""


def test_leaving_client_cancels_the_request(gateway, backend):
    cancelled = threading.Event()

    @backend.on("/long")
    def handler(connection, _):
        if connection.wait_closed():
            cancelled.set()
        return False

    with gateway.client() as client:
        client.request(["GET /f/long HTTP/1.1", "Host: x"])
        wait_for(lambda: backend.requests, "the request")
    assert cancelled.wait(5)
    gateway.wait_slots(4)


def test_reset_cancels_at_once(gateway, backend):
    cancelled = threading.Event()

    @backend.on("/long")
    def handler(connection, _):
        if connection.wait_closed(0.8):
            cancelled.set()
        return False

    with gateway.client() as client:
        client.request(["GET /f/long HTTP/1.1", "Host: x"])
        wait_for(lambda: backend.requests, "the request")
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert cancelled.wait(2)


def test_half_closed_client_gets_a_prompt_answer(gateway):
    with gateway.client() as client:
        client.request(["POST /f/echo HTTP/1.1", "Host: x", "Content-Length: 3"], b"abc")
        client.sock.shutdown(socket.SHUT_WR)
        assert client.read_response().body == b"abc"
        assert client.is_closed()
    with gateway.client() as client:
        client.send(b"GET /f/echo HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        client.sock.shutdown(socket.SHUT_WR)
        assert [client.read_response().status for _ in range(3)] == [200] * 3


def test_leaving_client_leaves_the_queue(start_gateway, backend):
    gateway = start_gateway(slots=1)
    go_on = threading.Event()

    @backend.on("/wait")
    def handler(connection, _):
        go_on.wait(10)
        connection.answer(b"done")

    with gateway.client() as first:
        first.request(["GET /f/wait HTTP/1.1", "Host: x"])
        wait_for(lambda: gateway.counts()["busy"] == 1, "a busy slot")
        with gateway.client() as second:
            second.request(["GET /f/echo HTTP/1.1", "Host: x"])
            wait_for(lambda: gateway.counts()["waiting"] == 1, "a waiter")
        wait_for(lambda: gateway.counts()["waiting"] == 0, "nobody waiting")
        go_on.set()
        assert first.read_response().body == b"done"
    assert len(backend.requests) == 1


def test_client_that_leaves_within_its_body(start_gateway, backend):
    gateway = start_gateway(request_buffer_bytes=0)
    ended = []

    @backend.on("/upload")
    def handler(connection, _):
        ended.append(connection.wait_closed())
        return False

    with gateway.client() as client:
        client.request(["POST /f/upload HTTP/1.1", "Host: x", "Content-Length: 100"], b"x")
        wait_for(lambda: backend.requests, "the request")
    gateway.wait_slots(4)
    assert ended == [True]


def test_failed_load_is_told_to_those_who_wait(start_gateway):
    gateway = start_gateway(slots=0)
    with gateway.client() as client:
        client.request(["GET /f/echo HTTP/1.1", "Host: x"])
        wait_for(lambda: gateway.counts()["waiting"] == 1, "a waiter")
        assert gateway.command("fail f") == {"failed": 1}
        response = client.read_response()
        assert response.status == 502 and reason_of(response) == "load-failed"
    assert gateway.stats()["cold_waits"] == 1


def test_no_request_is_lost_while_revisions_change(start_gateway, backend):
    gateway = start_gateway(slots=3, workers=2)
    stop = threading.Event()
    statuses = []

    def load():
        with gateway.client() as client:
            while not stop.is_set():
                client.request(["POST /f/echo HTTP/1.1", "Host: x", "Content-Length: 2"], b"hi")
                statuses.append(client.read_response().status)

    threads = [threading.Thread(target=load) for _ in range(6)]
    for thread in threads:
        thread.start()
    for number in range(20):
        gateway.command(f"replace f={backend.path}:3")
        before = len(statuses)
        wait_for(lambda: len(statuses) > before + 10, "requests served")
        if number % 2:
            gateway.command("retire f")
            gateway.command("revive f")
    stop.set()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200}


def test_drain_answers_what_is_under_way(start_gateway, backend):
    gateway = start_gateway()
    go_on = threading.Event()

    @backend.on("/wait")
    def handler(connection, _):
        go_on.wait(10)
        connection.answer(b"done")

    with gateway.client() as idle, gateway.client() as busy:
        assert idle.get("/f/echo").status == 200
        busy.request(["GET /f/wait HTTP/1.1", "Host: x"])
        wait_for(lambda: gateway.counts()["busy"] == 1, "a busy slot")
        gateway.command("drain")
        assert idle.is_closed()
        with pytest.raises(ConnectionRefusedError):
            wait_for(lambda: not gateway.client().is_closed(0), "a refused connection")
        go_on.set()
        response = busy.read_response()
        assert response.body == b"done" and response.get("Connection") == "close"
        assert busy.is_closed()
    assert gateway.process.wait(10) == 0


def test_drain_answers_who_asks_once_more(start_gateway):
    gateway = start_gateway()
    with gateway.client() as asking, gateway.client() as silent, gateway.client() as new:
        assert [client.get("/f/echo").status for client in (asking, silent)] == [200, 200]
        gateway.command("drain")
        response = asking.get("/f/echo")
        assert response.status == 200 and response.get("Connection") == "close"
        assert asking.is_closed() and silent.is_closed() and new.is_closed()
    assert gateway.process.wait(10) == 0


@pytest.mark.parametrize("head, component, words", [
    (b"HTTP/1.1 200 OK\r\nX Bad: 1\r\nContent-Length: 0\r\n\r\n", "function", '("X Bad: 1")'),
    (b"HTTP/1.1 200 OK\r\nX-Good: 1\r\nX-Bad : 1\r\nContent-Length: 0\r\n\r\n", "function", '("X-Bad : 1")'),
    (b"HTTP/1.1 200 OK\r\nX-Bad: \x01\xff\r\nContent-Length: 0\r\n\r\n", "function", '("X-Bad: ??")'),
    (b"HTTP/1.1 200 OK\r\n: 1\r\nContent-Length: 0\r\n\r\n", "function", '(": 1")'),
    (b"HTTP/1.1 999 \r\nContent-Length: 0\r\n\r\n", "function", '("HTTP/1.1 999 ")'),
    (b"HTTP/1.1 200 OK\r\n" + b"X-A: 1\r\n" * 2000 + b"\r\n", "function", "more headers than the limit"),
    (b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 90000 + b"\r\n\r\n", "function", "larger than the limit"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "runner", "The runner's"),
    (b"SSH-2.0-hello\r\n\r\n", "runner", "The runner's"),
])
def test_blames_who_made_what_is_not_valid(gateway, backend, head, component, words):
    @backend.on("/bad")
    def handler(connection, _):
        connection.sock.sendall(head)
        return False

    with gateway.client() as client:
        response = client.get("/f/bad")
    error = json.loads(response.body)["error"]
    assert (response.status, error["component"]) == (502, component)
    assert words in error["message"]


def lines_with(gateway, text):
    return [line for line in gateway.log_path.read_text().splitlines() if text in line]


def test_every_error_is_logged_with_its_id(gateway, backend):
    @backend.on("/503")
    def handler(connection, _):
        connection.sock.sendall(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
        return True

    with gateway.client() as client:
        unknown = client.get("/unknown")
    with gateway.client() as client:
        assert client.get("/f/503").status == 503
    with gateway.client() as client:
        client.request(["GET /f/echo HTTP/1.1", "Host: x", "Bad header: 1"])
        malformed = client.read_response()
    for response in (unknown, malformed):
        error = json.loads(response.body)["error"]
        [line] = wait_for(lambda wanted=error["request_id"]: lines_with(gateway, wanted), "its line")
        assert " info gateway.error " in line and error["reason"] in line
    function_error = re.compile(r" info gateway.function-error function=f method=GET status=503 request_id=\S")
    wait_for(lambda: function_error.search(gateway.log_path.read_text()), "the function's error in the log")
