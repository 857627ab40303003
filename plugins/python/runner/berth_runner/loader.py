"""From the settings of POST /.berth/init to a handler that can be called."""
import os
import sys

from . import failure, request, respond

CO_COROUTINE = 0x80
CO_ASYNC_GENERATOR = 0x200


class Ending(SystemExit):
    """SIGTERM came before there was a request to finish."""


class LoadError(Exception):
    """The function cannot be loaded; `trace` is the traceback of the user's code, or None."""

    def __init__(self, message, trace=None):
        super().__init__(message)
        self.trace = trace


class Function:
    """A loaded function.

    handle takes a request; is_async says whether it must be awaited, and so which engine serves it. encode makes a
    response of what it returns.
    """

    def __init__(self, handle, is_async, encode, debug):
        self.handle = handle
        self.is_async = is_async
        self.encode = encode
        self.debug = debug
        self.request_class = request.request_class()


def preload():
    """Loads what most functions need, in a prewarmed instance: before it is known which one it will serve."""
    import gc
    import importlib.util  # noqa: F401

    import starlette.requests
    import starlette.responses  # noqa: F401
    import tarfile  # noqa: F401

    from . import asgi, events, threads  # noqa: F401

    gc.collect()
    gc.freeze()


def load(settings, package):
    """Prepares the instance and loads the function. Raises LoadError."""
    code = settings["code"]
    if package:
        unpack(package, code)
    set_environment(settings.get("environment") or {})
    runtime = settings.get("runtime") or {}
    os.chdir(code)
    set_path(code, settings.get("dependencies"), runtime.get("file"))
    forget_older_copies(code, settings.get("dependencies"))
    try:
        module = import_entry(code, runtime)
    except (LoadError, Ending):
        raise
    except BaseException as error:
        raise LoadError(f"loading the function failed with {failure.summary(error)}", failure.trace(error)) from None
    return describe(module, runtime)


def set_environment(environment):
    os.environ.update(environment)
    if "TZ" in environment:
        import time

        time.tzset()


def set_path(code, dependencies, file):
    """The function's own files first, then its dependencies, then the system."""
    front = [code]
    folder = os.path.dirname(file or "")
    if folder:
        front.insert(0, os.path.join(code, folder))
    if dependencies:
        front.append(dependencies)
    sys.path[:0] = front


def forget_older_copies(*folders):
    """Drops the modules that were loaded ahead from the image when the function brings a copy of its own: the two
    must not be mixed."""
    ahead = {name: module for name, module in sys.modules.items()
             if "/dist-packages/" in (getattr(module, "__file__", None) or "")}
    tops = {name.partition(".")[0] for name in ahead}
    brought = {entry.partition(".")[0] for folder in folders if folder for entry in os.listdir(folder)}
    if tops & brought:
        for name in ahead:
            del sys.modules[name]


def import_entry(code, runtime):
    name = runtime.get("module")
    if name:
        import importlib

        return importlib.import_module(name)
    return import_file(os.path.join(code, runtime["file"]))


def import_file(path):
    """Imports a file under its own name, unless that name is taken: a function may be called json."""
    from importlib.machinery import SourceFileLoader
    from importlib.util import module_from_spec, spec_from_loader

    name = os.path.basename(path).removesuffix(".py")
    if name in sys.modules or name in sys.stdlib_module_names:
        name = f"berth_function_{name}"
    loader = SourceFileLoader(name, path)
    module = module_from_spec(spec_from_loader(name, loader))
    sys.modules[name] = module
    loader.exec_module(module)
    return module


def describe(module, runtime):
    """Finds the handler in the loaded module."""
    attribute = runtime.get("attribute") or "handle"
    handle = module
    for part in attribute.split("."):
        handle = getattr(handle, part, None)
    where = os.path.basename(getattr(module, "__file__", None) or module.__name__)
    if handle is None:
        raise LoadError(f"{where} has no {attribute} after it was loaded")
    if not callable(handle):
        raise LoadError(f"{attribute} in {where} is a {type(handle).__name__} and cannot be called")
    config = getattr(module, "handler_run_config", None)
    serialized = runtime.get("is_return_serialized")
    if isinstance(config, dict) and "is_return_serialized" in config:
        serialized = config["is_return_serialized"]
    encode = respond.encode_as_json if serialized is False else respond.encode
    flags = code_flags(handle)
    if flags & CO_ASYNC_GENERATOR:
        handle = awaitable(handle)
    is_async = bool(flags & (CO_COROUTINE | CO_ASYNC_GENERATOR))
    return Function(handle, is_async, encode, bool(runtime.get("debug")))


def code_flags(handle):
    """The flags of the code behind a function, a method, a partial or an object with __call__."""
    while hasattr(handle, "func") and not hasattr(handle, "__code__"):
        handle = handle.func
    function = getattr(handle, "__func__", handle)
    if not hasattr(function, "__code__"):
        function = getattr(type(handle), "__call__", None)
    code = getattr(function, "__code__", None)
    return code.co_flags if code else 0


def awaitable(handle):
    async def call(request_):
        return handle(request_)

    return call


def unpack(package, code):
    """Unpacks the tar of a package. Nothing leaves the folder."""
    import io
    import tarfile

    with tarfile.open(fileobj=io.BytesIO(package), mode="r:") as archive:
        for member in archive:
            path = os.path.normpath(os.path.join(code, member.name))
            if path != code and not path.startswith(code.rstrip("/") + "/"):
                raise LoadError(f"the package holds {member.name}, which lies outside of it")
            if member.isdir():
                os.makedirs(path, exist_ok=True)
            elif member.issym():
                os.makedirs(os.path.dirname(path), exist_ok=True)
                os.symlink(member.linkname, path)
            elif member.isfile():
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as out:
                    out.write(archive.extractfile(member).read())
                os.chmod(path, member.mode & 0o777)
