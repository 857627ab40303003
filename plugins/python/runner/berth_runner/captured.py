"""What is watched of the outside while libraries are imported ahead: output, and secrets that are asked for."""
import os
import sys

_FORWARDED_LIMIT = 32 << 10  # nobody may read the log before the function is known: more could not be written


class Output:
    """While it is entered, standard output and standard error go to memory, whoever writes; then to where they went."""

    def __enter__(self):
        self._memory = os.memfd_create("output")
        self._usual = [os.dup(number) for number in (1, 2)]
        for number in (1, 2):
            os.dup2(self._memory, number)
        return self

    def __exit__(self, *_):
        self.size()
        for number, usual in zip((1, 2), self._usual):
            os.dup2(usual, number)
            os.close(usual)
        text = os.pread(self._memory, _FORWARDED_LIMIT, 0)
        os.close(self._memory)
        while text:
            text = text[os.write(2, text):]

    def size(self):
        """Bytes written so far."""
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (AttributeError, OSError, ValueError):
                pass  # somebody has replaced or closed it
        return os.fstat(self._memory).st_size


class _Watched(dict):
    """The variables of the environment, which notes what is asked for of secrets."""

    secrets = frozenset()
    asked = ()

    def __getitem__(self, key):
        if key in self.secrets:
            self.asked.append(f"reads the secret {os.fsdecode(key)}")
        return super().__getitem__(key)

    def __iter__(self):
        self.asked.append("reads all variables, and with them secrets")
        return super().__iter__()


class Secrets:
    """While it is entered, `asked` says which variables with these names were asked for: their values come with the
    function."""

    def __init__(self, names):
        self.asked = []
        self._names = frozenset(os.fsencode(name) for name in names)

    def __enter__(self):
        self._usual = os.environ._data
        if self._names:
            watched = _Watched(self._usual)
            watched.secrets, watched.asked = self._names, self.asked
            os.environ._data = os.environb._data = watched
        return self

    def __exit__(self, *_):
        if self._names:
            now = dict(dict.items(os.environ._data))
            self._usual.clear()
            self._usual.update(now)
            os.environ._data = os.environb._data = self._usual
