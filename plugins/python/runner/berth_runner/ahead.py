"""Imports for a container that was not prewarmed: what the function is about to need is loaded while the host's init is
on its way, and without the parts that few functions use. On a cold start that halves the time for asyncio and
Starlette.

A part that is put off is a module whose first use loads the real one. It is seen by the modules that were imported
with it, never by the function: its own imports find the real one.
"""
import os
import sys
from types import ModuleType

CODE = "/berth/code"
FILES_LIMIT = 16
SIZE_LIMIT = 256 << 10

# What each import can do without until it is used, and what in a source means that it will be needed.
_PUT_OFF = {
    "asyncio": ("ssl", "asyncio.sslproto", "inspect"),
    "starlette.responses": ("anyio", "inspect"),
    "starlette.requests": ("anyio", "inspect"),
}
_NEEDED_BY = (
    ((b"async def ", b"import asyncio", b"from starlette", b"import starlette"), "asyncio"),
    ((b"from starlette", b"import starlette"), "starlette.responses"),
)
_looked_at = set()


class _Later(ModuleType):
    """A module that is loaded by its first use."""

    def __getattr__(self, name):
        from importlib import import_module

        own = self.__name__
        if sys.modules.get(own) is self:
            del sys.modules[own]
        return getattr(import_module(own), name)


def import_lightly(name):
    """Imports a module of _PUT_OFF."""
    if name in sys.modules:
        return
    put_off = [part for part in _PUT_OFF[name] if part not in sys.modules]
    for part in put_off:
        sys.modules[part] = _Later(part)
    try:
        __import__(name)
    finally:
        for part in put_off:
            later = sys.modules.get(part)
            if type(later) is _Later:
                del sys.modules[part]
                package, _, child = part.rpartition(".")
                if package in sys.modules:
                    setattr(sys.modules[package], child, later)


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
