"""Python files as syntax trees, or the finding why there is none."""
import ast
import errno
import io
import os
import stat
import tokenize
import warnings

SIZE_LIMIT = 4 << 20
COUNT_LIMIT = 5000

# Names of files and folders that are no part of a function; patterns of fnmatch(3).
EXCLUDED = ("__pycache__", "*.py[co]", ".git", ".hg", ".svn", ".venv", ".tox", ".mypy_cache", ".pytest_cache",
            ".ruff_cache", ".idea", ".vscode", ".DS_Store", "*~", ".*.sw[op]")
_EXCLUDED_FOLDERS = {name for name in EXCLUDED if "*" not in name}


class Source:
    """One file: its bytes and its tree. tree is None when it cannot be read; problem is then the finding's
    (line, column, message, hint)."""

    def __init__(self, path, data):
        self.path = path  # relative to the folder
        self.data = data
        self.text = ""
        self.tree = None
        self.problem = None
        self.warnings = []

    def report(self, findings, fatal=True, doubt=None):
        """doubt: why it need not be a mistake where the file runs; the trial decides then."""
        line, column, message, hint = self.problem
        if doubt:
            message, hint = f"{message} ({doubt})", None
        (findings.error if fatal and not doubt else findings.warning)(self.path, line, column, message, hint)


def python_files(folder):
    """The Python files of a function, relative and sorted."""
    found = []
    for top, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _EXCLUDED_FOLDERS)
        for name in sorted(files):
            if name.endswith(".py"):
                found.append(os.path.relpath(os.path.join(top, name), folder))
        if len(found) > COUNT_LIMIT:
            break
    return found[:COUNT_LIMIT]


def read_plain(path, limit):
    """Up to `limit` bytes of a plain file; OSError for anything else, and it never waits for a pipe's writer."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is not a plain file")
        return file.read(limit)


def read_source(folder, path):
    """Reads and parses one file. Everything that can be wrong with it ends up in `problem`."""
    try:
        data = read_plain(os.path.join(folder, path), SIZE_LIMIT + 1)
    except OSError as error:
        source = Source(path, b"")
        source.problem = (0, 0, f"{path} cannot be read: {error.strerror}", None)
        return source
    source = Source(path, data)
    if len(data) > SIZE_LIMIT:
        source.problem = (0, 0, f"{path} is larger than {SIZE_LIMIT >> 20} MiB", "move its data to a file of its own")
        return source
    source.problem = _decode(source) or _parse(source)
    return source


def _position(data, offset):
    """Line and column, from 1, of a byte."""
    line = data.count(b"\n", 0, offset) + 1
    return line, offset - (data.rfind(b"\n", 0, offset) + 1) + 1


def _decode(source):
    """Fills in the text; gives what makes the bytes none."""
    data = source.data
    if b"\0" in data:
        line, column = _position(data, data.index(b"\0"))
        return line, column, "the file holds a NUL byte; it is no Python source", "save it as UTF-8 text"
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        if "unknown encoding" in str(error):
            line = 2 if b"coding" not in data.split(b"\n", 1)[0] else 1
            return line, 1, str(error), "save the file as UTF-8 and remove the coding line"
        encoding = "utf-8"
    try:
        source.text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line, column = _position(data, error.start)
        name = "UTF-8" if encoding.startswith("utf-8") else encoding
        return (line, column, f"byte 0x{data[error.start]:02x} is not valid {name}",
                "save the file as UTF-8, or name its encoding in the first line: # -*- coding: latin-1 -*-")
    return None


def _parse(source):
    """Parses and compiles: some mistakes (a `return` outside of a function) only the compiler sees."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            tree = ast.parse(source.text, source.path)
            compile(source.text, source.path, "exec", dont_inherit=True)
        except SyntaxError as error:
            return _syntax_problem(source, error)
        except (RecursionError, MemoryError):
            return 1, 1, "the source is nested too deeply for Python to compile", "break long expressions up"
        except ValueError as error:
            return 1, 1, str(error), None
    source.tree = tree
    seen = {(item.lineno, str(item.message)) for item in caught if issubclass(item.category, Warning)}
    source.warnings = sorted(seen)
    return None


def _syntax_problem(source, error):
    line = error.lineno or 1
    text = error.text
    if text is None:
        lines = source.text.split("\n")
        text = lines[line - 1] if line <= len(lines) else ""
    characters = max((error.offset or 1) - 1, 0)
    if isinstance(error, IndentationError):
        characters = len(text) - len(text.lstrip())
    column = len(text[:characters].encode("utf-8", "replace")) + 1
    return line, column, f"{_kind(error)}: {error.msg}", _syntax_hint(error, text)


def _kind(error):
    return {"IndentationError": "indentation error", "TabError": "tab error"}.get(type(error).__name__, "syntax error")


def _syntax_hint(error, text):
    """A hint where the interpreter's message does not hold one already."""
    message = error.msg
    if "print" in message and "parentheses" in message:
        return "this is Python 2; the runtime is Python 3"
    if message == "'await' outside async function":
        return "write `async def` in front of the function"
    if isinstance(error, TabError):
        return "indent with spaces only"
    if "unterminated" in message or "never closed" in message:
        return "look for the closing character that is missing"
    if text.lstrip().startswith(("<<<<<<<", "=======", ">>>>>>>")):
        return "a merge conflict was left in the file"
    return None
