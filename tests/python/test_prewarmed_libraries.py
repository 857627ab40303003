"""POST /.berth/prewarm: libraries that are imported before the function is known, and what must not be done ahead."""
import json
import time

import pytest

from fake_host import REFERENCE, accelerated_runner

USER = """
import lib

def handle(request):
    return lib.VALUE
"""


@pytest.fixture
def runner():
    """The one of the image: nothing here is done by its C module."""
    return accelerated_runner() or REFERENCE


@pytest.fixture
def prewarmed(host):
    """Starts a runner that imports these modules ahead; gives its connection and the answer's document."""
    def start(modules, **changes):
        host.dependencies.mkdir(exist_ok=True)
        host.start(BERTH_PREWARMED="1")
        connection = host.accept()
        answer = host.prewarm(connection, modules, **changes)
        assert answer.status == 200, answer.text
        return connection, answer.json()
    return start


def effects_of(prewarmed, modules, **changes):
    return [(found["module"], found["effect"]) for found in prewarmed(modules, **changes)[1]["effects"]]


def test_a_library_is_imported_before_the_function_and_once(host, prewarmed):
    host.write_library("lib", "import os, sys\nVALUE = [os.environ['MODE'], sys.path[0]]\n")
    connection, answer = prewarmed(["lib"], environment={"MODE": "fast"})
    assert [entry["name"] for entry in answer["modules"]] == ["lib"] and answer["modules"][0]["ms"] > 0
    assert (answer["prewarmed"], answer["effects"]) == (True, [])
    host.write_library("lib", "VALUE = 'imported again'\n")
    host.write(USER)
    assert host.init(connection, dependencies=str(host.dependencies), environment={"MODE": "fast"}).status == 200
    assert connection.request().json() == ["fast", str(host.dependencies)]


def test_the_function_finds_everything_as_without(host, prewarmed):
    """Module path, environment, output and the import system are the usual ones; what the function brings comes first."""
    host.write_library("lib", "VALUE = 1\n")
    host.write_library("other", "WHO = 'dependencies'\n")
    connection, _ = prewarmed(["lib"], environment={"MODE": "fast"}, secret_names=["TOKEN"])
    host.write("WHO = 'code'\n", "other.py")
    host.write("""
        import builtins, importlib, os, sys
        import lib, other

        def handle(request):
            return {"path": sys.path[:2], "again": sys.path[2:].count(sys.path[1]), "other": other.WHO, "cwd": os.getcwd(),
                    "variables": [os.environ["MODE"], os.environ["TOKEN"], type(os.environ._data).__name__],
                    "same": os.environ._data is os.environb._data,
                    "import": [builtins.__import__.__module__, importlib._bootstrap._find_and_load.__closure__],
                    "output": ["write" in vars(sys.stdout), os.readlink("/proc/self/fd/1"), os.readlink("/proc/self/fd/2")],
                    "ours": sorted(name for name in vars(builtins) if "berth" in name)}
        """)
    environment = {"MODE": "fast", "TOKEN": "t"}
    assert host.init(connection, dependencies=str(host.dependencies), environment=environment).status == 200
    assert connection.request().json() == {
        "path": [str(host.folder), str(host.dependencies)], "again": 0, "other": "code", "cwd": str(host.folder),
        "variables": ["fast", "t", "dict"], "same": True,
        "import": ["builtins", None],
        "output": [False, str(host.log_path), str(host.log_path)], "ours": []}


def test_what_a_library_has_put_into_the_environment_stays(host, prewarmed):
    host.write_library("lib", "import os\nos.environ['MODE'] = os.environ['MODE'] + ' and changed'\n")
    connection, answer = prewarmed(["lib"], environment={"MODE": "fast"})
    assert answer["effects"] == []
    host.write("import lib, os\n\ndef handle(request):\n    return os.environ['MODE']\n")
    assert host.init(connection, dependencies=str(host.dependencies), environment={"MODE": "fast"}).status == 200
    assert connection.request().text == "fast and changed"


def test_nothing_to_import_and_no_dependencies(host, prewarmed):
    connection, answer = prewarmed([], dependencies=None)
    assert answer == {"prewarmed": True, "modules": [], "effects": []}
    host.write("def handle(request):\n    return 'hello'\n")
    assert host.init(connection).status == 200
    assert connection.request().text == "hello"


def test_a_copy_of_a_preloaded_module_among_the_dependencies(host, prewarmed):
    host.write_library("starlette/__init__.py", "__version__ = '99.0'\n")
    host.write_library("lib", "import starlette\nVALUE = starlette.__version__\n")
    connection, answer = prewarmed(["lib"])
    assert answer["effects"] == []
    host.write(USER)
    assert host.init(connection, dependencies=str(host.dependencies)).status == 200
    assert connection.request().text == "99.0"


KEPT = "keeps the time in lib."
EFFECTS = {
    "thread": ("import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()", "starts a thread"),
    "foreign thread": ("""
        import ctypes
        libc, ident = ctypes.CDLL(None), ctypes.c_ulong()
        libc.pthread_create(ctypes.byref(ident), None, ctypes.cast(libc.sleep, ctypes.c_void_p), ctypes.c_void_p(60))
        """, "starts a thread that is not Python's"),
    "file": ("FILE = open('/etc/hostname')", "leaves /etc/hostname open"),
    "socket": ("import socket\nSOCKET = socket.socket()", "leaves socket:"),
    "loop": ("import asyncio\nLOOP = asyncio.new_event_loop()", "leaves anon_inode:[eventpoll], socket:"),
    "process": ("import subprocess\nCHILD = subprocess.Popen(['sleep', '1'])", "starts a process"),
    "signal": ("import signal\nsignal.signal(signal.SIGUSR1, print)", "handles a signal"),
    "folder": ("import os\nos.chdir('/')", "changes the working directory"),
    "umask": ("import os\nos.umask(0o027)", "changes the umask"),
    "stream": ("import io, sys\nsys.stdout = io.StringIO()", "replaces standard output or standard error"),
    "path": ("import sys\nsys.path.append('/opt')", "changes sys.path"),
    "trace": ("import sys\nsys.setprofile(lambda *_: None)", "traces the program"),
    "print": ("print('hello from lib')", "writes to standard output or standard error"),
    "write": ("import os\nos.write(2, b'hello from lib\\n')", "writes to standard output or standard error"),
    "child's output": ("import subprocess\nsubprocess.run(['echo', 'hello from lib'])", "writes to standard output or standard"),
    "seconds": ("import time\nSTART = time.time()", KEPT + "START"),
    "milliseconds": ("import time\nSTART = int(time.time() * 1000)", KEPT + "START"),
    "nanoseconds": ("import time\nSTART = time.monotonic_ns()", KEPT + "START"),
    "counter": ("import time\nSTART = time.perf_counter()", KEPT + "START"),
    "struct": ("import time\nimport datetime\nSTART = time.gmtime()", KEPT + "START"),
    "aware": ("from datetime import datetime, timezone\nSTART = datetime.now(timezone.utc)", KEPT + "START"),
    "naive": ("from datetime import datetime\nSTART = datetime.utcnow()", KEPT + "START"),
    "today": ("from datetime import date\nDAY = date.today()", KEPT + "DAY"),
    "in a class": ("import time\nclass Metrics:\n    start = time.time()", KEPT + "Metrics.start"),
    "broken": ("raise RuntimeError('not\\nnow')", "cannot be imported ahead: RuntimeError: not now"),
    "no text": ("raise RuntimeError('\\udc80' * 500)", "cannot be imported ahead: RuntimeError: ???"),
    "exit": ("raise SystemExit(1)", "cannot be imported ahead: SystemExit: 1"),
    "missing": ("import does_not_exist", "cannot be imported ahead: ModuleNotFoundError: No module named 'does_not_exist'"),
}


@pytest.mark.parametrize("kind", EFFECTS)
def test_effects(host, prewarmed, kind):
    source, effect = EFFECTS[kind]
    host.write_library("lib", source)
    host.write_library("calm", "import json, decimal\nPI, ZERO, YEAR = 3.14159, 0, 2024\n")
    found = effects_of(prewarmed, ["calm", "lib"])
    assert [name for name, _ in found] == ["lib"] and found[0][1].startswith(effect), found
    assert len(found[0][1]) <= 300
    if "hello from lib" in source:
        host.wait_log("hello from lib")


@pytest.mark.parametrize("source", [
    "import threading\nthread = threading.Thread(target=len, args=('a',))\nthread.start()\nthread.join()",
    "open('/etc/hostname').read()",
    "class Ring:\n    pass\nring = Ring()\nring.ring, ring.file = ring, open('/etc/hostname')\ndel ring",
    "import subprocess\nsubprocess.run(['true'])",
    "import random\nrandom.seed(1)",
    "import atexit\natexit.register(len, 'a')",
    "import os\nVALUE = os.environ.get('MODE'), list(os.environ)",
])
def test_what_leaves_nothing_is_no_effect(host, prewarmed, source):
    host.write_library("lib", source)
    assert effects_of(prewarmed, ["lib"]) == []


def test_files_in_the_working_directory(host, prewarmed, tmp_path):
    (tmp_path / "work").mkdir()
    host.write_library("lib", "import os\nos.mkdir('logs')\n")
    host.write_library("calm", "import os\nWHERE = os.getcwd()\n")
    found = effects_of(prewarmed, ["calm", "lib"], work=str(tmp_path / "work"))
    assert found == [("lib", "makes files in the working directory")]
    assert (tmp_path / "work/logs").is_dir()


def test_pools_that_wait_for_work_are_no_effect(host, prewarmed):
    host.write_library("numpy", EFFECTS["foreign thread"][0])
    host.write_library("lib", "import numpy\n")
    assert effects_of(prewarmed, ["lib"]) == []


def test_all_that_are_being_imported_are_named(host, prewarmed):
    host.write_library("outer", "import between\n")
    host.write_library("between", "import inner\n")
    host.write_library("inner", "import os\nFILE = os.dup(0)\n")
    host.write_library("other", "import inner, outer\n")
    found = effects_of(prewarmed, ["json", "outer", "inner", "other"])
    assert [name for name, _ in found] == ["inner", "outer"] and len({effect for _, effect in found}) == 1


def test_a_known_library_is_named_whoever_imports_it(host, prewarmed):
    host.write_library("gevent/__init__.py", "")
    host.write_library("lib", "import gevent\n")
    assert effects_of(prewarmed, ["lib"]) == [("lib", "is asked to patch others before they are imported")]


@pytest.mark.parametrize("source, effect", [
    ("import os\nVALUE = os.environ.get('TOKEN')", "reads the secret TOKEN"),
    ("import os\nVALUE = 'TOKEN' in os.environ", "reads the secret TOKEN"),
    ("import os\nVALUE = os.environb.get(b'TOKEN')", "reads the secret TOKEN"),
    ("import os\nVALUE = os.getenv('TOKEN', 'none')", "reads the secret TOKEN"),
    ("import os\nVALUE = dict(os.environ)", "reads all variables, and with them secrets"),
    ("import os\nVALUE = os.environ.get('MODE')", None),
])
def test_secrets_that_are_asked_for(host, prewarmed, source, effect):
    host.write_library("lib", source)
    found = effects_of(prewarmed, ["lib"], secret_names=["TOKEN"], environment={"MODE": "fast"})
    assert found == ([("lib", effect)] if effect else [])


def test_prewarm_comes_once_and_before_the_function(host, prewarmed):
    connection, _ = prewarmed([])
    again = host.prewarm(connection, [])
    assert (again.status, again.json()["error"]["message"]) == (409, "this runner is prewarmed")
    host.write("def handle(request):\n    return 'hello'\n")
    assert host.init(connection, dependencies=str(host.dependencies)).status == 200
    assert host.prewarm(connection, []).status == 409
    assert connection.request().text == "hello"


@pytest.mark.parametrize("changes", [
    {"protocol": 2}, {"modules": "lib"}, {"modules": [1]}, {"secret_names": {}}, {"environment": 7},
    {"environment": {"A": 1}},
])
def test_settings_that_are_none_are_400_and_the_instance_goes_on(host, changes):
    host.dependencies.mkdir()
    host.write_library("lib", "VALUE = 'plain'\n")
    host.start(BERTH_PREWARMED="1")
    connection = host.accept()
    answer = host.prewarm(connection, **{"modules": ["lib"], **changes})
    assert answer.status == 400 and answer.json()["error"]["message"]
    host.write(USER)
    assert host.init(connection, dependencies=str(host.dependencies)).status == 200
    assert connection.request().text == "plain"


def test_prewarm_is_a_post(host):
    host.start()
    answer = host.accept().request("GET", "/.berth/prewarm")
    assert answer.status == 405 and "prewarm" in answer.json()["error"]["message"]


def test_an_init_for_other_dependencies_is_refused(host, prewarmed):
    connection, _ = prewarmed([])
    host.write("def handle(request):\n    return 'hello'\n")
    answer = host.init(connection, dependencies=None)
    assert answer.status == 500 and str(host.dependencies) in answer.json()["error"]["message"]


def test_a_function_that_brings_what_was_imported_ahead_is_refused(host, prewarmed):
    host.write_library("lib", "VALUE = 'theirs'\n")
    connection, _ = prewarmed(["lib"])
    host.write("VALUE = 'own'\n", "lib.py")
    host.write(USER)
    answer = host.init(connection, dependencies=str(host.dependencies))
    assert answer.status == 500 and "another lib" in answer.json()["error"]["message"]


def test_sigterm_while_a_library_is_imported(host):
    host.write_library("lib", "import os, time\nos.close(os.open(os.environ['SIGN'], os.O_CREAT))\ntime.sleep(60)\n")
    sign = host.folder / "importing"
    process = host.start(BERTH_PREWARMED="1")
    connection = host.accept()
    body = json.dumps({"protocol": 1, "dependencies": str(host.dependencies), "environment": {"SIGN": str(sign)},
                       "modules": ["lib"]}).encode()
    connection.send(b"POST /.berth/prewarm HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    deadline = time.monotonic() + 20
    while not sign.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert host.terminate(process) == 0
