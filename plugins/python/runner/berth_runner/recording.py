"""Loading a function while noting which modules it imports: those are what can be imported ahead of its next load.

Listed are the outermost imports: what a file of the function imports, or a library at work, but not what those modules
import in turn. Nothing is listed that might come to something else when it is imported before the function's own code
has run: see docs/python.md, "Libraries that are imported ahead".
"""
import os
import sys
from _thread import get_ident
from time import perf_counter

from . import loader
from .deeds import Deeds
from .effects import known_effect
from .late import late_modules
from .loads import Watch, can_be_watched
from .surroundings import Surroundings

MODULES_MAX = 512  # of what the protocol allows
NAME_MAX = 256
SECRETS = ("/run/secrets", "/var/openfaas/secrets")


def load(settings):
    """loader.load(), and the modules: [{"name", "ms"}], in the order in which they were imported."""
    loader.preload()  # what every prewarmed instance has anyway is not to be listed
    loader.prepare(settings)
    if not can_be_watched():
        return loader.load_prepared(settings), []
    recorder = Recorder(Own(settings))
    with recorder:
        function = loader.load_prepared(settings)
    return function, recorder.modules()


class Own:
    """The function's own modules: which names they have, and where they are found."""

    def __init__(self, settings):
        runtime = settings.get("runtime") or {}
        self._code = settings["code"]
        self._roots = [os.path.realpath(folder) for folder in (self._code, settings.get("work")) if folder]
        self._folders = []
        self._path = []
        self._entry = runtime.get("module")  # one of the dependencies' modules, with the handler in it
        self.names = {(runtime.get("name") or "").partition(".")[0]} - {""}
        for folder in {self._code, os.path.join(self._code, os.path.dirname(runtime.get("file") or ""))}:
            self._add(folder)

    def has(self, name):
        top = name.partition(".")[0]
        return top in self.names or name == self._entry or top.startswith("berth_function_")

    def holds(self, path):
        """Whether a path, without links, lies in a folder of the function."""
        return any(f"{path}/".startswith(f"{root}/") for root in self._roots)

    def has_file(self, path):
        """Whether a file with this path, without links, is there only once the function is known: one of its own, or a
        secret."""
        return self.holds(path) or path.startswith(tuple(f"{folder}/" for folder in SECRETS))

    def follow_path(self):
        """Notes folders of the function that its code has put on the module path."""
        if sys.path != self._path:
            self.foreign_path()

    def foreign_path(self):
        """The module path without the folders of the function, however they are written. Ones that are new are noted."""
        self._path = sys.path.copy()
        foreign = []
        for entry in sys.path:
            real = os.path.realpath(entry)
            if not self.holds(real):
                foreign.append(entry)
            elif real not in self._folders:
                self._add(real)
        return foreign

    def shadowed(self, names):
        """Those of the names that a file of the function and something else have."""
        from importlib.machinery import PathFinder

        path = self.foreign_path()
        return {name for name in names & self.names
                if name in sys.stdlib_module_names or PathFinder.find_spec(name, path) is not None}

    def _add(self, folder):
        self._folders.append(os.path.realpath(folder))
        try:
            self.names |= loader.brought_by(folder)
        except OSError:
            pass  # nothing can be imported from there


class Recorder:
    """Notes the outermost imports while it is entered, on the thread that has entered it."""

    def __init__(self, own):
        self._own = own
        self._thread = get_ident()
        self._watch = Watch(self._begin, self._end)
        self._deeds = Deeds(own.has_file)
        self._hidden = {}
        self._before = set(sys.modules)
        self._brought = set()    # what is in sys.modules because of an import that is noted, or must not be
        self._modules = []
        self._depth = 0
        self._is_over = False    # from here on nothing can be told
        self._is_safe = True
        self._surroundings = self._loaded = self._done = self._started = None

    def __enter__(self):
        self._deeds.start()
        self._watch.__enter__()
        self._surroundings = Surroundings(self._own)
        return self

    def __exit__(self, *_):
        is_unchanged = self._may_go_on()
        self._watch.__exit__()
        self._deeds.stop(sys.modules.keys() - self._before)
        if is_unchanged:
            self._take_the_rest()
            self._modules += [(name, 0.0) for name in late_modules(sys.modules.keys() - self._before)]

    def modules(self):
        """What was noted; [] when importing it ahead could be noticed."""
        if not self._is_safe or self._own.shadowed(set(sys.modules) - self._before):
            return []
        return [{"name": name, "ms": round(ms, 2)} for name, ms in self._modules if _can_be_told(name)][:MODULES_MAX]

    def _begin(self, name):
        if name in self._hidden:
            self._show()
        if self._is_over or get_ident() != self._thread:
            return False
        if self._depth == 0:
            self._own.follow_path()
        if self._own.has(name):
            if self._depth:
                self._is_safe = False  # a library that imports the function's files
            return False
        if name in sys.modules or self._depth == 0 and not self._may_go_on():
            return False
        self._depth += 1
        if self._depth == 1:
            self._hide()
            self._loaded, self._done, self._started = set(sys.modules), self._deeds.count, perf_counter()
        return True

    def _end(self, name, counts):
        if not counts:
            return
        self._depth -= 1
        if self._depth == 0:
            ms = (perf_counter() - self._started) * 1e3
            self._show()
            new = set(sys.modules) - self._loaded
            self._brought |= new
            if name in sys.modules and self._deeds.count == self._done and not any(map(known_effect, {name, *new})):
                self._modules.append((name, ms))
            elif not self._surroundings.are_the_same(self._own):
                self._end_here()  # what comes next is to find what this one has changed
            self._surroundings = Surroundings(self._own)

    def _hide(self):
        """Hides the function's modules from a library that is imported, which would else find them without looking."""
        self._hidden = {name: module for name, module in sys.modules.copy().items() if self._own.has(name)}
        for name in self._hidden:
            del sys.modules[name]

    def _show(self):
        for name, module in self._hidden.items():
            sys.modules.setdefault(name, module)
        self._hidden = {}

    def _may_go_on(self):
        """Whether the function's own code has left everything as the imports so far have made it."""
        if not self._is_over and not self._surroundings.are_the_same(self._own):
            self._end_here()
        return not self._is_over

    def _end_here(self):
        self._take_the_rest()
        self._is_over = True

    def _take_the_rest(self):
        """Notes modules that were loaded in another way: by another thread, or by a loader of a library's own."""
        for name, module in sys.modules.copy().items():
            if name in self._before or name in self._brought or self._own.has(name):
                continue
            spec = vars(module).get("__spec__") if type(module) is type(sys) else None
            if spec is not None and spec.name == name and spec.has_location and not getattr(spec, "_initializing", False):
                self._brought.add(name)
                self._modules.append((name, 0.0))


def _can_be_told(name):
    return name.isprintable() and len(name.encode()) <= NAME_MAX
