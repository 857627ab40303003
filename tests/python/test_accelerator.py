"""The runner's C module: what it accepts it reads as the Python code does, its coroutine is one like any other, and it
keeps nothing. That it serves as the Python code does is tested by all other tests, which run with both."""
import importlib.util
import random
import sys
from pathlib import Path

import pytest

from fake_host import REFERENCE, accelerated_runner, head, sanitizer_environment

sys.path.insert(0, str(REFERENCE))

from berth_runner import protocol  # noqa: E402

RUNNER = accelerated_runner()
PLAIN = RUNNER is not None and not sanitizer_environment(RUNNER)


@pytest.fixture(scope="module")
def module():
    if not PLAIN:
        pytest.skip("no C module that this process can load")
    path = Path(RUNNER, "berth_runner/_accelerator.abi3.so")
    spec = importlib.util.spec_from_file_location("_accelerator", path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


USUAL = [head("GET", "/"), head("POST", "/a?b=c%20d", b"body"), head("PUT", "/", b""), head("DELETE", "/" + "x" * 3000),
         head("GET", "/", headers=[("Cookie", "a=b; c=d"), ("Content-Type", "text/plain"), ("TE", "trailers")]),
         b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\ncontent-length:7\r\n\r\n"]
PIECES = [b"GET", b"POST", b" ", b"/", b"/a?b", b"HTTP/1.1", b"\r\n", b"\r", b"\n", b"\r\n\r\n", b":", b"Host: a", b"\t",
          b"Content-Length: 5", b"content-length:12", b"CONTENT-LENGTH:  7", b"Content-Length: +1", b"Content-Length: 1_0",
          b"Content-Length: ", b"Content-Length: 99999999999999999999", b"Transfer-Encoding: chunked", b"\0", b"\xff", b"x"]


def compare(module, data):
    """Whether the C module accepts the head; then the Python code must read the same."""
    read = module.read_head(data)
    if read is None:
        return False
    method, target, end, length = read
    assert data.find(b"\r\n\r\n") == end
    assert protocol.parse_head(data, end) == (method.decode("latin-1"), target, data[:end].lower(), length)
    return True


def test_usual_heads_are_read(module):
    for data in USUAL:
        assert compare(module, data) and compare(module, data + b"more\r\n\r\n")
        for end in range(data.index(b"\r\n\r\n") + 4):
            assert module.read_head(data[:end]) is None


@pytest.mark.parametrize("field", ["Transfer-Encoding: chunked", "content-length: 1 2", "content-length: -1",
                                   "content-length: ", "content-length: 0x1", "content-length: 1_0"])
def test_unusual_heads_are_left_alone(module, field):
    assert module.read_head(f"POST / HTTP/1.1\r\n{field}\r\n\r\n".encode()) is None


def test_heads_of_random_pieces(module):
    generator = random.Random(20)
    accepted = 0
    for _ in range(40000):
        pieces = generator.choices(PIECES, k=generator.randrange(12))
        accepted += compare(module, b"GET / HTTP/1.1\r\n" * generator.randrange(2) + b"".join(pieces) + b"\r\n\r\n")
    assert accepted > 1000


def test_heads_with_a_byte_changed(module):
    generator = random.Random(21)
    accepted = 0
    for _ in range(40000):
        data = bytearray(generator.choice(USUAL))
        data[generator.randrange(len(data))] = generator.choice(b"\r\n :\0a0cCtT\xff")
        accepted += compare(module, bytes(data))
    assert accepted > 1000


def test_what_is_not_configured_is_refused(module):
    with pytest.raises(RuntimeError, match="configure"):
        module.LoopBase().call_soon(print)
    with pytest.raises(RuntimeError, match="configure"):
        module.LoopBase().start_task(None)
    with pytest.raises(TypeError):
        module.serve(1, 2, {}, None, None)
    with pytest.raises(OSError):
        module.receive(1 << 20)


def test_the_runner_has_loaded_it(host, runner):
    connection = host.serve("""
        import sys

        async def handle(request):
            return "berth_runner._accelerator" in sys.modules
        """)
    assert connection.request().json() == (runner != REFERENCE)


def test_a_waiting_task_shows_its_frames(host):
    connection = host.serve("""
        import asyncio, io

        async def handle(request):
            if request.path == "/wait":
                handle.task = asyncio.current_task()
                await asyncio.sleep(60)
            out = io.StringIO()
            handle.task.print_stack(file=out)
            return {"stack": out.getvalue(), "text": repr(handle.task), "known": handle.task in asyncio.all_tasks()}
        """, concurrency=2)
    second = host.accept()
    connection.send(head("GET", "/wait"))
    while (answer := second.request()).status != 200:
        pass
    answer = answer.json()
    assert answer["known"] and "Stack for <Task pending" in answer["stack"] and "await " in answer["stack"]
    assert "pending" in answer["text"] and "Slot.run" in answer["text"]


def test_an_exception_thrown_in_reaches_the_handler(host):
    connection = host.serve("""
        import asyncio

        async def handle(request):
            try:
                async with asyncio.timeout(0.01):
                    await asyncio.sleep(60)
            except TimeoutError:
                await asyncio.sleep(0)
                return "timed out"
        """)
    assert connection.request().text == "timed out"


@pytest.mark.parametrize("returned", ["HTMLResponse('x')", "'text'", "{'a': 1}", "1 / 0", "(await asyncio.sleep(0)) or b''",
                                      "Response(b'x', 204)"])
def test_nothing_is_kept(host, returned):
    connection = host.serve(f"""
        import asyncio, gc
        from starlette.responses import HTMLResponse, Response

        async def handle(request):
            if request.path == "/count":
                gc.collect()
                return len(gc.get_objects())
            return {returned}
        """)

    def count():
        for _ in range(50):
            connection.request()
        return connection.request("GET", "/count").json()

    count()
    before = count()
    assert count() - before < 20


def test_attributes_that_fail_are_a_500(host):
    connection = host.serve("""
        from starlette.responses import Response

        class Broken(Response):
            def __init__(self, what):
                super().__init__("x")
                if what == "body":
                    del self.body
                elif what == "headers":
                    self.raw_headers = [(b"content-length",)]
                elif what == "status":
                    self.status_code = 7000

        async def handle(request):
            return Broken(request.path[1:])
        """)
    for what in ("body", "headers", "status"):
        assert connection.request("GET", f"/{what}").status == 500
    assert connection.request().text == "x"


@pytest.mark.parametrize("size", [0, 1, 16 << 10, (16 << 10) + 1, 5 << 20])
def test_bodies_of_any_size_go_out_whole(host, size):
    connection = host.serve(f"""
        from starlette.responses import Response

        async def handle(request):
            return Response(b"0123456789abcdef" * {size // 16 + 1})
        """)
    for _ in range(2):
        assert connection.request().body == b"0123456789abcdef" * (size // 16 + 1)


@pytest.mark.parametrize("pause", [False, True])
def test_requests_sent_ahead_are_answered_in_order(host, pause):
    connection = host.serve(f"""
        import asyncio
        from starlette.responses import PlainTextResponse

        async def handle(request):
            {"await asyncio.sleep(0.001)" if pause else ""}
            return PlainTextResponse(request.path + (await request.body()).decode())
        """)
    connection.send(b"".join(head("POST", f"/{number}", b"!" * number) for number in range(40)))
    assert [connection.response().text for _ in range(40)] == [f"/{number}" + "!" * number for number in range(40)]
