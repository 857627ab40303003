"""Functions that try everything to get out, and the list in docs/security.md of what comes of it."""

import json
import os
import re
import socket
import urllib.parse

import pytest

from harness import engine, escape, secret
from harness.cli import Cli
from harness.reaching import Group, Service, SharedMemory, gateway_address, link_address, python_image, stranger_of

CODE_MARK = "marker-in-the-code-of-another-function"
SECRET_MARK = "marker-in-a-secret-of-another-function"

OTHER = f"""
    MARK = "{CODE_MARK}"

    async def handle(request):
        return MARK[:6]
"""

# What can be tried without any program but bash.
SHELL = r"""
    #!/bin/bash
    printf 'Content-Type: text/plain\n\n'
    try() { local name=$1; shift; if timeout 5 bash -c "$*" >/dev/null 2>&1; then echo "$name"; fi; }
    IFS=, read -ra told <<<"$QUERY_STRING"
    try "the machine beyond" "exec 3<>/dev/tcp/${told[0]}"
    try "a port of this host" "exec 3<>/dev/tcp/${told[1]}"
    try "the metadata address" "exec 3<>/dev/tcp/${told[2]}"
    try "another instance" "exec 3<>/dev/tcp/${told[3]}"
    try "the engine's socket" "test -e /var/run/docker.sock"
    try "code of another function" "grep -rqs MARK_OF_CODE /berth /work /home /run /tmp"
    try "a secret of another function" "grep -rqs MARK_OF_SECRET /berth /work /home /run /tmp /proc/[0-9]*/environ"
    try "the list of dependencies" "ls /berth/dependencies"
    try "writing its code" "echo >/berth/code/escape"
    try "writing the image" "echo >/usr/escape"
    try "a mount" "mount -t tmpfs none /tmp"
    try "a user namespace" "unshare --user true"
    try "memory of the machine" "head -c 1 /dev/mem"
    try "the kernel's log" "dmesg"
    try "a device file" "mknod /tmp/device b 8 0"
    try "a release agent" "find /sys/fs/cgroup -name release_agent -exec sh -c 'echo /bin/true >{}' ';' | grep -q . || exit 1"
    try "the program of the first process" "echo x >>/proc/1/exe"
    try "firmware of the machine" "ls /sys/firmware | grep -q ."
    try "the sysrq trigger" "echo h >/proc/sysrq-trigger"
    try "precedence over others" "renice -n -5 \$\$"
    try "settings of the kernel" "echo core >/proc/sys/kernel/core_pattern"
    try "its own temporary files" "echo >/tmp/escape"
    echo end
"""


@pytest.fixture(scope="module")
def others():
    """What this host has for whoever gets at it: (a server on IPv6, a multicast group, shared memory, a socket)."""
    made = [Service("::"), Group(gateway_address()), SharedMemory(), socket.socket(socket.AF_UNIX)]
    made[-1].bind(f"\0berth-escape-{os.getpid()}")
    made[-1].listen()
    yield made
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def told(shared_berth, outside, service, others):
    """Where there would be something to reach."""
    berth, image = shared_berth, python_image()
    secret.key_file(berth)
    python = escape.PROGRAM.replace("\n", "\n    ")
    files = {"escape_attempts.py": "    " + python}
    berth.write_function("python", {"python.py": escape.FUNCTION, **files}, idle_timeout=120)
    berth.write_function("shell", SHELL.replace("MARK_OF_CODE", CODE_MARK[:9] + "[-]" + CODE_MARK[10:]).replace(
        "MARK_OF_SECRET", SECRET_MARK[:9] + "[-]" + SECRET_MARK[10:]), "shell", idle_timeout=120)
    berth.write_function(
        "server", {"server.py": escape.SERVER, **files}, "container", base_function_file_name=None,
        image=image, command="python3 /berth/code/server.py", idle_timeout=120)
    berth.write_function(
        "other", OTHER, idle_timeout=120, secrets=["mark"])
    berth.start()
    Cli(berth).run("secret", "set", "mark", stdin=SECRET_MARK)
    berth.wait_answer("/other", lambda answer: answer.status == 200, "the other function", 60)
    networks = engine.inspect(berth.instance("other")["Id"])["NetworkSettings"]["Networks"]
    gateway = gateway_address()
    wide, group, memory, abstract = others
    with stranger_of(image) as stranger:
        yield {
            "beyond": [outside.ADDRESS, outside.PORT],
            "host": [gateway, service.port],
            "gateway": [gateway, berth.address[1]],
            "admin": [gateway, berth.admin_address[1]],
            "metadata": ["169.254.169.254", outside.PORT],
            "instance": [networks["berth"]["IPAddress"], 8080],
            "stranger": [stranger["IPAddress"], 7654],
            "host_wide": [f"{link_address() or '::1'}%eth0", wide.port],
            "group": [group.ADDRESS, group.port],
            "abstract": abstract.getsockname()[1:].decode(),
            "shared": memory.key,
            "code": CODE_MARK,
            "secret": SECRET_MARK,
        }


@pytest.fixture(scope="module")
def listed(root):
    """{what is tried: whether it succeeds}, as docs/security.md has it."""
    text = (root / "docs" / "security.md").read_text(encoding="utf-8")
    section = text.partition("## What a function tries\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([a-zI][^|]*) \| (reached|refused) \|$", section, re.MULTILINE)
    return {name: outcome == "reached" for name, outcome in rows}


@pytest.mark.parametrize("name", ["python", "server"])
def test_what_a_function_reaches_is_what_is_listed(told, listed, served, name):
    answer = served.get(f"/{name}?told=" + urllib.parse.quote(json.dumps(told)), timeout=120)
    assert answer.status == 200, answer.text
    assert {tried: problem == "" for tried, problem in answer.json().items()} == listed, answer.json()


def test_what_a_shell_function_reaches_is_listed_as_reached(told, listed, served):
    places = ["/".join(map(str, told[place])) for place in ("beyond", "host", "metadata", "instance")]
    answer = served.get("/shell?" + ",".join(places), timeout=120)
    assert answer.status == 200
    *reached, end = answer.text.strip().split("\n")
    assert end == "end"
    assert set(reached) == {"the machine beyond", "its own temporary files"}
    assert all(listed[name] for name in reached)


# Dials its own instance's socket again, as its runner has, and tells what it has been sent there.
DIALS = """
    import os
    import socket
    import threading
    from starlette.responses import JSONResponse

    sent = []

    def dial():
        with socket.socket(socket.AF_UNIX) as link:
            link.connect("/run/berth/host.sock")
            try:
                while data := link.recv(4096):
                    sent.append(data.decode(errors="replace"))
            except ConnectionError:
                pass

    def handle(request):
        if request.query_params.get("dial"):
            for _ in range(20):
                threading.Thread(target=dial, daemon=True).start()
        return JSONResponse({"sent": sent, "offered": sorted(os.listdir("/run/berth"))})
"""


def test_a_function_that_plays_its_runner_is_sent_nothing(make_berth):
    """Who dials beside the runner is given no request, be it of another function; and the way by which the first process
    has offered the function's door is there no more."""
    berth = make_berth()
    berth.write_function("dials", DIALS, idle_timeout=60)
    berth.write_function("other", OTHER, idle_timeout=60)
    berth.start()
    assert berth.get("/dials?dial=1").status == 200
    for _ in range(20):
        assert berth.get("/other").text == CODE_MARK[:6]
        assert berth.get("/dials").json() == {"sent": [], "offered": ["host.sock", "stderr", "stdout"]}
