"""What /metrics tells of requests, and that looking at it changes nothing."""

import re
import subprocess

from harness.functions import HELLO, MIRROR
from harness.wait import wait_until

CODES = """
    async def handle(request):
        return "told", int(request.query_params.get("code", 200))
"""


def samples(berth, name, function):
    """The samples of a function's metric, by what else stands in their labels."""
    text = berth.admin("GET", "/metrics").text
    found = re.findall(rf'^{name}{{function_name="{function}\.openfaas-fn",?([^}}]*)}} (\S+)$', text, re.MULTILINE)
    return {label: float(value) for label, value in found}


def test_requests_are_counted_by_function_and_class(berth):
    berth.write_function("codes", CODES, idle_timeout=60)
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    for code in (200, 200, 201, 404, 500):
        assert berth.get(f"/codes?code={code}").status == code
    assert berth.get("/hello").status == 200
    assert berth.get("/nowhere").status == 404
    expected = {'code="2xx"': 3, 'code="4xx"': 1, 'code="5xx"': 1}
    wait_until(lambda: samples(berth, "gateway_function_invocation_total", "codes") == expected, "all to be counted", 30)
    wait_until(lambda: samples(berth, "gateway_function_invocation_total", "hello") == {'code="2xx"': 1}, "the other", 30)
    assert samples(berth, "gateway_function_invocation_total", "nowhere") == {}
    assert berth.admin("GET", "/system/function/codes").json()["invocationCount"] == 5
    [total] = samples(berth, "gateway_functions_seconds_count", "codes").values()
    buckets = list(samples(berth, "gateway_functions_seconds_bucket", "codes").values())
    assert total == 5 and buckets == sorted(buckets) and buckets[-1] == 5
    text = berth.admin("GET", "/metrics").text
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_counts_stay_when_a_revision_is_replaced_and_go_with_the_function(berth):
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    berth.get("/hello")
    berth.write_function("hello", HELLO.replace("hello", "again"), idle_timeout=60)
    berth.reload()
    berth.wait_answer("/hello", lambda answer: answer.text == "again", "the new revision")
    counted = wait_until(lambda: samples(berth, "gateway_function_invocation_total", "hello"), "the requests", 30)
    assert counted['code="2xx"'] >= 2
    berth.functions.clear()
    berth.write_function("other", HELLO)
    berth.reload()
    wait_until(lambda: samples(berth, "gateway_function_invocation_total", "hello") == {}, "the end of its metrics", 60)


def test_looking_changes_nothing(berth):
    """Neither what scaling has decided nor how long an idle instance stays."""
    berth.write_function("mirror", MIRROR, request_buffering=False, concurrency=1, max_scale=1, idle_timeout=2)
    berth.start()
    held, waiting = berth.hold("/mirror"), berth.hold("/mirror")
    wait_until(lambda: berth.gauge("berth_requests_waiting", "mirror") == 1, "the second to wait", 60)

    def look():
        assert berth.admin("GET", "/metrics").status == 200
        return berth.admin("GET", "/system/function/mirror").json()["berth"]

    def decided(status):
        return [(decision["reason"], decision["start"], decision["waiting"]) for decision in status["decisions"]]

    wait_until(lambda: decided(look()) == decided(look()), "decisions to have been made", 30)
    before = look()
    for _ in range(50):
        status = look()
    assert decided(status) == decided(before) and status["load"] == before["load"]
    for connection in (held, waiting):
        connection.send("x")  # whichever of them has the slot
    for connection in (held, waiting):
        assert connection.response().status == 200
        connection.close()
    wait_until(lambda: look() and not berth.instances("mirror"), "the idle instance to go", 60)
