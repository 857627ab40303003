"""WSGI applications, mounted below the function's name (PEP 3333)."""
import io
import sys

from .protocol import fields
from .request import server_of
from .respond import Stream, assemble, content_length

_UNPREFIXED = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}


class _Input(io.RawIOBase):
    """The rest of a body that is still on its way."""

    def __init__(self, request):
        self._request = request
        self._held = b""

    def readable(self):
        return True

    def readinto(self, buffer):
        data = self._held or self._request.next_piece()
        size = min(len(data), len(buffer))
        buffer[:size] = data[:size]
        self._held = data[size:]
        return size


class _Errors:
    """wsgi.errors: the log, whichever object it is at the time."""

    def write(self, text):
        sys.stderr.write(text)

    def writelines(self, lines):
        sys.stderr.writelines(lines)

    def flush(self):
        sys.stderr.flush()


_ERRORS = _Errors()


def environ_of(request):
    """The environ of a request."""
    headers = fields(request.head)
    known = dict(reversed(headers))
    prefix = known.get(b"x-forwarded-prefix", b"").decode("latin-1")
    scheme = known.get(b"x-forwarded-proto", b"http").decode("latin-1")
    name, port = server_of(known.get(b"host", b""), scheme)
    environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": prefix,
        "PATH_INFO": request.path_bytes.decode("latin-1"),
        "QUERY_STRING": request.target.partition(b"?")[2].decode("latin-1"),
        "REQUEST_URI": prefix + request.target.decode("latin-1"),
        "SERVER_NAME": name,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": known.get(b"x-real-ip", b"").decode("latin-1"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.input": _input_of(request),
        "wsgi.input_terminated": True,
        "wsgi.errors": _ERRORS,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
    }
    for name, value in headers:
        if b"_" in name:  # the same variable as the one with "-": it could be mistaken for that
            continue
        key = _UNPREFIXED.get(name) or "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]}{'; ' if name == b'cookie' else ','}{text}" if key in environ else text
    return environ


def _input_of(request):
    if request.is_whole:
        return io.BytesIO(request.get_data())
    return io.BufferedReader(_Input(request), 64 << 10)


class FileWrapper:
    """wsgi.file_wrapper: a file in blocks."""

    def __init__(self, file, size=64 << 10):
        self._file = file
        self._size = size

    def __iter__(self):
        return self

    def __next__(self):
        data = self._file.read(self._size)
        if not data:
            raise StopIteration
        return data

    def close(self):
        if hasattr(self._file, "close"):
            self._file.close()


class _Response:
    """start_response, and what came of it."""

    def __init__(self):
        self.status = None
        self.pairs = []
        self.written = []

    def __call__(self, status, headers, exc_info=None):
        if exc_info is None and self.status is not None:
            raise AssertionError("start_response was called twice")
        self.status = int(status.split(" ", 1)[0])
        self.pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return self.written.append

    def pieces(self, result):
        """What is to be sent: what was given to write(), then what the application gives."""
        try:
            for item in result:
                if self.written:
                    yield from self.take_written()
                yield item
            yield from self.take_written()
        finally:
            if hasattr(result, "close"):
                result.close()

    def take_written(self):
        written, self.written = self.written, []
        return written


def function_of(application):
    """The application as a function of the request; its result is bytes or a Stream."""
    def handle(request):
        response = _Response()
        result = application(environ_of(request), response)
        if type(result) is list and response.status and not response.written and request.method != "HEAD":
            return assemble(response.status, response.pairs, None, b"".join(result))
        return _stream(response, result, request.method == "HEAD")

    return handle


def respond(result):
    """The function's result is a response already."""
    return result


def _stream(response, result, head_only):
    """Goes on to the first piece: only then must start_response have been called. A body of one piece (what most
    frameworks give) is sent whole."""
    items = response.pieces(result)
    ahead = []
    for item in items:
        if item:
            ahead.append(item)
            break
    if response.status is None:
        items.close()
        raise RuntimeError("the application did not call start_response")
    length = content_length(response.pairs)
    try:
        whole = len(result) == 1
    except TypeError:
        whole = not ahead
    if (whole or length == sum(map(len, ahead))) and not (head_only and length):
        ahead += items
        return assemble(response.status, response.pairs, None, b"".join(ahead))
    return Stream(_chained(ahead, items), response.status, response.pairs, length)


def _chained(ahead, items):
    try:
        yield from ahead
        yield from items
    finally:
        items.close()
