"""Saving is enough: the registry, the functions' folders and the plugins are watched."""

import os
import pathlib
import shutil
import subprocess

import pytest

from harness.functions import HELLO
from harness.plugins import drop
from harness.wait import stays, wait_until


def answers(text):
    return f'def handle(request):\n    return "{text}"\n'


@pytest.fixture(name="berth")
def berth_fixture(berth):
    """A daemon that watches, and tells of every build job."""
    berth.watch = True
    berth.host.update(log_level="debug")
    return berth


@pytest.fixture(name="folder")
def folder_fixture(berth):
    """The folder of the function `hello`, which is served and answers "old"."""
    berth.write_function("hello", answers("old"), idle_timeout=60)
    berth.start()
    assert berth.get("/hello").text == "old"
    return os.path.join(berth.project, "functions", "hello")


def wait_text(berth, target, text):
    berth.wait_answer(target, lambda answer: answer.text == text, f"{target} to answer {text}", 60)


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def write_in_place(path, text):
    write(path, text)


def write_as_vim(path, text):
    probe = os.path.join(os.path.dirname(path), "4913")
    write(probe, "")
    os.remove(probe)
    swap = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.swp")
    write(swap, "swap")
    os.rename(path, path + "~")
    write(path, text)
    os.remove(path + "~")
    os.remove(swap)


def write_as_emacs(path, text):
    folder, name = os.path.split(path)
    lock = os.path.join(folder, f".#{name}")
    os.symlink("somebody@somewhere.1:2", lock)
    write(os.path.join(folder, f"#{name}#"), text)
    shutil.copy(path, path + "~")
    write(path, text)
    os.remove(os.path.join(folder, f"#{name}#"))
    os.remove(lock)


def write_and_rename(path, text):
    write(path + ".tmp1234", text)
    os.rename(path + ".tmp1234", path)


def write_with_sed(path, text):
    subprocess.run(["sed", "-i", f's/return ".*"/{text.splitlines()[-1].strip()}/', path], check=True)


def test_each_way_to_save_is_live(berth, folder):
    path = os.path.join(folder, "hello.py")
    ways = [write_in_place, write_as_vim, write_as_emacs, write_and_rename, write_with_sed]
    for way in ways:
        way(path, answers(way.__name__))
        wait_text(berth, "/hello", way.__name__)
    wait_until(lambda: len(berth.instances("hello")) == 1, "the old instances to go", 30)


def git(folder, *arguments):
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.mark.skipif(not shutil.which("git"), reason="there is no git")
def test_a_checkout_of_functions_and_registry_is_live(berth):
    for number in range(3):
        berth.write_function(f"f{number}", answers("first"), idle_timeout=60)
    git(berth.project, "init", "-q", "-b", "first")
    git(berth.project, "add", ".")
    git(berth.project, "commit", "-q", "-m", "first")
    git(berth.project, "checkout", "-q", "-b", "second")
    for number in range(4):
        berth.write_function(f"f{number}", answers("second"), idle_timeout=60)
    git(berth.project, "add", ".")
    git(berth.project, "commit", "-q", "-m", "second")
    berth.start()
    for branch in ("first", "second"):
        git(berth.project, "checkout", "-q", branch)
        for number in range(3):
            wait_text(berth, f"/f{number}", branch)
        status = 200 if branch == "second" else 404
        berth.wait_answer("/f3", lambda answer, want=status: answer.status == want, f"f3 to give {status}", 60)


def test_what_an_editor_leaves_is_no_revision_and_no_job(berth, folder):
    berth.write_function("other", answers("old"), idle_timeout=60)
    wait_text(berth, "/other", "old")

    def jobs():
        return [entry["function"] for entry in berth.log.entries("build.job") if entry.get("function")]

    before = jobs().count("hello")
    for name in (".hello.py.swp", "hello.py~", "#hello.py#", ".DS_Store"):
        write(os.path.join(folder, name), "left")
    os.makedirs(os.path.join(folder, ".git", "objects"))
    berth.write_function("other", answers("new"), idle_timeout=60)
    wait_text(berth, "/other", "new")
    assert jobs().count("hello") == before
    berth.apply()
    assert jobs().count("hello") == before


def test_mistake_is_told_with_its_place_while_the_old_serves(berth, folder):
    berth.expect_error(".*", function="hello")
    berth.write_files("functions/hello", {"hello.py": "def handle(request:\n"})
    wait_until(lambda: any("hello.py:1" in line for line in berth.log.lines()), "the mistake in the log", 30)
    assert berth.get("/hello").text == "old"
    berth.write_files("functions/hello", {"hello.py": answers("mended")})
    wait_text(berth, "/hello", "mended")
    os.remove(os.path.join(folder, "hello.py"))
    wait_until(lambda: any("there is no file" in line for line in berth.log.lines()), "the loss in the log", 30)
    assert berth.get("/hello").text == "mended"
    berth.write_files("functions/hello", {"hello.py": answers("back")})
    wait_text(berth, "/hello", "back")


def test_functions_come_and_go_with_the_registry(berth, folder):
    assert berth.get("/second").status == 404
    berth.write_function("second", answers("second"))
    wait_text(berth, "/second", "second")
    berth.expect_error(".*")
    text = open(berth.config, encoding="utf-8").read()
    berth.write_config("usable-functions: [\n")
    wait_until(lambda: berth.log.entries("config.kept"), "the mistake in the log", 30)
    assert berth.get("/second").status == 200
    write_and_rename(berth.config, text)
    del berth.functions["second"]
    berth.write_config()
    berth.wait_answer("/second", lambda answer: answer.status == 404, "the function to be gone", 30)
    assert berth.get("/hello").text == "old"
    assert os.path.isdir(folder)


def test_registry_that_is_no_use_at_the_start_is_mended(berth):
    berth.write_config("usable-functions: [\n")
    berth.expect_error("config.unusable")
    berth.start(ready=False)
    wait_until(lambda: berth.log.entries("config.unusable"), "the mistake in the log", 30)
    berth.write_function("hello", HELLO)
    berth.wait_ready()
    assert berth.get("/hello").text == "hello"


def test_registry_may_be_a_link(berth):
    real = os.path.join(berth.folder, "registries")
    os.mkdir(real)
    berth.write_function("hello", HELLO)
    berth.write_function("second", HELLO)
    os.rename(berth.config, os.path.join(real, "both.yml"))
    del berth.functions["second"]
    berth.write_config()
    os.rename(berth.config, os.path.join(real, "one.yml"))
    os.symlink(os.path.join(real, "one.yml"), berth.config)
    berth.start()
    assert berth.get("/second").status == 404
    os.symlink(os.path.join(real, "both.yml"), berth.config + ".new")
    os.rename(berth.config + ".new", berth.config)
    berth.wait_answer("/second", lambda answer: answer.status == 200, "what the other one has", 60)
    shutil.copy(os.path.join(real, "one.yml"), os.path.join(real, "copy.yml"))
    os.rename(os.path.join(real, "copy.yml"), os.path.join(real, "both.yml"))
    berth.wait_answer("/second", lambda answer: answer.status == 404, "what it leads to to count", 60)


def test_folder_may_be_away_and_come_back(berth, folder):
    berth.expect_error(".*", function="hello")
    os.rename(folder, folder + ".away")
    wait_until(lambda: any("there is no folder" in line for line in berth.log.lines()), "the loss in the log", 30)
    assert berth.get("/hello").text == "old"
    write_in_place(os.path.join(folder + ".away", "hello.py"), answers("returned"))
    os.rename(folder + ".away", folder)
    wait_text(berth, "/hello", "returned")
    write_in_place(os.path.join(folder, "hello.py"), answers("edited"))
    wait_text(berth, "/hello", "edited")


def test_new_module_in_a_new_folder_counts(berth, folder):
    os.mkdir(os.path.join(folder, "parts"))
    write(os.path.join(folder, "parts", "__init__.py"), 'TEXT = "first"\n')
    write_in_place(os.path.join(folder, "hello.py"), "import parts\n\ndef handle(request):\n    return parts.TEXT\n")
    wait_text(berth, "/hello", "first")
    write_in_place(os.path.join(folder, "parts", "__init__.py"), 'TEXT = "second"\n')
    wait_text(berth, "/hello", "second")
    assert len(berth.log.entries("config.applied")) == 1  # nothing but the function is looked at


@pytest.mark.limit(400)
def test_plugin_is_found_when_it_is_dropped_in(berth, peers):
    berth.write_function("hello", HELLO, idle_timeout=30)
    berth.start()
    own = pathlib.Path(berth.project, "plugins")
    assert not own.exists()
    drop(peers / "toy" / "toy.so", own)
    wait_until(lambda: berth.log.entries("plugin.found", plugin="toy"), "the plugin", 60)
    berth.write_function("third", {"third.toy": "a third language at {path}\n"}, language="toy", shout=True)
    answer = berth.wait_answer("/third/x", lambda answer: answer.status == 200, "the third language", 300)
    assert answer.text.strip() == "A THIRD LANGUAGE AT /X"


def watches(berth):
    """Whether the kernel tells the daemon of changes in the registry's folder, which it names by its inode."""
    folder = pathlib.Path("/proc", str(berth.pid))
    watching = [fd.name for fd in (folder / "fd").iterdir() if fd.is_symlink() and "inotify" in os.readlink(fd)]
    wanted = f" ino:{os.stat(berth.project).st_ino:x} "
    return any(wanted in (folder / "fdinfo" / fd).read_text() for fd in watching)


@pytest.mark.shows_setting("host.watch")
def test_without_watching_only_a_reload_changes_what_is_served(make_berth):
    for watch in (False, True):
        berth = make_berth()
        berth.watch = True  # not by the command line
        berth.host = {"watch": watch}
        berth.write_function("hello", answers("old"), idle_timeout=60)
        berth.start()
        assert berth.get("/hello").text == "old"
        assert watches(berth) == watch
        berth.write_function("hello", answers("new"), idle_timeout=60)
        if not watch:
            assert stays(lambda daemon=berth: daemon.get("/hello").text == "old", 1.0)
            berth.reload()
        wait_text(berth, "/hello", "new")
