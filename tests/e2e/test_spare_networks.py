"""Networks made ahead: which instances join them, what those reach, and what is left of them."""

import concurrent.futures
import signal

import pytest

from harness import engine, reaching
from harness.functions import HELLO, SLEEPY
from harness.servers import write_server
from harness.wait import wait_until

# What of the network a function sees, and a socket that only whoever shares its network can see.
SEES = """
    import os
    import socket

    mine = socket.socket(socket.AF_UNIX)
    mine.bind("\\0seen-by-neighbours")

    def handle(request):
        with open("/proc/net/unix") as file:
            sockets = file.read().count("@seen-by-neighbours")
        with open("/proc/net/route") as file:
            routes = len(file.readlines()) - 1
        name = socket.gethostname()
        return {"namespace": os.readlink("/proc/self/ns/net"), "sockets": sockets, "routes": routes,
                "own": socket.gethostbyname(name)}
"""


@pytest.fixture
def berth(make_berth):
    berth = make_berth()
    berth.host = {"prewarm": 0, "spare_networks": 1}
    return berth


def holders(berth):
    """The containers that hold a network, by their ids."""
    return {c["Id"]: c for c in berth.containers() if engine.name_of(c).startswith("berth.network.")}


def joined(container):
    """The id of the container whose network it has joined, or None."""
    kind, _, other = container["HostConfig"]["NetworkMode"].partition(":")
    return other if kind == "container" else None


def spares(berth):
    """The holders that run and that nothing has joined."""
    used = {joined(container) for container in berth.containers()}
    return {id for id, holder in holders(berth).items() if holder["State"] == "running"} - used


def wait_spare(berth, count=1):
    """Until there are so many, with what the daemon knows of them."""
    def is_there():
        found = spares(berth)
        return found if len(found) == count == berth.counter("berth_spare_networks") else None

    return wait_until(is_there, f"{count} spare networks", 20)


def serve(berth, name, target="", **options):
    """Calls a function whose first instance is to join the spare network; its instance."""
    spare = wait_spare(berth)
    answer = berth.get(f"/{name}{target}", **options)
    assert answer.status == 200, answer
    container = berth.instance(name)
    assert joined(container) in spare
    return answer, container


def start(berth, **functions):
    """Starts it, and waits until what it has tried of its functions has gone."""
    for name, code in functions.items():
        berth.write_function(name, code, idle_timeout=600)
    berth.start()


@pytest.mark.shows_setting("host.spare_networks")
def test_instance_that_somebody_waits_for_joins_a_network_that_is_then_its_own(berth):
    start(berth, one=SEES, two=SEES)
    first, one = serve(berth, "one")
    second, two = serve(berth, "two")
    assert joined(one) != joined(two)
    assert first.json()["namespace"] != second.json()["namespace"]
    for answer, container in ((first, one), (second, two)):
        assert (answer.json()["sockets"], answer.json()["routes"]) == (1, 2)
        settings = engine.inspect(joined(container))["NetworkSettings"]["Networks"]["berth"]
        assert answer.json()["own"] == settings["IPAddress"]
    assert berth.counter("berth_joined_networks") == 2
    wait_spare(berth)

    # With an instance goes its network, and nothing else.
    engine.remove(one["Id"])
    wait_until(lambda: joined(one) not in holders(berth), "the holder to go", 20)
    assert joined(two) in holders(berth)
    assert berth.get("/two").json()["namespace"] == second.json()["namespace"]


def test_it_reaches_what_others_reach(berth, service, outside):
    berth.write_function("try", reaching.TRY, idle_timeout=600)
    berth.start()
    kept = [f"{address}:{service.port}" for address in (reaching.gateway_address(), reaching.own_machine_address())]
    outer = f"{outside.ADDRESS}:{outside.PORT}"
    answer, _ = serve(berth, "try", f"?to={','.join([*kept, outer])}", timeout=60)
    assert answer.json() == {**dict.fromkeys(kept, reaching.REFUSED), outer: "reached"}


def test_server_is_found_at_the_address_of_the_network(berth):
    write_server(berth, "web", idle_timeout=600)
    berth.start()
    answer, _ = serve(berth, "web", timeout=60)
    assert answer.text.startswith("served by ")
    assert berth.post("/web/echo", b"body").body == b"body"


def test_others_have_a_network_of_their_own(berth):
    """When more are wanted than are there, and where the settings say something else of the network."""
    berth.write_function("many", SLEEPY, concurrency=1, max_scale=3, idle_timeout=600)
    berth.write_function("without", HELLO, network="none", idle_timeout=600)
    berth.start()
    wait_spare(berth)
    assert berth.get("/without").status == 200
    assert berth.instance("without")["HostConfig"]["NetworkMode"] == "none"
    wait_spare(berth)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: berth.get("/many?s=3", timeout=120), range(3)))
    assert [answer.status for answer in answers] == [200] * 3
    modes = [container["HostConfig"]["NetworkMode"] for container in berth.instances("many")]
    used = [mode for mode in modes if mode != "berth"]
    assert used and len(set(used)) == len(used)


def test_next_daemon_knows_who_has_joined_what(berth):
    start(berth, one=SEES)
    before, one = serve(berth, "one")
    unused = wait_spare(berth)
    berth.kill()
    berth.start()
    assert berth.get("/one").json() == before.json()
    assert berth.instance("one")["Id"] == one["Id"]
    wait_until(lambda: not unused & set(holders(berth)), "what nobody had joined to go", 20)
    wait_spare(berth)
    assert joined(one) in holders(berth)
    assert berth.counter("berth_joined_networks") == 1
    engine.remove(one["Id"])
    wait_until(lambda: joined(one) not in holders(berth), "the holder to go", 20)


def test_network_that_somebody_ends_is_replaced(berth):
    start(berth, one=SEES)
    (unused,) = wait_spare(berth)
    engine.kill(unused)
    wait_until(lambda: unused not in holders(berth), "the holder that has ended to go", 20)
    _, one = serve(berth, "one")
    engine.kill(joined(one))
    wait_until(lambda: not engine.exists(one["Id"]), "the instance without a network to go", 30)
    wait_until(lambda: joined(one) not in holders(berth), "the holder to go", 20)
    assert berth.log.entries(event="engine.network-lost")
    assert berth.wait_settled("/one", "an answer of another instance").status == 200


def test_daemon_that_ends_leaves_none(berth):
    start(berth, one=HELLO)
    serve(berth, "one")
    wait_spare(berth)
    berth.signal(signal.SIGTERM)
    assert berth.wait_end() == 0
    assert not berth.containers()
