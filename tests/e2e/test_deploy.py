"""Functions whose folder is sent to the daemon: `berth deploy`, and what is behind it."""

import contextlib
import io
import json
import os
import stat
import tarfile
import threading
import urllib.parse

import pytest

from harness import client
from harness.cli import Cli
from harness.functions import HELLO
from harness.wait import wait_until

GREET = {"greet.py": "async def handle(request):\n    return 'one'\n"}


@pytest.fixture(scope="module")
def shared_berth(shared_berth):
    shared_berth.write_function("hello", HELLO)
    shared_berth.start()
    return shared_berth


@pytest.fixture
def cli(served):
    return Cli(served)


def write(berth, name, files):
    """A folder outside of those that the registry's functions are in."""
    berth.write_files(os.path.join("sent", name), files)
    return os.path.join("sent", name)


def deploy(berth, name, files, *arguments, status=0):
    cli = Cli(berth)
    out = cli.run("deploy", write(berth, name, files), "--language", "python", *arguments, status=status)
    return out + cli.said


def function(berth, name):
    answer = berth.admin("GET", f"/berth/functions/{name}")
    return answer.json() if answer.status == 200 else None


def test_folder_is_deployed_and_removed(cli):
    berth = cli.berth
    said = deploy(berth, "greet", GREET)
    assert "greet is deployed, revision " in said and "berth invoke greet" in said
    assert berth.get("/greet").text == "one"
    assert [row.split()[2] for row in cli.run("ls").splitlines() if row.startswith(("greet", "hello"))] == ["registry", "api"]
    assert "over the API" in cli.run("describe", "greet")
    assert function(berth, "greet")["source"] == "api" and function(berth, "hello")["source"] == "registry"
    assert stat.S_IMODE(os.stat(os.path.join(berth.state_dir, "deployed/greet/deployment")).st_mode) == 0o600
    assert "is removed" in cli.run("remove", "greet")
    assert berth.get("/greet").status == 404 and function(berth, "greet") is None
    assert not os.path.exists(os.path.join(berth.state_dir, "deployed/greet"))


def test_settings_come_from_the_command_line_and_from_the_folder(cli):
    berth = cli.berth
    files = {
        "start.py": "import os\n\nasync def handle(request):\n    return os.environ['A'] + os.environ['B']\n",
        "function.yml": """
            version: 7
            configuration:
              programing_language: python
              file: start.py
              function_folder: elsewhere
              memory: 64Mi
              timeout: 5s
              environment: {A: file, B: file}
        """,
    }
    folder = write(berth, "mixed", files)
    cli.run("deploy", folder, "-n", "named", "--set", "timeout=7s", "-s", "environment.B=given", "-s", "max_scale=3")
    assert berth.get("/named").text == "filegiven"
    settings = function(berth, "named")["settings"]
    assert (settings["memory_bytes"], settings["timeout_ms"], settings["max_scale"]) == (64 << 20, 7000, 3)
    assert function(berth, "named")["version"] == "7"
    cli.run("remove", "named")


def test_mistakes_are_found_at_their_places_and_what_served_goes_on(cli):
    berth = cli.berth
    deploy(berth, "greet", GREET)
    said = deploy(berth, "greet", {"greet.py": "async def handle(request:\n    return 'two'\n"}, status=2)
    assert "sent/greet/greet.py:1:" in said and "error:" in said and "^" in said, "the line and the caret"
    assert "goes on serving" in said
    assert berth.get("/greet").text == "one"
    assert "greet.py:1" in function(berth, "greet")["reason"]
    said = deploy(berth, "greet", GREET, "--set", "memory=lots", status=2)
    assert 'deployment of greet: error: "memory"' in said
    said = deploy(berth, "greet", {**GREET, "function.yml": "configuration:\n  memroy: 64Mi\n"}, status=2)
    assert 'sent/greet/function.yml:2:3: error: unknown key "memroy"' in said and 'did you mean "memory"?' in said
    os.unlink(os.path.join(berth.project, "sent/greet/function.yml"))
    said = deploy(berth, "greet", {"greet.py": "async def handle(request):\n    return 'three'\n"})
    assert "is deployed" in said and berth.get("/greet").text == "three"
    cli.run("remove", "greet")


BROKEN = {
    "frail.py": """
        import no_such_module_at_all

        async def handle(request):
            return "never"
    """
}


def test_first_deployment_that_does_not_load_says_why(served):
    cli = Cli(served)
    served.expect_error(".*", function="frail")
    for _ in range(2):
        said = deploy(served, "frail", BROKEN, status=1)
        assert "Traceback (most recent call last)" in said and "frail.py" in said, "the place"
        assert "frail is not deployed: " in said and "no_such_module_at_all" in said
        assert "goes on serving" not in said, "nothing does"
    answer = served.get("/frail")
    assert answer.status >= 500 and "no_such_module_at_all" in answer.text
    assert "no_such_module_at_all" in cli.run("describe", "frail")
    said = deploy(served, "frail", {"frail.py": GREET["greet.py"]})
    assert "frail is deployed" in said and served.get("/frail").text == "one"
    assert function(served, "frail")["reason"] is None
    said = deploy(served, "frail", BROKEN, status=1)
    assert "Traceback" in said and "goes on serving" in said and served.get("/frail").text == "one"
    cli.run("remove", "frail")


def test_instance_of_the_trial_serves_and_goes(served):
    """What has loaded to be tried is an instance like every other."""
    cli = Cli(served)
    deploy(served, "tried", GREET, "-s", "idle_timeout=600s")
    (instance,) = function(served, "tried")["instance_list"]
    assert served.get("/tried").headers["X-Served-By"] == instance["instance"]
    deploy(served, "brief", GREET, "--file", "greet.py", "-s", "idle_timeout=100ms")
    wait_until(lambda: not function(served, "brief")["instance_list"], "no instance to be left", 60)
    for name in ("tried", "brief"):
        cli.run("remove", name)


def test_request_need_not_wait_for_the_trial(served):
    """One that comes while the first deployment is tried is served by the instance that is tried."""
    slow = "import time\ntime.sleep(1)\n\nasync def handle(request):\n    return 'slow'\n"
    settings = json.dumps({"language": "python", "idle_timeout": "600s"})
    assert put(served, "slow", archive(("slow.py", slow.encode())), settings=settings, wait="0").status == 202
    answer = served.wait_answer("/slow", lambda answer: answer.status != 404, "the route")
    assert (answer.status, answer.text) == (200, "slow")
    wait_until(lambda: function(served, "slow")["instances"] == 1, "one instance, and no other")
    served.admin("DELETE", "/berth/deployments/slow")


def test_function_that_can_never_start_is_told_of(served):
    said = deploy(served, "vast", GREET, "--file", "greet.py", "-s", "memory=900Gi", status=1)
    assert "vast is not deployed: its `memory` is more than all instances together may take" in said
    Cli(served).run("remove", "vast")


def test_new_code_takes_over_without_losing_a_request(cli):
    berth = cli.berth
    deploy(berth, "greet", GREET, "--set", "min_scale=1")
    answers, ended = [], threading.Event()

    def call():
        while not ended.is_set():
            answers.append(berth.get("/greet"))

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    try:
        for text in ("two", "three"):
            deploy(berth, "greet", {"greet.py": f"async def handle(request):\n    return '{text}'\n"}, "-s", "min_scale=1")
            wait_until(lambda: answers and answers[-1].text == text, f"the answer {text}")
    finally:
        ended.set()
        for caller in callers:
            caller.join()
    assert {answer.status for answer in answers} == {200}
    cli.run("remove", "greet")


def test_what_the_registry_has_is_its_own(cli):
    berth = cli.berth
    said = deploy(berth, "hello", GREET, status=1)
    assert "registry's file" in said
    cli.run("remove", "hello", status=1)
    assert "registry's file" in cli.said
    cli.run("remove", "nothing", status=1)
    assert "not found" in cli.said
    assert berth.get("/hello").text == "hello"


def test_names_that_cannot_be(cli):
    for name in ("system", "a.b", "-a", "a" * 64):
        said = deploy(cli.berth, "odd", GREET, "-n", name, status=1)
        assert "cannot be the name of a function" in said, name


def test_what_is_given_wrong(cli):
    folder = write(cli.berth, "odd", GREET)
    for given, why in (("memory", "KEY=VALUE"), ("=1", "KEY=VALUE"), ("secrets=[a]", "JSON"), ("environment={", "JSON")):
        cli.run("deploy", folder, "--set", given, status=2)
        assert why in cli.said and "such as --set memory=128Mi" in cli.said
    cli.run("deploy", "sent/nowhere", status=1)
    assert "there is no folder" in cli.said
    os.symlink("/etc", os.path.join(cli.berth.project, folder, "out"))
    cli.run("deploy", folder, status=1)
    assert "leads out of the folder" in cli.said


def test_daemon_elsewhere(cli):
    berth = cli.berth
    folder = write(berth, "greet", GREET)
    address = "http://%s:%d" % berth.admin_address
    password = {"BERTH_URL": address, "BERTH_PASSWORD_FILE": os.path.join(berth.state_dir, "admin-password")}
    cli.run("deploy", folder, "-l", "python", environment=password)
    assert berth.get("/greet").text == "one"
    cli.run("remove", "greet", environment=password)
    nobody = {"BERTH_URL": address, "BERTH_PASSWORD_FILE": os.path.join(berth.folder, "none")}
    cli.run("deploy", folder, "-l", "python", environment=nobody, status=1)
    assert "invalid credentials" in cli.said


# -- over HTTP


def archive(*entries):
    """A tar archive of (TarInfo or name, bytes)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for entry, content in entries:
            info = entry if isinstance(entry, tarfile.TarInfo) else tarfile.TarInfo(entry)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def put(berth, name, body, **parameters):
    parameters = {"settings": json.dumps({"language": "python"}), "wait": "1", **parameters}
    return berth.admin("PUT", f"/berth/deployments/{name}?{urllib.parse.urlencode(parameters)}", body)


def test_archive_in_one_call(served):
    code = b"async def handle(request):\n    return open(__file__.replace('whole.py', 'link')).read()\n"
    body = archive(("./whole.py", code), ("./deep/text", b"linked"), special("link", tarfile.SYMTYPE, "deep/text"))
    answer = put(served, "whole", body)
    assert answer.status == 200, answer
    assert (answer.json()["deployed"], answer.json()["findings"]) == (True, [])
    assert served.get("/whole").text == "linked"
    answer = put(served, "whole", archive(("whole.py", b"def handle(:\n")))
    found = answer.json()["findings"][0]
    assert (answer.json()["deployed"], answer.json()["callable"]) == (False, True)
    assert (found["file"], found["line"], found["severity"]) == ("whole.py", 1, "error")
    assert put(served, "whole", archive(("whole.py", code)), wait="0").status == 202
    assert served.admin("DELETE", "/berth/deployments/whole").status == 202


def test_archive_in_pieces(served):
    body = archive(("big.py", b"async def handle(request):\n    return 'big'\n"), ("noise", os.urandom(3 << 20)))
    assert len(body) > 3 << 20, "more than one call can carry"
    for offset in range(0, len(body), 1 << 20):
        answer = served.admin("PUT", f"/berth/uploads/big1?offset={offset}", body[offset : offset + (1 << 20)])
        assert (answer.status, answer.json()["bytes"]) == (200, min(offset + (1 << 20), len(body)))
    wrong = served.admin("PUT", "/berth/uploads/big1?offset=7", b"x")
    assert wrong.status == 400 and f"there are {len(body)} so far" in wrong.json()["error"]["message"]
    assert put(served, "big", b"", upload="big1").json()["deployed"]
    assert served.get("/big").text == "big"
    assert put(served, "big", b"", upload="big1").status == 400, "it is used up"
    abandoned = os.path.join(served.state_dir, "staging", "upload-old")
    with open(abandoned, "wb"):
        pass
    os.utime(abandoned, (0, 0))
    assert served.admin("PUT", "/berth/uploads/small?offset=0", b"x").status == 200
    assert put(served, "small", b"", upload="small").status == 400, "no archive, and used up"
    assert served.admin("PUT", "/berth/uploads/other?offset=5", b"x").status == 400
    assert not [name for name in os.listdir(os.path.join(served.state_dir, "staging")) if name.startswith("upload-")]
    assert served.admin("PUT", "/berth/uploads/a.b?offset=0", b"x").status == 400
    assert served.admin("PUT", f"/berth/uploads/far?offset={256 << 20}", b"x").status == 413
    served.admin("DELETE", "/berth/deployments/big")


def test_scaling_takes_back_nothing_that_is_being_deployed(served):
    code = b"async def handle(request):\n    return 'scaled'\n"
    assert put(served, "scaled", archive(("scaled.py", code))).json()["deployed"]
    given = json.dumps({"language": "python", "timeout": "7s"})
    calls = [  # the first keeps those behind it waiting
        ("PUT", "/berth/deployments/slow?settings=%7B%7D", archive(("slow.py", code), ("much", bytes(8 << 20)))),
        ("PUT", f"/berth/deployments/scaled?settings={urllib.parse.quote(given)}", archive(("scaled.py", code))),
        ("POST", "/system/scale-function/scaled", b'{"replicas": 1}'),
    ]
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(client.Connection(served.admin_address, timeout=180)) for _ in calls]
        for connection, (method, target, body) in zip(connections, calls, strict=True):
            connection.send(f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n")
            connection.send(f"Authorization: {served.credentials()['Authorization']}\r\n\r\n".encode() + body)
        assert [connection.head()[0] for connection in connections] == [202, 202, 202]
    assert function(served, "scaled")["settings"]["timeout_ms"] == 7000
    for name in ("slow", "scaled"):
        assert served.admin("DELETE", f"/berth/deployments/{name}").status == 202


REFUSED = [
    (b"no archive", "cannot be read"),
    (archive(("a.py", b"x" * 9000))[:-60], "cannot be read"),
    (archive(("/etc/evil", b"")), "absolute"),
    (archive(("../evil", b"")), "leaves its folder"),
    (archive(("a/../../evil", b"")), "leaves its folder"),
    (archive(special("out", tarfile.SYMTYPE, "/etc/passwd")), "link out"),
    (archive(special("out", tarfile.SYMTYPE, "../..")), "link out"),
    (archive(special("self", tarfile.SYMTYPE, "."), special("out", tarfile.SYMTYPE, "self/..")), "link out"),
    (archive(special("gone", tarfile.SYMTYPE, "nowhere")), "leads nowhere"),
    (archive(special("a", tarfile.SYMTYPE, "/etc"), ("a/evil", b"")), "link out"),
    (archive(special("a", tarfile.SYMTYPE, "."), ("a/b", b"")), "is there twice"),
    (archive(("a", b""), special("b", tarfile.LNKTYPE, "a")), "hard link"),
    (archive(special("pipe", tarfile.FIFOTYPE)), "neither"),
    (archive(("a", b"1"), ("a", b"2")), "twice"),
    (archive(("a", b"1"), ("a/b", b"2")), "something else"),
    (archive(("/".join("d" * 70), b"")), "nested too deeply"),
]


@pytest.mark.parametrize("body, word", REFUSED, ids=range(len(REFUSED)))
def test_archives_that_are_refused(served, body, word):
    answer = put(served, "evil", body)
    assert answer.status == 400 and word in answer.json()["error"]["message"], answer
    assert function(served, "evil") is None
    assert not os.path.exists(os.path.join(served.state_dir, "deployed/evil"))
    wait_until(lambda: not os.listdir(os.path.join(served.state_dir, "staging")), "nothing to be left", 30)


def test_calls_that_are_refused(served):
    assert put(served, "odd", archive(), settings="[1]").status == 400
    assert put(served, "odd", archive(), settings="{").status == 400
    assert put(served, "sys.tem", archive()).status == 400
    assert put(served, "hello", archive()).status == 409
    assert served.admin("DELETE", "/berth/deployments/hello").status == 409
    assert served.admin("DELETE", "/berth/deployments/nothing").status == 404
    assert client.request(served.admin_address, "PUT", "/berth/deployments/odd", archive()).status == 401


def test_host_without_room_is_told_of(berth):
    berth.host = {"max_instances": 1}
    berth.write_function("hello", HELLO, min_scale=1)
    berth.start()
    wait_until(lambda: function(berth, "hello")["ready"] == 1, "the one instance")
    said = deploy(berth, "late", {"late.py": GREET["greet.py"]}, status=1)
    assert "late is not deployed: this host has no room" in said and "max_instances" in said
    Cli(berth).run("reload")
    assert berth.get("/hello").text == "hello"


# -- with the registry, and over restarts


def test_deployed_functions_outlive_the_daemon(berth):
    berth.write_function("hello", HELLO)
    berth.start()
    deploy(berth, "greet", GREET)
    berth.stop()
    berth.start()
    assert function(berth, "greet")["instance_list"] == [], "a start tries nothing"
    assert berth.get("/greet").text == "one"
    assert function(berth, "greet")["source"] == "api"


def test_daemon_that_stops_meanwhile_says_so(berth):
    berth.write_function("hello", HELLO)
    berth.start()
    slow = "import time\ntime.sleep(300)\n"
    told = []
    deploying = threading.Thread(
        target=lambda: told.append(deploy(berth, "slow", {"slow.py": slow + GREET["greet.py"]}, status=1))
    )
    deploying.start()
    wait_until(lambda: (function(berth, "slow") or {}).get("instance_list"), "an instance that is being tried")
    berth.stop()
    deploying.join()
    assert "the daemon is stopping" in told[0] and "not found" not in told[0]
    berth.start()
    assert function(berth, "slow")["source"] == "api"


def test_registry_that_cannot_be_read_takes_nothing_away(berth):
    berth.write_function("hello", HELLO)
    berth.start()
    deploy(berth, "greet", GREET)
    good = open(berth.config, encoding="utf-8").read()
    berth.write_config("usable-functions: [\n")
    Cli(berth).run("reload", status=2)
    assert (berth.get("/greet").text, berth.get("/hello").text) == ("one", "hello")
    deploy(berth, "late", {"late.py": "async def handle(request):\n    return 'late'\n"})
    assert berth.get("/late").text == "late"
    Cli(berth).run("remove", "greet")
    assert (berth.get("/greet").status, berth.get("/hello").text) == (404, "hello")
    berth.write_config(good)
    Cli(berth).run("reload")
    assert (berth.get("/late").text, berth.get("/hello").text) == ("late", "hello")


def test_entry_with_a_name_that_is_taken_is_a_finding(berth):
    berth.write_function("hello", HELLO)
    berth.start()
    deploy(berth, "greet", GREET)
    berth.write_function("greet", HELLO)
    out = Cli(berth)
    out.run("reload", status=2)
    assert 'the name "greet" belongs to a function that was deployed over the API' in out.said
    assert "global-function-definition.yml:" in out.said
    assert berth.get("/greet").text == "one" and function(berth, "greet")["source"] == "api"
    out.run("remove", "greet")
    wait_until(lambda: berth.get("/greet").text == "hello", "the registry's own")
    assert function(berth, "greet")["source"] == "registry"


def test_damaged_deployment_says_so(berth):
    berth.write_function("hello", HELLO)
    berth.start()
    deploy(berth, "greet", GREET)
    berth.stop()
    path = os.path.join(berth.state_dir, "deployed/greet/deployment")
    with open(path, "r+b") as file:
        file.write(b"0000")
    berth.start()
    assert "the deployment cannot be read" in function(berth, "greet")["reason"]
    assert berth.get("/hello").text == "hello"
    deploy(berth, "greet", GREET)
    assert berth.get("/greet").text == "one" and function(berth, "greet")["reason"] is None
