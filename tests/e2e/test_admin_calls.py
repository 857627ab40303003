"""Functions on the management port: called as on the public one, private ones too, by whoever may connect there."""

import http.client
import json
import socket

import pytest

from harness.client import Connection
from harness.functions import MIRROR
from harness.wait import wait_until


class LocalConnection(Connection):
    """A client of the management socket."""

    def __init__(self, path):  # pylint: disable=super-init-not-called
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.reader = self.socket.makefile("rb")


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    shared_berth.write_function("mirror", MIRROR, public=False, concurrency=4, request_buffering=False)
    shared_berth.write_config()
    shared_berth.start()


@pytest.fixture(params=["tcp", "unix"])
def connect(served, request):
    """A function that opens a connection."""
    opened = []

    def open_one():
        socket_path = f"{served.run_dir}/admin.sock"
        opened.append(Connection(served.admin_address, 60) if request.param == "tcp" else LocalConnection(socket_path))
        return opened[-1]

    yield open_one
    for connection in opened:
        connection.close()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize("name", ["mirror", "mirror.openfaas-fn"])
def test_any_method_comes_to_the_function(connect, method, name):
    connection = connect()
    connection.send(f"{method} /function/{name}/a/b?c=d HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nxyz")
    answer = connection.response()
    told = answer.json()
    assert (told["method"], told["path"], told["query"], told["size"]) == (method, "/a/b", "c=d", 3)
    assert answer.headers["Connection"] == "close" and answer.headers["X-Call-Id"]
    assert "x-berth-caller" not in dict(told["headers"])
    assert connection.at_end()


def test_call_for_later_is_accepted_and_looked_at(connect):
    connection = connect()
    connection.send("POST /async-function/mirror/later HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nxyz")
    accepted = connection.response()
    assert accepted.status == 202 and connection.at_end()

    def ended():
        looking = connect()
        looking.send(f"GET {accepted.headers['Location']} HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return looking.response().json()["state"] == "done"

    wait_until(ended, "the call has been delivered")


def test_bodies_are_streamed(connect):
    connection = connect()
    connection.send("POST /function/mirror HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(64):
        connection.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
    connection.send("0\r\n\r\n")
    assert connection.response().json()["size"] == 64 * 65536


def test_first_line_may_come_in_pieces(connect):
    connection = connect()
    for piece in ("PO", "ST ", "/func", "tion", "/mirror HTTP/1.1\r\nHo", "st: localhost\r\n\r\n"):
        connection.send(piece)
    assert connection.response().json()["method"] == "POST"
    connection = connect()
    for piece in ("GET /fun", "ny HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        connection.send(piece)
    assert connection.response().status in (401, 404)


def test_unknown_function_is_told(connect):
    connection = connect()
    connection.send("GET /function/mirrror HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = connection.response()
    assert (answer.status, answer.headers.get_content_type()) == (404, "text/plain")
    assert answer.text == "error finding function mirrror.openfaas-fn: there is none of this name\nDid you mean mirror?\n"
    connection = connect()
    connection.send("GET /function/mirrror HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n")
    error = connection.response().error()
    assert (error["reason"], error["hint"]) == ("function-unknown", "Did you mean mirror?")


def test_client_that_keeps_connections_may_mix_both_kinds(served):
    client = http.client.HTTPConnection(*served.admin_address, timeout=60)
    credentials = served.credentials()
    for _ in range(3):
        for path, kind in (("/system/functions", list), ("/function/mirror", dict), ("/healthz", None)):
            client.request("GET", path, headers=credentials if kind is list else {})
            answer = client.getresponse()
            body = answer.read()
            assert answer.status == 200, path
            assert kind is None or isinstance(json.loads(body), kind)
    client.close()


@pytest.mark.parametrize("line", ["Host: evil.example", "Host: localhost\r\nOrigin: http://evil.example"])
def test_web_page_cannot_call(served, line):
    with Connection(served.admin_address, 60) as connection:
        connection.send(f"POST /function/mirror HTTP/1.1\r\n{line}\r\nContent-Length: 0\r\n\r\n")
        answer = connection.response()
        assert answer.status == 403
        assert answer.error()["reason"] == "foreign-origin"
    with LocalConnection(f"{served.run_dir}/admin.sock") as connection:
        connection.send(f"POST /function/mirror HTTP/1.1\r\n{line}\r\nContent-Length: 0\r\n\r\n")
        assert connection.response().status == 200


def test_silent_connections_are_no_hindrance(served):
    silent = [Connection(served.admin_address, 60) for _ in range(20)]
    for connection in silent[:10]:
        connection.send("GET /function")
    assert served.admin("GET", "/system/functions").status == 200
    for connection in silent:
        connection.close()
    wait_until(lambda: served.admin("GET", "/healthz").status == 200, "an answer")
