"""An instance's container made and started by hand, over the engine's API: what a cold start costs where nobody adds anything."""
import contextlib
import copy
import os
import selectors
import shutil
import socket
import tempfile
import time

from lib import engine

KEYS = ("Image", "Entrypoint", "Cmd", "Env", "User", "Healthcheck")
DIAL_S = 60
NETWORK = "berth"
OUTPUT_LIMIT = 4096


class ByHand:
    """Makes containers like one of Berth's, with a socket of its own to dial and pipes for their output."""

    def __init__(self, like, path=engine.SOCKET):
        """like: what the engine says about an instance that was started with its package mounted."""
        self.folder = tempfile.mkdtemp(prefix="bc-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{self.folder}/host.sock")
        os.chmod(f"{self.folder}/host.sock", 0o666)
        self.listener.listen(64)
        self.listener.setblocking(False)
        self.pipes = [self.make_pipe(name) for name in ("stdout", "stderr")]
        self.body = self.body_of(like)
        self.engine = engine.Connection(path)

    def body_of(self, like):
        """The request that makes such a container, with folders of ours in the place of the daemon's."""
        code, secrets = self.make_folder("code"), self.make_folder("secrets")
        sources = {"/run/berth": self.folder, "/berth/code": code,
                   "/run/secrets": secrets, "/var/openfaas/secrets": secrets}
        body = copy.deepcopy({**{key: like["Config"][key] for key in KEYS}, "HostConfig": like["HostConfig"]})
        if body["HostConfig"]["NetworkMode"].startswith("container:"):  # which has gone
            body["HostConfig"]["NetworkMode"] = NETWORK
        for mount in body["HostConfig"]["Mounts"]:
            mount["Source"] = sources.get(mount["Target"], mount["Source"])
        body["Env"] = [entry for entry in body["Env"] if not entry.startswith("BERTH_GATEWAY=")]  # nobody takes it here
        return body

    def make_folder(self, name):
        os.mkdir(f"{self.folder}/{name}")
        return f"{self.folder}/{name}"

    def make_pipe(self, name):
        """As the daemon makes them and holds them open: a first process has a reader of its own, and waits for nobody."""
        path = f"{self.folder}/{name}"
        os.mkfifo(path)
        os.chmod(path, 0o666)
        return os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def output(self):
        """What was written to the pipes lately."""
        written = []
        for pipe in self.pipes:
            with contextlib.suppress(BlockingIOError):
                written.append(os.read(pipe, OUTPUT_LIMIT).decode(errors="replace"))
        return "".join(written)

    def create(self, body):
        return self.engine.call("POST", "/containers/create", body)["Id"]

    def start(self, identity):
        """How long until the first dial, and until the engine's answer, in ms."""
        self.forget_dials()
        began = time.monotonic()
        self.engine.request("POST", f"/containers/{identity}/start")
        passed = {}
        with selectors.DefaultSelector() as selector:
            selector.register(self.listener, selectors.EVENT_READ, "dialled")
            selector.register(self.engine.sock, selectors.EVENT_READ, "answered")
            while len(passed) < 2:
                ready = selector.select(DIAL_S)
                if not ready:
                    raise RuntimeError(f"{identity} has done no more than {passed}: {self.output()}")
                for key, _ in ready:
                    passed[key.data] = (time.monotonic() - began) * 1000
                    selector.unregister(key.fileobj)
        self.engine.finish(f"start of {identity}")
        return passed["dialled"], passed["answered"]

    def forget_dials(self):
        """Those of a container that has gone: a runner goes on to dial where nobody answers."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.listener.accept()[0].close()

    @contextlib.contextmanager
    def container(self, body):
        """One that is made, and removed in the end."""
        identity = self.create(body)
        try:
            yield identity
        finally:
            self.remove(identity)

    def remove(self, identity):
        engine.Connection(self.engine.path).call("DELETE", f"/containers/{identity}?force=true&v=true")

    def close(self):
        self.listener.close()
        for pipe in self.pipes:
            os.close(pipe)
        shutil.rmtree(self.folder, ignore_errors=True)


class CreateAndStart(ByHand):
    """As a kind of cold start: the container as it is."""

    def settle(self):
        pass

    def sample(self):
        began = time.monotonic()
        with self.container(self.body) as identity:
            created_ms = (time.monotonic() - began) * 1000
            dialled_ms, _ = self.start(identity)
        return {"start": created_ms + dialled_ms, "create_ms": created_ms, "start_ms": dialled_ms}
