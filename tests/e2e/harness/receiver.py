"""Receivers of callbacks: web servers of a test's own that say what they got."""

import http.server
import threading
from dataclasses import dataclass

from harness.wait import wait_until

LOOPBACK = ["127.0.0.0/8", "::1"]


@dataclass
class Post:
    """What came, with the names of headers in lower case."""

    path: str
    headers: dict
    body: bytes


class Receiver:
    """Listens at once, on a port of its own or on the one given. `answers` are the statuses of the first posts, then 200; a
    status with a text redirects there. While `gate` is closed nobody is answered."""

    def __init__(self, port=0, answers=(), context=None):
        receiver = self
        self.posts = []
        self.answers = list(answers)
        self.gate = threading.Event()
        self.gate.set()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.posts.append(Post(self.path, headers, body))
                status = receiver.answers.pop(0) if receiver.answers else 200
                receiver.gate.wait()
                self.answer(*status if isinstance(status, tuple) else (status, None))

            def answer(self, status, location):
                self.send_response(status)
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.scheme = "https" if context else "http"
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def port(self):
        return self.server.server_address[1]

    def url(self, path="/", host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.port}{path}"

    def wait(self, count=1, timeout=60):
        """Waits for so many posts; the last of them."""
        wait_until(lambda: len(self.posts) >= count, f"{count} posts to the receiver", timeout)
        return self.posts[count - 1]

    def close(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()
