"""Who dials an instance's socket beside its runner: too early, again, or as somebody else. It gets nothing, and harms
nothing."""

import contextlib
import http.client
import os
import signal
import socket
import threading

import pytest

from harness import engine
from harness.functions import HELLO, NODE_HELLO, SHELL_HELLO
from harness.users import run_as
from harness.wait import wait_until

RUNNER_USER = 10001


@pytest.fixture
def berth(slow, make_berth):
    berth = make_berth()
    berth.host["docker_socket"] = slow.path
    return berth


def instance_folders(berth):
    """Those with a socket; a prewarmed instance has one for its code, too."""
    folders = [entry.path for entry in os.scandir(os.path.join(berth.run_dir, "i"))]
    return [folder for folder in folders if not folder.endswith(".code")]


def dial_folder(container):
    (mount,) = [mount for mount in container["Mounts"] if mount["Destination"] == "/run/berth"]
    return mount["Source"]


def play_runner(folder, user=0):
    """Dials as this user, past the folders above, and answers what comes as a runner would: all it was sent, or None
    when nobody listens."""
    way = os.open(folder, os.O_PATH | os.O_DIRECTORY)

    def dial():
        with socket.socket(socket.AF_UNIX) as runner:
            runner.settimeout(60)
            try:
                runner.connect(f"/proc/self/fd/{way}/host.sock")
            except ConnectionRefusedError:
                return None
            received = b""
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                while data := runner.recv(65536):
                    received += data
                    runner.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            return received

    try:
        return run_as(user, dial)
    finally:
        os.close(way)


class Asking(threading.Thread):
    """A request under way; its answer is None when the daemon ends before it."""

    def __init__(self, berth, target):
        super().__init__(daemon=True)
        self.berth, self.target, self.answer = berth, target, None
        self.start()

    def run(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            self.answer = self.berth.get(self.target)

    def result(self):
        self.join()
        return self.answer


def made_container(berth):
    """The one container that the engine has made, whether the daemon knows it or not. One that is still being made is
    listed, too, and then cannot be started yet."""
    return wait_until(lambda: [c for c in berth.containers() if engine.exists(c["Id"])], "a container")[0]


@contextlib.contextmanager
def standing_still(container):
    engine.pause(container["Id"])
    yield
    engine.unpause(container["Id"])


@pytest.mark.parametrize("prewarm", [0, 1])
def test_nobody_is_listened_to_before_the_engine_has_made_the_container(berth, slow, prewarm):
    berth.host["prewarm"] = prewarm
    berth.write_function("hello", HELLO, environment={"PASSWORD": "hunter2"})
    slow.hold("POST /containers/create")
    berth.start()
    asking = Asking(berth, "/hello")
    assert slow.held.wait(180)
    folders = instance_folders(berth)
    assert folders
    for folder in folders:
        assert [play_runner(folder, user) for user in (0, RUNNER_USER)] == [None, None]
    slow.release()
    assert asking.result().text == "hello"
    assert not berth.log.entries(event="instance.failed")


def test_a_container_that_ends_before_the_engine_has_told_of_it_is_started_again(berth, slow):
    berth.host["prewarm"] = 0
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    slow.hold("POST /containers/create")
    asking = Asking(berth, "/hello")
    container = made_container(berth)["Id"]
    slow.tell_of("die")
    engine.start(container)  # and it ends by itself: nobody listens yet where it dials
    wait_until(slow.told_all, "the daemon to be told of its end", 30)
    assert berth.admin("GET", "/healthz").status == 200  # and its control thread has read of it
    slow.release()
    assert asking.result().text == "hello"
    assert berth.instance("hello")["Id"] == container


@pytest.mark.parametrize("prewarm, answer", [(0, "create"), (1, "create"), (0, "start"), (1, "rename"), (1, "update")])
def test_it_stops_in_order_while_the_engine_owes_an_answer(berth, slow, prewarm, answer):
    berth.host.update(prewarm=prewarm, drain_timeout="1s")
    berth.write_function("hello", HELLO, memory="64Mi")
    slow.hold(f"POST /containers/.*{answer}")
    berth.start()
    asking = Asking(berth, "/hello")
    assert slow.held.wait(180)
    berth.signal(signal.SIGTERM)
    wait_until(lambda: berth.log.entries(event="daemon.draining"), "the end to have begun")
    slow.release()
    assert berth.wait_end() == 0
    asking.join()
    assert not berth.containers()


def test_an_instance_may_serve_and_end_before_the_engine_has_answered(berth, slow):
    berth.host["prewarm"] = 0
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    slow.hold("POST /containers/[^/]+/start")
    assert berth.get("/hello").text == "hello"
    assert slow.held.wait(10)
    engine.kill(made_container(berth)["Id"])
    slow.release()
    wait_until(lambda: berth.log.entries(event="instance.gone"), "its end")
    assert berth.get("/hello").text == "hello"


@pytest.mark.parametrize("user", [0, RUNNER_USER])
@pytest.mark.parametrize("language, code", [("node", NODE_HELLO), ("python", HELLO), ("shell", SHELL_HELLO)],
                         ids=["node", "python", "shell"])
def test_a_second_dialler_never_takes_the_place_of_the_first(berth, node_image, language, code, user):
    """Not even while the runner stands still and could not dial again."""
    berth.host["prewarm"] = 1
    berth.write_function("hello", code, language, environment={"PASSWORD": "hunter2"}, concurrency=1, idle_timeout=60)
    berth.start()
    wait_until(lambda: berth.log.entries(event="instance.state", to="prewarmed"), "a prewarmed instance", 30)
    container = made_container(berth)
    with standing_still(container):
        assert play_runner(dial_folder(container), user) == b""
    assert berth.get("/hello").text.strip() == "hello"
    with standing_still(container):
        assert play_runner(dial_folder(container), user) == b""
    assert berth.get("/hello", headers={"Authorization": "Bearer mine"}).text.strip() == "hello"
    assert not berth.log.entries(event="instance.failed")
