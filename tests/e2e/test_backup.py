"""A backup of a daemon that serves, made as docs/operations.md says, and another daemon in its place with what was saved."""

import os
import re
import subprocess

from harness.cli import Cli
from harness.functions import HELLO
from harness.later import WORKER, accept, look
from harness.load import Load
from harness.secret import key_file, put
from harness.wait import wait_until

KEEPER = """
    import pathlib

    def handle(request):
        kept = pathlib.Path("/data/kept")
        if "write" in request.query_params:
            kept.write_text(request.query_params["write"])
        return kept.read_text() + " " + pathlib.Path("/run/secrets/token").read_text()
"""
SENT = "def handle(request):\n    return 'sent'\n"


def waits_again(berth, call):
    told = look(berth, call)
    return told["state"] == "waiting" and told["attempts"] == 1


def fill(berth, cli):
    """Something of all that a state directory keeps; the call that still waits."""
    key_file(berth)
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.write_function("worker", WORKER, retry_wait="1h", retry_wait_max="1h", idle_timeout=60)
    berth.write_function("keeper", KEEPER, volumes={"data": "/data"}, secrets=["token"])
    berth.start()
    put(berth, "token", "s3cret")
    answer = berth.wait_answer("/keeper?write=here", lambda answer: answer.status == 200, "the secret to be given")
    assert answer.text == "here s3cret"
    berth.write_files("sent", {"sent.py": SENT})
    cli.run("deploy", "sent", "--language", "python")
    assert berth.get("/sent").text == "sent"
    call = accept(berth, "worker?fails=1")
    wait_until(lambda: waits_again(berth, call), "the end of the first attempt")
    return call


def back_up(root, berth, path):
    done = subprocess.run([root / "packaging" / "backup", path, berth.state_dir], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert os.stat(path).st_mode & 0o777 == 0o600


def restore(berth, path, state_dir):
    os.mkdir(state_dir, 0o700)
    subprocess.run(["tar", "--extract", "--gzip", "--same-permissions", f"--file={path}", f"--directory={state_dir}"], check=True)
    berth.state_dir = state_dir
    berth.start()


def test_backup_of_a_serving_daemon_is_whole(root, berth):
    cli = Cli(berth)
    call = fill(berth, cli)
    path = os.path.join(berth.folder, "backup.tar.gz")
    with Load(berth, "/hello", clients=2) as load:
        wait_until(lambda: load.good >= 50, "some answers")
        for _ in range(20):
            accept(berth, "hello")
        back_up(root, berth, path)
        seen = load.good
        wait_until(lambda: load.good >= seen + 50, "more answers")
    assert load.bad == []
    known = berth.get("/hello").headers["X-Request-Id"]
    berth.get("/keeper?write=later")
    host_id = open(os.path.join(berth.state_dir, "host-id"), encoding="ascii").read()
    assert berth.stop() == 0

    restore(berth, path, os.path.join(berth.folder, "restored"))
    assert open(os.path.join(berth.state_dir, "host-id"), encoding="ascii").read() != host_id
    assert berth.get("/sent").text == "sent"
    assert berth.get("/keeper").text == "here s3cret"
    assert waits_again(berth, call)
    assert berth.admin("GET", "/berth/calls/check").json()["problems"] == []
    requests = berth.admin("GET", "/berth/requests?function=hello&limit=10000").text
    assert '"hello"' in requests and known not in requests
    assert re.search(r"[0-9a-f]{12}", cli.run("history", "sent"))


def test_backup_says_what_is_no_state_directory(root, tmp_path):
    done = subprocess.run([root / "packaging" / "backup", tmp_path / "x", tmp_path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "is no state directory of Berth" in done.stderr
    assert list(tmp_path.iterdir()) == []
