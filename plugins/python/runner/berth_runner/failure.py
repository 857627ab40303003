"""Exceptions of the user's code: as lines in the log, and as answers."""
import sys
from json import dumps  # the runner's own, whatever the function makes of it

from .protocol import bodiless, head_bytes

_OURS = __file__.rpartition("/")[0] + "/"


def trace(error):
    """The traceback from the first frame of the user's code on, as text."""
    import traceback  # only when something has gone wrong

    shown = error.__traceback__
    while shown is not None and shown.tb_frame.f_code.co_filename.startswith((_OURS, "<frozen importlib")):
        shown = shown.tb_next
    return "".join(traceback.format_exception(type(error), error, shown or error.__traceback__))


def summary(error):
    """The exception in one line."""
    text = " ".join(str(error).split())
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def place(error, code):
    """Where in the folder `code` it happened, as "main.py:3"; "" when it was elsewhere."""
    folder, found, frame = code.rstrip("/") + "/", "", error.__traceback__
    while frame is not None:
        name = frame.tb_frame.f_code.co_filename
        if name.startswith(folder):
            found = f"{name[len(folder):]}:{frame.tb_lineno}"
        frame = frame.tb_next
    if isinstance(error, SyntaxError) and (error.filename or "").startswith(folder):
        found = f"{error.filename[len(folder):]}:{error.lineno}"
    return found


def json_answer(status, document):
    body = dumps(document, ensure_ascii=False).encode(errors="replace")  # messages need be no text that can be sent
    pairs = ((b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)))
    return head_bytes(status, pairs) + b"\r\n" + body


def error_answer(status, reason, message, hint="", request_id="", trace=None):
    """The shape that every error has, whoever makes it (docs/errors.md)."""
    error = {"component": "function", "reason": reason, "message": message, "hint": hint, "request_id": request_id}
    if trace:
        error["traceback"] = trace
    return json_answer(status, {"error": error})


def log(text):
    """Writes whole lines to the function's log in one call, so that threads do not mix theirs."""
    try:
        sys.stderr.write(text if text.endswith("\n") else text + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass  # the log's reader has gone; the request must not fail for that


def _is_http_exception(error):
    """Starlette's HTTPException (or FastAPI's, which derives from it), whichever copy it comes from."""
    return any(base.__name__ == "HTTPException" and base.__module__ == "starlette.exceptions"
               for base in type(error).__mro__)


def _http_exception(error):
    """The answer that the handler meant by raising it, as Starlette gives it."""
    status = error.status_code
    body = b"" if bodiless(status) else str(error.detail).encode()
    pairs = [(str(name).lower().encode("latin-1"), str(value).encode("latin-1"))
             for name, value in (getattr(error, "headers", None) or {}).items()]
    if not bodiless(status):
        pairs += [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    return head_bytes(status, pairs) + b"\r\n" + body


def answer(error, request, debug):
    """The complete response to an exception of a handler, which is logged."""
    if _is_http_exception(error):
        return _http_exception(error)
    text = trace(error)
    log(text)
    message = f"the function failed with {summary(error) if debug else type(error).__name__}"
    hint = "" if debug else "the traceback is in the function's log; with `debug: true` it is also shown here"
    return error_answer(500, "exception", message, hint, request.request_id, text if debug else None)
