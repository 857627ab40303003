"""Other users of the machine get to nothing below the run and state directories, while functions work."""

import contextlib
import os
import re
import socket
import stat

import pytest

from harness import engine
from harness.functions import HELLO, SHELL_HELLO
from harness.users import NOBODY, run_as
from harness.wait import wait_until

RUNNER_USER = 10001  # of the container; on the host it is a user like others
DAEMON_USER = 12345
EXITED_WRONG = 1


@contextlib.contextmanager
def umask(mask):
    before = os.umask(mask)
    yield
    os.umask(before)


def serve(berth, **host):
    """Serves a function of each language; with `prewarm` they get prewarmed instances."""
    os.chmod(berth.folder, 0o755)  # nothing but the daemon's own care keeps anybody out
    berth.host.update(host)
    for language, code in (("python", HELLO), ("shell", SHELL_HELLO)):
        berth.write_function(language, code, language, idle_timeout=60)
    berth.start()
    if host["prewarm"]:
        wait_until(lambda: len(berth.log.entries(event="instance.state", to="prewarmed")) >= 2, "prewarmed ones", 60)
    for name in berth.functions:
        assert berth.get(f"/{name}").text.strip() == "hello"


def everything_below(*folders):
    return [
        os.path.join(folder, name)
        for top in folders
        for folder, folders_in, files in os.walk(top)
        for name in folders_in + files
    ]


def attempt(action):
    """Whether a system call was not refused; it may have failed by something that it then has seen."""
    try:
        action()
    except PermissionError:
        return False
    except OSError:
        pass
    return True


def dial(path):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)


def what_a_user_gets_at(folders, paths):
    """What this process can do to the folders and the paths below them."""
    tries = {
        "list": (os.listdir, folders),
        "enter": (os.chdir, folders),
        "write": (lambda folder: os.mkdir(os.path.join(folder, "mine")), folders),
        "replace": (lambda folder: os.rename(folder, folder + ".mine"), folders),
        "see": (os.lstat, paths),
        "read": (lambda path: os.open(path, os.O_RDONLY | os.O_NONBLOCK), paths),
        "dial": (dial, [path for path in paths if path.endswith(".sock")]),
    }
    return [(what, path) for what, (call, places) in tries.items() for path in places if attempt(lambda: call(path))]


def check_that_others_get_at_nothing(berth):
    folders = [berth.run_dir, berth.state_dir]
    paths = everything_below(*folders)
    kinds = [os.path.basename(path) for path in paths]
    assert kinds.count("host.sock") >= 2 and {"admin.sock", "packages", "dependencies", "host-id"} <= set(kinds)
    for user in (NOBODY, RUNNER_USER):
        assert run_as(user, lambda: what_a_user_gets_at(folders, paths)) == []


@pytest.mark.parametrize("prewarm", [0, 1])
@pytest.mark.parametrize("mask", [0, 0o022, 0o077], ids=oct)
def test_others_get_at_nothing_whatever_the_umask(berth, mask, prewarm):
    with umask(mask):
        serve(berth, prewarm=prewarm)
        check_that_others_get_at_nothing(berth)


def test_directories_that_stood_open_are_closed(berth):
    """As those of an earlier start do, or those that a service manager makes."""
    for folder in (berth.run_dir, berth.state_dir):
        os.mkdir(folder)
        os.chmod(folder, 0o755)
    serve(berth, prewarm=1)
    check_that_others_get_at_nothing(berth)
    berth.stop()
    for folder in (berth.run_dir, berth.state_dir):
        os.chmod(folder, 0o755)
    berth.start()
    assert [stat.S_IMODE(os.stat(folder).st_mode) for folder in (berth.run_dir, berth.state_dir)] == [0o700] * 2


def test_a_killed_daemon_leaves_nothing_open(berth):
    serve(berth, prewarm=1)
    paths = everything_below(berth.run_dir, berth.state_dir)
    berth.kill()
    folders = [berth.run_dir, berth.state_dir]
    assert run_as(NOBODY, lambda: what_a_user_gets_at(folders, paths)) == []
    berth.start()
    assert berth.get("/python").text == "hello"


def test_a_daemon_that_is_not_root_serves_and_keeps_others_out(berth):
    """It may use the engine as a member of the socket's group; its umask is that of a user with a group of his own."""
    if not run_as(DAEMON_USER, lambda: os.access(os.path.join(berth.bin_dir, "berthd"), os.X_OK)):
        pytest.skip("this build is out of other users' reach")
    os.chown(berth.folder, DAEMON_USER, DAEMON_USER)
    group = os.stat(engine.SOCKET).st_gid
    berth.process_options = {"user": DAEMON_USER, "group": DAEMON_USER, "extra_groups": [group], "umask": 0o002}
    serve(berth, prewarm=1)
    check_that_others_get_at_nothing(berth)


def make_others_own(folder):
    os.chown(folder, NOBODY, NOBODY)


def make_others_write(folder):
    os.chmod(folder, 0o1777)


def fill_with_other_things(folder):
    os.chmod(folder, 0o755)
    os.mkdir(os.path.join(folder, "mail"))


@pytest.mark.parametrize("which", ["run", "state"])
@pytest.mark.parametrize(
    "prepare, below, words",
    [
        (make_others_own, ".", "belongs to the user 65534"),
        (make_others_own, "below", "belongs to the user 65534"),
        (make_others_write, ".", "other users may write in"),
        (fill_with_other_things, ".", "not Berth's"),
    ],
)
def test_a_directory_that_is_not_safe_is_refused(berth, which, prepare, below, words):
    folder = os.path.join(berth.folder, which)
    os.mkdir(folder)
    prepare(folder)
    mode = os.stat(folder).st_mode
    setattr(berth, f"{which}_dir", os.path.join(folder, below))
    berth.expect_error(".*")
    berth.start(ready=False)
    assert berth.wait_end() == EXITED_WRONG
    line = next(line for line in berth.log.lines() if words in line)
    assert re.search(rf"the {which} directory: .*{re.escape(folder)}", line)
    assert os.stat(folder).st_mode == mode
