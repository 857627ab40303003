"""The host's side of the runner protocol, small: a listener, the init, requests, responses."""
import json
import os
import re
import signal
import socket
import subprocess
import textwrap
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "plugins/python/runner"  # pure Python: the C module is not built into the sources
COMMAND = ["/usr/bin/python3", "-I", "-B", "-X", "utf8"]
PATIENCE = 20


class Response:
    def __init__(self, status, headers, body, complete):
        self.status = status
        self.headers = headers
        self.body = body
        self.complete = complete  # False: the connection ended before the body did

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)


class Connection:
    """One slot, seen from the host."""

    def __init__(self, sock):
        sock.settimeout(PATIENCE)
        self.sock = sock
        self.buffer = b""
        self.modules = None  # what the answer to the init has listed

    def send(self, data):
        self.sock.sendall(data)

    def request(self, method="GET", target="/", body=None, headers=(), chunks=None):
        """Sends a request and reads its response."""
        self.send(head(method, target, body, headers, chunks))
        for chunk in chunks or ():
            self.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        if chunks is not None:
            self.send(b"0\r\n\r\n")
        return self.response(method)

    def fill(self):
        data = self.sock.recv(1 << 20)
        self.buffer += data
        return bool(data)

    def line_end(self, mark):
        while mark not in self.buffer:
            if not self.fill():
                raise EOFError(f"the runner closed the connection; it had sent {self.buffer!r}")
        part, _, self.buffer = self.buffer.partition(mark)
        return part

    def head(self):
        lines = self.line_end(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers.setdefault(name.lower(), value.strip())
        return int(lines[0].split(" ")[1]), headers

    def response(self, method="GET"):
        status, headers = self.head()
        if method == "HEAD" or status in (204, 304) or status < 200:
            return Response(status, headers, b"", True)
        if headers.get("transfer-encoding") == "chunked":
            assert "content-length" not in headers
            pieces = []
            try:
                while (piece := self.chunk()) is not None:
                    pieces.append(piece)
            except EOFError:
                return Response(status, headers, b"".join(pieces), False)
            return Response(status, headers, b"".join(pieces), True)
        length = int(headers["content-length"])
        while len(self.buffer) < length:
            if not self.fill():
                return Response(status, headers, self.buffer, False)
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return Response(status, headers, body, True)

    def chunk(self):
        """The next chunk, None for the last."""
        size = int(self.line_end(b"\r\n"), 16)
        while len(self.buffer) < size + 2:
            if not self.fill():
                raise EOFError("the runner closed the connection within a chunk")
        data, end = self.buffer[:size], self.buffer[size:size + 2]
        assert end == b"\r\n"
        self.buffer = self.buffer[size + 2:]
        return data if size else None

    def closed(self):
        """Whether the runner closes the connection (waits for it)."""
        try:
            return not self.sock.recv(1)
        except ConnectionResetError:
            return True

    def quiet(self, seconds=0.15):
        """Whether nothing comes for a while."""
        self.sock.settimeout(seconds)
        try:
            self.buffer += self.sock.recv(1 << 16)
            return not self.buffer
        except TimeoutError:
            return True
        finally:
            self.sock.settimeout(PATIENCE)

    def close(self):
        self.sock.close()


def head(method, target, body=None, headers=(), chunks=None):
    lines = [f"{method} {target} HTTP/1.1", "Host: example.test:8080", "X-Request-Id: request-1",
             "X-Forwarded-For: 198.51.100.9, 192.0.2.7, 127.0.0.1",
             "X-Real-IP: 192.0.2.7", "X-Forwarded-Proto: http", "X-Forwarded-Host: example.test:8080",
             "X-Forwarded-Prefix: /sample"]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    if chunks is not None:
        lines.append("Transfer-Encoding: chunked")
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


class FakeHost:
    """Listens, starts runners, and remembers what has to be cleaned up."""

    def __init__(self, tmp_path, runner=REFERENCE):
        self.runner = runner
        self.environment = sanitizer_environment(runner)
        self.folder = tmp_path / "code"
        self.folder.mkdir()
        self.dependencies = tmp_path / "dependencies"
        self.path = str(tmp_path / "host.sock")
        self.log_path = tmp_path / "log"
        self.processes = []
        self.connections = []
        self.listener = None
        self.listen()

    def listen(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(128)
        self.listener.settimeout(PATIENCE)

    def stop_listening(self):
        self.listener.close()
        os.unlink(self.path)

    def write(self, source, name="main.py"):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return path

    def write_library(self, name, source):
        """A module among the dependencies: "lib" or "lib/part.py"."""
        path = self.dependencies / (name if name.endswith(".py") else f"{name}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")

    def start(self, **environment):
        """A runner process; gives it."""
        with open(self.log_path, "ab") as log:
            process = subprocess.Popen(
                [*COMMAND, str(self.runner / "runner.py")], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"PATH": os.environ["PATH"], "BERTH_SOCKET": self.path, **self.environment, **environment})
        self.processes.append(process)
        return process

    def accept(self):
        connection = Connection(self.listener.accept()[0])
        self.connections.append(connection)
        return connection

    def settings(self, **changes):
        settings = {
            "protocol": 1, "function": "sample", "revision": "r1", "instance": "i1", "code": str(self.folder),
            "dependencies": None, "concurrency": 1, "timeout_ms": 60000, "environment": {},
            "runtime": {"file": "main.py", "attribute": "handle", "debug": False},
        }
        settings.update(changes)
        return settings

    def init(self, connection, **changes):
        settings = json.dumps(self.settings(**changes)).encode()
        return connection.request(
            "POST", "/.berth/init", settings,
            [("Content-Type", "application/vnd.berth.init"), ("Berth-Settings-Length", len(settings))])

    def prewarm(self, connection, modules, **changes):
        """Has libraries imported ahead; gives the answer."""
        settings = {"protocol": 1, "dependencies": str(self.dependencies), "environment": {}, "secret_names": [],
                    "runtime": {"file": "main.py"}, "modules": modules}
        body = json.dumps({**settings, **changes}).encode()
        return connection.request(
            "POST", "/.berth/prewarm", body,
            [("Content-Type", "application/vnd.berth.prewarm"), ("Berth-Settings-Length", len(body))])

    def serve(self, source, **changes):
        """Starts a runner with this main.py; gives its first connection, initialised."""
        self.write(source)
        self.start()
        connection = self.accept()
        answer = self.init(connection, **changes)
        assert answer.status == 200, answer.text
        connection.modules = answer.json().get("modules")
        return connection

    def raw_log(self):
        """What the runner wrote, with the marks of requests."""
        return self.log_path.read_text(encoding="utf-8")

    def log(self):
        return re.sub("^\x1e.*?\x1e", "", self.raw_log(), flags=re.MULTILINE)

    def wait_log(self, text):
        """Waits until the log holds a text."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.log():
            assert time.monotonic() < deadline, f"{text!r} is not in the log:\n{self.log()}"
            time.sleep(0.01)

    def terminate(self, process=None):
        """SIGTERM; gives the exit status."""
        process = process or self.processes[-1]
        process.send_signal(signal.SIGTERM)
        return process.wait(PATIENCE)

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        for connection in self.connections:
            connection.close()
        self.listener.close()


def build_folder():
    """The build tree to test: BERTH_BUILD_DIR, or the one that was built last; None without any."""
    named = os.environ.get("BERTH_BUILD_DIR")
    if named:
        return ROOT / named
    built = [path.parents[1] for path in ROOT.glob("build/*/bin/plugin_probe")
             if (path.parents[1] / "plugins/python.so").exists()]
    return max(built, key=lambda path: (path / "plugins/python.so").stat().st_mtime, default=None)


def accelerated_runner():
    """The folder of the runner with the C module: the one with AddressSanitizer, or as it goes into the image. None when
    it is not built."""
    build = build_folder()
    folders = [build / "tests/python/runner", build / "plugins/python/image/runner"] if build else []
    return next((folder for folder in folders if (folder / "berth_runner/_accelerator.abi3.so").exists()), None)


def sanitizer_environment(runner):
    """What lets Python load a module with AddressSanitizer; its own memory is the system's then, so that it is checked
    as well."""
    if runner.parent.name != "python" or runner.parents[1].name != "tests":
        return {}
    library = subprocess.run(["gcc", "-print-file-name=libasan.so"], check=True, capture_output=True, text=True)
    return {"LD_PRELOAD": library.stdout.strip(), "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
