"""Secrets over the management port: the contract that faas-cli speaks, and Berth's own paths."""

import base64
import json

import pytest

from harness import secret
from harness.functions import HELLO

SPACE = "openfaas-fn"


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    secret.key_file(shared_berth)
    shared_berth.expect_error(".*", function="pay")
    shared_berth.write_function("pay", secret.PYTHON, idle_timeout=600, **secret.USES)
    shared_berth.write_function("hello", HELLO)
    shared_berth.start()


def ask(berth, method, body=None, query=""):
    return berth.admin(method, "/system/secrets" + query, None if body is None else json.dumps(body).encode())


def names(berth):
    return [item["name"] for item in ask(berth, "GET").json()]


def coded(data):
    return base64.b64encode(data).decode()


def test_life_of_a_secret_in_the_words_of_the_contract(served):
    assert "life" not in names(served)
    one = {"name": "life", "namespace": SPACE, "value": "1"}
    assert ask(served, "PUT", one).status == 404
    assert ask(served, "DELETE", {"name": "life"}).status == 404
    made = ask(served, "POST", one)
    assert made.status == 202 and "1" not in made.json().values()
    again = ask(served, "POST", one)
    assert again.status == 409 and again.text == "secret life already exists\n"
    assert again.headers.get_content_type() == "text/plain"
    assert ask(served, "PUT", {"name": "life", "rawValue": coded(b"\0\1")}).status == 202
    assert {"name": "life", "namespace": SPACE} in ask(served, "GET", query="?namespace=" + SPACE).json()
    assert ask(served, "DELETE", one).status == 202
    assert "life" not in names(served)


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "value": "v"},
        {"value": "v"},
        {"name": "a/b", "value": "v"},
        {"name": "a..b", "value": "v"},
        {"name": "..", "value": "v"},
        {"name": "none"},
        {"name": "empty", "value": ""},
        {"name": "number", "value": 1},
        {"name": "coded", "rawValue": "*"},
        {"name": "space", "value": "v", "namespace": "elsewhere"},
        {"name": "large", "value": "x" * ((1 << 20) + 1)},
        [],
    ],
    ids=str,
)
def test_what_no_secret_can_be_is_refused(served, body):
    before = names(served)
    answer = ask(served, "POST", body)
    assert answer.status == 400 and answer.text.endswith("\n")
    assert names(served) == before


def test_namespace_in_the_query_of_older_clients(served):
    assert ask(served, "POST", {"name": "query", "value": "v"}, query="?namespace=other").status == 400
    assert ask(served, "POST", {"name": "query", "value": "v"}, query="?namespace=" + SPACE).status == 202
    assert ask(served, "GET", query="?namespace=other").status == 400


def test_methods_and_password(served):
    answer = served.admin("PATCH", "/system/secrets")
    assert answer.status == 405 and set(answer.headers["Allow"].split(", ")) == {"GET", "POST", "PUT", "DELETE"}
    assert served.admin("GET", "/system/secrets", headers={"Authorization": "Bearer "}).status == 401


def test_bytes_go_before_the_text_that_clients_send_beside_them(served):
    value = secret.new_value()
    body = {"name": "token", "value": value.strip(), "rawValue": coded(value.encode())}
    assert ask(served, "POST", body).status == 202
    answer = served.wait_answer("/pay", lambda answer: answer.status == 200, "the function to serve", 120)
    assert answer.json()["file"] == secret.digest(value)
    # A MiB in both spellings is not too much.
    large = "x" * (1 << 20)
    assert ask(served, "POST", {"name": "large", "value": large, "rawValue": coded(large.encode())}).status == 202


def test_text_is_kept_as_it_was_sent(served):
    """Clients that trim do so before they send it."""
    value = "  text of its own\n"
    for method, status in (("DELETE", (202, 404)), ("POST", (202,)), ("PUT", (202,))):
        assert ask(served, method, {"name": "token", "value": value}).status in status
    wanted = secret.digest(value)
    served.wait_answer("/pay", lambda answer: answer.status == 200 and answer.json()["file"] == wanted, "the value", 120)
    assert all(set(item) == {"name", "namespace"} for item in ask(served, "GET").json())


def test_who_uses_one_is_told(served):
    secret.put(served, "token", "told")
    listed = {item["name"]: item for item in served.admin("GET", "/berth/secrets").json()}
    assert listed["token"]["functions"] == ["pay"] and listed["token"]["problem"] is None
    refused = served.admin("DELETE", "/berth/secrets/token")
    assert refused.status == 409
    assert refused.json()["error"]["reason"] == "secret-in-use" and "used by pay" in refused.json()["error"]["message"]
    status = served.admin("GET", "/berth/functions/pay").json()
    assert status["settings"]["secrets"] == ["token"]
    assert status["settings"]["environment_secrets"] == {"TOKEN": "token"}


def test_what_runs_keeps_what_it_was_given_when_a_secret_goes(served):
    secret.put(served, "token", "kept")
    seen = served.wait_answer("/pay", lambda answer: answer.status == 200, "the function to serve", 120).json()
    assert seen["file"] == secret.digest("kept")
    instance = served.instance("pay")["Id"]
    assert served.admin("DELETE", "/berth/secrets/token?force=1").status == 202
    findings = served.admin("POST", "/berth/reload?wait=1").json()["findings"]
    assert any('no secret "token"' in item["message"] for item in findings)
    answer = served.get("/pay")
    assert answer.status == 200 and answer.json()["file"] == secret.digest("kept")
    assert served.instance("pay")["Id"] == instance
    done = secret.put(served, "token", "back")
    assert done["functions"][0]["taken_over"] is True
    assert served.get("/pay").json()["file"] == secret.digest("back")


def test_function_that_does_not_load_with_a_new_value_goes_on_with_the_old_one(served):
    served.write_function(
        "picky",
        """
        from pathlib import Path
        VALUE = Path("/run/secrets/choice").read_text()
        assert VALUE != "wrong"

        def handle(request):
            return VALUE
        """,
        secrets=["choice"],
        idle_timeout=600,
    )
    served.expect_error(".*", function="picky")
    served.apply()
    secret.put(served, "choice", "right")
    assert served.wait_answer("/picky", lambda answer: answer.status == 200, "the function", 120).text == "right"
    (user,) = secret.put(served, "choice", "wrong")["functions"]
    assert user["taken_over"] is False and user["problem"]["reason"] == "load-failed"
    assert served.get("/picky").text == "right"
