"""Another program in the place of the daemon: nobody is refused, and nothing is lost."""

import contextlib
import re
import subprocess
import sys
import threading

import pytest

from harness.client import Connection
from harness.crowd import Crowd
from harness.followers import Follower, adopt_orphans, copy_program, put_program
from harness.functions import HELD, HELLO
from harness.later import WORKER, accept, wait_state
from harness.manager import Manager
from harness.wait import wait_until

UPGRADES = 3

# What is asked for at /streams goes on until somebody asks for /streams/end.
STREAMS = """
    import asyncio
    from starlette.responses import StreamingResponse

    end = asyncio.Event()

    async def lines():
        yield "begin\\n"
        await end.wait()
        yield "end\\n"

    async def handle(request):
        if request.url.path.endswith("/end"):
            end.set()
            return "ended"
        return StreamingResponse(lines(), media_type="text/plain")
"""


def ask(connection, target="/hello"):
    connection.send(f"GET {target} HTTP/1.1\r\nHost: test\r\n\r\n")
    status, headers = connection.head()
    return status, connection.reader.read(int(headers["Content-Length"])).decode()


def test_clients_and_instances_stay(berth):
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    with berth.connect(timeout=60) as connection:
        assert ask(connection) == (200, "hello")
        before = berth.instance("hello")["Id"]
        outcome, old = berth.upgrade()
        assert ask(connection) == (200, "hello")
        assert re.fullmatch(r"\d+\.\d+\.\d+\S*", outcome["to"])
        assert outcome["from"] == outcome["to"]
        assert old.wait(60) == 0
        assert ask(connection) == (200, "hello")
        assert berth.instance("hello")["Id"] == before


def test_nobody_notices(berth):
    """Clients by the dozen, streams that outlast every upgrade, and new code in between."""
    berth.host["drain_timeout"] = 600
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.write_function("streams", STREAMS, idle_timeout=60, concurrency=16)
    berth.start()
    assert berth.get("/hello").text == "hello"
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(berth.connect(timeout=120)) for _ in range(8)]
        for stream in streams:
            stream.send("GET /streams HTTP/1.1\r\nHost: test\r\n\r\n")
            assert stream.head()[0] == 200
            assert stream.chunk() == b"begin\n"
        serving = berth.instance("streams")["Id"]
        crowd = stack.enter_context(Crowd(berth.address, "/hello", 64, pause_s=0.25))
        wait_until(lambda: crowd.answers > 100, "the crowd", 60)
        before = []
        for turn in range(UPGRADES):
            before.append(berth.upgrade()[1])
            assert before[0].poll() is None, "it has streams to finish"
            berth.write_function("hello", f'async def handle(request):\n    return "hello {turn}"\n', idle_timeout=60)
            berth.apply()
            berth.wait_answer("/hello", lambda answer, turn=turn: answer.text == f"hello {turn}", "the new code", timeout=5)
        assert berth.get("/streams/end").text == "ended"
        for stream in streams:
            assert stream.chunk() == b"end\n"
            assert stream.chunk() == b""
        assert [old.wait(60) for old in before] == [0] * UPGRADES
        answers = crowd.answers
        wait_until(lambda: crowd.answers > answers + 100, "the crowd going on", 60)
        crowd.stop()
        assert crowd.failures == []
        assert berth.instance("streams")["Id"] == serving
        known = berth.admin("GET", "/berth/requests?function=hello&limit=10000").json()
        assert len(known) >= crowd.answers, "a record is missing"


# -- what is under way


def test_websocket_and_calls_go_on(berth):
    """A WebSocket stays where it is. Calls, those being delivered too, are done by whoever serves; none is lost."""
    berth.host["drain_timeout"] = 600
    berth.write_function("echo", ECHO, idle_timeout=60, concurrency=8)
    berth.write_function("worker", WORKER, idle_timeout=60, max_scale=4)
    berth.start()
    with berth.connect(timeout=120) as web:
        web.send(
            "GET /echo/socket HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert web.head()[0] == 101
        assert echoed(web, b"one") == b"one"
        calls, accepting = [], threading.Event()
        accepting.set()

        def keep_accepting():
            while accepting.is_set():
                calls.append(accept(berth, "worker?s=0.05"))

        thread = threading.Thread(target=keep_accepting)
        thread.start()
        try:
            wait_until(lambda: len(calls) > 10, "calls being accepted", 60)
            _, old = berth.upgrade()
            count = len(calls)
            wait_until(lambda: len(calls) > count + 10, "calls being accepted by the next", 60)
        finally:
            accepting.clear()
            thread.join()
        assert echoed(web, b"two") == b"two"
        assert old.poll() is None
    for name in calls:
        wait_state(berth, name, "done")
    assert old.wait(60) == 0


SLOW = """
    import asyncio
    seen = 0

    async def handle(request):
        global seen
        if request.method == "POST":
            seen += 1
            await asyncio.sleep(2)
        return {"seen": seen}
"""


def test_calls_that_are_being_delivered_are_waited_for(berth):
    """Each is made once, as far as it does not take long; none begins meanwhile."""
    berth.write_function("slow", SLOW, idle_timeout=600, concurrency=4, async_concurrency=2)
    berth.start()
    assert berth.get("/slow").json() == {"seen": 0}
    before = berth.instance("slow")["Id"]
    calls = [accept(berth, "slow") for _ in range(4)]
    wait_until(lambda: berth.get("/slow").json() == {"seen": 2}, "the first two to begin", 60)
    _, old = berth.upgrade()
    for name in calls:
        assert wait_state(berth, name, "done")["attempts"] == 1
    assert berth.get("/slow").json() == {"seen": 4}, "one was made twice"
    assert berth.instance("slow")["Id"] == before
    assert old.wait(60) == 0


def echoed(web, text):
    """What comes back over a WebSocket for a short text."""
    web.send(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
    kind, size = web.reader.read(2)
    assert kind == 0x81
    return web.reader.read(size)


ECHO = """
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute

    async def echo(socket):
        await socket.accept()
        async for text in socket.iter_text():
            await socket.send_text(text)

    app = Starlette(routes=[WebSocketRoute("/socket", echo)])
"""


def test_busy_instance_is_given_no_second_request(berth):
    """Of one that takes one request at a time and has it from the daemon before: whoever comes gets another instance, and the
    busy one does not go for being idle."""
    berth.host["drain_timeout"] = 600
    berth.write_function("held", HELD, idle_timeout=1, concurrency=1, timeout=300)
    berth.start()
    with berth.connect(timeout=120) as busy:
        busy.send("GET /held/hold HTTP/1.1\r\nHost: test\r\n\r\n")
        first = berth.instance("held")["Id"]
        wait_until(lambda: berth.counter("berth_requests_active") == 1, "the request being under way", 60)
        _, old = berth.upgrade()
        assert berth.get("/held/look").json() == {"action": "look", "waiting": 0}, "the busy one was asked"
        wait_until(lambda: {c["Id"] for c in berth.instances("held")} == {first}, "the other one being idle for too long", 60)
        assert old.poll() is None
        with_slots = berth.get("/held/look")  # with another instance again
        assert with_slots.json()["waiting"] == 0
    assert old.wait(60) == 0, "its last client has left"


def test_drain_timeout_ends_what_takes_too_long(berth):
    berth.host["drain_timeout"] = 2
    berth.write_function("streams", STREAMS, idle_timeout=60, concurrency=4)
    berth.start()
    with berth.connect(timeout=120) as stream:
        stream.send("GET /streams HTTP/1.1\r\nHost: test\r\n\r\n")
        assert stream.head()[0] == 200
        assert stream.chunk() == b"begin\n"
        _, old = berth.upgrade()
        assert old.wait(60) == 0
        with contextlib.suppress(ConnectionResetError):
            assert stream.reader.read() == b"", "the connection ends within the answer"
    assert berth.log.entries("daemon.drain-timeout")
    (record,) = berth.admin("GET", "/berth/requests?function=streams").json()
    assert record["end"] == "stopped"


@pytest.mark.parametrize("target", ["/berth/events", "/system/logs?follow=1"])
def test_who_follows_hears_of_the_end(berth, target):
    """Its stream ends as a whole one does, so that nobody takes it for a failure."""
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    assert berth.get("/hello").text == "hello"
    with Connection(berth.admin_address, 60) as follower:
        head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "localhost", **berth.credentials()}.items())
        follower.send(f"GET {target} HTTP/1.1\r\n{head}\r\n")
        assert follower.head()[0] == 200
        _, old = berth.upgrade()
        while follower.chunk():
            pass
    assert old.wait(60) == 0
    assert berth.admin("GET", "/system/functions").status == 200


# -- programs that do not serve


def asks(then, until='b\'"is":"yours"\' in daemon.recv(65536)'):
    """A program that asks for the daemon's place, gets it, and then does something else."""
    return f"""#!{sys.executable}
import os, signal, socket, sys
run = sys.argv[sys.argv.index("--run-dir") + 1]
daemon = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
daemon.connect(run + "/takeover.sock")
daemon.send(b'{{"is": "ask", "protocol": 1, "version": "9.9.9"}}')
while not ({until}):
    pass
{then}
"""


BROKEN = {
    "ends once it has asked": (asks("sys.exit(6)", until="True"), "ended with status 6"),
    "ends at once": ("#!/bin/sh\nexit 3\n", "ended with status 3"),
    "hangs": ("#!/bin/sh\nexec sleep 1000\n", "did not serve within 2000 ms"),
    "ends once it has everything": (asks("sys.exit(5)"), "ended with status 5"),
    "hangs once it has everything": (asks("signal.pause()"), "did not serve within 2000 ms"),
    "crashes once it has everything": (asks("os.kill(os.getpid(), signal.SIGSEGV)"), "was ended by SIGSEGV"),
}


@pytest.mark.parametrize("text, message", BROKEN.values(), ids=BROKEN)
def test_program_that_does_not_serve_costs_nothing(berth, text, message):
    adopt_orphans()
    program = copy_program(berth)
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    assert berth.get("/hello").text == "hello"
    before = berth.instance("hello")["Id"]
    with Crowd(berth.address, "/hello", 8, pause_s=0.1) as crowd:
        wait_until(lambda: crowd.answers > 8, "the crowd", 60)
        put_program(program, text)
        limit_s = 2 if "2000 ms" in message else 60
        refused = berth.admin("POST", f"/berth/upgrade?wait=1&timeout={limit_s}")
        assert refused.status == 502, refused.text
        assert message in refused.json()["error"]["message"]
        follow_own_program(berth)
        answers = crowd.answers
        wait_until(lambda: crowd.answers > answers + 40, "the crowd going on", 60)
        crowd.stop()
        assert crowd.failures == []
    assert berth.instance("hello")["Id"] == before


def follow_own_program(berth):
    """Where the daemon had given up its place, its own program has it now."""
    if not berth.log.entries("daemon.handing-over") or berth.log.entries("daemon.keeps-place"):
        return
    handed = wait_until(lambda: berth.log.entries("daemon.handed-over"), "the daemon's own program to serve", 60)
    assert berth.process.wait(60) == 0
    berth.process = Follower(int(handed[-1]["pid"]))


def test_second_upgrade_at_the_same_time_is_refused(berth):
    program = copy_program(berth)
    berth.write_function("hello", HELLO)
    berth.start()
    put_program(program, "#!/bin/sh\nexec sleep 1000\n")
    assert berth.admin("POST", "/berth/upgrade?timeout=5").status == 202
    second = berth.admin("POST", "/berth/upgrade?wait=1")
    assert (second.status, second.json()["error"]["reason"]) == (409, "under-way")
    wait_until(lambda: berth.log.entries("upgrade.failed"), "the end of the first", 60)
    assert berth.get("/hello").text == "hello"


def test_takeover_without_a_daemon_says_so(berth):
    berth.write_function("hello", HELLO)
    berth.write_config()
    alone = subprocess.run(berth.command("--takeover"), capture_output=True, text=True, timeout=60)
    assert alone.returncode == 1
    assert "cannot reach a daemon at" in alone.stderr + alone.stdout


def test_takeover_by_hand(berth):
    """By a program that somebody starts himself, with other settings."""
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start("--workers", "1")
    assert berth.get("/hello").text == "hello"
    old = berth.process
    with Crowd(berth.address, "/hello", 8, pause_s=0.1) as crowd:
        berth.start("--workers", "3", "--takeover", ready=False)
        assert old.wait(60) == 0
        berth.wait_ready()
        crowd.stop()
        assert crowd.failures == []


# -- under a service manager


def test_manager_is_told_who_serves(berth):
    with contextlib.closing(Manager(berth.folder)) as manager:
        berth.write_function("hello", HELLO, idle_timeout=60)
        manager.start(berth)
        assert berth.get("/hello").text == "hello"
        kept = manager.names()
        outcome, old = berth.upgrade()
        manager.wait_said("MAINPID", str(outcome["pid"]))
        assert old.wait(60) == 0
        assert manager.names() == kept
        berth.kill()
        with berth.connect(timeout=60) as waiting:
            waiting.send("GET /hello HTTP/1.1\r\nHost: test\r\n\r\n")
            manager.start(berth)
            assert waiting.head()[0] == 200
