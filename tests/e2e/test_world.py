"""What a function finds in its container: a home, a name, a working directory, memory to share, somebody who reaps."""

import json

import pytest

from harness import engine
from harness.wait import wait_until

TRIES = """
    import getpass, grp, os, pathlib, pwd, shutil, sqlite3, subprocess, sys
    from multiprocessing import shared_memory

    HERE = os.path.dirname(__file__)

    def home():
        folder = pathlib.Path.home() / ".tool"
        folder.mkdir(exist_ok=True)
        (folder / "kept").write_text("kept")
        return [str(folder.parent), (folder / "kept").read_text(), os.path.expanduser("~")]

    def name():
        return [getpass.getuser(), pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name, os.environ["USER"]]

    def copies():
        for source in ("data.txt", os.path.join(HERE, "data.txt"), os.path.join(HERE, "folder", "deep.txt")):
            copy = shutil.copy(source, "/tmp/copy.txt")
            with open(copy, "a") as file:
                file.write("more")
            os.unlink(copy)
        shutil.copytree("folder", "/tmp/folder")
        with open("/tmp/folder/deep.txt", "a") as file:
            file.write("more")
        shutil.rmtree("/tmp/folder")
        return "written"

    def work():
        with open("new.txt", "w") as file:
            file.write("made")
        os.makedirs("out", exist_ok=True)
        with sqlite3.connect("out/a.db") as base:
            base.execute("create table if not exists t (x)")
        read = [open(name).read() for name in ("new.txt", "data.txt", "folder/deep.txt")]
        return [os.getcwd(), read, sorted(os.listdir("."))]

    def listing():
        return [sorted(set(os.listdir(".")) - {"__pycache__"}), os.listdir(os.environ["HOME"])]

    def attempt(action, *arguments):
        try:
            action(*arguments)
        except OSError as error:
            return error.strerror
        return "done"

    def code():
        deep = os.path.join(HERE, "folder", "deep.txt")
        return {
            "append": attempt(open, "data.txt", "a"),
            "append to code": attempt(open, __file__, "a"),
            "append below": attempt(open, "folder/deep.txt", "a"),
            "truncate": attempt(open, __file__, "w"),
            "new": attempt(open, os.path.join(HERE, "new.txt"), "w"),
            "new below": attempt(open, "folder/new.txt", "w"),
            "remove": attempt(os.unlink, deep),
            "rename": attempt(os.rename, __file__, __file__ + "x"),
            "chmod": attempt(os.chmod, deep, 0o666),
            "chmod folder": attempt(os.chmod, HERE, 0o777),
            "init": attempt(open, "/berth/init", "a"),
            "passwd": attempt(open, "/etc/passwd", "a"),
        }

    def shm():
        memory = shared_memory.SharedMemory(create=True, size=48 << 20)
        memory.buf[:] = bytes(48 << 20)
        memory.close()
        memory.unlink()
        return "used"

    def execute():
        for place in ("/tmp", os.environ["HOME"], "."):
            path = os.path.join(place, "program")
            with open(path, "w") as file:
                file.write("#!/bin/sh\\nexit 0\\n")
            os.chmod(path, 0o755)
            subprocess.run([path], check=True)
            os.unlink(path)
        return "ran"

    def orphans():
        for _ in range(100):
            subprocess.run(["sh", "-c", "sleep 0.01 & sleep 0.01 &"])
        return "left"

    def zombies():
        count = 0
        for number in filter(str.isdigit, os.listdir("/proc")):
            try:
                count += open(f"/proc/{number}/stat").read().rsplit(")", 1)[1].split()[0] == "Z"
            except OSError:
                pass
        return count

    def sizes():
        places = ("/tmp", os.environ["HOME"], os.getcwd(), "/dev/shm")
        return {place: os.statvfs(place).f_blocks * os.statvfs(place).f_frsize for place in places}

    def fill():
        with open("/tmp/fill", "wb") as file:
            for _ in range(200):
                file.write(bytes(1 << 20))

    def handle(request):
        return [globals()[request.url.path.rsplit("/", 1)[-1]]()]
"""

SCRIPT = """
    #!/bin/sh
    case $PATH_INFO in
    /home) mkdir -p ~/.tool && echo kept >~/.tool/kept && cat "$HOME/.tool/kept" ;;
    /name) id -un; id -gn; echo "$USER" ;;
    /copies) cp data.txt /tmp/copy && echo more >>/tmp/copy && cp -r "$(dirname "$0")/folder" /tmp/ &&
        echo more >>/tmp/folder/deep.txt && rm -r /tmp/folder /tmp/copy && echo written ;;
    /work) echo made >new.txt; cat new.txt data.txt folder/deep.txt; pwd ;;
    /code) for file in data.txt "$0" folder/new.txt "$(dirname "$0")/new.txt"; do
        (echo x >>"$file") 2>/dev/null && echo "$file can be written"; done; echo tried ;;
    /orphans) i=0; while [ $i -lt 100 ]; do setsid sh -c 'sleep 0.01 & sleep 0.01 &'; i=$((i+1)); done; echo left ;;
    /zombies) grep -ls '^State:.Z' /proc/[0-9]*/status | wc -l ;;
    esac
"""

FILES = {"data.txt": "some ", "folder/deep.txt": "deep "}
LARGE = {"large": b"\1" * (5 << 20)}  # no prewarmed instance is given so much
DENIED = {"Permission denied", "Read-only file system", "Operation not permitted"}


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    for suffix, more in (("", {}), ("-large", LARGE)):
        shared_berth.write_function(
            f"python{suffix}", {"python.py": TRIES, **FILES, **more}, base_function_file_name="python.py",
            max_scale=1, idle_timeout=60)
        shared_berth.write_function(
            f"shell{suffix}", {"run.sh": SCRIPT, **FILES, **more}, language="shell", base_function_file_name="run.sh",
            max_scale=1, idle_timeout=60)
    shared_berth.write_function(
        "small", {"small.py": TRIES, **FILES}, idle_timeout=60, memory="96Mi", tmp="4Mi", shm="2Mi")
    shared_berth.write_function("full", {"full.py": TRIES, **FILES}, idle_timeout=60, memory="64Mi")
    shared_berth.start()
    for runtime in ("python", "shell"):
        prewarmed = {"event": r"instance\.state", "runtime": runtime, "to": "prewarmed"}
        wait_until(lambda wanted=prewarmed: shared_berth.log.entries(**wanted), "a prewarmed instance", 60)


PYTHON = pytest.mark.parametrize("name", ["python", "python-large"])
SHELL = pytest.mark.parametrize("name", ["shell", "shell-large"])
BOTH = pytest.mark.parametrize("name", ["python", "python-large", "shell", "shell-large"])


def ask(served, name, what):
    answer = served.get(f"/{name}/{what}")
    assert answer.status == 200, answer.text
    return json.loads(answer.text)[0]


def lines(served, name, what):
    answer = served.get(f"/{name}/{what}")
    assert answer.status == 200, answer.text
    return answer.text.splitlines()


@BOTH
def test_both_ways_of_starting_are_tried(served, name):
    assert served.get(f"/{name}/home").status == 200
    mounts = {mount["Destination"]: mount for mount in engine.inspect(served.instance(name)["Id"])["Mounts"]}
    assert mounts["/berth/code"]["Source"].endswith(".code") == (not name.endswith("-large"))
    assert not any(mount["RW"] for mount in mounts.values() if mount["Type"] == "bind")


@PYTHON
def test_home_can_be_written(served, name):
    assert ask(served, name, "home") == ["/home/berth", "kept", "/home/berth"]


@PYTHON
def test_user_has_a_name(served, name):
    assert ask(served, name, "name") == ["berth"] * 4


@PYTHON
def test_copies_of_bundled_files_can_be_written(served, name):
    assert ask(served, name, "copies") == "written"


@PYTHON
def test_working_directory_has_the_bundled_files_and_takes_new_ones(served, name):
    folder, read, names = ask(served, name, "work")
    assert (folder, read) == ("/work", ["made", "some ", "deep "])
    assert {"python.py", "data.txt", "folder", "new.txt", "out"} <= set(names)


@PYTHON
def test_code_cannot_be_changed_even_by_its_own_user(served, name):
    tried = ask(served, name, "code")
    assert set(tried.values()) <= DENIED, tried


@PYTHON
def test_usual_shared_memory_works_again_and_again(served, name):
    assert [ask(served, name, "shm") for _ in range(3)] == ["used"] * 3


@PYTHON
def test_programs_that_were_written_can_be_run(served, name):
    assert ask(served, name, "execute") == "ran"


@PYTHON
def test_orphans_are_reaped(served, name):
    assert ask(served, name, "orphans") == "left"
    wait_until(lambda: ask(served, name, "zombies") == 0, "the orphans to be reaped")


@SHELL
def test_shell_has_the_same_world(served, name):
    assert lines(served, name, "home") == ["kept"]
    assert lines(served, name, "name") == ["berth"] * 3
    assert lines(served, name, "copies") == ["written"]
    assert lines(served, name, "work") == ["made", "some deep /work"]
    assert lines(served, name, "code") == ["tried"]
    assert lines(served, name, "orphans") == ["left"]
    wait_until(lambda: lines(served, name, "zombies") == ["0"], "the orphans to be reaped")


@pytest.mark.shows_setting("configuration.tmp", "configuration.shm")
def test_sizes_are_those_that_were_set(served):
    usual = {"/tmp": 256 << 20, "/home/berth": 256 << 20, "/work": 256 << 20, "/dev/shm": 64 << 20}
    assert ask(served, "python", "sizes") == usual
    small = {"/tmp": 4 << 20, "/home/berth": 4 << 20, "/work": 4 << 20, "/dev/shm": 2 << 20}
    assert ask(served, "small", "sizes") == small
    answer = served.get("/small/fill")
    assert answer.status == 500
    wait_until(lambda: any("No space left on device" in line for line in served.log.lines()), "the reason in the log")


def test_what_is_in_memory_counts(served):
    """More than `memory` allows, and less than `tmp`."""
    served.expect_error(".*", function="full")
    answer = served.get("/full/fill")
    assert (answer.status, answer.error()["reason"]) == (502, "out-of-memory")
    assert "/tmp" in answer.error()["hint"]


def test_two_instances_share_nothing_that_is_written(make_berth):
    berth = make_berth()
    for name in ("one", "two"):
        berth.write_function(name, {"main.py": TRIES, **FILES}, base_function_file_name="main.py", idle_timeout=60)
    berth.start()
    ask(berth, "one", "work")
    ask(berth, "one", "home")
    assert ask(berth, "two", "listing") == [["data.txt", "folder", "main.py"], []]
