"""The contract of the /system paths: how functions are called, and what they have written is read."""

import datetime
import http.client
import json
import threading
import time

import pytest

from harness import client
from harness.functions import MIRROR
from harness.wait import wait_until

SPACE = "openfaas-fn"

# Answers with the status of ?status= and a place to go on.
MOVED = """
    from starlette.responses import Response

    def handle(request):
        return Response("gone on", int(request.query_params["status"]), {"Location": "/function/mirror", "X-Own": "kept"})
"""

SPEAKS = """
    def handle(request):
        print(request.url.path.rsplit("/", 1)[-1], flush=True)
        return "ok"
"""


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    for name, code in (("mirror", MIRROR), ("moved", MOVED), ("speaks", SPEAKS)):
        shared_berth.write_function(name, code, idle_timeout=600)
    shared_berth.start()


@pytest.fixture(params=["management", "public"])
def call(served, request):
    """A function that calls over one of the ports."""
    address = served.admin_address if request.param == "management" else served.address

    def one(method, path, body=None, **headers):
        return client.request(address, method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})

    return one


# -- calls


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_method_path_and_query_come_to_the_function(call, method):
    for name in ("mirror", f"mirror.{SPACE}"):
        body = None if method == "HEAD" else b"abc"
        answer = call(method, f"/function/{name}/a/b%20c?d=%2Fe&d=f", body)
        assert answer.status == 200
        if method != "HEAD":
            told = answer.json()
            assert (told["method"], told["path"], told["query"]) == (method, "/a/b%20c", "d=%2Fe&d=f")
            assert told["size"] == 3


def test_path_without_more_is_the_root(call):
    assert call("GET", "/function/mirror").json()["path"] == "/"
    assert call("GET", f"/function/mirror.{SPACE}/").json()["path"] == "/"


def test_headers_of_a_call(call):
    before = time.time_ns()
    answer = call("GET", "/function/mirror", X_Own="kept")
    told = dict(answer.json()["headers"])
    assert told["x-own"] == "kept"
    assert answer.headers["X-Call-Id"] and told["x-call-id"] == answer.headers["X-Call-Id"]
    assert told["x-start-time"] == answer.headers["X-Start-Time"]
    assert before <= int(told["x-start-time"]) <= time.time_ns()
    assert answer.headers["X-Served-By"]
    assert told["x-forwarded-for"] == "127.0.0.1" and told["x-forwarded-host"]
    assert call("GET", "/function/mirror").headers["X-Call-Id"] != answer.headers["X-Call-Id"]


def test_id_that_the_caller_gives_is_kept(call):
    own = "7f1c8f4e-6d3f-4c56-9d8e-2f6f3f1f0b11"
    for more in ({}, {"X_Request_Id": "another"}):
        answer = call("GET", "/function/mirror", X_Call_Id=own, **more)
        assert answer.headers["X-Call-Id"] == dict(answer.json()["headers"])["x-call-id"] == own


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirections_are_the_callers_to_follow(call, status):
    answer = call("GET", f"/function/moved?status={status}")
    assert (answer.status, answer.headers["Location"], answer.headers["X-Own"]) == (status, "/function/mirror", "kept")


@pytest.mark.parametrize("status", [201, 204, 400, 404, 429, 500, 503])
def test_status_is_the_functions_own(call, status):
    answer = call("GET", f"/function/moved?status={status}")
    assert (answer.status, answer.headers["X-Own"]) == (status, "kept")


def test_function_that_there_is_not(served):
    for name, shown in (("nothing", f"nothing.{SPACE}"), (f"nothing.{SPACE}",) * 2, ("mirror.other",) * 2):
        answer = client.request(served.admin_address, "POST", f"/function/{name}/a?b", b"x")
        assert answer.status == 404 and answer.headers.get_content_type() == "text/plain", name
        assert answer.text.startswith(f"error finding function {shown}: ") and answer.text.endswith("\n"), name
        assert served.post(f"/function/{name}", b"x").status == 404


# -- logs


def logs(berth, query):
    answer = berth.admin("GET", "/system/logs?" + query)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/x-ndjson"), answer
    return [json.loads(line) for line in answer.text.splitlines()]


def texts(berth, query):
    return [line["text"] for line in logs(berth, query)]


@pytest.fixture(scope="module")
def spoken(shared_berth, started):
    """Three lines of a function, in their order."""
    for word in ("one", "two", "three"):
        assert shared_berth.get("/speaks/" + word).status == 200
    wait_until(lambda: texts(shared_berth, "name=speaks")[-1:] == ["three"], "the lines", 60)
    return ["one", "two", "three"]


def test_lines_are_objects(served, spoken):
    for name in ("speaks", f"speaks.{SPACE}"):
        lines = [line for line in logs(served, f"name={name}&namespace={SPACE}") if line["text"] in spoken]
        assert [line["text"] for line in lines] == spoken
        for line in lines:
            assert (line["name"], line["namespace"]) == ("speaks", SPACE) and line["instance"]
            told = datetime.datetime.fromisoformat(line["timestamp"].replace("Z", "+00:00"))
            assert abs(datetime.datetime.now(datetime.timezone.utc) - told) < datetime.timedelta(hours=1)
        instance = lines[0]["instance"]
        assert spoken == [text for text in texts(served, f"name={name}&instance={instance}") if text in spoken]
        assert logs(served, f"name={name}&instance=none") == []


def test_lines_are_what_the_function_wrote(served, spoken):
    """What becomes of its instances is no output of it, and is there for those who ask."""
    assert {line["stream"] for line in logs(served, "name=speaks")} == {"stdout"}
    assert "event" in {line["stream"] for line in logs(served, "name=speaks&events=1")}


@pytest.mark.parametrize("follow", ["", "&follow=", "&follow=0", "&follow=false", "&follow=False", "&follow=true&follow=false"])
def test_answer_that_does_not_follow_ends(served, spoken, follow):
    assert texts(served, "name=speaks" + follow)[:3] == spoken


@pytest.mark.parametrize("follow", ["1", "true", "True"])
def test_answer_that_follows_goes_on(served, spoken, follow):
    connection = http.client.HTTPConnection(*served.admin_address, timeout=60)
    connection.request("GET", f"/system/logs?name=speaks&follow=false&follow={follow}", headers=served.credentials())
    answer = connection.getresponse()
    assert answer.headers["Transfer-Encoding"] == "chunked"
    while json.loads(answer.readline())["text"] != spoken[-1]:
        pass
    later = threading.Thread(target=served.get, args=(f"/speaks/later-{follow}",))
    later.start()
    while json.loads(answer.readline())["text"] != f"later-{follow}":
        pass
    later.join()
    answer.close()
    connection.close()


def test_lines_are_chosen_by_number_and_time(served, spoken):
    everything = texts(served, "name=speaks")
    for query in ("tail=-1", "tail=0", "tail=", "tail=1&tail=-1"):
        assert texts(served, "name=speaks&" + query) == everything, query
    assert [line["text"] for line in logs(served, "name=speaks&tail=-1&tail=1")] == everything[-1:]
    (second,) = [line for line in logs(served, "name=speaks") if line["text"] == spoken[1]]
    since = texts(served, f"name=speaks&since={second['timestamp']}")
    assert spoken[1] in since and since[-1] == everything[-1]
    assert logs(served, "name=speaks&since=2100-01-01T00:00:00Z") == []
    assert texts(served, "name=speaks&since=2100-01-01T00:00:00Z&since=2020-01-01T00:00:00.5%2B01:00") == everything


@pytest.mark.parametrize(
    "query, status",
    [
        ("name=nothing", 404),
        ("name=speaks&name=nothing", 404),
        ("name=speaks&namespace=other", 404),
        ("name=speaks.other", 404),
        ("name=speaks&tail=x", 422),
        ("name=speaks&since=yesterday", 422),
        ("name=speaks&follow=maybe", 422),
        ("name=speaks&events=maybe", 422),
    ],
)
def test_questions_for_logs_that_are_refused(served, query, status):
    answer = served.admin("GET", "/system/logs?" + query)
    assert (answer.status, answer.headers.get_content_type()) == (status, "text/plain")
    assert answer.text.endswith("\n")


def test_status_has_its_own_words(served):
    connection = http.client.HTTPConnection(*served.admin_address, timeout=60)
    connection.request("GET", "/system/logs?name=speaks&tail=x", headers=served.credentials())
    assert connection.getresponse().reason == "Unprocessable Content"
    connection.close()
