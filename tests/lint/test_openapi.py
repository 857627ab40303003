"""The description of the management API and the table of its paths say the same."""

import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROW = re.compile(r'\{EVHTTP_REQ_(\w+), "([^"]+)", (true|false), \w+\}')


def table():
    """{(method, path): whether it is open} of the rows in the C."""
    text = (ROOT / "host" / "admin" / "admin_routes.c").read_text(encoding="utf-8")
    return {(method, path): is_open == "true" for method, path, is_open in ROW.findall(text)}


def description():
    return json.loads((ROOT / "host" / "admin" / "openapi.json").read_text(encoding="utf-8"))


def test_every_path_is_described_and_every_description_has_a_path():
    described = {
        (method.upper(), re.sub(r"\{\w+\}", "*", path)): operation.get("security") == []
        for path, operations in description()["paths"].items()
        for method, operation in operations.items()
    }
    assert len(described) > 10
    assert described == table()


def test_operations_have_names_of_their_own_and_references_lead_somewhere():
    whole = description()
    operations = [operation for path in whole["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    for target in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(whole)):
        assert target in whole["components"]["schemas"], target
