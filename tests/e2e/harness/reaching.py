"""What functions may try to reach: servers of this host, a machine beyond it, a container of somebody else's."""

import contextlib
import fcntl
import http.server
import os
import socket
import subprocess
import tempfile
import threading

from harness import engine
from harness.wait import wait_until


class Service:
    """A server of this host, on a port of all its addresses or of one, over TCP and UDP."""

    def __init__(self, address="0.0.0.0"):
        self.tcp = http.server.ThreadingHTTPServer((address, 0), http.server.SimpleHTTPRequestHandler)
        self.port = self.tcp.server_address[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, self.port))
        threading.Thread(target=self.tcp.serve_forever, daemon=True).start()
        threading.Thread(target=self.echo, daemon=True).start()

    def echo(self):
        while True:
            try:
                data, peer = self.udp.recvfrom(16)
            except OSError:
                return
            if not data:
                return
            self.udp.sendto(data, peer)

    def close(self):
        self.tcp.shutdown()
        self.tcp.server_close()
        self.udp.close()


def answers(address, port):
    try:
        socket.create_connection((address, port), 2).close()
        return True
    except OSError:
        return False


class Outside:
    """A machine beyond this host: a network namespace at the end of a wire, which serves on a port."""

    ADDRESS, HOST_ADDRESS, PORT = "198.18.77.2", "198.18.77.1", 8765

    def __init__(self):
        for command in (
            "ip netns add beouter",
            "ip link add beouter0 type veth peer name beouter1 netns beouter",
            f"ip address add {self.HOST_ADDRESS}/30 dev beouter0",
            "ip link set beouter0 up",
            f"ip -n beouter address add {self.ADDRESS}/30 dev beouter1",
            "ip -n beouter link set beouter1 up",
            "ip -n beouter link set lo up",
            f"ip -n beouter route add default via {self.HOST_ADDRESS}",
            # What clouds answer their machines at.
            "ip -n beouter address add 169.254.169.254/32 dev lo",
            f"ip route add 169.254.169.254/32 via {self.ADDRESS}",
        ):
            subprocess.run(command.split(), check=True)
        self.server = subprocess.Popen(
            ["ip", "netns", "exec", "beouter", "python3", "-m", "http.server", str(self.PORT)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: answers(self.ADDRESS, self.PORT), "the machine beyond this host to answer", 60)

    def close(self):
        self.server.kill()
        self.server.wait()
        for command in ("ip link delete beouter0", "ip netns delete beouter"):
            subprocess.run(command.split(), check=False, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def outside_machine():
    """There is one at a time: its addresses are the same."""
    with open(os.path.join(tempfile.gettempdir(), "berth-tests-outside.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        outside = Outside()
        try:
            yield outside
        finally:
            outside.close()


def gateway_address():
    """This host's address on the functions' network."""
    return engine.networks()["berth"]["IPAM"]["Config"][0]["Gateway"]


def python_image():
    """The newest runtime image with Python in it."""
    images = [i for i in engine.USUAL.images("berth.interpreter") if i["Labels"]["berth.interpreter"].startswith("Python")]
    return max(images, key=lambda image: image["Created"])["Id"]


@contextlib.contextmanager
def stranger_of(image):
    """A container of somebody else's that serves on port 7654, which the engine publishes; its network settings."""
    body = {
        "Image": image,
        "Entrypoint": ["python3", "-m", "http.server", "7654"],
        "ExposedPorts": {"7654/tcp": {}},
        "HostConfig": {"PortBindings": {"7654/tcp": [{"HostPort": "0"}]}},
    }
    identity = engine.USUAL.call("POST", "/containers/create", body)["Id"]
    try:
        engine.USUAL.start(identity)
        found = engine.inspect(identity)["NetworkSettings"]
        wait_until(lambda: answers(found["IPAddress"], 7654), "the stranger to serve", 60)
        yield found
    finally:
        engine.USUAL.remove(identity)
