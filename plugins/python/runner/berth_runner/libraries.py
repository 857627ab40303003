"""POST /.berth/prewarm: importing the libraries of a function ahead of its init.

What an import does that is not to be done ahead is found by comparing the process before and after it. The host removes an
instance with such effects and prewarms another one without the modules that have them.
"""
import gc
import os
import sys
import time
from importlib import import_module

from . import failure, loader
from .captured import Output, Secrets
from .effects import Situation
from .loads import Watch

WORK = "/work"
SETTLING_TRIES = 3
SETTLING_S = 0.003
EFFECT_MAX = 300


class Libraries:
    """What was imported ahead, and for whom."""

    def __init__(self, settings):
        """Raises ValueError when the settings are none."""
        self.dependencies = settings.get("dependencies")
        self._environment = settings.get("environment") or {}
        self._names = dict.fromkeys(_strings(settings.get("modules"), "modules"))
        self._secrets = _strings(settings.get("secret_names"), "secret_names")
        work = settings.get("work") or WORK
        self._work = work if os.path.isdir(work) else None
        self._ms = {}
        self._effects = []
        self._tops = set()

    def import_all(self):
        """Imports the modules in their order; gives the answer to the host."""
        self._enter()
        before = set(sys.modules)
        with Output() as self._output, Secrets(self._secrets) as self._secrets_asked, Watch(self._begin, self._end):
            for name in self._names:
                self._import(name)
        import_late_codecs()
        self._tops = {name.partition(".")[0] for name in set(sys.modules) - before}
        gc.collect()
        gc.freeze()
        return {"prewarmed": True, "modules": self._measured(), "effects": self._effects}

    def remaining(self, settings):
        """The settings of an init without the part of its environment that is set already: a library may have changed it,
        which holds as after any import. ValueError when they are none for this instance."""
        if settings.get("dependencies") != self.dependencies:
            raise ValueError(f"it was prewarmed for the dependencies {self.dependencies}, not {settings.get('dependencies')}")
        taken = sorted(loader.brought_by(settings["code"]) & self._tops)
        if taken:
            raise ValueError(f"it was prewarmed with another {taken[0]} than the function brings")
        environment = settings.get("environment") or {}
        left = {name: value for name, value in environment.items() if self._environment.get(name) != value}
        return {**settings, "environment": left}

    def _enter(self):
        loader.set_environment(self._environment)
        if self._work:
            os.chdir(self._work)
        brought = loader.brought_by(self.dependencies)
        loader.make_importable([self.dependencies] if self.dependencies else [], brought)

    def _import(self, name):
        try:
            import_module(name)
        except loader.Ending:
            raise
        except BaseException as error:
            self._add(name, f"cannot be imported ahead: {failure.summary(error)}")

    def _situation(self):
        return Situation(self._output.size(), self._secrets_asked.asked, self._work)

    def _begin(self, name):
        return (self._situation(), time.perf_counter()) if name in self._names and name not in sys.modules else None

    def _end(self, name, token):
        if token is None:
            return
        before, started = token
        self._ms[name] = (time.perf_counter() - started) * 1e3
        for effect in self._lasting_effects(before):
            self._add(name, effect)

    def _lasting_effects(self, before):
        """The effects, without what nobody holds any more and threads that are just ending."""
        found = self._situation().effects_since(before)
        for _ in range(SETTLING_TRIES):
            if not found:
                break
            gc.collect()
            time.sleep(SETTLING_S)
            found = self._situation().effects_since(before)
        return found

    def _add(self, name, effect):
        entry = {"module": name, "effect": effect[:EFFECT_MAX]}
        if entry not in self._effects:
            self._effects.append(entry)

    def _measured(self):
        return [{"name": name, "ms": round(self._ms.get(name, 0.0), 2)} for name in self._names if name in sys.modules]


def import_late_codecs():
    """Loads what the interpreter itself looks up when the name of a host is first used."""
    "localhost".encode("idna")


def _strings(value, name):
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ValueError(f"{name} is no list of strings")
    return value
