"""Servers of all manners behind slots that the gateway connects when it uses them."""
import contextlib
import json
import random
import socket
import struct
import threading
import time

import pytest

from backend import Connection, Request, Server
from conftest import Gateway, wait_for
from wire import Truncated

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() resets the connection


@pytest.fixture
def server():
    running = Server()
    yield running
    with contextlib.suppress(OSError):
        running.close()
    assert not running.errors


@pytest.fixture
def start_rooms(tmp_path):
    """A function that starts a gateway with room for so many requests on a server at a port."""
    started = []

    def start(port, slots=8, workers=1, options=()):
        gateway = Gateway(tmp_path, ["--route", f"f=127.0.0.1:{port}:{slots}", "--workers", str(workers), *options])
        started.append(gateway)
        return gateway

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture
def rooms(start_rooms, server):
    return start_rooms(server.port)


def post(client, body, path="/f/echo", method="POST"):
    client.request([f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"], body)
    return client.read_response()


def reset(connection):
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.sock.close()


def answer_head(body, *lines, version="1.1"):
    head = "".join(f"{line}\r\n" for line in lines)
    return f"HTTP/{version} 200 OK\r\n{head}\r\n".encode() + body


# Answers of a server that closes after each, and how the body that is sent back is framed.
CLOSING = {
    "unannounced": lambda body: answer_head(body, f"Content-Length: {len(body)}"),
    "announced": lambda body: answer_head(body, f"Content-Length: {len(body)}", "Connection: close"),
    "http/1.0": lambda body: answer_head(body, f"Content-Length: {len(body)}", version="1.0"),
    "http/1.0 until the end": lambda body: answer_head(body, version="1.0"),
    "until the end": lambda body: answer_head(body, "Connection: close"),
    "chunked": lambda body: answer_head(b"%x\r\n%s\r\n0\r\nX-After: yes\r\n\r\n" % (len(body), body),
                                        "Transfer-Encoding: chunked", "Connection: close"),
}


@pytest.mark.parametrize("manner", CLOSING)
@pytest.mark.parametrize("workers", [1, 3])
def test_servers_that_close_after_each_answer(start_rooms, server, manner, workers):
    """Many clients at once, POST bodies that differ: each has its answer."""
    @server.on("/echo")
    def handler(connection, request):
        body, _ = connection.read_body(request)
        connection.send(CLOSING[manner](body))
        return False

    gateway = start_rooms(server.port, workers=workers)
    wrong = []

    def ask(name):
        with gateway.client() as client:
            for number in range(25):
                body = f"{name} {number}".encode()
                response = post(client, body)
                if (response.status, response.body) != (200, body):
                    wrong.append((response.status, response.body, body))

    clients = [threading.Thread(target=ask, args=(name,)) for name in range(6)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert not wrong
    assert len(server.requests) == 150
    gateway.wait_slots(8)


def test_idle_connections_that_end_while_another_worker_takes_them(start_rooms, server):
    """Few rooms for the clients of all workers, and a server that closes a moment after each answer."""
    @server.on("/echo")
    def handler(connection, request):
        body, _ = connection.read_body(request)
        connection.send(answer_head(body, f"Content-Length: {len(body)}"))
        time.sleep(random.random() * 0.004)
        return False

    gateway = start_rooms(server.port, slots=3, workers=4)
    answered = []

    def ask(name):
        for _ in range(30):
            with gateway.client() as client:
                for _ in range(3):
                    answered.append(post(client, name, method="PUT").body == name)
                    time.sleep(random.random() * 0.005)

    clients = [threading.Thread(target=ask, args=(b"%d" % name,)) for name in range(8)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert answered == [True] * (8 * 30 * 3)
    gateway.wait_slots(3)


def test_a_connection_that_is_kept_is_used_again(rooms, server):
    with rooms.client() as client:
        for number in range(20):
            assert post(client, b"%d" % number, method="PUT").body == b"%d" % number
        assert server.accepted < 20
        accepted = server.accepted
        for number in range(20):
            assert post(client, b"%d" % number).body == b"%d" % number
        assert server.accepted < accepted + 20, "a server that was seen to keep connections is trusted with a POST"


def test_what_cannot_be_sent_again_does_not_meet_an_unproven_connection(rooms, server):
    with rooms.client() as client:
        for number in range(3):
            assert post(client, b"%d" % number).body == b"%d" % number
    assert server.accepted == 3


def test_a_kept_connection_is_hung_up_after_a_moment(rooms, server):
    with rooms.client() as client:
        assert client.get("/f/echo").status == 200
        wait_for(lambda: not server.open, "the end of the idle connection")
        assert rooms.counts()["idle"] == 8
        assert client.get("/f/echo").status == 200
    assert server.accepted == 2


@pytest.mark.parametrize("pause", [0.01, 0.3])
def test_servers_that_close_what_idles(rooms, server, pause):
    """Whether the end is seen before the next request or under it: a POST is not lost."""
    @server.on("/echo")
    def handler(connection, request):
        body, _ = connection.read_body(request)
        connection.answer(body)
        connection.sock.settimeout(pause)
        try:
            connection.pending += connection.receive()
        except TimeoutError:
            return False
        connection.sock.settimeout(None)
        return True

    with rooms.client() as client:
        for number in range(60):
            assert post(client, b"%d" % number).body == b"%d" % number
            time.sleep(pause * (0.9 + number % 10 / 50))
    assert [request.method for request in server.requests] == ["POST"] * 60


def test_what_a_closing_server_has_not_read_is_sent_again(rooms, server):
    """The end of the kept connection and the request pass each other on the way."""
    @server.on("/hold")
    def handler(connection, request):
        connection.read_body(request)
        held.append(connection.sock)
        connection.answer(b"held")
        gone.wait(60)
        return False

    for number in range(10):
        held, gone = [], threading.Event()
        with rooms.client() as client:
            assert post(client, b"", "/f/hold").body == b"held"
            sender = threading.Thread(target=lambda end=held[0]: end.shutdown(socket.SHUT_RDWR))
            sender.start()
            assert post(client, b"%d" % number).body == b"%d" % number
            sender.join()
            gone.set()


def test_a_reset_under_a_request_on_a_kept_connection(rooms, server):
    """What may be asked twice is; a POST is not sent over a connection that its server need not keep."""
    @server.on("/keep")
    def keep(connection, request):
        connection.read_body(request)
        connection.answer()
        connection.read_until(b"\r\n\r\n")
        reset(connection)
        return False

    with rooms.client() as client:
        assert client.get("/f/keep").status == 200
        assert post(client, b"again", method="PUT").body == b"again"
        wait_for(lambda: not server.open, "the end of the idle connection")
        assert client.get("/f/keep").status == 200
        assert post(client, b"once").body == b"once"
    assert [request.method for request in server.requests] == ["GET", "PUT", "GET", "POST"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_server_that_answers_late(rooms, server, method):
    release = threading.Event()

    @server.on("/late")
    def handler(connection, request):
        connection.read_body(request)
        release.wait(60)
        connection.answer(b"late")

    with rooms.client() as client, rooms.client() as other:
        client.request([f"{method} /f/late HTTP/1.1", "Host: x", "Content-Length: 0"])
        wait_for(lambda: server.requests, "the request")
        assert post(other, b"meanwhile").body == b"meanwhile"
        release.set()
        assert client.read_response().body == b"late"


def test_interim_answers(rooms, server):
    @server.on("/early")
    def handler(connection, request):
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body, _ = connection.read_body(request)
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        connection.answer(body)

    with rooms.client() as client:
        response = post(client, b"body", "/f/early")
        assert response.body == b"body"
        assert [interim.status for interim in response.interim][-1] == 103


def serve_one_after_the_other(listener, stop):
    """Like the simplest of servers: one connection is served to its end, while the others wait to be accepted."""
    listener.settimeout(0.05)
    while not stop.is_set():
        try:
            sock, _ = listener.accept()
        except TimeoutError:
            continue
        sock.settimeout(None)
        connection = Connection(sock)
        with contextlib.suppress(Truncated, ConnectionError):
            while True:
                request = Request(connection.read_until(b"\r\n\r\n"))
                body, _ = connection.read_body(request)
                connection.answer(body)
        sock.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_of_one_connection_at_a_time(start_rooms, workers):
    """It waits on a connection that is kept, and others wait for it: kept ones go soon when it is crowded."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve_one_after_the_other, args=(listener, stop))
        thread.start()
        gateway = start_rooms(listener.getsockname()[1], workers=workers)
        answers = []

        def ask(name):
            with gateway.client() as client:
                for number in range(10):
                    answers.append(post(client, b"%d %d" % (name, number)).status)

        clients = [threading.Thread(target=ask, args=(name,)) for name in range(4)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        assert answers == [200] * 40
        gateway.stop()
        stop.set()
        thread.join()


def test_a_large_answer_and_a_large_request(rooms, server):
    data = bytes(range(256)) * 40000

    with rooms.client() as client:
        assert client.get("/f/echo").status == 200  # a connection is kept, which an upload does not trust
        client.request(["POST /f/echo HTTP/1.1", "Host: x", f"Content-Length: {len(data)}"])
        sender = threading.Thread(target=client.send, args=(data,))
        sender.start()
        assert client.read_response().body == data
        sender.join()
    assert server.accepted == 2


# Answers of which no more comes, and how a body that ends with the connection is framed.
UNFINISHED = {
    "length": answer_head(b"only this", "Content-Length: 100"),
    "until the end": answer_head(b"only this", "Connection: close"),
    "http/1.0 until the end": answer_head(b"only this", version="1.0"),
}


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("answer", UNFINISHED)
@pytest.mark.parametrize("when", ["at once", "later"])
def test_a_body_that_ends_with_a_reset_is_cut(start_rooms, server, answer, version, when):
    @server.on("/cut")
    def handler(connection, _):
        connection.send(UNFINISHED[answer])
        if when == "later":
            seen.wait(60)
        reset(connection)
        return False

    seen = threading.Event()
    rooms = start_rooms(server.port, options=["--records", "keep"])
    with rooms.client() as client:
        client.request([f"GET /f/cut HTTP/{version}", "Host: x"])
        with pytest.raises(Truncated):
            response = client.read_head()
            seen.set()
            client.read_body(response)
    [record] = rooms.wait_records(1)
    assert (record["end"], record["status"], record["reason"]) == ("cut", 200, "runner-lost")
    rooms.wait_slots(8)


def test_a_reset_that_is_met_while_sending_cuts_the_body(start_rooms, server):
    """The kernel tells of it once, to whoever asks first."""
    @server.on("/cut")
    def handler(connection, _):
        connection.send(UNFINISHED["until the end"])
        seen.wait(60)
        reset(connection)
        return False

    seen = threading.Event()
    rooms = start_rooms(server.port, options=["--records", "keep"])
    with rooms.client() as client:
        client.request(["POST /f/cut HTTP/1.1", "Host: x", "Content-Length: 50000000"], b"x" * 100000)
        response = client.read_head()
        seen.set()
        with pytest.raises((Truncated, ConnectionError)):
            while True:
                client.send(b"x" * 10000)
        with pytest.raises(Truncated):
            client.read_body(response)
    [record] = rooms.wait_records(1)
    assert (record["end"], record["status"], record["reason"]) == ("cut", 200, "runner-lost")


def test_streams_events(rooms, server):
    next_one = threading.Semaphore(0)

    @server.on("/events")
    def handler(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for number in range(3):
            next_one.acquire()
            connection.send(b"data: %d\n\n" % number)
        return False

    with rooms.client() as client:
        client.request(["GET /f/events HTTP/1.1", "Host: x"])
        assert client.read_head().get("Content-Type") == "text/event-stream"
        for number in range(3):
            next_one.release()
            assert client.read_chunk() == b"data: %d\n\n" % number
        assert client.read_chunk() == b""


def test_upgrades(rooms, server):
    @server.on("/ws")
    def handler(connection, request):
        assert request.get("Upgrade") == "websocket"
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        while (data := connection.read_some()) != b"bye":
            connection.send(data.upper())
        return False

    with rooms.client() as client:
        client.request(["GET /f/ws HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade"])
        assert client.read_head().status == 101
        for word in (b"one", b"two"):
            client.send(word)
            assert client.read_exactly(3) == word.upper()
        client.send(b"bye")
        assert client.is_closed()
    rooms.wait_slots(8)


def test_a_server_that_is_gone_and_comes_back(start_rooms, server):
    """While it refuses connections requests wait, of any method: nothing of them has been sent."""
    gateway = start_rooms(server.port)
    with gateway.client() as client, gateway.client() as other:
        assert client.get("/f/echo").status == 200
        server.close()
        client.request(["POST /f/echo HTTP/1.1", "Host: x", "Content-Length: 4"], b"wait")
        other.request(["GET /f/echo HTTP/1.1", "Host: x"])
        wait_for(lambda: gateway.stats()["retries"] > 2, "more than one attempt")
        again = Server(server.port)
        try:
            assert client.read_response().body == b"wait"
            assert other.read_response().status == 200
        finally:
            again.close()
    gateway.wait_slots(8)


def test_a_server_that_stays_away(start_rooms, server):
    gateway = start_rooms(server.port)
    server.close()
    with gateway.client() as client:
        response = post(client, b"in vain")
        assert response.status == 502
        assert json.loads(response.body)["error"]["reason"] == "runner-lost"
    assert gateway.stats()["timed_out"] == 1


def test_another_instance_takes_what_one_refuses(start_rooms, server):
    """The instance that is retired meanwhile is not asked again."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        refused = unused.getsockname()[1]
    gateway = start_rooms(refused)
    with gateway.client() as client:
        client.request(["POST /f/echo HTTP/1.1", "Host: x", "Content-Length: 4"], b"body")
        wait_for(lambda: gateway.stats()["retries"] > 0, "an attempt in vain")
        gateway.command(f"replace f=127.0.0.1:{server.port}:4")
        assert client.read_response().body == b"body"
    gateway.wait_slots(4)


def test_retires_with_connections_that_idle(rooms, server):
    with rooms.client() as client:
        assert client.get("/f/echo").status == 200
    assert rooms.command("retire f")["done"]
    wait_for(lambda: not server.open, "the end of the idle connection")


def test_a_client_that_leaves_frees_the_room(rooms, server):
    @server.on("/stay")
    def handler(connection, _):
        assert connection.wait_closed()
        return False

    with rooms.client() as client:
        client.request(["GET /f/stay HTTP/1.1", "Host: x"])
        wait_for(lambda: server.requests, "the request")
    rooms.wait_slots(8)
