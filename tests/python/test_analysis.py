"""The analysis as it is: the corpus of broken functions, functions that are fine, packages, dependencies."""
import importlib.util
import json
import marshal
import sys
from pathlib import Path

import pytest

import corpus

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "plugins/python"))

from analysis import job as plugin  # noqa: E402
from analysis.findings import Findings  # noqa: E402
from analysis.requirements import Requirements  # noqa: E402


def validate(folder, file=None, name="sample", **options):
    return plugin.validate(str(folder), name, file, options)


@pytest.mark.parametrize("case", corpus.cases(), ids=lambda case: case.name)
def test_broken(case, tmp_path):
    case.write(tmp_path)
    assert corpus.differences(case, validate(tmp_path, case.file, **case.options)) == ""


@pytest.mark.parametrize("source", [
    "async def handle(request):\n    return 1\n",
    "def handle(request, more=1, *rest, key=2, **others):\n    return 1\n",
    "def handle(*args):\n    return 1\n",
    "handle = lambda request: 1\n",
    "from functools import partial\ndef f(a, b):\n    return a\nhandle = partial(f, 1)\n",
    "class H:\n    def __call__(self, request):\n        return 1\nhandle = H()\n",
    "import functools\n@functools.cache\ndef handle(a, b):\n    return 1\n",
    "try:\n    import yaml\nexcept ImportError:\n    yaml = None\ndef handle(request):\n    return 1\n",
    "import typing\nif typing.TYPE_CHECKING:\n    import numpy\ndef handle(request):\n    return 1\n",
    "if True:\n    def handle(request):\n        return 1\n",
    "def __getattr__(name):\n    return lambda request: 1\n",
    "from os.path import *\n",
    "from starlette.responses import HTMLResponse\nasync def handle(request):\n    return HTMLResponse('')\n",
    "handler_run_config = {'is_return_serialized': False}\nhandle: object = print\n",
    "# -*- coding: latin-1 -*-\ndef handle(request):\n    return 1\n",
    "\ufeffdef handle(request):\n    return 1\n",
    "async def handle(request):\n    a, b = await request.json(), await request.body()\n    return a\n",
    "async def handle(request):\n    yield 1\n",
    "import main\ndef handle(request):\n    return main\n",
    "def handler(event, context):\n    return event\n",
    "async def lambda_handler(event, context, more=None):\n    return event\n",
    "def handler(request):\n    return request.get_json()\n",
    "async def app(scope, receive, send):\n    pass\n",
    "def application(environ, start_response):\n    return []\n",
    "from starlette.applications import Starlette\napp = Starlette()\n",
    "app = None\ndef handle(request):\n    return app\n",
    "from .other import x\ndef handle(request):\n    return x\n",
    "def handle(request):\n    from . import x\n    return x\n",
])
def test_fine(source, tmp_path):
    (tmp_path / "main.py").write_text(source, encoding="utf-8")
    assert validate(tmp_path) == []


@pytest.mark.parametrize("source, line", [
    ("from bson.objectid import ObjectId\nfrom pymongo import MongoClient\n", "pymongo"),
    ("import google.cloud.storage\nimport yaml\n", "google-cloud-storage"),
    ("import uvloop\nimport uvicorn\n", "uvicorn[standard]"),
    ("import werkzeug, markupsafe, flask\n", "flask"),
])
def test_what_a_dependency_may_bring_is_not_asked_for(tmp_path, source, line):
    (tmp_path / "main.py").write_text(source + "def handle(request):\n    return 1\n")
    assert validate(tmp_path, extra_dependencies=line) == []


@pytest.mark.parametrize("files, name, found", [
    (["main.py", "other.py"], "x", "main.py"),
    (["handler.py", "other.py"], "x", "handler.py"),
    (["x.py", "other.py"], "x", "x.py"),
    (["app.py", "x.py"], "x", "app.py"),
    (["lambda_function.py", "x.py"], "x", "lambda_function.py"),
    (["wsgi.py", "x.py"], "x", "wsgi.py"),
    (["only.py", "lib/a.py"], "x", "only.py"),
])
def test_usual_entry(tmp_path, files, name, found):
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("def handle(request):\n    return 1\n")
    launch = plugin.launch(str(tmp_path), name, None, {})
    assert json.loads(launch[3])["file"] == found


def test_folder_name_is_an_entry(tmp_path):
    folder = tmp_path / "greeter"
    folder.mkdir()
    (folder / "greeter.py").write_text("def handle(request):\n    return 1\n")
    (folder / "util.py").write_text("def handle(request):\n    return 1\n")
    assert json.loads(plugin.launch(str(folder), "x", None, {})[3])["file"] == "greeter.py"


def test_the_only_file_with_a_handle_is_the_entry(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "b.py").write_text("def handle(request):\n    return 1\n")
    assert json.loads(plugin.launch(str(tmp_path), "x", None, {})[3])["file"] == "b.py"


@pytest.mark.parametrize("source, attribute", [
    ("def handle(r):\n    pass\napp = handler = handle\n", "handle"),
    ("from flask import Flask\napp = Flask(__name__)\n@app.route('/')\ndef handle():\n    pass\n", "app"),
    ("app = FastAPI()\n@app.get('/')\nasync def handler(x: int):\n    pass\n", "app"),
    ("app = Flask(__name__)\ndef handler():\n    pass\napp.add_url_rule('/', view_func=handler)\n", "app"),
    ("async def handle(r):\n    pass\napp = Starlette(routes=[Route('/', handle)])\n", "app"),
    ("app = FastAPI()\nhandler = Mangum(app)\n", "handler"),
    ("app = Resolver()\n@app.get('/')\ndef handler():\n    pass\ndef lambda_handler(event, context):\n    pass\n",
     "lambda_handler"),
    ("def handle(request):\n    pass\nhandle = traced(handle)\n", "handle"),
    ("for handle in ():\n    pass\ndef handler(request):\n    pass\n", "handler"),
    ("import handle\nhandler = None\napp = make()\n", "app"),
    ("app = make()\ndef lambda_handler(event, context):\n    pass\n", "lambda_handler"),
    ("from flask import Flask\napplication = Flask(__name__)\n", "application"),
    ("from elsewhere import *\napp = 1\n", None),
    ("from elsewhere import *\ndef handle(r):\n    pass\n", "handle"),
])
def test_attribute_is_the_first_of_the_usual_names(tmp_path, source, attribute):
    (tmp_path / "main.py").write_text(source)
    assert json.loads(plugin.launch(str(tmp_path), "x", None, {})[3])["attribute"] == attribute


@pytest.mark.parametrize("source, options, concurrency", [
    ("def handler(event, context):\n    pass\n", {}, 1),
    ("@traced\ndef lambda_handler(event, context, more=None):\n    pass\n", {}, 1),
    ("def work(event, context):\n    pass\nhandler = work\n", {}, 1),
    ("def go(event, context):\n    pass\n", {"handler": "main:go"}, 1),
    ("app = FastAPI()\nhandler = Mangum(app)\n", {}, 1),
    ("def handler(event, context):\n    pass\nhandler = traced(handler)\n", {}, 1),
    ("def work(event, context):\n    pass\nhandler = traced(work)\n", {}, 1),
    ("from elsewhere import lambda_handler\n", {}, 1),
    ("from elsewhere import handler\n", {}, 8),
    ("def app(request):\n    pass\napp = traced(app)\n", {}, 8),
    ("def handler(request):\n    pass\n", {}, 8),
    ("def handler(environ, start_response):\n    pass\n", {}, 8),
    ("app = FastAPI()\n", {}, 8),
])
def test_event_handlers_run_one_at_a_time(tmp_path, source, options, concurrency):
    (tmp_path / "main.py").write_text(source)
    assert plugin.launch(str(tmp_path), "x", None, options)[2] == concurrency


@pytest.mark.parametrize("file, files, options, name", [
    ("main.py", {"main.py": "from .helper import x\n", "helper.py": ""}, {}, "greet.main"),
    ("main.py", {"main.py": "import helper\n", "helper.py": ""}, {}, None),
    ("main.py", {"main.py": "import pkg.a\n", "pkg/a.py": "from .b import x\n", "pkg/b.py": "x = 1\n"}, {}, None),
    ("pkg/a.py", {"pkg/a.py": "from .b import x\n", "pkg/b.py": ""}, {}, "pkg.a"),
    ("pkg/a.py", {"pkg/a.py": "from .b import x\n", "pkg/b.py": "from ..c import x\n", "c.py": ""}, {}, "greet.pkg.a"),
    ("pkg/a.py", {"pkg/a.py": "import b\n", "pkg/b.py": ""}, {}, None),
    (None, {"pkg/a.py": "import b\n", "pkg/b.py": ""}, {"handler": "pkg.a:run"}, "pkg.a"),
    (None, {"pkg/__init__.py": "from .b import x\n", "pkg/b.py": ""}, {"handler": "pkg:run"}, "pkg"),
    ("__init__.py", {"__init__.py": "from .b import x\n", "b.py": ""}, {}, "greet"),
])
def test_the_folder_is_a_package_where_imports_are_relative(tmp_path, file, files, options, name):
    for path, text in files.items():
        (tmp_path / "greet" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "greet" / path).write_text(text)
    assert json.loads(plugin.launch(str(tmp_path / "greet"), "x", file, options)[3]).get("name") == name


def test_the_only_file_with_an_application_is_the_entry(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "b.py").write_text("from flask import Flask\napp = Flask(__name__)\n")
    assert json.loads(plugin.launch(str(tmp_path), "x", None, {})[3])["file"] == "b.py"


def test_launch_settings(tmp_path):
    (tmp_path / "app.py").write_text(
        "handler_run_config = {'is_return_serialized': False}\ndef go(request):\n    return 1\n")
    options = {"handler": "app:go", "debug": "true"}
    command, environment, concurrency, runtime = plugin.launch(str(tmp_path), "x", None, options)
    assert command[0] == "/usr/bin/python3" and concurrency == 8
    assert json.loads(runtime) == {"attribute": "go", "debug": True, "file": "app.py", "is_return_serialized": False}


def test_module_of_the_dependencies(tmp_path):
    options = {"handler": "some.package:app", "extra_dependencies": "some-package"}
    assert validate(tmp_path, **options) == []
    runtime = json.loads(plugin.launch(str(tmp_path), "sample", None, options)[3])
    assert runtime == {"attribute": "app", "debug": False, "module": "some.package"}


def test_compiled_files(tmp_path):
    (tmp_path / "main.py").write_text("def handle(request):\n    return 42\n")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/a.py").write_text("X = 1\n")
    (tmp_path / "broken.py").write_text("x = (\n")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__/main.py").write_text("x = 1\n")
    excluded, files, dependencies = plugin.package(str(tmp_path), "x", None, {})
    assert "__pycache__" in excluded and dependencies is None
    compiled = dict(files)
    tag = sys.implementation.cache_tag
    assert set(compiled) == {f"__pycache__/main.{tag}.pyc", f"lib/__pycache__/a.{tag}.pyc"}
    data = compiled[f"__pycache__/main.{tag}.pyc"]
    assert data[:8] == importlib.util.MAGIC_NUMBER + b"\1\0\0\0"
    namespace = {}
    exec(marshal.loads(data[16:]), namespace)
    assert namespace["handle"](None) == 42


def test_package_is_the_same_every_time(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.py").write_text(f"def {name}(x): return (x, '{name}', 1.5)\n")
    folder = str(tmp_path)
    first = list(plugin._compiled(plugin.Job(folder, "x", None, {})))
    assert first == list(plugin._compiled(plugin.Job(folder, "x", None, {})))


def test_what_another_python_may_read_is_a_warning_that_says_so(tmp_path):
    (tmp_path / "main.py").write_text("import multipart, python_multipart\ndef handle(request):\n    return (\n")
    bases = {name: version == sys.version_info[:2] for name, version in plugin.VERSIONS.items()}
    for base, is_own in {**bases, None: True, "a later one": True}.items():
        (finding,) = plugin.validate(str(tmp_path), "x", None, {}, None, base)
        severity, file, line, _, message, _, _ = finding
        assert (severity, file, line) == (1 if is_own else 2, "main.py", 3)
        assert ("it will run with" in message) != is_own
        _, files, _ = plugin.package(str(tmp_path), "x", None, {}, None, base)
        assert list(files) == []


def test_what_is_compiled_is_for_the_python_that_it_runs_with(tmp_path):
    (tmp_path / "main.py").write_text("import multipart, python_multipart\ndef handle(request):\n    return 1\n")
    for base, version in plugin.VERSIONS.items():
        is_own = version == sys.version_info[:2]
        _, files, _ = plugin.package(str(tmp_path), "x", None, {}, None, base)
        assert len(files) == is_own
        findings = plugin.validate(str(tmp_path), "x", None, {}, None, base)
        assert len(findings) == is_own, findings  # of the one that is not in this Python's image


def requirements(text, folder="/nonexistent"):
    findings = Findings()
    pip = Requirements(findings, folder)
    pip.read_line(text)
    return pip, findings.items


@pytest.mark.parametrize("text, arguments", [
    ("", []),
    ("humanize", ["humanize"]),
    ("  requests   numpy ", ["requests", "numpy"]),
    ("transformers torch --extra-index-url https://example.org/whl/cpu sentencepiece",
     ["transformers", "torch", "--extra-index-url", "https://example.org/whl/cpu", "sentencepiece"]),
    ("requests>=2,<3 'numpy == 1.26.*' uvicorn[standard]==0.20",
     ["requests>=2,<3", "numpy == 1.26.*", "uvicorn[standard]==0.20"]),
    ("requests >= 2.0 numpy", ["requests>=2.0", "numpy"]),
    ("requests>= 2.0 numpy", ["requests>=2.0", "numpy"]),
    ("pip install flask", ["flask"]),
    ("python3 -m pip install flask -U --pre", ["flask", "-U", "--pre"]),
    ("-i https://example.org/simple x", ["--index-url", "https://example.org/simple", "x"]),
    ("--index-url=https://example.org/simple x", ["--index-url", "https://example.org/simple", "x"]),
    ("'importlib-metadata; python_version<\"3.8\"'", ["importlib-metadata; python_version<\"3.8\""]),
    ("'pkg @ https://example.org/pkg.zip'", ["pkg @ https://example.org/pkg.zip"]),
    ("https://example.org/pkg-1.0-py3-none-any.whl", ["https://example.org/pkg-1.0-py3-none-any.whl"]),
    ("git+https://example.org/x.git@main", ["git+https://example.org/x.git@main"]),
    ("--only-binary :all: x", ["--only-binary", ":all:", "x"]),
])
def test_pip_line(text, arguments):
    pip, problems = requirements(text)
    assert (pip.arguments, problems) == (arguments, [])


@pytest.mark.parametrize("text", [
    "--target x", "-tx", "-t x", "--prefix=/x", "--root /", "--user", "-e .", "-e git+https://example.org/x",
    "--python /usr/bin/python", "--log /tmp/l", "--cache-dir /c", "--src /s", "--report r", "-c c.txt", "--cert /c",
    "-r /etc/passwd", "-r/etc/passwd", "--requirement=../x", "-f /srv/wheels", "--find-links=file:///x", "./x", "../x",
    "/x", "~/x", "file:///x", "x.whl", "dir/pkg", "pkg@file:///etc/x",
    "'pkg @ file:///etc/x'", "$(id)", "`id`", "a;b&&c", "--unknown", "--index-url", "x|y", ">file", "x>=", "-", "--",
])
def test_pip_line_refused(text):
    _, problems = requirements(text)
    assert problems, text


def test_requirements_file(tmp_path):
    (tmp_path / "requirements.txt").write_text(
        "# what we need\nrequests>=2  # http\n\n-r more/other.txt\n--extra-index-url https://example.org/simple\n"
        "numpy \\\n    ==1.26.4\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more/other.txt").write_text("flask\n-r ../third.txt\n")
    (tmp_path / "third.txt").write_text("six")
    (tmp_path / "main.py").write_text("def handle(request):\n    return 1\n")
    assert validate(tmp_path, extra_dependencies="humanize") == []
    key, argv, environment = plugin.package(str(tmp_path), "sample", None, {"extra_dependencies": "humanize"})[2]
    lines = ["requests>=2", "flask", "six", "--extra-index-url https://example.org/simple",
             "numpy ==1.26.4"]
    assert environment == ["BERTH_REQUIREMENTS=" + "\n".join(["humanize", *lines])]
    assert argv == ["/opt/berth/install"]
    assert key == "\n".join(["humanize", *lines])


HASH = "sha256:" + "0a" * 32


def test_requirements_with_hashes(tmp_path):
    (tmp_path / "requirements.txt").write_text(
        f"six==1.16.0 \\\n    --hash={HASH} \\\n\t--hash {HASH}\nidna==3.7\t--hash={HASH}\n"
        f"parcel @ https://example.org/parcel.zip#sha256={'0a' * 32}\n")
    (tmp_path / "main.py").write_text("def handle(request):\n    return 1\n")
    assert validate(tmp_path) == []
    _, argv, environment = plugin.package(str(tmp_path), "sample", None, {})[2]
    lines = [f"six==1.16.0 --hash={HASH} --hash={HASH}", f"idna==3.7 --hash={HASH}",
             f"parcel @ https://example.org/parcel.zip#sha256={'0a' * 32}"]
    assert environment == ["BERTH_REQUIREMENTS=" + "\n".join(lines)]
    assert argv == ["/opt/berth/install", "--require-hashes"]


def test_long_requirements_are_cut_into_variables(tmp_path):
    lines = [f"package-{number}==1.0 --hash={HASH} --hash={HASH}" for number in range(2000)]
    (tmp_path / "requirements.txt").write_text("\n".join(lines))
    (tmp_path / "main.py").write_text("def handle(request):\n    return 1\n")
    environment = plugin.package(str(tmp_path), "sample", None, {})[2][2]
    assert [variable.partition("=")[0] for variable in environment] == [
        "BERTH_REQUIREMENTS", "BERTH_REQUIREMENTS_2", "BERTH_REQUIREMENTS_3", "BERTH_REQUIREMENTS_4"]
    assert max(map(len, environment)) < 128 << 10
    assert "\n".join(variable.partition("=")[2] for variable in environment).split("\n") == lines


def test_addresses_and_requirements_are_in_no_command_line(tmp_path):
    (tmp_path / "main.py").write_text("def handle(request):\n    return 1\n")
    line = ("-i https://u:secret@example.org/simple --extra-index-url=https://u:secret@a.org --only-binary :all: "
            "--extra-index-url https://u:secret@b.org -f https://u:secret@c.org --pre "
            "'x @ https://u:secret@example.org/x.zip' y")
    assert validate(tmp_path, extra_dependencies=line) == []
    _, argv, environment = plugin.package(str(tmp_path), "sample", None, {"extra_dependencies": line})[2]
    assert argv == ["/opt/berth/install", "--only-binary", ":all:", "--pre"]
    assert environment == [
        "BERTH_INDEX_URL=https://u:secret@example.org/simple",
        "BERTH_EXTRA_INDEX_URLS=https://u:secret@a.org https://u:secret@b.org",
        "BERTH_FIND_LINKS=https://u:secret@c.org",
        "BERTH_REQUIREMENTS=x @ https://u:secret@example.org/x.zip\ny"]


def test_requirements_file_that_includes_itself(tmp_path):
    (tmp_path / "requirements.txt").write_text("-r requirements.txt\n")
    (tmp_path / "main.py").write_text("def handle(request):\n    return 1\n")
    assert any("too deeply" in finding[4] for finding in validate(tmp_path))


def test_requirements_through_a_link_out_of_the_folder(tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "main.py").write_text("def handle(request):\n    return 1\n")
    findings = validate(folder, extra_dependencies="-r link.txt")
    assert len(findings) == 1 and "outside" in findings[0][4]


def test_scaffold_passes_its_own_validation(tmp_path):
    for path, data in plugin.scaffold(str(tmp_path), "greeter", None, {}):
        (tmp_path / path).write_bytes(data)
    assert validate(tmp_path, name="greeter") == []


@pytest.mark.parametrize("name", ["hello", "addition", "subtract", "multiply", "division", "dashboard", "countdown"])
def test_samples_are_clean(name):
    assert validate(ROOT / "functions" / name, f"{name}.py", name) == []


def test_the_advice_for_a_main_of_args_works(host, tmp_path):
    source = "def main(args):\n    return {'hello': args.get('name')}\n"
    (tmp_path / "main.py").write_text(source)
    advice = validate(tmp_path)[0][5].partition("`")[2].partition("`")[0]
    source += advice + "\n"
    (tmp_path / "followed").mkdir()
    (tmp_path / "followed/main.py").write_text(source)
    assert validate(tmp_path / "followed") == []
    connection = host.serve(source)
    assert connection.request(target="/?name=Ada").json() == {"hello": "Ada"}
    assert connection.request("POST", "/", b'{"name": "Bob"}').json() == {"hello": "Bob"}


def test_nothing_is_executed(tmp_path):
    (tmp_path / "main.py").write_text(f"open({str(tmp_path / 'mark')!r}, 'w')\ndef handle(request):\n    return 1\n")
    validate(tmp_path)
    plugin.package(str(tmp_path), "sample", None, {})
    assert not (tmp_path / "mark").exists()


def test_deep_nesting_is_a_finding(tmp_path):
    (tmp_path / "main.py").write_text("x = " + "-" * 20000 + "1\ndef handle(request):\n    return 1\n")
    findings = validate(tmp_path)
    assert len(findings) == 1 and findings[0][0] == 1
