"""What is done while a function is loaded that an import which comes ahead could not do: write to the function's log, and read
its files."""
import builtins
import io
import os
import sys

from .surroundings import contents


class Deeds:
    """Counts, between start() and stop(), what is written to standard output and standard error, and what is opened for
    whose path, without links, is_own() holds."""

    def __init__(self, is_own):
        self.count = 0
        self._is_over = False
        self._is_own = is_own
        self._open = io.open
        self._opening = _Opening(self)
        self._streams = [stream for stream in (sys.stdout, sys.stderr) if "write" not in vars(stream)]

    def start(self):
        for stream in self._streams:
            stream.write = self._counting(stream.write)
        builtins.open = io.open = self._opening

    def stop(self, names):
        """Ends the counting. Modules with these names may have kept a function that counts; what has kept one elsewhere
        goes on with that."""
        self._is_over = True
        for stream in self._streams:
            vars(stream).pop("write", None)
        for held in (vars(builtins), vars(io), *(contents(sys.modules.get(name)) for name in names)):
            for key, value in held.copy().items():
                if value is self._opening:
                    held[key] = self._open

    def open(self, file, *args, **kwargs):
        opened = self._open(file, *args, **kwargs)
        if not self._is_over and not isinstance(file, int) and self._is_own(os.fsdecode(os.path.realpath(file))):
            self.count += 1
        return opened

    def _counting(self, write):
        def counting(text):
            self.count += 1
            return write(text)

        return counting


class _Opening:
    """In place of open(). Unlike a function it becomes no method where a class holds it, as open() does not."""

    def __init__(self, deeds):
        self._deeds = deeds
        self.__name__ = "open"

    def __call__(self, *args, **kwargs):
        return self._deeds.open(*args, **kwargs)
