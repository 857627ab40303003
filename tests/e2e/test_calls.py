"""Functions that call functions: by the address in BERTH_GATEWAY, whoever they are and whatever network they have."""

import itertools
import json
import os
import pathlib
import re
import threading

import pytest

from harness.cli import Cli
from harness.functions import MIRROR, SLEEPY
from harness.later import wait_done
from harness.wait import wait_until

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs/calling-functions.md"
numbers = itertools.count()

# Asks its gateway for ?to= with the header lines that it got as "X-Pass-NAME", and answers with what comes back.
CALLER = """
    import os
    import urllib.error
    import urllib.request
    from starlette.responses import Response

    def handle(request):
        passed = {name[7:]: value for name, value in request.headers.items() if name.startswith("x-pass-")}
        url = os.environ["BERTH_GATEWAY"] + request.query_params["to"]
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=passed), timeout=120) as answer:
                return Response(answer.read(), answer.status)
        except urllib.error.HTTPError as error:
            return Response(error.read(), error.code)
"""

SHELL_CALLER = """
    #!/bin/sh
    curl --silent --show-error "$BERTH_GATEWAY/mirror/from/the/shell"
"""

# Calls itself, or the function in ?by=, until somebody says no.
LOOP = """
    import os
    import urllib.error
    import urllib.request
    from starlette.responses import Response

    def handle(request):
        try:
            with urllib.request.urlopen(os.environ["BERTH_GATEWAY"] + "/loop", timeout=120) as answer:
                return Response(answer.read(), answer.status)
        except urllib.error.HTTPError as error:
            return Response(error.read(), error.code)
"""

# What can be reached from inside, apart from the gateway.
PROBE = """
    import os
    import socket

    def can_connect(family, address):
        with socket.socket(family) as peer:
            peer.settimeout(5)
            try:
                peer.connect(address)
            except OSError:
                return False
            return True

    def handle(request):
        ports = [int(port) for port in request.query_params["ports"].split(",")]
        return {
            "ports": [port for port in ports if can_connect(socket.AF_INET, ("127.0.0.1", port))],
            "door": can_connect(socket.AF_UNIX, "/run/berth/door.sock"),
            "files": sorted(os.listdir("/run/berth")),
        }
"""


def headers_of(answer):
    """Those that the mirror got, by their names in small letters."""
    assert answer.status == 200, answer
    return dict(answer.json()["headers"])


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    shared_berth.host = {"call_depth": 5}
    shared_berth.write_function("mirror", MIRROR, public=False, concurrency=4)
    shared_berth.write_function("caller", CALLER)
    shared_berth.write_function("alone", CALLER, network="none")
    shared_berth.write_function("fresh", CALLER, memory="192Mi", tmp="32Mi")
    shared_berth.write_function("shell-caller", SHELL_CALLER, language="shell")
    shared_berth.write_function("loop", LOOP, concurrency=8)
    shared_berth.write_function("probe", PROBE, network="none")
    shared_berth.write_config()
    shared_berth.start()


@pytest.mark.shows_setting("configuration.public")
def test_private_function_is_called_by_functions_only(served):
    for path in ("/mirror", "/function/mirror", "/function/mirror.openfaas-fn", "/miror"):
        answer = served.get(path)
        assert answer.status == 404
        assert "mirror" not in answer.error()["hint"]
    for name in ("caller", "alone", "fresh"):
        assert headers_of(served.get(f"/{name}?to=/mirror"))["x-berth-caller"] == name


def test_private_function_is_called_on_the_command_line(served):
    cli = Cli(served)
    password = os.path.join(served.state_dir, "admin-password")
    over_tcp = {"BERTH_URL": "http://%s:%d/" % served.admin_address, "BERTH_PASSWORD_FILE": password}
    for environment in ({}, over_tcp):
        told = json.loads(cli.run("invoke", "mirror", "/a?b=c", "-d", "body", environment=environment))
        assert told["path"] == "/a"
        assert "authorization" not in dict(told["headers"]) and "x-berth-caller" not in dict(told["headers"])


def test_shell_function_calls_with_curl(served):
    answer = served.get("/shell-caller").json()
    assert dict(answer["headers"])["x-berth-caller"] == "shell-caller"
    assert answer["path"] == "/from/the/shell"


def test_caller_cannot_be_forged(served):
    forged = {"X-Pass-X-Berth-Caller": "admin", "X-Pass-X-Forwarded-For": "8.8.8.8", "X-Berth-Caller": "admin"}
    told = headers_of(served.get("/caller?to=/mirror", headers=forged))
    assert told["x-berth-caller"] == "caller"
    assert told["x-forwarded-for"] == "127.0.0.1"
    assert "x-pass-x-berth-caller" not in headers_of(served.get("/caller?to=/mirror", headers=forged))


def test_calls_are_in_the_records_with_their_callers(served):
    told = headers_of(served.get("/caller?to=/mirror/recorded"))
    trace = told["traceparent"].split("-")[1]

    def record():
        details = served.admin("GET", f"/berth/requests/{told['x-request-id']}")
        return details.status == 200 and details.json()["records"][0]

    found = wait_until(record, "the record")
    assert (found["function"], found["caller"], found["depth"], found["trace"]) == ("mirror", "caller", 1, trace)
    assert "/mirror/recorded, by caller" in Cli(served).run("requests")
    why = Cli(served).run("why", told["x-request-id"])
    assert "the function caller (1 deep)" in why and trace in why


@pytest.mark.shows_setting("host.call_depth")
def test_functions_that_go_round_in_a_circle_are_stopped(served):
    answer = served.get("/loop", timeout=120)
    assert answer.status == 508
    error = answer.json()["error"]
    assert error["reason"] == "call-depth"
    assert "6 times in a row: loop > loop > loop > loop > loop > loop > loop" in error["message"]
    assert "call_depth: 5" in error["hint"]


def test_nothing_else_of_the_host_can_be_reached(served):
    ports = [served.address[1], served.admin_address[1], 19080]
    found = served.get(f"/probe?ports={','.join(map(str, ports))}").json()
    assert found == {"ports": [19080], "door": False, "files": ["host.sock", "stderr", "stdout"]}
    for path in ("/system/functions", "/berth/functions", "/metrics", "/healthz"):
        answer = served.get(f"/caller?to={path}")
        assert answer.status == 404 and answer.json()["error"]["reason"] == "function-unknown"


def test_nothing_is_lost_while_both_are_redeployed(berth):
    berth.host = {"prewarm": 1}
    berth.write_function("caller", CALLER, concurrency=4)
    berth.write_function("mirror", MIRROR, concurrency=4)
    berth.start()
    assert berth.get("/caller?to=/mirror").status == 200
    over, wrong, count = threading.Event(), [], [0]

    def ask():
        while not over.is_set():
            answer = berth.get("/caller?to=/mirror", timeout=180)
            count[0] += 1
            if answer.status != 200:
                wrong.append((answer.status, answer.text))

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    for name, code in (("caller", CALLER), ("mirror", MIRROR)) * 2:
        before = [instance["Id"] for instance in berth.instances(name)]
        code += f"\n    # {next(numbers)}\n"
        berth.write_function(name, code, concurrency=4)
        berth.reload()
        wait_until(lambda: is_replaced(berth, name, before), f"another instance of {name}", 120)
    over.set()
    for asker in askers:
        asker.join()
    assert not wrong, wrong[:3]
    assert count[0] > 0


def is_replaced(berth, name, before):
    """Whether it has instances, and none of those that it had."""
    now = [instance["Id"] for instance in berth.instances(name)]
    return now and not set(now) & set(before)


def test_end_of_the_daemon_waits_for_what_is_called(berth):
    berth.write_function("caller", CALLER)
    berth.write_function("sleepy", SLEEPY)
    berth.start()
    path = "/caller?to=/sleepy%3Fs=2"
    assert berth.get(path).text == "slept"
    answers = []
    asking = threading.Thread(target=lambda: answers.append(berth.get(path, timeout=120)))
    asking.start()
    wait_until(lambda: berth.gauge("berth_slots_busy", "caller") == 1, "the caller to be busy")
    berth.stop()
    asking.join()
    assert [answer.text for answer in answers] == ["slept"]


def test_examples_of_the_documentation_do_what_they_say(berth):
    order, tax = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.S)
    bill, order_mail = re.findall(r"```sh\n(.*?)```", DOCS.read_text(), re.S)
    berth.write_function("order", order)
    berth.write_function("tax", tax, public=False)
    berth.write_function("bill", bill, language="shell")
    berth.write_function("order-mail", order_mail, language="shell")
    berth.write_function("mail", MIRROR, public=False)
    berth.start()
    assert berth.get("/order?amount=100").json() == {"amount": 100, "tax": 19, "for": "order"}
    assert berth.get("/bill").json() == {"tax": 38, "for": "bill"}
    assert berth.get("/tax").status == 404
    accepted = berth.request("POST", "/order-mail", b"to you")
    assert accepted.status == 200 and berth.get("/mail").status == 404
    told = wait_done(berth, accepted.json()["id"])
    headers = dict(told["headers"])
    assert told["size"] == 6 and headers["x-berth-caller"] == "order-mail" and headers["x-attempt"] == "1"
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", headers["traceparent"])
