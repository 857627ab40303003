"""Every reason that a caller may be given is in the table of docs/errors.md, and nothing else is."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]

SLUG = r'"([a-z][a-z0-9]*(?:-[a-z0-9]+)*)"'

# What only who runs this host can meet: when the daemon starts, when plugins are looked at, on the management port, or
# in what is put into other words before a caller is told.
NEVER_TOLD = {
    "address-in-use", "bad-request", "build-failed", "config-unusable", "docker-socket", "event-loop", "in-use",
    "is-link", "listen-address", "no-scaffold", "not-own", "not-private", "not-safe", "plugin-name-taken", "state-damaged",
    "usage",
}  # fmt: skip


def text_of(path):
    """A source without its comments."""
    return re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def http_problems():
    """{reason: status} of what is refused as no proper HTTP."""
    text = text_of(ROOT / "host" / "http" / "problem.c")
    return {reason: int(status) for status, reason in re.findall(r"\{(\d{3}), " + SLUG, text)}


def reasons_of_the_daemon(text):
    found = {reason for _, reason in re.findall(r"\berror_set\([^;]*?" + SLUG + r",\s*" + SLUG, text)}
    for assigned in re.findall(r"\breason = ([^;,}]*)", text):
        found.update(re.findall(SLUG, assigned))
    for body in re.findall(r"^static const char \*\w+_reason\([^)]*\)\n\{(.*?)^\}", text, re.DOTALL | re.MULTILINE):
        found.update(re.findall(SLUG, body))
    found.update(re.findall(r"\bprogress_init\([^;]*" + SLUG + r"\)", text))
    return found


def reasons_in_sources():
    found = set(http_problems())
    for path in (ROOT / "host").rglob("*.c"):
        found |= reasons_of_the_daemon(text_of(path))
    for folder in ("plugins", "sdk"):
        for path in (ROOT / folder).rglob("*.c"):
            found.update(re.findall(r"\.reason = " + SLUG, text_of(path)))
            found.update(re.findall(r"\bfailure->reason, " + SLUG, text_of(path)))
            found.update(re.findall(r"\bfail\([^;,]*request, \d+, " + SLUG, text_of(path)))
        for path in (ROOT / folder).rglob("*.py"):
            found.update(re.findall(r"\berror_answer\(\w+, " + SLUG, path.read_text(encoding="utf-8")))
    return found


def documented():
    """{reason: the numbers in its column of statuses}"""
    rows = {}
    for line in (ROOT / "docs" / "errors.md").read_text(encoding="utf-8").splitlines():
        if not line.startswith("| `"):
            continue
        reasons, _, statuses, _ = (cell.strip() for cell in line.strip("|").split(" | "))
        for reason in re.findall(r"`([^`]+)`", reasons):
            assert reason not in rows, f"{reason} has two rows"
            rows[reason] = {int(status) for status in re.findall(r"\d{3}", statuses)}
    return rows


def test_every_reason_is_documented_and_no_other():
    told = reasons_in_sources() - NEVER_TOLD
    rows = documented()
    assert sorted(told - set(rows)) == [], "not in docs/errors.md"
    assert sorted(set(rows) - told) == [], "in docs/errors.md, but nothing gives it"


def test_what_is_never_told_still_exists():
    assert NEVER_TOLD <= reasons_in_sources()


def test_refused_requests_have_their_status_in_the_table():
    rows = documented()
    wrong = {reason: status for reason, status in http_problems().items() if status not in rows[reason]}
    assert wrong == {}


def test_reasons_are_found_however_they_are_written():
    assert reasons_of_the_daemon('error_set(err, "a", "one-two",\n "text");') == {"one-two"}
    assert reasons_of_the_daemon('error_set(cause, deep ? x : y, "a", "one", "%s", "not");') == {"one"}
    assert reasons_of_the_daemon('const char *reason = killed ? "one" : "two";') == {"one", "two"}
    assert reasons_of_the_daemon('err->reason = "one";') == {"one"}
    assert reasons_of_the_daemon('static const char *x_reason(int a)\n{\n    return "one";\n}\n') == {"one"}
