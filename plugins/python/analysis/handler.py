"""Which handler a file has, and whether it is one that the runner can call."""
import ast

from .entry import HANDLERS
from .findings import likeness, listed, nearest

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_LITERALS = (ast.Constant, ast.List, ast.Dict, ast.Set, ast.Tuple, ast.ListComp, ast.DictComp, ast.SetComp,
             ast.JoinedStr, ast.BinOp, ast.Compare)
_AWAITED = {"json": "get_json()", "body": "get_data()", "form": None, "stream": None}
_CONFIG = {"is_return_serialized": (bool, "True or False")}
# Names people give a handler elsewhere.
_RELATED = ("main", "handle_request", "run", "entry", "entrypoint", "execute")
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


class Binding:
    """Where the module binds a name: the node, and the value or definition bound."""

    def __init__(self, node, value):
        self.node = node
        self.value = value


def bindings(tree):
    """All names bound at the module's top, also inside its if, try, with and loops: name -> list of Binding.
    Second value: whether there is a star import, which may bind anything."""
    found = {}
    star = False
    for node in _top_level(tree.body):
        for name, value in _bound(node):
            if name == "*":
                star = True
            found.setdefault(name, []).append(Binding(node, value))
    return found, star


def _top_level(body):
    for node in body:
        if _is_main_guard(node):
            continue
        yield node
        for field in ("body", "orelse", "finalbody"):
            if not isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
                yield from _top_level(getattr(node, field, []))
        for handler in getattr(node, "handlers", []):
            yield from _top_level(handler.body)


def _is_main_guard(node):
    return (isinstance(node, ast.If) and isinstance(node.test, ast.Compare)
            and isinstance(node.test.left, ast.Name) and node.test.left.id == "__name__")


def _bound(node):
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        yield node.name, node
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0], None
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            yield from ((name, node.value if isinstance(target, ast.Name) else None) for name in _names(target))
    elif isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name):
        yield node.target.id, node.value
    elif isinstance(node, (ast.For, ast.AsyncFor)):
        yield from ((name, None) for name in _names(node.target))


def _names(target):
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]


def attribute_of(source):
    """The first of HANDLERS that the file binds; None when none is, or when only running it tells."""
    if source.tree is None:
        return None
    bound, star = bindings(source.tree)
    found = next((name for name in HANDLERS if name in bound), None)
    return None if star and found != HANDLERS[0] else found


def check_handler(findings, source, attribute):
    """Looks at the module that should hold the handler; attribute None: any of HANDLERS."""
    bound, star = bindings(source.tree)
    _check_config(findings, source, bound)
    wanted = (attribute,) if attribute else HANDLERS
    attribute = attribute or next((name for name in HANDLERS if name in bound), HANDLERS[0])
    name = attribute.partition(".")[0]
    if name not in bound:
        if not star and not _has_module_getattr(bound):
            _report_missing(findings, source, [name.partition(".")[0] for name in wanted], bound)
        return
    if name != attribute:
        return
    places = bound[name]
    _check_duplicates(findings, source, name, places)
    _check_value(findings, source, name, places[-1], bound, _SHAPES.get(name, _ANY_SHAPE))


def _has_module_getattr(bound):
    return "__getattr__" in bound


def _report_missing(findings, source, wanted, bound):
    """None of the wanted names is bound; the first stands for all of them."""
    name = wanted[0]
    functions = [key for key, places in bound.items() if isinstance(places[-1].value, _FUNCTIONS)]
    hidden = _hidden_definition(source.tree, name)
    if hidden is not None:
        node, where = hidden
        findings.error_at(source.path, node, f"`{name}` is defined {where}, where the runtime does not find it",
                          f"move `def {name}(request)` to the top level of {source.path}")
        return
    meant, near = _probably_meant(wanted, bound, functions)
    found = f"; found {listed(functions)}" if functions else ""
    message = f"{source.path} has no `{name}`{found}"
    module = source.path.removesuffix(".py").replace("/", ".")
    if near:
        findings.error_at(source.path, bound[near][-1].node, message,
                          f"did you mean `{near}`? rename it to `{meant}`, or set `handler: {module}:{near}`")
    else:
        findings.error(source.path, 1, 1, message, f"add `async def {name}(request):` to {source.path}")


def _probably_meant(wanted, bound, functions):
    """(wanted name, bound name that was probably meant to be it or None)."""
    pairs = [(name, near) for name in wanted if (near := nearest(name, bound))]
    if pairs:
        return max(pairs, key=lambda pair: likeness(*pair))
    related = [key for key in _RELATED if key in bound] or (functions if len(functions) == 1 else [])
    return wanted[0], related[0] if related else None


def _hidden_definition(tree, name):
    """A definition of the name where it does not count: in a class, in a function, behind the main guard."""
    for node in ast.walk(tree):
        if _is_main_guard(node):
            where = 'behind `if __name__ == "__main__"`'
        elif isinstance(node, ast.ClassDef):
            where = f"inside of class `{node.name}`"
        elif isinstance(node, _FUNCTIONS):
            where = f"inside of function `{node.name}`"
        else:
            continue
        for child in node.body:
            if isinstance(child, _FUNCTIONS) and child.name == name:
                return child, where
    return None


def _check_duplicates(findings, source, name, places):
    """Two plain definitions one after the other: only the last counts."""
    body = source.tree.body
    plain = [place.node for place in places if isinstance(place.node, _FUNCTIONS) and place.node in body
             and not place.node.decorator_list]
    for node in plain[:-1]:
        findings.warning_at(source.path, node, f"`{name}` is defined again in line {plain[-1].lineno}; this one is "
                            "never called", "remove one of them")


def _check_value(findings, source, name, place, bound, shapes, depth=0):
    value = place.value
    if isinstance(value, _FUNCTIONS):
        if value.decorator_list or _check_parameters(findings, source, value, value.name, value.args, shapes):
            _check_body(findings, source, value)
    elif isinstance(value, ast.Lambda):
        _check_parameters(findings, source, value, name, value.args, shapes)
    elif isinstance(value, ast.ClassDef):
        findings.error_at(source.path, value, f"`{name}` is a class, not a function",
                          f"write `async def {name}(request):`")
    elif isinstance(value, _LITERALS):
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
    elif shape == "asgi" and not isinstance(node, (ast.AsyncFunctionDef, ast.Lambda)):
        findings.error_at(source.path, node, f"`{name}` is not async; {call} and awaits it",
                          f"write `{definition.format(name)}`")
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
        if not isinstance(node, (*_FUNCTIONS, ast.Lambda)):
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


def _check_config(findings, source, bound):
    """handler_run_config is a dict that is written out, with keys that are known."""
    if "handler_run_config" not in bound:
        near = [name for name in bound if nearest(name, ["handler_run_config"])]
        for name in near:
            findings.warning_at(source.path, bound[name][-1].node, f"`{name}` has no meaning for the runtime",
                                "did you mean `handler_run_config`?")
        return
    place = bound["handler_run_config"][-1]
    if not isinstance(place.value, ast.Dict):
        findings.error_at(source.path, place.value or place.node,
                          "`handler_run_config` must be a dict that is written out",
                          'write `handler_run_config = {"is_return_serialized": True}`')
        return
    for key, value in zip(place.value.keys, place.value.values):
        _check_config_item(findings, source, key, value)


def _check_config_item(findings, source, key, value):
    if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
        findings.error_at(source.path, key or value, "a key of `handler_run_config` must be a string",
                          f"the keys are {listed(_CONFIG)}")
        return
    if key.value not in _CONFIG:
        near = nearest(key.value, _CONFIG)
        findings.warning_at(source.path, key, f"`handler_run_config` has no key `{key.value}`",
                            f"did you mean `{near}`?" if near else f"the keys are {listed(_CONFIG)}")
        return
    kind, text = _CONFIG[key.value]
    if not isinstance(value, ast.Constant) or not isinstance(value.value, kind):
        findings.error_at(source.path, value, f"`{key.value}` must be {text}", f'write `"{key.value}": True`')


def config_of(source):
    """is_return_serialized as the file says it: True, False, or None when it does not."""
    if source.tree is None:
        return None
    bound, _ = bindings(source.tree)
    place = bound.get("handler_run_config", [None])[-1]
    if place is None or not isinstance(place.value, ast.Dict):
        return None
    for key, value in zip(place.value.keys, place.value.values):
        if isinstance(key, ast.Constant) and key.value == "is_return_serialized" and isinstance(value, ast.Constant):
            return value.value if isinstance(value.value, bool) else None
    return None
