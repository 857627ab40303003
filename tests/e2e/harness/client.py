"""HTTP as a client sees it: whole requests, and connections driven by hand."""

import contextlib
import http.client
import json
import socket


class Response:
    """A whole answer. `headers` is an http.client.HTTPMessage: any case, get_all() for repeated ones."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def text(self):
        return self.body.decode("utf-8", errors="replace")

    def json(self):
        return json.loads(self.body)

    def error(self):
        """The error object of an answer that Berth made itself, checked for its shape."""
        error = self.json()["error"]
        missing = {"component", "reason", "message", "request_id"} - set(error)
        assert not missing, f"the error lacks {missing}: {error}"
        assert self.headers.get_content_type() == "application/json"
        assert error["request_id"] == self.headers["X-Request-Id"]
        return error

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


def request(address, method, target, body=None, headers=None, timeout=60, source=None):
    """One request on a connection of its own, from the address `source` of this machine if given."""
    source_address = (source, 0) if source else None
    connection = http.client.HTTPConnection(*address, timeout=timeout, source_address=source_address)
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may have been answered by then
            connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        return Response(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


class Connection:
    """A client connection on which bytes are sent as they are."""

    def __init__(self, address, timeout=30, source=None):
        self.socket = socket.create_connection(address, timeout, (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.reader.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def head(self):
        """Reads the next head: status and headers."""
        line = self.reader.readline()
        assert line.startswith(b"HTTP/1."), f"not an answer: {line!r}"
        return int(line.split()[1]), http.client.parse_headers(self.reader)

    def chunk(self):
        """Reads one chunk of a chunked body; b"" is the last, its trailers are read too."""
        size = int(self.reader.readline().split(b";")[0], 16)
        if size == 0:
            http.client.parse_headers(self.reader)
            return b""
        data = self.reader.read(size)
        assert self.reader.readline() == b"\r\n"
        return data

    def body(self, headers, method="GET", status=200):
        if method == "HEAD" or status in (204, 304):
            return b""
        if headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(iter(self.chunk, b""))
        length = headers.get("Content-Length")
        return self.reader.read() if length is None else self.reader.read(int(length))

    def response(self, method="GET"):
        """Reads a whole answer, past any 1xx."""
        status, headers = self.head()
        while 100 <= status < 200:
            status, headers = self.head()
        return Response(status, headers, self.body(headers, method, status))

    def at_end(self):
        """Waits for the other side to close; True when it did without sending more."""
        try:
            return self.reader.read(1) == b""
        except ConnectionResetError:
            return True
