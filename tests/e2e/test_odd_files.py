"""Files that are none: pipes, devices and folders where a plain file should be. Nobody waits for them, and the word
about them is clear."""

import os
import socket
import subprocess

import pytest

from harness.functions import HELLO, SHELL_HELLO
from harness.revisions import view
from harness.wait import wait_until

CHECK_S = 20  # far below what waiting for a pipe's writer takes, which is for ever


def make_pipe(path):
    os.mkfifo(path)


def make_folder(path):
    os.mkdir(path)


def make_device(path):
    os.symlink("/dev/zero", path)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)


def make_loop(path):
    os.symlink(os.path.basename(path), path)


def make_huge(path):
    with open(path, "wb") as file:
        file.truncate(1 << 40)


REGISTRIES = [
    (make_pipe, "is a pipe"),
    (make_folder, "is a folder"),
    (make_device, "is a device"),
    (make_socket, "is a socket"),
    (make_loop, "Too many levels of symbolic links"),
    (make_huge, "is larger than"),
]
IDS = [make.__name__.removeprefix("make_") for make, _ in REGISTRIES]


@pytest.mark.parametrize("make, said", REGISTRIES, ids=IDS)
def test_registry_that_is_no_plain_file_is_told_by_a_check(berth, make, said):
    make(berth.config)
    run = subprocess.run(berth.command("--check"), capture_output=True, text=True, timeout=CHECK_S)
    assert run.returncode == 1
    assert "global-function-definition.yml" in run.stderr
    assert said in run.stderr


def test_registry_that_is_no_plain_file_at_the_start(berth):
    """What it was last goes on, and nobody thinks that all is well."""
    berth.expect_error("config.unusable")
    berth.expect_error("daemon.failed")
    berth.registry_given = False
    berth.write_function("hello", HELLO)
    berth.start()
    assert berth.get("/hello").text == "hello"
    for make, said in REGISTRIES:
        assert berth.stop() in (0, 1)
        remove(berth.config)
        make(berth.config)
        before = len(berth.log.entries("daemon.listening"))
        berth.start(ready=False)
        wait_until(lambda seen=before: len(berth.log.entries("daemon.listening")) > seen, "the daemon to listen", 60)
        berth.wait_answer("/hello", lambda answer: answer.text == "hello", "the last good revision", 60)
        assert said in berth.log.entries("config.unusable")[-1]["error"]
        assert berth.admin("GET", "/healthz").status == 503
    remove(berth.config)
    assert berth.stop() == 1


def test_registry_that_has_become_something_else_changes_nothing(berth):
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    assert berth.get("/hello").text == "hello"
    for make, said in REGISTRIES:
        remove(berth.config)
        make(berth.config)
        before = len(berth.log.entries(event="config.unreadable"))
        berth.reload()
        wait_until(lambda seen=before: len(berth.log.entries(event="config.unreadable")) > seen, "a word about it")
        assert said in berth.log.entries(event="config.unreadable")[-1]["error"]
        assert berth.admin("GET", "/healthz").status == 200
        assert berth.get("/hello").text == "hello"
    remove(berth.config)
    berth.write_function("hello", HELLO.replace('"hello"', '"hello again"'), idle_timeout=60)
    berth.reload()
    berth.wait_answer("/hello", lambda answer: answer.text == "hello again", "the registry to be read again")


EMPTY = ("", "usable-functions:\n", "usable-functions: {}\n", "# all gone\n", "host: {queue_timeout: 5s}\n")


@pytest.mark.shows_setting("host.allow_empty")
def test_emptied_registry_removes_nothing_unless_it_says_so(berth):
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    assert berth.get("/hello").text == "hello"
    for number, text in enumerate(EMPTY, 1):
        berth.write_config(text)
        berth.reload()
        wait_until(lambda want=number: len(berth.log.entries("config.emptied", level="warning")) == want, "a word about it")
        assert berth.get("/hello").text == "hello"
    assert berth.admin("GET", "/healthz").status == 200
    assert berth.stop() == 0
    berth.start()
    berth.wait_answer("/hello", lambda answer: answer.text == "hello", "what was served last", 60)
    assert "no function is left in the registry" in view(berth)["reason"]
    assert len(berth.log.entries("config.emptied")) == len(EMPTY) + 1
    berth.write_config("host: {allow_empty: true}\n")
    berth.reload()
    berth.wait_answer("/hello", lambda answer: answer.status == 404, "the function to be gone", 60)


def test_emptied_registry_removes_all_where_the_command_line_says_so(berth):
    berth.write_function("hello", HELLO)
    berth.start("--allow-empty")
    assert berth.get("/hello").text == "hello"
    berth.write_config("")
    berth.reload()
    berth.wait_answer("/hello", lambda answer: answer.status == 404, "the function to be gone", 60)
    kept = os.path.join(berth.state_dir, "revisions", "hello")
    wait_until(lambda: not os.path.exists(kept), "what is kept of it to be removed", 60)
    assert berth.stop() == 0
    berth.start()
    assert berth.get("/hello").status == 404 and not berth.log.entries("config.emptied"), "nothing is kept of it"


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        os.rmdir(path)
    else:
        os.remove(path)


@pytest.mark.parametrize("language, code", [("python", HELLO), ("shell", SHELL_HELLO)])
@pytest.mark.parametrize("make", [make_pipe, make_socket])
def test_handler_that_is_no_plain_file_is_a_finding(berth, language, code, make):
    berth.write_function("odd", code, language=language)
    file = berth.functions["odd"]["configuration"]["base_function_file_name"]
    path = os.path.join(berth.project, "functions", "odd", file)
    os.remove(path)
    make(path)
    for named in (True, False):
        if not named:
            del berth.functions["odd"]["configuration"]["base_function_file_name"]
            berth.write_config()
        run = subprocess.run(berth.command("--check"), capture_output=True, text=True, timeout=CHECK_S)
        assert run.returncode == 2
        assert "killed" not in run.stderr
        assert "odd" in run.stderr and ": error: " in run.stderr, run.stderr


def test_pipes_among_a_functions_files_hold_up_nothing(berth):
    """One is imported, one stands beside, one is where the requirements are looked for."""
    berth.write_function("piped", {"piped.py": "import part\n" + "def handle(request):\n    return 1\n", "x": "x"})
    folder = os.path.join(berth.project, "functions", "piped")
    for name in ("part.py", "other.py", "requirements.txt"):
        os.mkfifo(os.path.join(folder, name))
    run = subprocess.run(berth.command("--check"), capture_output=True, text=True, timeout=CHECK_S)
    assert run.returncode == 2
    assert "killed" not in run.stderr
    assert "requirements.txt cannot be read: it is not a plain file" in run.stderr
    assert "part.py cannot be read: it is not a plain file" in run.stderr


def test_requirements_file_that_is_too_large_is_told(berth):
    berth.write_function("much", {"much.py": HELLO, "requirements.txt": "# x\n" * (1 << 18) + "six\n"})
    run = subprocess.run(berth.command("--check"), capture_output=True, text=True, timeout=CHECK_S)
    assert run.returncode == 2
    assert "requirements.txt is larger than 1 MiB" in run.stderr


def test_pipe_in_a_runtimes_image_folder_is_told(berth, bin_dir):
    berth.expect_error(".*")
    berth.plugin_dir = os.path.join(berth.folder, "plugins")
    shipped = os.path.realpath(os.path.join(bin_dir, "..", "plugins"))
    os.makedirs(os.path.join(berth.plugin_dir, "shell", "image"))
    os.symlink(os.path.join(shipped, "shell.so"), os.path.join(berth.plugin_dir, "shell.so"))
    os.mkfifo(os.path.join(berth.plugin_dir, "shell", "image", "Dockerfile"))
    os.mkfifo(os.path.join(berth.plugin_dir, "pipe.so"))
    berth.write_function("shelly", SHELL_HELLO, language="shell")
    berth.start()
    answer = berth.wait_refusal("/shelly")
    assert "Dockerfile is neither a file, a folder nor a link" in answer.error()["message"]
