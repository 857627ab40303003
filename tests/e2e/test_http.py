"""HTTP through the gateway: what goes in comes out, for every usual way of saying it."""

import concurrent.futures
import hashlib
import http.client
import json
import re

import pytest

from harness import processes
from harness.functions import HELD, HELLO, MIRROR
from harness.wait import wait_until

MIB = 1 << 20

STREAMS = """
    import asyncio
    from starlette.responses import Response, StreamingResponse

    go_on = None

    async def pieces(count, size):
        for number in range(count):
            yield bytes([number % 256]) * size

    async def two_steps():
        yield b"first\\n"
        await go_on.wait()
        yield b"second\\n"

    async def handle(request):
        global go_on
        go_on = go_on or asyncio.Event()
        action = request.url.path.rsplit("/", 1)[-1]
        if action == "big":
            return StreamingResponse(pieces(int(request.query_params["mib"]), 1 << 20))
        if action == "steps":
            return StreamingResponse(two_steps(), media_type="text/plain")
        if action == "go":
            go_on.set()
        return Response(status_code=204)
"""

ANSWERS = """
    from starlette.responses import Response

    async def handle(request):
        status = int(request.query_params.get("status", 200))
        answer = Response(b"" if status in (204, 304) else b"body", status_code=status)
        answer.headers.append("X-Twice", "one")
        answer.headers.append("X-Twice", "two")
        return answer
"""


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    shared_berth.write_function("hello", HELLO, idle_timeout=60)
    shared_berth.write_function("mirror", MIRROR, idle_timeout=60)
    shared_berth.write_function("streams", STREAMS, idle_timeout=60, concurrency=8, max_scale=1)
    shared_berth.write_function("answers", ANSWERS, idle_timeout=60)
    shared_berth.write_function("held", HELD, idle_timeout=60, concurrency=8, max_scale=1)
    shared_berth.start()


def headers_of(answer):
    return {name.lower(): value for name, value in answer.json()["headers"]}


# -- targets


@pytest.mark.parametrize(
    "target, path, query",
    [
        ("/mirror", "/", ""),
        ("/mirror/", "/", ""),
        ("/mirror/a/b", "/a/b", ""),
        ("/mirror?x=1&y=%20", "/", "x=1&y=%20"),
        ("/mirror/a%2Fb/%C3%A9?q=%26", "/a%2Fb/%C3%A9", "q=%26"),
        ("/mirror//double/./dot", "//double/./dot", ""),
        ("/function/mirror/a?b=c", "/a", "b=c"),
    ],
)
def test_path_and_query_reach_the_function_untouched(served, target, path, query):
    seen = served.get(target).json()
    assert (seen["path"], seen["query"]) == (path, query)


def test_unknown_function_is_a_404_that_names_the_nearest(served):
    answer = served.get("/helo")
    assert answer.status == 404
    error = answer.error()
    assert error["component"] == "gateway"
    assert "hello" in error["message"] + error.get("hint", "")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
def test_every_method_reaches_the_function(served, method):
    assert served.request(method, "/mirror").json()["method"] == method


# -- heads


def test_head_has_the_headers_and_no_body(served):
    with served.connect() as connection:
        connection.send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        first = connection.response("HEAD")
        assert (first.status, first.body) == (200, b"")
        assert connection.response().text == "hello"


def test_request_id_is_made_or_kept(served):
    made = served.get("/mirror")
    assert re.fullmatch(r"[0-9A-Za-z-]{8,64}", made.headers["X-Request-Id"])
    assert headers_of(made)["x-request-id"] == made.headers["X-Request-Id"]
    kept = served.get("/mirror", headers={"X-Request-Id": "mine-42"})
    assert kept.headers["X-Request-Id"] == "mine-42"
    assert headers_of(kept)["x-request-id"] == "mine-42"


def test_function_learns_where_the_request_came_from(served):
    seen = headers_of(served.get("/mirror/x", headers={"Host": "example.test:99"}))
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-forwarded-proto"] == "http"
    assert seen["x-forwarded-host"] == "example.test:99"
    assert seen["x-forwarded-prefix"] == "/mirror"


def test_hop_by_hop_headers_stay_on_their_hop(served):
    seen = headers_of(
        served.get(
            "/mirror",
            headers={
                "Connection": "keep-alive, X-Private",
                "X-Private": "1",
                "Keep-Alive": "timeout=5",
                "TE": "trailers",
                "Proxy-Connection": "keep-alive",
                "X-Public": "2",
            },
        )
    )
    assert seen["x-public"] == "2"
    assert not {"x-private", "keep-alive", "te", "proxy-connection"} & set(seen)


def test_repeated_response_headers_all_arrive(served):
    assert served.get("/answers").headers.get_all("X-Twice") == ["one", "two"]


@pytest.mark.parametrize("status", [200, 201, 204, 304, 404, 418, 500, 503])
def test_status_of_the_function_is_the_status_of_the_answer(served, status):
    answer = served.get(f"/answers?status={status}")
    assert answer.status == status
    assert answer.body == (b"" if status in (204, 304) else b"body")


def test_redirect_is_passed_on_and_not_followed(served):
    assert served.get("/answers?status=302").status == 302


# -- connections


def test_connection_is_kept_for_the_next_request(served):
    with served.connect() as connection:
        for _ in range(3):
            connection.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
            assert connection.response().text == "hello"


def test_connection_close_is_honoured(served):
    with served.connect() as connection:
        connection.send("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert connection.response().headers["Connection"].lower() == "close"
        assert connection.at_end()


def test_http_1_0_is_answered_and_closed(served):
    with served.connect() as connection:
        connection.send("GET /hello HTTP/1.0\r\n\r\n")
        assert connection.response().text == "hello"
        assert connection.at_end()


def test_pipelined_requests_are_answered_in_order(served):
    with served.connect() as connection:
        connection.send("".join(f"GET /mirror/{n} HTTP/1.1\r\nHost: a\r\n\r\n" for n in range(10)))
        assert [connection.response().json()["path"] for _ in range(10)] == [f"/{n}" for n in range(10)]


def test_request_that_arrives_byte_by_byte(served):
    data = b"POST /mirror/slow HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    with served.connect() as connection:
        for byte in data:
            connection.send(bytes([byte]))
        seen = connection.response().json()
    assert (seen["path"], seen["size"]) == ("/slow", 3)


def test_expect_continue_is_answered_before_the_body_is_sent(served):
    with served.connect() as connection:
        connection.send(
            "POST /mirror HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        )
        status, _ = connection.head()
        assert status == 100
        connection.send("data")
        assert connection.response().json()["size"] == 4


# -- bodies


def test_body_with_a_length(served):
    body = bytes(range(256)) * 100
    seen = served.post("/mirror", body).json()
    assert (seen["size"], seen["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


def test_chunked_body(served):
    with served.connect() as connection:
        connection.send("POST /mirror HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.send("5\r\nhello\r\n1;ext=1\r\n \r\n")
        connection.send("5\r\nworld\r\n0\r\n\r\n")
        seen = connection.response().json()
    assert seen["sha256"] == hashlib.sha256(b"hello world").hexdigest()


def test_64_mib_up_in_flat_memory(served):
    block = bytes(range(256)) * 4096
    before = processes.resident_bytes(served.pid)
    connection = http.client.HTTPConnection(*served.address, timeout=120)
    connection.request("POST", "/mirror", (block for _ in range(64)), {"Content-Length": str(64 * MIB)})
    seen = json.loads(connection.getresponse().read())
    connection.close()
    assert (seen["size"], seen["sha256"]) == (64 * MIB, hashlib.sha256(block * 64).hexdigest())
    assert processes.resident_bytes(served.pid) - before < 16 * MIB


def test_64_mib_down_in_flat_memory(served):
    before = processes.resident_bytes(served.pid)
    answer = served.get("/streams/big?mib=64", timeout=120)
    expected = hashlib.sha256(b"".join(bytes([number]) * MIB for number in range(64)))
    assert hashlib.sha256(answer.body).hexdigest() == expected.hexdigest()
    assert processes.resident_bytes(served.pid) - before < 16 * MIB


def test_slow_reader_holds_the_function_back_and_not_the_memory(served):
    before = processes.resident_bytes(served.pid)
    with served.connect() as connection:
        connection.send("GET /streams/big?mib=32 HTTP/1.1\r\nHost: a\r\n\r\n")
        _, headers = connection.head()
        assert served.get("/hello").status == 200
        assert processes.resident_bytes(served.pid) - before < 16 * MIB
        assert len(connection.body(headers)) == 32 * MIB


def test_output_arrives_as_it_is_written(served):
    with served.connect() as connection:
        connection.send("GET /streams/steps HTTP/1.1\r\nHost: a\r\n\r\n")
        connection.head()
        assert connection.chunk() == b"first\n"
        assert served.get("/streams/go").status == 204
        assert connection.chunk() == b"second\n"
        assert connection.chunk() == b""


# -- what is refused


WRONG = {
    "no host": ("GET /hello HTTP/1.1\r\n\r\n", 400),
    "two hosts": ("GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "length and chunked": (
        "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
    ),
    "two lengths": ("POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    "length no number": ("POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400),
    "space before colon": ("GET /hello HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    "method alone": ("GET\r\n\r\n", 400),
    "long head": ("GET /hello HTTP/1.1\r\nHost: a\r\nX-Long: " + "x" * 100_000 + "\r\n\r\n", 431),
    "long target": ("GET /hello?" + "x" * 20_000 + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
}


@pytest.mark.parametrize("head, status", WRONG.values(), ids=WRONG)
def test_wrong_requests_are_refused_and_the_connection_closed(served, head, status):
    with served.connect() as connection:
        connection.send(head)
        answer = connection.response()
        assert answer.status == status
        assert answer.error()["message"]
        assert connection.at_end()


def test_the_runners_own_path_cannot_be_reached(served):
    assert served.post("/mirror/.berth/init", b"{}").status in (400, 403, 404)


# -- clients that leave


def test_client_that_leaves_costs_nothing(served):
    with served.connect() as connection:
        connection.send("GET /held/hold HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: served.get("/held/look").json()["waiting"] >= 1, "the request to be held")
    for _ in range(20):
        assert served.get("/hello").status == 200
        assert served.get("/held/look").status == 200
    served.get("/held/release")


def test_many_connections_at_once(served):
    connections = [served.connect() for _ in range(200)]
    try:
        for connection in connections:
            connection.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        assert {connection.response().status for connection in connections} == {200}
    finally:
        for connection in connections:
            connection.close()


def test_parallel_load_loses_no_request(served):
    def ask_many(_):
        with served.connect() as connection:
            for _ in range(50):
                connection.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
                assert connection.response().text == "hello"
        return True

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask_many, range(16)))
