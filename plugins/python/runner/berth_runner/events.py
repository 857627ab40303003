"""The engine of async handlers: one event loop in the main thread, every slot on it."""
import asyncio
import select

from _socket import SHUT_RDWR

from . import failure, work
from .asgi import Sender, run_application, run_stream
from .base import SlotBase
from .content import ClientGone, LoopContent
from .dial import delays, dial
from .loop import make_loop
from .output import current_head
from .protocol import HEAD_LIMIT, ProtocolError, closing, decoder, parse_head, without_body
from .respond import TEXT, Application, Pending, Stream, assemble, encode, encode_as_json

RECEIVE_SIZE = 64 << 10
PARTING_S = 10          # what an application has to end when its WebSocket has
EARLY_LIMIT = 64 << 10  # bytes taken in of a next request while one is under way
_IN, _OUT = select.EPOLLIN, select.EPOLLOUT
_END = object()


class Slot(SlotBase):
    """One connection on the loop.

    Free (request is None), under a request, or flushing and dropping what is left of one. `gone` is set when the
    connection ended under a request; the slot dials again as soon as the handler has come to its end.
    """

    def __init__(self, engine):
        self.engine = engine
        self.loop = engine.loop
        self.handle = engine.function.handle
        self.encode = engine.function.encode
        self.writes_responses = self.encode in (encode, encode_as_json)
        self.request_class = engine.function.request_class
        self.sock = None
        self.descriptor = -1
        self.mask = 0
        self.buffer = b""
        self.request = None
        self.content = None
        self.task = None
        self.tunnel = None  # the WebSocket that has taken over the connection
        self.gone = False
        self.close_after = False
        self.stopping = False
        self.sent = False
        self.outgoing = None  # what the kernel did not take yet
        self.room = None      # future of a writer that waits for it to go out
        self.departures = []  # futures of those who wait for the client to go
        self.delays = None

    # Connection

    def adopt(self, sock, data=b""):
        """Takes over a connected socket, with what was read from it."""
        sock.setblocking(False)
        self.sock = sock
        self.descriptor = sock.fileno()
        self.mask = _IN
        self.gone = False
        self.close_after = False
        self.buffer = data
        self.outgoing = None
        self.loop.watch(self.descriptor, self, _IN)
        if data:
            self.loop.call_soon(self.begin_buffered)

    def dial(self):
        """Dials until it succeeds; the waiting in between is the loop's."""
        if self.delays is None:
            self.delays = delays()
        delay = next(self.delays)
        if delay:
            self.loop.call_later(delay, self.attempt)
        else:
            self.attempt()

    def attempt(self):
        if self.engine.stopping:
            self.engine.check_end()
            return
        try:
            sock = dial(self.engine.path)
        except OSError:
            self.dial()
            return
        self.adopt(sock)

    def disconnect(self):
        if self.sock is not None:
            self.loop.forget(self.descriptor)
            try:
                self.sock.shutdown(SHUT_RDWR)
            except OSError:
                pass  # the other side was first
            self.sock.close()
            self.sock = None

    def redial(self):
        self.disconnect()
        self.request = self.content = self.task = self.tunnel = None
        self.buffer = b""
        self.outgoing = None
        self.dial()

    def lost(self):
        """The connection ended. A handler that runs is cancelled; the slot comes back when it has ended."""
        self.disconnect()
        if self.task is None or self.task.done():
            self.redial()
            return
        self.gone = True
        if self.tunnel is None:
            self.task.cancel()
        else:
            self.tunnel.lost()
            self.loop.call_later(PARTING_S, self.task.cancel)
        if self.content is not None:
            self.content.wake()
        if self.room is not None and not self.room.done():
            self.room.set_result(None)
        self.tell_departure()

    def set_mask(self, mask):
        if mask != self.mask and self.sock is not None:
            self.mask = mask
            self.loop.change(self.descriptor, mask)

    def resume(self):
        if not self.mask & _IN:
            self.set_mask(self.mask | _IN)

    # Reading

    def on_events(self, events):
        """Serves what epoll has told, if on_event() has not done it."""
        if events & _OUT:
            self.flush()
        if events & ~_OUT and self.sock is not None:
            self.on_readable()

    def on_readable(self):
        try:
            data = self.sock.recv(RECEIVE_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.take(data)
        else:
            self.lost()

    def take(self, data):
        """Bytes that have come."""
        try:
            if self.request is None:
                self.begin(self.buffer + data if self.buffer else data)
            else:
                self.take_more(data)
        except ProtocolError:
            self.lost()

    def take_more(self, data):
        """Bytes that come while a request is under way: its body, a tunnel's, or an early next request."""
        if self.tunnel is not None:
            if not self.tunnel.feed(data):
                self.set_mask(self.mask & ~_IN)
            return
        content = self.content
        if content is None or content.done:
            self.buffer += data
            if len(self.buffer) > EARLY_LIMIT:
                self.set_mask(self.mask & ~_IN)
            return
        if not content.feed(data):
            self.set_mask(self.mask & ~_IN)
        if content.done:
            self.buffer = content.rest
            if content.dropping:
                self.become_free()

    def begin_buffered(self):
        """Serves what was read ahead, from the loop and not from within a task."""
        if self.request is None and self.buffer and self.sock is not None:
            data, self.buffer = self.buffer, b""
            try:
                self.begin(data)
            except ProtocolError:
                self.lost()

    def begin(self, data):
        """Starts the request at the front of data once its head is complete."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) > HEAD_LIMIT:
                raise ProtocolError("a head without an end")
            self.buffer = data
            return
        self.delays = None
        head = data[:end]
        method, target, lower, length = parse_head(data, end)
        data = data[end + 4:]
        content = None
        body = b""
        if length:
            if 0 < length <= len(data):
                body, data = data[:length], data[length:]
            else:
                content = LoopContent(self, decoder(length), data, b"\r\nexpect: 100-continue" in lower)
                data = content.rest
        self.buffer = data
        self.content = content
        self.request = request = self.request_class(method, target, head, lower, body, content, self)
        control = target.startswith(b"/.berth/")
        current_head.set(head)
        task = self.loop.start_task(self.control(request) if control else self.run(request))
        if not task.done():
            self.started(task, request)

    def started(self, task, request):
        """A request's task waits for something."""
        self.engine.keep(task)
        if self.request is request:
            self.task = task

    # The handler

    async def run(self, request):
        """One request from handler to response. The C module's Exchange does the same."""
        try:
            answer = self.encode(await self.handle(request))
            if type(answer) is bytes:
                self.finish(answer)
            else:
                await self.carry_out(answer, request)
        except BaseException as error:
            self.fail(error, request)
        finally:
            if self.gone and self.request is request:
                self.redial()

    async def wait_for(self, awaitable):
        """A coroutine of anything that can be awaited."""
        return await awaitable

    async def control(self, request):
        try:
            body = await request.body()
            self.finish(self.engine.session.control(
                request.method, request._target, request._head, request._lower, body))
        finally:
            if self.gone and self.request is request:
                self.redial()

    def fail(self, error, request):
        """An exception came out of the handler or its response."""
        if self.gone and isinstance(error, (asyncio.CancelledError, ClientGone)):
            return
        if self.request is not request:  # background work after the response
            failure.log(failure.trace(error))
        elif not self.sent:
            self.finish(failure.answer(error, request, self.engine.function.debug))
        else:
            failure.log(failure.trace(error))
            if not self.gone:
                self.redial()

    async def carry_out(self, answer, request):
        """Sends a response that is not bytes yet."""
        while type(answer) is Pending:
            answer = self.encode(await answer.awaitable)
        if type(answer) is bytes:
            self.finish(answer)
            return
        self.decide_close()
        head_only = request.method == "HEAD"
        if type(answer) is not Stream:
            sender = Sender(self.write, head_only, self.close_after, self.end)
            if type(answer) is Application:
                await run_application(answer, request, sender)
            else:
                await self.run_websocket(answer, request, sender)
            return
        items = answer.items if answer.is_async else self.iterate(answer.items)
        try:
            await run_stream(answer, items, head_only, self.close_after, self.write)
        finally:
            await items.aclose()
        self.end()

    async def run_websocket(self, answer, request, sender):
        from .websocket_app import Session, refusal

        refused = refusal(request)
        if refused is not None:
            status, headers, text = refused
            self.finish(assemble(status, headers, TEXT, text.encode()))
        elif await Session(self, request, answer, sender).run():
            self.close_after = True
            self.end()

    def open_tunnel(self, session):
        """From here on the connection's bytes are the session's."""
        self.tunnel = session
        data, self.buffer = self.buffer, b""
        if data:
            session.feed(data)
        self.resume()

    async def iterate(self, items):
        """A plain iterator's items, made outside the loop so that it may block."""
        while (item := await self.loop.run_in_executor(None, next, items, _END)) is not _END:
            yield item

    # Writing

    def decide_close(self):
        self.close_after = self.content is not None and not self.content.drainable()

    def finish(self, answer):
        """Sends a complete response."""
        if self.sock is None:
            return
        if self.content is not None:
            self.decide_close()
            if self.close_after:
                answer = closing(answer)
        if self.request.method == "HEAD":
            answer = without_body(answer)
        try:
            size = self.sock.send(answer)
        except BlockingIOError:
            size = 0
        except OSError:
            self.gone = True
            return
        if size == len(answer):
            self.end()
        else:
            self.hold(answer, size)

    def hold(self, data, size):
        self.outgoing = memoryview(data)[size:]
        self.set_mask(self.mask | _OUT)

    def flush(self):
        """The kernel has room again."""
        try:
            size = self.sock.send(self.outgoing)
        except BlockingIOError:
            return
        except OSError:
            self.lost()
            return
        self.outgoing = self.outgoing[size:]
        if self.outgoing:
            return
        self.outgoing = None
        self.set_mask(self.mask & ~_OUT)
        if self.room is None:
            self.end()
        elif not self.room.done():
            self.room.set_result(None)

    async def write(self, data):
        """Sends a part of a response; returns when the kernel has taken it."""
        if self.gone or self.sock is None:
            raise ClientGone
        self.sent = self.sent or data[:9] != b"HTTP/1.1 " or data[9:12] != b"100"
        try:
            size = self.sock.send(data)
        except BlockingIOError:
            size = 0
        if size == len(data):
            return
        self.room = self.loop.create_future()
        self.hold(data, size)
        try:
            await self.room
        finally:
            self.room = None
        if self.gone:
            raise ClientGone

    def end(self):
        """The response is complete; the slot is free again once the request is read to its end."""
        self.sent = False
        self.task = None
        if self.departures:
            self.tell_departure()
        if self.close_after:
            self.redial()
            return
        content = self.content
        if content is not None and not content.done:
            content.drop()
            self.resume()
            return
        self.become_free()

    def become_free(self):
        self.request = self.content = None
        self.resume()
        if self.engine.stopping:
            self.disconnect()
            self.engine.check_end()
        elif self.buffer:
            self.loop.call_soon(self.begin_buffered)

    def tell_departure(self):
        for departure in self.departures:
            if not departure.done():
                departure.set_result(None)
        self.departures.clear()

    async def wait_gone(self, request):
        """Returns when the client has gone or has its whole response; for ASGI's `receive`."""
        if not self.gone and self.request is request:
            departure = self.loop.create_future()
            self.departures.append(departure)
            await departure

    def stop(self):
        """Ends a free slot, after a last look whether the host has sent a request."""
        if self.request is None and self.sock is not None:
            self.on_readable()
        if self.request is None:
            self.disconnect()
        elif self.tunnel is not None:
            self.tunnel.going_away()


class Engine:
    """All slots of a function with an async handler."""

    def __init__(self, session):
        self.session = session
        self.function = session.function
        session.engine = self
        self.path = session.path
        self.stopping = False
        self.loop = self.function.loop or make_loop(self.function.dependencies)
        self.tasks = set()
        self.slots = []

    def keep(self, task):
        """Holds on to a task that is under way; the loop itself only knows it weakly."""
        self.tasks.add(task)
        task.add_done_callback(self.release)

    def release(self, task):
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            failure.log(failure.trace(task.exception()))
        if self.stopping:
            self.check_end()

    def is_working(self):
        """Whether the function still works on what it has answered. From a task, whose own work does not count; nor
        does a lifespan, nor what a slot is busy with."""
        own = {asyncio.current_task(), *(slot.task for slot in self.slots)}
        if self.function.lifespan is not None:
            own.add(self.function.lifespan.task)
        return work.tasks_at_work(self.loop, own) or work.threads_at_work(())

    def stop(self):
        """From the loop, on SIGTERM: takes no new request and ends the loop when the last is answered."""
        self.stopping = True
        for slot in self.slots:
            slot.stopping = True
            slot.stop()
        self.check_end()

    def check_end(self):
        if self.stopping and not self.tasks and all(slot.sock is None for slot in self.slots):
            self.loop.stop()

    def run(self, sock, data):
        """Serves until SIGTERM has come and what was under way is finished."""
        asyncio.set_event_loop(self.loop)
        self.loop.on_terminate(self.stop)
        self.slots = [Slot(self) for _ in range(self.session.concurrency)]
        self.slots[0].adopt(sock, data)
        for slot in self.slots[1:]:
            slot.dial()
        try:
            self.loop.run_forever()
        finally:
            self.wind_up()

    def wind_up(self):
        """Ends an application's lifespan, then what user code left running, then the loop, as asyncio.run() does."""
        if self.function.lifespan is not None:
            self.loop.run_until_complete(self.function.lifespan.shutdown())
        left = asyncio.all_tasks(self.loop)
        for task in left:
            task.cancel()
        if left:
            self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
