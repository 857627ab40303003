"""A Docker engine, asked directly over its socket. The functions at the end ask the usual one."""

import http.client
import json
import socket
import time
import urllib.parse

SOCKET = "/var/run/docker.sock"


class EngineError(Exception):
    def __init__(self, status, message):
        super().__init__(f"{status}: {message}")
        self.status = status


class EngineConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=60):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Engine:
    """The engine that listens on a socket."""

    def __init__(self, path=SOCKET):
        self.socket = path

    def call(self, method, path, body=None, **query):
        """One request; its JSON answer, or None without a body. EngineError for a status of 400 and above."""
        connection = EngineConnection(self.socket)
        try:
            target = path + ("?" + urllib.parse.urlencode(query, doseq=True) if query else "")
            data = None if body is None else json.dumps(body).encode()
            connection.request(method, target, data, {"Content-Type": "application/json"} if data else {})
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status >= 400:
            raise EngineError(response.status, text.decode(errors="replace").strip())
        return json.loads(text) if text.strip() and "json" in response.headers.get("Content-Type", "") else None

    def answers(self):
        try:
            self.call("GET", "/_ping")
            return True
        except (OSError, http.client.HTTPException, EngineError):
            return False

    # -- containers

    def containers(self, label="berth.host"):
        """Every container, in any state, with that label ("name" or "name=value")."""
        return self.call("GET", "/containers/json", all="true", filters=json.dumps({"label": [label]}))

    def containers_below(self, folder):
        """Containers that mount something of `folder`: all that belong to the daemon that works there."""
        prefix = folder.rstrip("/") + "/"
        return [
            c for c in self.containers() if any(m.get("Source", "").startswith(prefix) for m in c.get("Mounts", []))
        ]

    def inspect(self, identity):
        return self.call("GET", f"/containers/{identity}/json")

    def kill(self, identity, signal="KILL"):
        self.call("POST", f"/containers/{identity}/kill", signal=signal)

    def pause(self, identity):
        self.call("POST", f"/containers/{identity}/pause")

    def unpause(self, identity):
        self.call("POST", f"/containers/{identity}/unpause")

    def remove(self, identity):
        """Removes a container by force; it may be gone already."""
        try:
            self.call("DELETE", f"/containers/{identity}", force="true", v="true")
        except EngineError as error:
            if error.status not in (404, 409):
                raise

    def exists(self, identity):
        try:
            self.inspect(identity)
            return True
        except EngineError as error:
            if error.status != 404:
                raise
            return False

    def create(self, image, name, labels, command):
        body = {"Image": image, "Labels": labels, "Cmd": command}
        return self.call("POST", "/containers/create", body, name=name)["Id"]

    def start(self, identity):
        self.call("POST", f"/containers/{identity}/start")

    # -- the rest

    def networks(self):
        return {network["Name"]: network for network in self.call("GET", "/networks")}

    def images(self, label="berth.image"):
        return self.call("GET", "/images/json", filters=json.dumps({"label": [label]}))

    def commit(self, container, name, **labels):
        """Makes an image of a container."""
        changes = [f"LABEL {label}={value}" for label, value in labels.items()]
        repo, tag = name.split(":")
        self.call("POST", "/commit", {}, container=container, repo=repo, tag=tag, changes=changes)

    def remove_image(self, name):
        """Removes an image by force; it may be gone already."""
        try:
            self.call("DELETE", f"/images/{name}", force="true")
        except EngineError as error:
            if error.status != 404:
                raise

    def copy_images(self, names, other):
        """Gives another engine these images."""
        source, target = EngineConnection(self.socket), EngineConnection(other.socket)
        try:
            source.request("GET", "/images/get?" + urllib.parse.urlencode({"names": names}, doseq=True))
            target.request("POST", "/images/load?quiet=1", source.getresponse(), {"Content-Type": "application/x-tar"})
            answer = target.getresponse()
            text = answer.read().decode(errors="replace")
            if answer.status >= 400 or "errorDetail" in text:
                raise EngineError(answer.status, text)
        finally:
            source.close()
            target.close()


def name_of(container):
    return container["Names"][0].lstrip("/") if container.get("Names") else ""


USUAL = Engine()
containers = USUAL.containers
containers_below = USUAL.containers_below
create = USUAL.create
exists = USUAL.exists
inspect = USUAL.inspect
kill = USUAL.kill
networks = USUAL.networks
pause = USUAL.pause
remove = USUAL.remove
start = USUAL.start
unpause = USUAL.unpause
