"""The Debian package on a fresh Debian 12 with a service manager: from installing it to the last trace of it."""

import os
import re
import shutil
import subprocess
import time

import pytest

from harness import every_language
from harness.fresh_debian import FreshDebian
from harness.index import Index, wheel
from harness.load import Load
from harness.wait import wait_until

pytestmark = pytest.mark.limit(2400)  # the package and the fresh system may have to be made first

IMAGE = "berth-test-fresh-debian:bookworm"
OLDER = "0.0.9+deb12"
ANSWER_S = 300
EXPOSURE = 20  # tenths, of what systemd-analyze makes of a unit: 100 is without any wall

# What other packages leave once they have been used, and what the machine itself writes.
OTHERS = re.compile(
    "|".join(
        [
            r"/(dev|opt|proc|root|run|sys)(/.*)?",
            r"/etc/(docker|cni|iptables|python3[^/]*|alternatives|apparmor\.d|ssl)(/.*)?",
            r"/etc/(passwd|group|g?shadow|sub[ug]id)-?|/etc/(ld\.so\.cache|\.pwd\.lock|inputrc|mtab|docker)",
            r"/etc/(init\.d|default|rc.\.d)(/.*)?",
            r"/etc/systemd/system/(multi-user|sockets)\.target\.wants(/(docker|containerd).*)?",
            r"/var/(cache|log|tmp|opt)(/.*)?",
            r"/var/lib/(apt|containerd|dbus|docker|dpkg|misc|pam|polkit-1|private|python|systemd|ucf)(/.*)?",
            r"/usr/share/(man|info|doc|python3)(/.*)?|/usr/(local/)?lib/python3.*|.*/__pycache__(/.*)?",
        ]
    )
)


@pytest.fixture(scope="module")
def package(root):
    """The package of this tree."""
    command = [root / "scripts" / "package", "12", "--unchecked"]
    made = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    [path] = [line for line in made.stdout.splitlines() if os.path.basename(line).startswith("berth_")]
    return path


@pytest.fixture(scope="module")
def older_package(package, tmp_path_factory):
    """The same with an older number."""
    folder = tmp_path_factory.mktemp("older")
    subprocess.run(["dpkg-deb", "--raw-extract", package, folder / "tree"], check=True)
    control = folder / "tree" / "DEBIAN" / "control"
    control.write_text(re.sub(r"(?m)^Version: .*", f"Version: {OLDER}", control.read_text()))
    path = folder / f"berth_{OLDER}_amd64.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", folder / "tree", path], check=True)
    shutil.rmtree(folder / "tree")
    return str(path)


@pytest.fixture(scope="module")
def machine(root, package):
    subprocess.run([root / "scripts" / "fresh-debian", IMAGE, package], check=True, stdin=subprocess.DEVNULL)
    with FreshDebian(IMAGE) as machine:
        yield machine


@pytest.fixture(scope="module")
def index(machine):
    served = Index(host=machine.gateway)
    served.wheels["parcel"] = wheel("parcel", 1000)
    yield served
    served.close()


def containers(machine):
    return set(machine.do("docker", "ps", "--all", "--quiet", "--no-trunc").split())


def write_functions(machine, index, folder):
    """Images of all languages are built side by side."""
    machine.shell("printf s3cret | berth secret set token && cd /etc/berth && berth new shell hello")
    every_language.write(folder, index, machine.do("cat", "/etc/berth/global-function-definition.yml"))
    machine.copy(f"{folder}/.", "/etc/berth")
    machine.shell("chown -R root: /etc/berth/functions /etc/berth/*.yml")


def test_first_install_serves(machine, older_package, index, tmp_path, record_property):
    """The tests below go on from here."""
    machine.before = machine.files()
    path = machine.put(older_package, "/root")
    begin = time.monotonic()
    machine.install(path)
    installed = time.monotonic()
    write_functions(machine, index, tmp_path)
    answer = wait_until(lambda: (answer := machine.get("/hello", ANSWER_S)).status == 200 and answer, "an answer", ANSWER_S)
    record_property("seconds", [round(installed - begin), round(time.monotonic() - begin)])
    print(f"installed after {installed - begin:.0f} s, first answer after {time.monotonic() - begin:.0f} s")
    assert answer.text == "Hello from /hello\n"


def ask_all(machine, times):
    """What each function says has to be right; keeper has been asked so often by then."""
    for target, text in every_language.expected(times).items():
        answer = wait_until(lambda at=target: (got := machine.get(at, ANSWER_S)).status != 503 and got, target, ANSWER_S)
        assert (answer.status, answer.text[: len(text)]) == (200, text), answer.text


def test_functions_of_every_language_are_built_and_served(machine):
    ask_all(machine, 1)


def test_unit_is_walled_in(machine):
    unit = machine.do("systemctl", "show", "--property=FragmentPath", "--value", "berth").strip()
    machine.do("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", unit)
    assert "plugins.not_confined" not in machine.journal(lines=10000)
    own = machine.do("cat", f"/proc/{machine.main_process()}/status")
    assert re.search(r"CapBnd:\s*0+\n", own) and re.search(r"NoNewPrivs:\s*1\n", own) and re.search(r"Seccomp:\s*2\n", own)
    mounts = machine.do("cat", f"/proc/{machine.main_process()}/mounts").splitlines()
    writable = {line.split()[1] for line in mounts if line.split()[3].split(",")[0] == "rw"}
    assert {"/", "/etc"} & writable == set() and {"/run/berth", "/var/lib/berth"} <= writable


def test_daemon_is_of_its_own_user_and_enabled(machine):
    assert machine.do("systemctl", "is-enabled", "berth").strip() == "enabled"
    user = machine.do("ps", "-o", "user=,group=,supgrp=", "-p", str(machine.main_process())).split()
    assert user[:2] == ["berth", "berth"] and set(user[2].split(",")) == {"berth", "docker"}
    modes = machine.do("stat", "--format=%n %U %a", "/var/lib/berth", "/run/berth", "/etc/berth/secret.key").splitlines()
    assert modes == ["/var/lib/berth berth 700", "/run/berth berth 700", "/etc/berth/secret.key berth 600"]


def test_what_people_use_is_there(machine):
    report = machine.do("berth", "doctor")
    assert [line for line in report.splitlines() if not line.startswith("ok ")] == []
    assert "token" in machine.do("berth", "secret", "ls")
    machine.do("/usr/libexec/berth/backup", "/root/backup.tar.gz")
    saved = machine.do("tar", "--list", "--gzip", "--file=/root/backup.tar.gz")
    assert "./volumes/data/kept" in saved and "./secrets/" in saved
    assert "berth __complete" in machine.do("cat", "/usr/share/bash-completion/completions/berth")
    for page in ("man1/berth.1", "man8/berthd.8"):
        assert ".SH NAME" in machine.shell(f"zcat /usr/share/man/{page}.gz")


def test_another_user_is_told_whose_daemon_it_is(machine):
    done = machine.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "berth", "ls")
    assert done.returncode == 3 and "sudo berth" in done.stderr


def test_reload_and_restart(machine):
    before = machine.main_process()
    machine.do("systemctl", "reload", "berth")
    assert machine.main_process() == before
    instances = containers(machine)
    with Load(machine, "/hello", clients=2) as load:
        wait_until(lambda: load.good >= 20, "some answers", 60)
        machine.do("systemctl", "restart", "berth")
        seen = load.good
        wait_until(lambda: load.good >= seen + 20, "more answers", 60)
    assert machine.main_process() != before
    assert load.bad == []
    assert instances & containers(machine)
    assert "daemon.descriptor-unused" not in machine.journal(lines=10000)
    ask_all(machine, 2)


def test_ended_daemon_leaves_its_instances_to_the_next_start(machine):
    before = machine.main_process()
    machine.get("/hello")
    instances = containers(machine)
    machine.do("systemctl", "kill", "--kill-whom=main", "--signal=SIGUSR1", "berth")
    wait_until(lambda: machine.output("systemctl", "is-active", "berth").strip() == "inactive", "its end", 60)
    assert containers(machine) & instances
    machine.do("systemctl", "start", "berth")
    assert machine.get("/hello").status == 200
    assert machine.main_process() != before and containers(machine) & instances


def metrics(machine):
    return machine.do("curl", "--silent", "http://127.0.0.1:8081/metrics")


def test_killed_daemon_is_started_again(machine):
    before = machine.main_process()
    with machine.connect() as held:
        held.send("GET /server/sleep?s=600 HTTP/1.1\r\nHost: test\r\nX-Request-Id: held\r\n\r\n")
        busy = 'berth_slots_busy{function_name="server.openfaas-fn"} 1'
        wait_until(lambda: busy in metrics(machine), "a request under way", 60)
        machine.do("kill", "-KILL", str(before))
    wait_until(lambda: machine.main_process() not in (0, before), "another daemon", 60)
    wait_until(lambda: machine.output("systemctl", "is-active", "berth").strip() == "active", "it to serve", 60)
    assert machine.get("/hello").status == 200
    assert "was killed, or crashed" in machine.do("berth", "why", "held")


def test_upgrade_under_load(machine, package):
    path = machine.put(package, "/root")
    before = machine.main_process()
    with Load(machine, "/hello", clients=4) as load:
        wait_until(lambda: load.good >= 100, "some answers", 60)
        machine.install(path)
        seen = load.good
        wait_until(lambda: load.good >= seen + 100, "more answers", 60)
    assert machine.do("dpkg-query", "--show", "--showformat=${Version}", "berth") != OLDER
    assert machine.main_process() != before
    assert machine.do("readlink", f"/proc/{machine.main_process()}/exe").strip() == "/usr/bin/berthd"
    assert load.bad == []
    ask_all(machine, 3)


def test_removed_package_leaves_state_and_no_container(machine):
    machine.get("/hello")
    assert containers(machine)
    machine.do("apt-get", "remove", "--yes", "berth")
    assert containers(machine) == set()
    assert machine.output("systemctl", "is-active", "berth").strip() == "inactive"
    machine.do("test", "-s", "/var/lib/berth/host-id", "-a", "-e", "/etc/berth/functions/hello")


def test_removed_and_installed_again_it_serves(machine, package):
    machine.install(f"/root/{os.path.basename(package)}")
    assert machine.get("/hello").status == 200
    ask_all(machine, 4)


def test_purged_package_leaves_nothing(machine):
    machine.do("apt-get", "purge", "--yes", "berth")
    assert containers(machine) == set()
    assert machine.do("docker", "images", "--all", "--quiet") == ""
    assert machine.run("getent", "passwd", "berth").returncode != 0
    assert machine.run("getent", "group", "berth").returncode != 0
    assert machine.run("systemctl", "cat", "berth").returncode != 0
    left = machine.files() - machine.before
    assert [path for path in left if "berth" in os.path.basename(path) and not path.startswith("/root/")] == []
    owned = set(machine.shell("cat /var/lib/dpkg/info/*.list | sort -u").splitlines())
    owned |= {"/usr" + path for path in owned} | {os.path.realpath(path) for path in owned}
    assert sorted(path for path in left - owned if not OTHERS.fullmatch(path)) == []
