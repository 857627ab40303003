"""Functions that try everything to get out, and the list in docs/security.md of what comes of it."""

import json
import re
import urllib.parse

import pytest

from harness import engine, escape, secret
from harness.cli import Cli
from harness.reaching import Service, gateway_address, outside_machine, python_image, stranger_of

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
    try "settings of the kernel" "echo core >/proc/sys/kernel/core_pattern"
    try "its own temporary files" "echo >/tmp/escape"
    echo end
"""


@pytest.fixture(scope="module")
def outside():
    with outside_machine() as outside:
        yield outside


@pytest.fixture(scope="module")
def service():
    service = Service()
    yield service
    service.close()


@pytest.fixture(scope="module")
def told(shared_berth, outside, service):
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
    with stranger_of(image) as stranger:
        yield {
            "beyond": [outside.ADDRESS, outside.PORT],
            "host": [gateway, service.port],
            "gateway": [gateway, berth.address[1]],
            "admin": [gateway, berth.admin_address[1]],
            "metadata": ["169.254.169.254", outside.PORT],
            "instance": [networks["berth"]["IPAddress"], 8080],
            "stranger": [stranger["IPAddress"], 7654],
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
