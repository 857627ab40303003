"""The WebSocket protocol (RFC 6455), the server's side: bytes in, events out, no sockets."""
import base64
import binascii
import hashlib

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NORMAL, GOING_AWAY, PROTOCOL_ERROR, NO_STATUS, ABNORMAL = 1000, 1001, 1002, 1005, 1006
BAD_DATA, TOO_BIG, INTERNAL_ERROR = 1007, 1009, 1011

MESSAGE_LIMIT = 16 << 20
CONTROL_LIMIT = 125
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_RESERVED_CODES = {1004, NO_STATUS, ABNORMAL, 1012, 1013, 1014, 1015}


class WebSocketError(Exception):
    """The client broke the protocol; the connection ends with this code."""

    def __init__(self, code, reason):
        super().__init__(reason)
        self.code = code


def accept_value(key):
    """Sec-WebSocket-Accept for a Sec-WebSocket-Key, or None when that is none."""
    try:
        if len(base64.b64decode(key, validate=True)) != 16:
            return None
    except binascii.Error:
        return None
    return base64.b64encode(hashlib.sha1(key + _GUID).digest())


def frame(opcode, payload):
    """A whole message, or a control frame, as one frame; a server's are not masked."""
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, size))
    elif size < 1 << 16:
        head = bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big")
    return head + payload


def close_frame(code, reason=""):
    text = reason.encode()[:CONTROL_LIMIT - 2].decode("utf-8", "ignore").encode()
    return frame(CLOSE, code.to_bytes(2, "big") + text)


def unmask(data, mask):
    """data XOR the mask repeated, as one operation on large numbers."""
    size = len(data)
    whole = int.from_bytes(mask * (size // 4 + 1), "little") & ((1 << 8 * size) - 1)
    return (int.from_bytes(data, "little") ^ whole).to_bytes(size, "little")


class Reader:
    """Frames of one client, put together to messages.

    feed() gives (opcode, payload) of what is complete: TEXT with a str, BINARY, PING and PONG with bytes, CLOSE with
    (code, reason). After a WebSocketError or a CLOSE it is of no more use.
    """

    def __init__(self):
        self._buffer = bytearray()
        self._kind = None    # opcode of the message that is being put together
        self._parts = []
        self._size = 0

    def feed(self, data):
        self._buffer += data
        events = []
        while (found := self._next_frame()) is not None:
            event = self._take(*found)
            if event is not None:
                events.append(event)
        return events

    def _next_frame(self):
        """(final, opcode, payload) of the frame at the front, taken out; None while it is not complete."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        first, second = buffer[0], buffer[1]
        opcode, size, at = first & 0x0F, second & 0x7F, 2
        if first & 0x70 or not second & 0x80:
            raise WebSocketError(PROTOCOL_ERROR, "reserved bits are set, or a frame is not masked")
        if opcode >= CLOSE and (size > CONTROL_LIMIT or not first & 0x80):
            raise WebSocketError(PROTOCOL_ERROR, "a control frame is too long or fragmented")
        if size >= 126:
            at += 2 if size == 126 else 8
            if len(buffer) < at:
                return None
            size = int.from_bytes(buffer[2:at], "big")
        if self._size + size > MESSAGE_LIMIT:
            raise WebSocketError(TOO_BIG, f"a message is longer than {MESSAGE_LIMIT} bytes")
        end = at + 4 + size
        if len(buffer) < end:
            return None
        payload = unmask(buffer[at + 4:end], bytes(buffer[at:at + 4]))
        del buffer[:end]
        return bool(first & 0x80), opcode, payload

    def _take(self, final, opcode, payload):
        if opcode == CLOSE:
            return CLOSE, _close_of(payload)
        if opcode in (PING, PONG):
            return opcode, payload
        if opcode > BINARY or (opcode == CONTINUATION) != (self._kind is not None):
            raise WebSocketError(PROTOCOL_ERROR, "a frame with an opcode that has no place here")
        if opcode != CONTINUATION:
            self._kind = opcode
        self._parts.append(payload)
        self._size += len(payload)
        if not final:
            return None
        kind, message = self._kind, b"".join(self._parts)
        self._kind, self._parts, self._size = None, [], 0
        if kind == BINARY:
            return BINARY, message
        return TEXT, _text(message)


def _text(data):
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise WebSocketError(BAD_DATA, "a text message is not valid UTF-8") from None


def _close_of(payload):
    """(code, reason) of a close frame."""
    if not payload:
        return NO_STATUS, ""
    code = int.from_bytes(payload[:2], "big")
    known = 1000 <= code < 1016 and code not in _RESERVED_CODES or 3000 <= code < 5000
    if len(payload) == 1 or not known:
        raise WebSocketError(PROTOCOL_ERROR, "a close frame with a bad code")
    return code, _text(payload[2:])
