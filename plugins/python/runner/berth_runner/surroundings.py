"""What an import may depend on apart from the files: the environment, the module path, the working directory, import
hooks, and what other modules hold. When the function's own code has changed any of it, the imports that follow may come
to something else than they would have before.
"""
import builtins
import os
import sys
from types import BuiltinFunctionType, FunctionType, ModuleType

_KINDS = (FunctionType, BuiltinFunctionType, type)
_MISSING = object()


def contents(module):
    """The dictionary of a module, which a lazy one does not notice; {} for what is none."""
    return object.__getattribute__(module, "__dict__") if issubclass(type(module), ModuleType) else {}


class Surroundings:
    """As they are now. `own` knows the function's own files (recording.Own)."""

    def __init__(self, own):
        self._state = _state(own)
        self._modules = dict(sys.modules)
        self._held = {name: _functions_and_classes(module)
                      for name, module in self._modules.items() if not own.has(name)}

    def are_the_same(self, own):
        return self._state == _state(own) and self._modules_are_the_same(own) and not self._is_patched()

    def _modules_are_the_same(self, own):
        """No module was exchanged, taken away, or put in under a name that is not its own."""
        for name, module in self._modules.items():
            if sys.modules.get(name, _MISSING) is not module:
                return False
        return all(contents(module).get("__name__", name) == name for name, module in sys.modules.copy().items()
                   if name not in self._modules and not own.has(name))

    def _is_patched(self):
        """Whether a function or a class of a module was replaced by something else: who took it before keeps the old one."""
        for name, held in self._held.items():
            now = contents(self._modules[name])
            for key, value in held:
                if now.get(key, value) is not value:
                    return True
        return False


def _functions_and_classes(module):
    """Their names with them. An object is not asked what it is: it may be one that is made by the first question."""
    return [(key, value) for key, value in contents(module).copy().items() if issubclass(type(value), _KINDS)]


def _state(own):
    return (dict(os.environ._data), own.foreign_path(), list(sys.meta_path), list(sys.path_hooks), os.getcwd(),
            builtins.__import__, list(sys.argv), sys.stdout, sys.stderr, _disabled_loggers())


def _disabled_loggers():
    """By name: a configuration of logging disables those that there are, and so not those of libraries that come later."""
    logging = sys.modules.get("logging")
    loggers = logging.root.manager.loggerDict if logging else {}
    return {name for name, logger in loggers.copy().items() if getattr(logger, "disabled", False)}
