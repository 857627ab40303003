"""The engine of plain handlers: one thread a slot, blocking sockets.

A handler that blocks holds up its own slot and nothing else. Nothing of asyncio is loaded until a handler returns
something that needs a loop; the thread then has one of its own.
"""
import contextlib
import os
import signal
import sys
import threading
from contextvars import copy_context

from _socket import MSG_DONTWAIT, MSG_PEEK, SHUT_RD

from . import failure, work
from .base import receive, send_all
from .content import BlockingContent
from .dial import delays, dial
from .output import current_head
from .protocol import HEAD_LIMIT, ProtocolError, bodiless, closing, decoder, parse_head, without_body
from .respond import Application, Pending, piece

LOOK_S = 0.5  # how often to look for the end where nothing tells of it

_END = object()
_thread = threading.local()  # slot: the one that this thread serves


class Slot:
    """One connection and the thread that serves it."""

    def __init__(self, engine):
        self.engine = engine
        self.sock = None
        self.busy = False
        self.served = False  # whether the connection brought a request
        self.sent = False  # whether something of the current response has gone out
        self._loop = None
        self.context = engine.context
        function = engine.function
        self.handle = function.handle
        self.encode = function.encode
        self.request_class = function.request_class

    def run(self, sock, data):
        """The thread. sock: a connection made already, with data that was read from it; or None."""
        _thread.slot = self
        pauses = delays()
        while True:
            if sock is None:
                sock = self.engine.dial(pauses)
                if sock is None:
                    break
            self.sock = sock
            self.served = False
            try:
                if not self.engine.stopping:
                    self.serve(data)
            except (OSError, ProtocolError):
                pass  # the host has gone or the client has: dial again
            finally:
                self.sock = None
                self.busy = False
                sock.close()
            if self.engine.stopping:
                break
            sock, data = None, b""
            if self.served:
                pauses = delays()
        if self._loop is not None:
            self._loop.close()

    def serve(self, data):
        """Answers the requests of one connection until it ends."""
        engine = self.engine
        sock = self.sock
        while True:
            end = data.find(b"\r\n\r\n")
            while end < 0:
                more = receive(sock)
                if not more:
                    return
                self.busy = True
                data = data + more if data else more
                end = data.find(b"\r\n\r\n")
                if end < 0 and len(data) > HEAD_LIMIT:
                    raise ProtocolError("a head without an end")
            self.served = True
            if not engine.gives_loops and "asyncio" in sys.modules:
                engine.give_loops()
            data = self.context.copy().run(self.exchange, data, end)
            self.busy = False
            if data is None or engine.stopping:
                return

    def exchange(self, data, end):
        """One request, whose head is data[:end]. Gives what was read beyond it, or None: this connection is done."""
        head = data[:end]
        current_head.set(head)
        method, target, lower, length = parse_head(data, end)
        data = data[end + 4:]
        content = None
        body = b""
        if length:
            if 0 < length <= len(data):
                body, data = data[:length], data[length:]
            else:
                content = BlockingContent(self.sock, decoder(length), data, b"\r\nexpect: 100-continue" in lower)
        request = self.request_class(method, target, head, lower, body, content, self)
        if target.startswith(b"/.berth/"):
            answer = self.engine.session.control(method, target, head, lower, request.get_data())
        else:
            try:
                answer = self.encode(self.handle(request))
            except BaseException as error:
                answer = failure.answer(error, request, self.engine.function.debug)
        if type(answer) is bytes and content is None and method != "HEAD":
            send_all(self.sock, answer)
            return data
        return self.conclude(answer, request, content, data)

    def conclude(self, answer, request, content, data):
        """The uncommon rest: what cannot be sent at once, HEAD, and bodies that came in parts."""
        close = content is not None and not content.drainable()
        if type(answer) is not bytes:
            close = not self.carry_out(answer, request, close) or close
        else:
            self.send_whole(answer, request, close)
        if close:
            return None
        if content is None:
            return data
        content.drain()
        return content.rest

    def send_whole(self, answer, request, close):
        if request.method == "HEAD":
            answer = without_body(answer)
        send_all(self.sock, closing(answer) if close else answer)

    def carry_out(self, answer, request, close):
        """Sends a response that is not bytes yet. False: it broke off, and only ending the connection shows that."""
        self.sent = False
        try:
            if type(answer) is Pending:
                answer = self.encode(self.loop().run_until_complete(_wait(answer.awaitable)))
            if type(answer) is bytes:
                self.send_whole(answer, request, close)
            elif type(answer) is Application:
                self.send_application(answer, request, close)
            elif answer.is_async:
                self.send_async_stream(answer, request, close)
            else:
                self.send_stream(answer, request, close)
            return True
        except BaseException as error:
            if not self.sent:
                self.send_whole(failure.answer(error, request, self.engine.function.debug), request, close)
                return True
            if not isinstance(error, (BrokenPipeError, ConnectionResetError)):
                failure.log(failure.trace(error))
            return False

    def send(self, data):
        self.sent = True
        send_all(self.sock, data)

    async def write(self, data):
        self.send(data)

    def send_stream(self, stream, request, close):
        """A plain iterator, piece by piece. The first piece comes before the head, so that an exception before it
        can still be answered."""
        items = stream.items
        try:
            item = next(items, _END)
            out = stream.head(None if item is _END else item)
            if close:
                out = closing(out)
            if request.method == "HEAD" or bodiless(stream.status):
                self.send(out)
                return
            while item is not _END:
                data = piece(item)
                if data:
                    self.send(out + stream.frame(data))
                    out = b""
                item = next(items, _END)
            self.send(out + stream.last())
        finally:
            if hasattr(items, "close"):
                items.close()

    def send_async_stream(self, stream, request, close):
        from .asgi import run_stream

        self.loop().run_until_complete(
            run_stream(stream, stream.items, request.method == "HEAD", close, self.write))

    def send_application(self, answer, request, close):
        from .asgi import Sender, run_application

        _load_anyio(answer.response)
        background = getattr(answer.response, "background", None)
        if background is not None:
            answer.response.background = None
        sender = Sender(self.write, request.method == "HEAD", close, lambda: None)
        self.loop().run_until_complete(run_application(answer, request, sender))
        if background is not None:
            threading.Thread(target=copy_context().run, args=(_run_background, background), name="background").start()

    def loop(self):
        """This thread's own event loop."""
        if self._loop is None or self._loop.is_closed():
            import asyncio

            self._loop = asyncio.new_event_loop()
        return self._loop

    async def wait_gone(self, _request):
        """Returns when the client has gone; for ASGI's `receive`."""
        loop = self.loop()
        descriptor = self.sock.fileno()
        gone = loop.create_future()

        def look():
            if self.sock.recv(1, MSG_PEEK | MSG_DONTWAIT):
                loop.remove_reader(descriptor)  # the next request is there already; so is its client
            elif not gone.done():
                gone.set_result(None)

        loop.add_reader(descriptor, look)
        try:
            await gone
        finally:
            loop.remove_reader(descriptor)

    def stop(self):
        """Ends the wait for a next request. What the host had sent before is still read and answered."""
        sock = self.sock
        if sock is not None and not self.busy:
            try:
                sock.shutdown(SHUT_RD)
            except OSError:
                pass  # it ended by itself


def _give_loops(policy):
    """Has asyncio.get_event_loop() give the loop of the slot where it would find none, or a closed one."""
    usual = policy.get_event_loop

    def get_event_loop():
        slot = getattr(_thread, "slot", None)
        if slot is None:
            return usual()
        try:
            loop = usual()
        except RuntimeError:
            loop = None
        if loop is None or loop.is_closed():
            loop = slot.loop()
            policy.set_event_loop(loop)
        return loop

    policy.get_event_loop = get_event_loop


async def _wait(awaitable):
    return await awaitable


def _load_anyio(response):
    """What Starlette's responses wait with has a part for asyncio, which is loaded when it is first used. It takes that
    from sys.modules, also while another thread is still loading it; an import waits for the other thread."""
    if any(kind.__module__.startswith("starlette.") for kind in type(response).__mro__):
        from importlib import import_module

        with contextlib.suppress(ImportError):  # the function may have brought another one
            import_module("anyio._backends._asyncio")


def _run_background(background):
    import asyncio

    try:
        asyncio.run(background())
    except BaseException as error:
        failure.log(failure.trace(error))


class Engine:
    """All slots of a function with a plain handler."""

    def __init__(self, session):
        self.session = session
        self.function = session.function
        session.engine = self
        self.threads = []
        self.stopping = False
        self.context = copy_context()  # each request runs in a copy of what loading has left
        self.gives_loops = False
        self._path = session.path
        self._stop = threading.Event()
        self._giving = threading.Lock()

    def dial(self, pauses):
        """A new connection, however long it takes; None when the runner is to end."""
        for delay in pauses:
            if self._stop.wait(delay) or self.stopping:
                return None
            try:
                return dial(self._path)
            except OSError:
                continue

    def give_loops(self):
        """Lets plain handlers use asyncio.get_event_loop(), as if each ran in the main thread."""
        import asyncio

        with self._giving:
            if not self.gives_loops:
                _give_loops(asyncio.get_event_loop_policy())
                self.gives_loops = True

    def is_working(self):
        """Whether the function still works on what it has answered. On the thread of a slot."""
        return work.threads_at_work(self.threads)

    def stop(self):
        """From a signal handler: makes run() return."""
        self.stopping = True

    def wait_stop(self):
        """Returns when the handler of a signal has called stop(). A signal that comes just before the wait, or that
        another thread takes, ends no wait by itself: the interpreter writes each into a pipe."""
        awaited, told = os.pipe()
        os.set_blocking(told, False)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        with contextlib.suppress(OSError):
            while not self.stopping and os.read(awaited, 64):
                pass
        while not self.stopping:  # the function has closed the pipe, with all else that is not its own
            self._stop.wait(LOOK_S)

    def run(self, sock, data):
        """Serves until stop() is called and what was under way is finished."""
        slots = [Slot(self) for _ in range(self.session.concurrency)]
        for slot in slots:
            thread = threading.Thread(target=slot.run, args=(sock, data), name=f"slot-{len(self.threads) + 1}")
            self.threads.append(thread)
            thread.start()
            sock, data = None, b""
        self.wait_stop()
        self._stop.set()
        for slot in slots:
            slot.stop()
        for thread in self.threads:
            thread.join()
