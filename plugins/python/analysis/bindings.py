"""What a module binds at its top."""
import ast

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


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
    for node in top_level(tree.body):
        for name, value in _bound(node):
            if name == "*":
                star = True
            found.setdefault(name, []).append(Binding(node, value))
    return found, star


def top_level(body):
    for node in body:
        if is_main_guard(node):
            continue
        yield node
        for field in ("body", "orelse", "finalbody"):
            if not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
                yield from top_level(getattr(node, field, []))
        for handler in getattr(node, "handlers", []):
            yield from top_level(handler.body)


def is_main_guard(node):
    return (isinstance(node, ast.If) and isinstance(node.test, ast.Compare)
            and isinstance(node.test.left, ast.Name) and node.test.left.id == "__name__")


def _bound(node):
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        yield node.name, node
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0], None
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            yield from ((name, node.value if isinstance(target, ast.Name) else None) for name in names_in(target))
    elif isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name):
        yield node.target.id, node.value
    elif isinstance(node, (ast.For, ast.AsyncFor)):
        yield from ((name, None) for name in names_in(node.target))
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        yield from ((name, None) for item in node.items if item.optional_vars for name in names_in(item.optional_vars))


def names_in(target):
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]


def required_parameters(function):
    """The names of the positional parameters that a call must fill; empty for what is no function."""
    args = getattr(function, "args", None)
    if not isinstance(args, ast.arguments):
        return []
    names = args.posonlyargs + args.args
    return [arg.arg for arg in names[:len(names) - len(args.defaults)]]


def called(value):
    """The name of what a call calls: `Flask` of `flask.Flask(...)`."""
    function = getattr(value, "func", None) if isinstance(value, ast.Call) else None
    return getattr(function, "attr", getattr(function, "id", None))
