"""FastAPI, Flask and Starlette applications as their packages' users write them, below a function's name; and the life
of their dependencies."""

import base64
import os
import pathlib
import re
import time

import pytest

from harness.wait import wait_until

pytestmark = [pytest.mark.network, pytest.mark.limit(500)]

FASTAPI = """
    import asyncio
    from contextlib import asynccontextmanager

    from fastapi import FastAPI, HTTPException, UploadFile, WebSocket
    from fastapi.responses import StreamingResponse
    from pydantic import BaseModel


    class Item(BaseModel):
        name: str
        price: float = 1.0


    @asynccontextmanager
    async def lifespan(app):
        app.state.items = {}
        yield
        print("closed", len(app.state.items), "items")


    app = FastAPI(lifespan=lifespan)


    @app.put("/items/{key}")
    def put(key: int, item: Item):
        app.state.items[key] = item
        return {"key": key, "item": item}


    @app.get("/items/")
    async def items():
        return app.state.items


    @app.post("/upload")
    async def upload(file: UploadFile):
        data = await file.read()
        return {"name": file.filename, "size": len(data), "sum": sum(data)}


    @app.get("/stream")
    async def stream():
        async def lines():
            for number in range(3):
                yield f"line {number}\\n"
                await asyncio.sleep(0.3)
        return StreamingResponse(lines(), media_type="text/plain")


    @app.get("/missing")
    def missing():
        raise HTTPException(404, "not here")


    @app.websocket("/echo")
    async def echo(socket: WebSocket):
        await socket.accept()
        async for message in socket.iter_text():
            await socket.send_text(f"you said {message}")
"""

FLASK = """
    from flask import Flask, Response, redirect, request, session, url_for

    app = Flask(__name__)
    app.secret_key = "only a test"


    @app.route("/")
    def index():
        return redirect(url_for("greet", name="you"))


    @app.route("/greet/<name>")
    def greet(name):
        session["seen"] = session.get("seen", 0) + 1
        return f"<p>Hello, {name}, {session['seen']}</p><a href='{url_for('static', filename='a.css')}'>"


    @app.post("/upload")
    def upload():
        file = request.files["file"]
        return {"name": file.filename, "size": len(file.read())}


    @app.route("/stream")
    def stream():
        return Response((f"line {number}\\n" for number in range(3)), mimetype="text/plain")


    @app.route("/folder/")
    def folder():
        return "in the folder"
"""

STARLETTE = """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.gzip import GZipMiddleware
    from starlette.responses import JSONResponse, PlainTextResponse
    from starlette.routing import Mount, Route, WebSocketRoute
    import starlette


    async def home(request):
        return JSONResponse({"version": starlette.__version__, "url": str(request.url),
                             "inner": str(request.url_for("inner:thing"))})


    async def thing(request):
        return PlainTextResponse("x" * 5000)


    async def echo(socket):
        await socket.accept()
        await socket.send_bytes(await socket.receive_bytes())
        await socket.close(4000)


    app = Starlette(
        routes=[Route("/", home), Mount("/inner", name="inner", routes=[Route("/thing/", thing, name="thing")]),
                WebSocketRoute("/echo", echo)],
        middleware=[Middleware(GZipMiddleware)])
"""

# A plain handler beside a Starlette that it never imports, and an application with a view of a handler's name.
BESIDE = "def handle(request):\n    return {'agent': request.headers.get('user-agent')}\n"
VIEW = """
    from flask import Flask

    app = Flask(__name__)


    @app.route("/")
    def handler():
        return "view"
"""

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs/python.md"
DOCUMENTED = re.compile(r"<!-- GET (\S+) \| 200 \| ([^\n]*) \| (\w+) -->\n```python\n(.*?)```", re.DOTALL)

UPLOAD = (b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n'
          b"Content-Type: application/octet-stream\r\n\r\n" + b"\1" * 300000 + b"\r\n--x--\r\n")
UPLOAD_HEADERS = {"Content-Type": "multipart/form-data; boundary=x"}


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    berth = shared_berth
    berth.write_function("fast", FASTAPI, extra_dependencies="fastapi python-multipart", idle_timeout=3)
    berth.write_function("flask_app", {"app.py": FLASK, "static/a.css": "p { color: red }\n", "requirements.txt": "flask\n"},
                         base_function_file_name=None, idle_timeout=60)
    berth.write_function("star", STARLETTE, extra_dependencies="'starlette>=0.40'", idle_timeout=60)
    berth.write_function("beside", BESIDE, extra_dependencies="'starlette>=0.40'", idle_timeout=60)
    berth.write_function("view", {"app.py": VIEW, "requirements.txt": "flask\n"}, base_function_file_name=None)
    berth.write_function("uv", FASTAPI, extra_dependencies="fastapi python-multipart uvloop", idle_timeout=60)
    berth.start()
    for name in ("fast/items/", "flask_app/greet/you", "star/", "uv/items/"):
        berth.wait_answer(f"/{name}", lambda answer: answer.status == 200, f"an answer of {name}", 300)


def place(served):
    return "http://%s:%d" % served.address


class WebSocket:
    """A client's side, for messages of less than 126 bytes."""

    def __init__(self, served, target):
        self.connection = served.connect()
        self.connection.send(
            f"GET {target} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n")
        self.status, _ = self.connection.head()

    def send(self, opcode, payload):
        masked = bytes(byte ^ (1, 2, 3, 4)[index % 4] for index, byte in enumerate(payload))
        self.connection.send(bytes((0x80 | opcode, 0x80 | len(payload), 1, 2, 3, 4)) + masked)

    def receive(self):
        first, size = self.connection.reader.read(2)
        return first & 15, self.connection.reader.read(size)


def test_a_plain_handler_beside_a_starlette_of_the_dependencies(served):
    for _ in range(3):
        assert served.get("/beside", headers={"User-Agent": "x"}).json() == {"agent": "x"}


def test_a_view_may_be_called_handler(served):
    assert served.get("/view").text == "view"


@pytest.mark.parametrize("name", ["fast", "uv"])
def test_fastapi(served, name):
    docs = served.get(f"/{name}/docs")
    assert docs.status == 200 and f"/{name}/openapi.json" in docs.text
    schema = served.get(f"/{name}/openapi.json").json()
    assert {"url": f"/{name}"} in schema["servers"] and "/items/{key}" in schema["paths"]
    answer = served.request("PUT", f"/{name}/items/7", b'{"name": "n"}', {"Content-Type": "application/json"})
    assert answer.json() == {"key": 7, "item": {"name": "n", "price": 1.0}}
    assert served.request("PUT", f"/{name}/items/x", b"{}").status == 422
    answer = served.get(f"/{name}/items")
    assert answer.status == 307 and answer.headers["Location"] == f"{place(served)}/{name}/items/"
    assert served.get(f"/{name}/items/").json()["7"]["name"] == "n"
    assert served.post(f"/{name}/upload", UPLOAD, headers=UPLOAD_HEADERS).json() == {
        "name": "a.bin", "size": 300000, "sum": 300000}
    assert served.get(f"/{name}/missing").json() == {"detail": "not here"}


@pytest.mark.parametrize("name", ["fast", "uv"])
def test_fastapi_streams(served, name):
    with served.connect() as connection:
        connection.send(f"GET /{name}/stream HTTP/1.1\r\nHost: test\r\n\r\n")
        assert connection.head()[0] == 200
        assert connection.chunk() == b"line 0\n"
        first = time.monotonic()
        assert connection.chunk() + connection.chunk() + connection.chunk() == b"line 1\nline 2\n"
        assert time.monotonic() - first > 0.4


@pytest.mark.parametrize("name", ["fast", "uv"])
def test_fastapi_websocket(served, name):
    socket = WebSocket(served, f"/{name}/echo")
    assert socket.status == 101
    for word in (b"one", b"two"):
        socket.send(1, word)
        assert socket.receive() == (1, b"you said " + word)
    socket.send(8, b"\x03\xe8")
    assert socket.receive() == (8, b"\x03\xe8")
    assert socket.connection.at_end()
    socket.connection.close()


def test_fastapi_ends_its_lifespan(served):
    served.get("/fast/items/")
    wait_until(lambda: [entry for entry in served.log.entries(event="function.output", function="fast")
                        if entry["text"].startswith("closed ")], "the end of the lifespan", 30)


def test_flask(served):
    answer = served.get("/flask_app")
    assert answer.status == 302 and answer.headers["Location"] == "/flask_app/greet/you"
    first = served.get("/flask_app/greet/you")
    assert "Hello, you, 1" in first.text and "/flask_app/static/a.css" in first.text
    cookie = first.headers["Set-Cookie"]
    assert "Hello, you, 2" in served.get("/flask_app/greet/you", headers={"Cookie": cookie.split(";")[0]}).text
    assert served.get("/flask_app/static/a.css").text == "p { color: red }\n"
    assert served.request("HEAD", "/flask_app/static/a.css").headers["Content-Length"] == "17"
    assert served.post("/flask_app/upload", UPLOAD, headers=UPLOAD_HEADERS).json() == {"name": "a.bin", "size": 300000}
    assert served.get("/flask_app/stream").text == "line 0\nline 1\nline 2\n"
    answer = served.get("/flask_app/folder")
    assert answer.status == 308 and answer.headers["Location"] == f"{place(served)}/flask_app/folder/"
    assert served.get("/flask_app/none").status == 404


def test_starlette(served):
    home = served.get("/star").json()
    assert tuple(map(int, home["version"].split(".")[:2])) >= (0, 40)
    assert home["url"] == f"{place(served)}/star/" and home["inner"] == f"{place(served)}/star/inner/thing/"
    answer = served.get("/star/inner/thing")
    assert answer.status == 307 and answer.headers["Location"] == f"{place(served)}/star/inner/thing/"
    answer = served.get("/star/inner/thing/", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip" and len(answer.body) < 1000
    socket = WebSocket(served, "/star/echo")
    socket.send(2, b"\0\1")
    assert socket.receive() == (2, b"\0\1")
    assert socket.receive() == (8, (4000).to_bytes(2, "big"))
    socket.connection.close()


def test_examples_of_the_documentation(make_berth):
    berth = make_berth()
    examples = [match.groups() for match in DOCUMENTED.finditer(DOCS.read_text(encoding="utf-8"))]
    assert {package for _, _, package, _ in examples} == {"fastapi", "flask"}
    for _, _, package, source in examples:
        berth.write_function(f"docs_{package}", source, extra_dependencies=package)
    berth.start()
    for target, text, package, _ in examples:
        answer = berth.wait_answer(f"/docs_{package}{target}", lambda answer: answer.status == 200, package, 200)
        assert answer.text == text.replace("/sample/", f"/docs_{package}/")


def test_second_function_with_the_same_line_installs_nothing(served):
    before = len(served.log.entries(event="dependencies.install"))
    served.write_function("fast_too", FASTAPI, extra_dependencies="fastapi python-multipart")
    served.reload()
    served.wait_answer("/fast_too/items/", lambda answer: answer.status == 200, "the second function", 30)
    assert len(served.log.entries(event="dependencies.install")) == before


HEAVY = """
    import numpy

    def handle(request):
        return {{"mean": float(numpy.mean([1, 2, {number}])), "number": {number}}}
"""


def test_edit_installs_no_large_dependencies_again(make_berth):
    berth = make_berth()
    line = "--only-binary :all: numpy pandas"
    berth.write_function("heavy", HEAVY.format(number=0), extra_dependencies=line, idle_timeout=60, memory="512Mi")
    berth.start()
    berth.wait_answer("/heavy", lambda answer: answer.status == 200, "the first answer", 400)
    sizes = [os.path.getsize(os.path.join(top, file)) for top, _, files in os.walk(berth.state_dir) for file in files]
    assert sum(sizes) > 100 << 20
    for number in range(1, 4):
        berth.write_function("heavy", HEAVY.format(number=number), extra_dependencies=line, idle_timeout=60,
                             memory="512Mi")
        berth.reload()
        berth.wait_answer("/heavy", lambda answer: answer.json().get("number") == number, "the new code", 20)
    assert len(berth.log.entries(event="dependencies.install")) <= 1


def test_failed_installation_leaves_the_old_revision_serving(make_berth):
    berth = make_berth()
    berth.expect_error(".*", function="steady")
    berth.write_function("steady", "def handle(request):\n    return 'old'\n", idle_timeout=60)
    berth.start()
    assert berth.get("/steady").text == "old"
    berth.write_function("steady", "def handle(request):\n    return 'new'\n", extra_dependencies="six==0.0.0.1",
                         idle_timeout=60)
    berth.reload()
    (failed,) = wait_until(lambda: berth.log.entries(event="dependencies.install_failed"), "pip's reason", 60)
    assert "six==0.0.0.1" in failed["error"]
    assert berth.get("/steady").text == "old"


@pytest.mark.parametrize("line, name", [("--target /x six", "--target"), ("-r /etc/passwd", "-r"), ("-e .", "-e"),
                                        ("../wheel.whl", "../wheel.whl")])
def test_refused_options_are_named(make_berth, line, name):
    berth = make_berth()
    berth.expect_error(".*", function="refused")
    berth.write_function("refused", "def handle(request):\n    return 1\n", extra_dependencies=line)
    berth.start()
    answer = berth.wait_refusal("/refused")
    assert name in answer.error()["message"]
