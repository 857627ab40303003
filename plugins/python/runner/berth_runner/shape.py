"""What kind of handler a callable is, told from its parameters.

    handle(request)                    REQUEST
    handler(event, context)            EVENT, as API Gateway calls it
    app(scope, receive, send)          ASGI
    app(environ, start_response)       WSGI
"""
from types import FunctionType

REQUEST, EVENT, ASGI, WSGI = "request", "event", "asgi", "wsgi"

# The names that are looked for, in this order, when nobody names one.
NAMES = ("handle", "handler", "lambda_handler", "app", "application")
APPLICATIONS = ("app", "application")

CO_VARARGS = 0x04
CO_COROUTINE = 0x80
CO_ASYNC_GENERATOR = 0x200


def shape_of(handle, name):
    """The shape of a callable that was found under this name."""
    names = _required(handle)
    if not names:  # *args: only the name tells
        if name == "lambda_handler":
            return EVENT
        if name in APPLICATIONS:
            return ASGI if code_flags(handle) & CO_COROUTINE else WSGI
        return REQUEST
    if len(names) == 3:
        return ASGI
    if len(names) == 2:
        return WSGI if names[1] == "start_response" or name in APPLICATIONS else EVENT
    return REQUEST


def _required(handle):
    """The names of the positional parameters that a call must fill; empty when nothing can be told."""
    if type(handle) is FunctionType and "__wrapped__" not in handle.__dict__:
        code = handle.__code__
        return code.co_varnames[:code.co_argcount - len(handle.__defaults__ or ())]
    import inspect  # not for plain functions: it is slow to load

    try:
        parameters = inspect.signature(handle).parameters.values()
    except (TypeError, ValueError):
        return ()
    return [parameter.name for parameter in parameters
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
            and parameter.default is parameter.empty]


def code_flags(handle):
    """The flags of the code behind a function, a method, a partial or an object with __call__."""
    while hasattr(handle, "func") and not hasattr(handle, "__code__"):
        handle = handle.func
    function = getattr(handle, "__func__", handle)
    if not hasattr(function, "__code__"):
        function = getattr(type(handle), "__call__", None)
    code = getattr(function, "__code__", None)
    return code.co_flags if code else 0
