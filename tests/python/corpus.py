"""The corpora of broken functions (tests/data/python/broken/README.md)."""
import re
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "data/python/broken"
SEVERITIES = {"error": 1, "warning": 2, "note": 3}
_EXPECTED = re.compile(
    r"(?P<severity>\w+) (?P<file>[^\s:]+)(?::(?P<line>\d+))?(?::(?P<column>\d+))? "
    r"(?P<message>[^|]+?)(?: \| (?P<hint>.+))?")


@dataclass
class Case:
    name: str
    file: str | None = None
    options: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    expected: list = field(default_factory=list)

    def write(self, folder):
        for path, data in self.files.items():
            target = Path(folder) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)


def read_case(path):
    case = Case(path.stem)
    target, lines = None, []

    def finish():
        if target == "expect":
            case.expected = [_EXPECTED.fullmatch(line).groupdict() for line in lines if line]
        elif target is not None:
            name, _, kind = target.partition(" ")
            text = "\n".join([*lines, ""]) if lines else ""
            data = text.rstrip("\n").encode("latin-1").decode("unicode_escape").encode("latin-1") \
                if kind == "escaped" else text.encode()
            case.files[name] = data

    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            finish()
            target, lines = line[3:].strip(), []
        elif target is not None:
            lines.append(line)
        elif line.startswith("file:"):
            case.file = line[5:].strip()
        elif line.startswith("option:"):
            name, _, value = line[7:].strip().partition("=")
            case.options[name] = value
    finish()
    assert target == "expect", f"{path}: a case ends with its expectations"
    return case


def cases(folder=FOLDER):
    return [read_case(path) for path in sorted(folder.glob("*.case"))]


def place_of(expected):
    """(file, option): `-` is the function as a whole, `@name` the value of an option."""
    place = expected["file"]
    if place.startswith("@"):
        return None, place[1:]
    return (None if place == "-" else place), None


def differences(case, findings):
    """Why the findings are not what the case expects; '' when they are. findings: tuples of the analysis."""
    shown = "\n".join(map(str, findings))
    if len(findings) != len(case.expected):
        return f"{len(case.expected)} findings expected, {len(findings)} made:\n{shown}"
    for expected, (severity, file, line, column, message, hint, option) in zip(case.expected, findings):
        wanted = {"severity": SEVERITIES[expected["severity"]], "line": line, "column": column}
        wanted["file"], wanted["option"] = place_of(expected)
        for name in ("line", "column"):
            if expected[name]:
                wanted[name] = int(expected[name])
        found = {"severity": severity, "file": file, "line": line, "column": column, "option": option}
        if wanted != found or expected["message"] not in message or (expected["hint"] or "") not in (hint or ""):
            return f"expected {expected}, found:\n{shown}"
    return ""
