"""A short soak (scripts/soak): everything at once, and nothing of it grows or is left."""

import subprocess
import sys

import pytest

MINUTES = 1


@pytest.mark.limit(900)
def test_short_soak(root, bin_dir, runtime_images):
    driver = root / "tests" / "soak" / "soak.py"
    done = subprocess.run(
        [sys.executable, driver, str(MINUTES), "--bin-dir", bin_dir],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "No problem was found." in done.stdout
