"""ASGI applications behind the runner: mounting, lifespan, WebSockets."""
import base64
import json
import os

import pytest

RUNTIME = {"file": "main.py"}

STARLETTE = """
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
    from starlette.routing import Route, WebSocketRoute

    async def show(request):
        return JSONResponse({"url": str(request.url), "for": str(request.url_for("show", name="x")),
                             "base": str(request.base_url), "name": request.path_params["name"]})

    async def upload(request):
        form = await request.form()
        return PlainTextResponse(f"{form['file'].filename} {len(await form['file'].read())}")

    async def numbers(request):
        async def pieces():
            for number in range(3):
                yield f"{number} "
        return StreamingResponse(pieces())

    async def fail(request):
        raise ValueError("on purpose")

    async def echo(socket):
        await socket.accept(subprotocol=(socket.scope["subprotocols"] or [None])[0])
        async for message in socket.iter_text():
            await socket.send_text(f"{socket.url.path}: {message}")

    app = Starlette(routes=[
        Route("/show/{name}", show, name="show"), Route("/upload", upload, methods=["POST"]),
        Route("/numbers/", numbers), Route("/fail", fail), WebSocketRoute("/echo", echo)])
"""


def serve(host, source, **changes):
    return host.serve(source, runtime=RUNTIME, **changes)


def test_starlette_knows_its_urls(host):
    shown = serve(host, STARLETTE).request(target="/show/ab?q=1").json()
    assert shown == {"url": "http://example.test:8080/sample/show/ab?q=1", "name": "ab",
                     "for": "http://example.test:8080/sample/show/x", "base": "http://example.test:8080/sample/"}


def test_starlette_redirects_streams_and_takes_uploads(host):
    connection = serve(host, STARLETTE)
    response = connection.request(target="/numbers")
    assert response.headers["location"] == "http://example.test:8080/sample/numbers/"
    assert connection.request(target="/numbers/").text == "0 1 2 "
    body = (b'--x\r\nContent-Disposition: form-data; name="file"; filename="f.txt"\r\n\r\n' + b"y" * 100000
            + b"\r\n--x--\r\n")
    response = connection.request("POST", "/upload", body, [("Content-Type", "multipart/form-data; boundary=x")])
    assert response.text == "f.txt 100000"
    assert connection.request(target="/none").status == 404


def test_exception_of_an_application_is_in_the_log(host):
    connection = serve(host, STARLETTE)
    assert connection.request(target="/fail").status == 500
    host.wait_log("ValueError: on purpose")


LIFESPAN = """
    events = []

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            assert (await receive())["type"] == "lifespan.startup"
            scope["state"]["answer"] = 42
            print("started up", flush=True)
            await send({"type": "lifespan.startup.complete"})
            assert (await receive())["type"] == "lifespan.shutdown"
            print("shut down", flush=True)
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(scope["state"]["answer"]).encode()})
"""


def test_lifespan(host):
    connection = serve(host, LIFESPAN)
    assert "started up" in host.log() and connection.request().text == "42"
    assert host.terminate() == 0
    assert "shut down" in host.log()


@pytest.mark.parametrize("startup", ["raise RuntimeError('no database')",
                                     "await send({'type': 'lifespan.startup.failed', 'message': 'no database'})"])
def test_failed_startup_is_a_failed_load(host, startup):
    known = "" if "send" in startup else "await send({'type': 'lifespan.startup.failed'})"
    host.write(f"""
        async def app(scope, receive, send):
            await receive()
            {known}
            {startup}
        """)
    host.start()
    answer = host.init(host.accept(), runtime=RUNTIME)
    assert answer.status == 500 and "no database" in answer.json()["error"]["message"]


def test_application_without_lifespan(host):
    connection = serve(host, """
        async def app(scope, receive, send):
            assert scope["type"] == "http"
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": scope["path"].encode() + b" " + scope["raw_path"]})
        """)
    assert connection.request(target="/%61?b").text == "/sample/a /sample/%61"
    assert host.terminate() == 0


def test_starlette_whose_startup_fails(host):
    host.write("""
        from starlette.applications import Starlette

        def connect():
            raise RuntimeError("no database")

        app = Starlette(on_startup=[connect])
        """)
    host.start()
    answer = host.init(host.accept(), runtime=RUNTIME)
    assert "RuntimeError: no database" in answer.json()["error"]["message"] and "connect" in answer.json()["error"]["traceback"]


# WebSockets

KEY = base64.b64encode(b"0123456789abcdef").decode()
HANDSHAKE = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
             ("Sec-WebSocket-Key", KEY)]


class Client:
    """A WebSocket's client side over a slot."""

    def __init__(self, connection, target="/echo", headers=()):
        from fake_host import head

        self.connection = connection
        connection.send(head("GET", target, headers=[*HANDSHAKE, *headers]))
        self.status, self.headers = connection.head()

    def send(self, opcode, payload=b"", final=True, masked=True):
        mask = os.urandom(4) if masked else b""
        size = len(payload)
        length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big") if size < 1 << 16 \
            else b"\x7f" + size.to_bytes(8, "big")
        data = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload)) if masked else payload
        self.connection.send(bytes([0x80 * final | opcode, length[0] | 0x80 * masked]) + length[1:] + mask + data)

    def take(self, size):
        while len(self.connection.buffer) < size:
            if not self.connection.fill():
                raise EOFError
        data, self.connection.buffer = self.connection.buffer[:size], self.connection.buffer[size:]
        return data

    def receive(self):
        first, size = self.take(2)
        assert first & 0x80 and not size & 0x80
        if size >= 126:
            size = int.from_bytes(self.take(2 if size == 126 else 8), "big")
        return first & 15, self.take(size)


def test_websocket_echo(host):
    client = Client(serve(host, STARLETTE))
    assert client.status == 101 and client.headers["upgrade"].lower() == "websocket"
    assert client.headers["sec-websocket-accept"] == "BACScCJPNqyz+UBoqMH89VmURoA="
    for message in (b"", b"hello", "äöü".encode(), b"x" * 200, b"y" * 70000):
        client.send(1, message)
        opcode, payload = client.receive()
        assert opcode == 1 and payload.endswith(b"/echo: " + message)
    client.send(1, b"in ", final=False)
    client.send(9, b"ping")
    client.send(0, b"two parts")
    assert client.receive() == (10, b"ping")
    assert client.receive()[1].endswith(b": in two parts")
    client.send(8, (1000).to_bytes(2, "big") + b"bye")
    assert client.receive() == (8, (1000).to_bytes(2, "big") + b"bye")
    assert client.connection.closed()
    assert host.accept().request(target="/show/again").status == 200


def test_websocket_subprotocol_and_early_data(host):
    client = Client(serve(host, STARLETTE), headers=[("Sec-WebSocket-Protocol", "chat, other")])
    assert client.headers["sec-websocket-protocol"] == "chat"


@pytest.mark.parametrize("frames, code", [
    ([(1, b"x", True, False)], 1002), ([(3, b"x", True, True)], 1002), ([(0, b"x", True, True)], 1002),
    ([(1, b"\xff", True, True)], 1007), ([(9, b"x", False, True)], 1002), ([(8, b"x", True, True)], 1002),
    ([(8, (1005).to_bytes(2, "big"), True, True)], 1002), ([(1, b"a", False, True), (1, b"b", True, True)], 1002),
])
def test_broken_frames_end_the_websocket(host, frames, code):
    client = Client(serve(host, STARLETTE))
    for frame in frames:
        client.send(*frame)
    opcode, payload = client.receive()
    assert opcode == 8 and int.from_bytes(payload[:2], "big") == code
    assert client.connection.closed()


def test_message_that_is_too_long(host):
    client = Client(serve(host, STARLETTE))
    client.connection.send(b"\x81\xff" + (1 << 40).to_bytes(8, "big"))
    assert client.receive()[1][:2] == (1009).to_bytes(2, "big")


TELL = """
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            return
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"fine"})
            return
        assert (await receive())["type"] == "websocket.connect"
        action = scope["path"].rsplit("/", 1)[1]
        if action == "refuse":
            await send({"type": "websocket.close"})
        elif action == "answer":
            await send({"type": "websocket.http.response.start", "status": 401, "headers": [(b"x-why", b"because")]})
            await send({"type": "websocket.http.response.body", "body": b"who are you"})
        elif action == "fail-early":
            raise ValueError("early")
        else:
            await send({"type": "websocket.accept", "headers": [(b"x-extra", b"1")]})
            if action == "fail":
                raise ValueError("late")
            if action == "close":
                await send({"type": "websocket.close", "code": 4001, "reason": "enough"})
            await send({"type": "websocket.send", "bytes": b"bytes"}) if action == "bytes" else None
            if action != "return":
                print("ended with", (await receive())["code"], flush=True)
"""


@pytest.mark.parametrize("target, status, text", [
    ("/refuse", 403, ""), ("/answer", 401, "who are you"), ("/fail-early", 500, None)])
def test_handshake_that_the_application_refuses(host, target, status, text):
    from fake_host import head

    connection = serve(host, TELL)
    for _ in range(2):
        connection.send(head("GET", target, headers=HANDSHAKE))
        response = connection.response()
        assert response.status == status and (text is None or response.text == text)
    assert connection.request().text == "fine"


@pytest.mark.parametrize("target, code", [("/fail", 1011), ("/close", 4001), ("/return", 1000)])
def test_end_by_the_application(host, target, code):
    client = Client(serve(host, TELL), target)
    assert client.status == 101 and client.headers["x-extra"] == "1"
    opcode, payload = client.receive()
    assert (opcode, int.from_bytes(payload[:2], "big")) == (8, code)
    assert client.connection.closed() and host.accept().request().text == "fine"


def test_client_that_vanishes(host):
    client = Client(serve(host, TELL), "/bytes")
    assert client.receive() == (2, b"bytes")
    client.connection.close()
    host.wait_log("ended with 1006")
    assert host.accept().request().text == "fine"


def test_websocket_at_the_end_of_the_instance(host):
    client = Client(serve(host, TELL), "/wait")
    host.processes[0].terminate()
    assert client.receive() == (8, (1001).to_bytes(2, "big"))
    assert host.processes[0].wait(20) == 0
    host.wait_log("ended with 1001")


@pytest.mark.parametrize("change, status", [({"Sec-WebSocket-Version": "8"}, 426), ({"Sec-WebSocket-Key": "x"}, 400)])
def test_bad_handshake(host, change, status):
    connection = serve(host, TELL)
    headers = [(name, change.get(name, value)) for name, value in HANDSHAKE]
    response = connection.request("GET", "/x", headers=headers)
    assert response.status == status
    assert status == 400 or response.headers["sec-websocket-version"] == "13"


def test_slow_application_holds_the_client_back(host):
    client = Client(serve(host, """
        import asyncio

        async def app(scope, receive, send):
            if scope["type"] == "lifespan":
                return
            await receive()
            await send({"type": "websocket.accept"})
            total = 0
            await asyncio.sleep(0.2)
            while (message := await receive())["type"] == "websocket.receive":
                total += len(message["bytes"])
                if total == 8000000:
                    await send({"type": "websocket.send", "text": str(total)})
        """), "/")
    for _ in range(8):
        client.send(2, b"z" * 1000000)
    assert json.loads(client.receive()[1]) == 8000000
