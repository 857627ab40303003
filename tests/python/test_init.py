"""POST /.berth/init: what is loaded, what is refused, and what a prewarmed instance does."""
import gc
import json
import sys
import textwrap

import pytest

HELLO = """
def handle(request):
    return "hello"
"""


def test_init_then_request(host):
    connection = host.serve(HELLO)
    response = connection.request()
    assert (response.status, response.text) == (200, "hello")


def test_same_revision_again_is_200_and_loads_nothing(host):
    connection = host.serve("print('loading')\n" + HELLO)
    assert host.init(connection).status == 200
    assert connection.request().text == "hello"
    assert host.log().count("loading") == 1


def test_other_revision_is_409(host):
    connection = host.serve(HELLO)
    answer = host.init(connection, revision="r2")
    assert answer.status == 409 and "r1" in answer.json()["error"]["message"]
    assert connection.request().text == "hello"


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_init_on_a_later_connection(host, kind):
    source = HELLO if kind == "plain" else "async " + HELLO.lstrip()
    host.serve(source, concurrency=2)
    second = host.accept()
    assert host.init(second, concurrency=2).status == 200
    assert host.init(second, revision="r9").status == 409
    assert second.request().text == "hello"


def test_unknown_protocol_is_400(host):
    host.write(HELLO)
    host.start()
    connection = host.accept()
    assert host.init(connection, protocol=2).status == 400
    assert host.init(connection).status == 200


@pytest.mark.parametrize("body, length", [(b"{", 1), (b"[]", 2), (b"{}", 5), (b"{}", 0), (b"\xff\xfe", 2)])
def test_unreadable_settings_are_400(host, body, length):
    host.write(HELLO)
    host.start()
    connection = host.accept()
    answer = connection.request("POST", "/.berth/init", body, [("Berth-Settings-Length", length)])
    assert answer.status == 400 and answer.json()["error"]["message"]


def test_request_before_init_is_503(host):
    host.start()
    assert host.accept().request().status == 503


def test_import_error_has_a_traceback_of_user_code_only(host):
    host.write("def helper():\n    raise ValueError('broken on purpose')\n\nhelper()\n")
    host.start()
    answer = host.init(host.accept())
    assert answer.status == 500
    assert "ValueError: broken on purpose" in answer.json()["error"]["message"]
    trace = answer.json()["error"]["traceback"]
    assert "helper()" in trace and "loader.py" not in trace and "importlib" not in trace
    host.wait_log("broken on purpose")


@pytest.mark.parametrize("source, message", [
    ("import does_not_exist_anywhere\n", "does_not_exist_anywhere"),
    ("def handle(request:\n", "SyntaxError"),
    ("raise SystemExit(3)\n", "SystemExit: 3"),
    ("raise ValueError('no text: \\udc80')\n", "ValueError: no text: ?"),
    ("x = 1\n", "has no handle"),
    ("handle = 5\n", "cannot be called"),
])
def test_what_cannot_load_is_500_with_the_reason(host, source, message):
    host.write(source)
    host.start()
    answer = host.init(host.accept())
    assert answer.status == 500 and message in answer.json()["error"]["message"]


def test_missing_file_is_500(host):
    host.start()
    answer = host.init(host.accept())
    assert answer.status == 500 and "main.py" in answer.json()["error"]["message"]


def test_environment_folder_and_path(host, tmp_path):
    dependencies = tmp_path / "dependencies"
    dependencies.mkdir()
    (dependencies / "helper.py").write_text("WHO = 'dependencies'\n")
    (dependencies / "other.py").write_text("WHO = 'dependencies'\n")
    host.write("WHO = 'code'\n", "helper.py")
    host.write("greeting", "data.txt")
    connection = host.serve("""
        import os, helper, other
        EARLY = os.environ["GREETING"]
        def handle(request):
            return [EARLY, open("data.txt").read(), helper.WHO, other.WHO, os.getcwd()]
    """, environment={"GREETING": "hi"}, dependencies=str(dependencies))
    assert connection.request().json() == ["hi", "greeting", "code", "dependencies", str(host.folder)]


def test_entry_in_a_subfolder_and_named_attribute(host):
    host.write("NAME = 'beside'\n", "src/beside.py")
    host.write("""
        import beside
        class app:
            @staticmethod
            def run(request):
                return beside.NAME
    """, "src/app.py")
    connection = host.serve("", runtime={"file": "src/app.py", "attribute": "app.run"})
    assert connection.request().text == "beside"


def test_entry_in_a_module_of_the_dependencies(host, tmp_path):
    (tmp_path / "deps/pkg").mkdir(parents=True)
    (tmp_path / "deps/pkg/__init__.py").write_text("")
    (tmp_path / "deps/pkg/app.py").write_text("def go(request):\n    return __name__\n")
    connection = host.serve("", runtime={"module": "pkg.app", "attribute": "go"}, dependencies=str(tmp_path / "deps"))
    assert connection.request().text == "pkg.app"


@pytest.mark.parametrize("name", ["json.py", "my-function.py", "asyncio.py", "runner.py", "v1.2.py"])
def test_any_file_name_works(host, name):
    host.write(HELLO, name)
    connection = host.serve("", runtime={"file": name})
    assert connection.request().text == "hello"


def test_compiled_file_is_used(host):
    """An unchecked .pyc wins over its source: this is what makes a cold start fast."""
    import importlib.util
    import marshal

    old = "def handle(request):\n    return 'compiled'\n"
    path = host.folder / f"__pycache__/main.{sys.implementation.cache_tag}.pyc"
    path.parent.mkdir()
    code = compile(old, "/berth/code/main.py", "exec")
    path.write_bytes(importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + marshal.dumps(code))
    connection = host.serve("def handle(request):\n    return 'source'\n")
    assert connection.request().text == "compiled"


def test_working_directory_takes_new_files_beside_the_code(host, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    (work / "main.py").symlink_to("an init before this one was cut off")
    host.write("page one", "pages/one.txt")
    host.write("some", "data.txt")
    connection = host.serve("""
        import os
        def handle(request):
            open("new.txt", "w").write("made")
            return [os.getcwd(), sorted(os.listdir(".")), open("pages/one.txt").read(), open("data.txt").read(), __file__]
        """, work=str(work))
    assert connection.request().json() == [
        str(work), ["data.txt", "main.py", "new.txt", "pages"], "page one", "some", str(host.folder / "main.py")]
    assert not (host.folder / "new.txt").exists()


def test_missing_working_directory_is_500(host, tmp_path):
    host.write(HELLO)
    host.start()
    answer = host.init(host.accept(), work=str(tmp_path / "none"))
    assert answer.status == 500 and "none" in answer.json()["error"]["message"]


def test_code_comes_after_the_start_of_a_prewarmed_instance(host):
    host.start(BERTH_PREWARMED="1")
    connection = host.accept()
    host.write("def handle(request):\n    return open('pages/one.txt').read()\n")
    host.write("page one", "pages/one.txt")
    assert host.init(connection).status == 200
    assert connection.request().text == "page one"


def test_prewarmed_async(host):
    host.start(BERTH_PREWARMED="1")
    connection = host.accept()
    host.write(
        "from starlette.responses import HTMLResponse\n"
        "async def handle(request):\n    return HTMLResponse(request.path)\n")
    assert host.init(connection, concurrency=2).status == 200
    assert host.accept().request(target="/a").text == "/a"


def test_prewarmed_function_with_its_own_copy_of_a_preloaded_module(host, tmp_path):
    dependencies = tmp_path / "deps"
    (dependencies / "starlette").mkdir(parents=True)
    (dependencies / "starlette/__init__.py").write_text("__version__ = '99.0'\n")
    host.write("import starlette\ndef handle(request):\n    return starlette.__version__\n")
    host.start(BERTH_PREWARMED="1")
    connection = host.accept()
    assert host.init(connection, dependencies=str(dependencies)).status == 200
    assert connection.request().text == "99.0"


def test_concurrency_from_environment_when_settings_have_none(host):
    host.write(HELLO)
    host.start(BERTH_CONCURRENCY="3")
    connection = host.accept()
    settings = host.settings()
    del settings["concurrency"]
    body = json.dumps(settings).encode()
    assert connection.request("POST", "/.berth/init", body, [("Berth-Settings-Length", len(body))]).status == 200
    assert [host.accept().request().text for _ in range(2)] == ["hello", "hello"]


def test_plain_function_loads_neither_asyncio_nor_starlette(host):
    connection = host.serve("""
        import sys
        def handle(request):
            return {"method": request.method, "loaded": sorted({"asyncio", "starlette"} & set(sys.modules))}
    """)
    assert connection.request().json() == {"method": "GET", "loaded": []}


def test_parts_of_imports_are_put_off_and_not_seen(host):
    """asyncio and Starlette come without ssl and anyio; whoever uses or imports those gets the real ones."""
    connection = host.serve("""
        import asyncio
        import sys
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import PlainTextResponse

        early = sorted({"ssl", "anyio", "asyncio.sslproto"} & set(sys.modules))

        async def handle(request):
            import anyio
            import ssl

            real = sys.modules["ssl"] is ssl and type(ssl).__name__ == "module" and ssl.create_default_context()
            later = await run_in_threadpool(len, "abc")
            tls = asyncio.sslproto.SSLProtocol.__name__
            return [early, bool(real), later, tls, type(anyio).__name__, request.query_params["x"]]
        """)
    assert connection.request(target="/?x=1").json() == [[], True, 3, "SSLProtocol", "module", "1"]


def test_tls_by_asyncio_after_a_light_import(host):
    connection = host.serve("""
        import asyncio

        async def handle(request):
            server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            try:
                await asyncio.open_connection("127.0.0.1", port, ssl=True, ssl_handshake_timeout=5)
            except OSError as error:
                return type(error).__mro__[-4].__name__ and "refused as it should be"
            finally:
                server.close()
        """)
    assert connection.request().text == "refused as it should be"


def test_what_was_put_off_works_when_it_is_used(host):
    connection = host.serve("""
        import asyncio
        import sys
        from starlette.responses import FileResponse, PlainTextResponse

        early = sorted({"concurrent.futures", "email.utils", "hashlib", "http", "logging", "subprocess"} & set(sys.modules))

        async def fail():
            raise ValueError("nobody looks at this task")

        async def handle(request):
            if request.path == "/file":
                return FileResponse("main.py")
            process = await asyncio.create_subprocess_exec("echo", "child", stdout=asyncio.subprocess.PIPE)
            child = (await process.communicate())[0].decode().strip()
            length = await asyncio.get_running_loop().run_in_executor(None, len, "abc")
            done, _ = await asyncio.wait([asyncio.ensure_future(asyncio.sleep(0))],
                                         return_when=asyncio.FIRST_COMPLETED)
            task = asyncio.ensure_future(fail())
            await asyncio.sleep(0)
            del task
            response = PlainTextResponse(f"{early} {child} {length} {len(done)}")
            response.set_cookie("a", "b c", samesite="strict", expires=60)
            return response
        """)
    response = connection.request()
    assert response.text == "[] child 3 1"
    cookie = response.headers["set-cookie"]
    assert cookie.startswith('a="b c"; expires=') and cookie.endswith("GMT; Path=/; SameSite=strict")
    host.wait_log("Task exception was never retrieved")
    response = connection.request(target="/file")
    assert response.headers["content-type"] == "text/x-python; charset=utf-8"
    assert response.headers["last-modified"].endswith("GMT") and len(response.headers["etag"].strip('"')) == 32


@pytest.mark.parametrize("name", ["http.py", "logging/__init__.py", "email/__init__.py"])
def test_a_file_named_like_a_part_put_off_does_not_get_into_the_runner(host, name):
    host.write("raise RuntimeError('the wrong one')", name)
    connection = host.serve("""
        import asyncio
        from starlette.responses import FileResponse

        async def handle(request):
            response = FileResponse("main.py")
            response.set_cookie("a", "b", expires=60)
            asyncio.get_running_loop().call_exception_handler({"message": "logged as usual"})
            return response
        """)
    response = connection.request()
    assert response.status == 200 and "GMT" in response.headers["set-cookie"]
    host.wait_log("logged as usual")


def test_garbage_is_collected_as_usual_once_the_function_is_loaded(host):
    connection = host.serve("import gc\n\ndef handle(request):\n    return [gc.isenabled(), gc.get_threshold()[0]]\n")
    assert connection.request().json() == [True, gc.get_threshold()[0]]


def write_starlette(folder):
    """A Starlette of another version than the image's, with what it needs, as dependencies."""
    files = {
        "anyio/__init__.py": "import anyio.abc\n",
        "anyio/abc.py": "VALUE = 1\n",
        "starlette/__init__.py": "__version__ = '99.0'\n",
        "starlette/requests.py": """
            import http.cookies
            import anyio.abc
            from anyio.abc import VALUE
            from email.utils import formatdate
            from http import HTTPStatus

            assert type(formatdate).__name__ == "function" and HTTPStatus(200).phrase == "OK"

            class Request:
                def __init__(self, scope, receive):
                    self.scope = scope

                @property
                def headers(self):
                    return {name.decode(): value.decode() for name, value in self.scope["headers"]}
            """,
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(textwrap.dedent(text))


@pytest.mark.parametrize("environment", [{}, {"BERTH_PREWARMED": "1"}], ids=["cold", "prewarmed"])
@pytest.mark.parametrize("head", ["", "import asyncio\n", "# from starlette import that\n"])
def test_starlette_of_the_dependencies_for_a_plain_handler(host, tmp_path, environment, head):
    write_starlette(tmp_path / "deps")
    host.write(head + "def handle(request):\n    return request.headers['user-agent']\n")
    host.start(**environment)
    connection = host.accept()
    assert host.init(connection, dependencies=str(tmp_path / "deps")).status == 200
    for _ in range(3):
        assert connection.request(headers=[("User-Agent", "x")]).text == "x"


def test_parts_put_off_are_seen_by_nobody_else(host):
    """A module that the image's Starlette imports while parts are put off for it gets real ones, and so do all others."""
    host.write("""
        import http.cookies, inspect, mimetypes, sys
        import anyio.abc
        from email.utils import formatdate
        from ipaddress import ip_address

        SEEN = [type(one).__name__ for one in (http, http.cookies, inspect, mimetypes, anyio, anyio.abc, formatdate, ip_address)]
        TABLE = [name for name, one in list(sys.modules.items()) if type(one).__module__.startswith("berth")]
        """, "multipart/__init__.py")
    host.write("def parse_options_header(value):\n    return value, {}\n", "multipart/multipart.py")
    connection = host.serve("""
        def handle(request):
            request.query_params
            import builtins
            import multipart
            return [*multipart.SEEN, multipart.TABLE, builtins.__import__.__module__]
        """)
    assert connection.request().json() == ["module"] * 6 + ["function"] * 2 + [[], "builtins"]


@pytest.mark.parametrize("file, name, files, seen", [
    ("main.py", "greet.main", {"helper.py": "from . import other\nVALUE = other.VALUE\n", "other.py": "VALUE = __name__\n"},
     "greet.other"),
    ("main.py", "greet.main", {"__init__.py": "FIRST = 'first'\n", "helper.py": "from . import FIRST as VALUE\n"}, "first"),
    ("pkg/main.py", "pkg.main", {"pkg/__init__.py": "", "pkg/helper.py": "VALUE = __name__\n"}, "pkg.helper"),
    ("pkg/main.py", "greet.pkg.main", {"pkg/helper.py": "from ..top import VALUE\n", "top.py": "VALUE = __name__\n"},
     "greet.top"),
    ("code/main.py", "code.main", {"code/helper.py": "VALUE = __name__\n"}, "berth_function_code.helper"),
    ("main.py", "helper.main", {"helper.py": "VALUE = __name__\n"}, "berth_function_helper.helper"),
])
def test_relative_imports(host, file, name, files, seen):
    for path, text in files.items():
        host.write(text, path)
    host.write("from .helper import VALUE\n\ndef handle(request):\n    return VALUE\n", file)
    connection = host.serve("", runtime={"file": file, "name": name, "attribute": "handle"}) if file != "main.py" else \
        host.serve(host.folder.joinpath(file).read_text(), runtime={"file": file, "name": name, "attribute": "handle"})
    assert connection.request().text == seen


@pytest.mark.parametrize("file, name", [("pkg/__init__.py", "pkg"), ("__init__.py", "greet")])
def test_a_package_as_the_entry(host, file, name):
    folder = file.rpartition("/")[0]
    host.write("VALUE = __name__\n", f"{folder}/core.py".lstrip("/"))
    host.write("from .core import VALUE\n\ndef handle(request):\n    return VALUE\n", file)
    connection = host.serve("", runtime={"file": file, "name": name, "attribute": "handle"})
    assert connection.request().text == f"{name}.core"


def test_the_handler_is_not_what_an_application_calls(host):
    """Where only loading tells which names there are."""
    host.write("""
        import logging as handle

        def handler(request):
            return "a view"

        class App:
            view_functions = {"index": handler}

            def __call__(self, environ, start_response):
                start_response("200 OK", [])
                return [b"the application"]

        app = App()
        """, "elsewhere.py")
    connection = host.serve("from elsewhere import *\n", runtime={"file": "main.py", "attribute": None})
    assert connection.request().text == "the application"
