"""Findings about a function's files, as plain data that crosses into C."""
import difflib

ERROR, WARNING, NOTE = 1, 2, 3
LIMIT = 200


class Findings:
    """The findings of one job in the order in which they were made."""

    def __init__(self):
        self.items = []

    def add(self, severity, file, line, column, message, hint=None, option=None):
        """file: relative to the folder, or None; line and column (in bytes) from 1, 0 when there is none. Without a
        file, option may name the setting whose value it is about."""
        item = (severity, _clean(file), int(line), int(column), _clean(message), _clean(hint), option)
        if len(self.items) < LIMIT and item not in self.items:
            self.items.append(item)

    def error(self, file, line, column, message, hint=None, option=None):
        self.add(ERROR, file, line, column, message, hint, option)

    def warning(self, file, line, column, message, hint=None):
        self.add(WARNING, file, line, column, message, hint)

    def error_at(self, file, node, message, hint=None):
        self.add(ERROR, file, node.lineno, node.col_offset + 1, message, hint)

    def warning_at(self, file, node, message, hint=None):
        self.add(WARNING, file, node.lineno, node.col_offset + 1, message, hint)

    def failed(self):
        return any(item[0] == ERROR for item in self.items)


def _clean(text):
    """One line of valid UTF-8."""
    if text is None:
        return None
    return " ".join(text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\\0").split())


def nearest(word, known):
    """The known word that was probably meant, or None."""
    lower = {name.lower(): name for name in known}
    match = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=0.7)
    return lower[match[0]] if match else None


def likeness(one, other):
    """How alike two words are, 0 to 1."""
    return difflib.SequenceMatcher(None, one.lower(), other.lower()).ratio()


def listed(names, limit=6):
    """`a`, `b` and `c`; at most `limit` of them."""
    names = [f"`{name}`" for name in names]
    if len(names) > limit:
        names = names[:limit] + [f"{len(names) - limit} more"]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
