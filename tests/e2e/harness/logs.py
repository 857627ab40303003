"""The daemon's log as data."""

import json
import os
import re
import threading

LEVELS = ("debug", "info", "warning", "error")
HEAD = re.compile(
    r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z) (%s) ([a-z][a-z0-9._-]*)(?: (.*))?$" % "|".join(LEVELS)
)
FIELD = re.compile(r'([A-Za-z0-9_.-]+)=("(?:[^"\\]|\\.)*"|\S*)(?: |$)')
SANITIZER = re.compile(r"(Address|Leak|Thread|UndefinedBehavior|Memory)Sanitizer|runtime error: ")


def parse_value(text):
    if text.startswith('"'):
        try:
            return json.loads(text)
        except ValueError:
            return text[1:-1]
    return text


def parse_text(line):
    """A text line as {"time", "level", "event", <fields>}; None when it is not one."""
    match = HEAD.match(line)
    if not match:
        return None
    entry = {name: parse_value(value) for name, value in FIELD.findall(match.group(4) or "")}
    entry.update(time=match.group(1), level=match.group(2), event=match.group(3))
    return entry


def parse_json(line):
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "event" in entry else None


def parse(line):
    return parse_json(line) if line.startswith("{") else parse_text(line)


class LogFile:
    """Reads what a process has written so far; complete lines only. Each is read and parsed once, however often tests that
    wait for one ask."""

    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()
        self.forget()

    def forget(self):
        self.size_read = 0
        self.known_lines = []
        self.known_entries = []  # of each line; None for what is no log entry

    def catch_up(self):
        with self.lock, open(self.path, "rb") as file:
            if os.fstat(file.fileno()).st_size < self.size_read:
                self.forget()
            file.seek(self.size_read)
            data = file.read()
            data = data[: data.rfind(b"\n") + 1]
            self.size_read += len(data)
            text = data.decode("utf-8", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
            lines = text.split("\n")[:-1]
            self.known_entries += map(parse, lines)
            self.known_lines += lines

    def lines(self):
        self.catch_up()
        return list(self.known_lines)

    def entries(self, event=None, level=None, **fields):
        """Parsed lines that have this event (a regular expression), this level and these field values."""
        self.catch_up()
        wanted = re.compile(event) if event else None
        return [
            entry
            for entry in self.known_entries
            if entry
            and (wanted is None or wanted.fullmatch(entry["event"]))
            and (level is None or entry["level"] == level)
            and all(str(entry.get(key)) == str(value) for key, value in fields.items())
        ]

    def plain(self):
        """Lines that are no log entries."""
        return [line for line in self.lines() if line.strip() and parse(line) is None]

    def sanitizer(self):
        return [line for line in self.lines() if SANITIZER.search(line)]
