"""The event loop of async handlers: asyncio's with a selector of ours, or uvloop's where the function brings it.

With ours, slots are served inside its wait for events, without a callback, a future or a second round of the loop.
With either, a new task's first step runs at once; only what truly waits meets the loop.

A loop has watch(), change() and forget() for slots, whose on_event() is called with epoll's events.
"""
import asyncio
import os
import select
import selectors
import signal

EVENTS_AT_ONCE = 64
_IN, _OUT = select.EPOLLIN, select.EPOLLOUT


class SlotSelector(selectors.EpollSelector):
    """asyncio's selector, which also waits for the slots and serves them itself."""

    def __init__(self):
        super().__init__()
        self.loop = None
        self.owners = {}
        self._both = select.epoll()
        self._inner = self.fileno()
        self._both.register(self._inner, _IN)

    def watch(self, descriptor, slot, mask):
        self.owners[descriptor] = slot
        self._both.register(descriptor, mask)

    def change(self, descriptor, mask):
        self._both.modify(descriptor, mask)

    def forget(self, descriptor):
        if self.owners.pop(descriptor, None) is not None:
            self._both.unregister(descriptor)

    def select(self, timeout=None):
        loop = self.loop
        owners = self.owners
        inner = self._inner
        poll = self._both.poll
        wait = -1 if timeout is None else timeout
        while True:
            loop.touched = False
            own = False
            for descriptor, events in poll(wait, EVENTS_AT_ONCE):
                slot = owners.get(descriptor)
                if slot is not None:
                    slot.on_event(events)
                elif descriptor == inner:
                    own = True
            if own:
                return super().select(0)
            if timeout is not None or loop.touched:
                return ()

    def close(self):
        self._both.close()
        super().close()


class _FirstSteps:
    """Can hand over a new task's first step instead of queueing it."""

    catching = False
    caught = None

    def on_terminate(self, callback):
        """Has callback called from the loop on SIGTERM."""
        self.add_signal_handler(signal.SIGTERM, callback)

    def call_soon(self, callback, *args, context=None):
        if self.catching:
            self.catching = False
            self.caught = callback, context
            return None
        return super().call_soon(callback, *args, context=context)

    def start_task(self, coroutine):
        """A task whose first step has been taken when this returns. Not from within another task."""
        self.catching = True
        try:
            task = asyncio.Task(coroutine, loop=self)
        finally:
            self.catching = False
        step, context = self.caught
        context.run(step)
        return task


class Loop(_FirstSteps, asyncio.SelectorEventLoop):
    """Knows whether something was scheduled since the selector last looked."""

    def __init__(self):
        selector = SlotSelector()
        super().__init__(selector)
        self.touched = False
        selector.loop = self
        self.watch = selector.watch
        self.change = selector.change
        self.forget = selector.forget

    def on_terminate(self, callback):
        """Without add_signal_handler, which loads inspect at every start to look at the callback."""
        signal.signal(signal.SIGTERM, lambda _number, _frame: self.call_soon_threadsafe(callback))

    def call_soon(self, callback, *args, context=None):
        self.touched = True
        return super().call_soon(callback, *args, context=context)

    def call_at(self, when, callback, *args, context=None):
        self.touched = True
        return super().call_at(when, callback, *args, context=context)


def _uvloop_class(uvloop):
    class UvLoop(_FirstSteps, uvloop.Loop):
        def __init__(self):
            super().__init__()
            self._masks = {}
            self._owners = {}

        def watch(self, descriptor, slot, mask):
            self._owners[descriptor] = slot
            self._masks[descriptor] = 0
            self.change(descriptor, mask)

        def change(self, descriptor, mask):
            before, self._masks[descriptor] = self._masks[descriptor], mask
            slot = self._owners[descriptor]
            if mask & _IN and not before & _IN:
                self.add_reader(descriptor, slot.on_event, _IN)
            elif before & _IN and not mask & _IN:
                self.remove_reader(descriptor)
            if mask & _OUT and not before & _OUT:
                self.add_writer(descriptor, slot.on_event, _OUT)
            elif before & _OUT and not mask & _OUT:
                self.remove_writer(descriptor)

        def forget(self, descriptor):
            if descriptor in self._owners:
                self.change(descriptor, 0)
                del self._owners[descriptor], self._masks[descriptor]

    return UvLoop


def make_loop(dependencies):
    """uvloop's when it is in this folder of dependencies (None: there is none), else asyncio's with our selector."""
    if dependencies and os.path.isdir(os.path.join(dependencies, "uvloop")):
        import uvloop

        return _uvloop_class(uvloop)()
    return Loop()
