"""Images with an application baked in, as they are deployed where there is no Berth, and `docker run` of one of them until its
first answer. An image has the very files that Berth has installed for the function, so nothing is installed twice, and is kept
for the next run."""
import contextlib
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import measure
from lib import client, engine
from lib.applications import PORT

SERVERS = "servers"  # the function whose dependencies are the servers of Python applications
SERVERS_FILES = {"main.py": 'def handle(request):\n    return ""\n', "requirements.txt": "uvicorn\ngunicorn\n"}
PLACES = {"python": ("/srv/dependencies", "/srv/servers"), "node": ("/srv",)}  # where dependencies are found, by language
LIMITS = ("--memory", "256m", "--memory-swap", "256m", "--cpus", "1", "--pids-limit", "512", "--cap-drop", "ALL",
          "--security-opt", "no-new-privileges:true", "--read-only", "--tmpfs", "/tmp", "--user", "10001:10001",
          "--log-driver", "local")
LOOK_S = 0.003
ANSWER_S = 120


def dependencies_of(container):
    """The folder with what was installed for the function of an instance; None where it needs nothing."""
    for mount in container["HostConfig"]["Mounts"]:
        if mount["Target"].startswith("/berth/dependencies/"):
            return mount["Source"]
    return None


def dockerfile(application, image, copied):
    """An image of `image`, with folders at their places: {name in the context: path}."""
    lines = [f"FROM {image}", *(f"COPY {name} {path}" for name, path in copied.items()), "WORKDIR /srv/app"]
    if application.language == "python":
        lines += [f"ENV PYTHONPATH={':'.join(PLACES['python'])}", "RUN python3 -m compileall -q /srv/app"]
    return "\n".join([*lines, f"CMD [{', '.join(f'{word!r}' for word in application.serves)}]".replace("'", '"'), ""])


def bake(application, container, servers):
    """The image of an application, made if it is not there; container: an instance of it, as the engine tells of it;
    servers: the folder with servers of Python."""
    if application.is_image:
        return container["Config"]["Image"]
    installed = [dependencies_of(container), servers if application.language == "python" else None]
    copied = {"app": "/srv/app"}
    folders = {}
    for place, folder in zip(PLACES[application.language], installed):
        if folder:
            copied[pathlib.Path(place).name] = place
            folders[pathlib.Path(place).name] = folder
    recipe = dockerfile(application, container["Config"]["Image"], copied)
    files = {**application.files, **application.beside}
    digest = hashlib.sha256(repr((recipe, files, installed)).encode()).hexdigest()[:16]
    image = f"berth-bench-{application.name}:{digest}"
    if not subprocess.run(["docker", "image", "inspect", image], capture_output=True).returncode:
        return image
    build(image, recipe, files, folders)
    return image


def build(image, recipe, files, folders):
    with tempfile.TemporaryDirectory(prefix="bi-") as context:
        pathlib.Path(context, "Dockerfile").write_text(recipe, encoding="utf-8")
        for path, text in files.items():
            place = pathlib.Path(context, "app", path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        for name, folder in folders.items():
            shutil.copytree(folder, pathlib.Path(context, name), symlinks=True)
        done = subprocess.run(["docker", "build", "--quiet", "--tag", image, context], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{image} cannot be built:\n{done.stderr}\n{recipe}")


class DockerRun:
    """`docker run` of an image, with an instance's limits, until the first answer of what it serves."""

    def __init__(self, application, image):
        self.application, self.image = application, image

    def settle(self):
        pass

    def sample(self):
        name, port = f"berth-bench-{os.getpid()}", measure.free_port()
        command = ["docker", "run", "--rm", "--name", name, "--publish", f"127.0.0.1:{port}:{PORT}", *LIMITS, self.image]
        with tempfile.TemporaryFile() as output:
            began = time.monotonic()
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            try:
                answered = self.first_answer(process, port, began)
                return {"answer": (answered - began) * 1000}
            except RuntimeError as error:
                output.seek(0)
                raise RuntimeError(f"{error}: {output.read().decode(errors='replace')}") from None
            finally:
                engine.remove(name)
                process.wait()

    def first_answer(self, process, port, began):
        """When it came, on the monotonic clock."""
        while process.poll() is None and time.monotonic() < began + ANSWER_S:
            with contextlib.suppress(OSError):
                answer = client.get(("127.0.0.1", port), self.application.path, ANSWER_S, self.application.body)
                if answer.status == 200:
                    return time.monotonic()
            time.sleep(LOOK_S)
        raise RuntimeError(f"docker run of {self.image} did not answer")
