"""WSGI applications behind the runner."""
import pytest

RUNTIME = {"file": "main.py"}


def serve(host, source, **changes):
    return host.serve(source, runtime=RUNTIME, **changes)


def test_environ(host):
    environ = serve(host, """
        import json

        def app(environ, start_response):
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps({k: v for k, v in environ.items() if isinstance(v, (str, bool))}).encode()]
        """).request("GET", "/a%20b/%C3%A4?x=%20", headers=[("X-My", "1"), ("X-My", "2"), ("X_My", "no"),
                                                           ("Content-Type", "a/b")]).json()
    assert environ["SCRIPT_NAME"] == "/sample" and environ["PATH_INFO"] == "/a b/Ã¤"
    assert environ["QUERY_STRING"] == "x=%20" and environ["REQUEST_METHOD"] == "GET"
    assert environ["HTTP_X_MY"] == "1,2" and environ["CONTENT_TYPE"] == "a/b"
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("example.test", "8080")
    assert environ["HTTP_HOST"] == "example.test:8080" and environ["REMOTE_ADDR"] == "192.0.2.7"
    assert environ["wsgi.url_scheme"] == "http" and environ["wsgi.multithread"] is True


@pytest.mark.parametrize("read", ["read()", "read(5) + environ['wsgi.input'].read()", "readline()",
                                  "__next__()"])
@pytest.mark.parametrize("chunks", [None, [b"hel", b"lo"], []])
def test_input(host, read, chunks):
    body = b"hello" if chunks is None else b"".join(chunks)
    connection = serve(host, f"""
        def app(environ, start_response):
            start_response("200 OK", [])
            try:
                return [environ["wsgi.input"].{read}]
            except StopIteration:
                return []
        """)
    for _ in range(2):
        response = connection.request("POST", "/", body if chunks is None else None, chunks=chunks)
        assert response.body == body


@pytest.mark.parametrize("result, body", [
    ("[b'a', b'b']", b"ab"), ("(b'a',)", b"a"), ("iter([b'a', b'', b'b'])", b"ab"), ("[]", b""), ("iter([])", b""),
    ("environ['wsgi.file_wrapper'](io.BytesIO(b'file'))", b"file"), ("b'xy' and [b'xy']", b"xy"),
])
def test_results(host, result, body):
    connection = serve(host, f"""
        import io

        def app(environ, start_response):
            start_response("201 Made", [("Content-Type", "text/x")])
            return {result}
        """)
    for _ in range(2):
        response = connection.request()
        assert (response.status, response.headers["content-type"], response.body) == (201, "text/x", body)
    assert connection.request("HEAD").status == 201
    assert connection.request().body == body


def test_stream_comes_as_it_is_made_and_is_closed(host):
    connection = serve(host, """
        import threading

        gate = threading.Event()

        class Body:
            def __iter__(self):
                yield b"first"
                gate.wait(10)
                yield b"second"

            def close(self):
                print("closed the body", flush=True)

        def app(environ, start_response):
            if environ["PATH_INFO"] == "/go":
                gate.set()
            start_response("200 OK", [])
            return Body()
        """, concurrency=2)
    other = host.accept()
    connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    status, headers = connection.head()
    assert headers["transfer-encoding"] == "chunked" and connection.chunk() == b"first"
    assert other.request(target="/go").text == "firstsecond"
    assert connection.chunk() == b"second" and connection.chunk() is None
    host.wait_log("closed the body\nclosed the body")


def test_announced_length_is_kept_while_streaming(host):
    connection = serve(host, """
        def app(environ, start_response):
            start_response("200 OK", [("Content-Length", "6")])
            yield b"abc"
            yield b"def" if environ["PATH_INFO"] == "/" else b"d"
        """)
    response = connection.request()
    assert response.headers["content-length"] == "6" and response.body == b"abcdef"
    assert not connection.request(target="/short").complete


@pytest.mark.parametrize("result", ["[]", "()", "iter([])", "[b'']", "[b'abcdef']"])
def test_head_keeps_the_length_of_what_it_leaves_out(host, result):
    connection = serve(host, f"""
        def app(environ, start_response):
            start_response("200 OK", [("Content-Length", "6")])
            return {result}
        """)
    assert connection.request("HEAD").headers["content-length"] == "6"
    assert connection.request("HEAD").headers["content-length"] == "6"


def test_write_and_start_response_late(host):
    connection = serve(host, """
        def app(environ, start_response):
            write = start_response("200 OK", [])
            write(b"written ")
            return [b"returned"]
        """)
    assert connection.request().text == "written returned"


@pytest.mark.parametrize("body", ["return [b'x']", "raise ValueError('on purpose')",
                                  "start_response('200 OK', [('a', 'b\\r\\nc: d')])\n    return [b'x']",
                                  "start_response('200 OK', [])\n    start_response('200 OK', [])\n    return []"])
def test_mistakes_are_500(host, body):
    connection = serve(host, f"def app(environ, start_response):\n    {body}\n")
    assert connection.request().status == 500
    assert connection.request().status == 500


def test_error_log(host):
    serve(host, """
        def app(environ, start_response):
            environ["wsgi.errors"].write("to the log\\n")
            start_response("204 No Content", [])
            return []
        """).request()
    host.wait_log("to the log")


def test_object_with_call_is_an_application(host):
    response = serve(host, """
        class Application:
            def __call__(self, environ, start_response):
                start_response("200 OK", [])
                return [b"object"]

        application = Application()
        """).request()
    assert response.text == "object"
