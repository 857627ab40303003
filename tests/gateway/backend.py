"""A runner for tests: serves HTTP/1.1 on a unix socket, with one thread a connection, as the test scripts it."""
import os
import socket
import threading

from wire import Head, Stream, Truncated


class Request(Head):
    def __init__(self, raw):
        super().__init__(raw)
        self.method, self.target, self.version = self.first


class Connection(Stream):
    def read_body(self, request):
        """The body and, for a chunked one, the trailer section."""
        if request.get("Transfer-Encoding") == "chunked":
            return self.read_chunks()
        return self.read_exactly(int(request.get("Content-Length") or 0)), b""

    def answer(self, body=b"", status="200 OK", headers=()):
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self.send(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode("latin-1") + body)

    def wait_closed(self, timeout=60):
        """True when the host closes the connection in time; what it still sends is dropped."""
        self.sock.settimeout(timeout)
        try:
            while True:
                self.receive()
        except (Truncated, ConnectionError):
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

    def __init__(self, path, listener=None):
        self.path = path
        self.handlers = {"/echo": echo, "/dump": dump}
        self.default = echo
        self.requests = []
        self.accepted = 0
        self.errors = []
        self.lock = threading.Lock()
        self.open = set()
        self.listener = listener or self.listen_at(path)
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    @staticmethod
    def listen_at(path):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1024)
        return listener

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
        except (Truncated, ConnectionError):
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


class Server(Backend):
    """The same on a port of this host. `port` is that of a server which was here before."""

    def __init__(self, port=0):
        listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.port = listener.getsockname()[1]
        super().__init__(f"127.0.0.1:{self.port}", listener)

    def close(self):
        """As the end of its process: connections are refused from now on."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.close_connections()
