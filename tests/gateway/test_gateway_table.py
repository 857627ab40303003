"""The table of raw requests, tests/data/http/requests.txt, against the real gateway: whole, and byte by byte."""
import json
import pathlib
import re
import socket

import pytest

from backend import Backend
from conftest import Gateway, wait_for
from raw_client import Truncated

TABLE = pathlib.Path(__file__).parents[1] / "data/http/requests.txt"
ADDED = re.compile(r"(X-Request-Id|X-Forwarded-(For|Proto|Host|Prefix)): ", re.IGNORECASE)


def unescape(text):
    return re.sub(rb"\\(x[0-9a-fA-F]{2}|.)", lambda m: escaped(m[1]), text.encode("utf-8"))


def escaped(code):
    if code[:1] == b"x":
        return bytes([int(code[1:], 16)])
    return {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}[code]


def read_cases():
    cases = []
    for line in TABLE.read_text(encoding="utf-8").split("\n"):
        if line.startswith("== "):
            cases.append({"name": line[3:], ">": b"", "<": b"", "=": ""})
        elif line.startswith("= "):
            cases[-1]["="] = line[2:]
        elif match := re.match(r"([<>])(?:\*\s*(\d+))? (.*)", line):
            cases[-1][match[1]] += unescape(match[3]) * int(match[2] or 1)
    return cases


CASES = read_cases()


def answer_and_close(connection, _):
    """The bodies of the table are not looked at here."""
    connection.answer(b"", headers=[("Connection", "close")])
    return False


@pytest.fixture(scope="module")
def table_backend(tmp_path_factory):
    backend = Backend(str(tmp_path_factory.mktemp("table") / "runner.sock"))
    backend.handlers = {}
    backend.default = answer_and_close
    yield backend
    backend.close()
    assert not backend.errors


@pytest.fixture(scope="module")
def table_gateway(tmp_path_factory, table_backend):
    gateway = Gateway(tmp_path_factory.mktemp("table"), ["--route", f"echo={table_backend.path}:2", "--set", "max_headers=128",
                                                              "--set", "max_body_bytes=0"])
    yield gateway
    gateway.stop()


def own_lines(head):
    return [line for line in head.decode("latin-1").split("\r\n") if not ADDED.match(line)]


def expect_head(case, backend, count):
    """The head of the table, less its prefix, reached the runner, with nothing added but what the gateway adds."""
    expected = own_lines(case["<"])
    method, target, _ = expected[0].split(" ")
    target = re.sub(r"^/echo", "", target)
    if not target.startswith("/"):
        target = "/" + target
    expected[0] = f"{method} {target} HTTP/1.1"
    wait_for(lambda: len(backend.requests) > count, "the request")
    assert expected in [own_lines(request.raw) for request in backend.requests[count:]]


def await_what_follows(client):
    """Bytes behind the request may be another one: it shall not arrive during the next case."""
    client.sock.settimeout(0.2)
    try:
        client.read_response()
    except (Truncated, socket.timeout):
        pass


def check(case, gateway, backend, pieces):
    count = len(backend.requests)
    outcome = case["="].split()
    with gateway.client(timeout=5) as client:
        try:
            for piece in pieces:
                client.send(piece)
        except ConnectionError:
            assert outcome[0] == "refuse"
        if outcome[0] == "refuse":
            response = client.read_response()
            assert response.status == int(outcome[1])
            if response.body:
                assert json.loads(response.body)["error"]["reason"] == outcome[2]
            client.sock.shutdown(socket.SHUT_WR)
            assert client.is_closed()
            assert len(backend.requests) == count
        elif outcome[0] == "accept":
            client.read_response(outcome[2])
            if re.search(rb"^\S+ (http://[^/ ]*)?/echo[/? ]", case[">"].lstrip()):
                expect_head(case, backend, count)
            if outcome[-1] != "rest=0":
                await_what_follows(client)
        elif outcome[0] == "more":
            client.sock.settimeout(0.05)
            with pytest.raises(socket.timeout):
                client.sock.recv(1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case, table_gateway, table_backend):
    check(case, table_gateway, table_backend, [case[">"]])
    if len(case[">"]) < 2000:
        check(case, table_gateway, table_backend, [case[">"][at:at + 1] for at in range(len(case[">"]))])
