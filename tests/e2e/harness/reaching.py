"""What functions may try to reach: servers of this host, a machine beyond it, a container of somebody else's."""

import contextlib
import ctypes
import fcntl
import http.server
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading

from harness import engine
from harness.wait import wait_until

# Tries to connect to each place of the query, "HOST:PORT" or "udp/HOST:PORT", and answers {place: what came of it}.
TRY = '''
    import socket
    from starlette.responses import JSONResponse

    def ping(probe):
        """More than once, as TCP does by itself: this host's kernel tells a container only so many refusals a second."""
        probe.settimeout(1)
        for last in (False, False, False, True):
            try:
                probe.send(b"ping")
                return probe.recv(16)
            except TimeoutError:
                if last:
                    raise

    def attempt(place):
        kind, _, where = place.rpartition("/")
        host, _, port = where.rpartition(":")
        try:
            family, _, _, _, address = socket.getaddrinfo(host.strip("[]"), int(port))[0]
            with socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as probe:
                probe.settimeout(3)
                probe.connect(address)
                if kind == "udp":
                    ping(probe)
            return "reached"
        except OSError as error:
            return error.strerror or str(error)

    def handle(request):
        return JSONResponse({place: attempt(place) for place in request.query_params["to"].split(",")})
'''

# What the kernel says of a packet that a rule has refused.
REFUSED = "No route to host"


def attempts(berth, *places, name="try"):
    answer = berth.get(f"/{name}?to={','.join(places)}", timeout=60)
    assert answer.status == 200, answer
    return answer.json()


class Service:
    """A server of this host, on a port of all its addresses or of one, over TCP and UDP."""

    def __init__(self, address="0.0.0.0"):
        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in address else socket.AF_INET

        self.tcp = Server((address, 0), http.server.SimpleHTTPRequestHandler)
        self.port = self.tcp.server_address[1]
        self.udp = socket.socket(Server.address_family, socket.SOCK_DGRAM)
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


class Group(Service):
    """The same over UDP for a multicast group on the functions' network, and nothing over TCP."""

    ADDRESS = "239.77.7.7"

    def __init__(self, interface_address):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("", 0))
        self.port = self.udp.getsockname()[1]
        for address in (interface_address, "127.0.0.1"):
            self.udp.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                                socket.inet_aton(self.ADDRESS) + socket.inet_aton(address))
        threading.Thread(target=self.echo, daemon=True).start()
        self.probe()

    def probe(self):
        """That it answers who is let through to it, as this host is by its loopback."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(10)
            probe.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            probe.sendto(b"ping", (self.ADDRESS, self.port))
            probe.recv(16)

    def close(self):
        self.udp.close()


class SharedMemory:
    """A segment of this host's that everybody may use."""

    def __init__(self):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.key = 0x62657274 ^ os.getpid()
        self.identity = self.libc.shmget(self.key, 4096, 0o1666)
        if self.identity < 0:
            raise OSError(ctypes.get_errno(), "no shared memory")

    def close(self):
        self.libc.shmctl(self.identity, 0, None)


def link_address():
    """This host's link-local IPv6 address on the functions' network; None: it has none."""
    name = "br-" + engine.networks()["berth"]["Id"][:12]
    listed = subprocess.run(["ip", "-j", "-6", "address", "show", "dev", name], capture_output=True, check=True).stdout
    found = [address["local"] for link in json.loads(listed or "[]") for address in link.get("addr_info", [])]
    return found[0] if found else None


def answers(address, port):
    try:
        socket.create_connection((address, port), 2).close()
        return True
    except OSError:
        return False


# Serves on a port of all addresses, over TCP and UDP.
SERVE = """
import http.server, socket, sys, threading
port = int(sys.argv[1])
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("0.0.0.0", port))
# An answer comes from the address that was asked.
udp.setsockopt(socket.IPPROTO_IP, 8, 1)

def echo():
    while True:
        data, notes, _, peer = udp.recvmsg(16, 256)
        udp.sendmsg([data], notes, 0, peer)

threading.Thread(target=echo, daemon=True).start()
http.server.ThreadingHTTPServer(("", port), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


class Outside:
    """A machine beyond this host: a network namespace at the end of a wire, which serves on a port of two addresses."""

    ADDRESS, OTHER_ADDRESS, HOST_ADDRESS, PORT = "198.18.77.2", "198.18.77.6", "198.18.77.1", 8765

    def __init__(self):
        self.clear()  # what a test that was killed has left
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
            f"ip -n beouter address add {self.OTHER_ADDRESS}/32 dev lo",
            f"ip route add {self.OTHER_ADDRESS}/32 via {self.ADDRESS}",
        ):
            subprocess.run(command.split(), check=True)
        self.server = subprocess.Popen(
            ["ip", "netns", "exec", "beouter", sys.executable, "-c", SERVE, str(self.PORT)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: answers(self.ADDRESS, self.PORT), "the machine beyond this host to answer", 60)

    def close(self):
        self.server.kill()
        self.server.wait()
        self.clear()

    @staticmethod
    def clear():
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


def own_machine_address():
    """An address of this host that is no bridge's."""
    route = json.loads(subprocess.run(["ip", "-j", "route", "get", "1.1.1.1"], capture_output=True, check=True).stdout)
    return route[0]["prefsrc"]


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
