"""Standard output and standard error: whole lines, each marked with the request it belongs to.

The mark is the request's id between two RS characters (docs/runner-protocol.md, "Output"); a line that is flushed
before its end is there ends with one more. A context variable knows the request, so threads and tasks that a handler
starts with its context (asyncio's tasks, asyncio.to_thread) write for the same one.
"""
import io
import sys
from contextvars import ContextVar

from .protocol import field_value

# The head of the request that this thread or task serves; None outside of one.
current_head = ContextVar("berth_current_head", default=None)

_HELD_LIMIT = 64 << 10  # of a line that does not end
_GOES_ON = "\x1e"


def mark():
    """What a line begins with."""
    head = current_head.get()
    if head is None:
        return ""
    request_id = field_value(head, head.lower(), b"x-request-id")
    return f"\x1e{request_id.decode('latin-1')}\x1e" if request_id else ""


class LineWriter(io.TextIOWrapper):
    """A text stream that writes whole lines, each in one go, however print() puts them together."""

    def __init__(self, buffer):
        super().__init__(buffer, encoding="utf-8", errors="backslashreplace", line_buffering=True)
        self._held = {}  # mark -> beginning of a line

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        before = mark()
        lines = (self._held.pop(before, "") + text).split("\n")
        rest = lines.pop()
        if len(rest) > _HELD_LIMIT:
            lines.append(rest + _GOES_ON)
        elif rest:
            self._held[before] = rest
        if lines:
            super().write("".join([f"{before}{line}\n" for line in lines]))
        return len(text)

    def flush(self):
        before = mark() if self._held else ""
        rest = self._held.pop(before, "")
        if rest:
            super().write(f"{before}{rest}{_GOES_ON}\n")
        super().flush()

    def finish(self):
        """Writes what has not ended in a line break."""
        held, self._held = self._held, {}
        if held:
            super().write("".join([f"{before}{line}\n" for before, line in held.items()]))
        self.flush()


def install():
    """Puts line writers in place of sys.stdout and sys.stderr."""
    import atexit

    sys.stdout, sys.stderr = LineWriter(sys.stdout.detach()), LineWriter(sys.stderr.detach())
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr
    atexit.register(sys.stdout.finish)
    atexit.register(sys.stderr.finish)


def show_all_levels():
    """Lets what a logger is told to log appear although nobody has made a handler for it, as where event handlers come
    from: `setLevel(INFO)` alone is enough. Handlers that are made replace this."""
    logging = sys.modules.get("logging")
    last_resort = getattr(logging, "lastResort", None)
    if last_resort is not None and last_resort.level == logging.WARNING:
        last_resort.setLevel(logging.NOTSET)
