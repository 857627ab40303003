"""What /metrics tells, that Prometheus takes it, and that looking at it changes nothing."""

import json
import os
import re
import time

from harness import prometheus
from harness.daemon import free_port
from harness.functions import HELLO, MIRROR
from harness.wait import wait_until

PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

CODES = """
    async def handle(request):
        return "told", int(request.query_params.get("code", 200))
"""


WORKS = """
    import time

    KEPT = []

    def handle(request):
        KEPT.append(bytearray(b"x") * (int(request.url.query) << 20))
        end = time.process_time() + 0.4
        while time.process_time() < end:
            pass
        return "done"
"""

DIES = """
    import os

    async def handle(request):
        if request.url.query:
            os._exit(3)
        return "alive"
"""


def samples(berth, name, function):
    """The samples of a function's metric, by what else stands in their labels."""
    text = berth.admin("GET", "/metrics").text
    found = re.findall(rf'^{name}{{function_name="{function}\.openfaas-fn",?([^}}]*)}} (\S+)$', text, re.MULTILINE)
    return {label: float(value) for label, value in found}


def families(berth):
    return prometheus.parse(berth.admin("GET", "/metrics").text)


def of_function(family, function, *, without=()):
    """The samples of a function's metric: {(values of the other labels, in their order): number}."""
    others = [
        (tuple(value for name, value in labels.items() if name not in {"function_name", *without}), number)
        for suffix, labels, number in family.samples
        if suffix in ("", "_count") and labels.get("function_name") == f"{function}.openfaas-fn"
    ]
    return dict(others)


def documented():
    """The table of the documentation: {name: (type, labels)}."""
    with open(os.path.join(PROJECT, "docs", "operations.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*)\| .+ \|$", file.read(), re.MULTILINE)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def dashboard_expressions():
    """What the dashboard asks for, with values in the place of its variables."""
    with open(os.path.join(PROJECT, "docs", "grafana-dashboard.json"), encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    for expression in [target["expr"] for panel in panels for target in panel["targets"]]:
        yield expression.replace("$function", ".*").replace("$job", ".*").replace("$__rate_interval", "1m")


def test_requests_are_counted_by_function_and_status(berth):
    berth.write_function("codes", CODES, idle_timeout=60)
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    for code in (200, 200, 201, 404, 500):
        assert berth.get(f"/codes?code={code}").status == code
    assert berth.get("/hello").status == 200
    assert berth.get("/nowhere").status == 404
    expected = {'code="200"': 2, 'code="201"': 1, 'code="404"': 1, 'code="500"': 1}
    wait_until(lambda: samples(berth, "gateway_function_invocation_total", "codes") == expected, "all to be counted", 30)
    wait_until(lambda: samples(berth, "gateway_function_invocation_total", "hello") == {'code="200"': 1}, "the other", 30)
    assert samples(berth, "gateway_function_invocation_total", "nowhere") == {}
    assert berth.admin("GET", "/system/function/codes").json()["invocationCount"] == 5
    told = families(berth)
    counts = of_function(told["gateway_functions_seconds"], "codes")
    assert counts == {("200",): 2, ("201",): 1, ("404",): 1, ("500",): 1}
    for code, total in counts.items():
        buckets = [
            number
            for suffix, labels, number in told["gateway_functions_seconds"].samples
            if suffix == "_bucket" and labels["function_name"] == "codes.openfaas-fn" and (labels["code"],) == code
        ]
        assert buckets == sorted(buckets) and buckets[-1] == total
    kinds = told["berth_function_requests_total"]
    by_class = of_function(kinds, "codes", without=("cold",))
    assert set(by_class) == {("2xx", "none", "none"), ("4xx", "none", "none"), ("5xx", "none", "none")}
    assert of_function(kinds, "hello", without=("class", "component", "error")) == {("true",): 1}


def test_failures_are_told_by_their_cause(berth):
    berth.write_function("dies", {"dies.py": DIES}, idle_timeout=60)
    berth.write_function("broken", "def handle(request:\n")
    berth.expect_error("gateway.error")
    berth.start()
    assert berth.get("/dies").status == 200
    assert berth.get("/dies?exit").status == 502
    assert berth.get("/broken").status == 503
    wait_until(
        lambda: of_function(families(berth)["berth_instances_lost_total"], "dies")
        == {("container", "container-exited"): 1},
        "the loss of the instance",
        60,
    )
    wait_until(
        lambda: of_function(families(berth)["berth_function_requests_total"], "dies", without=("cold",))
        == {("2xx", "none", "none"): 1, ("5xx", "container", "container-exited"): 1},
        "both requests to be counted",
        60,
    )
    told = families(berth)
    assert of_function(told["berth_function_callable"], "dies") == {(): 1}
    assert of_function(told["berth_function_callable"], "broken") == {(): 0}
    assert of_function(told["berth_builds_started_total"], "broken") == {(): 1}
    assert of_function(told["berth_builds_failed_total"], "broken") == {(): 1}
    assert of_function(told["berth_builds_failed_total"], "dies") == {(): 0}
    assert of_function(told["gateway_service_count"], "broken") == {(): 0}


def test_cold_starts_are_told_by_phase(berth):
    berth.host = {"prewarm": 0}
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.write_function("idle", HELLO)
    berth.start()
    assert berth.get("/hello").status == 200

    def phases(function):
        return of_function(families(berth)["berth_cold_start_seconds"], function)

    every = {(phase,): 1 for phase in ("queue", "create", "start", "load")}
    wait_until(lambda: phases("hello") == every, "the cold start to be counted", 30)
    assert phases("idle") == {}
    told = families(berth)
    assert of_function(told["berth_instances_started_total"], "hello") == {(): 1}
    assert of_function(told["gateway_service_count"], "hello") == {(): 1}
    assert of_function(told["gateway_service_ready_count"], "hello") == {(): 1}
    [created] = [number for _, labels, number in told["berth_docker_calls_total"].samples if labels["call"] == "create container"]
    assert created >= 1


def test_what_has_begun_is_counted_before_its_end(berth):
    berth.write_function("mirror", MIRROR, request_buffering=False, concurrency=1, max_scale=1, idle_timeout=60)
    berth.start()

    def number(metric):
        return of_function(families(berth)[metric], "mirror")

    held = berth.hold("/mirror")
    wait_until(lambda: berth.gauge("berth_slots_busy", "mirror") == 1, "the request to have a slot", 60)
    assert number("gateway_function_invocation_started") == {(): 1}
    assert number("gateway_function_invocation_total") == {}
    held.send("x")
    assert held.response().status == 200
    held.close()
    wait_until(lambda: number("gateway_function_invocation_total") == {("200",): 1}, "its end to be counted", 30)
    assert number("gateway_function_invocation_started") == {(): 1}


def test_what_instances_use_is_told(berth):
    """Of memory what they use now, of processors also what those have used that have gone."""
    berth.write_function("works", {"works.py": WORKS}, idle_timeout=60)
    berth.start()
    assert berth.get("/works?10").status == 200

    def number(metric):
        return of_function(families(berth)[metric], "works")[()]

    wait_until(lambda: number("pod_cpu_usage_seconds_total") > 0.3, "the processor time", 60)
    few = number("pod_memory_working_set_bytes")
    assert few > 1 << 20
    assert berth.get("/works?80").status == 200
    wait_until(lambda: number("pod_memory_working_set_bytes") > few + (50 << 20), "more memory", 60)
    status = berth.admin("GET", "/system/function/works?usage=1").json()
    assert status["usage"]["totalMemoryBytes"] > 50 << 20 and status["usage"]["cpu"] >= 0
    used = number("pod_cpu_usage_seconds_total")
    berth.configure("works", idle_timeout="100ms")
    berth.reload()
    berth.wait_no_instance("works")
    assert number("pod_memory_working_set_bytes") == 0
    assert number("pod_cpu_usage_seconds_total") >= used


def test_the_documentation_names_what_there_is(berth):
    """Names and types all of them; labels those of what has samples by then."""
    berth.write_function("dies", {"dies.py": DIES}, idle_timeout=60)
    berth.expect_error("gateway.error")
    berth.start()
    assert berth.get("/dies").status == 200
    assert berth.get("/dies?exit").status == 502
    wait_until(lambda: families(berth)["berth_instances_lost_total"].samples, "the loss of the instance", 60)
    told = families(berth)
    table = documented()
    assert {name: family.kind for name, family in told.items()} == {name: kind for name, (kind, _) in table.items()}
    without = {name for name, family in told.items() if not family.samples}
    assert not without
    assert {name: family.labels() for name, family in told.items()} == {name: labels for name, (_, labels) in table.items()}


def test_the_process_tells_of_itself(berth):
    berth.write_function("hello", HELLO)
    before = time.time()
    berth.start()

    def value(name):
        [(_, _, number)] = families(berth)[name].samples
        return number

    with open(f"/proc/{berth.pid}/statm", encoding="ascii") as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    assert resident / 4 < value("process_resident_memory_bytes") < resident * 4
    assert abs(value("process_open_fds") - len(os.listdir(f"/proc/{berth.pid}/fd"))) < 30
    assert value("process_cpu_seconds_total") > 0
    assert before - 2 < value("process_start_time_seconds") < time.time() + 2
    [(_, labels, number)] = families(berth)["berth_build_info"].samples
    assert number == 1 and labels["version"] == berth.admin("GET", "/system/info").json()["version"]["release"]


def test_prometheus_takes_them(berth):
    """The linter finds nothing, and a server that scrapes the daemon knows what was called."""
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.write_function("broken", "def handle(request:\n")
    berth.start()
    server = prometheus.Prometheus(berth.admin_address, free_port())
    try:
        for _ in range(3):
            assert berth.get("/hello").status == 200
        called = 'gateway_function_invocation_total{function_name="hello.openfaas-fn",code="200"}'
        server.wait_value(called, 3)
        server.wait_value('sum(gateway_functions_seconds_count{function_name="hello.openfaas-fn"})', 3)
        server.wait_value('berth_function_callable{function_name="broken.openfaas-fn"}', 0)
        server.wait_value('up{job="berth"}', 1)
        for expression in dashboard_expressions():
            server.query(expression)
    finally:
        server.close()
    assert prometheus.check(berth.admin("GET", "/metrics").text) == ""


def test_counts_stay_when_a_revision_is_replaced_and_go_with_the_function(berth):
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    berth.get("/hello")
    berth.write_function("hello", HELLO.replace("hello", "again"), idle_timeout=60)
    berth.reload()
    berth.wait_answer("/hello", lambda answer: answer.text == "again", "the new revision")
    wait_until(lambda: samples(berth, "gateway_function_invocation_total", "hello").get('code="200"', 0) >= 2, "both", 30)
    berth.functions.clear()
    berth.write_function("other", HELLO)
    berth.reload()
    wait_until(lambda: samples(berth, "gateway_function_invocation_total", "hello") == {}, "the end of its metrics", 60)


def test_looking_changes_nothing(berth):
    """Neither what scaling has decided nor how long an idle instance stays."""
    berth.write_function("mirror", MIRROR, request_buffering=False, concurrency=1, max_scale=1, idle_timeout=2)
    berth.start()
    held, waiting = berth.hold("/mirror"), berth.hold("/mirror")

    def look():
        assert berth.admin("GET", "/metrics").status == 200
        return berth.admin("GET", "/system/function/mirror").json()["berth"]

    def decided(status):
        return [(decision["reason"], decision["start"], decision["waiting"]) for decision in status["decisions"]]

    def is_at_work():
        load = look()["load"]
        return (load["busy"], load["waiting"], load["starting"]) == (1, 1, 0)

    wait_until(is_at_work, "the second to wait for the first", 60)
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
