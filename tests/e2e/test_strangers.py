"""What strangers are told when something fails: the cause, and no folder of this host. The log names them."""

import os
import shutil

import pytest

from harness.functions import HELLO, SHELL_HELLO


def folders(berth):
    """What no stranger may read; the file names below may be told."""
    return [berth.folder, os.path.basename(berth.folder), berth.state_dir, berth.run_dir, berth.project,
            berth.bin_dir, "/var/run/docker", "/var/lib/docker", "/root/", "/home/"]


def assert_public(berth, answer):
    """A whole error answer that names a cause, and no folder."""
    assert answer.error()["message"]
    told = answer.text + str(answer.headers)
    assert [folder for folder in folders(berth) if folder in told] == [], told


def failing(berth, name):
    answer = berth.wait_answer(f"/{name}", lambda answer: answer.status in (502, 503), f"the failure of {name}")
    assert_public(berth, answer)
    plain = berth.get(f"/{name}", headers={"Accept": "text/plain"})
    assert [folder for folder in folders(berth) if folder in plain.text] == [], plain.text
    return answer.error()


def outside(berth):
    return os.path.join(berth.folder, "elsewhere")


HANDLE = "def handle(request):\n    return 1\n"
BROKEN = {
    "syntax": ({"main.py": "def handle(request:\n    return 1\n"}, {}, "syntax/main.py:1"),
    "inner": ({"main.py": "import part\n" + HANDLE, "part.py": "if True\n"}, {}, "part.py:1"),
    "shelly": ({"main.sh": "#!/bin/sh\nif true; then\n"}, {"language": "shell"}, "shelly/main.sh:"),
    "setting": ({"main.py": HELLO}, {"concurrency": "many"}, "global-function-definition.yml:"),
    "nofolder": ({"main.py": HELLO}, {"function_folder": "nowhere"}, "nowhere"),
    "nofile": ({"main.py": HELLO}, {"base_function_file_name": "man.py"}, "man.py"),
    "afile": ({"main.py": HELLO}, {"function_folder": "afile/main.py"}, "is not a folder"),
    "language": ({"main.py": HELLO}, {"language": "pyton"}, "pyton"),
    "pip": ({"main.py": HELLO}, {"extra_dependencies": "--target=/home/x six"}, "target"),
    "imports": ({"main.py": "import no_such_module\n"}, {}, "main.py"),
    "raises": ({"main.py": "raise OSError('bad')\ndef handle(request):\n    return 1\n"}, {}, "bad"),
    "exits": ({"main.py": "import os\nos._exit(7)\ndef handle(request):\n    return 1\n"}, {}, "7"),
}


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    shared_berth.expect_error(".*")
    shared_berth.host = {"prewarm": 0}
    for name, (files, settings, _) in BROKEN.items():
        shared_berth.write_function(name, files, **settings)
    for name, target in (("linked", outside(shared_berth)), ("circle", "main.py"), ("leads", outside(shared_berth))):
        shared_berth.write_function(name, {"main.py": HELLO})
        folder = os.path.join(shared_berth.project, "functions", name)
        link = "data" if name == "leads" else "main.py"
        if link == "main.py":
            os.remove(os.path.join(folder, link))
        os.symlink(target, os.path.join(folder, link))
    os.mkdir(outside(shared_berth))
    shared_berth.start()


@pytest.mark.parametrize("name", BROKEN)
def test_broken_function_is_told_without_folders(served, name):
    error = failing(served, name)
    assert BROKEN[name][2] in error["message"] + error["hint"]


@pytest.mark.parametrize("name", ["linked", "circle", "leads"])
def test_link_that_leads_nowhere_good_is_told_without_folders(served, name):
    failing(served, name)


def test_log_and_management_port_name_the_file(served):
    path = os.path.join(served.project, "functions", "syntax", "main.py")
    found = served.log.entries(event="function.diagnostic", function="syntax")
    assert {(entry["file"], entry["line"]) for entry in found} == {(path, "1")}
    assert path in served.admin("GET", "/system/function/syntax").text


def in_vain(berth, name, words):
    """The error that says these words, once what it tells of has been found out: until then requests wait in vain."""
    answer = berth.wait_answer(f"/{name}", lambda answer: answer.status in (502, 503) and words in answer.text, words, 60)
    assert_public(berth, answer)
    return answer.error()


def test_folders_that_have_gone_are_not_named(berth):
    berth.expect_error(".*")
    berth.host = {"prewarm": 0, "queue_timeout": "1s"}
    berth.write_function("python", HELLO)
    berth.write_function("shelly", SHELL_HELLO, language="shell")
    berth.start()
    shutil.rmtree(os.path.join(berth.run_dir, "i"))
    open(os.path.join(berth.run_dir, "i"), "w", encoding="utf-8").close()
    error = in_vain(berth, "python", "run_dir")
    assert "run_dir" in error["message"]
    shutil.rmtree(os.path.join(berth.state_dir, "packages"))
    error = in_vain(berth, "shelly", "_dir")
    assert "_dir" in error["message"]
    for name in os.listdir(berth.state_dir):
        if os.path.isdir(os.path.join(berth.state_dir, name)):
            shutil.rmtree(os.path.join(berth.state_dir, name))
    berth.write_function("late", HELLO)
    berth.reload()
    failing(berth, "late")


def test_socket_with_too_long_a_path_is_told_without_it(berth):
    berth.expect_error(".*")
    berth.run_dir = os.path.join(berth.folder, "r" * (90 - len(berth.folder)))
    berth.host = {"prewarm": 0, "queue_timeout": "1s"}
    berth.write_function("hello", HELLO)
    berth.start()
    error = in_vain(berth, "hello", "run_dir")
    assert "run_dir" in error["message"] and "r" * 20 not in str(error)


def test_broken_plugin_and_image_are_told_without_folders(berth, bin_dir):
    berth.expect_error(".*")
    berth.plugin_dir = os.path.join(berth.folder, "my plugins")
    shipped = os.path.realpath(os.path.join(bin_dir, "..", "plugins"))
    os.makedirs(os.path.join(berth.plugin_dir, "shell", "image"))
    os.symlink(os.path.join(shipped, "shell.so"), os.path.join(berth.plugin_dir, "shell.so"))
    with open(os.path.join(berth.plugin_dir, "nonsense.so"), "w", encoding="utf-8") as file:
        file.write("no shared object")
    os.mkfifo(os.path.join(berth.plugin_dir, "shell", "image", "Dockerfile"))
    berth.write_function("shelly", SHELL_HELLO, language="shell")
    berth.write_function("odd", {"main.txt": "x"}, language="nonsense")
    berth.start()
    assert "plugin_dir" in failing(berth, "shelly")["message"]
    assert "my plugins" not in failing(berth, "odd")["message"]
