"""The project's own rules, checked over its source files. Prints `file:line: message` for each breach.

rules.py [ROOT]     default: the project this file belongs to; exit status 1 when a rule is broken
"""

import os
import re
import subprocess
import sys

import floors

MAX_FILE_LINES = 900
MAX_FUNCTION_LINES = 80
MAX_TEST_SLEEP_S = 1.0
MAX_PYTHON_COLUMNS = 130

BANNED = ["strcpy", "strcat", "sprintf", "vsprintf", "strtok", "atoi", "atol", "gets", "system"]
BANNED_CALL = re.compile(r"(?<![A-Za-z0-9_])(%s)\s*\(" % "|".join(BANNED))
MARKER = re.compile(r"\b(%s)\b" % "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"]))
CONFLICT = re.compile(r"^(<{7} |>{7} |={7}$|\|{7} )")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
SLEEP = re.compile(r"\btime\.sleep\(\s*([0-9.]+)")
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def strip_c(text):
    """C source without comments and literals, every line where it was."""
    return COMMENT_OR_STRING.sub(lambda m: "\n" * m.group().count("\n") or '""', text)


def check_length(path, lines):
    if len(lines) > MAX_FILE_LINES:
        yield 1, f"{len(lines)} lines; a file has at most {MAX_FILE_LINES}: split it at an idea"


def check_width(path, lines):
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_PYTHON_COLUMNS:
            yield number, f"{len(line)} columns; at most {MAX_PYTHON_COLUMNS}"


def check_markers(path, lines):
    for number, line in enumerate(lines, 1):
        if MARKER.search(line):
            yield number, "work left for later is not committed; do it or leave it out"


def check_conflicts(path, lines):
    for number, line in enumerate(lines, 1):
        if CONFLICT.match(line):
            yield number, "a merge was not finished here"


def check_banned(path, lines):
    for number, line in enumerate(strip_c("\n".join(lines)).split("\n"), 1):
        match = BANNED_CALL.search(line)
        if match:
            yield number, f"{match.group(1)}() is banned; use the bounded call of host/base or the C library"


def check_functions(path, lines):
    """In formatted code a function's braces stand alone in the first column."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            if number - start - 1 > MAX_FUNCTION_LINES:
                yield start, f"a function of {number - start - 1} lines; at most {MAX_FUNCTION_LINES}"
            start = None


def check_includes(path, lines):
    """In host/: quoted includes start at host/ and never name a higher floor or a neighbour."""
    own = path.removeprefix("host/")
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        included = match.group(1)
        if "/" not in included:
            if "/" in own:
                yield number, f'write includes from host/: "{os.path.dirname(own)}/{included}"'
        elif wrong := floors.breach(own, included):
            yield number, f"host/{own} must not include host/{included}: {wrong}"


def check_sleeps(path, lines):
    for number, line in enumerate(lines, 1):
        match = SLEEP.search(line)
        if match and float(match.group(1)) > MAX_TEST_SLEEP_S:
            yield number, "a test waits for a state with a deadline, it does not sleep"


CODE = (".c", ".h", ".js", ".lua", ".py", ".sh")
TABLE = [
    # applies to a path and its first line, check
    (lambda p, first: p.endswith(CODE) or first.startswith("#!"), check_length),
    (lambda p, first: p.endswith(".py"), check_width),
    (lambda p, first: True, check_markers),
    (lambda p, first: True, check_conflicts),
    (lambda p, first: p.endswith((".c", ".h")), check_banned),
    (lambda p, first: p.endswith(".c") and not p.startswith("tests/"), check_functions),
    (lambda p, first: p.endswith((".c", ".h")) and p.startswith("host/"), check_includes),
    (lambda p, first: p.endswith(".py") and p.startswith("tests/"), check_sleeps),
]


def source_files(root):
    """Every file of the project that is text: tracked, or new and not ignored."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for path in sorted(filter(None, listing.split("\0"))):
        if path.startswith(("tests/fuzz/corpus/", "tests/data/")):
            continue
        try:
            with open(os.path.join(root, path), encoding="utf-8") as file:
                yield path, file.read().split("\n")
        except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError):
            continue


def check_file(path, lines):
    for applies, check in TABLE:
        if applies(path, lines[0] if lines else ""):
            yield from check(path, lines)


def main(arguments):
    root = arguments[0] if arguments else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    breaches = [
        (path, line, message)
        for path, lines in source_files(root)
        for line, message in check_file(path, lines)
    ]
    for path, line, message in breaches:
        print(f"{path}:{line}: {message}")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
