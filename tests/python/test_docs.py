"""Every Python example of docs/python.md, served by the runner and called as the comment above it says."""
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs/python.md"
EXAMPLE = re.compile(
    r"<!-- (?P<method>\w+) (?P<target>\S+)(?: (?P<body>[^|\n]+?))? \| (?P<status>\d+) \| (?P<text>[^\n]*?)"
    r"(?: \| (?P<package>\w+))? -->\n"
    r"```python\n(?P<source>.*?)```", re.DOTALL)
TEXT = DOCS.read_text(encoding="utf-8")
EXAMPLES = list(EXAMPLE.finditer(TEXT))


def test_every_block_is_an_example():
    assert len(EXAMPLES) == TEXT.count("```python") > 8


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"line-{TEXT[:example.start()].count(chr(10)) + 1}")
def test_example(host, example):
    if example["package"]:
        pytest.importorskip(example["package"])
    connection = host.serve(example["source"], runtime={"file": "main.py"})
    body = example["body"].encode() if example["body"] else None
    response = connection.request(example["method"], example["target"], body)
    assert response.status == int(example["status"]) and example["text"] in response.text
