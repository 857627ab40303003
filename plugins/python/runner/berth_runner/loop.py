"""asyncio's event loop with a selector of ours: slots are served inside its wait for events, without a callback, a
future or a second round of the loop. A new task's first step runs at once; only what truly waits meets the loop.
"""
import asyncio
import select
import selectors

EVENTS_AT_ONCE = 64
_IN = select.EPOLLIN


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


class Loop(asyncio.SelectorEventLoop):
    """Knows whether something was scheduled since the selector last looked, and can hand over a new task's first
    step instead of queueing it."""

    def __init__(self, selector):
        super().__init__(selector)
        self.touched = False
        self.catching = False
        self.caught = None
        selector.loop = self

    def call_soon(self, callback, *args, context=None):
        if self.catching:
            self.catching = False
            self.caught = callback, context
            return None
        self.touched = True
        return super().call_soon(callback, *args, context=context)

    def call_at(self, when, callback, *args, context=None):
        self.touched = True
        return super().call_at(when, callback, *args, context=context)

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
