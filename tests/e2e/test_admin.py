"""The management port and socket: who may use them, and how they refuse."""

import os
import socket
import stat

import pytest

from harness import client
from harness.functions import HELLO


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
