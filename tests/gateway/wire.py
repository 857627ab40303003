"""HTTP/1.1 as it is on the wire, read strictly; what the client and the runner of the tests have in common."""


class Truncated(Exception):
    """The connection ended, or was reset, before what was to be read had come."""


class Head:
    """A first line and headers. `raw` are the bytes, `first` the words of the first line."""

    def __init__(self, raw):
        self.raw = raw
        lines = raw.decode("latin-1").split("\r\n")
        self.first = lines[0].split(" ")
        self.headers = [tuple(line.split(": ", 1)) for line in lines[1:] if line]

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name):
        """The value of a header that may come once at most."""
        values = self.all(name)
        assert len(values) < 2, f"{name} came {len(values)} times"
        return values[0] if values else None


class Stream:
    """A connection. What was received and not used yet is in `pending`."""

    def __init__(self, sock):
        self.sock = sock
        self.pending = b""

    def send(self, data):
        self.sock.sendall(data)

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

    def read_some(self):
        found, self.pending = self.pending or self.receive(), b""
        return found

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

    def read_chunk(self):
        """One chunk's bytes; b"" for the last one, whose trailers are left unread."""
        size = int(self.read_until(b"\r\n"), 16)
        if size == 0:
            return b""
        data = self.read_exactly(size)
        assert self.read_exactly(2) == b"\r\n"
        return data

    def read_chunks(self):
        """A chunked body and its trailer section."""
        body, trailers = b"", b""
        while chunk := self.read_chunk():
            body += chunk
        while (line := self.read_until(b"\r\n")) != b"\r\n":
            trailers += line
        return body, trailers
