"""A registry of images of the tests' own, on loopback, and images for it to have."""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import textwrap

from harness import client
from harness.daemon import free_port
from harness.servers import BASE, SERVER
from harness.wait import wait_until

USER, PASSWORD = "reader", "s3cret-of-the-registry"

CONFIG = """
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: "%s"}}
http: {addr: "%s", secret: any}
"""
AUTH = """
auth: {htpasswd: {realm: test, path: "%s"}}
"""
DOCKERFILE = f"""
FROM {BASE}
COPY server.pl /srv/server.pl
ENV BUILT=%s
CMD ["perl", "/srv/server.pl"]
"""


def docker(*arguments, **options):
    """What Docker's command line prints."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=600, **options)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def bcrypt(password):
    """Its hash, as htpasswd makes it; the salt is anyone's."""
    command = ["perl", "-e", "print crypt($ARGV[0], '$2b$05$abcdefghijklmnopqrstuu')", password]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class Registry:
    """A server, whose folder another one may share."""

    def __init__(self, folder=None, password=None):
        self.own = tempfile.mkdtemp(prefix="br-", dir=os.path.realpath("/tmp"))
        self.folder = folder or os.path.join(self.own, "images")
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.password = password
        self.process = None
        text = CONFIG % (self.folder, self.host)
        if password:
            users = os.path.join(self.own, "htpasswd")
            with open(users, "w", encoding="utf-8") as file:
                file.write(f"{USER}:{bcrypt(password)}\n")
            text += AUTH % users
        self.config = os.path.join(self.own, "config.yml")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(text)

    def start(self):
        with open(os.path.join(self.own, "log"), "ab") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", self.config], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        wait_until(self.answers, "the registry to answer", 60)

    def answers(self):
        try:
            return client.request(("127.0.0.1", self.port), "GET", "/v2/").status in (200, 401)
        except OSError:
            return False

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.own, ignore_errors=True)

    def image(self, name, tag="1"):
        return f"{self.host}/berth-test/{name}:{tag}"

    def put(self, name, tag="1", built="here"):
        """Pushes the server of harness.servers with BUILT in its environment, and removes it from this machine. The
        digest that the registry knows it by."""
        image = self.image(name, tag)
        with tempfile.TemporaryDirectory() as folder:
            for file, text in {"Dockerfile": DOCKERFILE % built, "server.pl": SERVER}.items():
                with open(os.path.join(folder, file), "w", encoding="utf-8") as out:
                    out.write(textwrap.dedent(text).lstrip())
            docker("build", "--quiet", "--tag", image, folder, env={**os.environ, "DOCKER_BUILDKIT": "0"})
        docker("push", "--quiet", image)
        digest = docker("image", "inspect", "--format", "{{index .RepoDigests 0}}", image).strip().split("@")[1]
        docker("image", "rm", image)
        return digest


def remove_images(*registries):
    """Removes from this machine what was pulled from them."""
    for registry in registries:
        names = docker("image", "ls", "--digests", "--format", "{{.Repository}}:{{.Tag}}@{{.Digest}}").split()
        for name in names:
            if not name.startswith(registry.host + "/"):
                continue
            tagged, digest = name.split("@")
            if tagged.endswith(":<none>"):
                tagged = tagged.removesuffix(":<none>") + "@" + digest
            with contextlib.suppress(AssertionError):
                docker("image", "rm", "--force", tagged)


def login(folder, registry, password=PASSWORD):
    """Writes a config.json as `docker login` does."""
    write_config(folder, {"auths": {registry.host: {"auth": base64.b64encode(f"{USER}:{password}".encode()).decode()}}})


def write_config(folder, content):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        file.write(content if isinstance(content, str) else json.dumps(content))
