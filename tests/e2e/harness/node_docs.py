"""The JavaScript examples of docs/node.md; the comment above each says how it is called and what it answers."""

import pathlib
import re
from dataclasses import dataclass

DOCS = pathlib.Path(__file__).resolve().parents[3] / "docs/node.md"
EXAMPLE = re.compile(
    r"<!-- (?P<method>\w+) (?P<target>\S+)(?: (?P<body>[^|\n]+?))? \| (?P<status>\d+) \| (?P<text>[^\n]*?)"
    r"(?: \| (?P<packages>npm))? -->\n```js\n(?P<source>.*?)```", re.DOTALL)


@dataclass
class Example:
    name: str
    found: re.Match

    @property
    def uses_npm(self):
        return self.found["packages"] is not None

    def files(self):
        is_module = re.search(r"^(import|export) ", self.found["source"], re.MULTILINE)
        return {"index.mjs" if is_module else "index.js": self.found["source"]}

    def check(self, berth):
        body = self.found["body"].encode() if self.found["body"] else None
        headers = {"Content-Type": "application/json"} if body else {}
        answer = berth.request(self.found["method"], f"/{self.name}{self.found['target']}", body, headers)
        assert answer.status == int(self.found["status"]) and self.found["text"] in answer.text, answer


def examples():
    """All of them, named by their lines."""
    text = DOCS.read_text(encoding="utf-8")
    found = [Example(f"line-{text[:found.start()].count(chr(10)) + 1}", found) for found in EXAMPLE.finditer(text)]
    assert len(found) == text.count("```js\n"), "every block of JavaScript is an example"
    return found
