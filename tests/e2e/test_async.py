"""Calls that are accepted now and done later."""

import pytest

from harness.later import WORKER, accept, look, result, wait_done, wait_state


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    usual = {"retry_wait": "50ms", "idle_timeout": 60}
    shared_berth.write_function("worker", WORKER, concurrency=8, **usual)
    shared_berth.write_config()
    shared_berth.start()


def test_call_is_accepted_and_done(served):
    call = accept(served, "worker/some/path?a=b", b"hello", Content_Type="text/x-own")
    told = wait_done(served, call)
    assert (told["method"], told["path"], told["query"], told["body"]) == ("POST", "/some/path", "a=b", "hello")
    headers = told["headers"]
    assert headers["content-type"] == "text/x-own"
    assert headers["x-call-id"] == call and headers["x-attempt"] == "1"
    seen = look(served, call)
    assert seen["function"] == "worker" and seen["attempts"] == 1
    assert seen["result"]["status"] == 200 and seen["result"]["headers"]["x-worker"] == "yes"
    answer = result(served, call)
    assert answer.headers["X-Function-Status"] == "200"
    assert answer.headers["Content-Type"] == "application/json"
    assert int(answer.headers["Content-Length"]) == seen["result"]["bytes"]
