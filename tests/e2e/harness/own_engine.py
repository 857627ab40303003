"""A Docker engine of the tests' own, beside the usual one: it may be stopped and killed. Needs root."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile

from harness import processes
from harness.engine import Engine
from harness.wait import wait_until

START_S = 60
STOP_S = 30


class OwnEngine(Engine):
    """dockerd with folders, a containerd and a network namespace of its own: beside another in the same one it
    would remove the bridge docker0, whosever that is. `program` is the command that becomes dockerd, `settings` are
    further ones of its file."""

    def __init__(self, program=("dockerd",), settings=None):
        self.program = program
        self.settings = settings or {}
        # Short: the shims' sockets are below it, and a unix socket's path has at most 107 bytes.
        self.folder = tempfile.mkdtemp(prefix="bd-", dir=os.path.realpath("/tmp"))
        self.process = None
        self.namespace = os.path.basename(self.folder)
        self.root = os.path.join(self.folder, "root")
        super().__init__(os.path.join(self.folder, "docker.sock"))

    def command(self):
        return [
            *("nsenter", f"--net=/run/netns/{self.namespace}", *self.program),
            *("--config-file", os.path.join(self.folder, "daemon.json")),
            *("--data-root", self.root),
            *("--exec-root", os.path.join(self.folder, "exec")),
            *("--pidfile", os.path.join(self.folder, "pid")),
            *("-H", "unix://" + self.socket),
            "--bridge=none",
            *("--iptables=false", "--ip-forward=false", "--userland-proxy=false", "--shutdown-timeout=1"),
        ]

    def prepare(self):
        """Gives it its network namespace, and mounts its root on itself, shared. Where "/" is not shared an engine does
        the latter for itself, and undoes it as it ends, while containers may still be starting: what those mount then
        lies below the next engine's mount, which can neither unmount it nor remove the container."""
        subprocess.run(["ip", "netns", "add", self.namespace], check=True)
        os.mkdir(self.root)
        subprocess.run(["mount", "--bind", "--make-shared", self.root, self.root], check=True)

    def begin(self, live_restore=False):
        """Starts it and does not wait. With `live_restore` containers survive its end."""
        if not os.path.exists(self.root):
            self.prepare()
        with open(os.path.join(self.folder, "daemon.json"), "w", encoding="utf-8") as file:
            json.dump({"live-restore": live_restore, **self.settings}, file)
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def start(self, live_restore=False):
        self.begin(live_restore)
        wait_until(self.answers, "the engine to answer", START_S)

    def stop(self):
        """Ends it in order: without live restore its containers end with it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(STOP_S)

    def crash(self):
        """Ends it as a crash would: its containers run on without it."""
        self.process.kill()
        self.process.wait()
        # Its containerd ends with it. Where nobody reaps that, dockerd would take it for alive, and wait.
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(self.folder, "exec", "containerd", "containerd.pid"))

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def container_processes(self):
        """The shims of its containers and what runs in them."""
        shims = [pid for pid in processes.pids() if self.is_shim(pid)]
        return shims + [child for shim in shims for child in processes.children(shim)]

    def end_containers(self):
        """Kills what runs in containers although the engine has ended: those that were started meanwhile."""
        for pid in self.container_processes():
            if not self.is_shim(pid):
                os.kill(pid, signal.SIGKILL)

    def is_shim(self, pid):
        line = processes.command_line(pid)
        return "containerd-shim" in line and self.folder + "/" in line

    def clear(self):
        """Removes every container."""
        for container in self.call("GET", "/containers/json", all="true"):
            self.remove(container["Id"])

    def discard(self):
        """Ends it and whatever it has started, and removes all its traces."""
        try:
            if not self.running:
                self.start()
            self.clear()
            self.stop()
        finally:
            self.end_by_force()
            shutil.rmtree(self.folder, ignore_errors=True)

    def end_by_force(self):
        """For what an engine that does not end in order leaves."""
        if self.running:
            self.crash()
        for pid in self.container_processes():
            os.kill(pid, signal.SIGKILL)
        subprocess.run(["ip", "netns", "delete", self.namespace], check=False)
        for mount in reversed(self.mounts()):
            subprocess.run(["umount", "--lazy", mount], check=False)

    def mounts(self):
        with open("/proc/self/mounts", encoding="utf-8") as file:
            return [line.split()[1] for line in file if line.split()[1].startswith(self.folder + "/")]
