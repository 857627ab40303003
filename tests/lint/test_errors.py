"""docs/errors.md has every reason that a caller may be given, with its component and status, and nothing else."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]

SLUG = r'"([a-z][a-z0-9]*(?:-[a-z0-9]+)*)"'
ROW = re.compile(r"X\((\w+), +(\w+), +" + SLUG + r", +(\d{3}), (\w+)\)")
INSTANCE_FAILED = 502  # whatever the cause


def table():
    """[(code, component, slug, status, class)] of host/base/error_code.h."""
    text = (ROOT / "host" / "base" / "error_code.h").read_text(encoding="utf-8")
    rows = [(code, component.lower(), slug, int(status), kind) for code, component, slug, status, kind in ROW.findall(text)]
    assert len(rows) == len(re.findall(r"^    X\(\w+,[^\n]*\d{3}", text, re.MULTILINE)) > 100
    return rows


def told():
    """The rows of what a caller may be told."""
    return [row for row in table() if row[4] != "INTERNAL"]


def text_of(path):
    """A source without its comments."""
    return re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def host_sources():
    return "".join(text_of(path) for path in sorted((ROOT / "host").rglob("*.c")))


def reasons_of_runners():
    """What the answers of runners and their SDK say, which pass as they are."""
    found = set()
    for folder in ("plugins", "sdk"):
        for path in (ROOT / folder).rglob("*.c"):
            found.update(re.findall(r"\.reason = " + SLUG, text_of(path)))
            found.update(re.findall(r"\bfailure->reason, " + SLUG, text_of(path)))
            found.update(re.findall(r"\bfail\([^;,]*request, \d+, " + SLUG, text_of(path)))
        for path in (ROOT / folder).rglob("*.py"):
            found.update(re.findall(r"\berror_answer\(\w+, " + SLUG, path.read_text(encoding="utf-8")))
    return found


def documented():
    """[(reasons, components, statuses)] of the rows of docs/errors.md"""
    rows = []
    for line in (ROOT / "docs" / "errors.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            reasons, components, statuses, _ = (cell.strip() for cell in line.strip("|").split(" | "))
            statuses = {int(status) for status in re.findall(r"\d{3}", statuses)}
            rows.append((re.findall(r"`([^`]+)`", reasons), set(components.split(", ")), statuses))
    return rows


def documented_by_reason():
    return {reason: row for row in documented() for reason in row[0]}


def test_no_reason_has_two_rows():
    reasons = sorted(reason for row in documented() for reason in row[0])
    assert reasons == sorted(set(reasons))


def test_every_reason_is_documented_and_no_other():
    given = {slug for _, _, slug, _, _ in told()} | reasons_of_runners()
    rows = set(documented_by_reason())
    assert sorted(given - rows) == [], "not in docs/errors.md"
    assert sorted(rows - given) == [], "in docs/errors.md, but nothing gives it"


def test_documented_components_and_statuses_are_those_of_the_table():
    rows = documented_by_reason()
    wrong = [
        (slug, component, status)
        for _, component, slug, status, _ in told()
        if status not in rows[slug][2] or component not in rows[slug][1] | {"none"}
    ]
    assert wrong == []


def test_documented_statuses_are_given():
    runners = reasons_of_runners()
    for reasons, _, statuses in documented():
        if runners.isdisjoint(reasons):
            given = {status for _, _, slug, status, _ in told() if slug in reasons}
            assert statuses - given <= {INSTANCE_FAILED}, reasons


def test_every_code_is_used():
    used = set(re.findall(r"\bERROR_(\w+)", host_sources()))
    assert [code for code, *_ in table() if code not in used] == []


def test_what_several_parts_meet_is_set_with_a_component():
    shared = {code for code, component, *_ in table() if component == "none"}
    assert set(re.findall(r"\berror_set\([^;]*?\bERROR_(\w+)", host_sources())).isdisjoint(shared)
