"""The requests of the past: what is kept of them, how they are found, and what `berth why` says of each kind of end."""

import os

import pytest

from harness.cli import Cli
from harness.functions import HELLO, MIRROR
from harness.wait import wait_until

RAISES = """
    def handle(request):
        raise ValueError("no")
"""

ODD = """
    import os, threading

    def handle(request):
        action = request.url.path.rsplit("/", 1)[-1]
        if action == "exit":
            os._exit(7)
        if action == "block":
            threading.Event().wait()
        if action == "eat":
            hoard = []
            while True:
                hoard.append(bytearray(1 << 20))
        return "fine"
"""


def request_of(berth, **wanted):
    """The newest request that is kept with these members, once it is."""

    def look():
        listed = berth.admin("GET", "/berth/requests?limit=200").json()
        found = [request for request in listed if all(request[name] == value for name, value in wanted.items())]
        return found[0] if found else None

    return wait_until(look, f"a record with {wanted}", 60)


# -- one daemon, each kind of end


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    for name in ("odd", "stuck", "loads"):
        shared_berth.expect_error(".*", function=name)
    shared_berth.host = {"max_body": "1Mi", "queue_length": 1}
    shared_berth.write_function("hello", HELLO, idle_timeout=60)
    shared_berth.write_function("raises", RAISES, idle_timeout=60)
    shared_berth.write_function("odd", ODD, memory="64Mi", idle_timeout=60)
    shared_berth.write_function("stuck", ODD, timeout=2, memory="64Mi", idle_timeout=60)
    shared_berth.write_function("loads", "import no_such_module\n\ndef handle(request):\n    return 'never'\n")
    shared_berth.write_function("mirror", MIRROR, request_buffering=False, concurrency=1, max_scale=1, idle_timeout=60)
    shared_berth.start()


@pytest.fixture
def cli(served):
    return Cli(served)


def why(cli, answer):
    """What the command says of an answer's request: its text, after its record as JSON has been compared with it."""
    request_id = answer.headers["X-Request-Id"]
    request_of(cli.berth, id=request_id)
    record = cli.json("why", request_id)["records"][0]
    assert (record["id"], record["status"]) == (request_id, answer.status)
    return cli.run("why", request_id), record


def test_record_says_what_served_the_request(served, cli):
    cold = served.get("/hello/a/b?secret=1")
    warm = served.post("/hello", b"some body")
    text, record = why(cli, cold)
    status = served.admin("GET", "/system/function/hello").json()
    assert (record["function"], record["method"], record["path"]) == ("hello", "GET", "/hello/a/b")
    assert "secret" not in text and record["client"] == "127.0.0.1"
    assert (record["end"], record["code"], record["failed"]) == ("answered", None, False)
    assert record["instance"] == cold.headers["X-Served-By"]
    assert status["berth"]["revision"].startswith(record["revision"])
    assert record["phases"]["run_ms"] > 0 and record["duration_ms"] >= record["phases"]["run_ms"]
    assert "Nothing is wrong" in text and record["instance"] in text
    _, record = why(cli, warm)
    assert not record["cold"] and record["bytes_in"] > 9 and record["bytes_out"] > 5


def test_cold_start_is_told(served, cli):
    served.write_function("colder", HELLO)
    served.apply()
    served.wait_answer("/colder", lambda answer: answer.status == 200, "an instance", 60)
    found = request_of(served, function="colder", cold=True, status=200)
    assert "cold start" in cli.run("why", found["id"])
    assert "cold start" in cli.run("requests", "colder")


def test_requests_are_listed(served, cli):
    ids = []
    for number in range(5):  # two that end in the same moment may be either way round
        ids.append(served.get(f"/hello/{number}").headers["X-Request-Id"])
        wait_until(lambda: cli.json("requests", "hello", "-n", "1")[0]["id"] == ids[-1], "its record")
    served.get("/raises")
    listed = cli.json("requests", "hello", "--limit", "5")
    assert [request["id"] for request in listed] == ids[::-1], "the newest first"
    lines = cli.run("requests", "hello", "-n", "5").splitlines()
    assert [line.split()[4] for line in lines[1:6]] == ids, "the newest last"
    assert all(request["failed"] for request in cli.json("requests", "--failed"))
    assert {request["function"] for request in cli.json("requests", "raises", "--failed")} == {"raises"}
    assert cli.json("requests", "hello", "--slow", "100000") == []
    assert cli.json("requests", "hello", "--since", "1h", "-n", "1")[0]["id"] == ids[-1]
    assert cli.json("requests", "--since", "2100-01-01T00:00:00Z") == []
    assert "No such request" in cli.run("requests", "nothing")


def test_odd_questions_are_refused(served, cli):
    for query in ("since=yesterday", "limit=-1", "limit=10001", "slow_ms=x"):
        answer = served.admin("GET", f"/berth/requests?{query}")
        assert (answer.status, answer.json()["error"]["reason"]) == (422, "parameter-invalid"), query
    assert served.admin("GET", "/berth/requests/nothing").status == 404
    cli.run("why", "nothing", status=1)
    assert "no record of a request nothing" in cli.said and "berth requests" in cli.said
    cli.run("requests", "--since", "yesterday", status=2)
    assert "yesterday" in cli.said


def test_same_id_finds_each_request(served, cli):
    for path in ("/hello/first", "/hello/second"):
        assert served.get(path, headers={"X-Request-Id": "ours"}).headers["X-Request-Id"] == "ours"
        request_of(served, id="ours", path=path)
    records = cli.json("why", "ours")["records"]
    assert [record["path"] for record in records] == ["/hello/second", "/hello/first"]
    assert "Another request" in cli.run("why", "ours")


def test_why_exception(served, cli):
    text, record = why(cli, served.get("/raises"))
    assert record["failed"] and not record["answered_by_gateway"]
    assert "The function itself answered with 500" in text
    wait_until(lambda: "ValueError: no" in cli.run("why", record["id"]), "the last words of the function to be kept")


def test_why_timeout(served, cli):
    text, record = why(cli, served.get("/stuck/block"))
    assert record["code"] == "timeout" and record["phases"]["run_ms"] >= 1900
    assert "timeout (function)" in text and "What to change" in text and "timeout" in record["hint"]


def test_why_exit(served, cli):
    text, record = why(cli, served.get("/odd/exit"))
    assert record["code"] == "container-exited" and "exited with code 7" in text


def test_why_out_of_memory(served, cli):
    text, record = why(cli, served.get("/odd/eat"))
    assert record["code"] == "out-of-memory" and "What to change" in text and "memory" in record["hint"]


def test_why_load_error(served, cli):
    text, record = why(cli, served.get("/loads"))
    assert record["code"] == "load-failed" and "No module named 'no_such_module'" in text


def test_why_body_too_large(served, cli):
    text, record = why(cli, served.post("/hello", b"x" * (2 << 20)))
    assert record["code"] == "body-too-large" and record["status"] == 413 and "max_body" in text


def test_why_unknown_function(served, cli):
    text, record = why(cli, served.get("/helo"))
    assert record["code"] == "function-unknown" and not record["known_function"]
    assert "it never came to one" in text


def test_why_queue_full_and_client_gone(served, cli):
    served.wait_answer("/mirror", lambda answer: answer.status == 200, "an instance")
    wait_until(lambda: served.gauge("berth_slots_busy", "mirror") == 0, "the slot to be free", 30)
    working = served.hold("/mirror/working")
    wait_until(lambda: served.gauge("berth_slots_busy", "mirror") == 1, "the slot to be busy", 30)
    waiting = served.hold("/mirror/waiting")
    wait_until(lambda: served.gauge("berth_requests_waiting", "mirror") == 1, "a full queue", 30)
    text, record = why(cli, served.get("/mirror"))
    assert record["code"] == "queue-full" and "queue_length" in text
    waiting.close()
    found = request_of(served, path="/mirror/waiting", end="client-gone")
    assert "The client left while it waited for an instance" in cli.run("why", found["id"])
    working.close()
    found = request_of(served, path="/mirror/working", end="client-gone")
    assert "The client left while the function worked" in cli.run("why", found["id"])
    assert found["failed"] and found["status"] == 0


def test_call_for_later_is_two_requests(served, cli):
    counted = served.admin("GET", "/system/function/hello").json()["invocationCount"]
    text, record = why(cli, served.post("/async-function/hello/later", b"some body"))
    assert (record["function"], record["end"], record["failed"]) == ("hello", "accepted", False)
    assert record["instance"] is None and record["revision"] is None and "to be done later" in text
    delivered = request_of(served, path="/function/hello/later")
    assert delivered["end"] == "answered" and delivered["instance"]
    assert cli.json("why", delivered["id"])["records"][0]["client"] == "calls"
    wait_until(lambda: served.admin("GET", "/system/function/hello").json()["invocationCount"] == counted + 1,
               "one more invocation")


def test_call_that_fails_leads_to_why(served, cli):
    cli.run("invoke", "raises", status=1)
    command = [line for line in cli.said.splitlines() if "berth why" in line][0].split()
    assert "/raises: 500" in cli.run("why", command[-1])


# -- what outlives the daemon


def test_records_survive_kill_and_restart(berth):
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    cli = Cli(berth)
    first = berth.get("/hello/first").headers["X-Request-Id"]
    request_of(berth, id=first)
    berth.kill()
    berth.start()
    assert cli.json("why", first)["records"][0]["path"] == "/hello/first"
    second = berth.get("/hello/second").headers["X-Request-Id"]
    berth.stop()
    berth.start()
    assert [request["id"] for request in cli.json("requests")][:2] == [second, first]


def test_requests_in_flight_at_a_crash_are_told(berth):
    """Also of the one that waited for an instance. One that had ended is told of as it ended."""
    berth.write_function("mirror", MIRROR, request_buffering=False, concurrency=1, max_scale=1, idle_timeout=60)
    berth.start()
    cli = Cli(berth)
    over = berth.get("/mirror/over")
    request_of(berth, id=over.headers["X-Request-Id"])
    working = berth.hold("/mirror/working?secret=1")
    wait_until(lambda: berth.gauge("berth_slots_busy", "mirror") == 1, "the slot to be busy", 30)
    with berth.connect() as waiting:
        waiting.send("GET /mirror/waiting HTTP/1.1\r\nHost: test\r\nX-Request-Id: our-own\r\n\r\n")
        wait_until(lambda: berth.gauge("berth_requests_waiting", "mirror") == 1, "the other one to wait", 30)
        berth.kill()
    working.close()
    berth.start()
    assert berth.log.entries("requests.lost", level="warning", count=2)
    record = cli.json("why", "our-own")["records"][0]
    assert (record["code"], record["end"], record["status"]) == ("daemon-ended", "stopped", 0)
    assert (record["method"], record["path"], record["instance"]) == ("GET", "/mirror/waiting", None)
    assert "was killed, or crashed" in cli.run("why", "our-own") and record["failed"]
    record = cli.json("why", request_of(berth, path="/mirror/working")["id"])["records"][0]
    assert record["instance"] == over.headers["X-Served-By"] and record["phases"]["run_ms"] > 0
    assert record["code"] == "daemon-ended" and "secret" not in cli.run("why", record["id"])
    assert cli.json("why", over.headers["X-Request-Id"])["records"][0]["end"] == "answered"
    assert len(os.listdir(os.path.join(berth.run_dir, "in-flight"))) == 1, "its own file"
    berth.stop()
    assert not os.listdir(os.path.join(berth.run_dir, "in-flight"))
    berth.start()
    assert len(cli.json("why", "our-own")["records"]) == 1
    assert len(berth.log.entries("requests.lost")) == 1


@pytest.mark.shows_setting("host.request_records")
def test_space_of_records_is_bounded(berth):
    berth.host = {"request_records": "64Ki"}
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    berth.get("/hello")
    failed = berth.get("/nothing").headers["X-Request-Id"]
    first = berth.get("/hello").headers["X-Request-Id"]
    for _ in range(600):
        berth.get("/hello")
    kept = {request["id"] for request in berth.admin("GET", "/berth/requests?limit=1000").json()}
    assert first not in kept and failed in kept, "those that failed are kept for longer"
    assert 100 < len(kept) < 500
    assert berth.admin("GET", f"/berth/requests/{failed}").status == 200
    folder = os.path.join(berth.state_dir, "requests")
    assert sum(os.stat(os.path.join(folder, name)).st_size for name in os.listdir(folder)) < 200 << 10
    berth.stop()
    berth.host = {"request_records": 0}
    berth.write_config()
    berth.start()
    berth.get("/hello")
    assert berth.admin("GET", "/berth/requests").json() == []


def test_damaged_records_are_replaced(berth):
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    berth.get("/hello")
    berth.stop()
    with open(os.path.join(berth.state_dir, "requests", "all"), "r+b") as file:
        file.write(b"no longer")
    berth.start()
    assert berth.log.entries(event="records.replaced")
    request_id = berth.get("/hello").headers["X-Request-Id"]
    assert request_of(berth, id=request_id)


def test_records_of_much_traffic_are_found(berth):
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    first = berth.get("/hello").headers["X-Request-Id"]
    for _ in range(2000):
        berth.get("/hello")
    assert berth.admin("GET", f"/berth/requests/{first}").status == 200
