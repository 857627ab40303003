"""What to say when a file has no handler: what was probably meant, and what makes one of it."""
import ast

from .bindings import FUNCTIONS, called, is_main_guard, required_parameters
from .choice import FRAMEWORKS, is_out
from .findings import likeness, listed, nearest

# What the only parameter of `main` is called where it is a dict of the request's parameters.
PARAMETERS = ("args", "dict", "parameters", "params")
# Names people give a handler elsewhere.
_RELATED = ("main", "handle_request", "run", "entry", "entrypoint", "execute")


def report_missing(findings, source, wanted, bound):
    """None of the wanted names is bound; the first stands for all of them."""
    name = wanted[0]
    bound = {key: places for key, places in bound.items() if not is_out(key, bound)}
    functions = [key for key, places in bound.items() if isinstance(places[-1].value, FUNCTIONS)]
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
    application = next((key for key, places in bound.items() if called(places[-1].value) in FRAMEWORKS), None)
    advice = _advice(source, near, bound)
    if application:
        findings.error_at(source.path, bound[application][-1].node, message,
                          f"`{application}` is an application: set `handler: {module}:{application}`, or call it `app`")
    elif advice:
        findings.error(source.path, bound[near][-1].node.lineno if near else 1, 1, message, advice)
    elif near:
        findings.error_at(source.path, bound[near][-1].node, message,
                          f"did you mean `{near}`? rename it to `{meant}`, or set `handler: {module}:{near}`")
    else:
        findings.error(source.path, 1, 1, message, f"add `async def {name}(request):` to {source.path}")


def _advice(source, near, bound):
    """What to do with a file that was written for another way of being called; None where nothing special is known."""
    if _reads_standard_input(source.tree):
        return ("nothing arrives at standard input: put the work into `def handle(request):`, with "
                "`request.get_data().decode()` for what was read and `return` for what was printed")
    function = bound[near][-1].value if near else None
    if not isinstance(function, FUNCTIONS):
        return None
    names = [arg.arg for arg in function.args.posonlyargs + function.args.args]
    call = f"await {near}" if isinstance(function, ast.AsyncFunctionDef) else near
    define = "async def handle(request)" if call != near else "def handle(request)"
    if not names and not function.args.vararg:
        return f"add `{define}: return {call}()` to {source.path}"
    if near == "main" and len(names) == 1 and names[0] in PARAMETERS:
        return (f"add `{define}: return {call}({{**request.query_params, **(request.get_json() if request.get_data() "
                f"else {{}})}})` to {source.path}")
    return None


def _reads_standard_input(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "stdin" and getattr(node.value, "id", None) == "sys":
            return True
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "input":
            return True
        if isinstance(node, ast.ImportFrom) and node.module == "sys":
            if "stdin" in [alias.name for alias in node.names]:
                return True
    return False


def _probably_meant(wanted, bound, functions):
    """(wanted name, bound name that was probably meant to be it or None)."""
    pairs = [(name, near) for name in wanted if (near := nearest(name, bound))]
    if pairs:
        return max(pairs, key=lambda pair: likeness(*pair))
    related = [key for key in _RELATED if key in bound] or (functions if len(functions) == 1 else [])
    if not related:
        return wanted[0], None
    takes_two = len(required_parameters(bound[related[0]][-1].value)) == 2
    return "handler" if takes_two and "handler" in wanted else wanted[0], related[0]


def _hidden_definition(tree, name):
    """A definition of the name where it does not count: in a class, in a function, behind the main guard."""
    for node in ast.walk(tree):
        if is_main_guard(node):
            where = 'behind `if __name__ == "__main__"`'
        elif isinstance(node, ast.ClassDef):
            where = f"inside of class `{node.name}`"
        elif isinstance(node, FUNCTIONS):
            where = f"inside of function `{node.name}`"
        else:
            continue
        for child in node.body:
            if isinstance(child, FUNCTIONS) and child.name == name:
                return child, where
    return None
