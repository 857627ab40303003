"""What a handler may return, plain and async, and what becomes of it."""
import pytest

CASES = [
    ("{'a': 1}", 200, "application/json", b'{"a":1}'),
    ("[1, 'ä']", 200, "application/json", '[1,"ä"]'.encode()),
    ("'text ä'", 200, "text/plain; charset=utf-8", "text ä".encode()),
    ("b'\\x00\\x01'", 200, "application/octet-stream", b"\0\1"),
    ("bytearray(b'ab')", 200, "application/octet-stream", b"ab"),
    ("None", 204, None, b""),
    ("17", 200, "application/json", b"17"),
    ("True", 200, "application/json", b"true"),
    ("('made', 201)", 201, "text/plain; charset=utf-8", b"made"),
    ("({'e': 1}, 404)", 404, "application/json", b'{"e":1}'),
    ("(None, 201)", 201, None, b""),
    ("('', 304)", 304, None, b""),
    ("('gone', 499)", 499, "text/plain; charset=utf-8", b"gone"),
    ("('<p>', 200, {'Content-Type': 'text/html'})", 200, "text/html", b"<p>"),
    ("('<p>', {'Content-Type': 'text/html'})", 200, "text/html", b"<p>"),
    ("('x', 200, [('Content-Type', 'text/css')])", 200, "text/css", b"x"),
    ("('x', 200, {'Content-Length': '99'})", 200, "text/plain; charset=utf-8", b"x"),
    ("Point(1, 2)", 200, "application/json", b'{"x":1,"y":2}'),
    ("[Point(1, 2)]", 200, "application/json", b'[{"x":1,"y":2}]'),
    ("{'when': datetime.date(2024, 2, 29)}", 200, "application/json", b'{"when":"2024-02-29"}'),
    ("{'id': uuid.UUID(int=0)}", 200, "application/json", b'{"id":"00000000-0000-0000-0000-000000000000"}'),
    ("collections.OrderedDict(a=1)", 200, "application/json", b'{"a":1}'),
    ("Pair(1, 200)", 200, "application/json", b"[1,200]"),
    ("iter(['a', 'b'])", 200, "text/plain; charset=utf-8", b"ab"),
    ("(x for x in [b'a', b'b'])", 200, "application/octet-stream", b"ab"),
    ("(iter(['a']), 206, {'Content-Type': 'text/csv'})", 206, "text/csv", b"a"),
    ("iter([])", 200, "application/octet-stream", b""),
    ("pieces()", 200, "text/plain; charset=utf-8", b"onetwo"),
    ("HTMLResponse('<h1>hi</h1>')", 200, "text/html; charset=utf-8", b"<h1>hi</h1>"),
    ("JSONResponse({'a': 1}, status_code=418)", 418, "application/json", b'{"a":1}'),
    ("PlainTextResponse('p')", 200, "text/plain; charset=utf-8", b"p"),
    ("RedirectResponse('/there')", 307, None, b""),
    ("Response(status_code=204)", 204, None, b""),
    ("Response(status_code=304)", 304, None, b""),
    ("StreamingResponse(iter(['a', 'b']), media_type='text/plain')", 200, "text/plain; charset=utf-8", b"ab"),
    ("StreamingResponse(pieces())", 200, None, b"onetwo"),
    ("FileResponse('data.txt')", 200, "text/plain; charset=utf-8", b"from a file"),
    ("(HTMLResponse('x'), 202, {'X-A': 'b'})", 202, "text/html; charset=utf-8", b"x"),
    ("ShoutResponse('x')", 200, "text/html; charset=utf-8", b"X!"),
    ("CustomApplication()", 203, None, b"custom"),
]

SOURCE = """
import collections, dataclasses, datetime, typing, uuid
from starlette.responses import (FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse,
    Response, StreamingResponse)

@dataclasses.dataclass
class Point:
    x: int
    y: int

class Pair(typing.NamedTuple):
    left: int
    right: int

class ShoutResponse(HTMLResponse):
    def render(self, content):
        return super().render(content.upper() + "!")

class CustomApplication(Response):
    async def __call__(self, scope, receive, send):
        await send({{"type": "http.response.start", "status": 203, "headers": []}})
        await send({{"type": "http.response.body", "body": b"cus", "more_body": True}})
        await send({{"type": "http.response.body", "body": b"tom"}})

async def pieces():
    yield "one"
    yield ""
    yield "two"

{prefix}def handle(request):
    return eval(request.query_params["value"])
"""


def target_of(value):
    from urllib.parse import quote

    return "/?value=" + quote(value)


@pytest.fixture(scope="module", params=["", "async "], ids=["plain", "async"])
def served(request, tmp_path_factory):
    from fake_host import FakeHost

    fake = FakeHost(tmp_path_factory.mktemp("returns"))
    fake.write("from a file", "data.txt")
    connection = fake.serve(SOURCE.format(prefix=request.param))
    yield connection
    fake.close()


@pytest.mark.parametrize("value, status, kind, body", CASES, ids=[case[0][:40] for case in CASES])
def test_return(served, value, status, kind, body):
    response = served.request(target=target_of(value))
    assert (response.status, response.headers.get("content-type"), response.body) == (status, kind, body)
    assert response.complete


@pytest.mark.parametrize("value, status, kind, body", CASES, ids=[case[0][:40] for case in CASES])
def test_head_has_the_same_head_and_no_body(served, value, status, kind, body):
    response = served.request("HEAD", target_of(value))
    assert (response.status, response.headers.get("content-type"), response.body) == (status, kind, b"")
    if "content-length" in response.headers:
        assert int(response.headers["content-length"]) == len(body)
    assert served.request(target=target_of("'next'")).text == "next"


BAD = [
    ("object()", "TypeError"),
    ("{'a': object()}", "TypeError"),
    ("float('nan')", "ValueError"),
    ("('x', '200')", "TypeError"),
    ("('x', 200, {}, 4)", "TypeError"),
    ("('x', 200, {'X-A': 'a\\r\\nX-B: c'})", "ValueError"),
    ("Response('x', headers={'X-A': 'a\\r\\nX-B: c'})", "ValueError"),
    ("('x', 99)", "ValueError"),
    ("iter([5])", "TypeError"),
    ("1 / 0", "ZeroDivisionError"),
    ("exit(1)", "SystemExit"),
    ("FileResponse('missing.txt')", "RuntimeError"),
]


@pytest.mark.parametrize("value, name", BAD, ids=[case[0][:40] for case in BAD])
def test_what_is_no_response_is_500_and_the_slot_lives_on(served, value, name):
    response = served.request(target=target_of(value))
    assert response.status == 500 and name in response.json()["error"]["message"]
    error = response.json()["error"]
    assert set(error) == {"component", "reason", "message", "hint", "request_id"}
    assert (error["component"], error["reason"], error["request_id"]) == ("function", "exception", "request-1")
    assert served.request(target=target_of("'next'")).text == "next"


def test_serialized_false_makes_json_of_everything(host):
    connection = host.serve("""
        handler_run_config = {"is_return_serialized": False}
        def handle(request):
            return {"text": "hi", "none": None, "list": [1], "pair": ("x", 404)}[request.query_params["v"]]
    """)
    seen = [connection.request(target=f"/?v={name}").body for name in ("text", "none", "list", "pair")]
    assert seen == [b'"hi"', b"null", b"[1]", b'["x",404]']


def test_serialized_true_takes_responses_as_they_are(host):
    connection = host.serve("""
        from starlette.responses import JSONResponse
        handler_run_config = {"is_return_serialized": True}
        async def handle(request):
            data = await request.json() if request.method == "POST" else {}
            return JSONResponse({"got": data})
    """)
    assert connection.request("POST", "/", b'{"a": 1}').json() == {"got": {"a": 1}}
    assert connection.request().json() == {"got": {}}


def test_debug_shows_the_traceback(host):
    connection = host.serve("def handle(request):\n    raise KeyError('secret')\n",
                            runtime={"file": "main.py", "debug": True})
    error = connection.request().json()["error"]
    assert "KeyError: 'secret'" in error["message"] and "raise KeyError" in error["traceback"]


def test_exception_is_logged_with_the_traceback_of_user_code(host):
    connection = host.serve("def handle(request):\n    raise KeyError('logged')\n")
    assert connection.request().status == 500
    host.wait_log("KeyError: 'logged'")
    assert "threads.py" not in host.log()


@pytest.mark.parametrize("prefix", ["", "async "], ids=["plain", "async"])
def test_http_exception_is_an_answer(host, prefix):
    connection = host.serve(f"""
        from starlette.exceptions import HTTPException
        {prefix}def handle(request):
            raise HTTPException(int(request.query_params["s"]), "sorry", headers={{"X-A": "b"}})
    """)
    response = connection.request(target="/?s=403")
    assert (response.status, response.text, response.headers["x-a"]) == (403, "sorry", "b")
    assert connection.request(target="/?s=304").status == 304
    assert "Traceback" not in host.log()


@pytest.mark.parametrize("source", [
    "import functools\ndef f(a, request):\n    return a\nhandle = functools.partial(f, 'ok')\n",
    "import functools\nasync def f(a, request):\n    return a\nhandle = functools.partial(f, 'ok')\n",
    "class H:\n    def __call__(self, request):\n        return 'ok'\nhandle = H()\n",
    "class H:\n    async def __call__(self, request):\n        return 'ok'\nhandle = H()\n",
    "class H:\n    async def go(self, request):\n        return 'ok'\nhandle = H().go\n",
    "async def f(request):\n    return 'ok'\nhandle = lambda request: f(request)\n",
    "def handle(request):\n    yield 'o'\n    yield 'k'\n",
    "async def handle(request):\n    yield 'o'\n    yield 'k'\n",
])
def test_every_kind_of_callable(host, source):
    assert host.serve(source).request().text == "ok"


def test_background_task_runs_after_the_response(host):
    for prefix in ("", "async "):
        host.folder.joinpath("go").unlink(missing_ok=True)
        connection = host.serve(f"""
            import os, time
            from starlette.background import BackgroundTask
            from starlette.responses import PlainTextResponse
            def work():
                while not os.path.exists("go"):
                    time.sleep(0.01)
                print("background {prefix}done")
            {prefix}def handle(request):
                if request.path == "/next":
                    return "next"
                return PlainTextResponse("first", background=BackgroundTask(work))
        """)
        assert connection.request().text == "first"
        assert connection.request(target="/next").text == "next"
        host.folder.joinpath("go").touch()
        host.wait_log(f"background {prefix}done")
        assert host.terminate() == 0
