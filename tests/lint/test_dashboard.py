"""The Grafana dashboard asks for metrics that there are, by labels that they have: those of the documentation's table, which
an end-to-end test compares with /metrics."""

import json
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
METRIC = re.compile(r"\b((?:berth|gateway|pod|process)_\w+)(?:{([^}]*)})?")


def read(name):
    with open(os.path.join(ROOT, "docs", name), encoding="utf-8") as file:
        return file.read()


def documented():
    """{name as a query has it: its labels}"""
    found = {}
    for name, kind, labels in re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*)\| .+ \|$", read("operations.md"), re.MULTILINE):
        names = re.findall(r"`(\w+)`", labels)
        found[name] = {*names, "job"}
        if kind == "histogram":
            found.update({name + end: {*names, "job"} for end in ("_sum", "_count")})
            found[name + "_bucket"] = {*names, "job", "le"}
    return found


def expressions():
    dashboard = json.loads(read("grafana-dashboard.json"))
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield target["expr"], target["legendFormat"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"], ""


def test_it_asks_for_metrics_that_there_are():
    known = documented()
    asked = set()
    for expression, legend in expressions():
        labels = set(re.findall(r"{{(\w+)}}", legend))
        for grouped in re.findall(r"\bby \(([^)]*)\)", expression):
            labels |= set(re.findall(r"\w+", grouped))
        names = set()
        for name, selectors in METRIC.findall(expression):
            assert name in known, expression
            assert set(re.findall(r"(\w+)\s*[!=]", selectors)) <= known[name], expression
            names.add(name)
        assert names, expression
        assert all(labels <= known[name] for name in names), expression
        asked |= names
    assert len(asked) > 20


def test_it_shows_each_panel_once():
    dashboard = json.loads(read("grafana-dashboard.json"))
    for key in ("id", "title"):
        values = [panel[key] for panel in dashboard["panels"]]
        assert len(values) == len(set(values))
