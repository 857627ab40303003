"""Plugins from outside the tree: a language more, and plugins that misbehave."""

import os
import pathlib
import shutil
import subprocess

import pytest

from harness.functions import HELLO
from harness.wait import wait_until


def run(*command, **options):
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=200, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def shipped_plugins(bin_dir):
    """The plugin folder of the build that is tested."""
    for folder in (pathlib.Path(bin_dir, "..", "plugins").resolve(), pathlib.Path(bin_dir, "plugins")):
        if list(folder.glob("*.so")):
            return folder
    raise AssertionError(f"no plugins beside {bin_dir}")


@pytest.fixture(scope="module")
def sdk(bin_dir, tmp_path_factory):
    """The SDK, installed as a plugin's author would find it."""
    prefix = tmp_path_factory.mktemp("sdk")
    run("cmake", "--install", pathlib.Path(bin_dir).parent, "--prefix", prefix)
    return prefix


def built(root, peer, sdk, tmp_path_factory):
    """Builds tests/peers/<peer>, a project of its own, against the installed SDK; its build folder."""
    folder = tmp_path_factory.mktemp(peer)
    run(
        "cmake",
        "-S",
        root / "tests" / "peers" / peer,
        "-B",
        folder,
        "-G",
        "Ninja",
        f"-DCMAKE_PREFIX_PATH={sdk}",
    )
    run("cmake", "--build", folder)
    return folder


@pytest.fixture(scope="module")
def toy(root, sdk, tmp_path_factory):
    return built(root, "toy", sdk, tmp_path_factory)


@pytest.fixture(scope="module")
def bad(root, sdk, tmp_path_factory):
    return built(root, "bad", sdk, tmp_path_factory)


@pytest.fixture
def own_plugins(berth, bin_dir):
    """Gives the daemon a plugin folder of its own with the shipped ones in it."""
    folder = pathlib.Path(berth.folder, "plugins")
    shutil.copytree(
        shipped_plugins(bin_dir),
        folder,
        symlinks=False,
        ignore=shutil.ignore_patterns("CMakeFiles", "*.cmake", "*.ninja", "*.a"),
    )
    berth.plugin_dir = str(folder)
    return folder


def drop(plugin, image, folder):
    """Puts a plugin and its image folder where the daemon looks for plugins, the image first."""
    if image.is_dir():
        shutil.copytree(image, folder / plugin.stem / "image")
    temporary = folder / (plugin.name + ".new")
    shutil.copy(plugin, temporary)
    os.rename(temporary, folder / plugin.name)


@pytest.mark.limit(400)
def test_language_dropped_into_a_running_daemon(berth, own_plugins, toy):
    berth.write_function("hello", HELLO, idle_timeout=30)
    berth.start()
    assert berth.get("/hello").status == 200
    (plugin,) = toy.glob("*.so")
    drop(plugin, toy / "image", own_plugins)
    berth.write_function("third", {"third.toy": "hello from a third language\n"}, language=plugin.stem)
    berth.reload()
    answer = berth.wait_answer(
        "/third", lambda answer: answer.status == 200, "the third language to serve", 300
    )
    assert "third language" in answer.text
    assert berth.get("/hello").status == 200


def bad_plugins(root):
    return sorted(path.stem for path in (root / "tests" / "peers" / "bad").glob("*.c"))


@pytest.mark.parametrize("name", bad_plugins(pathlib.Path(__file__).resolve().parents[2]))
def test_bad_plugin_gives_a_clear_error_and_harms_nobody(berth, own_plugins, bad, name):
    berth.expect_error(".*")
    (plugin,) = bad.rglob(f"{name}.so")
    drop(plugin, pathlib.Path("none"), own_plugins)
    berth.host = {"build_timeout": 2}
    berth.write_function("hello", HELLO, idle_timeout=30)
    berth.write_function("victim", {"victim.txt": "x\n"}, language=name.replace("_", "-"))
    berth.start()
    assert berth.get("/hello").status == 200
    answer = berth.get("/victim")
    assert answer.status == 503
    message = answer.error()["message"]
    assert name in message or name.replace("_", "-") in message, message
    assert berth.get("/hello").status == 200


def test_file_that_is_no_plugin_is_told_and_ignored(berth, own_plugins):
    berth.expect_error(".*")
    (own_plugins / "nonsense.so").write_bytes(b"this is no shared object")
    berth.write_function("hello", HELLO)
    berth.start()
    assert berth.get("/hello").status == 200
    wait_until(
        lambda: any("nonsense" in line for line in berth.log.lines()), "a word about the file in the log"
    )


def test_folder_without_plugins_is_told(berth):
    berth.expect_error(".*")
    folder = pathlib.Path(berth.folder, "empty")
    folder.mkdir()
    berth.plugin_dir = str(folder)
    berth.write_function("hello", HELLO)
    berth.start(ready=False)
    wait_until(
        lambda: not berth.running or any("plugin" in line for line in berth.log.lines()),
        "a word about plugins",
    )
    assert "plugin" in berth.log_tail()
