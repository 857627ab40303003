"""A client that sends exactly the bytes it is told to and reads answers strictly."""
import select
import socket

from wire import Head, Stream, Truncated


class Response(Head):
    def __init__(self, raw):
        super().__init__(raw)
        self.version, self.status = self.first[0], int(self.first[1])
        self.body = b""
        self.trailers = b""
        self.interim = []


class RawClient(Stream):
    """`receive_buffer` is the size of the socket's own, in bytes: a small one makes the sender wait."""

    def __init__(self, address, timeout=60, receive_buffer=0, source=None):
        host, port = address.rsplit(":", 1)
        super().__init__(socket.socket())
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source:
            self.sock.bind((source, 0))
        self.sock.connect((host, int(port)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def request(self, head, body=b""):
        """Sends a head given as lines, without their ends."""
        self.send("".join(line + "\r\n" for line in [*head, ""]).encode("latin-1") + body)

    def get(self, target, *headers, method="GET"):
        self.request([f"{method} {target} HTTP/1.1", "Host: berth.test", *headers])
        return self.read_response(method)

    def read_head(self):
        return Response(self.read_until(b"\r\n\r\n"))

    def read_body(self, response, method="GET"):
        if method == "HEAD" or response.status in (204, 304) or response.status < 200:
            return
        if response.get("Transfer-Encoding") == "chunked":
            response.body, response.trailers = self.read_chunks()
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

    def is_closed(self, timeout=60):
        """True when the connection has ended without a further byte."""
        self.sock.settimeout(timeout)
        try:
            return not self.pending and self.sock.recv(1) == b""
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False

    def is_readable(self):
        """True when there is an answer, or its end, to read."""
        return bool(self.pending or select.select([self.sock], [], [], 0)[0])

    def leave(self):
        """Says that nothing more will be sent, and closes behind what still comes, which is returned."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
            return self.read_to_end()
        except (OSError, Truncated):
            return b""
        finally:
            self.sock.close()
