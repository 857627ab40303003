"""The Docker engine goes and comes back, under load: what can be served is served, what cannot says why."""

import concurrent.futures
import os

import pytest

from harness import engine
from harness.cli import Cli
from harness.functions import HELLO
from harness.load import Load, status_of
from harness.own_engine import OwnEngine
from harness.wait import wait_until

PREWARMED = 2  # by default

SPEAKS = """
    def handle(request):
        print("said", request.query_params["word"])
        return "ok"
"""


@pytest.fixture(scope="module")
def own_engine(base_image, runtime_images):
    if os.getuid() != 0:
        pytest.skip("a second Docker engine needs root")
    own = OwnEngine()
    try:
        own.start()
        engine.USUAL.copy_images([base_image, *(name for name in runtime_images if "-python:" in name)], own)
        yield own
    finally:
        own.discard()


@pytest.fixture
def berth(own_engine, make_berth):
    """A daemon on that engine, not started yet."""
    berth = make_berth()
    berth.engine = own_engine
    berth.host = {"docker_socket": own_engine.socket, "queue_timeout": 20, "prewarm": None}
    for name, code in (("hello", HELLO), ("speaks", SPEAKS), ("cold", HELLO)):
        berth.write_function(name, code, idle_timeout=60)
    yield berth
    if not own_engine.running:
        own_engine.start()


def begin(berth):
    """Two functions serve, a third was never called."""
    berth.start()
    for target in ("/hello", "/speaks?word=first"):
        berth.wait_answer(target, lambda answer: answer.status == 200, "a first instance", 60)
    wait_until(lambda: len(prewarmed(berth)) == PREWARMED, "the prewarmed instances", 20)


def prewarmed(berth):
    """Containers that wait for a function. They do not tell by themselves: one that has a function still has the name
    of such a one for a moment, and one that runs need not be ready."""
    states = {entry["instance"]: entry["to"] for entry in berth.log.entries(event=r"instance\.state")}
    return [c for c in berth.containers() if states.get(engine.name_of(c)[-12:]) == "prewarmed"]


def loads(berth):
    return Load(berth, "/hello", 2), Load(berth, "/speaks?word=again", 2)


def more(load, count=50):
    """Waits until `load` has got that many further good answers."""
    enough = load.good + count
    wait_until(lambda: load.good >= enough, f"{count} more good answers of {load.target}", 30)


def has_said(berth, word):
    return any(entry.get("text") == f"said {word}" for entry in berth.log.entries(event="function.output"))


def nothing_is_left(berth):
    """Every container is one of the instances that are there, and has the only directories."""
    here = berth.containers()
    names = {engine.name_of(c)[-12:] for c in here}
    return all(c["State"] == "running" for c in here) and berth.instances_with_directories() == names


def assert_well_again(berth):
    wait_until(lambda: len(prewarmed(berth)) == PREWARMED, "the prewarmed instances to be back", 20)
    assert berth.get("/speaks?word=last").status == 200
    wait_until(lambda: has_said(berth, "last"), "the function's output to be followed again")
    wait_until(lambda: nothing_is_left(berth), "nothing to be left of what was before", 20)


def test_engine_that_ends_with_all_containers_and_comes_back(berth, own_engine):
    berth.host["queue_timeout"] = 8
    berth.write_function("later", HELLO, idle_timeout=60, queue_timeout="120s")
    berth.write_config()
    begin(berth)
    hello, speaks = loads(berth)
    with hello, speaks, concurrent.futures.ThreadPoolExecutor(1) as pool:
        more(hello)
        more(speaks)
        own_engine.stop()
        own_engine.end_containers()
        wait_until(lambda: hello.bad and speaks.bad, "requests to be answered though nothing runs", 30)
        refused = berth.get("/cold")
        waits = pool.submit(berth.get, "/later", timeout=180)
        own_engine.begin()
        more(hello)
        more(speaks)
        assert waits.result().status == 200
    assert refused.status == 503
    error = refused.error()
    assert error["component"] == "docker" and error["reason"] == "docker-unreachable"
    assert "the Docker Engine does not answer on docker_socket" in error["message"]
    assert own_engine.folder not in refused.text
    assert "start it" in error["hint"]
    told = Cli(berth).run("why", refused.headers["X-Request-Id"])
    assert "docker-unreachable (docker): " in told and "start it" in told
    for answer in hello.bad + speaks.bad:
        assert status_of(answer) in (502, 503), answer
        assert answer.error()["message"]
    assert len(berth.log.entries(event="engine.unreachable")) == 1
    assert any(own_engine.socket in entry["error"] for entry in berth.log.entries(event="instance.failed"))
    assert_well_again(berth)


def test_crash_and_return_of_the_engine_cost_no_request_and_prewarmed_instances_can_be_used(berth, own_engine):
    begin(berth)
    hello, speaks = loads(berth)
    with hello, speaks:
        more(hello)
        own_engine.crash()
        wait_until(lambda: berth.log.entries(event="engine.unreachable"), "the loss to be seen")
        assert berth.get("/cold").status == 200
        more(hello)
        more(speaks)
        own_engine.begin()
        wait_until(lambda: len(berth.log.entries(event="engine.reached")) == 2, "the engine to be back", 30)
        more(hello)
        more(speaks)
    assert hello.bad + speaks.bad == []
    assert_well_again(berth)


def test_engine_with_live_restore_is_restarted_without_a_lost_request(berth, own_engine):
    own_engine.stop()
    own_engine.start(live_restore=True)
    begin(berth)
    before = {name: berth.instance(name)["Id"] for name in ("hello", "speaks")}
    hello, speaks = loads(berth)
    with hello, speaks:
        more(hello)
        own_engine.stop()
        more(hello)
        more(speaks)
        assert berth.get("/speaks?word=meanwhile").status == 200
        own_engine.start(live_restore=True)
        wait_until(lambda: len(berth.log.entries(event="engine.reached")) == 2, "the engine to be back", 30)
        more(hello)
        more(speaks)
    assert hello.bad + speaks.bad == []
    assert {name: berth.instance(name)["Id"] for name in before} == before
    wait_until(lambda: has_said(berth, "meanwhile"), "what was said meanwhile to be in the log")
    assert_well_again(berth)


def test_daemon_can_end_while_the_engine_is_away_and_the_next_one_cleans_up(berth, own_engine):
    begin(berth)
    own_engine.crash()
    wait_until(lambda: berth.log.entries(event="engine.unreachable"), "the loss to be seen")
    assert berth.stop() == 0
    own_engine.start()
    berth.start()
    assert berth.get("/hello").status == 200
    wait_until(lambda: nothing_is_left(berth), "the leftovers to go", 20)


def tags_of(own_engine, repository):
    tags = [tag for image in own_engine.images() for tag in image["RepoTags"] or []]
    return {tag for tag in tags if tag.startswith(repository + ":")}


@pytest.mark.shows_setting("host.runtime_images", "host.docker_socket")
def test_superseded_runtime_images_are_removed_unless_a_container_uses_them(berth, base_image, own_engine):
    source = own_engine.create(base_image, "source", {}, ["true"])
    names = [f"berth-runtime-old:{number}" for number in range(5)]
    for name in names:
        own_engine.commit(source, name, **{"berth.image": "runtime", "berth.runtime": "old"})
    user = own_engine.create(names[-1], "user", {}, ["true"])
    python = tags_of(own_engine, "berth-runtime-python")
    berth.host["runtime_images"] = 1
    berth.write_config()
    begin(berth)
    wait_until(lambda: len(tags_of(own_engine, "berth-runtime-old")) <= 2, "the superseded images to be removed")
    assert names[-1] in tags_of(own_engine, "berth-runtime-old")
    assert tags_of(own_engine, "berth-runtime-python") == python
    assert berth.get("/hello").status == 200
    for container in (source, user):
        own_engine.remove(container)


@pytest.mark.shows_setting("host.system_images")
def test_system_images_that_nothing_uses_are_removed(berth, base_image, own_engine):
    source = own_engine.create(base_image, "source", {}, ["true"])
    names = {f"berth-system-old:{number}" for number in range(4)}
    for name in names:
        own_engine.commit(source, name, **{"berth.image": "system", "berth.runtime": "old"})
    berth.host["system_images"] = 2
    berth.write_config()
    begin(berth)
    wait_until(lambda: len(tags_of(own_engine, "berth-system-old")) == 2, "the unused images to be removed")
    own_engine.remove(source)


def tells_of_the_image(answer):
    """It is built again, which takes what this engine has not: a network. Who waits for that is told once it is known, or
    that it has waited."""
    return answer.status != 200 and answer.error()["reason"] in ("image-missing", "image-build")


def test_image_removed_by_hand_is_missed_aloud_and_what_runs_goes_on(berth, own_engine, runtime_images):
    (image,) = [name for name in runtime_images if "-python:" in name]
    berth.host["queue_timeout"] = 2
    berth.write_config()
    begin(berth)
    with Load(berth, "/hello", 2) as hello:
        more(hello)
        own_engine.remove_image(image)
        for container in prewarmed(berth):
            own_engine.remove(container["Id"])
        refused = berth.wait_answer("/cold", tells_of_the_image, "the loss of the image", 60)
        more(hello)
        engine.USUAL.copy_images([image], own_engine)
        berth.reload()
        berth.wait_answer("/cold", lambda answer: answer.status == 200, "service again", 60)
    assert hello.bad == []
    assert refused.status in (502, 503)
    assert image in refused.error()["message"]
