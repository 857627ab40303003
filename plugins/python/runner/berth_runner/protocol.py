"""HTTP/1.1 as the runner needs it: bytes in, bytes out, no sockets.

The host has checked and re-written every head (one space here, CRLF there, no folding, never both framings), so
reading one is searching it: nothing is split that nobody asks for.
"""

HEAD_LIMIT = 1 << 20
LINE_LIMIT = 64 << 10
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"

CHUNKED = -1  # a head's length when the body is chunked

METHODS = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE")}

REASONS = {
    100: "Continue", 101: "Switching Protocols", 102: "Processing", 103: "Early Hints",
    200: "OK", 201: "Created", 202: "Accepted", 203: "Non-Authoritative Information", 204: "No Content",
    205: "Reset Content", 206: "Partial Content", 207: "Multi-Status",
    300: "Multiple Choices", 301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified",
    307: "Temporary Redirect", 308: "Permanent Redirect",
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required",
    408: "Request Timeout", 409: "Conflict", 410: "Gone", 411: "Length Required", 412: "Precondition Failed",
    413: "Content Too Large", 414: "URI Too Long", 415: "Unsupported Media Type", 416: "Range Not Satisfiable",
    417: "Expectation Failed", 418: "I'm a Teapot", 421: "Misdirected Request", 422: "Unprocessable Content",
    423: "Locked", 424: "Failed Dependency", 425: "Too Early", 426: "Upgrade Required",
    428: "Precondition Required", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
    451: "Unavailable For Legal Reasons",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Gateway Timeout", 505: "HTTP Version Not Supported", 507: "Insufficient Storage",
    511: "Network Authentication Required",
}

STATUS_LINES = {code: f"HTTP/1.1 {code} {reason}\r\n".encode() for code, reason in REASONS.items()}


class ProtocolError(Exception):
    """The peer sent what the runner protocol does not allow; the connection is of no more use."""


def status_line(status):
    line = STATUS_LINES.get(status)
    if line is None:
        if not 100 <= status <= 999:
            raise ValueError(f"{status} is no HTTP status")
        line = STATUS_LINES[status] = b"HTTP/1.1 %d \r\n" % status
    return line


def bodiless(status):
    """Whether a response of this status has no body and no length."""
    return status == 204 or status == 304 or status < 200


def parse_head(data, end):
    """Reads the head data[:end]; the empty line follows it in data.

    Gives (method, target, lower, length): target as bytes, lower the whole head in lower case for field_value(),
    length the body's size or CHUNKED.
    """
    try:
        method, target, _ = data[:data.index(b"\r\n")].split(b" ")
        lower = data[:end].lower()
        at = lower.find(b"\r\ncontent-length:")
        if at >= 0:
            stop = lower.find(b"\r\n", at + 17)
            length = int(lower[at + 17:stop if stop >= 0 else end])
            if length < 0:
                raise ValueError
        else:
            length = CHUNKED if b"\r\ntransfer-encoding:" in lower else 0
    except ValueError:
        raise ProtocolError("not a request head") from None
    return METHODS.get(method) or method.decode("latin-1"), target, lower, length


def field_value(head, lower, name):
    """The value of a field (name: lower-case bytes), or None. The first one when there are several."""
    at = lower.find(b"\r\n" + name + b":")
    if at < 0:
        return None
    at += len(name) + 3
    stop = head.find(b"\r\n", at)
    return (head[at:stop] if stop >= 0 else head[at:]).strip()


def fields(head):
    """All fields of a head as (lower-case name, value) pairs of bytes."""
    pairs = []
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name:
            pairs.append((name.lower(), value.strip()))
    return pairs


class LengthDecoder:
    """A body of known size: feed() takes bytes off the wire and gives (body bytes, bytes after the body)."""

    def __init__(self, length):
        self.remaining = length
        self.done = length == 0

    def feed(self, data):
        size = len(data)
        if size <= self.remaining:
            self.remaining -= size
            self.done = self.remaining == 0
            return data, b""
        body, rest = data[:self.remaining], data[self.remaining:]
        self.remaining = 0
        self.done = True
        return body, rest


class ChunkedDecoder:
    """A chunked body. Trailers are read and dropped."""

    remaining = None  # unknown

    def __init__(self):
        self.done = False
        self._buffer = b""
        self._step = self._size
        self._left = 0

    def feed(self, data):
        self._buffer += data
        body = []
        while not self.done and self._step(body):
            pass
        rest = b""
        if self.done:
            rest, self._buffer = self._buffer, b""
        return b"".join(body), rest

    def _line(self):
        line, found, rest = self._buffer.partition(b"\r\n")
        if not found:
            if len(self._buffer) > LINE_LIMIT:
                raise ProtocolError("a line of a chunked body is too long")
            return None
        self._buffer = rest
        return line

    def _size(self, _body):
        line = self._line()
        if line is None:
            return False
        digits = line.partition(b";")[0].strip()
        if not digits or len(digits) > 16 or digits.strip(b"0123456789abcdefABCDEF"):
            raise ProtocolError("a bad chunk size")
        self._left = int(digits, 16)
        self._step = self._data if self._left else self._trailer
        return True

    def _data(self, body):
        piece = self._buffer[:self._left]
        if not piece:
            return False
        body.append(piece)
        self._left -= len(piece)
        self._buffer = self._buffer[len(piece):]
        if self._left == 0:
            self._step = self._data_end
        return True

    def _data_end(self, _body):
        if len(self._buffer) < 2:
            return False
        if not self._buffer.startswith(b"\r\n"):
            raise ProtocolError("a chunk longer than its size")
        self._buffer = self._buffer[2:]
        self._step = self._size
        return True

    def _trailer(self, _body):
        line = self._line()
        if line is None:
            return False
        self.done = not line
        return True


def decoder(length):
    return ChunkedDecoder() if length == CHUNKED else LengthDecoder(length)


def head_bytes(status, pairs):
    """A response head without the empty line, from (name, value) pairs of bytes. Refuses what would break out of
    its line."""
    lines = [status_line(status)]
    for name, value in pairs:
        lines.append(b"%s: %s\r\n" % (name, value))
    head = b"".join(lines)
    if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines) or b"\0" in head:
        raise ValueError("a response header holds a line break or a NUL")
    return head


def closing(response):
    """The same response with the announcement that this connection ends after it."""
    return response.replace(b"\r\n", b"\r\nconnection: close\r\n", 1)


def without_body(response):
    """The head of a complete response, for HEAD."""
    return response[:response.index(b"\r\n\r\n") + 4]


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)
