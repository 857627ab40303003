"""Imports for a container that was not prewarmed: what the function is about to need is loaded while the host's init is
on its way, and without the parts that few functions use. On a cold start that halves the time for asyncio
and Starlette.

A part that is put off is given to whoever imports it as an object whose first use loads the real module. Only the
interpreter's own asyncio and the image's Starlette are given such objects, whose sources are known: imports are told
apart by who makes them, and sys.modules never holds anything but real modules. So nobody else can meet one, not the
function, nor a dependency, nor another copy of Starlette.
"""
import builtins
import os
import sys
from _thread import RLock
from types import SimpleNamespace

CODE = "/berth/code"
FILES_LIMIT = 16
SIZE_LIMIT = 256 << 10
_SYSTEM = f"{sys.prefix}/lib/python3"  # the interpreter's modules and the image's begin with this


class _Later:
    """In place of a module that is loaded by its first use; what `known` holds can be had before."""

    def __init__(self, name, known):
        self.__name__ = name
        self.__dict__.update(known)

    def __getattr__(self, name):
        from importlib import import_module

        return getattr(import_module(self.__name__), name)


class _With:
    """A package together with parts of it that are put off."""

    def __init__(self, package, parts):
        self._package = package
        self.__dict__.update(parts)

    def __getattr__(self, name):
        return getattr(self._package, name)


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
    "anyio.to_thread": {},
    "email.utils": _objects("email.utils", "format_datetime", "formatdate"),
    "hashlib": {},
    "http": {},
    "http.cookies": {"Morsel": SimpleNamespace(_reserved={})},  # Starlette enters "samesite", which is there
    "inspect": {},
    "ipaddress": {},
    "mimetypes": _objects("mimetypes", "guess_type"),
    "python_multipart": {},
    "python_multipart.multipart": _objects("python_multipart.multipart", "parse_options_header"),
    "secrets": _objects("secrets", "token_hex"),
    "shlex": _objects("shlex", "shlex"),
    "starlette._compat": _objects("starlette._compat", "md5_hexdigest"),  # hashlib brings OpenSSL
}
_PUT_OFF = {"asyncio": _ASYNCIO, "starlette.responses": _STARLETTE, "starlette.requests": _STARLETTE}
_LIGHT = ("asyncio", "starlette")  # the packages that are given parts put off
_NEEDED_BY = (
    ((b"async def ", b"import asyncio", b"from asyncio", b"from starlette", b"import starlette"), "asyncio"),
    ((b"from starlette", b"import starlette"), "starlette.responses"),
    ((b"import logging", b"from logging"), "logging"),
)
_looked_at = set()
_put_off = set()  # names of what some import did without
_lock = RLock()


def import_lightly(name):
    """Imports a module; one of _PUT_OFF lightly if it is the interpreter's or the image's own."""
    if name in sys.modules:
        return
    with _lock:
        parts = {part: _Later(part, known) for part, known in _PUT_OFF.get(name, {}).items() if part not in sys.modules}
        for part, later in parts.items():
            package, _, child = part.rpartition(".")
            if package in parts:
                setattr(parts[package], child, later)
        _put_off.update(parts)
        usual = builtins.__import__
        builtins.__import__ = light = _light_import(usual, parts)
        try:
            __import__(name)
        finally:
            if builtins.__import__ is light:
                builtins.__import__ = usual
        _complete_on_demand(parts)


def _light_import(usual, parts):
    """An __import__ that gives `parts` to the modules of _LIGHT, and to all others what `usual` gives."""
    def light_import(name, globals=None, locals=None, fromlist=(), level=0):
        if not globals or not _is_light(globals):
            return usual(name, globals, locals, fromlist, level)
        whole = _absolute(name, globals.get("__package__") or "", level)
        if not fromlist:
            top = whole.partition(".")[0]
            found = parts.get(top) if whole in parts else None
            return usual(name, globals, locals, fromlist, level) if found is None else found
        if whole in parts and "*" not in fromlist:
            return parts[whole]
        children = {child: parts[f"{whole}.{child}"] for child in fromlist if f"{whole}.{child}" in parts}
        others = tuple(child for child in fromlist if child not in children)
        found = usual(name, globals, locals, others or ("__name__",), level)
        return _With(found, children) if children else found

    return light_import


def _is_light(importer):
    """Whether the module with these globals is of _LIGHT, and neither the function's nor a dependency's."""
    return ((importer.get("__name__") or "").partition(".")[0] in _LIGHT
            and (importer.get("__file__") or "").startswith(_SYSTEM))


def _absolute(name, package, level):
    for _ in range(level - 1):
        package = package.rpartition(".")[0]
    return name if level == 0 else f"{package}.{name}".rstrip(".")


def _complete_on_demand(parts):
    """Makes the packages that were imported without some of their own modules load those when they are asked for."""
    for name in _LIGHT:
        package = sys.modules.get(name)
        missing = {part.rpartition(".")[2] for part in parts if part.rpartition(".")[0] == name}
        if package is not None and missing and _is_light(package.__dict__) and not hasattr(package, "__getattr__"):
            package.__getattr__ = _loader_of(name, missing)


def _loader_of(package, missing):
    def load(name):
        if name not in missing:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module

        return import_module(f"{package}.{name}")

    return load


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
        entries = os.listdir(code)
        names = [name for name in entries if name.endswith(".py")][:FILES_LIMIT]
        if names:
            _looked_at.add(code)
        text = b"".join([_beginning(os.path.join(code, name)) for name in names])
    except OSError:
        return
    for words, name in _NEEDED_BY:
        if any(word in text for word in words) and (name in _PUT_OFF or not {name, f"{name}.py"} & set(entries)):
            try:
                import_lightly(name)
            except ImportError:
                pass  # the function will tell what it misses


def _beginning(path):
    with open(path, "rb") as file:
        return file.read(SIZE_LIMIT)
