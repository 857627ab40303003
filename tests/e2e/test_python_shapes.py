"""Python handlers of every shape, each with every kind of result, called over HTTP. The functions are
tests/data/python/functions; the first line of each says how it is called and what it answers."""

import pathlib
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.wait import wait_until

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "data/python/functions"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
CALL = re.compile(r"# (\w+) (\S+)(?: (.+?))? \| (\d+) \| (.*?) ?\| ?(.*)")

STATE = """
    import atexit
    import os
    import threading

    count = 0
    atexit.register(print, "farewell")

    def attempt(path):
        try:
            with open(path, "w") as file:
                file.write("x")
            return "ok"
        except OSError as error:
            return error.strerror

    def handle(request):
        global count
        count += 1
        print("in the handler", count)
        folder = os.path.dirname(os.path.abspath(__file__))
        return {"count": count, "here": os.path.samefile(os.path.basename(__file__), __file__), "file": attempt(__file__),
                "new": attempt(os.path.join(folder, "new")), "cache": attempt("__pycache__/new"),
                "tmp": attempt("/tmp/new")}
"""

# Work that outlives its answer: in a thread of a plain handler, in a task of an async one, for longer than it may.
AFTERWARDS = """
    import time
    from starlette.background import BackgroundTask
    from starlette.responses import Response

    def work():
        for _ in range(40):
            time.sleep(0.1)
        print("work is finished")

    def handle(request):
        return Response(b"", 202, background=BackgroundTask(work))
"""
TASK = """
    import asyncio

    async def work():
        await asyncio.sleep(4)
        print("work is finished")

    async def handle(request):
        handle.task = asyncio.create_task(work())
"""
ENDLESS = """
    import threading, time

    def handle(request):
        threading.Thread(target=lambda: [time.sleep(0.1) for _ in range(10000)], daemon=True).start()
"""

# Tells how many of its requests ran at the same time at most, and when one of them is cancelled.
COUNTED = """
    import asyncio

    running = most = 0

    async def handle(request):
        global running, most
        running += 1
        most = max(most, running)
        try:
            await asyncio.sleep(60 if request.path == "/long" else 0.05)
        except asyncio.CancelledError:
            print("cancelled")
            raise
        finally:
            running -= 1
        return {"most": most}
"""

# Relative imports in the base file and in a package that `handler` names.
RELATIVE = {"main.py": "from .helper import value\ndef handle(request):\n    return value\n", "helper.py": "value = 'one'\n"}
PACKAGE = {"pkg/entry.py": "from .core import value\ndef run(request):\n    return value\n", "pkg/__init__.py": "",
           "pkg/core.py": "value = 'two'\n"}

# What a request leaves in a context variable, and what it logs.
PLAIN = """
    import logging
    from contextvars import ContextVar

    seen = ContextVar("seen", default="nobody")
    log = logging.getLogger()
    log.setLevel(logging.INFO)

    def handle(request):
        before = seen.get()
        seen.set("somebody")
        log.info("seen by info")
        return before
"""

# Tells how many of its requests ran at the same time at most.
EVENTS = """
    import threading, time

    lock = threading.Lock()
    running = most = 0

    def lambda_handler(event, context):
        global running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        return {"most": most}
"""

# A request to /block blocks the thread that it runs on until there is another one to /release.
BLOCKING = """
    import threading

    gate = threading.Event()

    def handle(request):
        if request.path == "/release":
            gate.set()
        return str(request.path != "/block" or gate.wait(30))
"""


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    for name in NAMES:
        shared_berth.write_function(name, (FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    shared_berth.write_function("state", STATE, idle_timeout=2)
    shared_berth.write_function("state_of_a_big_package", {"main.py": STATE, "data": b"\1" * (9 << 20)})
    shared_berth.write_function("explicit", {"lib.py": "def go(request):\n    return 'gone'\n"}, handler="lib:go")
    shared_berth.write_function("debug", "def handle(request):\n    return undefined_name\n", debug=True)
    shared_berth.write_function("counted", COUNTED, concurrency=3, max_scale=1, idle_timeout=60)
    shared_berth.write_function("relative", RELATIVE)
    shared_berth.write_function("package", PACKAGE, base_function_file_name="pkg/entry.py", handler="pkg.entry:run")
    shared_berth.write_function("plain", PLAIN, max_scale=1)
    shared_berth.write_function("events", EVENTS, max_scale=1)
    shared_berth.write_function("two_events", EVENTS, max_scale=1, concurrency=2)
    shared_berth.write_function("afterwards", AFTERWARDS, idle_timeout=1, max_scale=1)
    shared_berth.write_function("task", TASK, idle_timeout=1, max_scale=1)
    shared_berth.write_function("endless", ENDLESS, idle_timeout=1, timeout=3, max_scale=1)
    shared_berth.write_function("blocking", BLOCKING, concurrency=2, max_scale=1, idle_timeout=60)
    shared_berth.start()


def test_there_are_enough():
    assert len(NAMES) >= 20


@pytest.mark.parametrize("name", NAMES)
def test_function(served, name):
    line = (FOLDER / f"{name}.py").read_text(encoding="utf-8").split("\n", 1)[0]
    method, target, body, status, kind, text = CALL.fullmatch(line).groups()
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if body and "{" not in body else {}
    answer = served.request(method, f"/{name}{target}", body.encode() if body else None, headers)
    assert (answer.status, answer.headers.get("Content-Type", "")) == (int(status), kind), answer
    assert text in answer.text


def test_handler_that_is_named(served):
    assert served.get("/explicit").text == "gone"


@pytest.mark.parametrize("name, answer", [("relative", "one"), ("package", "two")])
def test_relative_imports(served, name, answer):
    assert served.get(f"/{name}").text == answer


def test_nothing_of_a_request_is_seen_by_the_next(served):
    answers = [served.get("/plain") for _ in range(12)]
    assert {answer.text for answer in answers} == {"nobody"}
    for answer in answers[:2]:
        request_id = answer.headers["X-Request-Id"]
        wait_until(lambda: served.log.entries(event="function.output", function="plain", request_id=request_id,
                                              text="seen by info"), "the line that was logged")


@pytest.mark.parametrize("name, most", [("events", 1), ("two_events", 2)])
def test_event_handlers_run_one_at_a_time_unless_concurrency_is_set(served, name, most):
    served.get(f"/{name}")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(served.get, [f"/{name}"] * 24))
    assert max(answer.json()["most"] for answer in answers) == most


@pytest.mark.parametrize("name", ["afterwards", "task"])
def test_work_after_the_answer_is_finished(served, name):
    assert served.get(f"/{name}").status < 300
    wait_until(lambda: served.log.entries(event="function.output", function=name, text="work is finished"),
               "the work to be finished")
    wait_until(lambda: served.log.entries(event="instance.gone", function=name), "the instance to be removed")


def test_work_without_an_end_is_waited_for_until_the_timeout(served):
    assert served.get("/endless").status == 204
    answered = time.monotonic()
    wait_until(lambda: served.log.entries(event="instance.gone", function="endless"), "the instance to be removed")
    assert time.monotonic() - answered >= 2.9


def test_debug_shows_the_traceback(served):
    answer = served.get("/debug")
    assert answer.status == 500
    assert "NameError: name 'undefined_name' is not defined" in answer.error()["traceback"]


@pytest.mark.shows_setting("configuration.concurrency")
def test_concurrency_is_honoured_exactly(served):
    served.get("/counted")
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(served.get, ["/counted"] * 24))
    assert {answer.status for answer in answers} == {200}
    assert max(answer.json()["most"] for answer in answers) == 3


def test_request_whose_client_leaves_is_cancelled(served):
    with served.connect() as client:
        client.send("GET /counted/long HTTP/1.1\r\nHost: test\r\n\r\n")
        wait_until(lambda: served.gauge("berth_slots_busy", "counted") == 1, "the request to run")
    wait_until(lambda: served.log.entries(event="function.output", function="counted", text="cancelled"),
               "the handler to be cancelled")
    assert served.get("/counted").status == 200


def test_blocked_handler_does_not_hold_up_others(served):
    served.get("/blocking")
    with served.connect() as client:
        client.send("GET /blocking/block HTTP/1.1\r\nHost: test\r\n\r\n")
        wait_until(lambda: served.gauge("berth_slots_busy", "blocking") == 1, "the request to run")
        assert [served.get("/blocking").text for _ in range(5)] == ["True"] * 5
        assert served.get("/blocking/release").status == 200
        assert client.response().text == "True"


@pytest.mark.parametrize("name", ["state", "state_of_a_big_package"])
def test_state_of_an_instance(served, name):
    first, second = served.get(f"/{name}"), served.get(f"/{name}")
    assert (first.json()["count"], second.json()["count"]) == (1, 2)
    seen = first.json()
    assert seen["here"] and seen["tmp"] == "ok"
    assert "ok" not in (seen["file"], seen["new"], seen["cache"])
    for answer in (first, second):
        request_id = answer.headers["X-Request-Id"]
        wait_until(lambda: served.log.entries(event="function.output", function=name, request_id=request_id),
                   "the line that was printed")
    wait_until(lambda: served.log.entries(event="function.output", function=name, text="farewell"),
               "what atexit prints")


def test_websocket_that_the_application_has_no_route_for(served):
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg=="}
    assert served.get("/starlette_app/none", headers=headers).status == 403
