"""The scripts a person types."""

import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from harness import client, processes
from harness.daemon import free_port
from harness.wait import wait_until


def script(root, name, *arguments, **options):
    return subprocess.run(
        [root / "scripts" / name, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        **options,
    )


def test_setup_with_nothing_to_do_is_silent(root):
    done = script(root, "setup")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", ["setup", "format", "test"])
def test_unknown_option_is_refused(root, name):
    done = script(root, name, "--no-such-option")
    assert done.returncode == 1
    assert "usage:" in done.stdout


OTHER = """
usable-functions:
  other: {configuration: {language: shell}}
"""


@pytest.mark.parametrize("name", ["hello", "other"])
def test_run_serves_and_shows_the_line_to_paste(root, tmp_path, runtime_images, name):
    port, admin = free_port(), free_port()
    folder = os.path.join("/tmp", f"be-run-{os.getpid()}")
    output = tmp_path / "output"
    (tmp_path / "functions" / "other").mkdir(parents=True)
    (tmp_path / "functions" / "other" / "main.sh").write_text("#!/bin/sh\necho hi\n")
    (tmp_path / "other.yml").write_text(OTHER)
    registry = ["--config", str(tmp_path / "other.yml")] if name == "other" else []
    with open(output, "wb") as file:
        process = subprocess.Popen(
            [
                root / "scripts" / "run",
                "--listen",
                f"127.0.0.1:{port}",
                "--admin",
                f"127.0.0.1:{admin}",
                "--state",
                str(tmp_path / "state"),
                "--run-dir",
                folder,
                *registry,
            ],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    pid = None
    try:
        command = wait_until(
            lambda: re.search(rf"curl http://localhost:{port}/{name}", output.read_text()),
            "the line to paste",
            200,
        )
        assert command
        assert client.request(("127.0.0.1", port), "GET", f"/{name}").status == 200
        if name == "hello":  # whoever serves after an upgrade is ended in the same way
            environment = {**os.environ, "BERTH_URL": f"unix:{folder}/admin.sock"}
            upgrade = [root / "build" / "release" / "bin" / "berth", "upgrade", "--json"]
            pid = json.loads(subprocess.check_output(upgrade, env=environment, text=True, timeout=120))["pid"]
            wait_until(lambda: "daemon.stopped" in output.read_text(), "the end of the one before", 60)
            assert process.poll() is None
            assert client.request(("127.0.0.1", port), "GET", f"/{name}").status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert pid is None or not os.path.exists(f"/proc/{pid}")
    finally:
        if process.poll() is None:
            for child in processes.children(process.pid):
                os.kill(child, signal.SIGKILL)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def test_run_passes_options_on(root):
    done = script(root, "run", "--version")
    assert done.returncode == 0
    assert re.search(r"^berthd \d", done.stdout, re.MULTILINE)
