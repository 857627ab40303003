"""The Docker engine, asked directly over its socket."""
import http.client
import json
import os
import socket

SOCKET = "/var/run/docker.sock"


class Connection(http.client.HTTPConnection):
    """A connection that is kept: what a client of the engine pays once is not measured each time."""

    def __init__(self, path=SOCKET):
        super().__init__("docker", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body)
        self.request(method, path, data, {"Content-Type": "application/json"} if data else {})
        return self.finish(f"{method} {path}")

    def finish(self, what):
        """The JSON of the answer to what was requested, or None without a body."""
        response = self.getresponse()
        text = response.read()
        if response.status >= 400:
            raise RuntimeError(f"{what}: {response.status} {text.decode(errors='replace')}")
        return json.loads(text) if text.strip() else None


def call(method, path, body=None):
    connection = Connection()
    try:
        return connection.call(method, path, body)
    finally:
        connection.close()


def containers_below(folder):
    """Containers that mount something of `folder`."""
    prefix = folder.rstrip("/") + "/"
    return [container for container in call("GET", "/containers/json?all=true")
            if any(mount.get("Source", "").startswith(prefix) for mount in container.get("Mounts", []))]


def remove(identity):
    """Removes a container by force; it may be gone already."""
    try:
        call("DELETE", f"/containers/{identity}?force=true&v=true")
    except RuntimeError as error:
        if ": 404 " not in str(error) and ": 409 " not in str(error):
            raise


def remove_images(name):
    """Removes the tags of an image that nothing runs on any more."""
    for image in call("GET", "/images/json"):
        for tag in image["RepoTags"] or []:
            if tag.startswith(f"{name}:"):
                call("DELETE", f"/images/{tag}")


def inspect(identity):
    return call("GET", f"/containers/{identity}/json")


def memory_place(identity):
    """Where the kernel tells of a container's memory: (folder, file of what is used, what of it can be dropped). None: it has
    ended."""
    try:
        pid = inspect(identity)["State"]["Pid"]
        with open(f"/proc/{pid}/cgroup", encoding="ascii") as file:
            groups = dict((line.strip().split(":", 2)[1], line.strip().split(":", 2)[2]) for line in file)
    except (OSError, RuntimeError):
        return None
    for place in ((f"/sys/fs/cgroup{groups.get('')}", "memory.current", "inactive_file"),
                  (f"/sys/fs/cgroup/memory{groups.get('memory')}", "memory.usage_in_bytes", "total_inactive_file")):
        if os.path.exists(f"{place[0]}/{place[1]}"):
            return place
    return None


def memory_at(place):
    """What the processes there take without page cache that can be dropped; None once they have gone."""
    if place is None:
        return None
    folder, usage, droppable = place
    try:
        with open(f"{folder}/{usage}", encoding="ascii") as file:
            total = int(file.read())
        with open(f"{folder}/memory.stat", encoding="ascii") as file:
            return total - int(dict(line.split() for line in file).get(droppable, 0))
    except OSError:
        return None


def memory_bytes(identity):
    """What the container's processes take; None without its cgroup."""
    return memory_at(memory_place(identity))


def gateway(network):
    """This machine's address on a network."""
    return call("GET", f"/networks/{network}")["IPAM"]["Config"][0]["Gateway"]
