"""TLS in front of Berth, by Caddy and by nginx, each set up as the file in packaging/recipes says."""

import asyncio
import hashlib
import socket

import pytest
import websockets

from harness.functions import MIRROR
from harness.tls_proxy import TlsProxy

STREAMS = """
    import asyncio
    from starlette.responses import Response, StreamingResponse

    go_on = None

    async def steps():
        yield b"first\\n"
        await go_on.wait()
        yield b"second\\n"

    async def handle(request):
        global go_on
        go_on = go_on or asyncio.Event()
        if request.url.path.endswith("/go"):
            go_on.set()
            return Response(status_code=204)
        go_on.clear()
        return StreamingResponse(steps(), media_type="text/event-stream")
"""
ECHO = """
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute

    async def echo(socket):
        await socket.accept()
        while True:
            await socket.send_text("echo " + await socket.receive_text())

    app = Starlette(routes=[WebSocketRoute("/", echo)])
"""

LIES = """X-Forwarded-For: 203.0.113.9
X-Forwarded-Host: lies.example
X-Forwarded-Proto: http
X-Forwarded-Prefix: /lies
X-Real-IP: 203.0.113.9
Forwarded: for=203.0.113.9
"""


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    shared_berth.write_function("mirror", MIRROR, idle_timeout=60)
    shared_berth.write_function("streams", STREAMS, idle_timeout=60, concurrency=8, max_scale=1)
    shared_berth.write_function("echo", ECHO, idle_timeout=60)
    shared_berth.start()


@pytest.fixture(params=["caddy", "nginx"])
def proxy(root, shared_berth, request):
    with TlsProxy(root, request.param, shared_berth) as proxy:
        yield proxy


def ask(connection, method, target, body=b"", more=""):
    head = f"{method} {target} HTTP/1.1\r\nHost: functions.example.org\r\nContent-Length: {len(body)}\r\n"
    connection.send(head.encode() + more.replace("\n", "\r\n").encode() + b"\r\n" + body)
    return connection.response()


def test_function_sees_the_client_and_not_what_it_claims(proxy):
    with proxy.connect() as connection:
        plain = ask(connection, "GET", "/mirror/a%2Fb?x=1")
        lying = ask(connection, "GET", "/mirror/", more=LIES)
    for answer in (plain, lying):
        assert answer.status == 200, answer
        headers = {name.lower(): value for name, value in answer.json()["headers"]}
        assert headers["x-forwarded-proto"] == "https"
        assert headers["host"] == headers["x-forwarded-host"] == "functions.example.org"
        assert headers["x-real-ip"] == "127.0.0.1" and headers["x-forwarded-prefix"] == "/mirror"
        assert "203.0.113.9" not in str(headers) and "lies" not in str(headers)
    assert (plain.json()["path"], plain.json()["query"]) == ("/a%2Fb", "x=1")


def test_body_of_any_size_goes_through(proxy):
    body = bytes(range(256)) * 32768  # more than nginx takes unless told otherwise
    with proxy.connect() as connection:
        told = ask(connection, "POST", "/mirror", body).json()
    assert (told["size"], told["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


def test_stream_is_passed_on_as_it_comes(proxy):
    with proxy.connect() as streaming, proxy.connect() as other:
        streaming.send("GET /streams HTTP/1.1\r\nHost: functions.example.org\r\n\r\n")
        status, headers = streaming.head()
        assert (status, headers.get("Transfer-Encoding")) == (200, "chunked")
        assert streaming.chunk() == b"first\n"  # the second is not made before
        assert ask(other, "GET", "/streams/go").status == 204
        assert streaming.chunk() == b"second\n"
        assert streaming.chunk() == b""


def test_websocket_is_passed_on(proxy):
    async def talk():
        place = {"ssl": proxy.tls(), "sock": socket.create_connection(("127.0.0.1", proxy.port)), "open_timeout": 60}
        place["server_hostname"] = "functions.example.org"
        async with websockets.connect("wss://functions.example.org/echo", **place) as connection:
            for text in ("one", "two"):
                await connection.send(text)
                assert await connection.recv() == "echo " + text

    asyncio.run(talk())


def test_wrong_path_is_told_by_berth(proxy):
    with proxy.connect() as connection:
        assert ask(connection, "GET", "/nobody").error()["reason"] == "function-unknown"
