"""The host's side of docs/runner-protocol.md, played for one process of the Node.js runner, with packages that a test writes."""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/runner"))

from shell_host import ShellHost  # noqa: E402

RUNNER = ROOT / "plugins/node/runner/main.js"
NODE = os.environ.get("NODE") or shutil.which("node", path="/usr/bin:/bin")


class NodeHost(ShellHost):
    """Listens, starts runners, has them load libraries and functions. What is written to `dependencies` is installed."""

    def __init__(self, folder):
        super().__init__(folder)
        for name in ("work", "dependencies/node_modules"):
            os.makedirs(Path(folder) / name)
        self.work = str(Path(folder) / "work")
        self.dependencies = str(Path(folder) / "dependencies")
        os.symlink(Path(self.work) / "node_modules", Path(folder) / "node_modules")  # as in the runtime image

    def install(self, name, files, **manifest):
        """A package: its files, by their paths in it."""
        folder = Path(self.dependencies, "node_modules", name)
        for path, text in {"package.json": json.dumps({"name": name, "version": "1.0.0", **manifest}), **files}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")

    def start(self, **environment):
        environment.setdefault("BERTH_PREWARMED", "1")
        self.runner = subprocess.Popen(
            [NODE, RUNNER], env={"PATH": "/usr/bin:/bin", "BERTH_SOCKET": self.path, "TMPDIR": self.folder, **environment},
            cwd=self.work, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return self.accept()

    def send(self, slot, command, settings):
        text = json.dumps({"protocol": 1, "dependencies": self.dependencies, "environment": {}, **settings}).encode()
        slot.request(f"/.berth/{command}", "POST", text, [
            f"Berth-Settings-Length: {len(text)}", f"Content-Type: application/vnd.berth.{command}"])

    def tell(self, slot, command, settings):
        """Status and body of the answer."""
        self.send(slot, command, settings)
        answer = slot.answer()
        return answer.status, json.loads(answer.body)

    def prewarm(self, slot, modules, **settings):
        """The answer to POST /.berth/prewarm, which is 200."""
        status, body = self.tell(slot, "prewarm", {
            "secret_names": [], "runtime": {"file": "index.js"}, "modules": modules, "code": self.code, "work": self.work,
            **settings})
        assert status == 200, body
        return body

    def load(self, slot, file="index.js", runtime=None, **settings):
        """The answer to POST /.berth/init, which is 200."""
        status, body = self.tell(slot, "init", {
            "function": "f", "revision": "r1", "instance": "i", "code": self.code, "work": self.work, "concurrency": 1,
            "timeout_ms": 60000, "runtime": {"file": file, **(runtime or {})}, **settings})
        assert status == 200, body
        return body

    def report(self, file="index.js", runtime=None, **settings):
        """What a runner that nothing was loaded into before says of the modules of a load."""
        return self.load(self.start(), file, runtime, report_modules=True, **settings)["modules"]
