"""docs/security.md names tests that are there."""

import ast
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[2]


def named():
    """[(file, its tests)] of the rows of the last section; no tests: the file as a whole."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8").split("\n## The tests\n")[1]
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    cells = [row.strip("| ").split(" | ")[1] for row in rows]
    parts = [part for cell in cells for part in re.findall(r"`(test_\w+\.py)`([^;]*)", cell)]
    return [(name, re.findall(r"`(test_\w+)`", tests)) for name, tests in parts]


def test_every_test_that_is_named_is_there():
    found = named()
    assert len(found) >= 9
    for name, tests in found:
        module = ast.parse((ROOT / "tests" / "e2e" / name).read_text(encoding="utf-8"))
        there = {node.name for node in module.body if isinstance(node, ast.FunctionDef)}
        assert set(tests) <= there, f"{name} has no {set(tests) - there}"
