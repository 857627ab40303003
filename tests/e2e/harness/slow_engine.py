"""A proxy in front of the Docker engine's socket that keeps back answers for as long as a test likes."""

import contextlib
import re
import socket
import threading

from harness import engine

BLOCK = 65536
EVENTS = re.compile(rb"GET /v[0-9.]+/events\?")


class SlowEngine:
    """Listens at `path` and carries everything to the engine; answers to requests that hold() names wait for release()."""

    def __init__(self, path):
        self.path = path
        self.pattern = None
        self.hidden = ()  # a text, and one of the same length that the daemon sees in its place
        self.released = threading.Event()
        self.held = threading.Event()  # a request that is named has come
        self.awaited = None
        self.watchers = set()  # the connections that follow the engine's events
        self.told = set()  # those of them that have been passed the event that tell_of() names
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(64)
        self.sockets = [self.listener]
        threading.Thread(target=self.accept, daemon=True).start()

    def hold(self, request):
        """`request` is a regular expression for the begin of the request line: method and path behind the version."""
        method, path = request.split(" ", 1)
        self.held.clear()
        self.released.clear()
        self.pattern = re.compile(rf"{method} /v[0-9.]+{path}".encode())

    def release(self):
        self.pattern = None
        self.released.set()

    def tell_of(self, action):
        """From now on told_all() waits for the next event of that kind."""
        self.told.clear()
        self.awaited = f'"{action}"'.encode()

    def told_all(self):
        """Everybody who follows the engine's events has been passed that event."""
        return self.awaited and self.watchers and self.told >= self.watchers

    def hide(self, text, shown):
        """Answers show another text in place of this one, as of an engine that does not know yet."""
        assert len(text) == len(shown)
        self.hidden = (text.encode(), shown.encode())

    def close(self):
        self.release()
        for each in self.sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listener.accept()[0]
                upstream = socket.socket(socket.AF_UNIX)
                upstream.connect(engine.SOCKET)
                self.sockets += [client, upstream]
                kept_back = threading.Event()
                for source, target, pass_on in ((client, upstream, self.ask), (upstream, client, self.answer)):
                    arguments = (source, target, pass_on, kept_back)
                    threading.Thread(target=self.carry, args=arguments, daemon=True).start()

    def ask(self, upstream, client, data, kept_back):
        """A client writes a request when it has had the answer to the last, so each begins a block."""
        if self.pattern and self.pattern.match(data):
            kept_back.set()
            self.held.set()
        if EVENTS.match(data):
            self.watchers.add(upstream)
        upstream.sendall(data)

    def answer(self, client, upstream, data, kept_back):
        if kept_back.is_set():
            self.released.wait()
            kept_back.clear()
        client.sendall(data.replace(*self.hidden) if self.hidden else data)
        if self.awaited and upstream in self.watchers and self.awaited in data:
            self.told.add(upstream)

    @staticmethod
    def carry(source, target, pass_on, kept_back):
        with contextlib.suppress(OSError):
            while data := source.recv(BLOCK):
                pass_on(target, source, data, kept_back)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
