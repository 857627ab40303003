"""Node.js handlers of every shape, each with every kind of result, called over HTTP. The functions are
tests/data/node/functions; the first line of each says how it is called and what it answers."""

import pathlib
import re

import pytest

from harness.wait import wait_until

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "data/node/functions"
FILES = sorted(FOLDER.glob("*js"))
CALL = re.compile(r"// (\w+) (\S+)(?: (.+?))? \| (\d+) \| (.*?) ?\| ?(.*)")


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth, node_image):
    for path in FILES:
        shared_berth.write_function(path.stem, {path.name: path.read_text(encoding="utf-8")}, language="node")
    shared_berth.start()


def test_there_are_enough():
    assert len(FILES) >= 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_function(served, path):
    line = path.read_text(encoding="utf-8").split("\n", 1)[0]
    method, target, body, status, kind, text = CALL.fullmatch(line).groups()
    answer = served.request(method, f"/{path.stem}{target}", body.encode() if body else None,
                            {"Content-Type": "application/octet-stream"} if body else {})
    assert (answer.status, answer.headers.get("Content-Type", "")) == (int(status), kind), answer
    assert text in answer.text
