"""What a handler returned, as a response.

Each class of result is looked at once and remembered. What can be written at once becomes bytes; the rest becomes
a Stream, an Application or a Pending for the engine to carry out.
"""
import json

from .protocol import LAST_CHUNK, bodiless, chunk, head_bytes, status_line

TEXT = b"text/plain; charset=utf-8"
BINARY = b"application/octet-stream"
JSON = b"application/json"

_OK = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %%d\r\n\r\n%%b"
_OK_TEXT, _OK_BINARY, _OK_JSON = _OK % TEXT, _OK % BINARY, _OK % JSON
_NO_CONTENT = status_line(204) + b"\r\n"
_FRAMING = (b"content-length", b"transfer-encoding", b"connection")


class Stream:
    """A response whose body is made piece by piece by an iterator, plain or async. Chunked, unless the length is
    known."""

    def __init__(self, items, status, pairs, length=None):
        self.items = items
        self.status = status
        self.pairs = pairs
        self.is_async = hasattr(items, "__anext__")
        self.left = length

    def head(self, first):
        """The head, once the first piece (None: there is none) tells what kind of body it is."""
        pairs = [pair for pair in self.pairs if pair[0] not in _FRAMING]
        if not any(name == b"content-type" for name, _ in pairs):
            pairs.append((b"content-type", TEXT if isinstance(first, str) else BINARY))
        if not bodiless(self.status):
            chunked = b"transfer-encoding", b"chunked"
            pairs.append(chunked if self.left is None else (b"content-length", b"%d" % self.left))
        return head_bytes(self.status, pairs) + b"\r\n"

    def frame(self, data):
        """A piece of the body as it goes out."""
        if self.left is None:
            return chunk(data)
        if len(data) > self.left:
            raise RuntimeError("the response is longer than its content-length")
        self.left -= len(data)
        return data

    def last(self):
        """What ends the body."""
        if self.left:
            raise RuntimeError(f"the response ended {self.left} bytes before its content-length")
        return LAST_CHUNK if self.left is None else b""


class Application:
    """A response that is an ASGI application: Starlette's streaming and file responses, and one's own.

    scope: the one to call it with; None: the request's own."""

    def __init__(self, response, scope=None):
        self.response = response
        self.scope = scope


class Pending:
    """The handler was a plain function that gave something to await."""

    def __init__(self, awaitable):
        self.awaitable = awaitable


def piece(item):
    """One piece of a streamed body as bytes."""
    if isinstance(item, str):
        return item.encode()
    if isinstance(item, (bytes, bytearray, memoryview)):
        return bytes(item)
    raise TypeError(f"the handler's stream gave a {type(item).__name__}; a piece is str or bytes")


def _json_default(value):
    """JSON for what json does not know and people return all the same."""
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if hasattr(value, "model_dump"):  # pydantic
        return value.model_dump(mode="json")
    if hasattr(value, "isoformat"):  # date, time, datetime
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return list(value)
    if type(value).__name__ in ("UUID", "Decimal") or hasattr(value, "__fspath__"):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


dumps = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_json_default
).encode


def content_length(pairs):
    """The length that headers announce, or None."""
    for name, value in pairs:
        if name == b"content-length":
            return int(value)
    return None


def assemble(status, pairs, kind, body):
    """A whole response; kind is its content type when the headers name none."""
    if bodiless(status):
        return head_bytes(status, pairs) + b"\r\n"
    pairs = [pair for pair in pairs if pair[0] not in _FRAMING]
    if kind is not None and not any(name == b"content-type" for name, _ in pairs):
        pairs.append((b"content-type", kind))
    pairs.append((b"content-length", b"%d" % len(body)))
    return head_bytes(status, pairs) + b"\r\n" + body


def _from_text(value, status=200, pairs=()):
    body = value.encode()
    if status == 200 and not pairs:
        return _OK_TEXT % (len(body), body)
    return assemble(status, pairs, TEXT, body)


def _from_binary(value, status=200, pairs=()):
    body = bytes(value)
    if status == 200 and not pairs:
        return _OK_BINARY % (len(body), body)
    return assemble(status, pairs, BINARY, body)


def _from_json(value, status=200, pairs=()):
    body = dumps(value).encode()
    if status == 200 and not pairs:
        return _OK_JSON % (len(body), body)
    return assemble(status, pairs, JSON, body)


def _from_none(_value, status=None, pairs=()):
    if status is None and not pairs:
        return _NO_CONTENT
    return assemble(204 if status is None else status, pairs, None, b"")


def _from_iterator(value, status=200, pairs=()):
    return Stream(value, status, pairs)


def _from_awaitable(value, status=None, pairs=()):
    if status is not None or pairs:
        raise TypeError("the handler returned a tuple that holds something to await; await it first")
    return Pending(value)


def _with_overrides(response, status, pairs):
    """A Starlette response that stands in a tuple: the tuple's status and headers win."""
    if status is not None:
        response.status_code = status
    for name, value in pairs:
        response.headers[name.decode("latin-1")] = value.decode("latin-1")


def write_response(response, status=None, pairs=()):
    """A Starlette response that holds its whole body: written without going through ASGI."""
    if status is not None or pairs:
        _with_overrides(response, status, pairs)
    if response.background is not None:
        return Application(response)
    head = head_bytes(response.status_code, response.raw_headers)
    body = response.body
    if b"\r\ncontent-length: " not in head or b"\r\ntransfer-encoding: " in head:
        return assemble(response.status_code, response.raw_headers, None, body)
    if bodiless(response.status_code):
        return head + b"\r\n"
    return b"%b\r\n%b" % (head, body)


def _from_application(response, status=None, pairs=()):
    if status is not None or pairs:
        _with_overrides(response, status, pairs)
    return Application(response)


def _pairs(headers):
    """Headers of a tuple, a mapping or pairs, as bytes."""
    items = headers.items() if hasattr(headers, "items") else headers
    return [(str(name).lower().encode("latin-1"), str(value).encode("latin-1")) for name, value in items]


def _from_tuple(value, status=None, pairs=()):
    if status is not None or pairs or not 2 <= len(value) <= 3:
        raise TypeError(f"the handler returned a tuple of {len(value)}; use (body, status) or (body, status, headers)")
    body, code, headers = value if len(value) == 3 else (*value, ())
    if len(value) == 2 and hasattr(code, "items"):
        code, headers = None, code
    if code is not None and (not isinstance(code, int) or isinstance(code, bool)):
        raise TypeError(f"the status of a returned tuple must be an int, not {type(code).__name__}")
    options = {"pairs": _pairs(headers)} if code is None else {"status": int(code), "pairs": _pairs(headers)}
    return writer_of(type(body))(body, **options)


def _starlette_response(kind):
    """Starlette's Response among the bases of a class, whichever Starlette it comes from; or None."""
    for base in kind.__mro__:
        if base.__name__ == "Response" and base.__module__ == "starlette.responses":
            return base
    return None


_BASES = ((str, _from_text), ((bytes, bytearray, memoryview), _from_binary), (tuple, _from_tuple),
          ((dict, list, int, float), _from_json))


def _classify(kind):
    base = _starlette_response(kind)
    if base is not None:
        return write_response if kind.__call__ is base.__call__ else _from_application
    if hasattr(kind, "__await__"):
        return _from_awaitable
    if hasattr(kind, "_fields"):  # a named tuple is data, not (body, status)
        return _from_json
    for bases, writer in _BASES:
        if issubclass(kind, bases):
            return writer
    if hasattr(kind, "__next__") or hasattr(kind, "__anext__"):
        return _from_iterator
    if hasattr(kind, "__dataclass_fields__") or hasattr(kind, "model_dump"):
        return _from_json
    raise TypeError(
        f"the handler returned a {kind.__name__}, which is no response; return dict, list, str, bytes, None, "
        "(body, status), (body, status, headers), a dataclass, a generator or a Starlette response")


writers = {str: _from_text, bytes: _from_binary, dict: _from_json, list: _from_json, type(None): _from_none,
            tuple: _from_tuple}


def writer_of(kind):
    """The function that makes a response of a result of this class."""
    writer = writers.get(kind)
    if writer is None:
        writer = writers[kind] = _classify(kind)
    return writer


def encode(result):
    """A response from what a handler returned: bytes, a Stream, an Application or a Pending."""
    return (writers.get(type(result)) or writer_of(type(result)))(result)


def encode_as_json(result):
    """The same with `is_return_serialized` false: everything that is not a response already is JSON."""
    kind = type(result)
    if _starlette_response(kind) is None and not hasattr(kind, "__await__"):
        return _from_json(result)
    return encode(result)
