"""The management API answers as its description says, with good and with bad input."""

import json

import jsonschema
import pytest

from harness import secret
from harness.functions import HELLO


@pytest.fixture(scope="module")
def shared_berth(shared_berth):
    shared_berth.write_function("hello", HELLO, min_scale=1, environment={"A": "1"})
    shared_berth.write_function("broken", "def handle(:\n")
    secret.key_file(shared_berth)
    shared_berth.write_config()
    shared_berth.start()
    shared_berth.get("/hello")
    return shared_berth


@pytest.fixture
def description(served):
    return served.admin("GET", "/berth/openapi.json").json()


def check_answer(description, operation, answer):
    """That an answer is one of those described, of the type and shape that it says."""
    described = operation["responses"].get(str(answer.status))
    assert described, f"{operation['operationId']} answered {answer}"
    for media, content in described.get("content", {}).items():
        assert answer.headers.get_content_type() == media, answer
        if media == "application/json":
            schema = {**content["schema"], "components": description["components"]}
            jsonschema.Draft202012Validator(schema).validate(answer.json())


BODIES = {
    "scale": {"replicas": 1},
    "systemScale": {"replicas": 1, "serviceName": "hello"},
    "systemDeploy": {"service": "hello"},
    "systemUpdate": {"service": "hello"},
    "systemDelete": {"functionName": "hello"},
    "systemSecretCreate": {"name": "one", "value": "1"},
    "systemSecretReplace": {"name": "one", "value": "2"},
    "systemSecretRemove": {"name": "none"},
    "secretPut": {"value": "v"},
}


def test_description_is_whole(description):
    assert description["openapi"].startswith("3.1")
    jsonschema.Draft202012Validator.check_schema({"$defs": description["components"]["schemas"]})


def test_every_operation_answers_as_described(served, description):
    called = 0
    for path, operations in description["paths"].items():
        if path == "/berth/upgrade":
            continue  # another daemon answers from then on: tests/e2e/test_upgrade.py
        for method, operation in operations.items():
            if "text/event-stream" in operation["responses"].get("200", {}).get("content", {}):
                continue  # it never ends: tests/e2e/test_events.py
            for name in ("hello", "broken", "none") if "{name}" in path else ("",):
                body = BODIES.get(operation["operationId"], {} if "requestBody" in operation else None)
                answer = served.admin(method.upper(), path.replace("{name}", name), body and json.dumps(body))
                if method == "head":
                    assert str(answer.status) in operation["responses"] and not answer.body
                else:
                    check_answer(description, operation, answer)
                called += 1
    assert called > 25


def test_bad_bodies_are_answered_as_described(served, description):
    operation = description["paths"]["/berth/functions/{name}/scale"]["post"]
    for body in ("", "null", "{", '{"replicas": "many"}', '{"replicas": 1e3}', "[" * 100000):
        answer = served.admin("POST", "/berth/functions/hello/scale", body)
        assert answer.status == 400, body[:20]
        check_answer(description, operation, answer)


def test_reload_answers_as_described(served, description):
    operation = description["paths"]["/berth/reload"]["post"]
    check_answer(description, operation, served.admin("POST", "/berth/reload?wait=1"))
