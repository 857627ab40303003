"""What became of every request, and which fault explains one that failed."""

import collections
import contextlib
import threading
import time

LISTENS_S = 0.2  # by which the daemon's log and a client may see the same moment differently
GRACE_S = 1.5  # between what a fault does and the moment at which a client sees it, or it is noticed to be over


class Fault:
    """Something that was done on purpose, from `began` until its effect was seen to have ended. It explains failures of
    requests that were under way meanwhile: to one function, or to all with None; only those of `outcomes` where it has some."""

    def __init__(self, name, function=None, outcomes=()):
        self.name = name
        self.function = function
        self.outcomes = outcomes
        self.began = time.monotonic()
        self.ended = None

    def explains(self, request):
        return (
            self.function in (None, request.function)
            and (not self.outcomes or request.outcome.startswith(tuple(self.outcomes)))
            and request.ended >= self.began - GRACE_S
            and (self.ended is None or request.began <= self.ended + GRACE_S)
        )


class Ending(Fault):
    """The daemon ends and another one is started. That explains what was under way at that moment, and that nobody is
    reached until the other one listens, from `listening` on; not a wrong answer of either."""

    def __init__(self, name):
        super().__init__(name)
        self.listening = None

    def explains(self, request):
        if request.ended < self.began - LISTENS_S:
            return False
        if request.has_answer():
            return request.began <= self.began
        return self.listening is None or request.began <= self.listening + LISTENS_S


class Request:
    def __init__(self, kind, function, began):
        self.kind = kind
        self.function = function
        self.began = began
        self.ended = None
        self.outcome = None
        self.detail = ""

    def has_answer(self):
        """Its outcome is a status then."""
        return self.outcome[:1].isdigit()


class Ledger:
    """All threads use it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts = collections.Counter()  # (kind, outcome): how many
        self.failed = []
        self.faults = []
        self.under_way = []
        self.began = time.monotonic()

    # -- requests

    @contextlib.contextmanager
    def request(self, kind, function):
        """One request: the block sets its outcome, "ok" or what went wrong instead."""
        request = Request(kind, function, time.monotonic())
        with self.lock:
            self.under_way.append(request)
        try:
            yield request
        finally:
            request.ended = time.monotonic()
            with self.lock:
                self.under_way.remove(request)
                self.counts[kind, request.outcome] += 1
                if request.outcome != "ok":
                    self.failed.append(request)

    def total(self):
        with self.lock:
            return sum(self.counts.values())

    def tell_under_way(self):
        with self.lock:
            requests = list(self.under_way)
        now = time.monotonic()
        return [f"{each.kind} of {each.function} for {now - each.began:.1f} s {each.detail}".rstrip() for each in requests]

    # -- faults

    @contextlib.contextmanager
    def fault(self, name, function=None, outcomes=()):
        """A fault whose effect has ended when the block has."""
        with self.during(Fault(name, function, outcomes)) as fault:
            yield fault

    @contextlib.contextmanager
    def ending(self, name):
        """The daemon ends within the block, and the next one is ready behind it."""
        with self.during(Ending(name)) as fault:
            yield fault

    @contextlib.contextmanager
    def during(self, fault):
        with self.lock:
            self.faults.append(fault)
        try:
            yield fault
        finally:
            fault.ended = time.monotonic()

    def unexplained(self):
        return [request for request in self.failed if not any(fault.explains(request) for fault in self.faults)]

    # -- telling

    def at(self, moment):
        return f"{moment - self.began:.1f} s"

    def tell_requests(self):
        """Lines of a table: kinds by outcome."""
        with self.lock:
            counts = dict(self.counts)
        explained = collections.Counter()
        for request in self.failed:
            causes = sorted({fault.name for fault in self.faults if fault.explains(request)})
            explained[request.kind, request.outcome, ", ".join(causes) or "NOTHING EXPLAINS IT"] += 1
        lines = [f"  {'requests':<12} {'ok':>9}  others, and the faults at that moment"]
        for kind in sorted({kind for kind, _ in counts}):
            others = [
                f"{count} x {outcome} ({causes})"
                for (of, outcome, causes), count in sorted(explained.items())
                if of == kind
            ]
            lines.append(f"  {kind:<12} {counts.get((kind, 'ok'), 0):>9}  {others[0] if others else '-'}")
            lines += [" " * 26 + other for other in others[1:]]
        return lines

    def tell_faults(self):
        times = collections.defaultdict(list)
        for fault in self.faults:
            times[fault.name].append((fault.ended or time.monotonic()) - fault.began)
        return [
            f"  {name:<32} {len(took):>4} times, took {min(took):.1f} to {max(took):.1f} s"
            for name, took in sorted(times.items())
        ]

    def tell_unexplained(self):
        return [
            f"  {request.kind} of {request.function} from {self.at(request.began)} to {self.at(request.ended)}: "
            f"{request.outcome} {request.detail}"
            for request in self.unexplained()[:20]
        ]
