"""Plugins from outside the tree: a language more, and plugins that misbehave."""

import json
import os
import pathlib
import shutil
import subprocess
import time

import pytest

from harness.functions import HELLO
from harness.plugins import drop
from harness.wait import wait_until


def shipped_plugins(bin_dir):
    """The plugin folder of the build that is tested."""
    for folder in (pathlib.Path(bin_dir, "..", "plugins").resolve(), pathlib.Path(bin_dir, "plugins")):
        if list(folder.glob("*.so")):
            return folder
    raise AssertionError(f"no plugins beside {bin_dir}")


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


@pytest.mark.limit(400)
def test_language_dropped_into_a_running_daemon(berth, own_plugins, peers):
    berth.write_function("hello", HELLO, idle_timeout=30)
    berth.start()
    assert berth.get("/hello").status == 200
    drop(peers / "toy" / "toy.so", own_plugins)
    berth.write_function("third", {"third.toy": "a third language at {path}\n"}, language="toy", shout=True)
    berth.reload()
    answer = berth.wait_answer("/third/x", lambda answer: answer.status == 200, "the third language", 300)
    assert answer.text.strip() == "A THIRD LANGUAGE AT /X"
    assert berth.get("/hello").status == 200


@pytest.mark.limit(400)
def test_launch_may_leave_the_command_to_its_image(berth, own_plugins, peers):
    drop(peers / "toy" / "toy.so", own_plugins)
    berth.write_function("third", {"third.toy": "from {path}\n"}, language="toy", runner="of the image")
    berth.start()
    answer = berth.wait_answer("/third/x", lambda answer: answer.status == 200, "an answer", 300)
    assert answer.text.strip() == "from /x"


FAILING_STEP = r"""
RUN echo 'thing.c:7:10: fatal error: no/such.h: No such file or directory' >&2; \
    echo 'make: *** [Makefile:3: thing.o] Error 1' >&2; \
    for number in 1 2 3 4 5 6; do echo "cleans up $number" >&2; done; exit 2
"""


def refused_image(berth, plugins, peers, *steps):
    """The error of a function in a language whose image has these further steps, and all that its build has written."""
    drop(peers / "toy" / "toy.so", plugins)
    with open(plugins / "toy" / "image" / "Dockerfile", "a", encoding="utf-8") as dockerfile:
        dockerfile.writelines(steps)
    berth.write_function("third", {"third.toy": "x\n"}, language="toy")
    berth.start()
    answer = berth.wait_refusal("/third", 100)
    return answer.error(), berth.admin("GET", "/system/function/third").json()["berth"]["build_output"]


def test_image_that_cannot_be_built_is_told_with_step_and_cause(berth, own_plugins, peers):
    error, output = refused_image(berth, own_plugins, peers, FAILING_STEP)
    assert (error["component"], error["reason"]) == ("build", "image-build")
    words = "the runtime image of toy cannot be built: thing.c:7:10: fatal error: no/such.h: No such file or directory"
    assert error["message"].startswith(words + ' (exit code 2 of "Step ')
    assert " : RUN echo 'thing.c:7:10" in error["message"] and error["message"].endswith('...")')
    assert "toy/image/Dockerfile" in error["hint"] and "/system/function/<name>" in error["hint"]
    assert "\nthing.c:7:10: fatal error" in output and "\ncleans up 6\n" in output and "\x1b" not in output
    assert berth.log.entries(event="image.output", text="cleans up 6")


def test_image_that_names_the_cause_itself_is_believed(berth, own_plugins, peers):
    step = "RUN echo 'error: odd'; echo 'berth-cause: the moon is full'; exit 3\n"
    error, output = refused_image(berth, own_plugins, peers, step)
    assert "cannot be built: the moon is full (exit code 3 of " in error["message"]
    assert "error: odd" in output and "\nberth-cause" not in output


def test_image_that_the_engine_cannot_build_is_told_in_its_words(berth, own_plugins, peers):
    error, _ = refused_image(berth, own_plugins, peers, "COPY no-such-file /\n")
    assert error["reason"] == "image-build" and "COPY no-such-file /" in error["message"]
    assert "no-such-file: " in error["message"] or "not found" in error["message"], error


def test_language_from_outside_reports_with_position(berth, own_plugins, peers):
    drop(peers / "toy" / "toy.so", own_plugins)
    berth.write_function("third", {"third.toy": "fine\nnot {fine}\n"}, language="toy")
    done = subprocess.run(berth.command("--check"), capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "third.toy:2:5: error: " in done.stderr


@pytest.mark.limit(400)
@pytest.mark.parametrize(
    ("runner", "words"),
    [("/usr/local/bin/no-such-runner", "No such file"), ("no-such-runner", "No such file"), ("/etc", "denied")],
)
def test_launch_that_cannot_work_is_told_at_once(berth, own_plugins, peers, runner, words):
    berth.expect_error(".*", function="third")
    drop(peers / "toy" / "toy.so", own_plugins)
    berth.write_function("third", {"third.toy": "never told\n"}, language="toy", runner=runner)
    berth.start()
    berth.wait_answer("/third", lambda answer: answer.status == 502, "the image to be built", 300)
    for _ in range(3):
        answer = berth.get("/third")
        assert answer.status == 502
        error = answer.error()
        assert (error["component"], error["reason"]) == ("container", "container-exited")
        assert "cannot be run" in error["message"] and words in error["message"]
        assert os.path.basename(runner) in error["message"]
        assert "the plugin launches" in error["hint"]


def bad_plugins(root):
    return sorted(path.stem for path in (root / "tests" / "peers" / "bad").glob("*.c"))


@pytest.mark.parametrize("name", bad_plugins(pathlib.Path(__file__).resolve().parents[2]))
def test_bad_plugin_gives_a_clear_error_and_harms_nobody(berth, own_plugins, peers, name):
    berth.expect_error(".*")
    drop(peers / "bad" / f"{name}.so", own_plugins)
    berth.host = {"build_timeout": 10}
    berth.write_function("hello", HELLO, idle_timeout=30)
    berth.write_function("victim", {"victim.txt": "x\n"}, language=name.replace("_", "-"))
    berth.start()
    assert berth.get("/hello").status == 200
    message = berth.wait_refusal("/victim").error()["message"]
    assert name in message or name.replace("_", "-") in message, message
    assert berth.get("/hello").status == 200


@pytest.mark.shows_setting("host.build_timeout")
def test_build_job_that_hangs_is_ended_after_the_time_that_is_set(berth, own_plugins, peers):
    berth.expect_error(".*")
    drop(peers / "bad" / "sleep_forever.so", own_plugins)
    berth.host = {"build_timeout": "1s"}
    berth.write_function("victim", {"victim.txt": "x\n"}, language="sleep-forever")
    berth.start()
    answer = berth.wait_refusal("/victim")
    assert "killed after 1000 ms" in answer.error()["message"]


def test_check_has_the_time_limit_of_the_daemon_and_names_refused_plugins(berth, own_plugins, peers):
    drop(peers / "bad" / "sleep_forever.so", own_plugins)
    drop(peers / "bad" / "no_entry.so", own_plugins)
    berth.host = {"build_timeout": "1s"}
    berth.write_function("victim", {"victim.txt": "x\n"}, language="sleep-forever")
    done = subprocess.run(berth.command("--check", "--json"), capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    findings = json.loads(done.stdout)
    [refused] = [finding for finding in findings if finding["file"].endswith("no_entry.so")]
    assert "the plugin is refused" in refused["message"]
    [ended] = [finding for finding in findings if finding.get("function") == "victim"]
    assert "killed after 1000 ms" in ended["message"]


def test_plugins_that_hang_when_they_are_looked_at_delay_nobody(berth, own_plugins, peers):
    for name in ("a.so", "b.so", "c.so", "d.so"):
        drop(peers / "bad" / "hang_at_entry.so", own_plugins, name)
    berth.write_function("hello", HELLO, idle_timeout=30)
    began = time.monotonic()
    berth.start()
    assert time.monotonic() - began < 28  # the limit of one probe is 5 s, and that of a job 30 s
    assert berth.get("/hello").status == 200
    assert len(berth.log.entries(event="plugin.refused", reason="plugin-timeout")) == 4


def test_plugin_beside_the_registry_is_found(berth, peers):
    drop(peers / "toy" / "toy.so", pathlib.Path(berth.project, "plugins"))
    berth.write_function("third", {"third.toy": "a third language at {path}\n"}, language="toy")
    berth.start()
    answer = berth.wait_answer("/third/x", lambda answer: answer.status == 200, "the third language", 300)
    assert answer.text.strip() == "a third language at /x"


def test_plugin_that_others_may_write_is_not_used(berth, peers):
    """A folder beside the registry runs code on this host: it must be in nobody else's hands."""
    plugins = pathlib.Path(berth.project, "plugins")
    drop(peers / "toy" / "toy.so", plugins)
    berth.write_function("hello", HELLO, idle_timeout=30)
    plugins.chmod(0o777)
    berth.start()
    assert berth.get("/hello").status == 200
    [entry] = berth.log.entries(event="plugins.not-trusted")
    assert entry["reason"] == "not-safe" and str(plugins) in entry["error"]
    plugins.chmod(0o755)
    (plugins / "toy.so").chmod(0o666)
    berth.reload()
    wait_until(lambda: len(berth.log.entries(event="plugins.not-trusted")) == 2, "a second word about it")
    (plugins / "toy.so").chmod(0o755)
    berth.reload()
    wait_until(lambda: berth.log.entries(event="plugin.found", plugin="toy"), "the plugin")


def test_hostile_plugin_reaches_nothing(berth, own_plugins, peers):
    """Every attack is refused; without an image its functions come to nothing in the end."""
    drop(peers / "bad" / "hostile.so", own_plugins)
    berth.write_function("hello", HELLO, idle_timeout=30)
    berth.write_files(".", {"secret": "a word\n"})
    berth.start()
    attacks = ("folder", "places", "secrets", "signals", "trace", "sockets", "kernel", "processes", "survive", "words")
    for attack in attacks:
        path = berth.state_dir if attack == "places" else berth.project
        berth.write_function(
            attack, {"main.x": "x\n"}, language="hostile", attack=attack, path=path, pid=berth.pid
        )
    berth.reload()
    wait_until(
        lambda: {entry["function"] for entry in berth.log.entries(event="function.problem")} == set(attacks),
        "the end of every attack",
        60,
    )
    for entry in berth.log.entries(event="function.problem"):
        assert entry["error"] == 'the plugin "hostile" names no image and has no image folder'
    assert not berth.log.entries(event="plugins.not_confined")
    assert os.listdir(os.path.join(berth.project, "functions", "folder")) == ["main.x"]
    assert berth.get("/hello").status == 200


def listed_plugins(berth):
    """What /system/plugins says: by name, and the refused ones by file name."""
    told = berth.admin("GET", "/system/plugins").json()
    return (
        {plugin["name"]: plugin for plugin in told["plugins"]},
        {os.path.basename(refused["path"]): refused for refused in told["refused"]},
    )


def assert_python_is_nobody_elses(berth, thief, twin):
    """The functions of Python are served by its own plugin, and who asked for it is told."""
    plugins, refused = listed_plugins(berth)
    own = os.path.join(berth.plugin_dir, "python.so")
    assert plugins["python"]["path"] == own
    assert {"alias": "python", "taken_by": own} in plugins["thief"]["refused_aliases"]
    assert refused[twin]["reason"] == "plugin-name-taken"
    assert own in refused[twin]["message"]
    path = os.path.join(berth.plugin_dir, thief)
    assert berth.log.entries(event="plugin.alias_refused", path=path, alias="python", taken_by=own)
    path = os.path.join(berth.plugin_dir, twin)
    assert berth.log.entries(event="plugin.refused", path=path, reason="plugin-name-taken")


def test_thieves_dropped_into_a_running_daemon_get_nothing(berth, own_plugins, peers):
    berth.expect_error(".*")
    berth.write_function("hello", HELLO, idle_timeout=30)
    berth.write_function("spelt", {"spelt.py": HELLO}, language="py", idle_timeout=30)
    berth.start()
    assert berth.get("/hello").status == 200
    drop(peers / "bad" / "thief.so", own_plugins, "a.so")
    drop(peers / "bad" / "python_twin.so", own_plugins, "b.so")
    berth.write_function("hello", HELLO + "\n", idle_timeout=30)
    berth.write_function("later", HELLO, idle_timeout=30)
    berth.reload()
    berth.wait_answer("/later", lambda answer: answer.status == 200, "a function that is new", 60)
    assert_python_is_nobody_elses(berth, "a.so", "b.so")
    plugins, _ = listed_plugins(berth)
    assert plugins["thief"]["aliases"] == ["loot"]
    for path in ("/hello", "/spelt"):
        assert berth.get(path).status == 200


def test_thief_that_is_there_first_gets_no_name(berth, own_plugins, peers):
    berth.expect_error(".*")
    drop(peers / "bad" / "thief.so", own_plugins, "a.so")
    drop(peers / "bad" / "python_twin.so", own_plugins, "z.so")
    berth.write_function("hello", HELLO, idle_timeout=30)
    done = subprocess.run(berth.command("--check"), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert 'a.so: warning: the plugin thief is refused the alias "python", which is taken by ' in done.stderr
    assert "z.so: warning: the plugin is refused: the language \"python\" is taken by " in done.stderr
    for _ in range(2):
        berth.start()
        assert berth.get("/hello").status == 200
        assert_python_is_nobody_elses(berth, "a.so", "z.so")
        berth.stop()


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
