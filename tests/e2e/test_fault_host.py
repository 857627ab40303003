"""What may happen to the files, the disk, the descriptors and the clock of the host, while a function is under load that
notices nothing: what cannot be done is told, what was there goes on, and all is well once the cause is gone."""

import fcntl
import itertools
import os
import resource
import shutil
import subprocess

import pytest

from harness.cli import Cli
from harness.functions import HELLO
from harness.later import accept, wait_state
from harness.neighbour import is_clean, serve_neighbour, undisturbed
from harness.wait import wait_until

OTHER = HELLO.replace('"hello"', '"other"')


def answers(text):
    return lambda answer: answer.text == text


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        os.rmdir(path)
    elif os.path.lexists(path):
        os.remove(path)


# -- the registry's file

def write_garbage(path):
    with open(path, "wb") as file:
        file.write(os.urandom(4096))


def write_empty(path):
    with open(path, "wb"):
        pass


REGISTRIES = {
    "garbage": (write_garbage, "config.kept"),
    "a folder": (os.mkdir, "config.unreadable"),
    "a pipe": (os.mkfifo, "config.unreadable"),
    "nothing": (lambda path: None, "config.unreadable"),
    "a file that cannot be read": (lambda path: os.symlink("/proc/self/mem", path), "config.unreadable"),
    "an empty file": (write_empty, "config.emptied"),
}


def test_registry(berth):
    """Whatever takes its place, what was served goes on, and the next good one is live."""
    berth.watch = True
    serve_neighbour(berth)
    berth.write_function("second", HELLO, idle_timeout=60)
    berth.start()
    for number, (what, (make, event)) in enumerate(REGISTRIES.items()):
        with undisturbed(berth, f"the registry is replaced by {what}") as fault:
            before = len(berth.log.entries(event))
            remove(berth.config)
            make(berth.config)
            wait_until(lambda seen=before, said=event: len(berth.log.entries(said)) > seen, "a word about it", 30)
            assert fault.saw(berth.get("/second")).status == 200
            assert berth.admin("GET", "/healthz").status == 200
            remove(berth.config)
            berth.write_function("second", HELLO.replace('"hello"', f'"hello {number}"'), idle_timeout=60)
            berth.wait_answer("/second", answers(f"hello {number}"), "the registry to be read again", 60)


# -- disks

@pytest.fixture
def disk(tmp_path):
    """Mounts small disks, which are gone after the test: disk(FOLDER, SIZE). With an `image` it is one of its own."""
    mounted = []

    def mount(folder, size, image=None):
        os.makedirs(folder, 0o700, exist_ok=True)
        how = ["-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs"]
        if image:
            subprocess.run(["mkfs.ext4", "-q", "-F", str(image), size], check=True)
            how = ["-o", "loop,errors=remount-ro", str(image)]
        subprocess.run(["mount", *how, folder], check=True)
        os.chmod(folder, 0o700)
        mounted.append(folder)

    yield mount
    for folder in reversed(mounted):
        subprocess.run(["umount", "--lazy", folder], check=False)


def device_of(folder):
    """The name of the block device that is mounted there."""
    with open("/proc/self/mounts", encoding="ascii") as file:
        (device,) = [line.split()[0] for line in file if line.split()[1] == folder]
    return os.path.basename(device)


def fill(folder):
    """Until not even a byte has room; the file that has done it."""
    path = os.path.join(folder, "filler")
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return path


def set_up(berth):
    berth.host.update(request_records="256Ki", log_disk="1Mi", prewarm=0)
    serve_neighbour(berth)
    berth.write_function("second", HELLO, idle_timeout=2)
    berth.expect_error(".*", function="second")


def cannot_be_written(berth, fault):
    """Nothing new can be kept; what is known is served, from a new instance too."""
    assert fault.saw(berth.get("/second")).text == "hello"
    refused = fault.saw(berth.post("/async-function/second", b"x" * 100000))
    assert refused.status in (202, 503)
    berth.write_function("second", OTHER, idle_timeout=2)
    berth.reload()
    wait_until(lambda: problem_of(berth, "second"), "a word about the new revision", 60)
    fault.saw(f"of an edit: `{problem_of(berth, 'second')}`")
    assert berth.get("/second").text == "hello"


def problem_of(berth, name):
    problem = berth.admin("GET", f"/berth/functions/{name}").json()["problem"]
    return problem and problem["reason"]


def assert_well_again(berth):
    berth.reload()
    berth.wait_answer("/second", answers("other"), "the new revision", 60)
    call = accept(berth, "second")
    wait_state(berth, call, "done")
    wait_until(lambda: is_clean(berth), "nothing to be left", 30)


def test_full_state_directory(berth, disk):
    disk(berth.state_dir, "24m")
    set_up(berth)
    berth.start()
    berth.get("/second")
    with undisturbed(berth, "the disk of the state directory is full") as fault:
        filler = fill(berth.state_dir)
        cannot_be_written(berth, fault)
        os.remove(filler)
        assert_well_again(berth)
    assert berth.stop() == 0


@pytest.mark.skipif(not os.path.isdir("/sys/fs/ext4") or not os.path.exists("/dev/loop-control"),
                    reason="needs a file system that can be told that it is damaged")
def test_read_only_state_directory(berth, disk, tmp_path):
    """As the kernel does it with a file system that is damaged; what comes after it is a restart on one that is not."""
    disk(berth.state_dir, "32m", tmp_path / "image")
    set_up(berth)
    berth.start()
    berth.get("/second")
    with undisturbed(berth, "the state directory has become read-only") as fault:
        with open(f"/sys/fs/ext4/{device_of(berth.state_dir)}/trigger_fs_error", "w", encoding="ascii") as file:
            file.write("1")
        cannot_be_written(berth, fault)
    assert berth.stop() == 0


def test_full_disk(berth, disk):
    """With state and run directory, registry and log on it."""
    disk(berth.folder, "32m")
    os.mkdir(berth.project)
    with open(berth.log.path, "wb"):
        pass
    set_up(berth)
    berth.start()
    berth.get("/second")
    with undisturbed(berth, "the disk with everything on it is full") as fault:
        filler = fill(berth.folder)
        berth.wait_no_instance("second", 30)
        fault.saw(berth.get("/second"))
        os.remove(filler)
        berth.write_function("second", OTHER, idle_timeout=2)
        assert_well_again(berth)
    assert berth.stop() == 0


# -- descriptors

def limit_descriptors(pid, spare):
    """Leaves the process room for so many more; what its limit was."""
    used = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    limit = next(itertools.islice((number for number in itertools.count() if number not in used), spare, None))
    was = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, was[1]))
    return was


def test_descriptors_are_used_up(berth):
    berth.host["queue_timeout"] = 3
    berth.expect_error(".*", function="second")
    serve_neighbour(berth)
    berth.write_function("second", HELLO, idle_timeout=1)
    berth.start()
    with undisturbed(berth, "the daemon may open no more files") as fault, berth.connect() as connection:
        connection.send("GET /hello HTTP/1.1\r\nHost: test\r\n\r\n")
        assert connection.response().status == 200
        was = limit_descriptors(berth.pid, 1)
        connection.send("GET /second HTTP/1.1\r\nHost: test\r\n\r\n")
        refused = fault.saw(connection.response())
        assert (refused.status, refused.error()["reason"]) in ((502, "out-of-resources"), (503, "out-of-resources"))
        resource.prlimit(berth.pid, resource.RLIMIT_NOFILE, was)
        berth.wait_answer("/second", answers("hello"), "an instance", 60)
        wait_until(lambda: is_clean(berth), "nothing to be left", 30)
    assert not berth.log.entries("revision.package_changed"), "that it cannot be looked at says nothing of it"


# -- plugins, the run directory

def test_plugin_is_cut_off_in_use(berth):
    berth.plugin_dir = os.path.join(berth.folder, "plugins")
    shutil.copytree(os.path.join(berth.bin_dir, "..", "plugins"), berth.plugin_dir, symlinks=True)
    berth.watch = True
    berth.expect_error(".*", function="second")
    serve_neighbour(berth)
    berth.write_function("second", HELLO, idle_timeout=1)
    berth.start()
    plugin = os.path.join(berth.plugin_dir, "python.so")
    with open(plugin, "rb") as file:
        whole = file.read()
    with undisturbed(berth, "the plugin of its language is cut off in use") as fault:
        os.truncate(plugin, 5000)
        berth.reload()
        wait_until(lambda: berth.log.entries(r"plugin\..*", level="warning") or berth.log.entries(r"plugin\..*", level="error"),
                   "a word about it", 60)
        assert fault.saw(berth.get("/second")).text == "hello"
        with open(plugin, "wb") as file:
            file.write(whole)
        berth.write_function("second", OTHER, idle_timeout=1)
        berth.wait_answer("/second", answers("other"), "the plugin to be of use again", 60)


def test_run_directory_is_removed(berth):
    """What its paths lead to goes on meanwhile; the paths come back by themselves."""
    serve_neighbour(berth)
    berth.expect_error(".*")
    berth.host["queue_timeout"] = 5
    berth.write_function("second", HELLO, idle_timeout=1)
    berth.start()
    with undisturbed(berth, "the run directory is removed") as fault:
        shutil.rmtree(berth.run_dir)
        call = accept(berth, "second")
        wait_state(berth, call, "done")
        fault.saw(berth.get("/second"))
        berth.wait_answer("/second", answers("hello"), "an instance", 60)
        wait_until(lambda: all(map(os.path.exists, paths_of(berth))), "its sockets", 60)
        assert os.stat(berth.run_dir).st_mode & 0o077 == 0, "what was made anew is closed to others, too"
    manager = Cli(berth)
    assert manager.run("ls")
    os.remove(os.path.join(berth.run_dir, "admin.sock"))
    wait_until(lambda: os.path.exists(os.path.join(berth.run_dir, "admin.sock")), "a socket that was removed alone", 60)
    assert manager.run("ls")
    with open(os.path.join(berth.run_dir, "run.lock"), "rb") as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # it is the daemon's own, as before
    berth.upgrade()
    berth.wait_answer("/second", answers("hello"), "an instance of the next daemon", 60)
    assert berth.stop() == 0


def paths_of(berth):
    return [os.path.join(berth.run_dir, name) for name in ("admin.sock", "takeover.sock", "run.lock", "i")]
