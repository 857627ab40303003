"""The runner's life: connect, be told what to serve, serve it, end."""
import gc
import os
import signal
from json import loads  # the runner's own, whatever the function makes of it

from . import ahead, loader, output
from .content import BlockingContent
from .dial import delays, dial, socket_path
from .failure import error_answer, json_answer, log
from .protocol import HEAD_LIMIT, ProtocolError, decoder, field_value, parse_head

PROTOCOL = 1
USUAL_THRESHOLDS = gc.get_threshold()
LOADING_THRESHOLD = 50_000  # new objects between two looks of the garbage collector; 700 usually
LOADED = json_answer(200, {"loaded": True})
WORKING = json_answer(200, {"loaded": True, "working": True})


def refusal(status, message, trace=None):
    return error_answer(status, "load-failed", message, trace=trace)


class Session:
    """What the host has told this runner."""

    def __init__(self, path):
        self.path = path
        self.function = None
        self.engine = None
        self.revision = None
        self.concurrency = 1
        self.libraries = None  # what was imported before the function was known

    def control(self, method, target, head, lower, body):
        """Answers a request of the host itself (below /.berth/)."""
        take = {b"/.berth/init": self.init, b"/.berth/prewarm": self.prewarm}.get(target)
        if take is None:
            return refusal(404, f"this runner knows no {target.decode('latin-1')}")
        name = target.rpartition(b"/")[2].decode()
        if method != "POST":
            return refusal(405, f"{name} is a POST")
        size = field_value(head, lower, b"berth-settings-length")
        try:
            size = len(body) if size is None else int(size)
            if not 0 < size == len(body):
                raise ValueError("Berth-Settings-Length is not the length of the body")
            settings = loads(body)
            if not isinstance(settings, dict):
                raise ValueError("the settings are not a JSON object")
        except ValueError as error:
            return refusal(400, f"{name} cannot be read: {error}")
        if settings.get("protocol") != PROTOCOL:
            return refusal(400, f"this runner speaks protocol {PROTOCOL}, not {settings.get('protocol')!r}")
        return take(settings)

    def prewarm(self, settings):
        """Imports libraries ahead."""
        if self.function is not None:
            return refusal(409, f"this runner serves revision {self.revision}")
        if self.libraries is not None:
            return refusal(409, "this runner is prewarmed")
        from .libraries import Libraries

        try:
            libraries = Libraries(settings)
            answer = json_answer(200, libraries.import_all())
            self.libraries = libraries
            return answer
        except (TypeError, ValueError) as error:
            return refusal(400, f"prewarm cannot be read: {error}")
        except OSError as error:
            return refusal(500, f"the instance cannot be prewarmed: {type(error).__name__}: {error}")

    def init(self, settings):
        if self.function is not None:
            if settings.get("revision") == self.revision:
                return WORKING if self.engine is not None and self.engine.is_working() else LOADED
            return refusal(409, f"this runner serves revision {self.revision}")
        try:
            self.concurrency = self.slots_of(settings)
            answer = self.load(settings)
        except loader.LoadError as error:
            log(error.trace or str(error))
            return refusal(500, str(error), error.trace)
        except (KeyError, OSError, TypeError, ValueError) as error:
            return refusal(500, f"the instance cannot be prepared: {type(error).__name__}: {error}")
        self.revision = settings.get("revision")
        return answer

    def load(self, settings):
        """Loads the function; gives the answer."""
        if self.libraries is not None:
            settings = self.libraries.remaining(settings)
        if not settings.get("report_modules"):
            self.function = loader.load(settings)
            return LOADED
        from . import recording

        self.function, modules = recording.load(settings)
        return json_answer(200, {"loaded": True, "modules": modules})

    @staticmethod
    def slots_of(settings):
        count = settings.get("concurrency") or os.environ.get("BERTH_CONCURRENCY") or 1
        return min(max(int(count), 1), 1024)


def read_request(sock, data):
    """Reads one whole request with blocking calls: its head's parts, its body and what follows; None at the end."""
    while (end := data.find(b"\r\n\r\n")) < 0:
        more = sock.recv(64 << 10)
        if not more:
            return None
        data += more
        if len(data) > HEAD_LIMIT and b"\r\n\r\n" not in data:
            raise ProtocolError("a head without an end")
    head = data[:end]
    method, target, lower, length = parse_head(data, end)
    content = BlockingContent(sock, decoder(length), data[end + 4:], b"\r\nexpect: 100-continue" in lower)
    return method, target, head, lower, content.read_now(), content.rest


def await_init(session, sock):
    """Answers requests on one connection until the function is loaded. Gives what was read beyond, or None when the
    connection ended before."""
    data = b""
    while session.function is None:
        request = read_request(sock, data)
        if request is None:
            return None
        method, target, head, lower, body, data = request
        if target.startswith(b"/.berth/"):
            answer = session.control(method, target, head, lower, body)
        else:
            answer = refusal(503, "no function is loaded yet")
        sock.sendall(answer)
    end_loading()
    return data


def begin_loading():
    """Lets the garbage collector look at what is being loaded much more rarely: hardly any of it is garbage."""
    gc.set_threshold(LOADING_THRESHOLD, *gc.get_threshold()[1:])


def end_loading():
    """Back to the usual, unless the function has set the collector up itself. Everything loaded so far stays for good:
    the collector need not look at it again."""
    if gc.get_threshold()[0] == LOADING_THRESHOLD:
        gc.set_threshold(*USUAL_THRESHOLDS)
    gc.freeze()


def connect(session):
    """Dials until a connection has brought the function; gives it with what was read beyond."""
    import time

    for delay in delays():
        time.sleep(delay)
        try:
            sock = dial(session.path)
        except OSError:
            continue
        ahead.import_ahead()  # the host is about to send the init
        try:
            data = await_init(session, sock)
            if data is not None:
                return sock, data
        except (OSError, ProtocolError):
            pass  # the host went away half-way: dial again
        sock.close()


def end_now(_number, _frame):
    raise loader.Ending(0)


def main():
    signal.signal(signal.SIGTERM, end_now)
    output.install()
    session = Session(socket_path())
    begin_loading()
    if os.environ.get("BERTH_PREWARMED") == "1":
        loader.preload()
    sock, data = connect(session)
    if session.function.is_async:
        from .events import Engine

        engine = Engine(session)
    else:
        from .threads import Engine

        engine = Engine(session)
        signal.signal(signal.SIGTERM, lambda _number, _frame: engine.stop())
    engine.run(sock, data)
