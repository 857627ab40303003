"""The management port and socket: who may use them, and how they refuse."""

import json
import os
import socket
import stat

import pytest

from harness import client
from harness.functions import HELLO
from harness.wait import wait_until


def ask_tcp(berth, target, method="GET", **headers):
    """A request without the password, unless it is among the headers."""
    return client.request(berth.admin_address, method, target, None, headers)


def ask_socket(berth, request):
    """The whole answer over the unix socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(os.path.join(berth.run_dir, "admin.sock"))
        connection.sendall(f"{request} HTTP/1.1\r\nHost: berth\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


@pytest.fixture(scope="module")
def shared_berth(shared_berth):
    shared_berth.write_function("hello", HELLO)
    shared_berth.start()
    return shared_berth


def test_password_is_asked_for_on_tcp(served):
    for target in ("/system/functions", "/system/function/hello", "/system/info", "/nothing"):
        answer = ask_tcp(served, target)
        assert (answer.status, answer.text) == (401, "invalid credentials\n"), target
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="Restricted"'


def test_health_and_metrics_are_open(served):
    assert ask_tcp(served, "/healthz").text == "OK\n"
    assert ask_tcp(served, "/healthz", **served.credentials()).status == 200
    assert "berth_instances" in ask_tcp(served, "/metrics").text


def test_wrong_credentials_are_refused(served):
    for given in ("Bearer ", "Basic YWRtaW46YWRtaW4=", "Basic ", "Basic ?", "Digest x"):
        assert ask_tcp(served, "/system/functions", Authorization=given).status == 401, given


def test_password_is_the_owners_alone(served):
    path = os.path.join(served.state_dir, "admin-password")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert [function["name"] for function in served.admin("GET", "/system/functions").json()] == ["hello"]


def test_the_unix_socket_needs_none(served):
    assert stat.S_IMODE(os.stat(os.path.join(served.run_dir, "admin.sock")).st_mode) == 0o600
    answer = ask_socket(served, "GET /system/functions")
    assert answer.startswith("HTTP/1.1 200") and '"name":"hello"' in answer


def test_web_pages_from_elsewhere_are_refused(served):
    own = "%s:%d" % served.admin_address
    for headers in ({"Origin": "http://pages.example"}, {"Origin": "null"}, {"Host": "rebound.example"}):
        answer = served.admin("GET", "/system/functions", headers=headers)
        assert answer.status == 403, headers
        assert "management API" in answer.text
    assert served.admin("GET", "/system/functions", headers={"Origin": f"http://{own}"}).status == 200
    assert ask_tcp(served, "/healthz", Host="rebound.example").status == 403


def test_methods_that_a_path_does_not_know(served):
    answer = served.admin("DELETE", "/system/info")
    assert (answer.status, answer.text, answer.headers["Allow"]) == (405, "method not allowed\n", "GET")
    assert served.admin("POST", "/healthz").headers["Allow"] == "GET, HEAD"
    assert served.admin("GET", "/berth/nothing").json()["error"]["reason"] == "path-unknown"


# -- what is below /berth


def berth_json(berth, method, target, status=200):
    answer = berth.admin(method, target)
    assert answer.status == status, answer
    return answer.json()


def test_functions_in_a_line_each(berth):
    berth.write_function("hello", HELLO, min_scale=1)
    berth.write_function("broken", "def handle(:\n", **{"memory": "64Mi"})
    berth.start()
    berth.get("/hello")
    berth.get("/hello")
    berth.get("/broken")
    wait_until(lambda: berth_json(berth, "GET", "/berth/functions")[1]["failed"] == 1, "the failure to be counted")
    hello, broken = berth_json(berth, "GET", "/berth/functions")
    assert (hello["name"], hello["language"], hello["state"], hello["callable"]) == ("hello", "python", "ready", True)
    assert (hello["reason"], hello["next_revision"], hello["findings"]) == (None, None, 0)
    assert (hello["instances"], hello["ready"], hello["busy"], hello["waiting"]) == (1, 1, 0, 0)
    assert (hello["invocations"], hello["failed"]) == (2, 0)
    assert hello["cold_starts"] <= 1 and (hello["starting"], hello["memory_limit_bytes"]) == (0, 256 << 20)
    assert 1 << 20 < hello["memory_bytes"] < 256 << 20 and 0 < hello["cpu_cores"] < 64
    assert len(hello["latency"]) == 16 and hello["latency"] == sorted(hello["latency"]) and hello["latency"][-1] == 2
    assert (broken["starting"], broken["memory_bytes"], broken["cpu_cores"]) == (0, 0, 0)
    assert (broken["state"], broken["callable"], broken["revision"], broken["findings"]) == ("broken", False, None, 1)
    assert "broken.py:1" in broken["reason"]


def test_function_in_full(berth):
    berth.write_function("hello", HELLO, min_scale=1, timeout="5s", environment={"TOKEN": "hidden-text"})
    berth.start()
    berth.get("/hello")
    hello = berth_json(berth, "GET", "/berth/functions/hello")
    settings = hello["settings"]
    assert (settings["timeout_ms"], settings["memory_bytes"], settings["min_scale"]) == (5000, 256 << 20, 1)
    assert settings["environment"] == ["TOKEN"] and "hidden-text" not in str(hello)
    assert (hello["file"], hello["problem"], hello["diagnostics"]) == ("hello.py", None, [])
    assert hello["folder"].endswith("/functions/hello")
    (instance,) = hello["instance_list"]
    assert (instance["state"], instance["revision"]) == ("ready", hello["revision"])
    assert berth_json(berth, "GET", "/berth/functions/hello/instances")[0]["instance"] == instance["instance"]
    assert berth_json(berth, "GET", "/berth/functions/hello/decisions")[0]["reason"]
    error = berth_json(berth, "GET", "/berth/functions/none", status=404)["error"]
    assert (error["component"], error["reason"]) == ("admin", "function-unknown")


def test_reload_that_is_waited_for_tells_what_came_of_it(berth):
    berth.write_function("hello", HELLO)
    berth.start()
    assert berth_json(berth, "POST", "/berth/reload", status=202) == {"reloading": True}
    berth.write_function("other", HELLO.replace("hello", "other"))
    berth.write_function("broken", "def handle(:\n")
    result = berth_json(berth, "POST", "/berth/reload?wait=1")
    assert (result["functions"], result["broken"]) == (3, ["broken"])
    assert [(finding["function"], finding["line"]) for finding in result["findings"]] == [("broken", 1)]
    assert berth.get("/other").text == "other"
    berth.write_config("usable-functions: [")
    result = berth_json(berth, "POST", "/berth/reload?wait=1")
    assert (result["functions"], result["broken"]) == (3, ["broken"])
    assert result["findings"][0]["severity"] == "error" and "function" not in result["findings"][0]
    assert berth.get("/hello").text == "hello"


def test_client_that_leaves_a_reload(berth):
    berth.write_function("hello", HELLO)
    berth.start()
    for _ in range(3):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(os.path.join(berth.run_dir, "admin.sock"))
            connection.sendall(b"POST /berth/reload?wait=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    assert berth_json(berth, "POST", "/berth/reload?wait=1")["functions"] == 1


def test_restart_brings_new_instances_and_loses_nothing(berth):
    berth.write_function("hello", HELLO, min_scale=1)
    berth.start()
    berth.get("/hello")
    (before,) = berth_json(berth, "GET", "/berth/functions/hello/instances")
    berth_json(berth, "POST", "/berth/functions/hello/restart", status=202)
    answers = set()

    def is_another():
        answers.add(berth.get("/hello").status)
        instances = berth_json(berth, "GET", "/berth/functions/hello/instances")
        return len(instances) == 1 and instances[0]["instance"] != before["instance"] and instances[0]["state"] == "ready"

    wait_until(is_another, "another instance in its place", 60)
    assert answers == {200}
    (after,) = berth_json(berth, "GET", "/berth/functions/hello/instances")
    assert after["revision"] == before["revision"]
    assert berth.admin("POST", "/berth/functions/none/restart").status == 404


def test_minimum_is_set_by_hand_until_the_next_reload(berth):
    berth.write_function("hello", HELLO, max_scale=3)
    berth.start()

    def scale(replicas, path="/berth/functions/hello/scale", **more):
        return berth.admin("POST", path, json.dumps({"replicas": replicas, **more}))

    def ready():
        return berth_json(berth, "GET", "/berth/functions/hello")["ready"]

    assert scale(2).status == 202
    wait_until(lambda: ready() == 2, "two instances", 60)
    assert scale(1, "/system/scale-function/hello", serviceName="hello", namespace="openfaas-fn").status == 202
    wait_until(lambda: ready() == 1, "the second one to be idle for long enough", 60)
    berth_json(berth, "POST", "/berth/reload?wait=1")
    wait_until(lambda: ready() == 0, "the reload to forget it", 60)
    refused = scale(4)
    assert refused.status == 400 and "at most 3 instances" in refused.json()["error"]["message"]
    for body in ("", "[]", "{", "{}", '{"replicas": -1}', '{"replicas": "2"}'):
        assert berth.admin("POST", "/berth/functions/hello/scale", body).status == 400, body
    assert scale(1, "/system/scale-function/none").status == 404
    assert scale(1, "/system/scale-function/hello", namespace="other").status == 404


def test_what_the_registry_owns_is_not_changed_over_http(served):
    def change(method, query="", **body):
        return served.admin(method, "/system/functions" + query, json.dumps(body))

    names = {"POST": "service", "PUT": "service", "DELETE": "functionName"}
    for method, name in names.items():
        for answer in (change(method, **{name: "hello"}), change(method, **{name: "hello"}, namespace="openfaas-fn")):
            assert answer.status == 409 and "registry" in answer.text, method
        assert change(method, **{name: "none"}).status == (400 if method == "POST" else 404), method
        for answer in (change(method), change(method, **{name: ""}), change(method, **{name: "hello"}, namespace="other"),
                       change(method, "?namespace=other", **{name: "hello"})):
            assert answer.status == 400 and answer.headers.get_content_type() == "text/plain", method
    assert served.admin("PUT", "/system/functions", "[").status == 400


def test_there_is_one_namespace(served):
    def get(path):
        return served.admin("GET", path)

    assert get("/system/namespaces").json() == ["openfaas-fn"]
    described = get("/system/namespace/openfaas-fn").json()
    assert described["name"] == "openfaas-fn" and described["labels"]["openfaas"] == "1"
    assert isinstance(described["annotations"], dict)
    assert get("/system/namespace/other").status == 404
    for method, path in (("POST", "/"), ("PUT", "/openfaas-fn"), ("DELETE", "/openfaas-fn")):
        answer = served.admin(method, "/system/namespace" + path, json.dumps({"name": "openfaas-fn"}))
        assert answer.status == 501 and answer.text.startswith("not implemented"), method
    assert len(get("/system/functions?namespace=openfaas-fn").json()) == len(get("/system/functions?namespace=").json()) > 0
    assert get("/system/functions?namespace=other").status == 400
    assert get("/system/function/hello?namespace=openfaas-fn").status == 200
    assert get("/system/function/hello?namespace=other").status == 404
    assert get("/system/logs?name=hello&namespace=other").status == 404
    assert served.get("/function/hello.openfaas-fn").status == 200
    assert served.get("/function/hello.other").status == 404


def test_methods_that_a_path_does_not_know_are_refused_in_plain_text(served):
    for method in ("PATCH", "OPTIONS", "DELETE"):
        answer = served.admin(method, "/system/info")
        assert answer.status == 405 and answer.headers.get_content_type() == "text/plain", method
        assert answer.headers["Allow"] == "GET"


# -- the password


def test_password_stays_over_a_restart_and_may_be_ones_own(berth):
    berth.write_function("hello", HELLO)
    berth.start()
    first = berth.credentials()
    berth.stop()
    berth.start()
    assert berth.credentials() == first
    berth.stop()
    path = os.path.join(berth.state_dir, "admin-password")
    with open(path, "w", encoding="ascii") as file:
        file.write("open sesame\n")
    berth.start()
    assert ask_tcp(berth, "/system/info", **first).status == 401
    assert berth.admin("GET", "/system/info").status == 200


def test_a_password_that_others_may_read_is_refused(berth):
    os.makedirs(berth.state_dir, mode=0o700)
    path = os.path.join(berth.state_dir, "admin-password")
    with open(path, "w", encoding="ascii") as file:
        file.write("open sesame\n")
    os.chmod(path, 0o644)
    berth.expect_error("daemon.failed", reason="not-private")
    berth.start(ready=False)
    assert berth.wait_end() == 1
    assert "others may read the password" in berth.log_tail()


@pytest.mark.shows_setting("host.admin_auth")
def test_password_may_be_turned_off(berth):
    berth.host = {"admin_auth": False}
    berth.write_function("hello", HELLO)
    berth.start()
    assert ask_tcp(berth, "/system/functions", Authorization="Bearer ").status == 200
    assert not os.path.exists(os.path.join(berth.state_dir, "admin-password"))
