"""After a bad edit and a start the function answers with the last revision that served, and says so."""

import json
import os
import shutil

import pytest
from harness.cli import Cli
from harness.functions import HELLO
from harness.revisions import deploy, records, says, serve, view
from harness.wait import wait_until

BAD_SYNTAX = "def handle(request:\n"
BAD_LOAD = 'raise RuntimeError("no")\n\n\ndef handle(request):\n    return "bad"\n'
OTHER = says("other")


@pytest.fixture(name="berth")
def berth_fixture(berth):
    """A daemon that expects a function to be broken, and tells of every build job."""
    berth.host.update(log_level="debug")
    berth.expect_error(".*", function="hello")
    return berth


def jobs(berth):
    """[function] of all build jobs so far that looked at one."""
    return [entry["function"] for entry in berth.log.entries("build.job") if entry.get("function")]


def end(berth, how):
    """Ends the daemon: in order, as a crash does, or as a power cut does, after which containers and run directory are
    gone."""
    if how == "stop":
        assert berth.stop() == 0
        return
    berth.kill()
    if how == "reboot":
        for container in berth.containers():
            berth.engine.remove(container["Id"])
        shutil.rmtree(berth.run_dir)


def write_bad(berth, code=BAD_SYNTAX):
    berth.write_function("hello", code)


def break_yaml(berth):
    berth.write_config("usable-functions:\n  hello: [\n")


def break_settings(berth):
    berth.write_function("hello", HELLO, memory="lots")


@pytest.mark.parametrize("how", ["stop", "kill", "reboot"])
def test_bad_edit_and_a_start(berth, how):
    berth.write_function("hello", HELLO)
    berth.start()
    good = serve(berth)
    write_bad(berth)
    berth.apply()
    wait_until(lambda: view(berth)["problem"], "the mistake to be found", 60)
    end(berth, how)
    berth.start()
    assert berth.get("/hello").text == "hello"
    wait_until(lambda: view(berth)["problem"], "the mistake to be found", 60)
    now = view(berth)
    assert (now["revision"], now["callable"], now["last_good"]) == (good, True, True)
    assert "hello.py:1" in now["reason"] and now["serving_since"]
    assert berth.log.entries("revision.restored")[-1]["revision"] == good[:12]


@pytest.mark.parametrize("wreck", [break_yaml, break_settings], ids=lambda f: f.__name__)
def test_broken_registry_and_a_start(berth, wreck):
    berth.expect_error("config.unusable")
    berth.write_function("hello", HELLO, timeout="7s")
    berth.start()
    good = serve(berth)
    wreck(berth)
    end(berth, "reboot")
    berth.start(ready=False)
    wait_until(lambda: berth.log.entries("daemon.listening")[1:], "the second daemon to listen", 60)
    berth.wait_answer("/hello", lambda answer: answer.text == "hello", "the last good revision", 60)
    now = view(berth)
    assert (now["revision"], now["callable"]) == (good, True)
    assert now["reason"] and now["problem"]
    assert now["settings"]["timeout_ms"] == 7000

    berth.write_function("hello", OTHER)
    berth.reload()
    berth.wait_answer("/hello", lambda answer: answer.text == "other", "the mended function", 60)
    wait_until(lambda: view(berth)["problem"] is None, "nothing to be wrong", 60)
    assert view(berth)["last_good"] is False


def test_edit_that_does_not_load_while_no_daemon_runs(berth):
    berth.write_function("hello", HELLO)
    berth.start()
    good = serve(berth)
    berth.stop()
    write_bad(berth, BAD_LOAD)
    berth.start()
    wait_until(lambda: view(berth)["problem"], "the new one to fail", 60)
    assert berth.get("/hello").text == "hello"
    assert view(berth)["revision"] == good
    assert view(berth)["problem"]["reason"] == "load-failed"
    berth.stop()
    write_bad(berth, OTHER)
    berth.start()
    berth.wait_answer("/hello", lambda answer: answer.text == "other", "the mended function", 60)


def test_start_with_nothing_changed_restores_nothing(berth):
    berth.write_function("hello", HELLO)
    berth.start()
    good = serve(berth)
    berth.stop()
    count = len(jobs(berth))
    berth.start()
    assert serve(berth) == good
    os.utime(os.path.join(berth.project, "functions", "hello", "hello.py"))
    berth.stop()
    berth.start()
    assert serve(berth) == good
    assert jobs(berth)[count:] == ["hello"]  # of the touched file
    berth.stop()
    berth.start()
    assert serve(berth) == good
    assert jobs(berth)[count:] == ["hello"]
    assert len(berth.log.entries("revision.restored")) == 1
    assert len(records(berth)) == 1


def test_without_its_package_the_one_before_serves(berth):
    berth.write_function("hello", HELLO)
    berth.start()
    first = serve(berth)
    second = deploy(berth, "other")
    assert first != second
    write_bad(berth)
    berth.stop()
    package = records(berth)[second]["package"]["digest"]
    shutil.rmtree(os.path.join(berth.state_dir, "packages", package))
    berth.start()
    berth.wait_answer("/hello", lambda answer: answer.text == "hello", "the one before", 60)
    assert view(berth)["revision"] == first
    (gone,) = berth.log.entries("revision.gone")
    assert gone["revision"] == second[:12] and "package" in gone["error"]


def test_functions_that_a_registry_with_mistakes_leaves_out(berth):
    for name in ("hello", "twin"):
        berth.write_function(name, HELLO)
    berth.start()
    for name in ("hello", "twin"):
        serve(berth, name)
    berth.functions["twin"]["name"] = "hello"  # a duplicate route: the later of the two is left out
    berth.write_config()
    end(berth, "reboot")
    berth.start()
    assert berth.get("/twin").text == "hello"
    assert "duplicate route" in view(berth, "twin")["reason"]
    del berth.functions["twin"]
    berth.apply()
    berth.wait_answer("/twin", lambda answer: answer.status == 404, "the function to be gone", 60)
    wait_until(lambda: records(berth, "twin") == {}, "what was kept of it to be gone", 60)
    assert records(berth)


@pytest.mark.parametrize("what", ["index", "record"])
def test_damage_costs_what_is_damaged(berth, what):
    berth.write_function("hello", HELLO)
    berth.start()
    first = serve(berth)
    second = deploy(berth, "other")
    write_bad(berth)
    berth.stop()
    path = os.path.join(berth.state_dir, "revisions", "hello", "index" if what == "index" else second)
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) // 2)
    berth.start()
    text, revision = ("other", second) if what == "index" else ("hello", first)
    berth.wait_answer("/hello", lambda answer: answer.text == text, "a revision that is whole", 60)
    assert view(berth)["revision"] == revision
    assert berth.log.entries("revisions.damaged" if what == "index" else "revision.gone")


@pytest.mark.parametrize("older", [True, False], ids=["an older one is kept", "nothing older is kept"])
def test_package_that_is_wiped_while_the_newest_is_broken(berth, older):
    """The package of the revision that serves is gone and cannot be made anew: what is older serves."""
    berth.host["prewarm"] = 0
    berth.write_function("hello", HELLO, idle_timeout="200ms")
    berth.start()
    first = serve(berth)
    second = deploy(berth, "other", idle_timeout="200ms") if older else first
    berth.write_function("hello", BAD_SYNTAX, idle_timeout="200ms")
    berth.apply()
    wait_until(lambda: view(berth)["problem"], "the mistake to be found", 60)
    berth.wait_no_instance("hello")
    shutil.rmtree(os.path.join(berth.state_dir, "packages", records(berth)[second]["package"]["digest"]))
    answer = berth.get("/hello")
    if older:
        assert answer.text == "hello"
        assert view(berth)["revision"] == first
    else:
        assert answer.status == 502 and "hello.py:1" in answer.text
    assert "hello.py:1" in view(berth)["reason"]


def test_plugin_that_has_gone(berth, root):
    """Its functions go on from what is kept: their image is there."""
    berth.plugin_dir = os.path.join(berth.folder, "plugins")
    shutil.copytree(os.path.join(berth.bin_dir, "..", "plugins"), berth.plugin_dir, symlinks=True)
    berth.write_function("hello", "#!/bin/sh\necho hello\n", language="shell")
    berth.start()
    good = serve(berth, text="hello\n")
    berth.stop()
    os.unlink(os.path.join(berth.plugin_dir, "shell.so"))
    berth.start()
    assert berth.get("/hello").text == "hello\n"
    assert view(berth)["revision"] == good
    assert "shell" in view(berth)["reason"]


ROOM = """
    def handle(request):
        return open("/models/kept").read()
"""


@pytest.mark.parametrize("mistake", [None, {"prewarm": "lots"}, {"prewram": 1}], ids=["no YAML", "value", "key"])
def test_section_host_is_as_it_was_when_it_has_a_mistake_at_a_start(berth, mistake):
    """Lists of folders too, for functions of the registry and deployed ones."""
    berth.expect_error("config.unusable")
    berth.expect_error(".*", function="sent")
    berth.registry_given = False
    models = os.path.join(berth.folder, "models")
    berth.write_files(models, {"kept": "weights"})
    berth.host.update(volume_roots=[models], queue_timeout="7s")
    section = berth.host
    berth.write_function("hello", ROOM, volumes={"m": {"path": models, "at": "/models"}})
    berth.start()
    volumes = json.dumps({"m": {"path": models, "at": "/models"}})
    berth.write_files("sent/sent", {"sent.py": ROOM})
    Cli(berth).run("deploy", "sent/sent", "--language", "python", "--set", f"volumes={volumes}")
    serve(berth, text="weights")
    revision = view(berth, "sent")["revision"]
    kept = os.path.join(berth.state_dir, "host-settings")
    wait_until(lambda: os.path.exists(kept) and models in open(kept, encoding="utf-8").read(), "the section to be kept", 60)
    if mistake:
        berth.host = {**mistake, "log_level": "debug"}
        berth.write_config()
    else:
        break_yaml(berth)
    end(berth, "reboot")
    before = len(berth.log.entries("daemon.listening"))
    berth.start(ready=False)
    wait_until(lambda: len(berth.log.entries("daemon.listening")) > before, "the daemon to listen", 60)
    for name in ("hello", "sent"):
        berth.wait_answer(f"/{name}", lambda answer: answer.text == "weights", "the last good revision", 60)
    now = view(berth, "sent")
    assert (now["revision"], now["problem"]) == (revision, None)
    assert len(berth.log.entries("config.host-recalled")) == 1
    berth.host = section
    berth.apply()
    wait_until(lambda: view(berth)["problem"] is None, "nothing to be wrong", 60)
    assert not berth.log.entries("config.restart-needed"), "the section is the one that the daemon has"


def test_start_without_a_registry(berth):
    """Functions can all come over the API; those of a registry that has gone are as they served last."""
    berth.registry_given = False
    berth.watch = True
    berth.start()
    (missing,) = berth.log.entries("config.missing")
    assert missing["file"] == berth.config and "as soon as it is there" in missing["hint"]
    berth.write_files("sent/sent", {"sent.py": HELLO})
    Cli(berth).run("deploy", "sent/sent", "--language", "python")
    assert berth.get("/sent").text == "hello"
    Cli(berth).run("reload")
    berth.write_function("hello", HELLO)
    berth.wait_answer("/hello", lambda answer: answer.text == "hello", "the registry to be read", 60)
    good = serve(berth)
    assert berth.stop() == 0
    os.unlink(berth.config)
    berth.start()
    assert len(berth.log.entries("config.missing")) == 2
    assert (berth.get("/hello").text, berth.get("/sent").text) == ("hello", "hello")
    assert view(berth)["revision"] == good and "No such file" in view(berth)["reason"]
    berth.functions = {}
    berth.host = {"allow_empty": True}
    berth.write_config()
    berth.wait_answer("/hello", lambda answer: answer.status == 404, "the function to be gone", 60)
    assert berth.get("/sent").text == "hello"
    assert berth.stop() == 0


def test_addresses_of_a_registry_that_cannot_be_read(berth):
    """What the section `host` said when it could be read holds on, or nobody would find the functions."""
    berth.expect_error("config.unusable")
    berth.options_given = False
    options = ["--state", berth.state_dir, "--run-dir", berth.run_dir, "--no-watch"]
    berth.host.update(listen="%s:%d" % berth.address, admin="%s:%d" % berth.admin_address, queue_timeout="7s")
    berth.write_function("hello", HELLO)
    berth.start(*options)
    good = serve(berth)
    wait_until(lambda: os.path.exists(os.path.join(berth.state_dir, "host-settings")), "the section to be kept", 60)
    break_yaml(berth)
    berth.stop()
    berth.start(*options, ready=False)
    wait_until(lambda: berth.log.entries("daemon.listening")[1:], "the second daemon to listen", 60)
    assert berth.log.entries("daemon.listening")[1]["functions"] == "%s:%d" % berth.address
    berth.wait_answer("/hello", lambda answer: answer.text == "hello", "the last good revision", 60)
    assert view(berth)["revision"] == good
    berth.write_function("hello", OTHER)
    berth.reload()
    berth.wait_answer("/hello", lambda answer: answer.text == "other", "the mended function", 60)
