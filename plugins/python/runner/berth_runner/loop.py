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
from types import CoroutineType

from .base import LoopBase, configure, serve
from .output import current_head
from .protocol import STATUS_LINES
from .reference import FirstSteps
from .respond import write_response, writers

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
        if serve(self._both, self._inner, self.owners, self.loop, timeout):
            return super().select(0)
        return ()

    def close(self):
        self._both.close()
        super().close()


configure(task=asyncio.Task, coroutine_type=CoroutineType, call_soon=asyncio.SelectorEventLoop.call_soon,
          current_head=current_head, status_lines=STATUS_LINES, writers=writers, write_response=write_response)


class Loop(LoopBase, asyncio.SelectorEventLoop):
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
        """Has callback called from the loop on SIGTERM. Without add_signal_handler, which loads inspect at every start
        to look at the callback; but as there, the interpreter writes each signal where the selector waits, since one
        that comes just before the wait, or that another thread takes, ends no wait by itself."""
        signal.signal(signal.SIGTERM, lambda _number, _frame: self.call_soon_threadsafe(callback))
        signal.set_wakeup_fd(self._csock.fileno())

    def call_at(self, when, callback, *args, context=None):
        self.touched = True
        return super().call_at(when, callback, *args, context=context)


def _uvloop_class(uvloop):
    class UvLoop(FirstSteps, uvloop.Loop):
        def __init__(self):
            super().__init__()
            self._masks = {}
            self._owners = {}

        def on_terminate(self, callback):
            self.add_signal_handler(signal.SIGTERM, callback)

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
