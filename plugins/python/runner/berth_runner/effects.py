"""What an import does beyond making modules, and that is to happen when the function is loaded and not ahead of it."""
import os
import sys
from _signal import NSIG, getsignal
from _thread import _count as count_threads

from .kept_time import counters, kept_time

# Libraries whose import does something that cannot be seen afterwards.
KNOWN = {
    "ddtrace": "patches what is imported after it",
    "eventlet": "is asked to patch others before they are imported",
    "gevent": "is asked to patch others before they are imported",
    "newrelic": "patches what is imported after it",
    "opentelemetry.instrumentation.auto_instrumentation": "patches what is imported after it",
}

# Libraries that start threads, not Python's, which wait for work and do nothing else: their pools for linear algebra, and those
# that give memory back.
QUIET = {"cv2", "numpy", "polars", "pyarrow", "scipy"}


def known_effect(name):
    """What is known of a module, or of the package that it is part of; None for nothing."""
    return next((effect for known, effect in KNOWN.items() if f"{name}.".startswith(f"{known}.")), None)


class Situation:
    """What can be seen of the process now; `written` is how much output there was so far, `asked` which secrets were asked
    for, as texts, and `work` the function's working directory, None without one."""

    def __init__(self, written, asked, work):
        self.modules = set(sys.modules)
        self.threads = count_threads()
        self.foreign_threads = len(os.listdir("/proc/self/task")) - self.threads
        self.descriptors = _descriptors()
        self.has_child = _has_child()
        self.written = written
        self.asked = list(asked)
        self.rest = {
            "handles a signal": [getsignal(number) for number in range(1, NSIG)],
            "changes the working directory": os.getcwd(),
            "changes the umask": _umask(),
            "makes files in the working directory": set(os.listdir(work)) if work else None,
            "replaces standard output or standard error": (sys.stdout, sys.stderr),
            "changes sys.path": list(sys.path),
            "traces the program": (sys.gettrace(), sys.getprofile()),
        }
        self.counters = counters()

    def effects_since(self, before):
        """What was done since `before`, each as a text that follows a module's name."""
        new = self.modules - before.modules
        found = sorted({effect for effect in map(known_effect, new) if effect})
        if self.threads > before.threads:
            found.append("starts a thread")
        if self.foreign_threads > before.foreign_threads and not any(name.partition(".")[0] in QUIET for name in new):
            found.append("starts a thread that is not Python's")
        opened = [target for number, target in self.descriptors.items() if before.descriptors.get(number) != target]
        if opened:
            found.append(f"leaves {', '.join(opened)} open")
        if before.descriptors.keys() - self.descriptors.keys():
            found.append("closes a descriptor")
        if self.has_child and not before.has_child:
            found.append("starts a process")
        if self.written > before.written:
            found.append("writes to standard output or standard error")
        found += dict.fromkeys(self.asked[len(before.asked):])
        found += [effect for effect, state in self.rest.items() if state != before.rest[effect]]
        kept = kept_time(new, before.counters)
        return found + ([f"keeps the time in {kept}"] if kept else [])


def _descriptors():
    """Number to what is open there."""
    found = {}
    for number in os.listdir("/proc/self/fd"):
        try:
            found[number] = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            pass  # the listing's own
    return found


def _has_child():
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _umask():
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
