"""What a well-behaved client sees: connections, routes, headers, framing."""
import json
import re
import time

import pytest

from conftest import wait_for
from raw_client import RawClient
from stepwise import send_bytewise
from wire import Head


def error_of(response):
    return json.loads(response.body)["error"]


def test_answers_and_keeps_the_connection(gateway):
    with gateway.client() as client:
        for number in range(5):
            client.request(["POST /f/echo HTTP/1.1", "Host: x", "Content-Length: 5"], b"abc%02d" % number)
            response = client.read_response()
            assert (response.status, response.body) == (200, b"abc%02d" % number)
            assert response.get("Connection") is None
    assert gateway.stats()["connections_accepted"] == 1


def test_pipelined_requests_are_answered_in_order(gateway, backend):
    @backend.on("/slow")
    def slow(connection, request):
        assert not connection.pending
        connection.answer(b"slow" + request.get("X-Number").encode())

    with gateway.client() as client:
        client.send(b"".join(b"GET /f/slow HTTP/1.1\r\nHost: x\r\nX-Number: %d\r\n\r\n" % i for i in range(200)))
        assert [client.read_response().body for _ in range(200)] == [b"slow%d" % i for i in range(200)]


def test_pipelined_bodies_and_errors(gateway):
    post = b"POST /f/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    chunked = b"POST /f/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n"
    unknown = b"POST /g/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nxyz"
    with gateway.client() as client:
        client.send((post + unknown + chunked) * 3)
        for _ in range(3):
            assert client.read_response().body == b"abc"
            assert client.read_response().status == 404
            assert client.read_response().body == b"de"


def test_one_byte_at_a_time(gateway):
    message = (b"POST /f/echo?q=1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"3;ext=1\r\nabc\r\n1\r\nd\r\n0\r\nX-T: v\r\n\r\n")
    with gateway.client() as client:
        for _ in range(2):
            for at in range(len(message)):
                client.send(message[at:at + 1])
            assert client.read_response().body == b"abcd"


def test_head_has_no_body(gateway, backend):
    @backend.on("/h")
    def handler(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nX-A: b\r\n\r\n")

    with gateway.client() as client:
        response = client.get("/f/h", method="HEAD")
        assert response.get("Content-Length") == "1000"
        assert client.get("/f/echo").status == 200


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_statuses_without_body(gateway, backend, status):
    @backend.on("/s")
    def handler(connection, _):
        connection.send(f"HTTP/1.1 {status}\r\nX-A: b\r\n\r\n".encode())

    with gateway.client() as client:
        for _ in range(2):
            response = client.get("/f/s")
            assert response.status == int(status[:3])
            assert response.get("Transfer-Encoding") is None


def test_http_1_0_closes_unless_asked_not_to(gateway):
    with gateway.client() as client:
        client.request(["GET /f/echo HTTP/1.0"])
        response = client.read_response()
        assert response.status == 200 and response.get("Connection") in (None, "close")
        assert client.is_closed()
    with gateway.client() as client:
        for _ in range(2):
            client.request(["GET /f/echo HTTP/1.0", "Connection: keep-alive"])
            assert client.read_response().get("Connection").lower() == "keep-alive"


def test_connection_close_is_honoured(gateway):
    with gateway.client() as client:
        response = client.get("/f/echo", "Connection: close")
        assert response.get("Connection") == "close"
        assert client.is_closed()


def test_chunked_answer_with_trailers(gateway, backend):
    @backend.on("/chunked")
    def handler(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                        b"5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 6\r\n\r\n")

    with gateway.client() as client:
        for _ in range(3):
            response = client.get("/f/chunked")
            assert (response.body, response.trailers) == (b"hello!", b"X-Sum: 6\r\n")
        client.request(["GET /f/chunked HTTP/1.0"])
        assert client.read_response().body == b"hello!"
        assert client.is_closed()


def test_chunked_request_with_trailers(gateway, backend):
    @backend.on("/trailers")
    def handler(connection, request):
        body, trailers = connection.read_body(request)
        connection.answer(body + b"|" + trailers)

    with gateway.client() as client:
        client.request(["POST /f/trailers HTTP/1.1", "Host: x", "Transfer-Encoding: chunked"],
                       b"4\r\nabcd\r\n0\r\nX-Sum: 4\r\nHost: forged\r\n\r\n")
        assert client.read_response().body == b"abcd|X-Sum: 4\r\n"


def test_close_delimited_answer_becomes_chunked(gateway, backend):
    @backend.on("/until-close")
    def handler(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\n\r\npart one, ")
        connection.send(b"part two" * 10000)
        return False

    with gateway.client() as client:
        for _ in range(3):
            response = client.get("/f/until-close")
            assert response.get("Transfer-Encoding") == "chunked"
            assert response.body == b"part one, " + b"part two" * 10000
        client.request(["GET /f/until-close HTTP/1.0"])
        assert client.read_response().body == b"part one, " + b"part two" * 10000
        assert client.is_closed()
    gateway.wait_slots(4)


def test_empty_close_delimited_answer(gateway, backend):
    @backend.on("/empty")
    def handler(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        return False

    with gateway.client() as client:
        assert client.get("/f/empty").body == b""
        assert client.get("/f/echo").status == 200


def test_runner_that_closes_after_its_answer(gateway, backend):
    @backend.on("/last")
    def handler(connection, _):
        connection.answer(b"bye", headers=[("Connection", "close")])
        return False

    with gateway.client() as client:
        for _ in range(10):
            response = client.get("/f/last")
            assert response.body == b"bye" and response.get("Connection") is None


def test_continue_is_passed_end_to_end(start_gateway, backend):
    gateway = start_gateway(request_buffer_bytes=0)

    @backend.on("/expect")
    def handler(connection, request):
        assert request.get("Expect") == "100-continue"
        assert not connection.pending
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body, _ = connection.read_body(request)
        connection.answer(body)

    with gateway.client() as client:
        for _ in range(2):
            client.request(["POST /f/expect HTTP/1.1", "Host: x", "Content-Length: 4", "Expect: 100-continue"])
            assert client.read_head().status == 100
            client.send(b"body")
            assert client.read_response().body == b"body"


def test_refused_expectation(start_gateway, backend):
    gateway = start_gateway(request_buffer_bytes=0)

    @backend.on("/refuse")
    def handler(connection, _):
        connection.answer(b"too big", status="413 Content Too Large", headers=[("Connection", "close")])
        return False

    with gateway.client() as client:
        client.request(["POST /f/refuse HTTP/1.1", "Host: x", "Content-Length: 4", "Expect: 100-continue"])
        response = client.read_response()
        assert response.status == 413 and response.get("Connection") == "close"
        client.sock.shutdown(1)
        assert client.is_closed()


def test_early_hints_are_forwarded(gateway, backend):
    @backend.on("/hints")
    def handler(connection, _):
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" * 2)
        connection.answer(b"page")

    with gateway.client() as client:
        response = client.get("/f/hints")
        assert [r.status for r in response.interim] == [103, 103]
        assert response.interim[0].get("Link") == "</a.css>; rel=preload"
        assert response.body == b"page"
        client.request(["GET /f/hints HTTP/1.0", "Connection: keep-alive"])
        assert client.read_head().status == 200


def test_upgrade_becomes_a_tunnel(gateway, backend):
    @backend.on("/ws")
    def handler(connection, request):
        assert request.get("Upgrade") == "websocket" and request.get("Connection").lower() == "upgrade"
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhi")
        while (data := connection.read_some()) != b"end":
            connection.send(data.upper())
        return False

    with gateway.client() as client:
        client.request(["GET /f/ws HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade"], b"early")
        response = client.read_head()
        assert response.status == 101 and response.get("Upgrade") == "websocket"
        assert client.read_exactly(7) == b"hiEARLY"
        for text in (b"abc", b"x" * 100000):
            client.send(text)
            assert client.read_exactly(len(text)) == text.upper()
        client.send(b"end")
        assert client.is_closed()
    gateway.wait_slots(4)


def test_client_ends_a_tunnel(gateway, backend):
    ended = []

    @backend.on("/ws")
    def handler(connection, _):
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
        ended.append(connection.wait_closed())
        return False

    with gateway.client() as client:
        client.request(["GET /f/ws HTTP/1.1", "Host: x", "Upgrade: x", "Connection: Upgrade"])
        assert client.read_head().status == 101
    gateway.wait_slots(4)
    wait_for(lambda: ended == [True], "the end of the tunnel at the runner")


def test_refused_upgrade_is_an_ordinary_answer(gateway):
    with gateway.client() as client:
        response = client.get("/f/echo", "Upgrade: websocket", "Connection: Upgrade")
        assert response.status == 200
        assert client.get("/f/echo").status == 200


@pytest.mark.parametrize("path, rest", [
    ("/f/dump", "/dump"), ("/f/dump?a=%20&b=/x", "/dump?a=%20&b=/x"), ("/function/f/dump", "/dump"),
    ("/function/f.openfaas-fn/dump", "/dump"), ("/f/dump/%2e%2E/..//x", "/dump/%2e%2E/..//x"), ("/f", "/"), ("/f?x", "/?x"),
    ("http://other.test/f/dump", "/dump"),
])
def test_paths(gateway, backend, path, rest):
    backend.default = backend.handlers["/dump"]
    with gateway.client() as client:
        head = client.get(path).body.decode()
        assert head.startswith(f"GET {rest} HTTP/1.1\r\n")


HOPS = ["X-Forwarded-For: 10.0.0.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: outer.test",
        "X-Forwarded-Prefix: /outer", "X-Forwarded-Port: 444", "X-Forwarded-Client-Cert: By=me", "X-Real-IP: 10.0.0.1",
        "Forwarded: for=10.0.0.1;host=outer.test;proto=https", "x-forwarded-for: 10.0.0.2"]


def forwarded_lines(client, *headers):
    lines = client.get("/f/dump", *headers).body.decode().split("\r\n")
    return [line for line in lines if re.match("(?i)host:|x-real|x-forw|forwarded", line)]


def test_a_stranger_says_nothing_about_other_hops(start_gateway):
    gateway = start_gateway(options=["--trust", "10.0.0.0/8, ::1"])
    with gateway.client() as client:
        assert forwarded_lines(client, *HOPS) == [
            "Host: berth.test", "X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "X-Forwarded-Proto: http",
            "X-Forwarded-Host: berth.test", "X-Forwarded-Prefix: /f"]


def test_a_trusted_proxy_is_believed(start_gateway):
    gateway = start_gateway(options=["--trust", "127.0.0.1"])
    with gateway.client() as client:
        assert forwarded_lines(client, *HOPS) == [
            "Host: outer.test", "X-Forwarded-Port: 444", "X-Forwarded-Client-Cert: By=me",
            "Forwarded: for=10.0.0.1;host=outer.test;proto=https", "X-Forwarded-For: 10.0.0.1, 10.0.0.2, 127.0.0.1",
            "Forwarded: for=127.0.0.1", "X-Real-IP: 10.0.0.2", "X-Forwarded-Proto: https",
            "X-Forwarded-Host: outer.test", "X-Forwarded-Prefix: /outer/f"]


@pytest.mark.parametrize("trusted, believed", [("127.0.0.0/8", True), ("::ffff:127.0.0.1", True), ("::/0", False)])
def test_an_ipv4_client_of_an_ipv6_listener_is_one_of_ipv4(start_gateway, trusted, believed):
    gateway = start_gateway(options=["--listen", "[::]:0", "--trust", trusted])
    with RawClient(gateway.address.replace("[::]", "127.0.0.1")) as client:
        lines = forwarded_lines(client, "X-Forwarded-For: 10.0.0.1")
    assert f"X-Real-IP: {'10.0.0.1' if believed else '127.0.0.1'}" in lines
    assert ("X-Forwarded-For: 10.0.0.1, 127.0.0.1" in lines) is believed


def test_trailers_say_nothing_about_other_hops(gateway):
    with gateway.client() as client:
        client.request(["POST /f/dump HTTP/1.1", "Host: x", "Transfer-Encoding: chunked"],
                       b"0\r\nX-Real-IP: 1.2.3.4\r\nX-Forwarded-Port: 1\r\nX-Plain: 1\r\n\r\n")
        dumped = client.read_response().body
        assert b"1.2.3.4" not in dumped and b"Forwarded-Port" not in dumped


def test_what_reaches_the_runner(gateway):
    with gateway.client() as client:
        head = client.get("/function/f/dump", "Connection: X-Drop, keep-alive", "X-Drop: 1", "Keep-Alive: 5", "TE: trailers",
                          "X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 10.0.0.2", "X-Forwarded-Proto: https",
                          "Forwarded: for=1.2.3.4", "traceparent: 00-1-2-01", "X-Request-Id: my-id.1",
                          "X-Forwarded-Prefix: /outer/", "X-Odd:no space").body.decode()
    lines = head.split("\r\n")
    assert "X-Forwarded-For: 10.0.0.1, 10.0.0.2, 127.0.0.1" in lines
    assert "X-Forwarded-Proto: https" in lines
    assert "X-Forwarded-Host: berth.test" in lines
    assert "X-Forwarded-Prefix: /outer/function/f" in lines
    assert "X-Real-IP: 10.0.0.2" in lines
    assert lines.index("Forwarded: for=1.2.3.4") < lines.index("Forwarded: for=127.0.0.1")
    assert "traceparent: 00-1-2-01" in lines
    assert "X-Request-Id: my-id.1" in lines
    assert "X-Odd: no space" in lines
    assert "Host: berth.test" in lines
    for gone in ("X-Drop", "Keep-Alive", "TE:", "Connection"):
        assert gone not in head


def test_what_reaches_the_client(gateway):
    with gateway.client() as client:
        made = client.get("/f/echo")
        kept = client.get("/f/echo", "X-Request-Id: abc")
        evil = client.get("/f/echo", 'X-Request-Id: a"b')
    assert re.fullmatch("[0-9a-f]{32}", made.get("X-Request-Id"))
    assert kept.get("X-Request-Id") == "abc"
    assert re.fullmatch("[0-9a-f]{32}", evil.get("X-Request-Id"))
    assert re.fullmatch(r"queue;dur=\d+\.\d{3}, start;dur=\d+\.\d{3}, run;dur=\d+\.\d{3}", made.get("Server-Timing"))
    assert made.get("X-Served-By") == "000000000001"
    assert made.get("Date").endswith(" GMT")


def test_own_answers(start_gateway):
    gateway = start_gateway(options=["--broken", "bad=hello.py:3:5: error: no handle"])
    with gateway.client() as client:
        response = client.get("/ff")
        assert response.status == 404
        assert error_of(response) == {
            "component": "gateway", "reason": "function-unknown", "message": 'There is no function named "ff".',
            "hint": "Did you mean f?", "request_id": response.get("X-Request-Id")}
        response = client.get("/bad")
        assert response.status == 503 and error_of(response)["message"] == "hello.py:3:5: error: no handle"
        assert error_of(client.get("/"))["reason"] == "no-function-named"
        assert error_of(client.get("/f/.berth/init"))["reason"] == "path-reserved"
        plain = client.get("/ff", "Accept: text/plain")
        assert plain.get("Content-Type").startswith("text/plain") and b"Did you mean f?" in plain.body
        head = client.get("/ff", method="HEAD")
        assert head.status == 404 and int(head.get("Content-Length")) > 0
        options = client.get("*", method="OPTIONS")
        assert options.status == 204 and "POST" in options.get("Allow")
        assert client.get("/f/echo").status == 200
    gateway.wait_stats({"responses gateway": 7})
    wait_for(lambda: gateway.stats()["requests_active"] == 0, "no request under way")


def forwards_left(response):
    return re.findall(r"\r\nMax-Forwards: (.*)\r\n", response.body.decode())


def test_max_forwards(gateway):
    with gateway.client() as client:
        for method in ("TRACE", "OPTIONS"):
            assert forwards_left(client.get("/f/dump", "Max-Forwards: 7", method=method)) == ["6"]
            assert forwards_left(client.get("/f/dump", "Max-Forwards: 1", "Max-Forwards: 9", method=method)) == ["0"]
            assert forwards_left(client.get("/f/dump", f"Max-Forwards: {10 ** 30}", method=method)) == [str(2 ** 32 - 2)]
            assert forwards_left(client.get("/f/dump", "Max-Forwards: x", method=method)) == ["x"]
            assert forwards_left(client.get("/f/dump", method=method)) == []
        assert forwards_left(client.get("/f/dump", "Max-Forwards: 0")) == ["0"]
        options = client.get("/f/dump", "Max-Forwards: 0", method="OPTIONS")
        assert options.status == 204 and "POST" in options.get("Allow")
        trace = client.get("/f/dump", "Max-Forwards: 00", "Cookie: secret", method="TRACE")
        assert (trace.status, trace.get("Allow"), error_of(trace)["reason"]) == (405, "OPTIONS", "trace-not-served")
        assert b"secret" not in trace.body
        assert client.get("/f/echo").status == 200


def test_error_before_the_body_came_closes(gateway):
    with gateway.client() as client:
        client.request(["POST /none HTTP/1.1", "Host: x", "Content-Length: 1000000"])
        response = client.read_response()
        assert response.status == 404 and response.get("Connection") == "close"
        client.send(b"x" * 1000)
        client.sock.shutdown(1)
        assert client.is_closed()


def test_two_workers_share_the_slots(start_gateway):
    gateway = start_gateway(slots=2, workers=2)
    clients = [gateway.client() for _ in range(12)]
    for _ in range(50):
        for client in clients:
            client.request(["GET /f/echo HTTP/1.1", "Host: x"])
        for client in clients:
            assert client.read_response().status == 200
    for client in clients:
        client.sock.close()
    gateway.wait_slots(2)
    assert gateway.counts()["completed"] == 600


@pytest.mark.parametrize("size", [600, 1400, 6000])
def test_head_that_outgrows_what_holds_its_parts(gateway, size):
    """Byte by byte: what has come of a head is kept in a small buffer, as far as it fits, and a large one otherwise."""
    value = "".join(f"{number:04x}" for number in range(size // 4))
    head = f"POST /f/dump?byte=by-byte HTTP/1.1\r\nHost: berth.test\r\nX-Long: {value}\r\nContent-Length: 5\r\n\r\n"
    with gateway.client() as client:
        for _ in range(2):
            send_bytewise(gateway, client, head.encode())
            client.send(b"hello")
            response = client.read_response()
            assert response.status == 200
            assert f"X-Long: {value}\r\n".encode() in response.body
            assert response.body.startswith(b"POST /dump?byte=by-byte HTTP/1.1\r\n")


def test_call_by_the_contract_has_its_id_and_the_time_of_its_start(gateway):
    """In what the function gets and in the answer alike; the client's own id is kept, by either name and by both."""
    with gateway.client() as client:
        for given, expected in (([], None), (["X-Call-Id: ours", "X-Start-Time: 1"], "ours"), (["X-Call-Id: ü"], None),
                                (["X-Request-Id: this"], "this"), (["X-Request-Id: this", "X-Call-Id: ours"], "ours")):
            before = time.time_ns()
            response = client.get("/function/f/dump", *given)
            told = Head(response.body.split(b"\r\n\r\n")[0])
            call_id = response.get("X-Call-Id")
            assert call_id == told.get("X-Call-Id") and response.get("X-Request-Id") == told.get("X-Request-Id")
            assert response.get("X-Request-Id") == ("this" if "X-Request-Id: this" in given else call_id)
            assert call_id == expected if expected else re.fullmatch("[0-9a-f]{32}", call_id)
            assert response.get("X-Start-Time") == told.get("X-Start-Time")
            assert before <= int(told.get("X-Start-Time")) <= time.time_ns()
        refused = client.get("/function/none", "X-Call-Id: ours")
        assert (refused.status, refused.get("X-Call-Id")) == (404, "ours") and refused.get("X-Start-Time")
        plain = client.get("/f/dump", "X-Call-Id: ours")
        assert plain.get("X-Call-Id") is None and Head(plain.body.split(b"\r\n\r\n")[0]).get("X-Call-Id") == "ours"
        assert plain.get("X-Request-Id") != "ours"
