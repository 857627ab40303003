"""The analysis with the installed dependencies: what they bring is known, and what they do not is a finding."""
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "plugins/python"))

from analysis import job as plugin  # noqa: E402
from analysis.findings import WARNING  # noqa: E402

HANDLE = "\ndef handle(request):\n    return 1\n"
NEITHER = "is neither in the standard library nor in the folder nor among the"

SET = {
    "bs4/__init__.py": "", "beautifulsoup4-4.12.dist-info/RECORD": "bs4/__init__.py,,\nbeautifulsoup4-4.12.dist-info/RECORD,,\n",
    "requests/__init__.py": "", "requests-2.31.dist-info/RECORD": "requests/__init__.py,,\n../../bin/tool,,\n",
    "single.py": "", "compiled.cpython-311-x86_64-linux-gnu.so": "", "stable.abi3.so": "", "old.pyc": "",
    "fast/__init__.cpython-311-x86_64-linux-gnu.so": "",
    "google/cloud/storage/__init__.py": "", "google/protobuf/__init__.py": "",
    "numpy.libs/libopenblas.so": "", "hidden.pth": "import os\n", "empty-1.0.dist-info/RECORD": "",
}


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def look(tmp_path):
    """The findings about a function of these lines, with SET installed for it."""
    write(tmp_path / "set", SET)

    def look(source, line="beautifulsoup4 requests", installed=tmp_path / "set", **files):
        write(tmp_path / "code", {"main.py": source + HANDLE, **files})
        return plugin.validate(str(tmp_path / "code"), "x", None, {"extra_dependencies": line}, installed and str(installed))
    return look


@pytest.mark.parametrize("source", [
    "import bs4, requests", "import single, compiled, stable, old, fast",
    "import requests.anything.that.it.makes\nfrom requests import get, adapters", "from bs4 import *",
    "import google.cloud.storage, google.protobuf.message\nfrom google.cloud import storage\nfrom google import cloud",
    "import starlette, json, os.path", "try:\n    import ujson\nexcept ImportError:\n    pass",
])
def test_what_is_installed_is_not_asked_for(look, source):
    assert look(source) == []


@pytest.mark.parametrize("source, name, hint", [
    ("import reqeusts", "reqeusts", 'did you mean `requests`? Else add `extra_dependencies: "beautifulsoup4 requests reqeusts"`'),
    ("import jsn", "jsn", 'did you mean `json`? Else add `extra_dependencies: "beautifulsoup4 requests jsn"`'),
    ("from pymongo import MongoClient", "pymongo", 'add `extra_dependencies: "beautifulsoup4 requests pymongo"`'),
    ("import beautifulsoup4", "beautifulsoup4", "the package beautifulsoup4 brings `bs4`"),
    ("import numpy", "numpy", 'add `extra_dependencies: "beautifulsoup4 requests numpy"`'),
    ("import hidden", "hidden", 'add `extra_dependencies: "beautifulsoup4 requests hidden"`'),
    ("import google.cloud.bigquery", "google.cloud.bigquery", "add the package that brings it to the dependencies"),
    ("from google.cloud import bigquery, storage", "google.cloud.bigquery", "add the package that brings it to the dependencies"),
    ("import google.auth.transport", "google.auth", "add the package that brings it to the dependencies"),
])
def test_what_is_not_installed_is_found(look, source, name, hint):
    assert look(f"import os\n{source}") == [
        (WARNING, "main.py", 2, 1, f"`{name}` {NEITHER} installed dependencies", hint, None)]


def test_name_of_the_distribution_is_told(look):
    [(_, _, _, _, message, hint, _)] = look("import yaml")
    assert message.endswith("installed dependencies (`yaml` is in PyYAML)")
    assert hint == 'add `extra_dependencies: "beautifulsoup4 requests PyYAML"`'


def test_asked_for_and_without_modules(look):
    [(_, _, _, _, _, hint, _)] = look("import empty", "empty")
    assert hint == "the package of that name is asked for, but brings no such module"


def test_other_files_of_the_function_are_looked_at_with_their_places(look):
    [finding] = look("import helper", **{"helper.py": "import os\n\nimport pymongo\n"})
    assert finding[1:3] == ("helper.py", 3)


def test_modules_of_the_function_are_its_own(look):
    assert look("import helper, google.mine", **{"helper.py": "", "google/mine.py": ""}) == []


@pytest.mark.parametrize("installed", [None, Path("/nonexistent")])
def test_before_they_are_installed_nobody_knows(look, installed):
    assert look("import pymongo, bson", "some-thing", installed) == []
    [(_, _, _, _, message, _, _)] = look("import pymongo", "requests", installed)
    assert message == f"`pymongo` {NEITHER} dependencies"


@pytest.mark.parametrize("line", ["git+https://example.test/thing.git", "https://example.test/thing-1.0-py3-none-any.whl"])
def test_what_an_address_brings_is_not_known_before(look, line):
    assert look("import thing", line, None) == []
    [(_, _, line, _, message, _, _)] = look("import thing", line)
    assert line == 1 and message == f"`thing` {NEITHER} installed dependencies"
