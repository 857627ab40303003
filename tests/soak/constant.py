"""Load that is always the same: clients that ask again and again, and streams that are read for as long as they last."""

import asyncio
import threading

from harness.crowd import Crowd

GAP_S = 60  # between two numbers of a stream


class Callers(Crowd):
    """Clients of one target. Those that `comes_again` try again with another connection when theirs has been cut; nobody who
    listens is no failure then. None does while it may not connect, to a daemon that is ending."""

    def __init__(self, address, target, count, comes_again=False):
        super().__init__(address, target, count, pause_s=0.1)
        self.comes_again = comes_again
        self.may_connect = threading.Event()
        self.may_connect.set()

    async def be_client(self):
        if not self.comes_again:
            await super().be_client()
            return
        while not self.stopped.is_set():
            if self.may_connect.is_set():
                await self.come()
            await asyncio.sleep(0.01)

    async def come(self):
        try:
            reader, writer = await asyncio.open_connection(*self.address)
        except OSError:
            return
        await self.ask_until_cut(reader, writer)

    async def ask_until_cut(self, reader, writer):
        try:
            while not self.stopped.is_set() and not reader.at_eof():
                await self.ask(reader, writer)
                await asyncio.sleep(self.pause_s)
        except (OSError, EOFError, AssertionError, ValueError) as error:
            self.failures.append(repr(error))
        writer.close()


class Streams:
    """So many readers of a stream of numbers, each of which has to be the next one; until the end of the context."""

    def __init__(self, address, target, count):
        self.address, self.target = address, target
        self.numbers = [0] * count  # that have come to each
        self.failures = []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run()))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()

    def least(self):
        return min(self.numbers)

    async def run(self):
        await asyncio.gather(*(self.be_reader(at) for at in range(len(self.numbers))))

    async def be_reader(self, at):
        reader, writer = await asyncio.open_connection(*self.address)
        try:
            writer.write(f"GET {self.target} HTTP/1.1\r\nHost: streams\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 "), head
            while not self.stopped.is_set():
                await self.read_chunk(reader, at)
        except (OSError, EOFError, AssertionError, ValueError, asyncio.TimeoutError) as error:
            self.failures.append(repr(error))
        writer.close()

    async def read_chunk(self, reader, at):
        size = int(await asyncio.wait_for(reader.readuntil(b"\r\n"), GAP_S), 16)
        assert size > 0, "the stream has ended"
        for number in (await reader.readexactly(size + 2)).split():
            assert int(number) == self.numbers[at], f"{number} instead of {self.numbers[at]}"
            self.numbers[at] += 1
