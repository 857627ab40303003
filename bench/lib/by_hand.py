"""An instance's container made and started by hand, over the engine's API: what a cold start costs where nobody adds anything."""
import os
import shutil
import socket
import tempfile
import time

from lib import engine

TAKEN = ("Image", "Entrypoint", "Cmd", "Env", "User", "Labels", "Healthcheck")


class CreateAndStart:
    """Until its runner dials a socket of our own, with pipes for its output."""

    def __init__(self, like):
        """like: what the engine says about an instance that was started with its package mounted."""
        self.folder = tempfile.mkdtemp(prefix="bc-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.settimeout(60)
        self.listener.bind(f"{self.folder}/host.sock")
        os.chmod(f"{self.folder}/host.sock", 0o666)
        self.listener.listen(64)
        self.pipes = [self.make_pipe(name) for name in ("stdout", "stderr")]
        code, secrets = self.make_folder("code"), self.make_folder("secrets")
        host = dict(like["HostConfig"])
        sources = {"/run/berth": self.folder, "/berth/code": code,
                   "/run/secrets": secrets, "/var/openfaas/secrets": secrets}
        host["Mounts"] = [{**mount, "Source": sources.get(mount["Target"], mount["Source"])}
                          for mount in host["Mounts"]]
        self.body = {**{key: like["Config"][key] for key in TAKEN}, "HostConfig": host}
        self.body["Labels"] = {}
        self.body["Env"] = [entry for entry in self.body["Env"] if not entry.startswith("BERTH_GATEWAY=")]  # nobody takes it here
        self.engine = engine.Connection()

    def make_folder(self, name):
        os.mkdir(f"{self.folder}/{name}")
        return f"{self.folder}/{name}"

    def make_pipe(self, name):
        """Open for as long as this lives, as the daemon holds it. A first process opens both ends."""
        path = f"{self.folder}/{name}"
        os.mkfifo(path)
        os.chmod(path, 0o666)
        return os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def settle(self):
        pass

    def sample(self):
        began = time.monotonic()
        identity = self.engine.call("POST", "/containers/create", self.body)["Id"]
        try:
            created = time.monotonic()
            self.engine.call("POST", f"/containers/{identity}/start")
            self.listener.accept()[0].close()
            ended = time.monotonic()
        finally:
            engine.remove(identity)
        return {"start": (ended - began) * 1000, "create_ms": (created - began) * 1000,
                "start_ms": (ended - created) * 1000}

    def close(self):
        self.listener.close()
        for pipe in self.pipes:
            os.close(pipe)
        shutil.rmtree(self.folder, ignore_errors=True)
