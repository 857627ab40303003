"""From the settings of POST /.berth/init to a handler that can be called."""
import os
import sys

from . import ahead, failure, output, request, respond, shape


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
    response of what it returns. request_class is what requests are made of. An ASGI application has a loop already,
    on which its lifespan has begun; else both are None, and dependencies says where a loop may be found.
    """

    def __init__(self, handle, is_async, encode, request_class):
        self.handle = handle
        self.is_async = is_async
        self.encode = encode
        self.request_class = request_class
        self.debug = False
        self.dependencies = None
        self.loop = None
        self.lifespan = None


def preload():
    """Loads what most functions need, in a prewarmed instance: before it is known which one it will serve."""
    import gc
    import importlib.util  # noqa: F401

    import starlette.requests
    import starlette.responses  # noqa: F401

    from . import asgi, events, threads  # noqa: F401

    output.show_all_levels()
    gc.collect()
    gc.freeze()


def load(settings):
    """Prepares the instance and loads the function. Raises LoadError."""
    prepare(settings)
    return load_prepared(settings)


def prepare(settings):
    """Makes environment, working directory and module path what the function is to find."""
    code, dependencies = settings["code"], settings.get("dependencies")
    set_environment(settings.get("environment") or {})
    enter_work(code, settings.get("work"))
    ahead.import_ahead(code)
    brought = brought_by(*(folder for folder in (code, dependencies) if folder not in sys.path))
    make_importable(path_of(code, dependencies, (settings.get("runtime") or {}).get("file")), brought)


def load_prepared(settings):
    """Loads the function of an instance that is prepared for it. Raises LoadError."""
    code = settings["code"]
    runtime = settings.get("runtime") or {}
    output.show_all_levels()
    try:
        module = import_entry(code, runtime)
    except (LoadError, Ending):
        raise
    except BaseException as error:
        where = failure.place(error, code)
        message = f"loading the function failed{' at ' if where else ''}{where} with {failure.summary(error)}"
        raise LoadError(message, failure.trace(error)) from None
    function = describe(module, runtime, settings)
    function.debug = bool(runtime.get("debug"))
    output.show_all_levels()
    return function


def enter_work(code, work):
    """Makes the working directory the current one, with links to what is in the code."""
    for name in os.listdir(code) if work else ():
        try:
            os.symlink(f"{code}/{name}", f"{work}/{name}")
        except FileExistsError:
            pass
    os.chdir(work or code)


def set_environment(environment):
    os.environ.update(environment)
    if "TZ" in environment:
        import time

        time.tzset()


def path_of(code, dependencies, file):
    """What comes before the system on the module path: the function's own files first, then its dependencies."""
    front = [code]
    folder = os.path.dirname(file or "")
    if folder:
        front.insert(0, os.path.join(code, folder))
    if dependencies:
        front.append(dependencies)
    return front


def make_importable(front, brought):
    """Puts folders in front of the module path, less those that libraries which were imported ahead have put there. In the
    others are the modules `brought`."""
    ahead.import_shadowed(brought)
    sys.path[:0] = [folder for folder in front if folder not in sys.path]
    forget_older_copies(brought)


def brought_by(*folders):
    """The top-level names of the modules that the function brings."""
    return {entry.partition(".")[0] for folder in folders if folder for entry in os.listdir(folder)}


def forget_older_copies(brought):
    """Drops the modules that were loaded ahead from the image when the function brings a copy of its own: the two
    must not be mixed."""
    if not any(name in sys.modules for name in brought):
        return
    ahead = {name: module for name, module in sys.modules.items()
             if "/dist-packages/" in (getattr(module, "__file__", None) or "")}
    tops = {name.partition(".")[0] for name in ahead}
    if tops & brought:
        for name in ahead:
            del sys.modules[name]


def import_entry(code, runtime):
    name = runtime.get("module")
    if name:
        import importlib

        return importlib.import_module(name)
    path = os.path.join(code, runtime["file"])
    name = runtime.get("name") or ""
    return import_member(code, path, name) if name else import_file(free_name(os.path.basename(path)[:-3]), path)


def free_name(name):
    """This name for a module, unless it is taken: a function may be called json."""
    return f"berth_function_{name}" if name in sys.modules or name in sys.stdlib_module_names else name


def import_member(code, path, name):
    """Imports the entry file as a module of the package that its folder is: `name` is the dotted name, which ends in
    the file's path below `code` and may begin with a name for `code` itself, which must hide no other module."""
    from importlib.machinery import PathFinder

    names = name.split(".")
    folders = [path]
    while len(folders) <= len(names):
        folders.append(os.path.dirname(folders[-1]))
    if os.path.basename(path) == "__init__.py":
        folders = folders[1:]
    names[0] = free_name(names[0])
    if folders[len(names) - 1] == code and PathFinder.find_spec(names[0]) is not None:
        names[0] = f"berth_function_{names[0]}"
    for depth in range(1, len(names)):
        import_package(".".join(names[:depth]), folders[len(names) - depth])
    if folders[0] != path:
        return import_package(".".join(names), folders[0])
    return import_file(".".join(names), path)


def import_package(name, folder):
    """Imports a folder as a package, with its __init__.py or without one."""
    from importlib.machinery import ModuleSpec
    from importlib.util import module_from_spec

    path = os.path.join(folder, "__init__.py")
    if os.path.isfile(path):
        return import_file(name, path, [folder])
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [folder]
    return enter(name, module_from_spec(spec))


def import_file(name, path, locations=None):
    """Imports a file under this name; with locations it is a package's."""
    from importlib.machinery import SourceFileLoader
    from importlib.util import module_from_spec, spec_from_file_location

    loader = SourceFileLoader(name, path)
    spec = spec_from_file_location(name, path, loader=loader, submodule_search_locations=locations)
    module = enter(name, module_from_spec(spec))
    loader.exec_module(module)
    return module


def enter(name, module):
    """Makes the module known under its name, and to its package."""
    sys.modules[name] = module
    package, _, child = name.rpartition(".")
    if package in sys.modules:
        setattr(sys.modules[package], child, module)
    return module


def describe(module, runtime, settings):
    """Finds the handler in the loaded module and makes a Function of it, by its shape."""
    where = os.path.basename(getattr(module, "__file__", None) or module.__name__)
    name, handle = find(module, runtime.get("attribute"))
    if handle is None:
        wanted = name or "handler (" + ", ".join(shape.NAMES) + ")"
        raise LoadError(f"{where} has no {wanted} after it was loaded")
    if not callable(handle):
        raise LoadError(f"{name} in {where} is a {type(handle).__name__} and cannot be called")
    kind = shape.shape_of(handle, name)
    if kind == shape.EVENT:
        return event_function(handle, settings)
    if kind == shape.ASGI:
        return asgi_function(handle, settings.get("dependencies"))
    if kind == shape.WSGI:
        return wsgi_function(handle)
    function = request_function(handle, encoder(module, runtime))
    function.dependencies = settings.get("dependencies")
    return function


def find(module, attribute):
    """(name, handler): the attribute, or without one the first of the usual names that a handler has."""
    if attribute:
        return attribute, attribute_of(module, attribute)
    views = views_of(module)
    for name in shape.NAMES:
        handle = getattr(module, name, None)
        if callable(handle) and not any(handle is view for view in views):
            return name, handle
    return attribute, None


def attribute_of(module, attribute):
    found = module
    for part in attribute.split("."):
        found = getattr(found, part, None)
    return found


def views_of(module):
    """The functions that an application of the module calls by itself: its views."""
    views = []
    for name in shape.APPLICATIONS:
        application = getattr(module, name, None)
        try:
            views += getattr(application, "view_functions", {}).values()
            views += [getattr(route, "endpoint", None) for route in getattr(application, "routes", ())]
        except (AttributeError, TypeError):
            pass  # an application of another kind
    return views


def encoder(module, runtime):
    """What makes responses, by handler_run_config."""
    config = getattr(module, "handler_run_config", None)
    serialized = runtime.get("is_return_serialized")
    if isinstance(config, dict) and "is_return_serialized" in config:
        serialized = config["is_return_serialized"]
    return respond.encode_as_json if serialized is False else respond.encode


def request_function(handle, encode):
    """handle(request)."""
    flags = shape.code_flags(handle)
    if flags & shape.CO_ASYNC_GENERATOR:
        handle = awaitable(handle)
    is_async = bool(flags & (shape.CO_COROUTINE | shape.CO_ASYNC_GENERATOR))
    return Function(handle, is_async, encode, request.request_class())


def event_function(handle, settings):
    """handler(event, context)."""
    from . import lambda_event

    known = lambda_event.Settings(settings)
    if shape.code_flags(handle) & shape.CO_COROUTINE:
        return Function(lambda_event.awaited(handle, known), True, lambda_event.respond, request.Core)
    return Function(lambda_event.plain(handle, known), False, lambda_event.respond, request.Core)


def wsgi_function(application):
    """app(environ, start_response)."""
    from . import wsgi_app

    return Function(wsgi_app.function_of(application), False, wsgi_app.respond, request.Core)


def asgi_function(application, dependencies):
    """app(scope, receive, send); returns when its lifespan has started."""
    import asyncio

    from . import asgi_app
    from .loop import make_loop

    mount = asgi_app.Mount(application)
    function = Function(mount, True, asgi_app.respond, request.Core)
    function.loop = make_loop(dependencies)
    function.lifespan = mount.lifespan
    asyncio.set_event_loop(function.loop)
    try:
        function.loop.run_until_complete(mount.lifespan.startup())
    except Ending:
        raise
    except BaseException as error:
        raise LoadError(f"starting the application failed with {failure.summary(error)}",
                        failure.trace(error)) from None
    return function


def awaitable(handle):
    async def call(request_):
        return handle(request_)

    return call
