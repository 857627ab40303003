"""`report_modules` in an init: which modules a function imports when it is loaded, as far as they can be imported ahead."""
import pytest

from fake_host import REFERENCE, accelerated_runner

HANDLE = "\ndef handle(request):\n    return 'done'\n"
PLAIN = {"lib": "import decimal, beside\n", "beside": "VALUE = 'b'\n",
         "pkg/__init__.py": "", "pkg/part.py": "", "pkg/other.py": ""}


@pytest.fixture
def runner():
    """The one of the image: nothing here is done by its C module."""
    return accelerated_runner() or REFERENCE


@pytest.fixture
def report(host):
    """The names of the modules that this main.py is told to import, with these dependencies."""
    def report(source, dependencies=PLAIN, **changes):
        host.dependencies.mkdir()
        for name, text in dependencies.items():
            host.write_library(name, text)
        connection = host.serve(source + HANDLE, dependencies=str(host.dependencies), report_modules=True, **changes)
        assert connection.request().text == "done"
        return names(connection)
    return report


def names(connection):
    return connection.modules and [entry["name"] for entry in connection.modules]


@pytest.mark.parametrize("source, listed", [
    ("", []),
    ("import json, os, sys", []),
    ("import lib", ["lib"]),
    ("import lib, beside, decimal", ["lib"]),
    ("import beside, lib", ["beside", "lib"]),
    ("import lib, importlib\nimportlib.import_module('lib')\nimportlib.import_module('beside')", ["lib"]),
    ("import pkg.part", ["pkg.part"]),
    ("from pkg import part, other", ["pkg", "pkg.part", "pkg.other"]),
    ("import importlib\nimportlib.import_module('.part', 'pkg')", ["pkg.part"]),
    ("__import__('lib')", ["lib"]),
    ("try:\n    import missing\nexcept ImportError:\n    import lib", ["lib"]),
    ("from decimal import Decimal", ["decimal"]),
    ("import threading\nthread = threading.Thread(target=__import__, args=('lib',))\nthread.start()\nthread.join()", {"lib"}),
])
def test_what_is_imported_is_listed_in_order(report, source, listed):
    found = report(source)
    assert listed <= set(found) if isinstance(listed, set) else found == listed


def test_the_functions_own_files_are_not_listed_but_what_they_import_is(host, report):
    host.write("import beside\nfrom .deep import lower\n", "own/__init__.py")
    host.write("", "own/deep/__init__.py")
    host.write("import lib\n", "own/deep/lower.py")
    assert report("import own, decimal") == ["beside", "lib"]


def test_what_a_library_imports_while_it_works_for_the_function(report):
    dependencies = {"lib": "def run():\n    import late\n", "late": "import decimal\n"}
    assert report("import lib\nlib.run()", dependencies) == ["lib", "late"]


def test_what_an_applications_start_imports(host):
    host.dependencies.mkdir()
    host.write_library("late", "")
    connection = host.serve("""
        async def handle(scope, receive, send):
            import late
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        """, dependencies=str(host.dependencies), report_modules=True)
    assert "late" in names(connection) and "berth_runner.asgi_app" in names(connection)


@pytest.mark.parametrize("source, listed", [
    ("import anyio", ["anyio", "anyio._backends._asyncio"]),
    ("import anyio\nimport anyio._backends._asyncio", ["anyio", "anyio._backends._asyncio"]),
    ("import anyio, os\nos.environ['MODE'] = 'x'", ["anyio"]),
    ("import httpx", ["httpx"]),
    ("from starlette.responses import HTMLResponse", []),
])
def test_what_a_known_library_imports_late_is_listed_if_nothing_is_changed_and_it_is_there(report, source, listed):
    known = {"anyio/__init__.py": "", "anyio/_backends/_asyncio.py": "", "httpx": ""}
    assert report(source, {} if "starlette" in source else known) == listed


def test_a_module_of_the_dependencies_with_the_handler_is_not_listed(host):
    host.write_library("pkg/__init__.py", "")
    host.write_library("pkg/entry.py", "import lib" + HANDLE)
    host.write_library("lib", "")
    connection = host.serve("", dependencies=str(host.dependencies), report_modules=True,
                            runtime={"module": "pkg.entry", "attribute": "handle"})
    assert names(connection) == ["pkg", "lib"]


def test_costs_are_measured(host):
    host.dependencies.mkdir()
    host.write_library("slow", "import time\ntime.sleep(0.05)\n")
    host.write_library("quick", "")
    modules = host.serve("import slow, quick" + HANDLE, dependencies=str(host.dependencies), report_modules=True).modules
    assert modules[0]["ms"] >= 50 and modules[1]["ms"] < modules[0]["ms"]


def test_without_being_asked_nothing_is_reported(host):
    assert host.serve("import decimal" + HANDLE).modules is None


PATCHED = "import json\njson.dumps = lambda *_: 'patched'\n"


@pytest.mark.parametrize("source, files, listed", [
    ("import beside, os\nos.environ['MODE'] = 'x'\nimport lib", {}, ["beside"]),
    ("import beside, os\nos.environ.setdefault('PATH', 'x')\nimport lib", {}, ["beside", "lib"]),
    ("import beside, os\nos.chdir('/')\nimport lib", {}, ["beside"]),
    ("import beside, sys\nsys.path.insert(0, '/opt')\nimport lib", {}, ["beside"]),
    ("import beside, sys\nsys.meta_path.insert(0, type('F', (), {'find_spec': lambda *_: None}))\nimport lib", {}, ["beside"]),
    ("import beside\n" + PATCHED + "import lib", {}, ["beside"]),
    ("import beside, lib\n" + PATCHED, {}, ["beside", "lib"]),
    ("import beside, builtins\nu = builtins.__import__\nbuiltins.__import__ = lambda *a, **k: u(*a, **k)\nimport lib",
     {}, ["beside"]),
    ("import beside, sys\nsys.modules['decimal'] = beside\nimport lib", {}, ["beside"]),
    ("import beside, sys\ndel sys.modules['json']\nimport lib", {}, ["beside"]),
    ("import beside, sys\nsys.argv = ['prog', '--fast']\nimport lib", {}, ["beside"]),
    ("import beside, sys, io\nclass Tee(io.StringIO): pass\nsys.stderr = Tee()\nimport lib", {}, ["beside"]),
    ("import beside, logging.config\nlogging.config.dictConfig({'version': 1})\nimport lib", {}, ["beside", "logging.config"]),
    ("import beside, logging\nlogging.basicConfig(level='INFO')\nimport lib", {}, ["beside", "lib"]),
    ("import os, sys\nsys.path.insert(0, os.path.dirname(__file__))\nsys.path.append(os.getcwd())\nimport lib", {}, ["lib"]),
    ("import os, sys\nsys.path.insert(0, os.path.dirname(__file__) + '/vendor')\nimport mine, lib",
     {"vendor/mine.py": "import beside"}, ["beside", "lib"]),
])
def test_nothing_is_listed_from_where_the_function_has_changed_what_imports_depend_on(host, report, source, files, listed):
    for name, text in files.items():
        host.write(text, name)
    assert report(source) == listed


@pytest.mark.parametrize("source, files, dependencies", [
    ("import lib, beside", {"beside.py": ""}, PLAIN),
    ("import lib", {"decimal.py": ""}, PLAIN),
    ("import sys\nsys.path.insert(0, sys.path[0] + '/vendor')\nimport lib", {"vendor/lib.py": ""}, PLAIN),
    ("import lib", {"settings.py": ""}, {"lib": "try:\n    import settings\nexcept ImportError:\n    pass\n"}),
    ("import settings, lib", {"settings.py": ""}, {"lib": "try:\n    import settings\nexcept ImportError:\n    pass\n"}),
    ("import settings, lib", {"settings.py": ""}, {"lib": "import importlib\nimportlib.import_module('settings')\n"}),
])
def test_nothing_is_listed_where_the_functions_files_take_the_place_of_others(host, report, source, files, dependencies):
    for name, text in files.items():
        host.write(text, name)
    assert report(source, dependencies) == []


def test_a_file_that_hides_what_nobody_imports_is_no_obstacle(host, report):
    host.write("", "pkg.py")
    host.write("", "calendar.py")
    assert report("import lib") == ["lib"]


def test_what_writes_while_it_is_imported_is_not_listed(host, report):
    dependencies = {"loud": "import logging\nlogging.getLogger('loud').info('I am here')\n", "lib": ""}
    assert report("import logging\nlogging.basicConfig(level='INFO')\nimport loud, lib", dependencies) == ["lib"]
    host.wait_log("I am here")


def test_what_reads_a_file_of_the_function_while_it_is_imported_is_not_listed(host, report):
    host.write("color: blue\n", "style.rc")
    read = "import pathlib\nCOLOR = pathlib.Path('style.rc').read_text()\n"
    late = "def read():\n    return open('style.rc').read()\n"
    absent = "try:\n    open('other.rc')\nexcept OSError:\n    open('/etc/hostname').close()\n"
    assert report("import rc, late, absent\nlate.read()", {"rc": read, "late": late, "absent": absent}) == ["late", "absent"]


def test_a_library_that_has_to_patch_others_first_is_not_listed(report):
    assert report("import gevent.monkey, lib", {"gevent/__init__.py": "", "gevent/monkey.py": "", "lib": ""}) == ["lib"]


def test_what_comes_after_a_library_that_has_patched_others_is_not_listed(report):
    patching = "import json\nfrom . import monkey\njson.dumps = lambda *_: 'patched'\n"
    dependencies = {"gevent/__init__.py": patching, "gevent/monkey.py": "", "lib": "", "beside": ""}
    assert report("import beside, gevent, lib", dependencies) == ["beside"]


# An object that is made by the first question about it, as Django's settings are.
LAZY = """
    class Lazy:
        asked = 0

        @property
        def __class__(self):
            Lazy.asked += 1
            raise ValueError("not set up yet")

        __dict__ = __module__ = __class__

    class Members:
        held = Lazy()

    lazy = Lazy()
    """


def test_objects_are_not_asked_what_they_are(host):
    host.dependencies.mkdir()
    host.write_library("lib", LAZY)
    host.write_library("other", "import decimal\n")
    host.write("import lib, other\n\ndef handle(request):\n    return [lib.Lazy.asked]\n")
    cold = load(host)
    assert cold.request().json() == [0] and names(cold) == ["lib", "other"]
    assert load(host, names(cold)).request().json() == [0]


def test_nothing_is_left_of_the_reporting(host):
    host.dependencies.mkdir()
    host.write_library("lib", "from importlib import import_module\nfrom io import open\nmine = open\n")
    connection = host.serve("""
        import lib

        def handle(request):
            import builtins, importlib, sys
            found = [builtins.__import__, lib.import_module, lib.open, lib.mine, builtins.open]
            return [[one.__module__.strip("_") for one in found], importlib._bootstrap._find_and_load.__closure__,
                    [one.name for one in (sys.stdout, sys.stderr) if "write" in vars(one)]]
        """, dependencies=str(host.dependencies), report_modules=True)
    assert connection.request().json() == [["builtins", "importlib", "io", "io", "io"], None, []]


def test_a_function_that_does_not_load_tells_the_same_as_without(host):
    host.write_library("lib", "import beside\n")
    host.write_library("beside", "raise ValueError('broken on purpose')\n")
    host.write("import lib" + HANDLE)
    answers = []
    for changes in ({}, {"report_modules": True}):
        host.start()
        answer = host.init(host.accept(), dependencies=str(host.dependencies), **changes)
        assert answer.status == 500
        answers.append(answer.json())
    assert answers[0] == answers[1] and "lib.py" in answers[0]["error"]["traceback"]


def load(host, modules=None, **environment):
    """A fresh instance that answers a request; with modules, those were imported ahead. Gives its connection."""
    host.start(BERTH_PREWARMED="1")
    connection = host.accept()
    if modules is not None:
        answer = host.prewarm(connection, modules, environment=environment)
        assert answer.status == 200, answer.text
        if effects := answer.json()["effects"]:
            left = {effect["module"] for effect in effects}
            return load(host, [name for name in modules if name not in left], **environment)
    (host.folder / "sign").touch()
    asked = {} if modules is not None else {"report_modules": True}
    answer = host.init(connection, dependencies=str(host.dependencies), environment=environment, **asked)
    assert answer.status == 200, answer.text
    connection.modules = answer.json().get("modules")
    (host.folder / "sign").unlink()
    return connection


READS_MODE = {"lib": "import os\nMODE = os.environ['MODE']\n"}
HAS_THREAD = {"lib": """
    import threading, time
    THREAD = threading.Thread(target=time.sleep, args=(60,), daemon=True)
    THREAD.start()
    """}
HAS_FILE = {"lib": "import os\nFILE = os.open('/etc/hostname', 0)\ndef read():\n    return os.read(FILE, 1) != b''\n"}
WANTS_SETTINGS = {"lib": "try:\n    from settings import WHO\nexcept ImportError:\n    WHO = None\n"}


@pytest.mark.parametrize("source, dependencies, expected", [
    ("import lib\nVALUE = lib.MODE", READS_MODE, "fast"),
    ("import os\nos.environ['MODE'] = 'own'\nimport lib\nVALUE = lib.MODE", READS_MODE, "own"),
    ("import lib\nVALUE = lib.THREAD.is_alive()", HAS_THREAD, True),
    ("import lib, os\nVALUE = lib.START >= os.stat('sign').st_mtime - 0.05", {"lib": "import time\nSTART = time.time()\n"}, True),
    ("import json\njson.dumps = lambda *_: 'own'\nimport lib\nVALUE = lib.dumps({})", {"lib": "from json import dumps\n"}, "own"),
    ("import lib\nVALUE = lib.WHO", {"lib": "from helper import WHO\n", "helper": "WHO = 'theirs'\n"}, "own"),
    ("import lib\nVALUE = lib.WHO", WANTS_SETTINGS, "own"),
    ("import settings\nimport lib\nVALUE = lib.WHO", WANTS_SETTINGS, "own"),
    ("import lib\nVALUE = lib.read()", HAS_FILE, True),
    ("import six.moves\nVALUE = six.moves.range(3)[2]", {}, 2),
])
def test_a_function_behaves_as_without_prewarming(host, source, dependencies, expected):
    host.dependencies.mkdir()
    for name, text in dependencies.items():
        host.write_library(name, text)
    for name in ("helper", "settings"):
        host.write("WHO = 'own'\n", f"{name}.py")
    host.write(source + "\n\ndef handle(request):\n    return [VALUE]\n")
    cold = load(host, MODE="fast")
    assert cold.request().json() == [expected]
    assert load(host, names(cold), MODE="fast").request().json() == [expected]
