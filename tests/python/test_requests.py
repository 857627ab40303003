"""What a handler sees of a request: heads, bodies of every framing, expectations, odd endings."""
import pytest

KINDS = pytest.mark.parametrize("prefix", ["", "async "], ids=["plain", "async"])

ECHO = {
    "": "def handle(request):\n    return request.get_data()\n",
    "async ": "async def handle(request):\n    return await request.body()\n",
}


@KINDS
def test_request_attributes(host, prefix):
    connection = host.serve(f"""
        {prefix}def handle(request):
            return {{
                "method": request.method, "path": request.url.path, "url": str(request.url),
                "query": dict(request.query_params), "header": request.headers["X-One"],
                "client": request.client.host, "id": request.request_id, "below": request.path,
                "cookie": request.cookies.get("c"), "keys": "method" in request.keys(),
                "root": request.scope["root_path"],
            }}
    """)
    response = connection.request("PUT", "/a%20b/c?x=1&y=%C3%A4", b"", [("X-One", "1"), ("Cookie", "c=d")])
    assert response.json() == {
        "method": "PUT", "path": "/sample/a b/c", "below": "/a b/c",
        "url": "http://example.test:8080/sample/a b/c?x=1&y=%C3%A4", "query": {"x": "1", "y": "ä"}, "header": "1",
        "client": "192.0.2.7", "id": "request-1", "cookie": "d", "keys": True, "root": "/sample"}


@KINDS
@pytest.mark.parametrize("size", [0, 1, 100, 65535, 65536, 70000, 3_000_000])
def test_body_of_known_length(host, prefix, size):
    connection = host.serve(ECHO[prefix])
    body = bytes(range(256)) * (size // 256 + 1)
    for _ in range(3):
        assert connection.request("POST", "/", body[:size]).body == body[:size]


@KINDS
@pytest.mark.parametrize("chunks", [[], [b"x"], [b"a" * 70000, b"b", b"c" * 5], [b"z"] * 500])
def test_chunked_body(host, prefix, chunks):
    connection = host.serve(ECHO[prefix])
    for _ in range(2):
        assert connection.request("POST", "/", chunks=chunks).body == b"".join(chunks)


@KINDS
def test_chunked_body_with_extension_and_trailer_byte_by_byte(host, prefix):
    connection = host.serve(ECHO[prefix])
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    for byte in head + b"3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n":
        connection.send(bytes([byte]))
    assert connection.response().body == b"abcde"
    assert connection.request("POST", "/", b"next").body == b"next"


@KINDS
@pytest.mark.parametrize("bad", [b"x\r\n", b"-1\r\n", b"\r\n", b"2\r\nabc\r\n", b"1" * 17 + b"\r\n", b"0x1\r\n"])
def test_bad_chunk_ends_the_connection(host, prefix, bad):
    connection = host.serve(ECHO[prefix])
    connection.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + bad)
    try:
        assert connection.response().status == 500
    except EOFError:
        pass
    assert host.accept().request("POST", "/", b"again").body == b"again"


@KINDS
def test_body_that_comes_in_parts_is_streamed(host, prefix):
    connection = host.serve("""
        async def handle(request):
            seen = []
            async for piece in request.stream():
                if piece:
                    seen.append(len(piece))
                    print("piece", len(piece))
            return seen
    """)
    connection.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n")
    connection.send(b"abc")
    host.wait_log("piece 3")
    connection.send(b"def")
    assert connection.response().json() == [3, 3]


@KINDS
def test_expect_continue_is_answered_when_the_body_is_read(host, prefix):
    connection = host.serve(ECHO[prefix])
    head = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    connection.send(head)
    assert connection.response().status == 100
    connection.send(b"abc")
    assert connection.response().body == b"abc"
    connection.send(head.replace(b"Content-Length: 3", b"Transfer-Encoding: chunked"))
    assert connection.response().status == 100
    connection.send(b"1\r\nx\r\n0\r\n\r\n")
    assert connection.response().body == b"x"


@KINDS
def test_expect_continue_is_not_answered_when_nobody_reads(host, prefix):
    connection = host.serve(f"{prefix}def handle(request):\n    return 'refused', 413\n")
    connection.send(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    response = connection.response()
    assert (response.status, response.headers["connection"]) == (413, "close")
    assert connection.closed()
    assert host.accept().request().status == 413


@KINDS
def test_small_unread_body_is_dropped(host, prefix):
    connection = host.serve(f"{prefix}def handle(request):\n    return 'ok'\n")
    connection.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
    response = connection.response()
    assert response.text == "ok" and "connection" not in response.headers
    connection.send(b"x" * 1000)
    assert connection.request().text == "ok"


@KINDS
@pytest.mark.parametrize("framing", [b"Content-Length: 1000000", b"Transfer-Encoding: chunked"])
def test_large_unread_body_ends_the_connection(host, prefix, framing):
    connection = host.serve(f"{prefix}def handle(request):\n    return 'ok'\n")
    connection.send(b"POST / HTTP/1.1\r\nHost: x\r\n" + framing + b"\r\n\r\n")
    response = connection.response()
    assert response.text == "ok" and response.headers["connection"] == "close"
    assert host.accept().request().text == "ok"


@KINDS
def test_pipelined_requests_are_answered_in_order(host, prefix):
    connection = host.serve(ECHO[prefix])
    one = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n%d"
    connection.send(b"".join(one % number for number in range(5)))
    assert [connection.response().body for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]


@KINDS
def test_client_that_leaves_within_its_body(host, prefix):
    connection = host.serve(ECHO[prefix])
    connection.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
    connection.close()
    assert host.accept().request("POST", "/", b"again").body == b"again"


@KINDS
def test_form_upload(host, prefix):
    connection = host.serve("""
        async def handle(request):
            form = await request.form()
            return {"field": form["field"], "file": (await form["file"].read()).decode(), "name": form["file"].filename}
    """)
    body = (b'--b\r\nContent-Disposition: form-data; name="field"\r\n\r\nvalue\r\n'
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\ncontent\r\n--b--\r\n')
    response = connection.request("POST", "/", body, [("Content-Type", "multipart/form-data; boundary=b")])
    assert response.json() == {"field": "value", "file": "content", "name": "a.txt"}


@KINDS
def test_json_both_ways(host, prefix):
    read = "await request.json()" if prefix else "request.get_json()"
    connection = host.serve(f"{prefix}def handle(request):\n    data = {read}\n    return {{'got': data}}\n")
    assert connection.request("POST", "/", '{"ä": [1, null]}'.encode()).json() == {"got": {"ä": [1, None]}}
    assert connection.request("POST", "/", b"{").status == 500
    assert connection.request("POST", "/", chunks=[b"[", b"1]"]).json() == {"got": [1]}


def test_plain_handler_may_return_the_coroutine_of_a_body(host):
    connection = host.serve("def handle(request):\n    return request.json()\n")
    assert connection.request("POST", "/", b'{"a": 1}').json() == {"a": 1}


def test_blocking_read_in_an_async_handler_says_what_to_do(host):
    connection = host.serve("async def handle(request):\n    return request.get_data()\n",
                            runtime={"file": "main.py", "debug": True})
    assert connection.request("POST", "/", b"here").body == b"here"
    connection.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n")
    connection.send(b"ab")
    response = connection.response()
    assert response.body == b"ab" or "await request.body()" in response.json()["error"]["message"]


@KINDS
def test_many_requests_on_one_connection(host, prefix):
    connection = host.serve(f"COUNT = 0\n{prefix}def handle(request):\n    global COUNT\n    COUNT += 1\n"
                            "    return {'count': COUNT}\n")
    for number in range(1, 2001):
        assert connection.request().json() == {"count": number}
