"""Clients that ask again and again, each over a connection of its own that it never closes."""

import asyncio
import threading


class Crowd:
    """So many clients of one target, on a thread of its own, until stop()."""

    def __init__(self, address, target, count, pause_s=0.01):
        self.address, self.target, self.count, self.pause_s = address, target, count, pause_s
        self.answers = 0
        self.failures = []
        self.slowest_s = 0.0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run()))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stopped.set()
        self.thread.join()

    async def run(self):
        await asyncio.gather(*(self.be_client() for _ in range(self.count)))

    async def be_client(self):
        reader, writer = await asyncio.open_connection(*self.address)
        try:
            while not self.stopped.is_set():
                await self.ask(reader, writer)
                await asyncio.sleep(self.pause_s)
        except (OSError, EOFError, AssertionError, ValueError) as error:
            self.failures.append(repr(error))
        writer.close()

    async def ask(self, reader, writer):
        began = asyncio.get_running_loop().time()
        writer.write(f"GET {self.target} HTTP/1.1\r\nHost: crowd\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        body = await reader.readexactly(size)
        assert head.startswith(b"HTTP/1.1 200 "), (head, body)
        assert b"connection: close" not in head.lower(), head
        self.answers += 1
        self.slowest_s = max(self.slowest_s, asyncio.get_running_loop().time() - began)
