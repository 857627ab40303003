"""What goes wrong in functions and containers: the caller learns the cause, everybody else is served."""

import re

import pytest

from harness import engine
from harness.functions import HELLO, MIRROR
from harness.wait import wait_until

RAISES = """
    def handle(request):
        raise ValueError("the secret of the traceback")
"""

EATS_MEMORY = """
    import threading

    async def handle(request):
        if request.url.path.endswith("eat"):
            hoard = []
            while True:
                hoard.append(bytearray(1 << 20))
        return "fine"
"""

BLOCKS = """
    import threading

    def handle(request):
        if request.url.path.endswith("block"):
            threading.Event().wait()
        return "fine"
"""


def test_exception_is_a_500_with_a_request_id_and_the_traceback_in_the_log(berth):
    berth.write_function("raises", RAISES)
    berth.start()
    answer = berth.get("/raises")
    assert answer.status == 500
    assert answer.headers["X-Request-Id"]
    assert "secret of the traceback" not in answer.text
    wait_until(
        lambda: any("secret of the traceback" in line for line in berth.log.lines()),
        "the traceback in the log",
    )


def test_function_goes_on_after_an_exception(berth):
    berth.write_function(
        "odd",
        """
        def handle(request):
            return "even" if request.url.path.endswith("even") else 1 / 0
    """,
    )
    berth.start()
    assert berth.get("/odd/odd").status == 500
    assert berth.get("/odd/even").text == "even"


def test_failing_import_gives_the_last_line_of_its_traceback(berth):
    berth.expect_error(".*", function="imports")
    berth.write_function(
        "imports",
        """
        import no_such_module_anywhere

        def handle(request):
            return "never"
    """,
    )
    berth.write_function("hello", HELLO)
    berth.start()
    answer = berth.get("/imports")
    assert answer.status in (500, 502, 503)
    assert "ModuleNotFoundError: No module named 'no_such_module_anywhere'" in answer.error()["message"]
    assert berth.get("/hello").status == 200


def test_function_that_exits_at_load_gives_its_exit_code(berth):
    berth.expect_error(".*", function="exits")
    berth.write_function(
        "exits",
        """
        import os
        os._exit(7)

        def handle(request):
            return "never"
    """,
    )
    berth.start()
    answer = berth.get("/exits")
    assert answer.status in (500, 502, 503)
    assert re.search(r"\b7\b", answer.error()["message"])


@pytest.mark.shows_setting("configuration.timeout")
def test_request_that_takes_too_long_is_a_504_that_names_the_setting(berth):
    berth.expect_error(".*", function="blocks")
    berth.write_function("blocks", BLOCKS, timeout=1, idle_timeout=5)
    berth.start()
    assert berth.get("/blocks/fine").text == "fine"
    before = berth.instance("blocks")["Id"]
    answer = berth.get("/blocks/block")
    assert answer.status == 504
    error = answer.error()
    assert "timeout" in error["message"] + error.get("hint", "")
    assert berth.get("/blocks/fine").text == "fine"
    wait_until(lambda: not engine.exists(before), "the instance that may still be busy to be retired")


@pytest.mark.shows_setting("host.queue_length")
def test_full_queue_is_a_503_with_retry_after(berth):
    berth.host = {"queue_length": 2}
    berth.write_function("mirror", MIRROR, request_buffering=False, concurrency=1, max_scale=1, idle_timeout=5)
    berth.start()
    assert berth.get("/mirror").status == 200
    wait_until(lambda: berth.gauge("berth_slots_busy", "mirror") == 0, "the slot to be free again")
    held = [berth.hold("/mirror") for _ in range(3)]
    wait_until(lambda: berth.gauge("berth_requests_waiting", "mirror") == 2, "a full queue")
    answer = berth.get("/mirror")
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) >= 1
    error = answer.error()
    assert "queue_length" in error["message"] + error.get("hint", "")
    for connection in held:
        connection.send("x")
    for connection in held:
        assert connection.response().status == 200
        connection.close()


@pytest.mark.shows_setting("host.queue_timeout")
def test_request_waits_in_the_queue_no_longer_than_it_should(berth):
    berth.host = {"queue_timeout": 1}
    berth.write_function("mirror", MIRROR, request_buffering=False, concurrency=1, max_scale=1, idle_timeout=10)
    berth.start()
    berth.wait_answer("/mirror", lambda answer: answer.status == 200, "an instance")
    held = berth.hold("/mirror")
    wait_until(lambda: berth.gauge("berth_slots_busy", "mirror") == 1, "the slot to be busy")
    answer = berth.get("/mirror")
    assert answer.status == 503
    assert "Retry-After" in answer.headers
    error = answer.error()
    assert "queue_timeout" in error["message"] + error.get("hint", "")
    held.send("x")
    assert held.response().status == 200
    held.close()


def test_killed_container_is_replaced(berth):
    berth.expect_error(".*", function="hello")
    berth.write_function("hello", HELLO, idle_timeout=30)
    berth.start()
    berth.get("/hello")
    first = berth.instance("hello")["Id"]
    engine.kill(first)
    wait_until(lambda: berth.get("/hello").status == 200, "an answer", 10)
    wait_until(lambda: not engine.exists(first), "the dead container to be removed")
    assert berth.instance("hello")["Id"] != first


def test_request_in_a_killed_container_is_a_502_that_says_so(berth):
    berth.expect_error(".*", function="mirror")
    berth.write_function("mirror", MIRROR, request_buffering=False, idle_timeout=30)
    berth.start()
    berth.get("/mirror")
    held = berth.hold("/mirror")
    wait_until(lambda: berth.gauge("berth_slots_busy", "mirror") == 1, "the slot to be busy")
    engine.kill(berth.instance("mirror")["Id"])
    answer = held.response()
    held.close()
    assert answer.status == 502
    assert answer.error()["message"]


def test_container_out_of_memory_is_named_as_such(berth):
    berth.expect_error(".*", function="eats")
    berth.write_function("eats", EATS_MEMORY, memory="64Mi", idle_timeout=5)
    berth.write_function("hello", HELLO, idle_timeout=5)
    berth.start()
    assert berth.get("/eats/fine").status == 200
    answer = berth.get("/eats/eat")
    assert answer.status in (500, 502)
    wait_until(
        lambda: any("memory" in line and "eats" in line for line in berth.log.lines()), "the cause in the log"
    )
    assert berth.get("/hello").status == 200
    wait_until(lambda: berth.get("/eats/fine").status == 200, "the function to serve again", 20)


def test_endless_output_harms_nobody(berth):
    berth.write_function(
        "chatty",
        """
        import sys

        def handle(request):
            for number in range(20000):
                print("line", number, "x" * 100)
            sys.stdout.write("no newline at the end")
            sys.stdout.flush()
            return "done"
    """,
    )
    berth.write_function("hello", HELLO)
    berth.start()
    assert berth.get("/chatty").text == "done"
    assert berth.get("/hello").status == 200


def test_output_of_a_function_is_in_the_log_with_its_name(berth):
    berth.write_function(
        "speaks",
        """
        def handle(request):
            print("a line from the function")
            return "ok"
    """,
    )
    berth.start()
    berth.get("/speaks")
    wait_until(
        lambda: [
            entry
            for entry in berth.log.entries(function="speaks")
            if "a line from the function" in str(entry.values())
        ],
        "the line in the log",
    )


@pytest.mark.parametrize("answer", ["None", "object()", "(1, 2, 3, 4)", "'x', 'y'"])
def test_odd_return_values_are_answered_somehow(berth, answer):
    berth.write_function("odd", f"def handle(request):\n    return {answer}\n")
    berth.start()
    assert berth.get("/odd").status in (200, 204, 500)
