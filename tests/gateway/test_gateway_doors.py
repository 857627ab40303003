"""Requests that come in by a function's door: who calls is known, how deep is counted, and a drain does not stop them."""
import contextlib
import itertools
import json
import re
import threading

import pytest

from conftest import wait_for
from raw_client import RawClient
from wire import Truncated

TRACE = "0af7651916cd43dd8448eb211c80319c"
numbers = itertools.count()
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def doors(start_gateway, backend):
    """A gateway with the functions f, g and p, the last one private, and a function that opens a client at a door."""
    with contextlib.ExitStack() as stack:
        class Doors:
            def start(self, **settings):
                options = ["--records", "keep"]
                for name in ("g", "p"):
                    options += ["--route", f"{name}={backend.path}:8"]
                self.gateway = start_gateway(slots=8, options=[*options, "--private", "p"], **settings)
                for name in ("g", "p"):
                    self.gateway.wait_slots(8, name)
                return self.gateway

            def open(self, name):
                self.address = f"127.0.0.1:{self.gateway.command(f'door {name}')['port']}"
                return self.client()

            def client(self):
                return stack.enter_context(RawClient(self.address))

        yield Doors()


def error_of(response):
    return json.loads(response.body)["error"]


def field(response, name):
    """The values of a header line of the head that a runner got."""
    return re.findall(rf"(?im)^{name}: (.*?)\r$", response.body.decode("latin-1"))


def test_door_says_who_calls_and_nobody_else_can(doors):
    gateway = doors.start()
    door = doors.open("g")
    assert field(door.get("/f/dump"), "X-Berth-Caller") == ["g"]
    assert field(door.get("/f/dump", "X-Berth-Caller: admin", "x-berth-CALLER: f"), "X-Berth-Caller") == ["g"]
    with gateway.client() as outside:
        assert field(outside.get("/f/dump", "X-Berth-Caller: g"), "X-Berth-Caller") == []
    records = gateway.wait_records(3)
    assert [(record["caller"], record["depth"]) for record in records] == [("g", 1), ("g", 1), ("", 0)]


def test_what_a_door_says_of_other_hops_is_not_believed(doors):
    doors.start()
    told = doors.open("g").get("/f/dump", "X-Forwarded-For: 8.8.8.8", "X-Forwarded-Proto: https", "X-Real-IP: 8.8.8.8")
    assert field(told, "X-Forwarded-For") == ["127.0.0.1"]
    assert field(told, "X-Real-IP") == ["127.0.0.1"]
    assert field(told, "X-Forwarded-Proto") == ["http"]


@pytest.mark.parametrize(
    "given",
    [
        (),
        ("traceparent: nonsense",),
        (f"traceparent: 00-{'0' * 32}-b7ad6b7169203331-01",),
        (f"traceparent: {TRACEPARENT}", f"traceparent: {TRACEPARENT}"),
    ],
    ids=["none", "nonsense", "zeros", "two"],
)
def test_call_without_a_trace_gets_one(doors, given):
    gateway = doors.start()
    (made,) = field(doors.open("g").get("/f/dump", *given, "tracestate: old=1"), "traceparent")
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", made)
    assert gateway.wait_records(1)[0]["trace"] == made[3:35] != TRACE


def test_trace_that_is_named_goes_on_as_it_is(doors):
    gateway = doors.start()
    named = (f"traceparent: {TRACEPARENT}", "tracestate: old=1")
    for client in (doors.open("g"), gateway.client()):
        told = client.get("/f/dump", *named)
        assert field(told, "traceparent") == [TRACEPARENT]
        assert field(told, "tracestate") == ["old=1"]
    assert [record["trace"] for record in gateway.wait_records(2)] == [TRACE, TRACE]


def hold(backend, name, client, *lines):
    """Has a request to a function under way until the function that this returns is called."""
    began, over, answers = threading.Event(), threading.Event(), []
    path = f"/held-{next(numbers)}"

    @backend.on(path)
    def held(connection, request):
        connection.read_body(request)
        began.set()
        assert over.wait(60)
        connection.answer(request.raw)

    asking = threading.Thread(target=lambda: answers.append(client.get(f"/{name}{path}", *lines)))
    asking.start()
    assert began.wait(60)

    def release():
        over.set()
        asking.join()
        return answers[0]

    return release


def test_call_within_a_call_is_one_deeper_and_goes_on_with_its_trace(doors, backend):
    gateway = doors.start()
    release = hold(backend, "g", doors.open("f"))
    inner = doors.open("g").get("/p/dump")
    outer = release()
    assert field(inner, "X-Berth-Caller") == ["g"]
    assert field(inner, "traceparent")[0][3:35] == field(outer, "traceparent")[0][3:35]
    assert field(inner, "traceparent") != field(outer, "traceparent")
    records = {record["function"]: record for record in gateway.wait_records(2)}
    assert (records["g"]["depth"], records["p"]["depth"]) == (1, 2)
    assert (records["g"]["caller"], records["p"]["caller"]) == ("f", "g")
    after = doors.client().get("/p/dump")
    assert after.status == 200 and gateway.wait_records(1)[0]["depth"] == 1


def test_call_belongs_to_the_request_whose_trace_it_names(doors, backend):
    gateway = doors.start()
    ends = [
        hold(backend, "g", doors.open("f")),
        hold(backend, "f", doors.open("g")),  # two deep
        hold(backend, "f", doors.open("p"), f"traceparent: {TRACEPARENT}"),  # one deep
    ]
    client = doors.open("f")
    assert client.get("/p/echo", f"traceparent: {TRACEPARENT}").status == 200
    assert client.get("/p/echo", f"traceparent: {TRACEPARENT.replace('0af', '1af')}").status == 200
    assert client.get("/p/echo").status == 200
    assert [record["depth"] for record in gateway.wait_records(3)] == [2, 3, 3]
    for end in ends:
        assert end().status == 200
    assert len(gateway.wait_records(3)) == 3


def test_chain_that_is_too_long_is_told_who_is_in_it(doors, backend):
    gateway = doors.start(call_depth=3)
    ends = []
    for name, callee in (("f", "g"), ("g", "f"), ("f", "g")):
        ends.append(hold(backend, callee, doors.open(name)))
    answer = doors.open("g").get("/f/echo")
    assert answer.status == 508
    error = error_of(answer)
    assert error["reason"] == "call-depth"
    assert "4 times in a row: f > g > f > g > f" in error["message"]
    assert "call_depth: 3" in error["hint"]
    assert [end().status for end in ends] == [200, 200, 200]
    record = gateway.wait_records(4)[0]
    assert (record["status"], record["depth"], record["caller"], record["function"]) == (508, 4, "g", "f")
    with gateway.client() as outside:
        assert outside.get("/f/echo").status == 200


def test_private_function_is_there_for_functions_only(doors):
    gateway = doors.start()
    with gateway.client() as outside:
        hidden, missing = outside.get("/p/echo"), outside.get("/q/echo")
    assert hidden.status == missing.status == 404
    assert error_of(hidden)["message"].replace('"p"', '"q"') == error_of(missing)["message"]
    assert '"p"' not in error_of(missing)["hint"] and " p" not in error_of(missing)["hint"]
    assert doors.open("g").get("/p/echo").status == 200


def test_function_that_waits_for_itself_is_told_so(doors, backend):
    gateway = doors.start(queue_timeout_ms=300)
    doors.open("g")
    release = [hold(backend, "f", doors.client()) for _ in range(8)]
    answer = doors.open("f").get("/f/echo")
    assert answer.status == 503
    assert error_of(answer)["reason"] == "queue-timeout"
    assert "made by g > f, and keeps a slot" in error_of(answer)["hint"]
    for end in release:
        end()
    assert len(gateway.wait_records(9)) == 9


def test_connections_of_a_door_are_limited_and_idle_ones_give_way(doors, backend):
    gateway = doors.start(max_connections=1, max_connections_per_address=2)
    first = doors.open("g")
    assert first.get("/f/echo").status == 200
    second = doors.client()
    assert second.get("/f/echo").status == 200
    assert doors.client().get("/f/echo").status == 200  # one of the two has made room
    with gateway.client() as outside:  # which none of them takes from those outside
        assert outside.get("/f/echo").status == 200
    ends = [hold(backend, "f", doors.client()) for _ in range(2)]
    third = doors.client()
    third.request(["GET /f/echo HTTP/1.1", "Host: x"])
    ends[0]()
    assert third.read_response().status == 200
    assert ends[1]().status == 200


def test_drain_finishes_what_requests_under_way_still_call(doors, backend):
    gateway = doors.start(workers=2)
    inside = [doors.open("g") for _ in range(2)]
    assert [client.get("/f/echo").status for client in inside] == [200, 200]
    release = hold(backend, "g", gateway.client())
    assert gateway.command("drain") == {}
    wait_for(lambda: refused(gateway), "the public port to be closed")
    assert [client.get("/f/echo").status for client in inside] == [200, 200]
    assert doors.client().get("/f/echo").status == 200
    assert release().status == 200
    assert gateway.process.wait(60) == 0


def refused(gateway):
    try:
        gateway.client().sock.close()
    except ConnectionError:
        return True
    return False


def test_door_that_is_shut_hangs_up_on_those_who_came_by_it(doors, backend):
    gateway = doors.start()
    idle, busy = doors.open("g"), doors.client()
    assert idle.get("/f/echo").status == 200
    began, gone = threading.Event(), []

    @backend.on("/endless")
    def endless(connection, request):
        connection.read_body(request)
        began.set()
        gone.append(connection.wait_closed())
        return False

    busy.request(["GET /f/endless HTTP/1.1", "Host: x"])
    assert began.wait(60)
    assert gateway.command("shut g") == {}
    assert idle.is_closed()
    wait_for(lambda: gone == [True], "the function to be told that nobody waits any more")
    with pytest.raises((ConnectionError, Truncated)):
        doors.client().get("/f/echo")
    gateway.wait_slots(8)
