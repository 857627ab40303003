"""HTTP clients that measure: one request on a fresh connection, and many at once."""
import re
import selectors
import socket
import time

TIMING = re.compile(rb"(\w+);dur=([\d.]+)")


class Answer:
    """status 0: none came. Times in milliseconds; `began_s` on the monotonic clock."""

    def __init__(self, data, began_s, ended_s):
        head = data.partition(b"\r\n\r\n")[0]
        self.status = int(data[9:12]) if data[:7] == b"HTTP/1." else 0
        self.body = data[len(head) + 4:]
        self.began_s = began_s
        self.ms = (ended_s - began_s) * 1000
        lines = dict(line.lower().partition(b": ")[::2] for line in head.split(b"\r\n")[1:])
        self.timing = {name.decode(): float(value) for name, value in TIMING.findall(lines.get(b"server-timing", b""))}
        self.served_by = lines.get(b"x-served-by", b"").decode()

    @property
    def cold(self):
        """Whether it waited for an instance to start."""
        return self.timing.get("start", 0) > 0


def request_bytes(path, body=None):
    """A request for one answer. body: JSON, which is posted."""
    if body is None:
        return f"GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode()
    return (f"POST {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def get(address, path, seconds=60, body=None):
    """One request, from before the connection is made until its end."""
    request = request_bytes(path, body)
    data = b""
    began = time.monotonic()
    with socket.create_connection(address, seconds) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(request)
        while part := sock.recv(65536):
            data += part
        ended = time.monotonic()
    return Answer(data, began, ended)


class Crowd:
    """Many requests under way, each on its own connection, in one thread."""

    def __init__(self, address):
        self.address = address
        self.selector = selectors.DefaultSelector()
        self.answers = []
        self.open = 0

    def send(self, path, tag=None, due_s=None, body=None):
        """Begins a request. due_s: when it should have been sent, so that a late sender counts against the answer."""
        began = time.monotonic() if due_s is None else due_s
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(self.address)
        self.selector.register(sock, selectors.EVENT_WRITE, [request_bytes(path, body), b"", began, tag])
        self.open += 1

    def turn(self, wait_s):
        """Serves what is ready within that time."""
        for key, events in self.selector.select(max(wait_s, 0)):
            sock, state = key.fileobj, key.data
            try:
                if events & selectors.EVENT_WRITE:
                    sock.sendall(state[0])
                    self.selector.modify(sock, selectors.EVENT_READ, state)
                    continue
                data = sock.recv(65536)
            except OSError:
                data = b""
            state[1] += data
            if not data:
                self.finish(sock, state)

    def finish(self, sock, state):
        answer = Answer(state[1], state[2], time.monotonic())
        answer.tag = state[3]
        self.answers.append(answer)
        self.selector.unregister(sock)
        sock.close()
        self.open -= 1

    def drain(self, seconds=120):
        """Waits for all; those that do not come in time are answers of status 0."""
        end = time.monotonic() + seconds
        while self.open and time.monotonic() < end:
            self.turn(end - time.monotonic())
        for key in list(self.selector.get_map().values()):
            self.finish(key.fileobj, key.data)
        self.selector.close()
        return self.answers
