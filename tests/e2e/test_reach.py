"""What a function on the network can reach, and what it cannot: by the daemon's own rules, beside the engine's."""

import ctypes
import errno
import os
import platform
import re
import shutil
import signal
import socket
import struct
import subprocess

import pytest

from harness import engine, firewall, processes
from harness.cli import Cli
from harness.functions import HELLO
from harness.reaching import REFUSED, TRY, attempts, gateway_address, own_machine_address, python_image, stranger_of
from harness.wait import wait_until

# TRY in shell, for bash's own sockets.
TRY_SHELL = """
    #!/bin/bash
    printf 'Content-Type: text/plain\\n\\n'
    for place in ${QUERY_STRING//,/ }; do
        if timeout 3 bash -c "exec 3<>/dev/tcp/${place%:*}/${place##*:}" 2>/dev/null; then
            echo "$place reached"
        else
            echo "$place refused"
        fi
    done
"""


@pytest.fixture(scope="module")
def gateway():
    """The host's address on the functions' network."""
    return gateway_address()


@pytest.fixture(scope="module")
def own_address():
    return own_machine_address()


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    shared_berth.write_function("try", TRY, idle_timeout=60)
    shared_berth.write_function("shell", TRY_SHELL, "shell", idle_timeout=60)
    shared_berth.write_function("other", HELLO, idle_timeout=60)
    shared_berth.start()


def address_of(berth, name):
    networks = engine.inspect(berth.instance(name)["Id"])["NetworkSettings"]["Networks"]
    return networks["berth"]["IPAddress"]


def test_hosts_own_ports_cannot_be_reached(served, service, gateway, own_address):
    places = [f"{address}:{service.port}" for address in (gateway, own_address)]
    places += [f"udp/{place}" for place in places]
    # That the service is there is seen from here.
    socket.create_connection((own_address, service.port), 5).close()
    assert attempts(served, *places) == {place: REFUSED for place in places}


def test_gateway_and_management_port_cannot_be_reached(make_berth, gateway):
    berth = make_berth()
    berth.address, berth.admin_address = ("0.0.0.0", berth.address[1]), ("0.0.0.0", berth.admin_address[1])
    berth.write_function("try", TRY)
    berth.start()
    places = [f"{gateway}:{berth.address[1]}", f"{gateway}:{berth.admin_address[1]}"]
    assert attempts(berth, *places) == {place: REFUSED for place in places}


def test_shell_meets_the_same_rules(served, service, gateway, outside):
    places = [f"{gateway}:{service.port}", f"{outside.ADDRESS}:{outside.PORT}"]
    answer = served.get(f"/shell?{','.join(places)}")
    assert answer.text.split("\n")[:2] == [f"{places[0]} refused", f"{places[1]} reached"]


def test_machines_beyond_the_host_can_be_reached_and_metadata_cannot(served, outside):
    beyond, metadata = f"{outside.ADDRESS}:{outside.PORT}", f"169.254.169.254:{outside.PORT}"
    socket.create_connection(("169.254.169.254", outside.PORT), 5).close()  # this host can
    assert attempts(served, beyond, metadata) == {beyond: "reached", metadata: REFUSED}


def test_other_instances_cannot_be_reached(served):
    assert served.get("/other").status == 200
    place = f"{address_of(served, 'other')}:8080"
    assert attempts(served, place) == {place: REFUSED}


@pytest.fixture(scope="module")
def image(runtime_images):
    """An image with Python in it."""
    return python_image()


@pytest.fixture
def stranger(image):
    """A container of somebody else's that serves on port 7654, which the engine publishes."""
    with stranger_of(image) as found:
        yield found


def test_what_the_engine_publishes_can_be_reached_and_its_container_not(served, stranger, gateway, own_address):
    port = stranger["Ports"]["7654/tcp"][0]["HostPort"]
    direct = f"{stranger['IPAddress']}:7654"
    published = [f"{address}:{port}" for address in (gateway, own_address)]

    def is_known():
        return f"dport {port} accept" in firewall.rules(served)

    wait_until(is_known, "the published port to be let through", 60)
    # Daemons of other tests on the same network, which have rules of their own, may learn of the port a moment later.
    wait_until(lambda: set(attempts(served, *published).values()) == {"reached"}, "the ports to be reached", 60)
    assert attempts(served, direct) == {direct: REFUSED}


def test_a_port_that_is_no_longer_published_is_closed_again(served, image):
    body = {"Image": image, "Entrypoint": ["sleep", "1000"], "ExposedPorts": {"7/udp": {}},
            "HostConfig": {"PortBindings": {"7/udp": [{"HostPort": "0"}]}}}
    identity = engine.USUAL.call("POST", "/containers/create", body)["Id"]
    try:
        engine.USUAL.start(identity)
        wait_until(lambda: "udp dport" in firewall.rules(served), "the published port", 60)
    finally:
        engine.USUAL.remove(identity)
    wait_until(lambda: "udp dport" not in firewall.rules(served), "the port to be closed", 60)


def test_a_network_that_comes_later_is_kept_from_functions(served):
    name = "berth-test-later"
    identity = engine.USUAL.call("POST", "/networks/create", {"Name": name, "Driver": "bridge"})["Id"]
    try:
        wait_until(lambda: f'"br-{identity[:12]}"' in firewall.rules(served), "the network's rule", 60)
    finally:
        engine.USUAL.call("DELETE", f"/networks/{identity}")
    wait_until(lambda: identity[:12] not in firewall.rules(served), "the rule to go", 60)


def test_names_are_still_resolved(served):
    """As far as this host's name servers answer: a function gets what this host gets."""
    try:
        socket.getaddrinfo("deb.debian.org", 80)
    except OSError:
        pytest.skip("no name server answers this host")
    assert "not known" not in attempts(served, "deb.debian.org:80")["deb.debian.org:80"]


@pytest.mark.parametrize("deed", ["delete table", "flush table", "rule"])
def test_rules_that_somebody_has_changed_are_made_again(make_berth, service, gateway, deed):
    berth = make_berth()
    berth.write_function("try", TRY)
    berth.start()
    before = firewall.rules(berth)
    assert "to_host" in before
    place = f"{gateway}:{service.port}"
    table = ("inet", firewall.table(berth))
    if deed == "rule":
        firewall.nft("insert", "rule", *table, "to_host", "accept")
    else:
        firewall.nft(*deed.split(), *table)
    wait_until(lambda: berth.log.entries(event="firewall.changed"), "the daemon to notice", 60)
    wait_until(lambda: firewall.rules(berth) == before, "the rules to be made again", 60)
    assert attempts(berth, place) == {place: REFUSED}


def test_doctor_says_that_the_rules_hold(served):
    assert served.admin("GET", "/system/info").json()["berth"]["reach"]["by"] == "itself"
    look = {look["check"]: look for look in Cli(served).json("doctor")}["reach"]
    assert look["verdict"] == "ok" and "made by the daemon" in look["found"]


def test_rules_outlive_their_program_which_is_started_again(make_berth):
    berth = make_berth()
    berth.write_function("hello", HELLO)
    berth.start()
    before = firewall.rules(berth)
    (program,) = [pid for pid in processes.children(berth.pid) if processes.is_firewall(pid)]
    os.kill(program, signal.SIGKILL)
    wait_until(lambda: berth.log.entries(event="firewall.unavailable"), "the daemon to notice", 60)
    assert firewall.rules(berth) == before
    wait_until(lambda: len(berth.log.entries(event="firewall.ready")) == 2, "another program", 60)
    firewall.nft("delete", "table", "inet", firewall.table(berth))
    wait_until(lambda: firewall.rules(berth) == before, "the other program to look after the rules", 60)


def test_two_daemons_have_their_own_rules_and_take_them_along(make_berth, service, gateway):
    place = f"{gateway}:{service.port}"
    one, two = make_berth(), make_berth()
    for berth in (one, two):
        berth.write_function("try", TRY)
        berth.start()
    assert {firewall.table(one), firewall.table(two)} <= firewall.tables()
    assert one.stop() == 0
    assert firewall.table(one) not in firewall.tables()
    assert attempts(two, place) == {place: REFUSED}
    assert two.stop() == 0
    assert firewall.table(two) not in firewall.tables()


@pytest.fixture
def make_table():
    made = []

    def make(name, text):
        firewall.make(name, text)
        made.append(name)
        return lambda: firewall.nft("-s", "-t", "list", "table", "inet", name, check=False)

    yield make
    for name in made:
        firewall.nft("delete", "table", "inet", name, check=False)


def test_what_a_daemon_left_that_has_ended_is_kept_true_by_the_others(served, make_table, image):
    """And neither what one looks after that runs, nor what is of another network."""
    rules = firewall.rules(served)
    ended, runs, elsewhere = (f"berth_00000000000000{number}" for number in ("e0", "a0", "b0"))
    with socket.socket(socket.AF_UNIX) as claim:
        claim.bind(f"\0{runs}")
        places = {name: make_table(name, rules) for name in (ended, runs)}
        bridge = re.search('iifname ("br-[^"]*")', rules)[1]
        places[elsewhere] = make_table(elsewhere, rules.replace(bridge, f'{{ {bridge}, "br-elsewhere" }}'))
        before = {name: place() for name, place in places.items()}
        with stranger_of(image) as stranger:
            port = stranger["Ports"]["7654/tcp"][0]["HostPort"]
            wait_until(lambda: f"dport {port} accept" in places[ended](), "the rules to be made anew", 60)
            assert (places[runs](), places[elsewhere]()) == (before[runs], before[elsewhere])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGUSR1])
def test_rules_stay_when_instances_do(make_berth, number):
    berth = make_berth()
    berth.write_function("hello", HELLO)
    berth.start()
    assert "to_host" in firewall.rules(berth)
    berth.signal(number)
    berth.wait_end()
    wait_until(lambda: not processes.firewalls_of(firewall.table(berth)), "the program to end with it", 60)
    assert "to_host" in firewall.rules(berth)
    berth.start()
    assert "to_host" in firewall.rules(berth)


def may_not_change_rules():
    """Takes CAP_NET_ADMIN from what is started: its bounding set loses it."""
    ctypes.CDLL(None, use_errno=True).prctl(24, 12, 0, 0, 0)


def test_a_daemon_that_may_not_change_rules_has_the_engine_do_it(make_berth, service, gateway, outside):
    berth = make_berth()
    berth.process_options = {"preexec_fn": may_not_change_rules}
    berth.write_function("try", TRY)
    berth.start(timeout=120)
    assert berth.log.entries("firewall.ready")[0]["by"] == "a container"
    assert not [pid for pid in processes.children(berth.pid) if processes.is_firewall(pid)]
    container = engine.inspect(f"berth-firewall-{firewall.owner(berth)}")
    host = container["HostConfig"]
    assert (host["NetworkMode"], host["CapDrop"], host["CapAdd"]) == ("host", ["ALL"], ["NET_ADMIN"])
    place, beyond = f"{gateway}:{service.port}", f"{outside.ADDRESS}:{outside.PORT}"
    assert attempts(berth, place, beyond) == {place: REFUSED, beyond: "reached"}
    before = firewall.rules(berth)
    firewall.nft("delete", "table", "inet", firewall.table(berth))
    wait_until(lambda: firewall.rules(berth) == before, "the rules to be made again", 60)
    engine.kill(container["Id"])
    wait_until(lambda: len(berth.log.entries("firewall.ready")) == 2, "another container", 120)
    assert berth.stop() == 0
    assert firewall.table(berth) not in firewall.tables()
    wait_until(lambda: not engine.exists(f"berth-firewall-{firewall.owner(berth)}"), "the container to go", 60)


# Of a filter of system calls (linux/filter.h): no netlink socket of netfilter can be had.
ALLOW, REFUSE, LOAD, IS = 0x7FFF0000, 0x00050000 | errno.EPROTONOSUPPORT, 0x20, 0x15
SOCKET = {"x86_64": 41, "aarch64": 198}[platform.machine()]
NO_NETFILTER = [
    (LOAD, 0, 0, 0), (IS, 0, 5, SOCKET),  # the number of the call
    (LOAD, 0, 0, 16), (IS, 0, 3, socket.AF_NETLINK),  # its first argument
    (LOAD, 0, 0, 32), (IS, 0, 1, 12),  # its third one
    (0x06, 0, 0, REFUSE), (0x06, 0, 0, ALLOW),
]


def has_no_netfilter():
    """What is started finds what a kernel without nf_tables and its like has: nothing."""
    code = b"".join(struct.pack("HBBI", *line) for line in NO_NETFILTER)
    lines = ctypes.create_string_buffer(code)
    program = ctypes.create_string_buffer(struct.pack("H6xP", len(NO_NETFILTER), ctypes.addressof(lines)))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(38, 1, 0, 0, 0)  # no new privileges
    if libc.prctl(22, 2, program, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no filter")


def test_that_the_kernel_has_no_tables_is_told_and_functions_run(make_berth):
    berth = make_berth()
    berth.process_options = {"preexec_fn": has_no_netfilter}
    berth.write_function("hello", HELLO)
    berth.start()
    (line,) = berth.log.entries("firewall.unavailable")
    assert "this kernel has no nf_tables" in line["error"] and "iptables alone will not do" in line["hint"]
    assert berth.get("/hello").status == 200
    look = {look["check"]: look for look in Cli(berth).json("doctor", status=2)}["reach"]
    assert look["verdict"] == "failed" and "this kernel has no nf_tables" in look["found"]
    assert "iptables alone will not do" in look["advice"]
    assert "NOTHING but what the engine keeps it from" in Cli(berth).run("audit", "hello")


def test_tables_that_nobody_takes_over_are_told(make_berth):
    berth = make_berth()
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.host["prewarm"] = 0
    berth.start()
    assert berth.get("/hello").status == 200
    cli, own = Cli(berth), firewall.table(berth)

    def told():
        """The tables that doctor has a command to remove: there may be others, of daemons that are not this test's."""
        looks = {look["check"]: look for look in cli.json("doctor", status=None)}
        return looks["old rules"]["advice"].partition(" (")[0]

    assert own not in told(), "its daemon is there"
    berth.kill()
    wait_until(lambda: not processes.firewalls_of(own), "the program to end with it", 60)
    assert own not in told(), "the next daemon goes on with the instance"
    for container in berth.containers():
        engine.USUAL.remove(container["Id"])
    while (command := told()) and own not in command:
        subprocess.run(["sh", "-c", command.partition(": ")[2]], check=True)
    subprocess.run(["sh", "-c", command.partition(": ")[2]], check=True)
    assert own not in firewall.tables() and own not in told()
    berth.start()


def test_that_no_rules_can_be_made_is_told_and_functions_run(make_berth, tmp_path):
    berth = make_berth()
    berth.plugin_dir = os.path.join(berth.bin_dir, "..", "plugins")
    for name in ("berthd", "berth-build-job", "berth"):  # and not berth-firewall
        shutil.copy(os.path.join(berth.bin_dir, name), tmp_path / name)
    berth.bin_dir = str(tmp_path)
    berth.write_function("hello", HELLO)
    berth.start()
    line = berth.log.entries("firewall.unavailable")[0]
    assert (line["component"], line["reason"]) == ("firewall", "firewall-unavailable")
    assert berth.get("/hello").status == 200
    assert firewall.table(berth) not in firewall.tables()
    reach = berth.admin("GET", "/system/info").json()["berth"]["reach"]
    assert not reach["holds"] and "berth-firewall" in reach["problem"]
    look = {look["check"]: look for look in Cli(berth).json("doctor", status=2)}["reach"]
    assert look["verdict"] == "failed" and reach["problem"] in look["found"]
