"""The table of raw requests, tests/data/http/requests.txt, against the real gateway: whole, byte by byte, and cut in
two at every position."""
import json
import re

import pytest

from conftest import start_peer
from raw_cases import read_cases
from stepwise import AT_ONCE, send_every_way

CASES = read_cases("requests.txt")
ADDED = re.compile(rb"(X-Request-Id|X-Real-IP|X-Forwarded-(For|Proto|Host|Prefix)): ", re.IGNORECASE)


@pytest.fixture(scope="module")
def table_gateway(tmp_path_factory):
    """A gateway in front of a runner that answers each request with its head."""
    path = tmp_path_factory.mktemp("table")
    options = ["--route", f"echo={path}/heads.sock:{AT_ONCE}"]
    for setting in ("max_headers=128", "max_body_bytes=0", "head_timeout_ms=60000", "request_buffer_bytes=0"):
        options += ["--set", setting]
    with start_peer(path, [f"{path}/heads.sock", "heads"], options) as gateway:
        gateway.wait_slots(AT_ONCE, "echo")
        yield gateway


def own_lines(head):
    """The lines of a head without those that the gateway adds."""
    return [line for line in head.split(b"\r\n") if line and not ADDED.match(line)]


def forwarded(case):
    """What shall reach the runner: the head of the table less its prefix. None when no function is named."""
    method, target, version = case.output.split(b"\r\n", 1)[0].split(b" ")
    if not re.match(rb"/echo([/?]|$)", target):
        return None
    rest = target[len(b"/echo"):]
    rest = rest if rest.startswith(b"/") else b"/" + rest
    return [b" ".join([method, rest, version]), *own_lines(case.output)[1:]]


def check_refused(case, client):
    response = client.read_response()
    assert response.status == int(case.outcome[1])
    if response.body:
        assert json.loads(response.body)["error"]["reason"] == case.outcome[2]
    assert response.get("Connection") == "close"


def check_accepted(case, client):
    method = case.outcome[2]
    response = client.read_response(method)
    expected = forwarded(case)
    if expected is None:
        assert response.status == (204 if method == "OPTIONS" else 404)
        return
    head = bytes.fromhex(response.get("X-Head")) if method == "HEAD" else response.body
    assert (response.status, own_lines(head)) == (200, expected)


def check_outcome(case, client):
    """Reads what the table says comes, and then the end of the connection."""
    if case.outcome[0] == "refuse":
        check_refused(case, client)
    elif case.outcome[0] == "accept":
        check_accepted(case, client)
    rest = client.leave()
    if case.outcome[0] != "accept":
        assert rest == b""


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case, table_gateway):
    send_every_way(table_gateway, case.input, 1, lambda client: check_outcome(case, client))
