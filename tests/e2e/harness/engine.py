"""The Docker engine, asked directly over its socket."""

import http.client
import json
import socket
import urllib.parse

SOCKET = "/var/run/docker.sock"


class EngineError(Exception):
    def __init__(self, status, message):
        super().__init__(f"{status}: {message}")
        self.status = status


class EngineConnection(http.client.HTTPConnection):
    def __init__(self, timeout=60):
        super().__init__("localhost", timeout=timeout)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(SOCKET)


def call(method, path, body=None, **query):
    """One request; its JSON answer, or None without a body. EngineError for a status of 400 and above."""
    connection = EngineConnection()
    try:
        target = path + ("?" + urllib.parse.urlencode(query) if query else "")
        data = None if body is None else json.dumps(body).encode()
        connection.request(method, target, data, {"Content-Type": "application/json"} if data else {})
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    if response.status >= 400:
        raise EngineError(response.status, text.decode(errors="replace").strip())
    return json.loads(text) if text.strip() and "json" in response.headers.get("Content-Type", "") else None


def containers(label="berth.host"):
    """Every container, in any state, with that label ("name" or "name=value")."""
    return call("GET", "/containers/json", all="true", filters=json.dumps({"label": [label]}))


def containers_below(folder):
    """Containers that mount something of `folder`: all that belong to the daemon that works there."""
    prefix = folder.rstrip("/") + "/"
    return [
        c for c in containers() if any(m.get("Source", "").startswith(prefix) for m in c.get("Mounts", []))
    ]


def name_of(container):
    return container["Names"][0].lstrip("/") if container.get("Names") else ""


def inspect(identity):
    return call("GET", f"/containers/{identity}/json")


def kill(identity, signal="KILL"):
    call("POST", f"/containers/{identity}/kill", signal=signal)


def pause(identity):
    call("POST", f"/containers/{identity}/pause")


def unpause(identity):
    call("POST", f"/containers/{identity}/unpause")


def remove(identity):
    """Removes a container by force; it may be gone already."""
    try:
        call("DELETE", f"/containers/{identity}", force="true", v="true")
    except EngineError as error:
        if error.status not in (404, 409):
            raise


def exists(identity):
    try:
        inspect(identity)
        return True
    except EngineError as error:
        if error.status != 404:
            raise
        return False


def create(image, name, labels, command):
    return call("POST", "/containers/create", {"Image": image, "Labels": labels, "Cmd": command}, name=name)[
        "Id"
    ]


def start(identity):
    call("POST", f"/containers/{identity}/start")


def networks():
    return {network["Name"]: network for network in call("GET", "/networks")}
