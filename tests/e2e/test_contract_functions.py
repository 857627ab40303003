"""The contract of the /system paths: functions that are deployed by their image, changed, scaled and removed."""

import datetime
import json

import pytest

from harness import watchdog
from harness.cli import Cli
from harness.functions import HELLO
from harness.wait import wait_until


@pytest.fixture(scope="module")
def classic(base_image):
    name = watchdog.build(base_image)
    yield name
    watchdog.remove(name)


@pytest.fixture(scope="module")
def http(base_image):
    name = watchdog.build(base_image, mode="http")
    yield name
    watchdog.remove(name)


@pytest.fixture(scope="module")
def shared_berth(shared_berth):
    shared_berth.write_function("hello", HELLO)
    shared_berth.start()
    return shared_berth


def change(berth, method, query="", **body):
    return berth.admin(method, "/system/functions" + query, json.dumps(body))


def status(berth, name):
    answer = berth.admin("GET", f"/system/function/{name}?usage=1")
    return answer.json() if answer.status == 200 else None


def deploy(berth, name, image, method="POST", **body):
    """Deploys it and waits until an instance is there, as `faas-cli ready` does."""
    answer = change(berth, method, service=name, image=image, **body)
    assert answer.status == 202, answer
    wait_until(lambda: status(berth, name)["availableReplicas"] > 0, f"{name} to be ready", 60)


def remove(berth, name):
    answer = change(berth, "DELETE", functionName=name)
    assert answer.status == 202, answer
    assert status(berth, name) is None


# -- their life


def test_classic_image_serves(served, classic):
    deploy(served, "shout", classic, envProcess="tr a-z A-Z")
    answer = served.post("/function/shout.openfaas-fn", b"some words")
    assert (answer.status, answer.text) == (200, "SOME WORDS")
    assert answer.headers["X-Call-Id"]
    assert served.post("/shout", b"again").text == "AGAIN"
    remove(served, "shout")
    assert served.get("/shout").status == 404


def test_annotations_have_it_called_by_the_clock(served, classic):
    annotations = {"topic": "cron-function", "schedule": "@every 1s", "com.openfaas.retry.attempts": "7",
                   "com.openfaas.retry.codes": "429,502", "com.openfaas.retry.min_wait": "2s",
                   "com.openfaas.retry.max_wait": "1m"}
    deploy(served, "ticks", classic, envProcess="env", annotations=annotations)
    settings = served.admin("GET", "/berth/functions/ticks").json()["settings"]
    assert settings["retries"] == 7 and settings["retry_on"] == ["429", "502", "timeout", "connection"]
    assert (settings["retry_wait_ms"], settings["retry_wait_max_ms"]) == (2000, 60000)
    runs = wait_until(
        lambda: served.admin("GET", "/berth/calls?function=ticks&state=done").json(), "a run of the schedule", 60
    )
    assert runs[0]["schedule"] == "@every 1s"
    answer = served.get(f"/async/{runs[0]['id']}/result")
    assert "Http_X_Berth_Schedule=@every 1s" in answer.text.splitlines()
    remove(served, "ticks")


def test_image_that_serves_in_itself(served, http):
    deploy(served, "web", http, envVars={"max_inflight": "3", "KEY": "value"},
           annotations={"com.openfaas.ready.http.path": "/_/ready"})
    answer = served.get("/function/web/a/path?q=1", headers={"X-Call-Id": "0b9c3a1e-0000-4000-8000-000000000001"})
    seen = dict(line.split("=", 1) for line in answer.text.splitlines())
    assert (seen["Http_Method"], seen["Http_Path"], seen["Http_Query"]) == ("GET", "/a/path", "q=1")
    assert (seen["KEY"], seen["OPENFAAS_NAME"]) == ("value", "web")
    assert seen["Http_X_Call_Id"] == answer.headers["X-Call-Id"] == "0b9c3a1e-0000-4000-8000-000000000001"
    assert int(seen["Http_X_Start_Time"]) > 10**18
    settings = served.admin("GET", "/berth/functions/web").json()["settings"]
    assert (settings["concurrency"], settings["ready"]) == (3, "/_/ready")
    remove(served, "web")


def test_update_takes_over(served, classic):
    """As clients deploy: they update, and create what was not there."""
    first = change(served, "PUT", service="turn", image=classic, envProcess="rev")
    assert (first.status, first.text) == (404, "function turn not found\n")
    deploy(served, "turn", classic, envProcess="rev")
    assert served.post("/turn", b"abc").text.strip() == "cba"
    created = status(served, "turn")["createdAt"]
    deploy(served, "turn", classic, "PUT", envProcess="tr a-z A-Z")
    wait_until(lambda: served.post("/turn", b"abc").text == "ABC", "the new process", 60)
    assert status(served, "turn")["createdAt"] == created
    again = change(served, "POST", service="turn", image=classic)
    assert again.status == 409 and "exists" in again.text
    remove(served, "turn")
    deploy(served, "turn", classic)
    remove(served, "turn")


def test_functions_outlive_the_daemon(berth, classic):
    berth.write_function("hello", HELLO)
    berth.start()
    deploy(berth, "kept", classic, labels={"a": "b"})
    before = status(berth, "kept")
    berth.stop()
    berth.start()
    wait_until(lambda: berth.post("/kept", b"x").text == "x", "it to serve", 60)
    after = status(berth, "kept")
    members = ("image", "labels", "createdAt", "annotations")
    assert [after[member] for member in members] == [before[member] for member in members]
    assert [row.split()[2] for row in Cli(berth).run("ls").splitlines() if row.startswith("kept")] == ["api"]


def test_image_that_is_not_there_is_told_of(served):
    answer = change(served, "POST", service="gone", image="berth-test/no-such-image:none")
    assert answer.status == 202
    wait_until(lambda: status(served, "gone")["berth"]["problem"], "the problem", 60)
    told = status(served, "gone")
    assert (told["replicas"], told["availableReplicas"]) == (1, 0)
    assert served.get("/gone").status == 503
    remove(served, "gone")


# -- what is told of them


def test_fields_come_back_as_they_were_given(served, classic):
    given = {
        "service": "full",
        "image": classic,
        "namespace": "openfaas-fn",
        "envProcess": "cat",
        "envVars": {"A": "1", "write_timeout": "7s"},
        "constraints": ["node.platform.os == linux"],
        "labels": {"com.openfaas.scale.min": "2", "team": "blue"},
        "annotations": {"topic": "cron-function", "schedule": "*/5 * * * *"},
        "limits": {"memory": "64Mi", "cpu": "100m"},
        "requests": {"memory": "5Mi"},
        "readOnlyRootFilesystem": True,
        "registryAuth": "dXNlcjpwYXNz",
        "network": "func_functions",
        "somethingNew": {"x": 1},
    }
    assert change(served, "POST", **given).status == 202
    told = status(served, "full")
    assert told["replicas"] >= 2, "at once"
    for member in ("image", "namespace", "envProcess", "envVars", "constraints", "annotations", "limits", "requests",
                   "readOnlyRootFilesystem"):
        assert told[member] == given[member], member
    assert told["labels"] == {**given["labels"], "faas_function": "full"}
    assert told["name"] == "full" and "registryAuth" not in json.dumps(told)
    created = datetime.datetime.fromisoformat(told["createdAt"].replace("Z", "+00:00"))
    assert abs(datetime.datetime.now(datetime.timezone.utc) - created) < datetime.timedelta(hours=1)
    (listed,) = [entry for entry in served.admin("GET", "/system/functions").json() if entry["name"] == "full"]
    assert listed["labels"] == told["labels"] and listed["invocationCount"] == 0
    settings = served.admin("GET", "/berth/functions/full").json()["settings"]
    assert (settings["memory_bytes"], settings["cpus"], settings["timeout_ms"]) == (64 << 20, 0.1, 7000)
    assert (settings["min_scale"], settings["max_scale"], settings["read_only"]) == (2, 20, True)
    remove(served, "full")


def test_what_was_not_given_is_left_out(served, classic):
    body = {"service": "bare", "image": classic, "labels": None, "annotations": None, "envVars": {}, "secrets": []}
    assert change(served, "POST", **body).status == 202
    told = status(served, "bare")
    assert (told["labels"], told["annotations"]) == ({"faas_function": "bare"}, {})
    for member in ("envVars", "limits", "requests", "envProcess", "secrets"):
        assert member not in told
    assert told["replicas"] == 1
    remove(served, "bare")


def test_least_number_of_instances_is_never_0(served, classic):
    assert change(served, "POST", service="least", image=classic, labels={"com.openfaas.scale.min": "0"}).status == 202
    assert status(served, "least")["replicas"] == 1
    assert status(served, "least")["labels"]["com.openfaas.scale.min"] == "0"
    remove(served, "least")


def test_functions_of_both_sources_are_listed(served, classic):
    deploy(served, "listed", classic)
    names = {entry["name"]: entry["berth"]["source"] for entry in served.admin("GET", "/system/functions").json()}
    assert names == {"hello": "registry", "listed": "api"}
    assert "over the API" in Cli(served).run("describe", "listed")
    remove(served, "listed")


# -- secrets


def test_secrets_are_files_in_the_image(served, classic):
    value = json.dumps({"name": "api-key", "value": "s3cr3t"})
    assert served.admin("POST", "/system/secrets", value).status in (200, 201, 202)
    deploy(served, "keeper", classic, envProcess="cat /var/openfaas/secrets/api-key", secrets=["api-key"])
    assert served.post("/keeper").text == "s3cr3t"
    assert status(served, "keeper")["secrets"] == ["api-key"]
    missing = change(served, "PUT", service="keeper", image=classic, secrets=["api-key", "none-such"])
    assert (missing.status, missing.text) == (400, "unable to find secret: none-such\n")
    assert served.post("/keeper").text == "s3cr3t"
    remove(served, "keeper")


# -- scaling


def test_scaling_is_kept(berth, classic):
    berth.start()
    deploy(berth, "wide", classic, labels={"com.openfaas.scale.max": "4"})
    answer = berth.admin("POST", "/system/scale-function/wide", json.dumps({"serviceName": "wide", "replicas": 2}))
    assert answer.status == 202
    assert status(berth, "wide")["replicas"] >= 2
    wait_until(lambda: status(berth, "wide")["availableReplicas"] == 2, "two instances", 60)
    deploy(berth, "other", classic)
    assert status(berth, "wide")["replicas"] == 2, "whatever else is deployed"
    berth.stop()
    berth.start()
    assert status(berth, "wide")["replicas"] == 2, "and over a restart"
    body = json.dumps({"serviceName": "wide", "replicas": 0, "namespace": "openfaas-fn"})
    assert berth.admin("POST", "/system/scale-function/wide", body).status == 202
    wait_until(lambda: status(berth, "wide")["replicas"] == 0, "no instance", 60)
    assert berth.post("/wide", b"woken").text == "woken"
    for replicas, code in ((5, 400), (-1, 400), ("2", 400)):
        body = json.dumps({"serviceName": "wide", "replicas": replicas})
        assert berth.admin("POST", "/system/scale-function/wide", body).status == code
    assert berth.admin("POST", "/system/scale-function/none", json.dumps({"replicas": 1})).status == 404


def test_function_that_goes_to_zero_comes_back(served, classic):
    labels = {"com.openfaas.scale.zero": "true", "com.openfaas.scale.zero-duration": "1s"}
    assert change(served, "POST", service="rare", image=classic, labels=labels).status == 202
    assert served.post("/rare", b"first").text == "first"
    wait_until(lambda: status(served, "rare")["replicas"] == 0, "no instance", 60)
    assert served.post("/rare", b"second").text == "second"
    remove(served, "rare")


# -- what is refused


@pytest.mark.parametrize(
    "body, word",
    [
        ({}, '"service" must be'),
        ({"service": ""}, '"service" must be'),
        ({"service": "odd"}, '"image" is missing'),
        ({"service": "odd", "image": ""}, '"image" is missing'),
        ({"service": "odd", "image": "x", "namespace": "other"}, "there is no namespace"),
        ({"service": "Odd", "image": "x"}, "cannot be the name"),
        ({"service": "o_d", "image": "x"}, "cannot be the name"),
        ({"service": "-odd", "image": "x"}, "cannot be the name"),
        ({"service": "a" * 64, "image": "x"}, "cannot be the name"),
        ({"service": "system", "image": "x"}, "cannot be the name"),
        ({"service": "odd", "image": "x", "labels": {"a": 1}}, '"labels" must be'),
        ({"service": "odd", "image": "x", "limits": {"memory": "lots"}}, "no quantity"),
        ({"service": "odd", "image": "x", "labels": {"com.openfaas.scale.min": "no"}}, "must be a number"),
        ({"service": "odd", "image": "x", "labels": {"com.openfaas.scale.max": "0"}}, "must be a number"),
        ({"service": "odd", "image": "x", "secrets": ["none-such"]}, "unable to find secret: none-such"),
        ({"service": "odd", "image": "x", "envVars": {"not a name": "1"}}, "environment variable"),
        ({"service": "odd", "image": "not an image"}, ""),
    ],
)
def test_deployments_that_are_refused(served, body, word):
    answer = change(served, "POST", **body)
    if "image" in word or word:
        assert answer.status == 400, answer
        assert word in answer.text and answer.headers.get_content_type() == "text/plain" and answer.text.endswith("\n")
        assert status(served, "odd") is None
    elif answer.status == 202:
        remove(served, "odd")


def test_changes_that_are_refused(served):
    for body, why in (("", "it is empty"), ("[", ""), ("[]", "it is another value")):
        answer = served.admin("POST", "/system/functions", body)
        assert answer.status == 400 and answer.text.rstrip("\n").endswith(why) and not answer.text.endswith(": \n"), body
    assert change(served, "DELETE", functionName="none").status == 404
    assert change(served, "DELETE").status == 400
    assert change(served, "DELETE", "?namespace=other", functionName="hello").status == 400
    assert change(served, "PUT", service="hello", image="x").status == 409
    assert change(served, "POST", service="hello", image="x").status == 409
    assert change(served, "DELETE", functionName="hello").status == 409
    assert served.admin("GET", "/system/function/none").status == 404
    assert served.admin("PATCH", "/system/functions", "{}").status == 405
    assert served.get("/hello").text == "hello"
