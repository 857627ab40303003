"""Imports: those that nothing provides, and files that hide the standard library."""
import ast
import os
import re
import sys

from .findings import listed, nearest
from .requirements import normalise

# What the runtime image has beside the standard library (image/Dockerfile), where it is of this Python's Debian, and
# what it may have besides where it is not.
IN_IMAGE = {"anyio", "idna", "pip", "pkg_resources", "setuptools", "six", "sniffio", "starlette", "wheel"}
IN_IMAGE |= {"multipart"} if sys.version_info < (3, 12) else {"python_multipart", "typing_extensions"}
_IN_OTHERS = {"multipart", "python_multipart", "typing_extensions"}

# Import names whose distribution is called otherwise.
DISTRIBUTIONS = {
    "Crypto": "pycryptodome", "Cryptodome": "pycryptodomex", "Levenshtein": "levenshtein", "MySQLdb": "mysqlclient",
    "OpenSSL": "pyOpenSSL", "PIL": "Pillow", "attr": "attrs", "bs4": "beautifulsoup4", "cairosvg": "CairoSVG",
    "cv2": "opencv-python-headless", "dateutil": "python-dateutil", "discord": "discord.py", "docx": "python-docx",
    "dotenv": "python-dotenv", "faiss": "faiss-cpu", "fitz": "PyMuPDF", "flask_cors": "Flask-Cors",
    "git": "GitPython", "github": "PyGithub", "jose": "python-jose", "jwt": "PyJWT", "kafka": "kafka-python",
    "ldap": "python-ldap", "magic": "python-magic", "markdown": "Markdown", "nacl": "PyNaCl", "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary", "serial": "pyserial", "skimage": "scikit-image", "sklearn": "scikit-learn",
    "slugify": "python-slugify", "socketio": "python-socketio", "telegram": "python-telegram-bot", "usb": "pyusb",
    "yaml": "PyYAML", "zmq": "pyzmq",
}

# Everything that some well-known distributions bring, their own modules left out. Whoever asks for any other one is
# not told that a module is missing before it is installed: only the installed set knows.
_BRINGS = {
    "attrs": {"attr"}, "beautifulsoup4": {"soupsieve", "typing_extensions"}, "certifi": set(), "click": set(),
    "fastapi": {"annotated_doc", "annotated_types", "pydantic", "pydantic_core", "typing_extensions",
                "typing_inspection"},
    "flask": {"blinker", "click", "itsdangerous", "jinja2", "markupsafe", "werkzeug"}, "humanize": set(), "idna": set(),
    "jinja2": {"markupsafe"}, "lxml": set(), "markdown": set(), "numpy": set(),
    "pandas": {"dateutil", "numpy", "pytz", "tzdata"}, "pillow": set(),
    "pydantic": {"annotated_types", "pydantic_core", "typing_extensions", "typing_inspection"},
    "python-dateutil": set(),
    "pytz": set(), "pyyaml": {"_yaml"}, "requests": {"certifi", "charset_normalizer", "urllib3"}, "six": set(),
    "scipy": {"numpy"}, "tabulate": set(), "typing-extensions": set(), "urllib3": set(),
}

# Folders that commonly stand beside a function and that nobody means to import.
_HARMLESS = {"test", "site", "this"}


def check_imports(job, source):
    """Warns of imports that will fail, in the entry file and in what it imports from the folder."""
    waiting = [(source, package_depth(job))]
    seen = {source.path}
    while waiting:
        current, depth = waiting.pop(0)
        if current.tree is None:
            if current is not source:
                current.report(job.findings, doubt=job.doubt)
            continue
        for name, node, level in _imports(current.tree):
            for path, below in _local_files(job, current.path, name, level):
                if path not in seen:
                    seen.add(path)
                    waiting.append((job.source(path), below if level <= 0 else depth + below - _below(current.path)))
            if level > depth:
                _report_relative(job, current, node)
            if level <= 0:
                _check_import(job, current, name, node)
    return seen


def _imports(tree):
    """(module, node, level) of every import that runs for certain; level -1: it may as well be a member of a module."""
    for node in _certain(tree.body):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node, 0
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield module, node, node.level
            for alias in node.names:
                if alias.name != "*":
                    yield f"{module}.{alias.name}".strip("."), node, node.level or -1


def _certain(body):
    """All statements but those below a try that catches, or below a test."""
    for node in body:
        if isinstance(node, (ast.Try, ast.If)):
            continue
        yield node
        for field in ("body", "orelse", "finalbody"):
            inner = getattr(node, field, None)
            if isinstance(inner, list):
                yield from _certain(inner)


def _local_files(job, importer, name, level):
    """The files of the folder that an import loads, each with how many packages it is in: for a relative import those
    of the path, for others those of the name."""
    if level > 0:
        base = os.path.dirname(importer)
        for _ in range(level - 1):
            base = os.path.dirname(base)
        bases = [base]
    else:
        bases = ["", os.path.dirname(job.entry.file)] if job.entry.file else [""]
    found = []
    for base in bases:
        parts = name.split(".") if name else []
        for count in range(len(parts) + 1):
            stem = os.path.join(base, *parts[:count])
            for path in (f"{stem}.py", os.path.join(stem, "__init__.py")):
                if path in job.file_set:
                    found.append((path, _below(path) if level > 0 else _below(os.path.relpath(path, base or "."))))
    return found


def _below(path):
    """How many folders a file is in."""
    return path.count("/")


def _report_relative(job, source, node):
    """A relative import that leads out of all packages."""
    job.findings.error_at(source.path, node, "a relative import of more levels than there are packages around "
                          f"{source.path}", "import it by its name, without the dots, or import this file relatively")


def module_name(job):
    """The dotted name under which the runner loads the entry file, as a member of the package that its folder is, or
    None: it is a module of its own, and its folder is where imports look first.

    It is a member when `handler` names it so, when it is a package's __init__.py, and when it or what it imports
    relatively uses relative imports. When these go up to the function's folder, that is a package too."""
    file = job.entry.file
    parts = file.removesuffix(".py").split("/")
    levels = _levels_above(job)
    if levels is None and "." not in (job.entry.module or "") and parts[-1] != "__init__":
        return None
    in_root = levels is not None and levels > 0
    if parts[-1] == "__init__":
        parts.pop()
    if in_root:
        parts.insert(0, re.sub(r"\W", "_", os.path.basename(job.folder.rstrip("/"))) or "function")
    return ".".join(parts) or None


def package_depth(job):
    """How many packages the entry file is in as it is loaded."""
    name = module_name(job)
    if name is None:
        return 0
    return name.count(".") + (os.path.basename(job.entry.file) == "__init__.py")


def _levels_above(job):
    """How many levels above the function's folder's own packages the relative imports go, of the entry file and the
    files that it reaches by such; None without any."""
    waiting, seen, above = [job.entry.file], {job.entry.file}, None
    while waiting:
        path = waiting.pop()
        tree = job.source(path).tree
        for node in ast.walk(tree) if tree is not None else ():
            if not isinstance(node, ast.ImportFrom) or node.level == 0:
                continue
            above = max(above or 0, node.level - _below(path))
            for name in [node.module or "", *(f"{node.module or ''}.{alias.name}".strip(".") for alias in node.names)]:
                for found, _ in _local_files(job, path, name, node.level):
                    if found not in seen:
                        seen.add(found)
                        waiting.append(found)
    return above


def _check_import(job, source, name, node):
    top = name.partition(".")[0]
    if not top or top in sys.stdlib_module_names or top in IN_IMAGE or _in_folder(job, top):
        return
    if job.doubt and top in _IN_OTHERS:
        return
    if job.installed:
        missing = job.installed.missing(name)
        place, advice = "installed dependencies", _advice
    else:
        missing = None if _may_be_asked_for(job, top) else top
        place, advice = "dependencies", _addition
    if missing:
        distribution = DISTRIBUTIONS.get(top, top)
        is_called = "" if normalise(distribution) == normalise(top) else f" (`{top}` is in {distribution})"
        job.findings.warning_at(source.path, node, f"`{missing}` is neither in the standard library nor in the folder "
                                f"nor among the {place}{is_called}", advice(job, missing))


def _may_be_asked_for(job, top):
    """Whether the dependencies may bring a module, as far as their names tell."""
    if not job.pip.is_named or not job.requirements.isdisjoint({normalise(DISTRIBUTIONS.get(top, top)), normalise(top)}):
        return True
    return any(name not in _BRINGS or top in _BRINGS[name] for name in job.requirements)


def _addition(job, top):
    line = " ".join([job.extra_dependencies, DISTRIBUTIONS.get(top, top)]).strip()
    return f'add `extra_dependencies: "{line}"`'


def _advice(job, missing):
    """What to do about a module that the installed dependencies do not have."""
    if "." in missing:
        return "add the package that brings it to the dependencies"
    if normalise(missing) in job.requirements:
        brought = job.installed.brought_by(normalise(missing))
        return f"the package {missing} brings {listed(brought)}" if brought else \
            "the package of that name is asked for, but brings no such module"
    known = job.installed.names() | {name for name in sys.stdlib_module_names if not name.startswith("_")}
    meant = nearest(missing, known) if missing not in DISTRIBUTIONS else None
    addition = _addition(job, missing)
    return f"did you mean `{meant}`? Else {addition}" if meant else addition


def _in_folder(job, top):
    bases = {"", os.path.dirname(job.entry.file) if job.entry.file else ""}
    ends = ("", ".py", ".so")
    if any(os.path.exists(os.path.join(job.folder, base, top + end)) for base in bases for end in ends):
        return True
    return any(name.startswith(f"{top}.") and name.endswith(".so") for name in os.listdir(job.folder))


def check_hidden_names(job):
    """Warns of files that take the name of a module of the standard library."""
    for entry in sorted(os.listdir(job.folder)):
        path = os.path.join(job.folder, entry)
        name = entry.removesuffix(".py")
        is_module = entry.endswith(".py") and os.path.isfile(path)
        is_package = os.path.isfile(os.path.join(path, "__init__.py"))
        if not (is_module or is_package) or name not in sys.stdlib_module_names or name in _HARMLESS:
            continue
        file = entry if is_module else f"{entry}/__init__.py"
        job.findings.warning(file, 1, 1, f"`{entry}` hides the standard library's `{name}` from all of the function",
                             f"rename it, for example to `my_{entry}`")
