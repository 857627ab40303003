"""The plugin's callbacks. Each takes the function, its options, the folder of its installed dependencies, or None, and the
release of Debian that it runs on, or None; and gives plain data that the C side hands on."""
import importlib.util
import json
import marshal
import os
import sys
import warnings

from .choice import attribute_of, takes_event
from .config import config_of
from .entry import find_entry
from .findings import Findings
from .handler import check_handler
from .installed import installed_in
from .modules import check_hidden_names, check_imports, module_name
from .requirements import Requirements
from .sources import EXCLUDED, python_files, read_source

RUNNER = ["/usr/bin/python3", "-I", "-B", "-X", "utf8", "/opt/berth/runner.py"]
ENVIRONMENT = ["PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1"]
INSTALLER = "/opt/berth/install"
CODE = "/berth/code"
VERSIONS = {"bookworm": (3, 11), "trixie": (3, 13)}  # of Python, in the releases of Debian
CONCURRENCY = 8
EVENT_CONCURRENCY = 1  # where event handlers come from, one runs at a time, and their code relies on it

SAMPLE = '''\
"""The function {name}: answers requests to /{name}."""


async def handle(request):
    name = request.query_params.get("name", "world")
    return {{"message": f"Hello, {{name}}"}}
'''


class Job:
    """One function and everything that was found out about it."""

    def __init__(self, folder, name, file, options, base=None):
        self.folder = folder
        version = VERSIONS.get(base, sys.version_info[:2])
        self.doubt = None  # why what this interpreter finds need not be so
        if version != sys.version_info[:2]:
            self.doubt = "checked with Python {}.{}; it will run with {}.{}".format(*sys.version_info[:2], *version)
        self.name = name
        self.file = file
        self.handler = (options.get("handler") or "").strip()
        self.extra_dependencies = (options.get("extra_dependencies") or "").strip()
        self.debug = options.get("debug") == "true"
        self.findings = Findings()
        self.files = python_files(folder) if os.path.isdir(folder) else []
        self.file_set = set(self.files)
        self.pip = Requirements(self.findings, folder)
        self._sources = {}
        self._read_requirements()
        self.requirements = self.pip.names
        self.installed = None
        self.entry = find_entry(self)

    def _read_requirements(self):
        if self.extra_dependencies:
            self.pip.read_line(self.extra_dependencies)
        if os.path.lexists(os.path.join(self.folder, "requirements.txt")):
            self.pip.read_file("requirements.txt")
        self.pip.check_hashes()

    def source(self, path):
        """A file of the folder, parsed once."""
        if path not in self._sources:
            self._sources[path] = read_source(self.folder, path)
        return self._sources[path]

    def check(self):
        """Everything there is to find."""
        if self.entry is None:
            return
        reached = set()
        if self.entry.file:
            source = self.source(self.entry.file)
            if source.problem:
                source.report(self.findings, doubt=self.doubt)
            else:
                for line, text in source.warnings:
                    self.findings.warning(source.path, line, 1, text)
                check_handler(self.findings, source, self.entry.attribute)
            reached = check_imports(self, source)
        for path in self.files:
            if path not in reached and self.source(path).problem:
                self.source(path).report(self.findings, fatal=False, doubt=self.doubt)
        check_hidden_names(self)


_jobs = {}


def _job(folder, name, file, options, base=None):
    """The job of a function; the callbacks of one process share it."""
    key = (folder, name, file, tuple(sorted(options.items())), base)
    if key not in _jobs:
        _jobs[key] = Job(folder, name, file, options, base)
    return _jobs[key]


def validate(folder, name, file, options, installed=None, base=None):
    """The findings: (severity, file, line, column, message, hint, option)."""
    job = _job(folder, name, file, options, base)
    job.installed = installed_in(installed)
    job.check()
    return job.findings.items


def package(folder, name, file, options, _=None, base=None):
    """(patterns left out, [(path, bytes)] of compiled files, dependencies or None)."""
    job = _job(folder, name, file, options, base)
    return list(EXCLUDED), list(_compiled(job)), _dependencies(job)


def _compiled(job):
    """A .pyc beside each file, of the kind that is taken without a look at the source's date. Another version of Python
    could not read it."""
    for path in [] if job.doubt else job.files:
        data = job.source(path).data
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # validate has reported them
                code = compile(data, f"{CODE}/{path}", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(data)
        folder, base = os.path.split(path)
        compiled = f"{base.removesuffix('.py')}.{sys.implementation.cache_tag}.pyc"
        yield os.path.join(folder, "__pycache__", compiled), head + marshal.dumps(code)


def _dependencies(job):
    """(key, argv, environment) of the installation."""
    if not job.pip.arguments and not job.pip.lines:
        return None
    options, environment = job.pip.command()
    return job.pip.key(), [INSTALLER, *options], environment


def launch(folder, name, file, options, _=None, base=None):
    """(command, environment, concurrency, the runner's settings as JSON)."""
    job = _job(folder, name, file, options, base)
    if job.entry is None:
        raise ValueError("the function has no entry file")
    runtime = {"attribute": job.entry.attribute, "debug": job.debug}
    concurrency = CONCURRENCY
    if job.entry.file:
        source = job.source(job.entry.file)
        runtime["file"] = job.entry.file
        runtime["attribute"] = job.entry.attribute or attribute_of(source)
        runtime["is_return_serialized"] = config_of(source)
        name = module_name(job)
        if name:
            runtime["name"] = name
        if takes_event(source, runtime["attribute"]):
            concurrency = EVENT_CONCURRENCY
    else:
        runtime["module"] = job.entry.module
    return RUNNER, ENVIRONMENT, concurrency, json.dumps(runtime)


def scaffold(folder, name, file, options, _=None, _base=None):
    """[(path, bytes)] of a new function."""
    return [(file or f"{os.path.basename(folder.rstrip('/')) or name}.py", SAMPLE.format(name=name).encode())]
