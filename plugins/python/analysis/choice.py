"""Which of the usual names is a file's handler."""
import ast

from .bindings import bindings, called, names_in, required_parameters, top_level
from .entry import HANDLERS
from .findings import NOTE, listed

LITERALS = (ast.Constant, ast.List, ast.Dict, ast.Set, ast.Tuple, ast.ListComp, ast.DictComp, ast.SetComp,
             ast.JoinedStr, ast.BinOp, ast.Compare)
# What the web frameworks call their applications, and what collects views for one.
FRAMEWORKS = {"Bottle", "Dash", "FastAPI", "Flask", "Litestar", "Quart", "Sanic", "Starlette"}
_COLLECTORS = {"APIRouter", "Blueprint"}
# Methods of these that take a view.
_ROUTES = {"api_route", "delete", "errorhandler", "exception_handler", "get", "head", "middleware", "on_event",
           "options", "patch", "post", "put", "route", "trace", "websocket", "websocket_route"}


def attribute_of(source):
    """The one of HANDLERS that is the file's handler; None when none is, or when only running it tells."""
    if source.tree is None:
        return None
    bound, star = bindings(source.tree)
    found = candidates(source.tree, bound)
    if not found:
        found = [name for name in HANDLERS if name in bound and not is_out(name, bound)]
    name = found[0] if found else None
    return None if star and name != HANDLERS[0] else name


def candidates(tree, bound):
    """Those of HANDLERS that may be the handler, the one that is taken first. A function that another one of them has
    been given (as a view, or to be wrapped) is only part of that one."""
    found = [name for name in HANDLERS
             if name in bound and not is_out(name, bound) and _may_be_handler(bound[name][-1])]
    given = _given_away(tree, bound)
    whole = [name for name in found if name not in given and not (len(found) > 1 and _takes_nothing(bound[name][-1]))]
    return whole or found


def is_out(name, bound):
    """Whether what was bound to the name last is nothing that anybody means as a handler: an imported module, the
    variable of a loop or a `with`, a framework's view."""
    place = bound[name][-1]
    if isinstance(place.node, (ast.Import, ast.For, ast.AsyncFor, ast.With, ast.AsyncWith)):
        return True
    owner = view_of(place.value, bound)
    return owner is not None and called(bound[owner][-1].value) in FRAMEWORKS | _COLLECTORS


def _may_be_handler(place):
    return not isinstance(place.value, (*LITERALS, ast.ClassDef))


def _takes_nothing(place):
    args = getattr(place.value, "args", None)
    return isinstance(args, ast.arguments) and not (args.posonlyargs or args.args or args.vararg)


def _given_away(tree, bound):
    """Names that stand as arguments in calls at the module's top, and functions that are views."""
    given = {name for name, places in bound.items() if view_of(places[-1].value, bound) is not None}
    for node in top_level(tree.body):
        if not isinstance(node, (ast.Assign, ast.AnnAssign, ast.Expr)):
            continue
        targets = {name for target in getattr(node, "targets", ()) for name in names_in(target)}
        for call in ast.walk(node):
            if isinstance(call, ast.Call):
                arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
                given |= {argument.id for argument in arguments if isinstance(argument, ast.Name)} - targets
    return given


def view_of(value, bound):
    """The name of the application whose view this function is, by its decorators; None when it is none."""
    for decorator in getattr(value, "decorator_list", ()):
        method = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(method, ast.Attribute) and method.attr in _ROUTES and isinstance(method.value, ast.Name):
            owner = bound.get(method.value.id)
            if owner and isinstance(owner[-1].value, ast.Call):
                return method.value.id
    return None


def takes_event(source, attribute):
    """Whether the handler is called with an event, as far as the file tells."""
    if source.tree is None or not attribute:
        return False
    return _takes_event(attribute, bindings(source.tree)[0], attribute)


def _takes_event(name, bound, attribute, depth=0):
    """The same of what is bound to `name`. Of what a call makes of a function, the function tells."""
    if name not in bound or depth == 8:
        return attribute == "lambda_handler" and depth == 0
    value = bound[name][-1].value
    if isinstance(value, ast.Call):
        if called(value) == "Mangum" or attribute == "lambda_handler":
            return True
        given = [argument.id for argument in value.args if isinstance(argument, ast.Name)]
        bound = {**bound, name: bound[name][:-1]} if len(bound[name]) > 1 else bound
        return any(_takes_event(one, bound, attribute, depth + 1) for one in given)
    if isinstance(value, ast.Name):
        return _takes_event(value.id, bound, attribute, depth + 1)
    names = required_parameters(value)
    if len(names) == 2:
        return names[1] != "start_response" and attribute not in ("app", "application")
    return not names and attribute == "lambda_handler"


def tell_choice(findings, source, names, bound):
    """Says which handler is taken where another one could be meant."""
    others = [name for name in names[1:] if not _same(bound[names[0]][-1], bound[name][-1], names[0], name)]
    if others:
        module = source.path.removesuffix(".py").replace("/", ".")
        findings.add(NOTE, source.path, bound[names[0]][-1].node.lineno, bound[names[0]][-1].node.col_offset + 1,
                     f"`{names[0]}` is taken as the handler; {source.path} also has {listed(others)}",
                     f"`handler: {module}:{others[0]}` takes the other one, `handler: {module}:{names[0]}` says that "
                     "this one is meant")


def _same(one, other, one_name, other_name):
    """Whether two bindings are of one object."""
    for value, name in ((one.value, other_name), (other.value, one_name)):
        if isinstance(value, ast.Name) and value.id == name:
            return True
    return one.value is not None and one.value is other.value
