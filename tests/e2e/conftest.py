"""Fixtures: daemons of a test's own, checked after every test.

Set BERTH_BIN_DIR to test another build than build/release/bin, BERTH_KEEP=1 to keep the daemons' folders.
"""

import fcntl
import os
import pathlib
import signal
import tempfile
import subprocess
import warnings

import pytest

from harness import engine, neighbour
from harness.daemon import Berth
from harness.functions import HELLO, NODE_HELLO, SHELL_HELLO
from harness.index import Index
from harness.plugins import build_peers
from harness.reaching import Service, outside_machine
from harness.screen import Screen
from harness.slow_engine import SlowEngine
from harness.wait import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEST_LIMIT_S = 240
FIRST_START_S = 600
# Of several processes that take whole files, one would have to end alone a long file that it was given late.
LONG_FILES = ("package", "soak", "node_apps", "container_guide", "system_packages", "base", "newer_engine",
              "lua_example", "engine", "python_shapes", "node_shapes", "builder", "scaling", "plugin_test",
              "python_index", "output", "endings", "python_apps", "slow_clients", "check", "last_good", "plugins",
              "image_pull", "daemon", "stored", "waiting", "leaks", "fault_functions")


def pytest_addoption(parser):
    parser.addoption("--fault-table", metavar="FILE", help="append what is seen of each fault, as JSON, a line each")


def pytest_configure(config):
    neighbour.table["path"] = config.getoption("--fault-table")
    config.addinivalue_line("markers", "network: needs a package index that can be reached")
    config.addinivalue_line("markers", "limit(seconds): a longer time limit than the usual one")
    config.addinivalue_line("markers", "shows_setting(names): shows the effect of these settings through the daemon")


def pytest_collection_modifyitems(items):
    """Long files begin first; each keeps the order of its own."""
    turns = {f"test_{name}.py": turn for turn, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: turns.get(item.path.name, len(turns)))


@pytest.fixture(scope="session")
def root():
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def base_image(root):
    return find_base_image(root)


def find_base_image(root):
    """The image that runtime images stand on."""
    show = ["bash", "-c", '. scripts/lib.sh && printf %s "$base_image"']
    return subprocess.run(show, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest.fixture(scope="session")
def bin_dir():
    folder = os.environ.get("BERTH_BIN_DIR") or str(ROOT / "build" / "release" / "bin")
    if not os.access(os.path.join(folder, "berthd"), os.X_OK):
        pytest.exit(f"there is no berthd in {folder}; run scripts/build first", returncode=2)
    return folder


@pytest.fixture(scope="session")
def runtime_images(bin_dir):
    """Has the runtime images built, as the first daemon on a machine does, so that no test waits for it; their names.
    Processes that run tests at the same time do it one after the other."""
    return serve_once(bin_dir, {"python-image": (HELLO, "python"), "shell-image": (SHELL_HELLO, "shell")})


def serve_once(bin_dir, functions):
    """Calls each of {name: (code, language)} in a daemon that has time to make what they need; the images they ran in."""
    berth = Berth(bin_dir)
    lock = open(os.path.join(tempfile.gettempdir(), "berth-tests-images.lock"), "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name, (code, language) in functions.items():
            berth.write_function(name, code, language)
        berth.start(timeout=FIRST_START_S)
        wait_until(lambda: berth.log.entries(event="daemon.ready"), "the runtime images", FIRST_START_S)
        for name in berth.functions:
            answer = berth.get(f"/{name}", timeout=FIRST_START_S)
            if answer.status != 200:
                warnings.warn(f"{name} does not serve: {answer}")
        images = {container["Image"] for container in berth.containers()}
        berth.stop()  # in order: a container that is just being made would stay
        return images
    finally:
        berth.discard()
        lock.close()


@pytest.fixture(scope="session")
def node_image(bin_dir, runtime_images):
    """Has the runtime image of Node.js built, which only some tests need."""
    serve_once(bin_dir, {"node-image": (NODE_HELLO, "node")})


@pytest.fixture(scope="session")
def peers(root, bin_dir, tmp_path_factory):
    """The folder with the plugins of tests/peers, built once by processes that run tests at the same time."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    with open(shared / "peers.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "peers").exists():
            build_peers(root, bin_dir, shared / "peers.new")
            os.rename(shared / "peers.new", shared / "peers")
    return shared / "peers"


@pytest.fixture(autouse=True)
def time_limit(request):
    """Ends a test that hangs."""
    marker = request.node.get_closest_marker("limit")
    seconds = marker.args[0] if marker else TEST_LIMIT_S

    def expired(*_):
        raise TimeoutError(f"the test took more than {seconds} s")

    previous = signal.signal(signal.SIGALRM, expired)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)


def finish_all(daemons):
    problems = [problem for daemon in daemons for problem in daemon.finish()]
    assert not problems, "\n".join(problems)


@pytest.fixture
def make_berth(bin_dir, runtime_images, request):
    """Makes daemons that are stopped and checked when the test is over."""
    made = []
    request.node.daemons = made

    def make():
        made.append(Berth(bin_dir))
        return made[-1]

    yield make
    finish_all(made)


@pytest.fixture
def berth(make_berth):
    """One such daemon, not started yet."""
    return make_berth()


@pytest.fixture
def index(runtime_images):
    """A package index that builder containers reach."""
    index = Index()
    yield index
    index.gate.set()
    index.close()


@pytest.fixture(scope="module")
def shared_berth(bin_dir, runtime_images):
    """A daemon for all tests of a module; see `served`."""
    berth = Berth(bin_dir)
    yield berth
    finish_all([berth])


@pytest.fixture
def served(shared_berth, request):
    """The module's daemon for one test, checked while it goes on running."""
    request.node.daemons = [shared_berth]
    yield shared_berth
    problems = shared_berth.running_problems()
    assert not problems, "\n".join(problems)


@pytest.fixture
def make_screen():
    """Starts programs in terminals of their own, which are gone when the test is over."""
    made = []

    def make(*arguments, **options):
        made.append(Screen(*arguments, **options))
        return made[-1]

    yield make
    for screen in made:
        screen.close()


@pytest.fixture(scope="module")
def service():
    """A port of this host that somebody serves at."""
    service = Service()
    yield service
    service.close()


@pytest.fixture(scope="module")
def outside():
    """A machine beyond this host."""
    with outside_machine() as outside:
        yield outside


@pytest.fixture
def slow():
    """The engine as the daemon sees it, until after the daemon's end."""
    with tempfile.TemporaryDirectory(prefix="bs-") as folder:
        slow = SlowEngine(os.path.join(folder, "docker.sock"))
        yield slow
        slow.close()


@pytest.fixture(scope="session", autouse=True)
def no_network_left():
    """Bridge networks are few: daemons that come and go must not pile them up. Those of other processes that run tests at
    the same time, two daemons each, are still there."""
    before = set(engine.networks())
    yield
    with open("/proc/net/unix", encoding="ascii") as sockets:
        looked_after = sockets.read()  # a daemon's table is, by an abstract socket of its name
    owners = {name: (network["Labels"] or {}).get("berth.host", "nobody") for name, network in engine.networks().items()}
    left = {name for name, owner in owners.items() if "berth" in name and f"@berth_{owner}" not in looked_after}
    left -= before | {"berth", "berth-builders"}
    at_work = 2 * (int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) - 1)
    assert len(left) <= at_work, f"networks left behind: {sorted(left)}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the daemon's log with a failure. A setting whose test is skipped is shown by nothing."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and item.get_closest_marker("shows_setting"):
        report.outcome = "failed"
        report.longrepr = f"a test that shows a setting must not be put off: {report.longrepr}"
    if report.failed:
        for daemon in getattr(item, "daemons", []):
            report.sections.append((f"log of berthd in {daemon.folder}", daemon.log_tail()))
