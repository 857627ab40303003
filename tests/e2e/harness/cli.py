"""The program `berth` as a user runs it."""

import json
import os
import subprocess


class Cli:
    """`berth` against one daemon, by its socket; in the folder of its registry."""

    def __init__(self, berth):
        self.berth = berth
        self.program = os.path.join(berth.bin_dir, "berth")
        self.url = f"unix:{berth.run_dir}/admin.sock"

    def run(self, *arguments, status=0, stdin=None, environment=None, cwd=None):
        """Its standard output; what it said on standard error is in `said`. Input is none unless given; with a
        status of None any will do."""
        done = subprocess.run(
            [self.program, *arguments],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=240,
            cwd=cwd or self.berth.project,
            env={**os.environ, "BERTH_URL": self.url, **(environment or {})},
            check=False,
        )
        self.said = done.stderr
        assert status in (None, done.returncode), f"{arguments}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *arguments, status=0):
        return json.loads(self.run(*arguments, "--json", status=status))
