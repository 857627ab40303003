"""The main job: the first request starts a container, more use it, none is left when nobody asks any more."""

import concurrent.futures
import re
import time

import pytest

from harness import engine
from harness.functions import HELD, HELLO, MIRROR, NODE_HELLO, SHELL_HELLO
from harness.wait import stays, wait_until


def ask_all(berth, targets, **options):
    """Sends all requests at the same time; their answers in order."""
    with concurrent.futures.ThreadPoolExecutor(len(targets)) as pool:
        return list(pool.map(lambda target: berth.get(target, **options), targets))


def test_hello_answers_and_one_container_serves_it(berth):
    berth.write_function("hello", HELLO, idle_timeout=30)
    berth.start()
    answer = berth.get("/hello")
    assert (answer.status, answer.text) == (200, "hello")
    container = berth.instance("hello")
    assert container["State"] == "running"
    assert re.fullmatch(r"berth-hello-[0-9a-f]+", engine.name_of(container))


def test_containers_say_whose_they_are(berth):
    berth.write_function("hello", HELLO, idle_timeout=30)
    berth.start()
    berth.get("/hello")
    container = berth.instance("hello")
    labels = container["Labels"]
    assert labels["berth.host"]
    assert labels["berth.runtime"] == "python"
    assert engine.name_of(container) == "berth-hello-" + labels["berth.instance"]


def test_nothing_runs_before_the_first_request(berth):
    berth.write_function("hello", HELLO)
    berth.start()
    assert berth.instances("hello") == []


def test_second_request_uses_the_same_container(berth):
    berth.write_function("hello", HELLO, idle_timeout=30)
    berth.start()
    berth.get("/hello")
    first = berth.instance("hello")["Id"]
    assert berth.get("/hello").status == 200
    assert berth.instance("hello")["Id"] == first


@pytest.mark.shows_setting("configuration.idle_timeout")
def test_unused_container_goes_and_the_next_request_starts_another(berth):
    berth.write_function("hello", HELLO, idle_timeout=1)
    berth.start()
    first = berth.get("/hello").headers["X-Served-By"]
    berth.wait_no_instance("hello")
    assert first not in {container["Labels"].get("berth.instance") for container in berth.containers()}
    answer = berth.get("/hello")
    assert answer.status == 200 and answer.headers["X-Served-By"] != first


def test_used_container_stays_past_its_idle_timeout(berth):
    """As long as there is no gap as long as that between two requests, which on a busy machine there may be."""
    berth.write_function("hello", HELLO, idle_timeout=1)
    berth.start()
    since = last = 0.0
    used = None

    def is_still_the_same():
        nonlocal since, last, used
        sent = time.monotonic()
        served_by = berth.get("/hello").headers["X-Served-By"]
        if time.monotonic() - last >= 1:
            since, used = sent, served_by
        last = sent
        assert served_by == used
        return sent - since > 2.5

    wait_until(is_still_the_same, "it to be used for 2.5 s", 30)


def test_long_request_is_not_cut_by_the_idle_timeout(berth):
    berth.write_function("held", HELD, idle_timeout=1, concurrency=2, max_scale=1)
    berth.start()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        held = pool.submit(berth.get, "/held/hold")
        wait_until(lambda: berth.get("/held/look").json()["waiting"] == 1, "the request to be held")
        assert stays(lambda: not held.done(), 2)
        assert berth.get("/held/release").status == 200
        assert held.result().status == 200


def test_idle_timeout_is_ten_seconds_unless_set(berth):
    berth.write_function("hello", HELLO, idle_timeout=None)
    berth.start()
    berth.get("/hello")
    berth.instance("hello")
    assert stays(lambda: berth.instances("hello"), 8)
    berth.wait_no_instance("hello", timeout=7)


def test_fifty_requests_at_once_to_a_cold_function(berth):
    berth.write_function("hello", HELLO, idle_timeout=5)
    berth.start()
    answers = ask_all(berth, ["/hello"] * 50)
    assert [answer.status for answer in answers] == [200] * 50
    wait_until(lambda: 1 <= len(berth.instances("hello")) <= 50, "the instances to have their names")


def test_several_functions_at_once(berth):
    names = [f"hello{number}" for number in range(6)]
    for name in names:
        berth.write_function(name, f'def handle(request):\n    return "{name}"\n', idle_timeout=10)
    berth.write_function("shelly", SHELL_HELLO, language="shell")
    berth.start()
    answers = ask_all(berth, [f"/{name}" for name in names] + ["/shelly"])
    assert [answer.text.strip() for answer in answers] == names + ["hello"]


def test_busy_function_gets_more_instances(berth):
    berth.write_function("mirror", MIRROR, request_buffering=False, concurrency=1, max_scale=3, idle_timeout=5)
    berth.start()
    held = [berth.hold("/mirror") for _ in range(3)]
    wait_until(lambda: len(berth.instances("mirror")) == 3, "three instances", 30)
    for connection in held:
        connection.send("x")
        assert connection.response().status == 200
        connection.close()


@pytest.mark.shows_setting("configuration.min_scale")
def test_min_scale_is_there_before_any_request(berth):
    berth.write_function("hello", HELLO, min_scale=1)
    berth.start()
    wait_until(lambda: len(berth.instances("hello")) == 1, "the minimum of instances", 30)
    assert stays(lambda: len(berth.instances("hello")) == 1, 2)


@pytest.mark.shows_setting("configuration.max_scale")
def test_max_scale_is_never_exceeded(berth):
    berth.write_function("hello", HELLO, concurrency=1, max_scale=2, idle_timeout=3)
    berth.start()
    seen = []
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(berth.get, "/hello") for _ in range(60)]
        while not all(answer.done() for answer in answers):
            seen.append(len(berth.instances("hello")))
    assert {answer.result().status for answer in answers} == {200}
    assert max(seen) <= 2


def test_cold_and_warm_requests_tell_their_times(berth):
    berth.write_function("hello", HELLO, idle_timeout=10)
    berth.start()
    timing = berth.get("/hello").headers["Server-Timing"]
    parts = dict(re.findall(r"(\w+);dur=([0-9.]+)", timing))
    assert set(parts) >= {"queue", "start", "run"}
    warm = dict(re.findall(r"(\w+);dur=([0-9.]+)", berth.get("/hello").headers["Server-Timing"]))
    assert float(warm.get("start", 0)) < float(parts["start"])


@pytest.mark.parametrize("language, code", [("node", NODE_HELLO), ("python", HELLO), ("shell", SHELL_HELLO)])
def test_a_hundred_requests_one_after_the_other(berth, node_image, language, code):
    berth.write_function("hello", code, language=language)
    berth.start()
    assert {berth.get("/hello").text.strip() for _ in range(100)} == {"hello"}
