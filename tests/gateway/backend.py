"""A runner for tests: serves HTTP/1.1 on a unix socket, with one thread a connection, as the test scripts it."""
import os
import socket
import threading


class Closed(Exception):
    """The other side has closed the connection."""


class Request:
    def __init__(self, head):
        self.raw = head
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ")
        self.headers = [tuple(line.split(": ", 1)) for line in lines[1:] if line]

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name):
        values = self.all(name)
        return values[0] if values else None


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.pending = b""

    def receive(self):
        data = self.sock.recv(65536)
        if not data:
            raise Closed()
        return data

    def read_until(self, mark):
        while mark not in self.pending:
            self.pending += self.receive()
        found, self.pending = self.pending.split(mark, 1)
        return found + mark

    def read_exactly(self, count):
        while len(self.pending) < count:
            self.pending += self.receive()
        found, self.pending = self.pending[:count], self.pending[count:]
        return found

    def read_some(self):
        if self.pending:
            found, self.pending = self.pending, b""
            return found
        return self.receive()

    def read_chunk(self):
        """One chunk's bytes; b"" for the last one, whose trailers are left unread."""
        size = int(self.read_until(b"\r\n"), 16)
        if size == 0:
            return b""
        data = self.read_exactly(size)
        assert self.read_exactly(2) == b"\r\n"
        return data

    def read_body(self, request):
        """The body and, for a chunked one, the trailer section."""
        if request.get("Transfer-Encoding") == "chunked":
            body = b""
            while chunk := self.read_chunk():
                body += chunk
            trailers = b""
            while (line := self.read_until(b"\r\n")) != b"\r\n":
                trailers += line
            return body, trailers
        return self.read_exactly(int(request.get("Content-Length") or 0)), b""

    def send(self, data):
        self.sock.sendall(data)

    def answer(self, body=b"", status="200 OK", headers=()):
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self.send(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode("latin-1") + body)

    def wait_closed(self, timeout=5):
        """True when the host closes the connection in time; what it still sends is dropped."""
        self.sock.settimeout(timeout)
        try:
            while True:
                self.receive()
        except (Closed, ConnectionError):
            return True
        except socket.timeout:
            return False


def echo(connection, request):
    body, _ = connection.read_body(request)
    connection.answer(body)


def dump(connection, request):
    """Answers with the head that arrived."""
    connection.read_body(request)
    connection.answer(request.raw)


class Backend:
    """`handlers` maps a path to a function of connection and request; returning False closes the connection."""

    def __init__(self, path):
        self.path = path
        self.handlers = {"/echo": echo, "/dump": dump}
        self.default = echo
        self.requests = []
        self.accepted = 0
        self.errors = []
        self.lock = threading.Lock()
        self.open = set()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1024)
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def on(self, path):
        def register(handler):
            self.handlers[path] = handler
            return handler
        return register

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.accepted += 1
                self.open.add(sock)
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        connection = Connection(sock)
        try:
            while True:
                request = Request(connection.read_until(b"\r\n\r\n"))
                with self.lock:
                    self.requests.append(request)
                handler = self.handlers.get(request.target.split("?")[0], self.default)
                if handler(connection, request) is False:
                    break
        except (Closed, ConnectionError):
            pass
        except Exception as error:  # pylint: disable=broad-except
            self.errors.append(error)
        finally:
            with self.lock:
                self.open.discard(sock)
            sock.close()

    def close_connections(self):
        """What a runner's end looks like: every connection goes, the socket stays."""
        with self.lock:
            for sock in self.open:
                sock.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.close_connections()
        os.unlink(self.path)
