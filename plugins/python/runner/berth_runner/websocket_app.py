"""ASGI's websocket protocol on a slot: an accepted upgrade turns the slot's connection into a tunnel."""
import asyncio
from collections import deque

from . import failure
from .content import ClientGone
from .protocol import field_value, head_bytes
from .websocket import (ABNORMAL, BINARY, CLOSE, GOING_AWAY, INTERNAL_ERROR, NO_STATUS, NORMAL, PING, PONG, TEXT,
                        Reader, WebSocketError, accept_value, close_frame, frame)

HELD_LIMIT = 1 << 20  # bytes of messages that wait for the application before the client has to
_OWN_HEADERS = (b"upgrade", b"connection", b"sec-websocket-accept", b"sec-websocket-extensions")


class WebSocket:
    """The answer to an upgrade: the engine carries it out with a Session."""

    def __init__(self, application, scope):
        self.application = application
        self.scope = scope


def wants_websocket(request):
    upgrade = field_value(request.head, request.lower, b"upgrade")
    return upgrade is not None and upgrade.lower() == b"websocket"


def refusal(request):
    """Why an upgrade cannot be, as (status, headers, text); None when it can."""
    version = field_value(request.head, request.lower, b"sec-websocket-version")
    if version != b"13":
        return 426, [(b"sec-websocket-version", b"13")], "this WebSocket version is not supported"
    key = field_value(request.head, request.lower, b"sec-websocket-key") or b""
    if request.method != "GET" or accept_value(key) is None:
        return 400, [], "this is no valid WebSocket handshake"
    return None


class Session:
    """One WebSocket from the handshake to its end.

    send_http: ASGI's send for an application that answers the handshake with a response instead.
    """

    def __init__(self, slot, request, answer, send_http):
        self.slot = slot
        self.request = request
        self.application = answer.application
        self.scope = self._scope_of(answer.scope)
        self.accepted = False
        self.answered = False  # with a response in place of the upgrade
        self.closed = False    # a close frame was sent, or the connection is gone
        self._send_http = send_http
        self._reader = Reader()
        self._messages = deque([{"type": "websocket.connect"}])
        self._held = 0
        self._waiter = None
        self._end = None       # the websocket.disconnect message, once there is one
        self._writing = asyncio.Lock()

    def _scope_of(self, scope):
        offered = [value for name, value in scope["headers"] if name == b"sec-websocket-protocol"]
        protocols = [part.strip().decode("latin-1") for value in offered for part in value.split(b",")]
        scope = {**scope, "type": "websocket", "subprotocols": protocols,
                 "scheme": "wss" if scope["scheme"] == "https" else "ws",
                 "extensions": {"websocket.http.response": {}}}
        del scope["method"]
        return scope

    async def run(self):
        """Runs the application. True: the connection was a WebSocket, and is done."""
        try:
            await self.application(self.scope, self.receive, self.send)
        except BaseException as error:
            if not self.accepted:
                raise
            if not isinstance(error, (ClientGone, asyncio.CancelledError)):
                failure.log(failure.trace(error))
            await self._close(INTERNAL_ERROR, "")
            return True
        if self.accepted:
            await self._close(NORMAL, "")
        elif not self.answered:
            await self.send({"type": "websocket.close"})
        return self.accepted

    # The application's side

    async def receive(self):
        while not self._messages:
            if self._end is not None:
                return self._end
            self._waiter = self.slot.loop.create_future()
            await self._waiter
        message = self._messages.popleft()
        self._held -= len(message.get("text") or message.get("bytes") or "")
        if self._held < HELD_LIMIT:
            self.slot.resume()
        return message

    async def send(self, message):
        kind = message["type"]
        if kind == "websocket.accept" and not self.accepted and not self.answered:
            await self._accept(message)
        elif kind == "websocket.send" and self.accepted:
            await self._send_message(message)
        elif kind == "websocket.close" and self.accepted:
            await self._close(message.get("code") or NORMAL, message.get("reason") or "")
        elif kind == "websocket.close":
            await self._answer_instead(403)
        elif kind.startswith("websocket.http.response.") and not self.accepted:
            self.answered = True
            await self._send_http({**message, "type": kind.removeprefix("websocket.")})
        else:
            raise RuntimeError(f"the application sent {kind}, which has no place here")

    async def _accept(self, message):
        key = field_value(self.request.head, self.request.lower, b"sec-websocket-key")
        pairs = [(b"upgrade", b"websocket"), (b"connection", b"Upgrade"), (b"sec-websocket-accept", accept_value(key))]
        if message.get("subprotocol"):
            pairs.append((b"sec-websocket-protocol", message["subprotocol"].encode("latin-1")))
        pairs += [(bytes(name).lower(), bytes(value)) for name, value in message.get("headers") or ()
                  if bytes(name).lower() not in _OWN_HEADERS]
        self.accepted = True
        await self._write(head_bytes(101, pairs) + b"\r\n")
        self.slot.open_tunnel(self)

    async def _answer_instead(self, status):
        self.answered = True
        await self._send_http({"type": "http.response.start", "status": status, "headers": []})
        await self._send_http({"type": "http.response.body"})

    async def _send_message(self, message):
        if self.closed:
            raise ClientGone
        text = message.get("text")
        if text is not None:
            await self._write(frame(TEXT, text.encode()))
        else:
            await self._write(frame(BINARY, bytes(message.get("bytes") or b"")))

    async def _write(self, data):
        async with self._writing:
            await self.slot.write(data)

    async def _close(self, code, reason):
        if not self.closed:
            self.closed = True
            self._finish(code, reason)
            try:
                await self._write(close_frame(code, reason))
            except ClientGone:
                pass  # it did not wait for the goodbye

    # The client's side

    def feed(self, data):
        """Bytes from the client. False: hold back, the application does not keep up."""
        try:
            for opcode, payload in self._reader.feed(data):
                self._take(opcode, payload)
        except WebSocketError as error:
            self._end_with(error.code, str(error))
        return self._held < HELD_LIMIT

    def _take(self, opcode, payload):
        if opcode == PING:
            self._send_later(frame(PONG, payload))
        elif opcode == CLOSE:
            self._end_with(*payload)
        elif opcode in (TEXT, BINARY):
            self._held += len(payload)
            name = "text" if opcode == TEXT else "bytes"
            self._put({"type": "websocket.receive", name: payload})

    def _end_with(self, code, reason):
        """The client says goodbye, or has to: answers with the same code."""
        if not self.closed:
            self.closed = True
            self._send_later(frame(CLOSE, b"") if code == NO_STATUS else close_frame(code, reason))
        self._finish(code, reason)

    def lost(self):
        """The connection is gone without a goodbye."""
        self.closed = True
        self._finish(ABNORMAL, "")

    def going_away(self):
        """The instance ends."""
        self._end_with(GOING_AWAY, "")

    def _finish(self, code, reason):
        if self._end is None:
            self._end = {"type": "websocket.disconnect", "code": code, "reason": reason}
            self._wake()

    def _put(self, message):
        if self._end is None:
            self._messages.append(message)
            self._wake()

    def _wake(self):
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _send_later(self, data):
        async def send():
            try:
                await self._write(data)
            except ClientGone:
                pass  # nobody is left to read it

        self.slot.engine.keep(self.slot.loop.create_task(send()))
