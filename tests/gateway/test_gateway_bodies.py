"""The table of chunked bodies, tests/data/http/bodies.txt, against the real gateway: whole, byte by byte, and cut in
two at every position, as the table of requests."""
import pytest

from backend import Backend
from conftest import Gateway
from raw_cases import read_cases
from stepwise import AT_ONCE, send_every_way

HEAD = b"POST /f/raw HTTP/1.1\r\nHost: berth.test\r\nTransfer-Encoding: chunked\r\n\r\n"
CASES = read_cases("bodies.txt")


def answer_raw_body(connection, _):
    """Answers with the body as it came, framing and trailers included."""
    raw, size = b"", None
    while size != 0:
        line = connection.read_until(b"\r\n")
        size = int(line, 16)
        raw += line + (connection.read_exactly(size + 2) if size > 0 else b"")
    while line != b"\r\n":
        line = connection.read_until(b"\r\n")
        raw += line
    connection.answer(raw)


@pytest.fixture(scope="module")
def raw_gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bodies")
    backend = Backend(str(folder / "runner.sock"))
    backend.handlers = {"/raw": answer_raw_body}
    gateway = Gateway(folder, ["--route", f"f={backend.path}:{AT_ONCE}"])
    gateway.wait_slots(AT_ONCE)
    yield gateway
    gateway.stop()
    backend.close()
    assert not backend.errors


def check_outcome(case, client):
    if case.outcome[0] != "more":
        response = client.read_response()
        assert response.status == (int(case.outcome[1]) if case.outcome[0] == "refuse" else 200)
        if case.outcome[0] == "refuse":
            assert case.outcome[2].encode() in response.body and response.get("Connection") == "close"
        else:
            assert response.body == case.output
    assert client.leave() == b""


@pytest.mark.parametrize("case", CASES, ids=str)
def test_body(case, raw_gateway):
    send_every_way(raw_gateway, HEAD + case.input, len(HEAD), lambda client: check_outcome(case, client))
