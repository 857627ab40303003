"""Streams as a user sees them: curl -N shows lines when they are produced, a WebSocket client library has its echo."""

import asyncio
import subprocess

import pytest
import websockets

# Lines leave the handler one by one, each when a request to /go has asked for it.
LINES = """
    import asyncio
    from starlette.responses import Response, StreamingResponse

    more = None

    async def lines(count, form):
        for number in range(count):
            await more.acquire()
            yield form.format(number)

    async def handle(request):
        global more
        more = more or asyncio.Semaphore(0)
        action = request.url.path.rsplit("/", 1)[-1]
        if action == "go":
            more.release()
            return Response(status_code=204)
        if action == "size":
            return Response(str(len(await request.body())))
        if action == "events":
            return StreamingResponse(lines(5, "data: {}\\n\\n"), media_type="text/event-stream")
        return StreamingResponse(lines(5, "line {}\\n"), media_type="text/plain")
"""

ECHO = """
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute
    from starlette.websockets import WebSocketDisconnect

    async def echo(socket):
        await socket.accept(subprotocol="shout" if "shout" in socket.scope["subprotocols"] else None)
        try:
            while True:
                message = await socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                if message.get("text") == "bye":
                    await socket.close(4001)
                    return
                await socket.send({**message, "type": "websocket.send"})
        except WebSocketDisconnect:
            pass

    app = Starlette(routes=[WebSocketRoute("/socket", echo)])
"""


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    shared_berth.write_function("lines", LINES, idle_timeout=60, concurrency=8, max_scale=1)
    shared_berth.write_function("echo", ECHO, idle_timeout=60, concurrency=8, max_scale=1)
    shared_berth.start()


def url(berth, scheme, target):
    host, port = berth.address
    return f"{scheme}://{host}:{port}{target}"


@pytest.mark.parametrize("target, line, behind", [("/lines", "line {}\n", ""), ("/lines/events", "data: {}\n", "\n")])
def test_curl_shows_lines_as_they_are_produced(served, target, line, behind):
    """The next line is made only when curl has printed the one before."""
    with subprocess.Popen(["curl", "-sSN", "--max-time", "60", url(served, "http", target)], stdout=subprocess.PIPE,
                          text=True) as curl:
        for number in range(5):
            assert served.get("/lines/go").status == 204
            assert curl.stdout.readline() == line.format(number)
            assert not behind or curl.stdout.readline() == behind
        assert curl.stdout.read() == ""
    assert curl.returncode == 0


def test_curl_uploads_with_expect_continue(served, tmp_path):
    """curl waits for 100 Continue before it sends a large body."""
    body = tmp_path / "body"
    body.write_bytes(b"x" * 2_000_000)
    done = subprocess.run(
        ["curl", "-sSv", "--max-time", "60", "--expect100-timeout", "30", "-H", "Expect: 100-continue", "-T", body,
         url(served, "http", "/lines/size")], capture_output=True, text=True, check=True)
    assert done.stdout == "2000000"
    assert done.stderr.index("HTTP/1.1 100 Continue") < done.stderr.index("HTTP/1.1 200 OK")


def test_websocket_echo_with_a_client_library(served):

    async def talk():
        address = url(served, "ws", "/echo/socket")
        async with websockets.connect(address, subprotocols=["shout"], max_size=None) as socket:
            assert socket.subprotocol == "shout"
            for message in ("hello", "h\u00e9llo \u2603", "", b"\x00\xff" * 10, "x" * 200_000, b"y" * 1_000_000):
                await socket.send(message)
                assert await asyncio.wait_for(socket.recv(), 20) == message
            assert await asyncio.wait_for(await socket.ping(), 20) >= 0
            await socket.send("bye")
            await asyncio.wait_for(socket.wait_closed(), 20)
            assert socket.close_code == 4001

    asyncio.run(talk())


def test_many_websockets_at_once(served):

    async def talk(number):
        async with websockets.connect(url(served, "ws", "/echo/socket")) as socket:
            for at in range(20):
                await socket.send(f"{number} {at}")
                assert await asyncio.wait_for(socket.recv(), 20) == f"{number} {at}"

    async def crowd():
        await asyncio.gather(*(talk(number) for number in range(8)))

    asyncio.run(crowd())
