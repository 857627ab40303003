"""Request bodies that were not there whole when the head was.

Both kinds have the same face: done (the whole body has been taken off the wire), rest (what came after it),
read_chunk() and read_all() for async code, and read_now() for plain code.
"""
from .protocol import CONTINUE

RECEIVE_SIZE = 256 << 10
DRAIN_LIMIT = 64 << 10   # an unread rest up to this size is read and dropped, beyond it the connection ends
BUFFER_LIMIT = 1 << 20   # what is held of a body that the handler reads too slowly


class ClientGone(ConnectionError):
    """The client left before its request was complete."""

    def __init__(self):
        super().__init__("the client left before its request was complete")


class Content:
    """What both kinds share. `expects`: the client waits for a 100 before it sends the body."""

    def __init__(self, decoder, data, expects):
        self.decoder = decoder
        self.expects = expects and not data
        self.rest = b""
        self.chunks = []
        if data:
            self.take(data)

    @property
    def done(self):
        return self.decoder.done

    def take(self, data):
        body, self.rest = self.decoder.feed(data)
        if body:
            self.chunks.append(body)

    def drainable(self):
        """Whether what was not read is little enough, and surely on its way, to be read and dropped."""
        remaining = self.decoder.remaining
        return self.done or (remaining is not None and remaining <= DRAIN_LIMIT and not self.expects)

    def pop(self):
        """All that has come and was not read."""
        if len(self.chunks) == 1:
            return self.chunks.pop()
        body = b"".join(self.chunks)
        self.chunks.clear()
        return body


class BlockingContent(Content):
    """A body read with blocking calls by the thread that runs the handler."""

    def __init__(self, sock, decoder, data, expects):
        super().__init__(decoder, data, expects)
        self.sock = sock

    def fill(self):
        """Waits for more of the body."""
        if self.expects:
            self.expects = False
            self.sock.sendall(CONTINUE)
        data = self.sock.recv(RECEIVE_SIZE)
        if not data:
            raise ClientGone
        self.take(data)

    def read_chunk_now(self):
        while not self.chunks and not self.done:
            self.fill()
        return self.pop()

    def read_now(self):
        pieces = []
        while piece := self.read_chunk_now():
            pieces.append(piece)
        return b"".join(pieces)

    def drain(self):
        """Reads and drops what is left."""
        while not self.done:
            self.chunks.clear()
            self.fill()

    async def read_chunk(self):
        return self.read_chunk_now()

    async def read_all(self):
        return self.read_now()


class LoopContent(Content):
    """A body fed by the event loop's slot and awaited by the handler."""

    def __init__(self, slot, decoder, data, expects):
        super().__init__(decoder, data, expects)
        self.slot = slot
        self.waiters = []  # futures; several when a handler reads in two places at once
        self.dropping = False
        self.held = 0

    def feed(self, data):
        """New bytes from the wire. False: hold back, the handler does not keep up."""
        self.take(data)
        if self.dropping:
            self.chunks.clear()
        self.held = sum(map(len, self.chunks))
        self.wake()
        return self.done or self.held < BUFFER_LIMIT

    def wake(self):
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)
        self.waiters.clear()

    def drop(self):
        """From now on the body is taken and forgotten."""
        self.dropping = True
        self.chunks.clear()

    async def read_chunk(self):
        while not self.chunks and not self.done:
            if self.slot.gone:
                raise ClientGone
            if self.expects:
                self.expects = False
                await self.slot.write(CONTINUE)
            waiter = self.slot.loop.create_future()
            self.waiters.append(waiter)
            self.slot.resume()
            await waiter
        return self.pop()

    async def read_all(self):
        pieces = []
        while piece := await self.read_chunk():
            pieces.append(piece)
        return b"".join(pieces)

    def read_now(self):
        if not self.done:
            raise RuntimeError("the body has not come yet: in an async handler use `await request.body()`")
        return self.pop()
