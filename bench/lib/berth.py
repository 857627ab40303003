"""A berthd of a benchmark's own: its registry, its process, and its state as its log tells it."""
import base64
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import measure
from lib import engine

IDLE_S = 600  # however busy the machine is
READY_S = 900  # a first start builds the runtime images
SPARE_NETWORKS = 2  # unless it is set
IN_TRANSIT = {"creating", "starting", "loading", "draining", "failed", "removing"}


def yaml(mapping, indent=0):
    """A mapping as block YAML; scalars in JSON, which YAML reads as it is."""
    lines = []
    for key, value in mapping.items():
        if isinstance(value, dict) and value:
            lines += [f"{'  ' * indent}{key}:", yaml(value, indent + 1)]
        else:
            lines.append(f"{'  ' * indent}{key}: {json.dumps(value)}")
    return "\n".join(lines)


class Log:
    """The daemon's log, read as it grows: JSON, one event a line."""

    def __init__(self, path):
        self.path = path
        self.file = None
        self.rest = b""
        self.events = []

    def read(self):
        """The events since the last call; all so far are in `events`."""
        if self.file is None:
            self.file = open(self.path, "rb")
        *lines, self.rest = (self.rest + self.file.read()).split(b"\n")
        new = [json.loads(line) for line in lines if line.startswith(b"{")]
        self.events += new
        return new

    def tail(self):
        return "\n".join(json.dumps(event) for event in self.events[-20:]) + self.rest.decode(errors="replace")


class Berth:
    """A daemon on functions of our own. A context manager: starts on entry, is gone with its containers on exit.

    functions: {name: (code, settings)}, code being Python, or {file: text} with the entry first; a setting that is None is
    left out. host: the registry's host section; bin_dir: where its program is; plugins: a folder with more languages;
    state: a state folder that is kept, so that nothing is installed twice.
    """

    def __init__(self, functions, host=None, arguments=(), bin_dir=measure.BIN, plugins=None, state=None):
        self.folder = tempfile.mkdtemp(prefix="bb-", dir="/tmp")
        self.state = state or os.path.join(self.folder, "state")
        self.port, self.admin_port = measure.free_port(), measure.free_port()
        self.address = ("127.0.0.1", self.port)
        self.functions = functions
        self.host = host or {}
        self.arguments = arguments
        self.bin_dir = bin_dir
        self.plugins = plugins
        self.log = Log(os.path.join(self.folder, "log"))
        self.states = {}  # instance: (state, function)
        self.process = None

    def write(self):
        project = pathlib.Path(self.folder, "project")
        table = {}
        for name, (code, settings) in self.functions.items():
            folder = project / "functions" / name
            folder.mkdir(parents=True)
            files = {f"{name}.py": code} if isinstance(code, str) else code
            for path, text in files.items():
                (folder / path).parent.mkdir(exist_ok=True)
                (folder / path).write_text(text)
            settings = {"programing_language": "python", "function_folder": name,
                        "base_function_file_name": next(iter(files)), **settings}
            table[name] = {"configuration": {key: value for key, value in settings.items() if value is not None}}
        if self.plugins:
            shutil.copytree(self.plugins, project / "plugins")
        registry = {"usable-functions": table}
        if self.host:
            registry["host"] = self.host
        (project / "registry.yml").write_text(yaml(registry) + "\n")

    def __enter__(self):
        self.write()
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def start(self):
        with open(self.log.path, "ab") as log:
            self.process = subprocess.Popen(
                [self.bin_dir / "berthd", "--config", f"{self.folder}/project/registry.yml",
                 "--listen", f"127.0.0.1:{self.port}", "--admin", f"127.0.0.1:{self.admin_port}",
                 "--state", self.state, "--run-dir", f"{self.folder}/run", "--log-format", "json",
                 *self.arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.wait(lambda: any(event["event"] == "daemon.ready" for event in self.log.events), "the daemon", READY_S)

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for container in engine.containers_below(self.folder):
            engine.remove(container["Id"])
        self.update()
        if not os.environ.get("BERTH_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self):
        return self.process.pid

    def admin(self, path):
        """The management API's answer: JSON, or None for anything else."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=30)
        try:
            password = pathlib.Path(self.state, "admin-password").read_text().strip()
            code = base64.b64encode(f"admin:{password}".encode()).decode()
            connection.request("GET", path, headers={"Authorization": f"Basic {code}"})
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        return json.loads(text) if "json" in response.headers.get("Content-Type", "") else None

    def instances(self, function):
        return self.admin(f"/system/function/{function}")["berth"]["instances"]

    def update(self):
        """Brings `states` up to date; the new events."""
        if not os.path.exists(self.log.path):
            return []
        new = self.log.read()
        for event in new:
            if event["event"] == "instance.state":
                self.states[event["instance"]] = (event["to"], event.get("function"))
            elif event["event"] == "instance.gone":
                self.states.pop(event["instance"], None)
        return new

    def wait(self, condition, what, seconds=60):
        """Follows the log until the condition holds."""
        end = time.monotonic() + seconds
        while True:
            self.update()
            if condition():
                return
            if self.process.poll() is not None:
                raise RuntimeError(f"berthd ended with status {self.process.returncode}:\n{self.log.tail()}")
            if time.monotonic() > end:
                raise RuntimeError(f"waited {seconds} s in vain for {what}; the log's end:\n{self.log.tail()}")
            time.sleep(0.003)

    def prewarmed(self):
        return sum(state == "prewarmed" for state, _ in self.states.values())

    def has_spare_networks(self):
        """As many as are made ahead."""
        return self.admin("/system/info")["berth"]["spare_networks"] == self.host.get("spare_networks", SPARE_NETWORKS)

    def is_idle(self, prewarmed=None):
        """No function has an instance, so many are prewarmed and nothing is started or removed; None: as many as are."""
        return self.prewarmed() == len(self.states) and prewarmed in (None, len(self.states))

    def wait_idle(self, prewarmed=None):
        """Waits until is_idle()."""
        count = "some" if prewarmed is None else prewarmed
        self.wait(lambda: self.is_idle(prewarmed), f"{count} prewarmed instances and no other", IDLE_S)
