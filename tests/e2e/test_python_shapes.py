"""Python handlers of every shape, each with every kind of result, called over HTTP. The functions are
tests/data/python/functions; the first line of each says how it is called and what it answers."""

import pathlib
import re

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
        return {"count": count, "here": folder == os.getcwd(), "file": attempt(__file__),
                "new": attempt(os.path.join(folder, "new")), "cache": attempt("__pycache__/new"),
                "tmp": attempt("/tmp/new")}
"""


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    for name in NAMES:
        shared_berth.write_function(name, (FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    shared_berth.write_function("state", STATE, idle_timeout=2)
    shared_berth.write_function("state_of_a_big_package", {"main.py": STATE, "data": b"\1" * (9 << 20)})
    shared_berth.write_function("explicit", {"lib.py": "def go(request):\n    return 'gone'\n"}, handler="lib:go")
    shared_berth.write_function("debug", "def handle(request):\n    return undefined_name\n", debug=True)
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


def test_debug_shows_the_traceback(served):
    answer = served.get("/debug")
    assert answer.status == 500
    assert "NameError: name 'undefined_name' is not defined" in answer.json()["traceback"]


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
