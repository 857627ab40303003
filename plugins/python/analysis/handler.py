"""Which handler a file has, and whether it is one that the runner can call."""
import ast

from .advice import PARAMETERS, report_missing
from .bindings import FUNCTIONS, bindings, is_main_guard, required_parameters
from .choice import LITERALS, attribute_of, candidates, is_out, tell_choice
from .config import check_config
from .entry import HANDLERS

_AWAITED = {"json": "get_json()", "body": "get_data()", "form": None, "stream": None}
# How the runtime calls a handler of each shape, and a definition that can be called so.
_CALLS = {
    "request": ("request", "def {}(request):"),
    "event": ("event, context", "def {}(event, context):"),
    "wsgi": ("environ, start_response", "def {}(environ, start_response):"),
    "asgi": ("scope, receive, send", "async def {}(scope, receive, send):"),
}
# The shapes that a name may have, by how many arguments the handler needs. `handle` always gets the request.
_SHAPES = {
    "handle": {1: "request"},
    "app": {1: "request", 2: "wsgi", 3: "asgi"},
    "application": {1: "request", 2: "wsgi", 3: "asgi"},
}
_ANY_SHAPE = {1: "request", 2: "event", 3: "asgi"}


def check_handler(findings, source, attribute):
    """Looks at the module that should hold the handler; attribute None: any of HANDLERS."""
    bound, star = bindings(source.tree)
    check_config(findings, source, bound)
    named = attribute is not None
    wanted = (attribute,) if named else HANDLERS
    if not named:
        tell_choice(findings, source, candidates(source.tree, bound), bound)
        attribute = attribute_of(source) or HANDLERS[0]
    name = attribute.partition(".")[0]
    if name not in bound or (not named and is_out(name, bound)):
        if not star and not _has_module_getattr(bound):
            report_missing(findings, source, [name.partition(".")[0] for name in wanted], bound)
        return
    if name != attribute:
        return
    places = bound[name]
    _check_duplicates(findings, source, name, places)
    _check_value(findings, source, name, places[-1], bound, _SHAPES.get(name, _ANY_SHAPE))


def _has_module_getattr(bound):
    return "__getattr__" in bound


def _check_duplicates(findings, source, name, places):
    """Two plain definitions one after the other: only the last counts."""
    body = source.tree.body
    plain = [place.node for place in places if isinstance(place.node, FUNCTIONS) and place.node in body
             and not place.node.decorator_list]
    for node in plain[:-1]:
        findings.warning_at(source.path, node, f"`{name}` is defined again in line {plain[-1].lineno}; this one is "
                            "never called", "remove one of them")


def _check_value(findings, source, name, place, bound, shapes, depth=0):
    value = place.value
    if isinstance(value, FUNCTIONS):
        if value.decorator_list or _check_parameters(findings, source, value, value.name, value.args, shapes):
            _check_body(findings, source, value)
    elif isinstance(value, ast.Lambda):
        _check_parameters(findings, source, value, name, value.args, shapes)
    elif isinstance(value, ast.ClassDef):
        findings.error_at(source.path, value, f"`{name}` is a class, not a function",
                          f"write `async def {name}(request):`")
    elif isinstance(value, LITERALS):
        findings.error_at(source.path, place.node, f"`{name}` is {_described(value)}, not a function",
                          f"write `async def {name}(request):`")
    elif isinstance(value, ast.Name) and value.id in bound and depth < 8:
        _check_value(findings, source, value.id, bound[value.id][-1], bound, shapes, depth + 1)


def _described(value):
    if isinstance(value, ast.Constant):
        return "None" if value.value is None else f"a {type(value.value).__name__}"
    names = {"List": "a list", "Dict": "a dict", "Set": "a set", "Tuple": "a tuple", "JoinedStr": "a str",
             "ListComp": "a list", "DictComp": "a dict", "SetComp": "a set"}
    return names.get(type(value).__name__, "the result of an expression")


def _check_parameters(findings, source, node, name, args, shapes):
    """Whether the runtime can call it with positional arguments. Gives whether it gets the request."""
    positional = args.posonlyargs + args.args
    needed = [arg.arg for arg in positional[:len(positional) - len(args.defaults)]]
    shape = shapes.get(len(needed), "request" if not needed and (positional or args.vararg) else None)
    given, definition = _CALLS[shape or ("event" if shapes is _ANY_SHAPE and needed else "request")]
    call = f"the runtime calls `{name}({given})`"
    if shape is None and not needed:
        findings.error_at(source.path, node, f"`{name}` takes no argument; {call}", f"write `def {name}(request):`")
    elif shape is None or needed[:1] in (["self"], ["cls"]):
        hint = f"write `{definition.format(name)}`"
        if needed[0] in ("self", "cls"):
            hint = f"a function of a module has no `{needed[0]}`; " + hint
        elif needed == ["event", "context"]:
            hint = f"rename it to `lambda_handler`: `{name}` gets the request, with `await request.json()` for its body"
        findings.error_at(source.path, positional[1], f"`{name}` needs {len(needed)} arguments "
                          f"({', '.join(needed)}); {call}", hint)
    elif shape == "event" and needed == ["context", "event"]:
        findings.error_at(source.path, positional[0], f"`{name}` takes (context, event); {call}",
                          f"write `def {name}(event, context):`, with the body in `event[\"body\"]`")
    elif shape == "asgi" and not isinstance(node, (ast.AsyncFunctionDef, ast.Lambda)):
        findings.error_at(source.path, node, f"`{name}` is not async; {call} and awaits it",
                          f"write `{definition.format(name)}`")
    elif name == "main" and len(needed) == 1 and needed[0] in PARAMETERS:
        findings.warning_at(source.path, positional[0], f"`{name}` gets the request, not a dict of parameters; {call}",
                            "`{**request.query_params, **(request.get_json() if request.get_data() else {})}` is one")
    elif needed == ["event"]:
        findings.warning_at(source.path, positional[0], f"`{name}` gets the request, not an event; {call}",
                            f"write `def {name}(event, context):` for events")
    for arg, default in zip(args.kwonlyargs, args.kw_defaults):
        if default is None:
            findings.error_at(source.path, arg, f"`{name}` needs the keyword argument `{arg.arg}`; {call}",
                              f"give `{arg.arg}` a default")
    return shape == "request"


def _check_body(findings, source, function):
    """What goes wrong at every call: bodies that are not awaited, sleep that blocks the loop."""
    is_async = isinstance(function, ast.AsyncFunctionDef)
    positional = function.args.posonlyargs + function.args.args
    request = positional[0].arg if positional else None
    awaited = {id(node.value) for node in ast.walk(function) if isinstance(node, ast.Await)}
    for node in _own_nodes(function):
        used = _used_directly(node)
        if used is not None and id(used) not in awaited:
            _check_awaited(findings, source, used, request, is_async)
        if is_async and _is_call_of(node, "time", "sleep"):
            findings.warning_at(source.path, node, "`time.sleep()` holds up every request of the instance",
                                "use `await asyncio.sleep()` in an async handler")


def _own_nodes(function):
    """The nodes of a function without those of functions inside it."""
    waiting = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (*FUNCTIONS, ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(node))


def _used_directly(node):
    """The call whose result this node uses as if it were the value."""
    if isinstance(node, (ast.Assign, ast.Subscript, ast.Attribute, ast.AnnAssign)):
        return node.value if isinstance(node.value, ast.Call) else None
    return None


def _is_call_of(node, owner, name):
    return (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name
            and isinstance(node.func.value, ast.Name) and node.func.value.id == owner)


def _check_awaited(findings, source, call, request, is_async):
    for name, plain in _AWAITED.items():
        if name == "stream" or request is None or not _is_call_of(call, request, name):
            continue
        if is_async:
            findings.warning_at(source.path, call, f"`{request}.{name}()` is not awaited",
                                f"write `await {request}.{name}()`")
        else:
            hint = f"make it `async def`, or use `{request}.{plain}`" if plain else "make the handler `async def`"
            findings.warning_at(source.path, call, f"`{request}.{name}()` has to be awaited, which a plain function "
                                "cannot do", hint)
