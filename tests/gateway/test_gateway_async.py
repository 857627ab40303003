"""Calls that are done later: accepted and asked for at the desk, a server on a unix socket that the tests script, and
delivered by the door of calls."""
import hashlib
import json
import re
import socket
import threading

import pytest

from backend import Backend
from conftest import wait_for
from raw_client import RawClient

ID = "0123456789abcdef0123456789abcdef"
ACCEPTED = [("Location", f"/async/{ID}"), ("X-Call-Id", ID), ("Content-Type", "application/json")]
BODY = b'{"id":"' + ID.encode() + b'"}\n'
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def accept(connection, request):
    """What the desk does with a call; of an answer to HEAD only the head goes out."""
    connection.read_body(request)
    connection.answer(b"" if request.method == "HEAD" else BODY, "202 Accepted", ACCEPTED)


class Desk(Backend):
    def __init__(self, path):
        super().__init__(path)
        self.default = accept
        self.handlers = {}

    def asked(self):
        """What it was asked in its last request."""
        return self.requests[-1].get("X-Berth-Async")


@pytest.fixture
def desk(tmp_path):
    running = Desk(str(tmp_path / "desk.sock"))
    yield running
    running.close()
    assert not running.errors


@pytest.fixture
def start(start_gateway, backend, desk, tmp_path):
    """A function that starts a gateway with a desk, a door of calls, and the functions f, p (private) and b (broken)."""
    def begin(**settings):
        options = ["--records", "keep", "--desk", desk.path, "--calls-door", str(tmp_path / "calls.sock"),
                   "--route", f"p={backend.path}:2", "--private", "p", "--broken", "b=it has a mistake"]
        gateway = start_gateway(options=options, **settings)
        gateway.wait_slots(2, "p")
        return gateway

    return begin


@pytest.fixture
def gateway(start):
    return start()


class Delivery(RawClient):
    """A client at the door of calls."""

    def __init__(self, path):  # pylint: disable=super-init-not-called
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(path)
        self.pending = b""


@pytest.fixture
def delivery(gateway, tmp_path):
    assert gateway
    with Delivery(str(tmp_path / "calls.sock")) as client:
        yield client


def reason(response):
    return json.loads(response.body)["error"]["reason"]


def post(client, target, body=b"", *lines):
    client.request([f"POST {target} HTTP/1.1", "Host: berth.test", f"Content-Length: {len(body)}", *lines], body)
    return client.read_response()


def told(response, name):
    """The values of a header of the head that a function got."""
    return re.findall(rf"(?im)^{name}: (.*?)\r$", response.body.decode("latin-1"))


# --- accepting ---


def test_call_is_accepted_and_nobody_else_is_asked(gateway, desk, backend):
    with gateway.client() as client:
        answer = post(client, "/async-function/f/a/b?c=d", b"hello", "X-Own: yes", "X-Call-Id: mine", "X-Start-Time: 1")
        again = post(client, "/async-function/f.openfaas-fn")
    assert (answer.status, answer.body) == (202, BODY)
    assert (answer.get("Location"), answer.get("X-Call-Id")) == (f"/async/{ID}", ID)
    assert answer.get("X-Request-Id") and answer.get("Server-Timing")
    assert answer.get("X-Served-By") is None and answer.get("Preference-Applied") is None
    assert again.status == 202 and not backend.requests
    first, second = desk.requests
    assert (first.method, first.target, first.get("X-Berth-Async")) == ("POST", "/a/b?c=d", "accept f")
    assert (first.get("X-Own"), first.get("X-Request-Id")) == ("yes", answer.get("X-Request-Id"))
    assert first.get("X-Call-Id") is None and first.get("X-Start-Time") is None
    assert first.get("X-Forwarded-Prefix") == "/function/f" and first.get("X-Forwarded-For") == "127.0.0.1"
    assert (second.target, second.get("X-Berth-Async")) == ("/", "accept f")
    assert desk.accepted == 1, "a connection is kept"


def test_accepted_call_in_the_records(gateway):
    with gateway.client() as client:
        post(client, "/async-function/f/x", b"hello")
    [record] = gateway.wait_records(1)
    assert (record["function"], record["status"], record["end"]) == ("f", 202, "accepted")
    assert (record["instance"], record["revision"], record["cold"]) == (0, 0, False)
    assert record["routed"] and not record["own"] and not record["reason"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PROPFIND"])
def test_any_method_is_accepted(gateway, desk, method):
    with gateway.client() as client:
        assert client.get("/async-function/f", method=method).status == 202
        assert client.get("/async-function/f", method=method).status == 202
    assert [request.method for request in desk.requests] == [method] * 2


@pytest.mark.parametrize(
    "lines",
    [
        ["Prefer: respond-async"],
        ["prefer: RESPOND-Async"],
        ["Prefer: return=minimal, respond-async;x=1 , wait=10"],
        ["Prefer: handling=lenient", 'Prefer: x="a\\", b", , respond-async'],
    ],
)
@pytest.mark.parametrize("path", ["/f/x", "/function/f/x"])
def test_preference_makes_any_call_a_later_one(gateway, desk, lines, path):
    with gateway.client() as client:
        answer = post(client, path, b"hello", *lines)
    assert (answer.status, answer.get("X-Call-Id")) == (202, ID)
    assert answer.get("Preference-Applied") == "respond-async"
    asked = desk.requests[0]
    assert (asked.target, asked.get("X-Berth-Async")) == ("/x", "accept f")
    assert "respond-async" not in str([value for value in asked.all("Prefer") if '"' not in value]).lower()


def test_other_preferences_reach_the_desk(gateway, desk):
    with gateway.client() as client:
        post(client, "/f", b"", "Prefer: return=minimal, respond-async", 'Prefer: x="a, b"; y', "Prefer: respond-async")
    assert desk.requests[0].all("Prefer") == ["return=minimal", 'x="a, b"; y']


@pytest.mark.parametrize("lines", [["Prefer: wait=10"], ["Prefer: respond-asynchronously"], ['Prefer: x="a, respond-async"'],
                                   ["X-Berth-Async: accept f"]])
def test_other_requests_go_to_the_function(gateway, desk, lines):
    with gateway.client() as client:
        answer = post(client, "/f/dump", b"", *lines)
    assert answer.status == 200 and told(answer, "Prefer") == [line[8:] for line in lines if line.startswith("Prefer")]
    assert not told(answer, "X-Berth-Async") and not desk.requests


def test_headers_that_only_the_host_writes_are_dropped(gateway, desk):
    lines = ["X-Berth-Async: cancel", "X-Attempt: 7", "X-Berth-Schedule: s", "X-Berth-Scheduled-At: now",
             "X-Berth-Origin-Call: x", "X-Berth-Caller: admin"]
    with gateway.client() as client:
        answer = post(client, "/f/dump", b"", *lines)
        post(client, "/async-function/f", b"", *lines)
    for name in (line.split(":")[0] for line in lines):
        assert not told(answer, name)
        assert desk.requests[0].get(name) == ("accept f" if name == "X-Berth-Async" else None)


def test_large_body_flows_to_the_desk(start, desk):
    """Piece by piece: no more of it is in memory than of any other."""
    gateway = start(request_buffer_bytes=4096)
    sizes, digest = [], hashlib.sha256()

    def take(connection, request):
        left = int(request.get("Content-Length"))
        while left:
            piece = connection.read_some()
            digest.update(piece)
            left -= len(piece)
            sizes.append(len(piece))
        connection.answer(BODY, "202 Accepted", ACCEPTED)

    desk.default = take
    body = b"0123456789abcdef" * (2 << 20)
    before = gateway.memory_kib()
    with gateway.client() as client:
        assert post(client, "/async-function/f", body).status == 202
    assert sum(sizes) == len(body) and digest.hexdigest() == hashlib.sha256(body).hexdigest()
    assert gateway.memory_kib() - before < 8 * 1024


def test_chunked_body_is_accepted(gateway, desk):
    bodies = []

    def take(connection, request):
        bodies.append(connection.read_body(request)[0])
        connection.answer(BODY, "202 Accepted", ACCEPTED)

    desk.default = take
    with gateway.client() as client:
        client.request(["POST /async-function/f HTTP/1.1", "Host: x", "Transfer-Encoding: chunked"],
                       b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
        assert client.read_response().status == 202
    assert bodies == [b"abcdefg"]


@pytest.mark.parametrize("buffer", [0, 65536])
def test_client_that_waits_to_be_told_to_go_on(start, desk, buffer):
    gateway = start(request_buffer_bytes=buffer)
    with gateway.client() as client:
        client.request(["POST /async-function/f HTTP/1.1", "Host: x", "Content-Length: 5", "Expect: 100-continue"])
        assert client.read_head().status == 100
        client.send(b"hello")
        assert client.read_response().status == 202
    assert desk.requests[0].get("Expect") is None


def test_six_hundred_at_once(gateway, desk):
    """More than the desk has connections: the rest waits in the order of coming."""
    go_on, clients = threading.Event(), [gateway.client() for _ in range(600)]

    def hold(connection, request):
        connection.read_body(request)
        assert go_on.wait(60)
        connection.answer(BODY, "202 Accepted", ACCEPTED)

    desk.default = hold
    for client in clients:
        client.request(["POST /async-function/f HTTP/1.1", "Host: x", "Content-Length: 2"], b"hi")
    wait_for(lambda: len(desk.requests) >= 512, "512 requests at the desk")
    go_on.set()
    for client in clients:
        assert client.read_response().status == 202
        client.sock.close()
    assert len(desk.requests) == 600 and desk.accepted == 512


# --- what is refused at once ---


def test_what_a_direct_caller_is_refused(gateway, desk):
    with gateway.client() as client:
        for target, status, why in [("/async-function/none", 404, "function-unknown"),
                                    ("/async-function/p", 404, "function-unknown"),
                                    ("/async-function/b", 503, "invalid-function"),
                                    ("/async-function", 404, "no-function-named"),
                                    ("/async-function/", 404, "no-function-named"),
                                    ("/async-function/f/.berth/init", 404, "path-reserved")]:
            answer = post(client, target)
            assert (answer.status, reason(answer)) == (status, why), target
        answer = post(client, "/b", b"", "Prefer: respond-async")
        assert (answer.status, reason(answer)) == (503, "invalid-function")
    assert not desk.requests
    assert {record["end"] for record in gateway.wait_records(7)} == {"answered"}


def test_body_that_is_too_large(start, desk):
    gateway = start(max_body_bytes=100000)
    with gateway.client() as client:
        client.request(["POST /async-function/f HTTP/1.1", "Host: x", "Content-Length: 100001"])
        answer = client.read_response()
        assert (answer.status, reason(answer)) == (413, "body-too-large")
    assert not desk.requests
    with gateway.client() as client:  # of a length that shows late
        client.request(["POST /async-function/f HTTP/1.1", "Host: x", "Transfer-Encoding: chunked"],
                       b"18000\r\n" + b"x" * 0x18000 + b"\r\n18000\r\n" + b"x" * 0x18000 + b"\r\n")
        answer = client.read_response()
        assert (answer.status, reason(answer)) == (413, "body-too-large")
    wait_for(lambda: not desk.open, "the desk's connection to be closed")


def test_upgrade_has_no_later(gateway, desk):
    with gateway.client() as client:
        answer = client.get("/async-function/f", "Upgrade: websocket", "Connection: Upgrade")
        assert (answer.status, reason(answer)) == (400, "call-upgrade")
    assert not desk.requests


# --- the desk's failures ---


def test_without_a_desk(start_gateway):
    gateway = start_gateway()
    with gateway.client() as client:
        for answer in (post(client, "/async-function/f"), client.get(f"/async/{ID}")):
            assert (answer.status, reason(answer)) == (503, "calls-unavailable")
            assert answer.get("Retry-After")


def test_reason_why_there_is_no_desk(start_gateway):
    gateway = start_gateway(options=["--no-desk", "the disk is gone"])
    with gateway.client() as client:
        assert "the disk is gone" in json.loads(post(client, "/async-function/f").body)["error"]["message"]


def test_nobody_at_the_desk(start_gateway, tmp_path):
    gateway = start_gateway(options=["--desk", str(tmp_path / "nowhere.sock"), "--records", "keep"])
    with gateway.client() as client:
        answer = post(client, "/async-function/f", b"hello")
        assert (answer.status, reason(answer)) == (503, "calls-unavailable")
        assert post(client, "/f/echo", b"hello").body == b"hello"
    [record, _] = gateway.wait_records(2)
    assert (record["function"], record["reason"], record["end"]) == ("f", "calls-unavailable", "answered")
    assert gateway.stats()["timed_out"] == 0


def hang_up(connection, request):
    connection.read_body(request)
    return False


def hang_up_within(connection, request):
    connection.read_body(request)
    connection.send(b"HTTP/1.1 202 Acc")
    return False


def speak_otherwise(connection, request):
    connection.read_body(request)
    connection.send(b"220 desk.test ESMTP\r\n\r\n")
    connection.wait_closed()
    return False


@pytest.mark.parametrize("manner", [hang_up, hang_up_within, speak_otherwise])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_desk_that_fails(gateway, desk, manner, method):
    desk.default = manner
    with gateway.client() as client:
        answer = client.get("/async-function/f", "Content-Length: 0", method=method)
        assert (answer.status, reason(answer)) == (503, "calls-unavailable")
        desk.default = accept
        assert client.get("/async-function/f", "Content-Length: 0", method=method).status == 202
    assert gateway.stats()["timed_out"] == 0 and gateway.stats()["retries"] == 0


def test_desk_that_does_not_answer(start, desk):
    """It has half a minute, since a disk may be busy. No instance is to blame."""
    gateway = start(timeout=1000)
    desk.default = lambda connection, request: connection.wait_closed() and False
    with gateway.client() as client:
        answer = post(client, "/async-function/f")
        assert (answer.status, reason(answer)) == (503, "calls-unavailable")
    assert gateway.stats()["timed_out"] == 0
    wait_for(lambda: not desk.open, "the desk's connection to be closed")


def test_desk_that_ends_within_its_answer(gateway, desk):
    @desk.on(f"/{ID}/result")
    def cut(connection, request):
        connection.read_body(request)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        return False

    with gateway.client() as client:
        client.request([f"GET /async/{ID}/result HTTP/1.1", "Host: x"])
        assert client.read_head().status == 200
        assert client.leave() in (b"", b"half")
    [record] = gateway.wait_records(1)
    assert (record["reason"], record["end"]) == ("calls-unavailable", "cut")


def test_desk_that_has_come_back(gateway, desk):
    """The connections that were kept are of no use, which is nobody's business."""
    with gateway.client() as client:
        assert post(client, "/async-function/f").status == 202
        desk.close_connections()
        wait_for(lambda: not desk.open, "the desk's connections to be closed")
        assert post(client, "/async-function/f").status == 202


# --- a call that was accepted ---


def test_look_and_cancel(gateway, desk):
    def look(connection, request):
        connection.read_body(request)
        connection.answer(b"" if request.method == "HEAD" else b'{"state":"waiting"}')

    desk.default = look
    with gateway.client() as client:
        for method, asked in [("GET", "look"), ("HEAD", "look"), ("DELETE", "cancel")]:
            answer = client.get(f"/async/{ID}?x", method=method)
            assert answer.status == 200 and desk.asked() == asked
            assert (desk.requests[-1].target, desk.requests[-1].method) == (f"/{ID}?x", method)
        assert client.get(f"/async/{ID}/result").status == 200
        assert (desk.requests[-1].target, desk.asked()) == (f"/{ID}/result", "look")
        assert client.get("/async").status == 200 and desk.requests[-1].target == "/"
    records = gateway.wait_records(5)
    assert {(record["function"], record["routed"], record["end"]) for record in records} == {("", False, "answered")}


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "PATCH"])
def test_other_methods_on_a_call(gateway, desk, method):
    with gateway.client() as client:
        answer = client.get(f"/async/{ID}", method=method)
        assert (answer.status, reason(answer), answer.get("Allow")) == (405, "call-method", "GET, HEAD, DELETE")
    assert not desk.requests


# --- other ways in ---


def test_functions_accept_by_their_doors(gateway, desk):
    port = gateway.command("door f")["port"]
    with RawClient(f"127.0.0.1:{port}") as door:
        assert post(door, "/async-function/p", b"hello").status == 202
        asked = desk.requests[0]
        assert (asked.get("X-Berth-Async"), asked.get("X-Berth-Caller")) == ("accept p", "f")
        assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", asked.get("traceparent"))
        assert post(door, "/p", b"", "Prefer: respond-async").status == 202
        assert door.get(f"/async/{ID}").status == 202 and desk.asked() == "look"
    assert [record["caller"] for record in gateway.wait_records(3)] == ["f"] * 3


DELIVERED = ["X-Request-Id: " + ID + "-3", "X-Call-Id: " + ID, "X-Attempt: 3", "X-Start-Time: 1700000000000000000",
             "X-Berth-Schedule: nightly", "X-Berth-Scheduled-At: 2026-11-30T10:00:00Z", "X-Berth-Origin-Call: " + ID,
             "X-Berth-Caller: g",
             "X-Forwarded-For: 192.0.2.1, 192.0.2.2", "X-Forwarded-Proto: https", "X-Forwarded-Host: public.test",
             "X-Forwarded-Prefix: /function/f", "X-Real-IP: 192.0.2.1", "Forwarded: for=192.0.2.1",
             f"traceparent: {TRACEPARENT}"]


def test_what_the_door_of_calls_says_reaches_the_function(gateway, delivery):
    answer = post(delivery, "/function/f/dump", b"hello", *DELIVERED)
    assert answer.status == 200 and answer.get("X-Served-By")
    assert answer.get("X-Request-Id") == f"{ID}-3"
    for line in DELIVERED:
        name, value = line.split(": ", 1)
        assert told(answer, name) == [value]
    assert told(answer, "X-Berth-Async") == []
    [record] = gateway.wait_records(1)
    assert (record["client"], record["caller"], record["function"]) == ("calls", "", "f")
    assert (record["end"], record["id"]) == ("answered", f"{ID}-3") and record["instance"]


def test_door_of_calls_leads_to_private_functions_at_once(delivery, desk):
    assert post(delivery, "/function/p/echo", b"hello").body == b"hello"
    assert post(delivery, "/function/p/echo", b"again", "Prefer: respond-async").body == b"again"
    answer = post(delivery, "/function/none/echo")
    assert (answer.status, reason(answer)) == (404, "function-unknown")
    assert answer.get("X-Served-By") is None and not desk.requests


def test_door_of_calls_is_served_by_all_workers(start, tmp_path):
    gateway = start(workers=3)
    path = tmp_path / "calls.sock"
    assert path.stat().st_mode & 0o777 == 0o600
    clients = [Delivery(str(path)) for _ in range(12)]
    for client in clients:
        assert post(client, "/function/f/echo", b"hello").body == b"hello"
        client.sock.close()
    gateway.stop()
    assert not path.exists()


def test_door_of_calls_takes_no_place_of_a_client(start, tmp_path):
    gateway = start(max_connections=1)
    with gateway.client() as client, Delivery(str(tmp_path / "calls.sock")) as delivery:
        assert post(client, "/f/echo", b"first").body == b"first"
        assert post(delivery, "/function/f/echo", b"hello").body == b"hello"
        assert post(client, "/f/echo", b"last").body == b"last"


def test_drain_ends_the_door_of_calls_and_finishes_what_is_under_way(gateway, delivery, backend, tmp_path):
    began, go_on = threading.Event(), threading.Event()

    @backend.on("/held")
    def held(connection, request):
        connection.read_body(request)
        began.set()
        assert go_on.wait(60)
        connection.answer(b"done")

    with Delivery(str(tmp_path / "calls.sock")) as idle:
        assert post(idle, "/function/f/echo", b"hello").status == 200
        delivery.request(["POST /function/f/held HTTP/1.1", "Host: x", "Content-Length: 0"])
        assert began.wait(60)
        gateway.command("drain")
        assert idle.is_closed()
    with pytest.raises(ConnectionRefusedError):
        Delivery(str(tmp_path / "calls.sock"))
    go_on.set()
    assert delivery.read_response().body == b"done"
    gateway.stop()
