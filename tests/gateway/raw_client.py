"""A client that sends exactly the bytes it is told to and reads answers strictly."""
import socket


class Truncated(Exception):
    """The connection ended, or was reset, within an answer."""


class Response:
    def __init__(self, head):
        self.raw = head
        lines = head.decode("latin-1").split("\r\n")
        self.version, status, *_ = lines[0].split(" ")
        self.status = int(status)
        self.headers = [tuple(line.split(": ", 1)) for line in lines[1:] if line]
        self.body = b""
        self.trailers = b""
        self.interim = []

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name):
        values = self.all(name)
        assert len(values) < 2, f"{name} came {len(values)} times"
        return values[0] if values else None


class RawClient:
    def __init__(self, address, timeout=10):
        host, port = address.rsplit(":", 1)
        self.sock = socket.create_connection((host, int(port)), timeout)
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def request(self, head, body=b""):
        """Sends a head given as lines, without their ends."""
        self.send("".join(line + "\r\n" for line in [*head, ""]).encode("latin-1") + body)

    def get(self, target, *headers, method="GET"):
        self.request([f"{method} {target} HTTP/1.1", "Host: berth.test", *headers])
        return self.read_response(method)

    def receive(self):
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError as error:
            raise Truncated() from error
        if not data:
            raise Truncated()
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

    def read_chunk(self):
        size = int(self.read_until(b"\r\n"), 16)
        if size == 0:
            return b""
        data = self.read_exactly(size)
        assert self.read_exactly(2) == b"\r\n"
        return data

    def read_to_end(self):
        """Everything up to a regular end of the connection."""
        data, self.pending = self.pending, b""
        while True:
            try:
                more = self.sock.recv(65536)
            except ConnectionResetError as error:
                raise Truncated() from error
            if not more:
                return data
            data += more

    def read_head(self):
        return Response(self.read_until(b"\r\n\r\n"))

    def read_body(self, response, method="GET"):
        if method == "HEAD" or response.status in (204, 304) or response.status < 200:
            return
        if response.get("Transfer-Encoding") == "chunked":
            while chunk := self.read_chunk():
                response.body += chunk
            while (line := self.read_until(b"\r\n")) != b"\r\n":
                response.trailers += line
        elif response.get("Content-Length") is not None:
            response.body = self.read_exactly(int(response.get("Content-Length")))
        else:
            response.body = self.read_to_end()

    def read_response(self, method="GET"):
        interim = []
        response = self.read_head()
        while response.status < 200 and response.status != 101:
            interim.append(response)
            response = self.read_head()
        response.interim = interim
        self.read_body(response, method)
        return response

    def is_closed(self, timeout=5):
        """True when the connection has ended without a further byte."""
        self.sock.settimeout(timeout)
        try:
            return not self.pending and self.sock.recv(1) == b""
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False
