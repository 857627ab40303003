"""What a function can reach over IPv6, where somebody has given the functions' network such addresses: the same as else. On
an engine of the test's own, which makes no rules itself."""

import contextlib
import os
import subprocess
import urllib.parse

import pytest

from harness import engine, firewall
from harness.own_engine import OwnEngine
from harness.reaching import TRY
from harness.wait import wait_until

PORT = 8765
PREFIX, OTHER_PREFIX, BEYOND, METADATA = "fd77:1::", "fd77:2::", "fd77:3::2", "fd00:ec2::254"
REFUSED = "Permission denied"  # what the kernel says, over IPv6, of a packet that a rule has refused
MACHINE = "bewide"  # the one beyond the engine's host


def do(command, namespace=None):
    inside = f"ip netns exec {namespace} " if namespace else ""
    subprocess.run((inside + command).split(), check=True, stdout=subprocess.DEVNULL)


def make_network(own, name, prefix, **options):
    own.call("POST", "/networks/create", {
        "Name": name, "Driver": "bridge", "EnableIPv6": True, "Options": options,
        "IPAM": {"Config": [{"Subnet": f"{prefix}/64", "Gateway": f"{prefix}1"}]}})


@contextlib.contextmanager
def serving(namespace):
    """A web server on every address of a network namespace."""
    server = subprocess.Popen(
        ["ip", "netns", "exec", namespace, "python3", "-m", "http.server", "--bind", "::", str(PORT)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        server.kill()
        server.wait()


@contextlib.contextmanager
def machine_beyond(own):
    """At the end of a wire from the engine's host; it answers at the address for metadata, too."""
    subprocess.run(["ip", "netns", "delete", MACHINE], check=False, stderr=subprocess.DEVNULL)
    do(f"ip netns add {MACHINE}")
    try:
        do(f"ip link add wide0 type veth peer name wide1 netns {MACHINE}", own.namespace)
        for namespace, link, address in ((own.namespace, "wide0", "fd77:3::1"), (MACHINE, "wide1", BEYOND)):
            do(f"ip address add {address}/64 dev {link} nodad", namespace)
            do(f"ip link set {link} up", namespace)
        do("ip link set lo up", MACHINE)
        do("ip route add default via fd77:3::1", MACHINE)
        do(f"ip address add {METADATA}/128 dev lo", MACHINE)
        do(f"ip route add {METADATA} via {BEYOND}", own.namespace)
        do("sysctl -qw net.ipv6.conf.all.forwarding=1", own.namespace)
        with serving(MACHINE):
            yield
    finally:
        do(f"ip netns delete {MACHINE}")


@pytest.fixture(scope="module")
def own(base_image, runtime_images):
    if os.getuid() != 0:
        pytest.skip("a second Docker engine needs root")
    own = OwnEngine()
    try:
        own.start()
        engine.USUAL.copy_images([base_image, *(name for name in runtime_images if "-python:" in name)], own)
        make_network(own, "berth", PREFIX, **{"com.docker.network.bridge.enable_icc": "false"})
        make_network(own, "other", OTHER_PREFIX)
        with machine_beyond(own), serving(own.namespace):
            yield own
    finally:
        own.discard()


@pytest.fixture(scope="module")
def others(own, runtime_images):
    """The addresses of two servers in containers: {name of the network: address}."""
    (image,) = [name for name in runtime_images if "-python:" in name]
    found = {}
    for network in ("berth", "other"):
        identity = own.call("POST", "/containers/create", {
            "Image": image, "Entrypoint": ["python3", "-m", "http.server", "--bind", "::", str(PORT)],
            "HostConfig": {"NetworkMode": network}})["Id"]
        own.call("POST", f"/containers/{identity}/start")
        found[network] = own.inspect(identity)["NetworkSettings"]["Networks"][network]["GlobalIPv6Address"]
    return found


def reaches(namespace, address):
    probe = ["ip", "netns", "exec", namespace, "curl", "-gso", "/dev/null", "-m", "5", f"http://[{address}]:{PORT}/"]
    return subprocess.run(probe, check=False).returncode == 0


def attempts(berth, *addresses):
    """{address: what came of it}."""
    places = {f"[{address}]:{PORT}": address for address in addresses}
    answer = berth.get("/try?to=" + urllib.parse.quote(",".join(places)), timeout=60)
    assert answer.status == 200, answer
    return {places[place]: outcome for place, outcome in answer.json().items()}


def test_the_same_is_refused_over_ipv6(own, others, make_berth):
    berth = make_berth()
    berth.engine = own
    berth.host = {"docker_socket": own.socket, "queue_timeout": 60}
    berth.write_function("try", TRY, idle_timeout=120)
    berth.start(timeout=120)
    berth.wait_answer("/try?to=[::1]:1", lambda answer: answer.status == 200, "an instance", 60)
    refused = [f"{PREFIX}1", f"{OTHER_PREFIX}1", "fd77:3::1", METADATA, others["other"]]
    for address in (*refused, BEYOND, others["berth"]):  # the engine's host itself can reach them all
        wait_until(lambda address=address: reaches(own.namespace, address), f"{address} to answer", 60)
    refused.append(f"{link_address(own)}%eth0")
    found = attempts(berth, BEYOND, *refused)
    assert found == {BEYOND: "reached", **{address: REFUSED for address in refused}}
    # Not even who has an address on the same network is told, so there it takes as long as the program waits.
    assert attempts(berth, others["berth"])[others["berth"]] in (REFUSED, "timed out", "No route to host")
    assert f'"br-{own.networks()["berth"]["Id"][:12]}"' in firewall.rules(berth, own.namespace)


def link_address(own):
    """The host's link-local address on the functions' network."""
    name = "br-" + own.networks()["berth"]["Id"][:12]
    listed = subprocess.run(["ip", "-n", own.namespace, "-6", "-o", "address", "show", "dev", name, "scope", "link"],
                            check=True, capture_output=True, text=True).stdout
    return listed.split()[3].partition("/")[0]
