"""Which file holds the handler, and under which name."""
import ast
import os
import re

from .findings import listed, nearest

_ATTRIBUTE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*\Z")
_USUAL = ("main.py", "handler.py", "app.py", "lambda_function.py", "wsgi.py", "asgi.py")

# The names of handlers, in the order in which they are looked for (runner/berth_runner/shape.py).
HANDLERS = ("handle", "handler", "lambda_handler", "app", "application")


class Entry:
    """file is relative to the folder, or None when `module` lies in the dependencies; module is as `handler` names it.
    attribute is None until it is known which of HANDLERS there is."""

    def __init__(self, file, attribute=None, module=None):
        self.file = file
        self.attribute = attribute
        self.module = module


def find_entry(job):
    """The entry of a function, or None after a finding that says why there is none."""
    if not os.path.isdir(job.folder):
        job.findings.error(None, 0, 0, f"the folder {job.folder} does not exist",
                           f"make it, or correct `function_folder` of `{job.name}`")
        return None
    if job.handler:
        return _named_handler(job)
    file = _named_file(job, job.file) if job.file else _usual_file(job)
    return Entry(file) if file else None


def _named_handler(job):
    """`handler: module:attribute`."""
    module, colon, attribute = job.handler.partition(":")
    module, attribute = module.strip(), attribute.strip()
    if not colon or not _ATTRIBUTE.match(module) or not _ATTRIBUTE.match(attribute):
        job.findings.error(None, 0, 0, f"the handler `{job.handler}` is not of the form module:attribute",
                           "write it like `handler: main:handle`, without .py", "handler")
        return None
    base = module.replace(".", "/")
    for file in (f"{base}.py", f"{base}/__init__.py"):
        if file in job.files:
            return Entry(file, attribute, module)
    if job.requirements:
        return Entry(None, attribute, module)
    near = nearest(base, [name.removesuffix(".py") for name in job.files])
    job.findings.error(None, 0, 0, f"the handler `{job.handler}` names module `{module}`, which is not in the folder",
                       f"did you mean `{near.replace('/', '.')}:{attribute}`?" if near else _candidates(job), "handler")
    return None


def _named_file(job, name):
    """The file that the registry names."""
    file = os.path.normpath(name)
    if file.startswith("../") or os.path.isabs(file):
        job.findings.error(None, 0, 0, f"`{name}` lies outside of the function's folder",
                           "name a file inside the folder, relative to it")
        return None
    if os.path.isfile(os.path.join(job.folder, file)):
        if file.endswith(".py"):
            return file
        job.findings.error(file, 1, 1, f"`{file}` is no Python file", "the entry file's name must end in .py")
        return None
    if os.path.isdir(os.path.join(job.folder, file)):
        hint = f"name the file in it, such as `{file}/main.py`"
        job.findings.error(None, 0, 0, f"`{file}` is a folder, not a Python file", hint)
        return None
    near = f"{file}.py" if f"{file}.py" in job.files else nearest(file, job.files)
    hint = f"did you mean `{near}`?" if near else _candidates(job)
    job.findings.error(None, 0, 0, f"there is no file `{file}` in the function's folder", hint)
    return None


def _usual_file(job):
    """The file when nobody names one: one of the usual names, <folder>.py, <function>.py, the only one, or the only
    one with a handler."""
    top = [file for file in job.files if "/" not in file]
    for file in (*_USUAL, f"{os.path.basename(job.folder.rstrip('/'))}.py", f"{job.name}.py"):
        if file in top:
            return file
    if len(top) == 1:
        return top[0]
    for names in HANDLERS[:1], HANDLERS:
        found = [file for file in top if _binds(job.source(file), names)]
        if len(found) == 1:
            return found[0]
    if not top:
        job.findings.error(None, 0, 0, "there is no Python file in the function's folder", _candidates(job))
    else:
        job.findings.error(None, 0, 0, f"which of {listed(top)} is the entry file?",
                           "name it with `base_function_file_name`, or call it main.py")
    return None


def _binds(source, names):
    """Whether the file defines one of these names at its top, or assigns to it."""
    for node in source.tree.body if source.tree is not None else ():
        targets = node.targets if isinstance(node, ast.Assign) else [node]
        if any(getattr(target, "name", getattr(target, "id", None)) in names for target in targets):
            return True
    return False


def _candidates(job):
    """What there is instead."""
    if job.files:
        return f"the folder holds {listed(job.files)}"
    try:
        others = sorted(os.listdir(job.folder))
    except OSError:
        others = []
    return f"the folder holds {listed(others)}" if others else "the folder is empty"
