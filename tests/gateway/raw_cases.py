"""Reads the tables in tests/data/http; the head of requests.txt explains their form."""
import pathlib
import re

FOLDER = pathlib.Path(__file__).parents[1] / "data/http"


def escaped(code):
    if code[:1] == b"x":
        return bytes([int(code[1:], 16)])
    return {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}[code]


def unescape(text):
    return re.sub(rb"\\(x[0-9a-fA-F]{2}|.)", lambda m: escaped(m[1]), text.encode("utf-8"))


class Case:
    """`input` goes in, `outcome` are the words of what becomes of it, `output` is what reaches the other side."""

    def __init__(self, name):
        self.name = name
        self.input = self.output = b""
        self.outcome = []

    def __str__(self):
        return self.name


def read_cases(name):
    cases = []
    for line in (FOLDER / name).read_text(encoding="utf-8").split("\n"):
        if line.startswith("== "):
            cases.append(Case(line[3:]))
        elif line.startswith("= "):
            cases[-1].outcome = line[2:].split()
        elif match := re.match(r"([<>])(?:\*\s*(\d+))? (.*)", line):
            data = unescape(match[3]) * int(match[2] or 1)
            if match[1] == ">":
                cases[-1].input += data
            else:
                cases[-1].output += data
    return cases
