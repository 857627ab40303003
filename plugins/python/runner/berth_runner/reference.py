"""In Python what _accelerator is in C: used where that cannot be loaded, and by the tests to compare the two.

Everything must be the same with either. The C module only knows the usual request and response, and leaves all others
to the methods of the derived classes, which here serve all of them.
"""
EVENTS_AT_ONCE = 64
RECEIVE_SIZE = 64 << 10


class RequestBase:
    """What a request knows: its head's parts, and its body or the content to read it from."""

    method = None  # stands before the property of Starlette's class

    def __init__(self, method, target, head, lower, body, content, slot):
        self.method = method
        self._target = target
        self._head = head
        self._known_lower = lower
        self._content = content
        self._slot = slot
        if content is None:
            self._body = body

    @property
    def _lower(self):
        if self._known_lower is None:
            self._known_lower = self._head.lower()
        return self._known_lower


class SlotBase:
    """One connection on the event loop."""

    def on_event(self, events):
        """Serves what epoll has told."""
        self.on_events(events)


class FirstSteps:
    """The part of an event loop that can hand over a new task's first step instead of queueing it."""

    catching = False
    caught = None

    def call_soon(self, callback, *args, context=None):
        if self.catching:
            self.catching = False
            self.caught = callback, context
            return None
        return super().call_soon(callback, *args, context=context)

    def start_task(self, coroutine):
        """A task whose first step has been taken when this returns. Not from within another task."""
        from asyncio import Task

        self.catching = True
        try:
            task = Task(coroutine, loop=self)
        finally:
            self.catching = False
        step, context = self.caught
        context.run(step)
        return task


class LoopBase(FirstSteps):
    """The same, which also knows whether something was scheduled since serve() last looked."""

    touched = False

    def call_soon(self, callback, *args, context=None):
        self.touched = True
        return super().call_soon(callback, *args, context=context)


def configure(**_):
    """Hands over what the C module works with."""


def serve(epoll, inner, owners, loop, timeout):
    """Waits and hands events to their slots in `owners`, until `inner` is ready (True), or something was scheduled or
    the time is over (False)."""
    wait = -1 if timeout is None else timeout
    while True:
        loop.touched = False
        own = False
        for descriptor, events in epoll.poll(wait, EVENTS_AT_ONCE):
            slot = owners.get(descriptor)
            if slot is not None:
                slot.on_event(events)
            elif descriptor == inner:
                own = True
        if own:
            return True
        if timeout is not None or loop.touched:
            return False


def receive(sock):
    """Waits for bytes on a blocking socket; b"" at the end."""
    return sock.recv(RECEIVE_SIZE)


def send_all(sock, data):
    """Sends all of data on a blocking socket."""
    sock.sendall(data)
