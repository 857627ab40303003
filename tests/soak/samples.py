"""What a daemon takes of its machine, sample by sample, and whether that grows."""

import os
import re
import statistics
import time

from harness import processes

MIB = 1 << 20


class Measure:
    """One thing that is measured. `bound`: by how much it may have grown over the time for which a process was seen (or over
    the whole soak, for what outlives it), as far as can be told from the typical growth between two samples; None: it is
    shown and not judged."""

    def __init__(self, name, unit, bound, per_process=True):
        self.name = name
        self.unit = unit
        self.bound = bound
        self.per_process = per_process

    def show(self, value):
        return f"{value / MIB:.1f} MiB" if self.unit == "bytes" else f"{value:.0f}"


def measures(sanitized):
    """A sanitizer's own bookkeeping grows with what was ever allocated at once. The state folder has a log of the store of
    calls, of 32 MiB at most, and results until their time is over."""
    return [
        Measure("anonymous memory", "bytes", (96 if sanitized else 6) * MIB),
        Measure("descriptors", "", 6),
        Measure("threads", "", 1),
        Measure("containers", "", 2, per_process=False),
        Measure("state folder", "bytes", 64 * MIB, per_process=False),
        Measure("run folder", "bytes", MIB, per_process=False),
        Measure("folder in memory", "bytes", MIB, per_process=False),
        Measure("log", "bytes", None, per_process=False),
    ]


def folder_bytes(path):
    total = 0
    for folder, _, files in os.walk(path or ""):
        for name in files:
            try:
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512
            except OSError:
                pass  # it went meanwhile
    return total


def status_field(pid, name):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return int(re.search(rf"^{name}:\s+(\d+)", file.read(), re.MULTILINE).group(1))


class Sample:
    def __init__(self, berth):
        pid = berth.pid
        self.time = time.monotonic()
        self.pid = pid
        self.values = {
            "anonymous memory": status_field(pid, "RssAnon") * 1024,
            "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
            "threads": status_field(pid, "Threads"),
            "containers": len(berth.containers()),
            "state folder": folder_bytes(berth.state_dir),
            "run folder": folder_bytes(berth.run_dir),
            "folder in memory": folder_bytes(berth.memory_dir()),
            "log": os.path.getsize(berth.log.path),
        }


def growth(samples, measure):
    """The typical growth per second: the median of the slopes between any two samples of one process (or of all, for what
    outlives it). None: there are too few."""
    slopes = [
        (later.values[measure.name] - earlier.values[measure.name]) / (later.time - earlier.time)
        for at, earlier in enumerate(samples)
        for later in samples[at + 1:]
        if later.pid == earlier.pid or not measure.per_process
    ]
    return statistics.median(slopes) if len(slopes) >= 3 else None


def seen_for(samples, measure):
    """The longest time in seconds for which one process was seen (or all, for what outlives it)."""
    groups = {sample.pid for sample in samples} if measure.per_process else {None}
    times = [[sample.time for sample in samples if pid in (None, sample.pid)] for pid in groups]
    return max(max(each) - min(each) for each in times)


def judge(samples, measure):
    """A verdict in a word or two, and whether it is a good one. Samples are those of a daemon at rest; the first third has
    to do with how much work comes at once at most, and is left out where enough remains."""
    settled = samples[len(samples) // 3:]
    judged = settled if len(settled) >= 4 else samples
    slope = growth(judged, measure)
    if measure.bound is None:
        return "not judged", True
    if slope is None:
        return "too few samples", False
    total = slope * seen_for(judged, measure)
    return ("flat", True) if total <= measure.bound else (f"GROWING by {measure.show(total)}", False)


def tell(samples, sanitized):
    """Lines of a table, and the names of what grows."""
    lines = [f"  {'at rest':<18} {'start':>12} {'middle':>12} {'end':>12} {'per hour':>12}  verdict"]
    growing = []
    for measure in measures(sanitized):
        word, is_good = judge(samples, measure)
        slope = growth(samples[len(samples) // 3:], measure)
        values = [measure.show(sample.values[measure.name]) for sample in (samples[0], samples[len(samples) // 2], samples[-1])]
        rate = "?" if slope is None else measure.show(slope * 3600)
        lines.append(f"  {measure.name:<18} " + " ".join(f"{value:>12}" for value in [*values, rate]) + f"  {word}")
        if not is_good:
            growing.append(f"{measure.name}: {word}")
    return lines, growing
