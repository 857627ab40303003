"""Calls of functions that follow the ends of calls: on_success and on_failure."""

import pytest

from harness.later import WORKER, accept, look, wait_done, wait_state
from harness.wait import wait_until

BIG = 3 << 20

# Notes what it gets, and gives it by ?origin=.
SINK = """
    import hashlib
    from starlette.responses import JSONResponse

    seen = {}

    async def handle(request):
        if request.method == "GET":
            return JSONResponse(seen.get(request.query_params["origin"]))
        body = await request.body()
        headers = dict(request.headers.items())
        seen[headers["x-berth-origin-call"]] = {"headers": headers, "size": len(body), "body": body[:200].decode("latin-1"),
                                                "digest": hashlib.sha256(body).hexdigest()}
        return JSONResponse({})
"""

LARGE = f"""
    from starlette.responses import Response

    def handle(request):
        return Response(b"0123456789abcdef" * ({BIG} // 16), media_type="application/x-own")
"""


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    usual = {"retry_wait": "50ms", "retries": 1, "idle_timeout": 60, "max_scale": 1}
    shared_berth.write_function("sink", SINK, **usual)
    shared_berth.write_function("failed", SINK, **usual)
    shared_berth.write_function("worker", WORKER, on_success="sink", on_failure="failed", **usual)
    shared_berth.write_function("large", LARGE, on_success="sink", result_ttl=0, **usual)
    shared_berth.write_function("circle", WORKER, on_success="circle", **usual)
    shared_berth.start()


def seen(berth, sink, call):
    """What a sink got of the end of a call."""
    return wait_until(lambda: berth.get(f"/{sink}?origin={call}").json(), f"{sink} to be called", 60)


@pytest.mark.shows_setting("configuration.on_success")
def test_result_is_the_body_of_another_call(served):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    call = accept(served, "worker", b"hello", traceparent=trace)
    got = seen(served, "sink", call)
    headers = got["headers"]
    assert '"body":"hello"' in got["body"]
    assert headers["content-type"] == "application/json"
    assert headers["x-function-name"] == "worker" and headers["x-function-status"] == "200"
    assert headers["traceparent"].split("-")[1] == trace.split("-")[1]
    assert headers["x-call-id"] != call
    following = wait_state(served, headers["x-call-id"], "done")
    assert following["function"] == "sink" and following["attempts"] == 1


@pytest.mark.shows_setting("configuration.on_failure")
def test_last_result_of_a_dead_call_goes_to_another_function(served):
    call = accept(served, "worker?fails=9&status=502")
    got = seen(served, "failed", call)
    assert got["body"] == '{"failed":2}'
    assert got["headers"]["x-function-status"] == "502"
    assert look(served, call)["state"] == "dead"
    assert served.get(f"/sink?origin={call}").json() is None


def test_call_that_is_answered_with_an_error_of_the_caller_has_succeeded(served):
    call = accept(served, "worker?fails=9&status=404")
    assert seen(served, "sink", call)["headers"]["x-function-status"] == "404"


def test_large_result_is_passed_on_though_it_is_not_kept(served):
    call = accept(served, "large")
    got = seen(served, "sink", call)
    assert got["size"] == BIG and got["headers"]["content-type"] == "application/x-own"
    assert look(served, call)["result"] is None
    wait_state(served, got["headers"]["x-call-id"], "done")


def test_calls_that_go_round_in_a_circle_end(served):
    accept(served, "circle")
    dead = wait_until(lambda: served.log.entries(event="call.dead", function="circle"), "the end of the circle", 60)
    assert dead[0]["reason"] == "chain-too-long"
    last = look(served, dead[0]["call"])
    assert last["state"] == "dead" and last["attempts"] == 0
    assert last["last"]["error"]["reason"] == "chain-too-long"


def test_function_that_is_there_no_more_is_a_dead_letter(served):
    served.functions["gone"] = {**served.functions["sink"], "name": "gone"}
    served.configure("worker", on_success="gone")
    served.apply()
    del served.functions["gone"]
    served.apply()
    call = accept(served, "worker")
    wait_done(served, call)
    dead = wait_until(lambda: served.log.entries(event="call.dead", origin=call), "the dead letter", 60)
    assert dead[0]["function"] == "gone" and dead[0]["reason"] == "function-unknown"
    assert look(served, dead[0]["call"])["state"] == "dead"
    served.configure("worker", on_success="sink")
    served.apply()


def test_what_follows_survives_a_kill(berth):
    berth.write_function("sink", SINK, idle_timeout=60)
    berth.write_function("worker", WORKER, on_success="sink", idle_timeout=60)
    berth.start()
    calls = [accept(berth, "worker?s=0.2") for _ in range(8)]
    wait_until(lambda: any(look(berth, call)["state"] == "done" for call in calls), "the first end", 60)
    berth.kill()
    berth.start()
    for call in calls:
        wait_state(berth, call, "done")

    def following():
        """The calls whose ends have called the sink."""
        return {found["origin"] for found in berth.admin("GET", "/berth/calls?function=sink&state=done").json()}

    wait_until(lambda: following() == set(calls), "all that follows", 60)
