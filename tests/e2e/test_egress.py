"""A function with `egress` reaches what its list has, over TCP and UDP, by name and by address, and nothing else."""

import os
import shutil

import pytest

from harness import engine, firewall
from harness.functions import HELLO
from harness.name_server import NameServer
from harness.reaching import REFUSED, TRY, attempts, gateway_address, own_machine_address, python_image, stranger_of
from harness.wait import wait_until

# A server of its own that tries the same.
SERVER = TRY.partition("    def handle(")[0].replace("    from starlette.responses import JSONResponse\n", "") + """
    import http.server, json, urllib.parse

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            places = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query).get("to", [""])[0]
            body = json.dumps({place: attempt(place) for place in places.split(",") if place}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""

UNKNOWN = "Name or service not known"


def networks_of(berth):
    """{what can be reached from it: network} of those that the daemon has made for lists."""
    return {
        network["Labels"]["berth.egress"]: network for network in engine.networks().values()
        if (network["Labels"] or {}).get("berth.host") == firewall.owner(berth) and "berth.egress" in network["Labels"]
    }


def network_names(container):
    return list(engine.inspect(container["Id"])["NetworkSettings"]["Networks"])


@pytest.fixture(scope="module")
def names(outside):
    server = NameServer({"one.test": [outside.ADDRESS, "2001:db8::1"], "other.test": [outside.OTHER_ADDRESS],
                         "a.wild.test": [outside.OTHER_ADDRESS], "wild.test": [outside.OTHER_ADDRESS],
                         "host.test": ["169.254.169.254"]})
    yield server
    server.close()


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth, outside, names):
    berth = shared_berth
    berth.host["name_server"] = names.address
    place = f"{outside.ADDRESS}:{outside.PORT}"
    for name, egress in {
        "listed": [place],
        "address": [outside.OTHER_ADDRESS],
        "network": ["198.18.77.4/30:8765", "192.0.2.0/24"],
        "named": ["one.test:8765", "*.wild.test", "host.test"],
        "nothing": "none",
        "usual": None,
    }.items():
        berth.write_function(name, TRY, idle_timeout=120, egress=egress)
    berth.start()


@pytest.mark.shows_setting("configuration.egress")
def test_an_address_of_the_list_is_reached_at_its_port_alone(served, outside):
    place, other = f"{outside.ADDRESS}:{outside.PORT}", f"{outside.OTHER_ADDRESS}:{outside.PORT}"
    wrong = f"{outside.ADDRESS}:{outside.PORT + 1}"
    expected = {place: "reached", "udp/" + place: "reached", other: REFUSED, "udp/" + other: REFUSED, wrong: REFUSED,
                "udp/" + wrong: REFUSED}
    assert attempts(served, *expected, name="listed") == expected
    # A function without a list reaches all of it.
    assert attempts(served, place, other, name="usual") == {place: "reached", other: "reached"}


@pytest.mark.parametrize("name", ["address", "network"])
def test_a_network_of_the_list_is_reached(served, outside, name):
    place, other = f"{outside.ADDRESS}:{outside.PORT}", f"{outside.OTHER_ADDRESS}:{outside.PORT}"
    expected = {place: REFUSED, "udp/" + place: REFUSED, other: "reached", "udp/" + other: "reached"}
    assert attempts(served, *expected, name=name) == expected


@pytest.mark.shows_setting("host.name_server")
def test_a_name_of_the_list_is_reached_and_no_other_is_known(served, outside, names):
    place = f"{outside.ADDRESS}:{outside.PORT}"
    expected = {"other.test:8765": UNKNOWN, "wild.test:8765": UNKNOWN, "deb.debian.org:80": UNKNOWN,
                "one.test:8765": "reached", "udp/one.test:8765": "reached", "one.test:8766": REFUSED,
                "ONE.test:8765": "reached", place: "reached",
                "a.wild.test:8765": "reached", "udp/a.wild.test:8765": "reached"}
    assert attempts(served, *expected, name="named") == expected
    assert not {"other.test", "deb.debian.org"} & set(names.asked)
    # Whose list has no names is told none.
    assert attempts(served, "one.test:8765", name="listed") == {"one.test:8765": UNKNOWN}


def test_a_name_never_leads_to_what_no_function_reaches(served):
    assert attempts(served, "host.test:8765", name="named") == {"host.test:8765": REFUSED}


def test_a_name_whose_address_changes_is_followed(served, outside, names):
    names.records["moving.wild.test"] = [outside.ADDRESS]
    assert attempts(served, "moving.wild.test:8765", name="named") == {"moving.wild.test:8765": "reached"}
    names.records["moving.wild.test"] = ["198.18.77.7"]
    unreachable = attempts(served, "moving.wild.test:8765", name="named")["moving.wild.test:8765"]
    names.records["moving.wild.test"] = [outside.OTHER_ADDRESS]

    def is_followed():
        return attempts(served, "moving.wild.test:8765", name="named") == {"moving.wild.test:8765": "reached"}

    wait_until(is_followed, f"the name's new address in the place of one that is {unreachable}", 60)


def test_none_reaches_nothing(served, outside):
    places = [f"{outside.ADDRESS}:{outside.PORT}", f"{gateway_address()}:{served.address[1]}"]
    answers = attempts(served, *places, *["udp/" + place for place in places], "one.test:8765", name="nothing")
    assert "reached" not in answers.values(), answers
    assert network_names(served.instance("nothing")) == ["none"]


def test_neither_host_nor_other_instances_are_reached(served, service, outside):
    own, gateway = own_machine_address(), gateway_address()
    assert served.get("/usual?to=127.0.0.1:1").status == 200
    other = engine.inspect(served.instance("usual")["Id"])["NetworkSettings"]["Networks"]["berth"]["IPAddress"]
    list_gateway = networks_of(served)[f"{outside.ADDRESS}:{outside.PORT}"]["IPAM"]["Config"][0]["Gateway"]
    places = [f"{address}:{service.port}" for address in (own, gateway, list_gateway)]
    places += ["udp/" + place for place in places] + [f"{other}:8080", f"{list_gateway}:53"]
    # What is no question for a name is not answered.
    expected = {**{place: REFUSED for place in places}, f"udp/{list_gateway}:53": "timed out"}
    assert attempts(served, *expected, name="listed") == expected


def test_what_is_published_is_reached_by_whom_has_it_listed(make_berth, service, runtime_images):
    berth, own = make_berth(), own_machine_address()
    with stranger_of(python_image()) as stranger:
        port = stranger["Ports"]["7654/tcp"][0]["HostPort"]
        published, closed, direct = f"{own}:{port}", f"{own}:{service.port}", f"{stranger['IPAddress']}:7654"
        berth.write_function("try", TRY, egress=[own])
        berth.write_function("without", TRY, egress=["192.0.2.1"])
        berth.start()
        wait_until(lambda: f"dport {port} goto" in firewall.rules(berth), "the published port to be known", 60)
        assert attempts(berth, published, closed, direct) == {published: "reached", closed: REFUSED, direct: REFUSED}
        assert attempts(berth, published, name="without") == {published: REFUSED}


def test_a_server_that_reaches_nothing_is_called_all_the_same(make_berth, outside):
    berth = make_berth()
    berth.write_function("server", {"server.py": SERVER}, "container", base_function_file_name=None,
                         image=python_image(), command="python3 /berth/code/server.py", egress="none")
    berth.start()
    place, gateway = f"{outside.ADDRESS}:{outside.PORT}", f"{gateway_address()}:{berth.address[1]}"
    answers = attempts(berth, place, "udp/" + place, gateway, "one.test:8765", name="server")
    assert answers == {place: REFUSED, "udp/" + place: REFUSED, gateway: REFUSED, "one.test:8765": UNKNOWN}
    assert list(networks_of(berth)) == ["none"]


def test_rules_that_were_flushed_have_the_names_again(served):
    assert attempts(served, "one.test:8765", name="named") == {"one.test:8765": "reached"}
    before = firewall.rules(served)
    firewall.nft("delete", "table", "inet", firewall.table(served))
    wait_until(lambda: firewall.rules(served) == before, "the rules to be made again", 60)
    assert attempts(served, "one.test:8765", name="named") == {"one.test:8765": "reached"}


def test_a_killed_daemons_instances_are_limited_and_the_next_one_follows_their_names(make_berth, outside, names):
    berth = make_berth()
    berth.host["name_server"] = names.address
    berth.write_function("try", TRY, idle_timeout=120, egress=["one.test"])
    berth.start()
    place, other = f"{outside.ADDRESS}:{outside.PORT}", f"{outside.OTHER_ADDRESS}:{outside.PORT}"
    assert attempts(berth, "one.test:8765", other) == {"one.test:8765": "reached", other: REFUSED}
    before = berth.instance("try")["Id"]
    berth.kill()
    assert "names4_" in firewall.rules(berth)
    berth.start()
    # The function has its address and asks nobody.
    wait_until(lambda: attempts(berth, place) == {place: "reached"}, "the name's address to be let through", 60)
    assert attempts(berth, other, "other.test:8765") == {other: REFUSED, "other.test:8765": UNKNOWN}
    assert berth.instance("try")["Id"] == before


def test_networks_go_with_the_last_function_that_has_the_list(make_berth):
    berth = make_berth()
    berth.write_function("one", HELLO, egress=["192.0.2.1:443", "192.0.2.0/24"])
    berth.write_function("two", HELLO, egress=["192.0.2.0/24", "192.0.2.1:443"])
    berth.start()
    assert berth.get("/one").status == berth.get("/two").status == 200
    assert list(networks_of(berth)) == ["192.0.2.0/24,192.0.2.1:443"]
    berth.configure("one", egress="none")
    berth.apply()
    assert len(networks_of(berth)) == 1
    berth.configure("two", egress=["192.0.2.7"])
    berth.apply()
    wait_until(lambda: list(networks_of(berth)) == ["192.0.2.7"], "the former list's network to go", 60)
    assert berth.get("/two").status == 200
    berth.kill()
    berth.configure("two", egress=["192.0.2.8"])
    berth.write_config()
    berth.start()
    wait_until(lambda: list(networks_of(berth)) == ["192.0.2.8"], "what a predecessor has left to go", 60)
    assert berth.stop() == 0
    assert not networks_of(berth)


def test_a_function_with_a_list_is_refused_where_no_rules_can_be_made(make_berth, tmp_path):
    berth = make_berth()
    berth.plugin_dir = os.path.join(berth.bin_dir, "..", "plugins")
    for name in ("berthd", "berth-build-job", "berth"):  # and not berth-firewall
        shutil.copy(os.path.join(berth.bin_dir, name), tmp_path / name)
    berth.bin_dir = str(tmp_path)
    berth.write_function("limited", HELLO, egress=["192.0.2.1"])
    berth.write_function("nothing", HELLO, egress="none")
    berth.write_function("hello", HELLO)
    berth.start()
    assert berth.get("/hello").status == berth.get("/nothing").status == 200
    answer = berth.get("/limited", timeout=120)
    assert answer.status in (502, 503)
    assert answer.json()["error"]["reason"] == "egress-unavailable", answer
    assert not [c for c in berth.containers() if "limited" in engine.name_of(c)]
