"""Imports for a container that was not prewarmed: what the function is about to need is loaded while the host's init is
on its way, and without the parts that few functions use. On a cold start that halves the time for asyncio
and Starlette.

A part that is put off is a module whose first use loads the real one. It is seen by the modules that were imported
with it, never by the function: its own imports find the real one.
"""
import os
import sys
from types import ModuleType, SimpleNamespace

CODE = "/berth/code"
FILES_LIMIT = 16
SIZE_LIMIT = 256 << 10


class _Later(ModuleType):
    """A module that is loaded by its first use; what `known` holds can be had before."""

    def __init__(self, name, known):
        super().__init__(name)
        self.__dict__.update(known)

    def __getattr__(self, name):
        if name.startswith("__"):  # the import system's own questions
            raise AttributeError(name)
        from importlib import import_module

        own = self.__name__
        if sys.modules.get(own) is self:
            del sys.modules[own]
        return getattr(import_module(own), name)


class _LaterObject:
    """An object of a module that is loaded by its first use."""

    def __init__(self, module, name):
        self._module = module
        self._name = name

    def _real(self):
        from importlib import import_module

        return getattr(import_module(self._module), self._name)

    def __getattr__(self, name):
        return getattr(self._real(), name)

    def __call__(self, *args, **kwargs):
        return self._real()(*args, **kwargs)


class _LaterLogger(_LaterObject):
    """A logger. As long as nothing has loaded logging, nothing can have asked for debug lines."""

    def debug(self, *args, **kwargs):
        if "logging" in sys.modules:
            self._real().debug(*args, **kwargs)


def _objects(module, *names):
    return {name: _LaterObject(module, name) for name in names}


# What each import can do without until it is used, with what is asked of it at once; and what in a source means that
# it will be needed.
_ASYNCIO = {
    "ssl": {},
    "asyncio.sslproto": {},
    "asyncio.log": {"logger": _LaterLogger("asyncio.log", "logger")},
    "concurrent": {},
    "concurrent.futures": {name: name for name in ("FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED")},
    "inspect": {},
    "linecache": {},
    "logging": {"DEBUG": 10},
    "subprocess": {"PIPE": -1, "STDOUT": -2, "DEVNULL": -3},
    "traceback": _objects("traceback", "extract_stack"),
}
_STARLETTE = {
    "anyio": {},
    "email.utils": _objects("email.utils", "format_datetime", "formatdate"),
    "http": {},
    "http.cookies": {"Morsel": SimpleNamespace(_reserved={})},  # Starlette enters "samesite", which is there
    "inspect": {},
    "ipaddress": {},
    "mimetypes": _objects("mimetypes", "guess_type"),
    "shlex": _objects("shlex", "shlex"),
    "starlette._compat": _objects("starlette._compat", "md5_hexdigest"),  # hashlib brings OpenSSL
}
_PUT_OFF = {"asyncio": _ASYNCIO, "starlette.responses": _STARLETTE, "starlette.requests": _STARLETTE}
_NEEDED_BY = (
    ((b"async def ", b"import asyncio", b"from starlette", b"import starlette"), "asyncio"),
    ((b"from starlette", b"import starlette"), "starlette.responses"),
)
_looked_at = set()
_put_off = set()  # names of what some import did without


def import_lightly(name):
    """Imports a module of _PUT_OFF."""
    if name in sys.modules:
        return
    put_off = {part: _Later(part, known) for part, known in _PUT_OFF[name].items() if part not in sys.modules}
    sys.modules.update(put_off)
    _put_off.update(put_off)
    for part, later in put_off.items():
        package, _, child = part.rpartition(".")
        if package in put_off:
            setattr(put_off[package], child, later)
    try:
        __import__(name)
    finally:
        for part, later in put_off.items():
            if sys.modules.get(part) is later:
                del sys.modules[part]
                package, _, child = part.rpartition(".")
                if package in sys.modules and not hasattr(sys.modules[package], child):
                    setattr(sys.modules[package], child, later)


def import_shadowed(names):
    """Loads what was put off and will not be found once the function's own modules of these names come first."""
    from importlib import import_module

    for part in sorted(_put_off):
        if part.partition(".")[0] in names:
            try:
                import_module(part)
            except ImportError:
                pass  # its first use will tell


def import_ahead(code=CODE):
    """Imports what the sources in a function's folder speak of. Only a guess: nothing depends on it."""
    if code in _looked_at:
        return
    try:
        names = [name for name in os.listdir(code) if name.endswith(".py")][:FILES_LIMIT]
        if names:
            _looked_at.add(code)
        text = b"".join([_beginning(os.path.join(code, name)) for name in names])
    except OSError:
        return
    for words, name in _NEEDED_BY:
        if any(word in text for word in words):
            try:
                import_lightly(name)
            except ImportError:
                pass  # the function will tell what it misses


def _beginning(path):
    with open(path, "rb") as file:
        return file.read(SIZE_LIMIT)
