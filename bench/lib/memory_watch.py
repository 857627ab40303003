"""What a daemon's containers take of memory over time, prewarmed ones and those of functions apart."""
import threading

from lib import engine

EVERY_S = 0.5


class MemoryWatch:
    """A context manager with a thread of its own. samples: [{"prewarmed", "functions"}], in bytes."""

    def __init__(self, folder):
        self.folder = folder
        self.samples = []
        self.places = {}  # container: where its memory is told; None once it has gone
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()

    def run(self):
        while not self.stopping.wait(EVERY_S):
            self.samples.append(look(self.folder, self.places))

    def mebibytes(self, *whose):
        """[MiB] over time of these together."""
        return [sum(sample[who] for who in whose) / 2 ** 20 for sample in self.samples]


def look(folder, places):
    """Once. A prewarmed container's name says so."""
    found = {"prewarmed": 0, "functions": 0}
    for container in engine.containers_below(folder):
        if container["State"] != "running":
            continue
        identity = container["Id"]
        if identity not in places:
            places[identity] = engine.memory_place(identity)
        is_prewarmed = any(name.startswith("/berth.") for name in container["Names"])
        found["prewarmed" if is_prewarmed else "functions"] += engine.memory_at(places[identity]) or 0
    return found
