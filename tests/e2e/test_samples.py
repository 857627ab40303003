"""The sample functions that scripts/run serves."""

import json
import re
import shutil
import subprocess

import pytest

SAMPLES = ["hello", "addition", "subtract", "multiply", "division", "dashboard", "greet", "countdown", "humanize"]


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth, root):
    shared_berth.config = str(root / "global-function-definition.yml")
    shared_berth.start(timeout=300)


def calculate(berth, name, body):
    return berth.post(f"/{name}", json.dumps(body), headers={"Content-Type": "application/json"})


def test_every_registered_function_answers(served):
    names = [entry["name"] for entry in served.admin("GET", "/system/functions").json()]
    assert set(names) >= set(SAMPLES)
    for name in names:
        answer = served.wait_answer(
            f"/{name}", lambda answer: answer.status != 503, f"an answer of {name}", 200
        )
        assert answer.status < 500, (name, answer)


@pytest.mark.parametrize(
    "name, result", [("addition", 10), ("subtract", 4), ("multiply", 21), ("division", 7 / 3)]
)
def test_arithmetic(served, name, result):
    answer = calculate(served, name, {"value1": 7, "value2": 3})
    assert answer.status == 200
    assert answer.json()["result"] == pytest.approx(result)


@pytest.mark.parametrize("name", ["addition", "subtract", "multiply", "division"])
@pytest.mark.parametrize("body", [{}, {"value1": 1}, {"value1": "x", "value2": 2}, [1, 2], "text"])
def test_bad_input_is_a_400_with_an_error(served, name, body):
    answer = calculate(served, name, body)
    assert answer.status == 400
    assert answer.json()["error"]


def test_bad_json_is_a_400(served):
    assert served.post("/addition", b"{").status == 400


def test_division_by_zero_is_a_400(served):
    assert calculate(served, "division", {"value1": 1, "value2": 0}).status == 400


def test_dashboard_is_a_page_that_calls_the_others(served):
    answer = served.get("/dashboard")
    assert answer.headers.get_content_type() == "text/html"
    assert all(name in answer.text for name in ("addition", "subtract", "multiply", "division"))


def test_samples_are_without_findings(served, root):
    run = subprocess.run(
        [served.command()[0], "--config", served.config, "--check"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=root,
    )
    assert run.returncode == 0
    assert not re.search(r"^\S+: (error|warning): ", run.stderr, re.MULTILINE), run.stderr


def test_a_copy_elsewhere_serves_as_well(berth, root):
    for part in ("global-function-definition.yml", "functions"):
        source, target = root / part, f"{berth.project}/{part}"
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    berth.start(timeout=300)
    assert berth.get("/hello").status == 200
