"""Responses that are ASGI applications, and async streams, for both engines.

`write` is the engine's: a coroutine function that takes bytes and waits until there is room for more.
"""
from .protocol import LAST_CHUNK, bodiless, chunk, closing, head_bytes
from .respond import content_length, piece

_FRAMING = (b"content-length", b"transfer-encoding", b"connection")
_END = object()


class Sender:
    """ASGI's `send` for one response."""

    def __init__(self, write, head_only, close, on_end):
        self._write = write
        self._head_only = head_only
        self._close = close    # announce that the connection ends after this response
        self._on_end = on_end  # called as soon as the response is complete
        self._start = None
        self._left = None      # bytes that the announced length still allows; None: chunked
        self.started = False
        self.ended = False

    async def __call__(self, message):
        kind = message["type"]
        if kind == "http.response.start":
            self._start = int(message["status"]), list(message.get("headers", ()))
        elif kind == "http.response.body" and not self.ended:
            await self._body(bytes(message.get("body", b"")), message.get("more_body", False))

    async def _body(self, body, more):
        head = b"" if self.started else self._head(body, more)
        self.started = True
        out = head if self._head_only else head + self._framed(body, more)
        if out:
            await self._write(out)
        if not more:
            if self._left and not self._head_only:
                raise RuntimeError(f"the response ended {self._left} bytes before its content-length")
            self.ended = True
            self._on_end()

    def _head(self, body, more):
        if self._start is None:
            raise RuntimeError("the response began without http.response.start")
        status, headers = self._start
        pairs = [(bytes(name).lower(), bytes(value)) for name, value in headers]
        length = content_length(pairs)
        pairs = [pair for pair in pairs if pair[0] not in _FRAMING]
        if bodiless(status):
            self._head_only = True
        elif length is not None or not more:
            self._left = len(body) if length is None else length
            pairs.append((b"content-length", b"%d" % self._left))
        else:
            pairs.append((b"transfer-encoding", b"chunked"))
        head = head_bytes(status, pairs) + b"\r\n"
        return closing(head) if self._close else head

    def _framed(self, body, more):
        if self._left is None:
            return (chunk(body) if body else b"") + (b"" if more else LAST_CHUNK)
        if len(body) > self._left:
            raise RuntimeError("the response is longer than its content-length")
        self._left -= len(body)
        return body


async def run_application(answer, request, sender):
    """Carries out a response that is an ASGI application; returns when its background work is done too."""
    await answer.response(answer.scope or request.asgi_scope(), request.asgi_receive, sender)
    if not sender.ended:
        raise RuntimeError("the response ended without its last part")


async def run_stream(stream, items, head_only, close, write):
    """Sends an async iterator's pieces as a chunked response. The first piece comes before the head, so that an
    exception before it can still be answered."""
    item = await anext(items, _END)
    out = stream.head(None if item is _END else item)
    if close:
        out = closing(out)
    if head_only or bodiless(stream.status):
        await write(out)
        return
    while item is not _END:
        data = piece(item)
        if data:
            await write(out + stream.frame(data))
            out = b""
        item = await anext(items, _END)
    await write(out + stream.last())
