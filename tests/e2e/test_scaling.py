"""Scaling up and down, and new revisions meanwhile: no request is lost, none is refused."""

import concurrent.futures
import threading

from harness.functions import MIRROR
from harness.wait import wait_until

REDEPLOYMENTS = 20

# Slow enough that concurrent requests need more than one instance of one slot.
TAKES_A_MOMENT = """
    import time

    def handle(request):
        time.sleep(0.01)
        return "{text}"
"""


def keep_asking(berth, target, over):
    """One client's requests over one connection after the other, until `over`: their statuses and texts."""
    seen = []
    while not over.is_set():
        with berth.connect(timeout=60) as connection:
            for _ in range(20):
                connection.send(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")
                answer = connection.response()
                seen.append((answer.status, answer.text))
                if over.is_set() or answer.headers.get("Connection", "").lower() == "close":
                    break
    return seen


def write_revision(berth, number):
    berth.write_function(
        "steady", TAKES_A_MOMENT.format(text=number), concurrency=1, max_scale=4, idle_timeout=0.5, memory="64Mi"
    )


def test_no_request_is_lost_while_redeployed_twenty_times_under_a_varying_load(berth):
    write_revision(berth, 0)
    berth.start()
    over, wave_over = threading.Event(), threading.Event()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        clients = [pool.submit(keep_asking, berth, "/steady", over) for _ in range(2)]
        try:
            for number in range(1, REDEPLOYMENTS + 1):
                wave_over.clear()
                wave = [pool.submit(keep_asking, berth, "/steady", wave_over) for _ in range(4 * (number % 2))]
                write_revision(berth, number)
                berth.reload()
                berth.wait_answer("/steady", lambda answer, want=str(number): answer.text == want, f"revision {number}")
                wave_over.set()
                clients += wave
        finally:
            over.set()
            wave_over.set()
        seen = [one for client in clients for one in client.result()]
    assert {status for status, _ in seen} == {200}
    assert {text for _, text in seen} >= {str(number) for number in (0, REDEPLOYMENTS)}
    assert len(seen) > 10 * REDEPLOYMENTS


def test_burst_starts_as_many_instances_as_it_needs_and_no_more(berth):
    berth.write_function("burst", TAKES_A_MOMENT.format(text="ok"), concurrency=8, max_scale=20, memory="64Mi")
    berth.start()
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: berth.get("/burst"), range(24)))
    assert {answer.status for answer in answers} == {200}
    started = {answer.headers["X-Served-By"] for answer in answers}
    assert 1 <= len(started) <= 3
    assert len(berth.instances("burst")) <= 3


def test_instances_that_are_not_needed_any_more_go(berth):
    berth.write_function(
        "falls", TAKES_A_MOMENT.format(text="ok"), concurrency=1, max_scale=3, idle_timeout=1, memory="64Mi"
    )
    berth.start()
    over = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        clients = [pool.submit(keep_asking, berth, "/falls", over) for _ in range(6)]
        try:
            wait_until(lambda: len(berth.instances("falls")) >= 2, "a second instance", 30)
        finally:
            over.set()
        assert {status for client in clients for status, _ in client.result()} == {200}
    berth.wait_no_instance("falls")
    assert berth.get("/falls").status == 200


def test_minimum_is_there_before_the_first_request(berth):
    berth.write_function("ready", TAKES_A_MOMENT.format(text="ok"), min_scale=2, idle_timeout=0.5, memory="64Mi")
    berth.start()
    wait_until(lambda: len(berth.instances("ready")) == 2, "two instances", 30)
    assert berth.get("/ready").status == 200


def begun(berth, function):
    """How many containers were started for it."""
    return len(berth.log.entries("instance.state", function=function, to="starting"))


def serve_quickly(berth, **settings):
    """A function with instances of one slot each, of which it is known that it answers at once. Nothing is prewarmed."""
    berth.host["prewarm"] = 0
    berth.write_function("quick", MIRROR, concurrency=1, max_scale=24, memory="64Mi", **settings)
    berth.start()
    for _ in range(5):
        assert berth.get("/quick").status == 200


def test_quick_requests_share_what_is_started_first(berth):
    serve_quickly(berth, idle_timeout=0.5)
    berth.wait_no_instance("quick")
    before = begun(berth, "quick")
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: berth.get("/quick"), range(24)))
    assert {answer.status for answer in answers} == {200}
    assert 1 <= begun(berth, "quick") - before <= 12
    assert any(int(entry["spared"]) > 0 for entry in berth.log.entries("scale.decision", function="quick"))


def test_request_is_served_while_one_that_is_usually_quick_hangs(berth):
    serve_quickly(berth, idle_timeout=60, request_buffering=False)
    with berth.hold("/quick") as held:
        wait_until(lambda: berth.gauge("berth_slots_busy", "quick") == 1, "the slot to be taken")
        assert berth.get("/quick").status == 200
        assert begun(berth, "quick") == 2
        held.send("x")
        assert held.response().status == 200
