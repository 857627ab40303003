"""What a function may ask of its container beyond the usual: another user, more processes, files that can be changed."""

import pytest

from harness import engine
from harness.cli import Cli
from harness.functions import HELLO

TRIES = """
    import os
    from starlette.responses import JSONResponse

    def attempt(path):
        try:
            with open(path, "w") as file:
                file.write("x")
            return "ok"
        except OSError as error:
            return error.strerror

    def pids():
        for path in ("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max"):
            if os.path.exists(path):
                return open(path).read().strip()

    def handle(request):
        status = open("/proc/self/status").read().splitlines()
        return JSONResponse({
            "ids": [os.getuid(), os.getgid()],
            "user": os.environ.get("USER"),
            "written": {path: attempt(path) for path in ("/home/berth/x", "/work/x", "/tmp/x", "/var/tmp/x")},
            "named": "berth:x:10001" in open("/etc/passwd").read(),
            "capabilities": {line.split()[1] for line in status if line.startswith("Cap")} == {"0" * 16},
            "pids": pids(),
        })
"""

OWN = {"/home/berth/x": "ok", "/work/x": "ok", "/tmp/x": "ok"}


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    settings = {
        "usual": {},
        "many": {"pids": 1024},
        "number": {"user": 1234},
        "pair": {"user": "1234:4321"},
        "root": {"user": "root"},
        "image": {"user": "image"},
        "writable": {"user": "root", "read_only": False},
    }
    for name, values in settings.items():
        shared_berth.write_function(name, TRIES, idle_timeout=60, **values)
    shared_berth.start()


def seen(berth, name):
    answer = berth.get(f"/{name}")
    assert answer.status == 200, answer.text
    return answer.json()


def findings(berth, name):
    return [item["message"] for item in berth.admin("GET", f"/berth/functions/{name}").json()["diagnostics"]]


def test_usual_function_is_the_user_that_every_function_has(served):
    found = seen(served, "usual")
    assert (found["ids"], found["user"], found["named"]) == ([10001, 10001], "berth", True)
    assert found["written"] == {**OWN, "/var/tmp/x": "Read-only file system"}
    assert findings(served, "usual") == []


@pytest.mark.shows_setting("configuration.user")
@pytest.mark.parametrize(("name", "ids"), [("number", [1234, 1234]), ("pair", [1234, 4321]), ("root", [0, 0])])
def test_user_is_who_was_set_and_owns_what_is_in_memory(served, name, ids):
    found = seen(served, name)
    assert found["ids"] == ids
    assert found["user"] == ("root" if name == "root" else None)
    assert found["written"] == {**OWN, "/var/tmp/x": "Read-only file system"}
    assert not found["named"]
    assert found["capabilities"]
    assert bool(findings(served, name)) == (name == "root")


def test_user_of_the_image_is_the_one_that_the_image_names(served):
    found = seen(served, "image")
    user = engine.inspect(served.instance("image")["Id"])["Config"]["User"]
    assert ":".join(map(str, found["ids"])).startswith(user.split(":")[0] or "0")
    assert found["written"] == {**OWN, "/var/tmp/x": "Read-only file system"}
    assert any("whoever its image says" in message for message in findings(served, "image"))


@pytest.mark.shows_setting("configuration.read_only")
def test_files_of_the_image_can_be_changed_when_that_is_asked_for(served):
    assert seen(served, "writable")["written"] == {**OWN, "/var/tmp/x": "ok"}
    assert any("without a limit" in message for message in findings(served, "writable"))


@pytest.mark.shows_setting("configuration.pids")
def test_processes_are_limited_to_what_was_set_prewarmed_or_not(served):
    assert seen(served, "usual")["pids"] == "512"
    assert seen(served, "many")["pids"] == "1024"


@pytest.mark.shows_setting("configuration.labels")
def test_labels_are_shown_and_are_on_the_containers_of_the_function(berth):
    labels = {"team": "blue", "com.example/tier": "2"}
    berth.host = {"prewarm": 0}
    berth.write_function("tagged", HELLO, idle_timeout=60, labels=labels)
    berth.start()
    assert berth.get("/tagged").status == 200
    assert berth.admin("GET", "/berth/functions/tagged").json()["settings"]["labels"] == labels
    seen = [berth.admin("GET", "/system/function/tagged").json(), *berth.admin("GET", "/system/functions").json()]
    assert [one["labels"] for one in seen] == [{"faas_function": "tagged", **labels}] * 2
    assert "labels.team" in Cli(berth).run("describe", "tagged")
    container = engine.inspect(berth.instance("tagged")["Id"])
    assert {name: value for name, value in container["Config"]["Labels"].items() if "label" in name} == {
        "berth.label.team": "blue",
        "berth.label.com.example/tier": "2",
    }

    revision = berth.admin("GET", "/berth/functions/tagged").json()["revision"]
    berth.configure("tagged", labels={"team": "red"})
    berth.apply()
    described = berth.admin("GET", "/berth/functions/tagged").json()
    assert described["settings"]["labels"] == {"team": "red"}
    assert (described["revision"], described["instances"]) == (revision, 1)
