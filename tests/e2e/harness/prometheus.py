"""What Prometheus makes of metrics: the linter, the text format, and a server of a test's own."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import urllib.parse

from harness import client
from harness.wait import wait_until

CONFIG = """
global:
  scrape_interval: 500ms
scrape_configs:
  - job_name: berth
    static_configs:
      - targets: ["%s:%d"]
"""


def check(text):
    """What the linter has to say of a page; "" is nothing."""
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr + (f"status {done.returncode}" if done.returncode else "")


class Family:
    """A metric of a page: its type, and its samples as (suffix, {label: value}, number)."""

    def __init__(self, kind):
        self.kind = kind
        self.samples = []

    def labels(self):
        """All names of labels, without those of buckets."""
        return {name for _, labels, _ in self.samples for name in labels} - {"le"}


def parse(text):
    """The metrics of a page by their names. What is not as the format wants it fails."""
    families = {}
    name = None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            families[name] = Family(kind)
            continue
        found = re.fullmatch(rf"{name}(|_bucket|_sum|_count)(?:{{(.*)}})? (\S+)", line)
        assert found, line
        labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', found.group(2) or ""))
        families[name].samples.append((found.group(1), labels, float(found.group(3))))
    return families


class Prometheus:
    """A server that scrapes one daemon, with a folder and a port of its own."""

    def __init__(self, target, port):
        self.address = ("127.0.0.1", port)
        self.folder = tempfile.mkdtemp(prefix="prometheus-")
        config = os.path.join(self.folder, "prometheus.yml")
        with open(config, "w", encoding="ascii") as file:
            file.write(CONFIG % target)
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={config}",
                    f"--storage.tsdb.path={self.folder}/data",
                    "--web.listen-address=%s:%d" % self.address,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def query(self, expression):
        """The values that an expression has now; none while the server is not ready."""
        try:
            path = "/api/v1/query?query=" + urllib.parse.quote(expression)
            answer = client.request(self.address, "GET", path)
        except OSError:
            assert self.process.poll() is None, self.log()
            return []
        assert answer.status in (200, 503), (expression, answer.text)
        if answer.status == 503:
            return []
        return [float(row["value"][1]) for row in json.loads(answer.text)["data"]["result"]]

    def wait_value(self, expression, value, timeout=90):
        """Waits until the expression has this one value."""
        wait_until(lambda: self.query(expression) == [value], f"{expression} to be {value}", timeout)

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def close(self):
        self.process.terminate()
        self.process.wait(60)
        shutil.rmtree(self.folder)
