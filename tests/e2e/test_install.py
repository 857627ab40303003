"""What `cmake --install` puts together serves by itself."""

import os
import subprocess

from harness.functions import HELLO, SHELL_HELLO


def test_installed_daemon_serves_both_languages(make_berth, bin_dir, tmp_path):
    build = os.path.dirname(os.path.realpath(bin_dir))
    done = subprocess.run(["cmake", "--install", build, "--prefix", tmp_path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    berth = make_berth()
    berth.bin_dir = os.path.join(tmp_path, "bin")
    berth.write_function("hello", HELLO)
    berth.write_function("script", SHELL_HELLO, language="shell")
    berth.start()
    assert berth.get("/hello").text == "hello"
    assert berth.get("/script").status == 200
    [found] = {os.path.dirname(os.path.realpath(entry["path"])) for entry in berth.log.entries(event="plugin.found")}
    assert found == os.path.join(os.path.realpath(tmp_path), "lib", "berth", "plugins")
    assert os.access(os.path.join(tmp_path, "libexec", "berth", "base-image"), os.X_OK)
