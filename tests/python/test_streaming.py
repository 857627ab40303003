"""Responses that are written while they are made, and ends that come too early."""
import pytest

from fake_host import head

KINDS = pytest.mark.parametrize("prefix", ["", "async "], ids=["plain", "async"])

STEPS = """
    import os, time
    from starlette.responses import StreamingResponse

    def steps():
        yield "one"
        while not os.path.exists("go"):
            time.sleep(0.01)
        yield "two"

    {prefix}def handle(request):
        return {value}
"""


@KINDS
@pytest.mark.parametrize("value", ["steps()", "StreamingResponse(steps())"])
def test_pieces_arrive_when_they_are_made(host, prefix, value):
    connection = host.serve(STEPS.format(prefix=prefix, value=value))
    connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert connection.head()[1]["transfer-encoding"] == "chunked"
    assert connection.chunk() == b"one"
    assert connection.quiet()
    (host.folder / "go").touch()
    assert connection.chunk() == b"two"
    assert connection.chunk() is None
    assert connection.request().body == b"onetwo"


@KINDS
def test_exception_before_the_first_piece_is_500(host, prefix):
    connection = host.serve(f"""
        def broken():
            raise ValueError("early")
            yield ""
        {prefix}def handle(request):
            return broken()
    """)
    assert connection.request().status == 500
    assert connection.request().status == 500


@KINDS
@pytest.mark.parametrize("value", ["broken()", "StreamingResponse(broken())"])
def test_exception_after_it_is_seen_as_truncation(host, prefix, value):
    connection = host.serve(f"""
        from starlette.responses import StreamingResponse
        def broken():
            yield "piece"
            raise ValueError("late")
        {prefix}def handle(request):
            return {value}
    """)
    response = connection.request()
    assert (response.status, response.body, response.complete) == (200, b"piece", False)
    host.wait_log("ValueError: late")
    assert host.accept().request().complete is False


@KINDS
def test_large_response_and_slow_reader(host, prefix):
    size = 20_000_000
    connection = host.serve(f"{prefix}def handle(request):\n    return b'x' * {size}\n")
    for _ in range(2):
        response = connection.request()
        assert response.complete and len(response.body) == size


def test_slow_reader_holds_back_the_writer(host):
    connection = host.serve("""
        count = 0
        async def pieces():
            global count
            for count in range(1000):
                yield b"x" * 100_000
        async def handle(request):
            return pieces() if request.path == "/" else str(count)
    """, concurrency=2)
    second = host.accept()
    connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    connection.head()
    assert connection.quiet() is False
    assert int(second.request(target="/count").text) < 50
    total = 0
    while (piece := connection.chunk()) is not None:
        total += len(piece)
    assert total == 100_000_000


@KINDS
def test_client_that_leaves_a_stream(host, prefix):
    connection = host.serve(f"""
        import itertools
        def pieces():
            try:
                for number in itertools.count():
                    yield "x" * 10000
            finally:
                print("stream closed")
        {prefix}def handle(request):
            return pieces() if request.path == "/" else "alive"
    """)
    connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    connection.head()
    connection.close()
    assert host.accept().request(target="/alive").text == "alive"
    host.wait_log("stream closed")


def test_client_that_leaves_cancels_the_task(host):
    connection = host.serve("""
        import asyncio
        async def handle(request):
            if request.path != "/":
                return "alive"
            print("started")
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                print("cancelled")
                raise
    """)
    connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    host.wait_log("started")
    connection.close()
    host.wait_log("cancelled")
    assert host.accept().request(target="/alive").text == "alive"


def test_server_sent_events(host):
    connection = host.serve("""
        import asyncio
        from starlette.responses import StreamingResponse
        async def events():
            for number in range(3):
                yield f"data: {number}\\n\\n"
                await asyncio.sleep(0.01)
        async def handle(request):
            return StreamingResponse(events(), media_type="text/event-stream")
    """)
    response = connection.request()
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text == "data: 0\n\ndata: 1\n\ndata: 2\n\n"


def test_disconnect_is_seen_by_the_handler(host):
    connection = host.serve("""
        async def handle(request):
            await request.body()
            if request.path == "/":
                message = await request.receive()
                print("saw", message["type"])
    """)
    connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert connection.quiet()
    connection.close()
    assert host.accept().request(target="/alive").status == 204


def test_echo_while_reading(host):
    connection = host.serve("""
        async def handle(request):
            async for piece in request.stream():
                if piece:
                    yield piece.upper()
    """)
    connection.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    connection.head()
    assert connection.chunk() == b"ABC"
    connection.send(b"1\r\nd\r\n0\r\n\r\n")
    assert connection.chunk() == b"D"
    assert connection.chunk() is None


def test_first_streams_of_several_threads_at_once(host):
    """anyio takes its part for asyncio from sys.modules even while another thread loads it."""
    connection = host.serve("""
        import importlib.util
        import sys
        import threading
        from starlette.responses import StreamingResponse

        class Slowly:
            def find_spec(self, name, path, target=None):
                if name != "anyio._backends._asyncio":
                    return None
                sys.meta_path.remove(self)
                spec = importlib.util.find_spec(name)
                load = spec.loader.exec_module

                def load_slowly(module):
                    started.release()
                    threading.Event().wait(0.5)
                    load(module)

                spec.loader.exec_module = load_slowly
                return spec

        started = threading.Semaphore(0)
        sys.meta_path.insert(0, Slowly())

        async def steps():
            yield "one "
            yield "two"

        def handle(request):
            if request.path == "/second":
                started.acquire()
            return StreamingResponse(steps())
        """, concurrency=2)
    second = host.accept()
    connection.send(head("GET", "/first"))
    second.send(head("GET", "/second"))
    assert [connection.response().text, second.response().text] == ["one two", "one two"]
