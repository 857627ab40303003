"""A short form of scripts/steady: constant load that notices nothing of deployments, upgrades and an engine that is restarted,
and of a kill no more than what was in flight."""

import os
import subprocess
import sys

import pytest

MUCH = ["--redeploys", "2", "--upgrades", "2", "--engine-restarts", "1", "--kills", "1", "--any-time"]


@pytest.mark.limit(900)
def test_short_and_steady(root, bin_dir, runtime_images):
    if os.getuid() != 0:
        pytest.skip("a second Docker engine needs root")
    done = subprocess.run(
        [sys.executable, root / "tests" / "soak" / "steady.py", *MUCH, "--bin-dir", bin_dir],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "Nobody has noticed." in done.stdout
