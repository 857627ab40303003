"""Imports: those that nothing provides, and files that hide the standard library."""
import ast
import os
import sys

# What the runtime image has beside the standard library (image/Dockerfile).
IN_IMAGE = {"anyio", "idna", "multipart", "pip", "pkg_resources", "setuptools", "six", "sniffio", "starlette", "wheel"}

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

# What well-known distributions bring along.
BROUGHT_BY = {
    "click": {"flask", "uvicorn", "black"}, "jinja2": {"flask"}, "markupsafe": {"flask", "jinja2"},
    "numpy": {"pandas", "scipy", "scikit-learn", "torch", "transformers", "matplotlib", "tensorflow",
              "opencv-python-headless", "opencv-python", "scikit-image", "faiss-cpu"},
    "huggingface_hub": {"transformers", "sentence-transformers"}, "tokenizers": {"transformers"},
    "pydantic": {"fastapi", "openai", "anthropic"}, "starlette": {"fastapi"}, "httpcore": {"httpx"},
    "scipy": {"scikit-learn", "scikit-image"}, "torch": {"sentence-transformers", "torchvision", "accelerate"},
    "transformers": {"sentence-transformers"}, "tqdm": {"transformers", "openai"}, "urllib3": {"requests", "boto3"},
    "certifi": {"requests", "httpx"}, "httpx": {"openai", "anthropic"}, "werkzeug": {"flask"},
    "botocore": {"boto3"}, "dateutil": {"pandas", "boto3"}, "typing_extensions": {"fastapi", "pydantic", "torch"},
    "yaml": {"transformers"}, "PIL": {"matplotlib", "torchvision", "scikit-image"}, "attr": {"aiohttp"},
    "yarl": {"aiohttp"}, "multidict": {"aiohttp"}, "pytz": {"pandas"},
}

# Folders that commonly stand beside a function and that nobody means to import.
_HARMLESS = {"test", "site", "this"}


def normalise(name):
    """A distribution's name as PEP 503 compares it."""
    return name.lower().replace("_", "-").replace(".", "-")


def check_imports(job, source):
    """Warns of imports that will fail, in the entry file and in what it imports from the folder."""
    waiting = [source]
    seen = {source.path}
    while waiting:
        current = waiting.pop(0)
        if current.tree is None:
            if current is not source:
                current.report(job.findings)
            continue
        for name, node, level in _imports(current.tree):
            for path in _local_files(job, current.path, name, level):
                if path not in seen:
                    seen.add(path)
                    waiting.append(job.source(path))
            if level == 0:
                _check_import(job, current, name.partition(".")[0], node)
    return seen


def _imports(tree):
    """(module, node, level) of every import that runs for certain."""
    for node in _certain(tree.body):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node, 0
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield module, node, node.level
            for alias in node.names:
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
    """The files of the folder that an import loads."""
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
            found += [path for path in (f"{stem}.py", os.path.join(stem, "__init__.py")) if path in job.file_set]
    return found


def _check_import(job, source, top, node):
    if not top or top in sys.stdlib_module_names or top in IN_IMAGE or _in_folder(job, top):
        return
    distribution = DISTRIBUTIONS.get(top, top)
    asked = {normalise(name) for name in job.requirements}
    if normalise(distribution) in asked or normalise(top) in asked or BROUGHT_BY.get(top, set()) & asked:
        return
    if any(normalise(top) in name.split("-") for name in asked):
        return  # google-cloud-storage brings `google`
    line = " ".join([job.extra_dependencies, distribution]).strip()
    is_called = "" if normalise(distribution) == normalise(top) else f" (`{top}` is in {distribution})"
    job.findings.warning_at(source.path, node, f"`{top}` is neither in the standard library nor in the folder nor "
                            f"among the dependencies{is_called}", f'add `extra_dependencies: "{line}"`')


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
