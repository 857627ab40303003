"""A proxy in front of the Docker engine's socket that does on demand what an engine may do when something is wrong with it."""

import contextlib
import os
import socket
import threading
import time

from harness import engine

BLOCK = 65536
REFUSAL = b'{"message":"something is wrong with this engine"}'
REFUSED = (b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
           % (len(REFUSAL), REFUSAL))
CUT_AFTER = 60  # bytes of an answer: within its head
SLOW_S = 0.5  # for each block of an answer


class FaultyEngine:
    """Listens at `path` and carries everything to the engine. `way` says what else, from then on:

    None: nothing. "hang": requests are taken, and no answer comes. "slow": each part of an answer comes late. "500": each
    request is refused. "cut": each answer ends within its head, with the connection. "away": nobody takes connections, and
    those that there are have ended."""

    def __init__(self, path):
        self.path = path
        self.way = None
        self.healthy = threading.Event()
        self.healthy.set()
        self.sockets = set()
        self.met = {}  # how many requests came to each way
        self.listener = None
        self.listen()

    def listen(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(64)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def become(self, way):
        """From now on. Connections over which something did not come to its end are closed as it is well again, since
        nobody knows any more what comes next on them."""
        was, self.way = self.way, way
        self.met[way] = 0
        if way is None:
            self.healthy.set()
        else:
            self.healthy.clear()
        if way == "away":
            self.close_listener()
        if way == "away" or was in ("hang", "cut", "slow"):
            self.close_connections()
        if was == "away":
            self.listen()

    def close_listener(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def close_connections(self):
        for each in list(self.sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.way = None
        self.healthy.set()
        self.close_listener()
        self.close_connections()

    def accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                client = listener.accept()[0]
                upstream = socket.socket(socket.AF_UNIX)
                upstream.connect(engine.SOCKET)
                self.sockets |= {client, upstream}
                for carry, pair in ((self.carry_requests, (client, upstream)), (self.carry_answers, (upstream, client))):
                    threading.Thread(target=self.run, args=(carry, *pair), daemon=True).start()

    def run(self, carry, source, target):
        with contextlib.suppress(OSError):
            carry(source, target)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self.sockets.discard(source)
        source.close()

    def carry_requests(self, client, upstream):
        """Each request begins a block: a client writes one when it has had the answer to the last."""
        while data := client.recv(BLOCK):
            if self.way:
                self.met[self.way] += 1
            if self.way == "500":
                client.sendall(REFUSED)
            elif self.way != "hang":
                upstream.sendall(data)

    def carry_answers(self, upstream, client):
        while data := upstream.recv(BLOCK):
            way = self.way
            if way == "hang":
                self.healthy.wait()
                return
            if way == "cut":
                client.sendall(data[:CUT_AFTER])
                return
            if way == "slow":
                time.sleep(SLOW_S)
            client.sendall(data)
