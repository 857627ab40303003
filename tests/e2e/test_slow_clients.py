"""Clients that send or read slowly cost the daemon memory and not slots: whoever else calls the function is answered
within its `timeout`, all the time."""

import contextlib
import socket
import threading
import time

import pytest

from harness import client
from harness.wait import wait_until

CROWD = 8
TIMEOUT_S = 5
CRAWL_S = 12  # longer than two timeouts
ANSWER = 700_000  # less than is taken from the function at once, more than a reader's socket holds
SMALL = 2048  # bytes of a slow reader's receive buffer

FUNCTION = """
    from starlette.responses import PlainTextResponse, StreamingResponse

    import asyncio

    async def events(count, pause):
        for number in range(count):
            yield f"data: {number}\\n\\n"
            await asyncio.sleep(pause)
        await asyncio.sleep(3600)

    async def handle(request):
        action = request.url.path.rsplit("/", 1)[-1]
        if action == "big":
            return PlainTextResponse("x" * int(request.query_params["size"]))
        if action == "events":
            return StreamingResponse(events(4, 0.4), media_type="text/event-stream")
        return PlainTextResponse(str(len(await request.body())))
"""


SHOUT = """
    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        more = True
        while more:
            message = await receive()
            more = message.get("more_body", False)
            await send({"type": "http.response.body", "body": message["body"].upper(), "more_body": more})
"""


class Slow(client.Connection):
    """A connection whose receive buffer is small, so that what it does not read stays with the sender."""

    def __init__(self, address):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        sock.settimeout(60)
        sock.connect(address)
        self.socket = sock
        self.reader = sock.makefile("rb")


@pytest.fixture
def slow_to(berth):
    """A function that makes slow connections to the daemon."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(Slow(berth.address))


@contextlib.contextmanager
def asking(berth, target, limit=TIMEOUT_S):
    """Somebody asks all the time meanwhile; gives the list of how long each answer took. None takes its time."""
    took, failed, stop = [], [], threading.Event()

    def ask():
        while not stop.is_set():
            began = time.monotonic()
            try:
                assert berth.get(target, timeout=limit).status == 200
            except (OSError, AssertionError) as error:
                failed.append(error)
                return
            took.append(time.monotonic() - began)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield took
    finally:
        stop.set()
        thread.join()
    assert not failed, failed
    assert max(took) < limit


def start(berth, host=None, **settings):
    berth.host = {"prewarm": 0, **(host or {})}
    berth.write_function("slow", FUNCTION, **{"max_scale": 1, "concurrency": 4, "timeout": "5s", "idle_timeout": 60, **settings})
    berth.start()
    assert berth.get("/slow").status == 200
    return berth


def crawl(connections, byte, seconds=CRAWL_S):
    """Each does one step a second; gives how many that were."""
    end, steps = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for connection in connections:
            byte(connection)
        steps += 1
        time.sleep(1)
    return steps


def served_by(berth):
    return berth.get("/slow").headers["X-Served-By"]


@pytest.mark.shows_setting("configuration.timeout", "host.request_buffer")
@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_senders_of_a_byte_a_second(berth, slow_to, framing):
    start(berth)
    instance = served_by(berth)
    slow = [slow_to() for _ in range(CROWD)]
    chunked = "chunked" in framing
    for connection in slow:
        connection.send(f"POST /slow HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n" + ("3e8\r\n" if chunked else ""))
    with asking(berth, "/slow"):
        sent = crawl(slow, lambda connection: connection.send("y"))
        for connection in slow:
            connection.send("y" * (1000 - sent) + ("\r\n0\r\n\r\n" if chunked else ""))
            assert connection.response().text == "1000"
    assert served_by(berth) == instance


@pytest.mark.shows_setting("configuration.timeout", "host.answer_buffer")
def test_readers_of_a_byte_a_second(berth, slow_to):
    start(berth)
    instance = served_by(berth)
    slow = [slow_to() for _ in range(CROWD)]
    for connection in slow:
        connection.send(f"GET /slow/big?size={ANSWER} HTTP/1.1\r\nHost: x\r\n\r\n")
    with asking(berth, "/slow"):
        crawl(slow, lambda connection: connection.socket.recv(1))
    assert berth.counter("berth_buffered_bytes") > ANSWER
    for connection in slow:
        connection.close()
    wait_until(lambda: berth.counter("berth_buffered_bytes") == 0, "what was kept for them to be freed")
    assert served_by(berth) == instance


@pytest.mark.shows_setting("configuration.timeout")
def test_both_at_once(berth, slow_to):
    start(berth)
    senders, readers = ([slow_to() for _ in range(CROWD)] for _ in range(2))
    for connection in senders:
        connection.send("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
    for connection in readers:
        connection.send(f"GET /slow/big?size={ANSWER} HTTP/1.1\r\nHost: x\r\n\r\n")
    with asking(berth, "/slow"):
        crawl([*senders, *readers], lambda connection:
              connection.send("y") if connection in senders else connection.socket.recv(1))


@pytest.mark.shows_setting("host.request_buffer")
def test_without_a_request_buffer_the_body_is_the_functions(berth, slow_to):
    """The request takes a slot with its head; its time ends it, the client is told, and the instance stays."""
    start(berth, {"request_buffer": 0, "min_rate": 0}, timeout="1s")
    instance = served_by(berth)
    connection = slow_to()
    connection.send("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
    answer = connection.response()
    assert answer.status == 408 and "timeout" in answer.error()["hint"]
    assert served_by(berth) == instance


@pytest.mark.shows_setting("host.answer_buffer", "host.min_rate")
def test_reader_of_what_is_not_kept_is_cut(berth, slow_to):
    start(berth, {"answer_buffer": "10Ki"}, timeout="60s", concurrency=1)
    connection = slow_to()
    connection.send(f"GET /slow/big?size={ANSWER} HTTP/1.1\r\nHost: x\r\n\r\n")
    with asking(berth, "/slow", limit=60):
        wait_until(lambda: berth.counter("berth_slow_clients_cut_total") == 1, "the slow reader to be cut")
    assert berth.counter("berth_buffered_bytes") == 0
    assert berth.log.entries(event="gateway.slow-clients-cut")


@pytest.mark.shows_setting("host.min_rate")
def test_sender_below_the_least_rate_is_told(berth, slow_to):
    start(berth, {"request_buffer": "1Ki", "min_rate": "4Ki"}, timeout="60s", concurrency=1)
    connection = slow_to()
    connection.send("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + "x" * 2000)
    with asking(berth, "/slow", limit=60):
        answer = connection.response()
    assert answer.status == 408 and "min_rate" in answer.error()["hint"]


@pytest.mark.shows_setting("host.buffer_memory")
def test_body_for_which_there_is_no_memory(berth, slow_to):
    start(berth, {"buffer_memory": "20Ki", "workers": 1, "min_rate": 0})
    for size in (100, 60000):
        connection = slow_to()
        connection.send(f"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n" + "x" * (size // 2))
        if size == 60000:
            answer = connection.response()
            assert answer.status == 503 and "buffer_memory" in answer.error()["hint"]
            assert answer.headers["Retry-After"]
        else:
            connection.send("x" * (size // 2))
            assert connection.response().text == "100"


@pytest.mark.shows_setting("configuration.stream_idle_timeout")
def test_event_stream_ends_by_silence(berth, slow_to):
    """It lasts longer than the function's timeout, as long as it says something."""
    start(berth, timeout="1s", stream_idle_timeout="2s")
    instance = served_by(berth)
    connection = slow_to()
    connection.send("GET /slow/events HTTP/1.1\r\nHost: x\r\n\r\n")
    status, _ = connection.head()
    assert status == 200
    for number in range(4):
        assert connection.chunk() == f"data: {number}\n\n".encode()
    silent_since = time.monotonic()
    assert connection.at_end()
    assert time.monotonic() - silent_since > 1
    assert served_by(berth) == instance


@pytest.mark.shows_setting("configuration.request_buffering")
def test_function_that_answers_while_its_body_comes(berth, slow_to):
    berth.write_function("shout", SHOUT, request_buffering=False)
    berth.start()
    connection = slow_to()
    connection.send("POST /shout HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    for word in ("one", "two"):
        connection.send(f"3\r\n{word}\r\n")
        if word == "one":
            assert connection.head()[0] == 200
        assert connection.chunk() == word.upper().encode()
    connection.send("0\r\n\r\n")
    assert connection.chunk() == b""
