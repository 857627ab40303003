"""Exceptions of the user's code: as lines in the log, and as answers."""
import json
import sys

from .protocol import head_bytes

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


def json_answer(status, document):
    body = json.dumps(document, ensure_ascii=False).encode()
    pairs = ((b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)))
    return head_bytes(status, pairs) + b"\r\n" + body


def log(text):
    """Writes whole lines to the function's log in one call, so that threads do not mix theirs."""
    try:
        sys.stderr.write(text if text.endswith("\n") else text + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass  # the log's reader has gone; the request must not fail for that


def answer(error, request, debug):
    """Logs an exception of a handler and gives the response to it, complete."""
    text = trace(error)
    log(text)
    request_id = request.request_id
    document = {
        "error": f"the function failed with {summary(error) if debug else type(error).__name__}",
        "component": "function",
        "reason": "exception",
        "request_id": request_id,
    }
    if debug:
        document["traceback"] = text
    else:
        document["hint"] = "the traceback is in the function's log; with `debug: true` it is also shown here"
    return json_answer(500, document)
