"""The host's side of docs/runner-protocol.md, played for one process of the shell runner."""
import collections
import json
import os
import select
import signal
import socket
import subprocess

PATIENCE_S = 20

Answer = collections.namedtuple("Answer", "status headers body framing")


def runner_program():
    """The runner under test: SHELL_RUNNER, or the one of the release build."""
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    return os.environ.get("SHELL_RUNNER") or os.path.join(root, "build/release/plugins/shell/image/shell-runner")


class Slot:
    """One connection that the runner has opened."""

    def __init__(self, connection):
        connection.settimeout(PATIENCE_S)
        self.socket = connection
        self.buffer = b""

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        """Whatever comes next; b"" at the end."""
        if self.buffer:
            data, self.buffer = self.buffer, b""
            return data
        try:
            return self.socket.recv(65536)
        except ConnectionResetError:
            return b""

    def until(self, mark):
        while mark not in self.buffer:
            data = self.socket.recv(65536)
            assert data, f"the runner closed after {self.buffer!r}"
            self.buffer += data
        found, self.buffer = self.buffer.split(mark, 1)
        return found

    def exactly(self, size):
        parts = []
        while size > 0:
            data = self.receive()
            assert data, f"{size} bytes are missing"
            parts.append(data[:size])
            self.buffer = data[size:]
            size -= len(parts[-1])
        return b"".join(parts)

    def chunk(self):
        """The next chunk, b"" for the last, None when the connection ends instead."""
        while b"\r\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                return None
            self.buffer += data
        data = self.exactly(int(self.until(b"\r\n"), 16))
        assert self.exactly(2) == b"\r\n"
        return data

    def head(self):
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        return int(lines[0].split()[1]), {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }

    def answer(self, has_body=True):
        """A whole response. `framing` says how its body ended: length, chunked, cut, none."""
        status, headers = self.head()
        if not has_body or status in (204, 304):
            return Answer(status, headers, b"", "none")
        if "content-length" in headers:
            return Answer(status, headers, self.exactly(int(headers["content-length"])), "length")
        parts = []
        while True:
            data = self.chunk()
            if not data:
                return Answer(status, headers, b"".join(parts), "cut" if data is None else "chunked")
            parts.append(data)

    def request(self, target="/", method="GET", body=None, headers=()):
        lines = [f"{method} {target} HTTP/1.1", *headers]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""))

    def ask(self, target="/", method="GET", *arguments, **options):
        self.request(target, method, *arguments, **options)
        return self.answer(has_body=method != "HEAD")


class ShellHost:
    """Listens, starts runners and loads functions into them. close() ends what is left."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.path = os.path.join(self.folder, "host.sock")
        self.code = os.path.join(self.folder, "code")
        os.mkdir(self.code)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(16)
        self.listener.settimeout(PATIENCE_S)
        self.runner = None
        self.slots = []

    def start(self, **environment):
        self.runner = subprocess.Popen(
            [runner_program()],
            env={"PATH": "/usr/bin:/bin", "BERTH_SOCKET": self.path, "TSAN_OPTIONS": "atexit_sleep_ms=0", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        return self.accept()

    def accept(self):
        connection, _ = self.listener.accept()
        self.slots.append(Slot(connection))
        return self.slots[-1]

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.code, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)

    def init(self, slot, runtime, concurrency=1, environment=None, revision="r1", work=None):
        settings = json.dumps({
            "protocol": 1, "function": "f", "revision": revision, "instance": "i", "code": self.code,
            "dependencies": None, "concurrency": concurrency, "timeout_ms": 60000,
            "environment": environment or {}, "runtime": runtime, "work": work,
        }).encode()
        slot.request("/.berth/init", "POST", settings, [f"Berth-Settings-Length: {len(settings)}"])
        return slot.answer()

    def serve(self, script, interpreter="/bin/sh", concurrency=1, **options):
        """Starts a runner with that script loaded; its first slot."""
        self.write("run.sh", script)
        slot = self.start()
        answer = self.init(slot, {"file": "run.sh", "interpreter": interpreter}, concurrency, **options)
        assert answer.status == 200, answer.body
        for _ in range(concurrency - 1):
            self.accept()
        return slot

    def readable(self, slot, seconds):
        return bool(slot.buffer) or bool(select.select([slot.socket], [], [], seconds)[0])

    def stop(self):
        """SIGTERM; exit status and standard error."""
        self.runner.send_signal(signal.SIGTERM)
        _, errors = self.runner.communicate(timeout=PATIENCE_S)
        return self.runner.returncode, errors.decode()

    def close(self):
        for slot in self.slots:
            slot.close()
        self.listener.close()
        if self.runner and self.runner.poll() is None:
            status, errors = self.stop()
            assert status == 0, errors
            assert "Sanitizer" not in errors and "runtime error" not in errors, errors
