"""What goes wrong, or is asked for, in the middle of an upgrade: either daemon is killed, or sent a signal."""

import contextlib
import signal

import pytest

from harness.crowd import Crowd
from harness.followers import Follower
from harness.functions import HELD, HELLO
from harness.handing_over import begin, follow, freeze, go_on, take
from harness.later import accept, wait_state
from harness.manager import Manager
from harness.wait import wait_until


@contextlib.contextmanager
def crowded(berth, count=8):
    """Somebody asks all the time, and is answered every time."""
    with Crowd(berth.address, "/hello", count, pause_s=0.05) as crowd:
        wait_until(lambda: crowd.answers > count, "the crowd", 60)
        yield
        answers = crowd.answers
        wait_until(lambda: crowd.answers > answers + 5 * count, "the crowd going on", 60)
        crowd.stop()
        assert crowd.failures == []


@contextlib.contextmanager
def under_way(berth):
    """A request that goes on until it is told to end; the connection."""
    count = berth.counter("berth_requests_active")
    with berth.connect(timeout=120) as connection:
        connection.send("GET /held/hold HTTP/1.1\r\nHost: test\r\n\r\n")
        wait_until(lambda: berth.counter("berth_requests_active") > count, "the request being under way", 60)
        yield connection


def assert_cut(connection):
    with contextlib.suppress(ConnectionResetError):
        assert connection.reader.read() == b""


@pytest.fixture
def serving(berth):
    """A daemon with a function that answers, and one that holds."""
    berth.host["drain_timeout"] = 600
    berth.write_function("hello", HELLO, idle_timeout=600)
    berth.write_function("held", HELD, idle_timeout=600, timeout=600, concurrency=8)
    berth.start()
    assert berth.get("/hello").text == "hello"
    assert berth.get("/held/look").status == 200
    berth.before = instances(berth)
    return berth


def instances(berth):
    return {name: berth.instance(name)["Id"] for name in ("hello", "held")}


# -- the new one


def test_new_one_that_ends_before_it_serves_costs_nothing(serving):
    """Killed, or told to end: what it had been given is the old one's again, whose own program goes on with it."""
    with crowded(serving):
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            new = freeze(serving)
            new.send_signal(number)
            go_on(new)
            follow(serving)
            assert new.poll() is not None
    assert instances(serving) == serving.before
    assert len(serving.log.entries("daemon.gives-back")) == 3
    assert not serving.log.entries("daemon.draining")


def test_new_one_that_ends_while_nothing_is_given_up(serving):
    """The old one waits for a deployment, and then goes on as if nobody had asked."""
    old = serving.process
    serving.write_function("held", SLOW_START, idle_timeout=600)
    with crowded(serving):
        serving.apply()
        new = begin(serving)
        wait_until(lambda: serving.log.entries("daemon.handing-over"), "the old one to be asked", 60)
        new.kill()
        wait_until(lambda: serving.log.entries("upgrade.failed"), "the end of it", 60)
        wait_state(serving, accept(serving, "hello"), "done")
    assert serving.process is old and old.poll() is None
    assert len(serving.log.entries("upgrade.started")) == 1
    assert not serving.log.entries("daemon.takes-over")
    serving.wait_answer("/held", lambda answer: answer.text == "late", "the new code", 60)
    serving.upgrade()
    assert serving.get("/held").text == "late"


SLOW_START = """
    import threading
    threading.Event().wait(5)

    async def handle(request):
        return "late"
"""


# -- the old one


def test_old_one_killed_once_it_has_given_everything(serving):
    new = freeze(serving)
    serving.kill()
    go_on(new)
    take(serving, new)
    serving.wait_ready()
    assert serving.get("/hello").text == "hello"
    assert instances(serving) == serving.before
    assert not serving.log.entries("takeover.died")


@pytest.mark.parametrize("event", ["upgrade.started", "daemon.handing-over"])
def test_old_one_killed_before_it_has_given_anything(serving, event):
    """Whoever was about to ask, or has asked, starts as after any other crash, with the same instances."""
    with asking_at_the_desk(serving):
        new = begin(serving)
        wait_until(lambda: serving.log.entries(event), event, 60)
        serving.kill()
    take(serving, new)
    serving.wait_ready()
    assert serving.get("/hello").text == "hello"
    assert instances(serving) == serving.before
    assert serving.log.entries("takeover.died")


@contextlib.contextmanager
def asking_at_the_desk(berth):
    """A call that is being accepted, whose body does not come: the old one waits for it."""
    with berth.connect(timeout=120) as connection:
        connection.send("POST /async-function/hello HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\nx")
        wait_until(lambda: berth.counter("berth_requests_active") > 0, "the call being accepted", 60)
        yield


def test_old_one_killed_while_it_drains(serving):
    """Only what it had under way is lost, and told of."""
    with under_way(serving) as connection:
        _, old = serving.upgrade()
        old.kill()
        assert_cut(connection)
    wait_until(lambda: serving.log.entries("daemon.predecessor-ended"), "the new one to see it", 60)
    assert serving.get("/hello").text == "hello"
    assert instances(serving) == serving.before

    def record():
        known = serving.admin("GET", "/berth/requests?function=held&limit=100").json()
        return [each for each in known if each["end"] != "answered"]

    (lost,) = wait_until(record, "the record of what was lost", 60)
    assert (lost["code"], lost["end"]) == ("daemon-ended", "stopped")


# -- signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_end_while_the_place_is_given_up_ends_whoever_serves_next(serving, number):
    new = freeze(serving)
    serving.signal(number)
    wait_until(lambda: serving.log.entries("daemon.signal"), "the signal to be seen", 60)
    go_on(new)
    old = take(serving, new)
    assert old.wait(60) == 0
    assert new.wait(60) == 0
    assert serving.log.entries("daemon.signal-sent-on")
    assert serving.containers() == []


def test_leave_while_the_place_is_given_up_ends_whoever_serves_next(serving):
    new = freeze(serving)
    serving.signal(signal.SIGUSR1)
    wait_until(lambda: serving.log.entries("daemon.signal"), "the signal to be seen", 60)
    go_on(new)
    take(serving, new).wait(60)
    assert new.wait(60) == 0
    serving.start()
    assert instances(serving) == serving.before


def test_end_while_it_drains_breaks_off_what_is_under_way(serving):
    """And nothing else: the instances are the other one's by then. The manager hears of no end."""
    with contextlib.closing(Manager(serving.folder)) as manager:
        serving.stop()
        manager.start(serving)
        kept = manager.names()
        assert serving.get("/held/look").status == 200
        with under_way(serving) as connection:
            before = instances_that_serve(serving)
            outcome, old = serving.upgrade()
            old.send_signal(signal.SIGTERM)
            assert old.wait(60) == 0
            assert_cut(connection)
        manager.wait_said("MAINPID", str(outcome["pid"]))
        ends = [record["end"] for record in serving.admin("GET", "/berth/requests?function=held").json()]
        assert sorted(ends) == ["answered", "answered", "stopped"]
        assert instances_that_serve(serving) == before
        assert manager.names() == kept
        assert not any("STOPPING" in said for said in manager.said)


def instances_that_serve(berth):
    return {container["Id"] for container in berth.instances("held")}


def test_hangup_reaches_whoever_serves(serving):
    def reloads():
        return len(serving.log.entries("daemon.reload"))

    new = freeze(serving)
    serving.signal(signal.SIGHUP)
    with serving.connect(timeout=120) as waiting:
        waiting.send("GET /hello HTTP/1.1\r\nHost: test\r\n\r\n")
        go_on(new)
        old = take(serving, new)
        assert waiting.head()[0] == 200
    wait_until(lambda: reloads() == 1, "the new one to look at everything", 60)
    assert old.wait(60) == 0
    with under_way(serving):
        _, old = serving.upgrade()
        old.send_signal(signal.SIGHUP)
        wait_until(lambda: reloads() == 2, "the next one to look at everything", 60)
        assert old.poll() is None
    assert old.wait(60) == 0


def test_first_one_hears_of_a_second_signal(serving):
    """Asked twice it ends at once, as ever; its successor with it, which does not serve yet."""
    new = freeze(serving)
    for _ in range(2):
        count = len(serving.log.entries("daemon.signal"))
        serving.signal(signal.SIGTERM)
        wait_until(lambda count=count: len(serving.log.entries("daemon.signal")) > count, "the signal to be seen", 60)
    assert serving.wait_end() == 1
    assert isinstance(new, Follower) and new.wait(60) != 0
    serving.start()
    assert instances(serving) == serving.before
