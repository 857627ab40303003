"""The container in which dependencies are installed: what it may take of the machine, and who sees the passwords of
package indexes."""

import json
import os
import re
import subprocess
import tempfile
import textwrap

import pytest

from harness import engine, processes
from harness.functions import HELLO
from harness.index import NOT_SET, Index, mirrored, source, wheel
from harness.reaching import Service, gateway_address, outside_machine, python_image, stranger_of
from harness.wait import wait_until

pytestmark = pytest.mark.limit(300)

USES = """
    import parcel

    def handle(request):
        return "has " + parcel.NAME
"""

EATS = """
    data = bytearray(1 << 30)
    data[::4096] = b"x" * (1 << 18)
"""

FILLS = """
    import itertools
    for number in itertools.count():
        with open(os.path.join(os.environ["BERTH_TARGET"], str(number)), "wb") as file:
            file.write(bytes(1 << 20))
"""

# Nothing of it can be found in the folder. Slow in the end, so that the disk is not full before anybody can look.
FILLS_SECRETLY = """
    import time
    path = os.path.join(os.environ["TMPDIR"], "secret")
    with open(path, "wb", 0) as file:
        os.unlink(path)
        file.write(bytes(80 << 20))
        while True:
            file.write(bytes(1 << 14))
            time.sleep(0.005)
"""

SLEEPS = """
    import signal
    signal.pause()
"""


def builders(berth):
    return [c for c in berth.containers() if engine.name_of(c).startswith("berth-builder-")]


def running_builders(berth):
    """The engine lists one that is being made before it can be asked about it."""
    return [c for c in builders(berth) if c["State"] == "running"]


def install_hostile(berth, index, code):
    """Starts a daemon with a function that cannot do without a package whose build runs `code`, beside a good one."""
    index.sources["hostile"] = source("hostile", textwrap.dedent(code).strip())
    berth.write_function("uses", USES, extra_dependencies="hostile")
    berth.write_function("hello", HELLO)
    berth.start(environment=mirrored(index), ready=False)


def refusal(berth):
    """The error that callers of the function with the hostile package are given; the other one serves."""
    berth.wait_ready(120)
    answer = berth.wait_refusal("/uses", 120)
    assert berth.get("/hello").status == 200
    assert builders(berth) == []
    wait_until(lambda: os.listdir(os.path.join(berth.state_dir, "staging")) == [], "nothing to be left of it", 20)
    assert os.listdir(os.path.join(berth.state_dir, "dependencies")) == []
    return answer.error()


# Tells what it could reach, as the reason of its end.
TRIES = """
    import json, socket
    def attempt(host, port):
        try:
            socket.create_connection((host, port), 5).close()
            return "reached"
        except OSError as error:
            return error.strerror or str(error)
    found = {name: attempt(*place) for name, place in json.loads('PLACES').items()}
    raise RuntimeError("found " + json.dumps(found, sort_keys=True) + " in all")
"""


def test_builders_reach_what_functions_do_and_the_mirrors_of_this_host(berth, index, make_berth):
    """The index is a port of this host's, and so is what they are kept from. There is another daemon, which knows nothing
    of it and has rules for the same network."""
    service, other = Service(), make_berth()
    other.write_function("hello", HELLO)
    other.start(environment=NOT_SET)
    try:
        with outside_machine() as outside, stranger_of(python_image()) as stranger:
            places = {
                "beyond": [outside.ADDRESS, outside.PORT],
                "mirror": [index.host, index.server.server_address[1]],
                "host": [index.host, service.port],
                "metadata": ["169.254.169.254", outside.PORT],
                "stranger": [stranger["IPAddress"], 7654],
                "functions": [gateway_address(), service.port],
            }
            install_hostile(berth, index, TRIES.replace("PLACES", json.dumps(places)))
            refusal(berth)
    finally:
        service.close()
    output = berth.admin("GET", "/berth/functions/uses").json()["build_output"]
    found = json.loads(re.search(r"found (\{.*?\}) in all", output)[1])
    refused = {name: "No route to host" for name in ("host", "metadata", "stranger", "functions")}
    assert found == {"beyond": "reached", "mirror": "reached", **refused}


@pytest.mark.shows_setting("host.build_memory")
def test_memory_of_a_builder_is_limited(berth, index):
    berth.host = {"build_memory": "256Mi"}
    install_hostile(berth, index, EATS)
    error = refusal(berth)
    assert error["reason"] == "dependency-memory" and "256 MiB" in error["message"], error
    assert "`build_memory`" in error["hint"]


@pytest.mark.shows_setting("host.build_disk")
def test_disk_of_a_builder_is_limited(berth, index):
    berth.host = {"build_disk": "96Mi"}
    install_hostile(berth, index, FILLS)
    error = refusal(berth)
    assert error["reason"] == "dependency-disk" and "96 MiB" in error["message"], error
    assert "`build_disk`" in error["hint"]


@pytest.mark.shows_setting("host.install_timeout")
def test_time_of_a_builder_is_limited(berth, index):
    berth.host = {"install_timeout": "3s"}
    install_hostile(berth, index, SLEEPS)
    error = refusal(berth)
    assert error["reason"] == "dependency-timeout" and "3 s" in error["message"], error
    assert "`install_timeout`" in error["hint"]


def test_cause_of_a_failure_is_told_and_all_output_is_kept(berth, index):
    install_hostile(berth, index, """
        for number in range(300):
            print("step", number)
        print("thing.c:7:10: fatal error: no/such.h: No such file or directory")
        print("and so on")
        raise SystemExit(3)
    """)
    error = refusal(berth)
    assert error["reason"] == "dependency-install", error
    assert "thing.c:7:10: fatal error: no/such.h" in error["message"] and "step" not in error["message"]
    assert "/system/function/<name> of the management port" in error["hint"]
    output = berth.admin("GET", "/system/function/uses").json()["berth"]["build_output"].splitlines()
    assert sum("step " in line for line in output) >= 300
    assert any("fatal error: no/such.h" in line for line in output) and any("and so on" in line for line in output)


def test_end_of_a_long_output_is_kept(berth, index):
    install_hostile(berth, index, """
        for number in range(12000):
            print("step", number, "x" * 100)
        print("and so on")
        raise SystemExit(3)
    """)
    error = refusal(berth)
    assert "and so on" in error["message"], error
    output = berth.admin("GET", "/system/function/uses").json()["berth"]["build_output"].splitlines()
    assert any("step 11999 " in line for line in output) and any("lines are left out" in line for line in output)


def test_who_waits_for_an_installation_is_told_so(berth, index):
    berth.host = {"queue_timeout": 3}
    install_hostile(berth, index, SLEEPS)
    wait_until(lambda: running_builders(berth), "the builder", 60)
    answer = berth.get("/uses")
    assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0
    error = answer.error()
    assert (error["component"], error["reason"]) == ("build", "installing")
    assert "its dependencies are being installed, for " in error["message"]


@pytest.mark.shows_setting("host.build_cpus")
def test_builder_is_locked_in_as_instances_are(berth, index):
    berth.host = {"build_cpus": 0.5, "build_memory": "1Gi"}
    install_hostile(berth, index, SLEEPS)
    (builder,) = wait_until(lambda: running_builders(berth), "the builder", 60)
    settings = engine.USUAL.inspect(builder["Id"])
    host = settings["HostConfig"]
    assert host["NanoCpus"] == 500_000_000
    assert host["Memory"] == host["MemorySwap"] == 1 << 30
    assert host["PidsLimit"] == 512
    assert host["CapDrop"] == ["ALL"] and not host["CapAdd"] and not host["Privileged"]
    privileges, profile = host["SecurityOpt"]
    assert privileges == "no-new-privileges:true"
    assert profile.startswith('seccomp={"defaultAction":"SCMP_ACT_ERRNO"')
    assert host["OomScoreAdj"] == 800
    assert host["ReadonlyRootfs"]
    assert settings["Config"]["User"].split(":")[0] != "0"
    writable = [mount["Destination"] for mount in settings["Mounts"] if mount["RW"]]
    assert writable == ["/berth/build"] and list(host["Tmpfs"]) == ["/tmp"] and "size=" in host["Tmpfs"]["/tmp"]


@pytest.fixture
def small_disk():
    """A file system of 100 MiB of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = tempfile.mkdtemp(prefix="be-", dir=os.path.realpath("/tmp"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)
    os.rmdir(folder)


def test_disk_is_never_filled(small_disk, berth, index):
    """What a builder hides from those who measure its folder still is taken from the disk."""
    berth.state_dir = os.path.join(small_disk, "state")
    berth.host["request_records"] = "1Mi"  # else they take most of this disk
    install_hostile(berth, index, FILLS_SECRETLY)
    error = refusal(berth)
    assert error["reason"] == "no-space" and "disk" in error["message"], error
    status = os.statvfs(small_disk)
    assert status.f_bavail * status.f_frsize > 90 << 20


# -- passwords

SECRETS = ("hostpw7Qx", "linepw8Ry", "urlpw9Sz")


def traces(text):
    return [secret for secret in SECRETS if secret in text]


def files_with_secrets(folder):
    """{path: mode} of the files below `folder` that hold one, by content or name."""
    found = {}
    for top, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(top, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                if traces(path + file.read().decode(errors="replace")):
                    found[path] = os.stat(path).st_mode & 0o777
    return found


def command_lines():
    return "\n".join(processes.command_line(pid) for pid in processes.pids())


def answers_of_the_daemon(berth, function):
    targets = ("/system/functions", f"/system/function/{function}", "/system/info", "/metrics", "/healthz")
    return "\n".join(berth.admin("GET", target).text for target in targets) + berth.get(f"/{function}").text


@pytest.mark.parametrize("option", ["", "--prefer-binary "], ids=["uv", "pip"])
def test_index_passwords_are_seen_nowhere(berth, index, option):
    """In the daemon's mirror, in an index of the function's and in the address of a package: not on a command line, not
    in what the engine shows, not in logs and answers, and in no file but those of the installer, which go with it."""
    host, line, url = Index(), Index(), index
    for server, secret, name in ((host, SECRETS[0], "alpha"), (line, SECRETS[1], "beta"), (url, SECRETS[2], "gamma")):
        server.password = secret
        server.wheels[name] = wheel(name, 10)
    host.gate.clear()
    try:
        berth.write_function(
            "uses", USES, extra_dependencies=f"{option}alpha beta --extra-index-url {line.address_with(SECRETS[1])}/simple "
            f"'gamma @ {url.address_with(SECRETS[2])}/simple/gamma/gamma-1.0-py3-none-any.whl'")
        berth.start(environment={**mirrored(host), "PIP_INDEX_URL": f"{host.address_with(SECRETS[0])}/simple"},
                    ready=False)
        wait_until(lambda: any(target.endswith(".whl") for target in host.asked), "the installation", 60)
        (builder,) = builders(berth)
        assert "install" in command_lines() and traces(command_lines()) == []
        assert traces(str(engine.USUAL.inspect(builder["Id"])) + str(builder)) == []
        staging = os.path.join(berth.state_dir, "staging")
        while_it_runs = files_with_secrets(berth.state_dir)
        assert os.stat(staging).st_mode & 0o777 == 0o700
        assert {mode for path, mode in while_it_runs.items() if path.endswith("/environment")} == {0o400}
        assert [path for path in while_it_runs if not path.startswith(staging + "/")] == []
        host.gate.set()
        berth.wait_ready(120)
        answer = berth.wait_answer("/uses", lambda answer: answer.status == 200, "an answer", 60)
        assert answer.text.startswith("has ")
        wait_until(lambda: files_with_secrets(berth.state_dir) == {}, "no file to hold a password", 20)
        assert files_with_secrets(berth.run_dir) == {}
        assert traces(answers_of_the_daemon(berth, "uses")) == []
        assert traces("\n".join(berth.log.lines())) == []
    finally:
        host.gate.set()
        host.close()
        line.close()


def test_index_passwords_are_in_no_error(berth, index):
    """Where the installation fails, and where the requirement itself is refused."""
    index.password = "another"
    address = index.address_with(SECRETS[0])
    berth.write_function("denied", USES, extra_dependencies="alpha -vv")
    berth.write_function("absent", USES, extra_dependencies=f"'alpha @ {address}/simple/alpha/alpha-1.0.zip'")
    berth.write_function("refused", USES, extra_dependencies=f"'alpha @ ftp://reader:{SECRETS[1]}@example.org/x.zip'")
    berth.write_function("lines", {"main.py": USES, "requirements.txt": f"--index-url ftp://:{SECRETS[2]}@h\n"})
    berth.start(environment={**mirrored(index), "PIP_INDEX_URL": f"{address}/simple"})
    for name in berth.functions:
        answer = berth.wait_refusal(f"/{name}", 120)
        assert traces(answer.text) == [], answer
        assert traces(answers_of_the_daemon(berth, name)) == []
    assert traces("\n".join(berth.log.lines())) == []
