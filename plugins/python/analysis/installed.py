"""The installed dependencies: which modules they bring."""
import os

from .requirements import normalise
from .sources import read_plain

_ENDS = (".py", ".pyc", ".so")
_RECORD_LIMIT = 4 << 20  # bytes of a distribution's list of files


class Installed:
    """The modules in the folder that dependencies were installed in, which is all that is searched for them: nothing
    of it is run, and its .pth files are not read."""

    def __init__(self, folder):
        self._folder = folder
        self._listings = {}
        self._top = os.listdir(folder)

    def missing(self, name):
        """The part of a module's dotted name that is not there, or None. What a package makes of its own members cannot
        be seen, so a name is followed only through folders that no __init__ makes one of."""
        folder = self._folder
        parts = name.split(".")
        for count, part in enumerate(parts, 1):
            below = os.path.join(folder, part)
            if part in self._modules(folder) or "__init__" in self._modules(below):
                return None
            if not os.path.isdir(below):
                return ".".join(parts[:count])
            folder = below
        return None

    def names(self):
        """The modules and packages at the top."""
        packages = {entry for entry in self._top
                    if entry.isidentifier() and "__init__" in self._modules(os.path.join(self._folder, entry))}
        return packages | self._modules(self._folder)

    def brought_by(self, distribution):
        """The modules at the top that a distribution (its normalised name) brings, sorted."""
        for entry in self._top:
            name = entry.removesuffix(".dist-info").rpartition("-")[0]
            if entry.endswith(".dist-info") and normalise(name) == distribution:
                return sorted(self._recorded(entry) & self.names())
        return []

    def _recorded(self, entry):
        """The first parts of the paths that a distribution's RECORD lists, without the ends of files."""
        try:
            data = read_plain(os.path.join(self._folder, entry, "RECORD"), _RECORD_LIMIT)
        except OSError:
            return set()
        paths = (line.partition(",")[0] for line in data.decode("utf-8", "replace").splitlines())
        return {path.partition("/")[0].partition(".")[0] for path in paths}

    def _modules(self, folder):
        """The modules that are files of a folder; none when there is no such folder."""
        if folder not in self._listings:
            try:
                entries = os.listdir(folder)
            except OSError:
                entries = []
            self._listings[folder] = {entry.partition(".")[0] for entry in entries if entry.endswith(_ENDS)}
        return self._listings[folder]


def installed_in(folder):
    """The dependencies in a folder; None: they are not there, or not any more."""
    try:
        return Installed(folder) if folder else None
    except OSError:
        return None
