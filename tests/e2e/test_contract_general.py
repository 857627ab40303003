"""The contract of the /system paths: what holds for all of them, health, what the daemon says of itself, and namespaces."""

import json
import socket

import pytest

from harness import client
from harness.functions import HELLO

SPACE = "openfaas-fn"

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")

# The paths that the contract has, and the methods that each knows.
PATHS = {
    "/healthz": {"GET", "HEAD"},
    "/metrics": {"GET"},
    "/system/info": {"GET"},
    "/system/functions": {"GET", "POST", "PUT", "DELETE"},
    "/system/function/hello": {"GET"},
    "/system/scale-function/hello": {"POST"},
    "/system/secrets": {"GET", "POST", "PUT", "DELETE"},
    "/system/logs": {"GET"},
    "/system/namespaces": {"GET"},
    "/system/namespace/": {"POST"},
    f"/system/namespace/{SPACE}": {"GET", "PUT", "DELETE"},
}

OPEN = ("/healthz", "/metrics")


@pytest.fixture(scope="module")
def shared_berth(shared_berth):
    shared_berth.write_function("hello", HELLO, max_scale=3, idle_timeout=600)
    shared_berth.start()
    return shared_berth


def ask(berth, method, target, headers=None):
    """Without the password."""
    return client.request(berth.admin_address, method, target, None, headers)


def texts_in(value):
    if isinstance(value, dict):
        return [text for member in value.values() for text in texts_in(member)]
    return [value]


# -- who may ask, and how


@pytest.mark.parametrize("path", PATHS)
def test_methods_that_a_path_does_not_know_are_refused(served, path):
    for method in set(METHODS) - PATHS[path]:
        answer = served.admin(method, path)
        assert answer.status == 405, method
        assert set(answer.headers["Allow"].split(", ")) == PATHS[path], method
        assert method == "HEAD" or answer.text == "method not allowed\n", method


@pytest.mark.parametrize("path", [path for path in PATHS if path not in OPEN])
def test_everything_below_system_asks_for_the_password(served, path):
    for given in (None, "Bearer ", "Basic bm9ib2R5Om5vYm9keQ=="):
        for method in PATHS[path]:
            answer = ask(served, method, path, {"Authorization": given} if given else None)
            assert (answer.status, answer.text) == (401, "invalid credentials\n"), (given, method)
            assert answer.headers["WWW-Authenticate"] == 'Basic realm="Restricted"'


@pytest.mark.parametrize("path", [*OPEN, "/function/hello"])
def test_some_paths_are_open(served, path):
    for headers in (None, served.credentials(), {"Authorization": "Bearer "}):
        assert ask(served, "GET", path, headers).status == 200


def test_empty_token_of_clients_that_have_not_logged_in_counts_for_nothing(berth):
    """They send one where no password is asked for."""
    berth.host = {"admin_auth": False}
    berth.write_function("hello", HELLO)
    berth.start()
    nobody = {"Authorization": "Bearer "}
    for path in ("/healthz", "/system/info", "/system/functions", "/system/namespaces", "/function/hello"):
        assert ask(berth, "GET", path, nobody).status == 200, path
    refused = client.request(berth.admin_address, "DELETE", "/system/functions", '{"functionName": "no"}', nobody)
    assert refused.status == 404


@pytest.mark.parametrize("target", ["/healthz", "/system/functions", "/system/nothing"])
@pytest.mark.parametrize("password", [True, False])
def test_answer_to_head_has_no_body(served, target, password):
    """What followed the head would be taken for the next answer."""
    head = "".join(f"{name}: {text}\r\n" for name, text in served.credentials().items()) if password else ""
    with socket.create_connection(served.admin_address, timeout=60) as connection:
        connection.sendall(f"HEAD {target} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode())
        told = b"".join(iter(lambda: connection.recv(65536), b""))
    assert told.startswith(b"HTTP/1.1 ") and told.partition(b"\r\n\r\n")[2] == b"", told


def test_paths_that_there_are_not(served):
    for path in ("/system", "/system/", "/system/nothing", "/system/function/", "/nothing"):
        answer = served.admin("GET", path)
        assert (answer.status, answer.text) == (404, "not found\n"), path
        assert answer.headers.get_content_type() == "text/plain"


# -- health, and what the daemon says of itself


def test_health(served):
    answer = ask(served, "GET", "/healthz")
    assert (answer.status, answer.text) == (200, "OK\n")
    answer = ask(served, "HEAD", "/healthz", served.credentials())
    assert (answer.status, answer.body) == (200, b"")


def test_info_has_all_that_clients_look_into(served):
    info = served.admin("GET", "/system/info").json()
    told = {name: info[name] for name in ("provider", "version", "arch")}
    assert set(told["provider"]) >= {"provider", "orchestration", "version"}
    for version in (told["provider"]["version"], told["version"]):
        assert {"sha", "release"} <= set(version)
    assert all(isinstance(text, str) and text for text in texts_in(told)), told


def test_metrics_have_the_names_that_clients_know(served):
    assert served.get("/hello").status == 200
    answer = ask(served, "GET", "/metrics")
    assert answer.headers.get_content_type() == "text/plain"
    for name in (
        "gateway_function_invocation_total",
        "gateway_function_invocation_started",
        "gateway_functions_seconds",
        "gateway_service_count",
        "gateway_service_ready_count",
        "gateway_service_target",
        "gateway_service_min",
        "pod_cpu_usage_seconds_total",
        "pod_memory_working_set_bytes",
    ):
        assert f"# TYPE {name} " in answer.text, name
    assert f'gateway_service_count{{function_name="hello.{SPACE}"}} ' in answer.text


# -- namespaces


def test_namespaces(served):
    assert served.admin("GET", "/system/namespaces").json() == [SPACE]
    told = served.admin("GET", f"/system/namespace/{SPACE}").json()
    assert (told["name"], told["labels"], told["annotations"]) == (SPACE, {"openfaas": "1"}, {"openfaas": "1"})
    answer = served.admin("GET", "/system/namespace/other")
    assert answer.status == 404 and "other" in answer.text


def test_there_is_one_namespace_and_no_other(served):
    body = json.dumps({"name": "other", "labels": {"openfaas": "1"}, "annotations": {"openfaas": "1"}})
    for method, path in (("POST", ""), ("PUT", "other"), ("DELETE", "other"), ("PUT", SPACE), ("DELETE", SPACE)):
        answer = served.admin(method, "/system/namespace/" + path, body)
        assert answer.status == 501 and answer.text.startswith("not implemented"), (method, path)
        assert answer.headers.get_content_type() == "text/plain"
    assert served.admin("GET", "/system/namespaces").json() == [SPACE]


def test_lists_are_of_a_namespace(served):
    for query in ("", "?namespace=", f"?namespace={SPACE}"):
        (listed,) = served.admin("GET", "/system/functions" + query).json()
        assert (listed["name"], listed["namespace"]) == ("hello", SPACE), query
        assert served.admin("GET", "/system/function/hello" + query).json()["name"] == "hello"
        assert served.admin("GET", "/system/secrets" + query).json() == []
    for path, status in (("functions", 400), ("secrets", 400), ("function/hello", 404)):
        answer = served.admin("GET", f"/system/{path}?namespace=other")
        assert (answer.status, answer.headers.get_content_type()) == (status, "text/plain"), path


# What is said in the body, what in the query, and whether that is the one that there is.
SPACES = [
    ({}, "", True),
    ({"namespace": ""}, "", True),
    ({"namespace": None}, "", True),
    ({"namespace": SPACE}, "", True),
    ({}, f"?namespace={SPACE}", True),
    ({"namespace": SPACE}, "?namespace=other", True),
    ({"namespace": "other"}, "", False),
    ({"namespace": "other"}, f"?namespace={SPACE}", False),
    ({}, "?namespace=other", False),
    ({"namespace": ""}, "?namespace=other", False),
    ({"namespace": None}, "?namespace=other", False),
]


@pytest.mark.parametrize("given, query, is_known", SPACES, ids=str)
def test_namespace_is_the_bodys_else_the_querys_else_the_one(served, given, query, is_known):
    def change(method, path, body):
        return served.admin(method, f"/system/{path}{query}", json.dumps({**body, **given})).status

    assert change("DELETE", "functions", {"functionName": "none"}) == (404 if is_known else 400)
    assert change("PUT", "functions", {"service": "none", "image": "x"}) == (404 if is_known else 400)
    scaled = change("POST", "scale-function/hello", {"serviceName": "hello", "replicas": 0})
    assert scaled == 202 if is_known else scaled in (400, 404)
    assert change("PUT", "secrets", {"name": "none", "value": "x"}) == (404 if is_known else 400)
    assert change("DELETE", "secrets", {"name": "none"}) == (404 if is_known else 400)


def test_members_that_nobody_knows_are_left_aside(served):
    more = {"somethingNew": {"x": [1, None]}, "replicas": 1, "serviceName": "hello"}
    assert served.admin("POST", "/system/scale-function/hello", json.dumps(more)).status == 202
    assert served.admin("POST", "/system/secrets", json.dumps({"name": "odd", "value": "v", **more})).status == 202
    assert served.admin("DELETE", "/system/secrets", json.dumps({"name": "odd", **more})).status == 202
    assert served.admin("DELETE", "/system/functions", json.dumps({"functionName": "no", **more})).status == 404


def test_function_has_all_that_clients_look_into(served):
    (listed,) = served.admin("GET", "/system/functions").json()
    told = served.admin("GET", "/system/function/hello?usage=1").json()
    for status in (listed, told):
        assert isinstance(status["labels"], dict) and isinstance(status["annotations"], dict)
        assert status["labels"]["faas_function"] == "hello"
        assert "limits" not in status or status["limits"]
        assert status.get("createdAt", "some") != ""
        assert all(isinstance(status[name], int) for name in ("replicas", "availableReplicas"))
    assert isinstance(listed["invocationCount"], int)
    assert {"cpu", "totalMemoryBytes"} <= set(told["usage"])
