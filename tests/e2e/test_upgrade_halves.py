"""Requests of which a part has come when the daemon is upgraded, and the rest comes after it."""

import pytest

SIZES = """
    async def handle(request):
        return str(len(await request.body()))
"""

LARGE = b"x" * 200000
HEAD = "POST /{} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def serving(berth):
    berth.host["drain_timeout"] = 600
    berth.write_function("whole", SIZES, idle_timeout=600, concurrency=16)
    berth.write_function("streamed", SIZES, idle_timeout=600, concurrency=16, request_buffering=False)
    berth.start()
    for name in ("whole", "streamed"):
        assert berth.get(f"/{name}").text == "0"
    return berth


def chunk(size):
    return f"{size:x}\r\n".encode() + b"x" * size + b"\r\n"


def answer(connection):
    status, headers = connection.head()
    return status, connection.reader.read(int(headers["Content-Length"])).decode()


@pytest.mark.parametrize("name", ["whole", "streamed"])
def test_half_a_request(serving, name):
    """Within the head, after it, within a small body and within a large one, in chunks or with a length."""
    halves = {
        "head": (HEAD.format(name)[:20].encode(), HEAD.format(name)[20:].encode() + chunk(5) + b"0\r\n\r\n", 5),
        "no body yet": (HEAD.format(name).encode(), chunk(5) + b"0\r\n\r\n", 5),
        "chunk": (HEAD.format(name).encode() + chunk(5) + b"a\r\n12345", b"67890\r\n0\r\n\r\n", 15),
        "many chunks": (HEAD.format(name).encode() + chunk(700) * 20, chunk(700) * 20 + b"0\r\n\r\n", 28000),
        "large chunks": (HEAD.format(name).encode() + chunk(200000) * 2, chunk(200000) + b"0\r\n\r\n", 600000),
        "length": (f"POST /{name} HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n12345".encode(), b"67890", 10),
        "large": (f"POST /{name} HTTP/1.1\r\nHost: test\r\nContent-Length: 400000\r\n\r\n".encode() + LARGE, LARGE, 400000),
    }
    connections = {}
    for what, (first, _, _) in halves.items():
        connections[what] = serving.connect(timeout=60)
        connections[what].send(first)
    _, old = serving.upgrade()
    seen = {}
    for what, (_, rest, size) in halves.items():
        connections[what].send(rest)
        seen[what] = (answer(connections[what]), (200, str(size)))
    assert [what for what, (got, wanted) in seen.items() if got != wanted] == [], seen
    for connection in connections.values():
        connection.close()
    assert old.wait(60) == 0
