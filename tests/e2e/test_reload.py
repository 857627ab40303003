"""SIGHUP: what has changed on disk is served, what has become wrong is not, nobody waits."""

import concurrent.futures
import threading

from harness.functions import HELLO
from harness.wait import stays, wait_until


def answers(text):
    return f'def handle(request):\n    return "{text}"\n'


def test_changed_code_is_served(berth):
    berth.write_function("hello", answers("old"), idle_timeout=30)
    berth.start()
    assert berth.get("/hello").text == "old"
    berth.write_function("hello", answers("new"), idle_timeout=30)
    berth.reload()
    berth.wait_answer("/hello", lambda answer: answer.text == "new", "the new code")
    wait_until(lambda: len(berth.instances("hello")) == 1, "the old instance to go")


def test_new_function_is_served(berth):
    berth.write_function("hello", HELLO)
    berth.start()
    assert berth.get("/second").status == 404
    berth.write_function("second", answers("second"))
    berth.reload()
    berth.wait_answer("/second", lambda answer: answer.text == "second", "the new function")


def test_removed_function_is_gone_with_its_containers(berth):
    berth.write_function("hello", HELLO, idle_timeout=30)
    berth.write_function("second", HELLO, idle_timeout=30)
    berth.start()
    assert berth.get("/second").status == 200
    del berth.functions["second"]
    berth.write_config()
    berth.reload()
    berth.wait_answer("/second", lambda answer: answer.status == 404, "the function to be gone")
    berth.wait_no_instance("second")
    assert berth.get("/hello").status == 200


def test_mistake_in_changed_code_leaves_the_old_serving(berth):
    berth.expect_error(".*", function="hello")
    berth.write_function("hello", answers("old"))
    berth.start()
    assert berth.get("/hello").text == "old"
    berth.write_function("hello", "def handle(request:\n")
    berth.reload()
    wait_until(lambda: any("hello.py:1" in line for line in berth.log.lines()), "the mistake in the log", 20)
    assert berth.get("/hello").text == "old"


def test_broken_yaml_leaves_everything_serving(berth):
    berth.expect_error(".*")
    berth.write_function("hello", HELLO)
    berth.start()
    berth.write_config("usable-functions: [\n")
    berth.reload()
    wait_until(lambda: berth.log.entries("config.diagnostic"), "the mistake in the log")
    found = berth.log.entries("config.diagnostic")[0]
    assert (found["file"], found["line"]) == (berth.config, "2") and "not YAML" in found["message"]
    assert berth.get("/hello").status == 200


def test_reload_without_a_change_changes_nothing(berth):
    berth.write_function("hello", HELLO, idle_timeout=30)
    berth.start()
    berth.get("/hello")
    before = berth.instance("hello")["Id"]
    berth.reload()
    assert stays(lambda: berth.get("/hello").status == 200, 1.5)
    assert berth.instance("hello")["Id"] == before


def test_no_request_is_lost_while_the_code_changes(berth):
    berth.write_function("hello", answers("0"), idle_timeout=5)
    berth.start()
    berth.get("/hello")
    over = threading.Event()

    def load():
        statuses = []
        with berth.connect(timeout=60) as connection:
            while not over.is_set():
                connection.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
                statuses.append(connection.response().status)
        return statuses

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        loads = [pool.submit(load) for _ in range(4)]
        try:
            for number in range(1, 6):
                berth.write_function("hello", answers(str(number)), idle_timeout=5)
                berth.reload()
                berth.wait_answer(
                    "/hello", lambda answer, want=str(number): answer.text == want, f"revision {number}"
                )
        finally:
            over.set()
        statuses = [status for future in loads for status in future.result()]
    assert len(statuses) > 20
    assert set(statuses) == {200}
