"""docs/tour.md is what a reader sees who follows it."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.limit(400)
def test_tour_shows_what_is_seen(bin_dir, runtime_images):
    done = subprocess.run([ROOT / "scripts/tour", "--bin-dir", bin_dir], capture_output=True, text=True, timeout=390,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, check=False)
    assert done.returncode == 0, done.stderr
