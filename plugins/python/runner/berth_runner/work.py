"""Whether something of the function still works although no answer is owed: threads, and tasks of the event loop.

A thread that waits for somebody to give it work (a pool's, a queue's reader, an event loop's without tasks) does not
count: it is recognised by where it waits. Daemon threads count like others.
"""
import sys
import threading


_WAITS = (("threading", "wait"), ("threading", "join"), ("threading", "_wait_for_tstate_lock"),
          ("concurrent.futures.thread", "_worker"))
_POLLS = (("selectors", "select"),)


def threads_at_work(own):
    """Whether a thread works that is none of `own`."""
    frames = sys._current_frames()
    for thread in threading.enumerate():
        if thread is threading.main_thread() or thread in own:
            continue
        frame = frames.get(thread.ident)
        waits = frame is None or _is_at(frame, _WAITS) or _is_in_idle_loop(frame)
        if not waits or isinstance(thread, threading.Timer):
            return True
    return False


def _is_in_idle_loop(frame):
    """Whether a thread waits in an event loop that has no task."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or not _is_at(frame, _POLLS):
        return False
    while frame is not None:
        loop = frame.f_locals.get("self")
        if isinstance(loop, asyncio.BaseEventLoop):
            return not asyncio.all_tasks(loop)
        frame = frame.f_back
    return False


def tasks_at_work(loop, own):
    """Whether a task of the loop has not ended that is none of `own`. On the loop."""
    import asyncio

    return any(task not in own for task in asyncio.all_tasks(loop))


def _is_at(frame, places):
    """Whether a frame is of one of these functions, named by module and name."""
    name = frame.f_globals.get("__name__"), frame.f_code.co_name
    return name in places
