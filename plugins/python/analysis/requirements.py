"""Pip command lines (`extra_dependencies`) and requirements.txt: read, checked, never trusted with a path."""
import os
import re
import shlex

from .hashes import Listed, hash_problems, is_hash
from .sources import read_plain

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_VERSION = r"\s*(?:===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9*][^\s,;()\[\]'\"|&$`<>=]*"
_REQUIREMENT = re.compile(
    rf"(?P<name>{_NAME})\s*(?:\[\s*{_NAME}(?:\s*,\s*{_NAME})*\s*\])?"
    rf"(?:\s*@\s*(?P<url>\S+)|\s*\(?(?:{_VERSION})?(?:\s*,{_VERSION})*\)?)\s*(?:;[\w\s.\"'<>=!~()\[\],+-]*)?\Z")
_URL = re.compile(r"(?:(?:git|hg|svn|bzr)\+)?https?://\S+\Z")
_BEGINS_WITH_SPECIFIER = re.compile(r"===|==|~=|!=|<=|>=|<|>")
_ENDS_WITH_SPECIFIER = re.compile(r"(?:===|==|~=|!=|<=|>=|<|>)\Z")

# Options with a value that pip may be given, and those without one.
_VALUED = {"-i": "--index-url", "--index-url": None, "--extra-index-url": None, "-f": "--find-links",
           "--find-links": None, "--no-binary": None, "--only-binary": None, "--trusted-host": None,
           "--retries": None, "--timeout": None, "--platform": None, "--implementation": None, "--abi": None,
           "--python-version": None, "--use-feature": None, "--upgrade-strategy": None}
_FLAGS = {"--pre", "--no-deps", "--prefer-binary", "-U", "--upgrade", "--no-index", "--require-hashes",
          "--no-build-isolation", "--use-pep517", "--ignore-requires-python", "--force-reinstall", "-q", "--quiet",
          "-v", "--verbose", "-I", "--ignore-installed", "--no-cache-dir"}
# Options whose values may hold a password, and the variable that the installer finds them in: a command line can be
# read by everybody on the machine.
_ADDRESSES = {"--index-url": "BERTH_INDEX_URL", "--extra-index-url": "BERTH_EXTRA_INDEX_URLS",
              "--find-links": "BERTH_FIND_LINKS"}
_VALUED_NAMES = {long or name for name, long in _VALUED.items()}
_HASH_OPTION = re.compile(r"\s+--(?=[a-z])")
_HASH = re.compile(r"hash(?:=|\s+)(\S+)\Z")

# Options that would read or write outside of the function's dependencies: why each is refused.
_REFUSED = {
    "-t": "the runtime chooses where packages go", "--target": "the runtime chooses where packages go",
    "--prefix": "the runtime chooses where packages go", "--root": "the runtime chooses where packages go",
    "--user": "the runtime chooses where packages go", "--src": "it writes outside of the dependencies",
    "-e": "a package must be installed, not linked", "--editable": "a package must be installed, not linked",
    "--python": "the interpreter is the runtime's", "--log": "it writes outside of the dependencies",
    "--cache-dir": "it writes outside of the dependencies", "--report": "it writes outside of the dependencies",
    "-c": "constraints are not supported; pin the versions", "--constraint": "constraints are not supported; pin the "
    "versions", "--cert": "certificates are the host's", "--client-cert": "it reads a file of the host",
    "-C": "it changes how packages are built", "--config-settings": "it changes how packages are built",
    "--global-option": "it changes how packages are built", "--install-option": "it changes how packages are built",
    "--proxy": "proxies are the host's", "--isolated": "the runtime chooses pip's settings",
    "-d": "it writes outside of the dependencies", "--break-system-packages": "nothing of the system is touched",
    "--root-user-action": "packages are not installed as root", "--dry-run": "nothing would be installed",
}
_TAKES_VALUE = {name for name in _REFUSED if name not in ("--user", "--isolated", "--dry-run",
                                                           "--break-system-packages")}
_FILES = {"-r", "--requirement"}
_WORDS_BEFORE = (["python3", "-m", "pip", "install"], ["python", "-m", "pip", "install"], ["pip3", "install"],
                 ["pip", "install"])
NESTING_LIMIT = 5
FILE_LIMIT = 1 << 20  # bytes of a requirements file
LENGTH_LIMIT = 1000  # of one requirement
VARIABLE_LIMIT = 100_000  # bytes of one variable of the installer; the kernel takes 128 KiB


class Requirements:
    """What a function asks pip for.

    arguments: as of pip's command line. lines: of a requirements file, checked and without those that name other
    files. names: of the distributions asked for. is_named: there are no others, asked for by their addresses alone.
    listed: all requirements, with their places.
    """

    def __init__(self, findings, folder):
        self.findings = findings
        self.folder = folder
        self.arguments = []
        self.lines = []
        self.names = set()
        self.is_named = True
        self.listed = []

    def key(self):
        """What tells two requests apart."""
        return "\n".join([shlex.join(self.arguments), *self.lines]).strip()

    def command(self):
        """What the installer is given: (arguments without addresses and requirements, environment)."""
        options, addresses, requirements = [], {}, []
        words = iter(self.arguments)
        for word in words:
            if word in _ADDRESSES:
                addresses.setdefault(_ADDRESSES[word], []).append(next(words))
            elif word.startswith("-"):
                options += [word, next(words)] if word in _VALUED_NAMES else [word]
            else:
                requirements.append(word)
        if self.requires_hashes() and "--require-hashes" not in options:
            options.append("--require-hashes")
        environment = [f"{name}={' '.join(values)}" for name, values in addresses.items()]
        return options, environment + _in_variables(requirements + self.lines)

    def requires_hashes(self):
        """Whether pip would take nothing without a hash."""
        return (any(listed.hashes for listed in self.listed) or "--require-hashes" in self.arguments
                or any("--require-hashes" in line.split() for line in self.lines if line.startswith("-")))

    def check_hashes(self):
        """Once everything is read: a hash for all, or for none."""
        for listed, message, hint in hash_problems(self.listed) if self.requires_hashes() else ():
            self.problem(listed.file, listed.line, message, hint)

    # The command line

    def read_line(self, text):
        """`extra_dependencies`."""
        try:
            words = shlex.split(text)
        except ValueError as error:
            self.problem(None, 0, f"extra_dependencies cannot be read: {str(error).lower()}", "close the quotation")
            return
        for before in _WORDS_BEFORE:
            if words[:len(before)] == before:
                words = words[len(before):]
        self.read_words(_joined(words), None, 0)

    def read_words(self, words, file, line):
        """Words of a command line; file and line are for findings."""
        words = list(words)
        while words:
            word = words.pop(0)
            if word.startswith("-"):
                self.read_option(word, words, file, line)
            elif self.check_requirement(word, file, line):
                self.arguments.append(word)
                self.listed.append(Listed(word, file, line, 0))

    def read_option(self, word, words, file, line):
        name, value = _split_option(word)
        if name in _FILES:
            value = value if value is not None else (words.pop(0) if words else "")
            self.include(value, file, line, 0)
        elif name in _REFUSED:
            if value is None and name in _TAKES_VALUE and words:
                words.pop(0)
            self.problem(file, line, f"pip's option {name} is not allowed here: {_REFUSED[name]}", "remove it")
        elif name in _VALUED:
            value = value if value is not None else (words.pop(0) if words else None)
            if value is None:
                self.problem(file, line, f"pip's option {name} needs a value", None)
            elif self.check_value(_VALUED[name] or name, value, file, line):
                self.arguments += [_VALUED[name] or name, value]
        elif name in _FLAGS and value is None:
            self.arguments.append(name)
        else:
            self.problem(file, line, f"pip's option {name} is not known to be safe here",
                         "use package names, versions, --index-url, --extra-index-url, --find-links, --pre, "
                         "--only-binary or --no-binary")

    def check_value(self, name, value, file, line):
        if name in _ADDRESSES and not _URL.match(value):
            self.problem(file, line, f"{name} must be an http or https URL; `{value}` would be read on the host",
                         "give the URL of an index")
            return False
        return True

    def check_requirement(self, text, file, line):
        """One requirement; its name is noted."""
        if _URL.match(text):
            self.is_named = False
            return True
        if _is_path(text):
            self.problem(file, line, f"`{text}` is a local path, which the installation cannot see",
                         "put the package's own folder into the function's folder, or name a published package")
            return False
        match = _REQUIREMENT.match(text) if len(text) <= LENGTH_LIMIT else None
        if match is None or (match["url"] and not _URL.match(match["url"])):
            hint = "separate packages by spaces, not commas" if text.endswith(",") else \
                "write it like `name`, `name==1.2` or `name[extra]>=1.0`; quote what holds spaces"
            self.problem(file, line, f"`{text}` is no requirement that pip understands", hint)
            return False
        self.names.add(normalise(match["name"]))
        return True

    # Files

    def include(self, name, file, line, depth):
        """A requirements file named by -r: only inside the folder."""
        path = os.path.normpath(os.path.join(os.path.dirname(file or ""), name))
        inside = name and not os.path.isabs(name) and not path.startswith("..")
        full = os.path.join(self.folder, path)
        if not inside or not os.path.realpath(full).startswith(os.path.realpath(self.folder) + "/"):
            self.problem(file, line, f"pip's option -r {name} is not allowed here: it reads a file outside of the "
                         "function's folder", "copy the file into the folder")
        elif depth >= NESTING_LIMIT:
            self.problem(file, line, "requirements files include each other too deeply", None)
        elif not os.path.isfile(full):
            self.problem(file, line, f"there is no `{path}` in the function's folder", None)
        else:
            self.read_file(path, depth + 1)

    def read_file(self, path, depth=0):
        """The lines of a requirements file of the folder."""
        try:
            data = read_plain(os.path.join(self.folder, path), FILE_LIMIT + 1)
        except OSError as error:
            self.problem(path, 0, f"{path} cannot be read: {error.strerror}", None)
            return
        if len(data) > FILE_LIMIT:
            self.problem(path, 0, f"{path} is larger than {FILE_LIMIT >> 20} MiB", "split it")
            return
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self.problem(path, line, "the file is not valid UTF-8", "save it as UTF-8")
            return
        for number, content in _logical_lines(text):
            self.read_file_line(content, path, number, depth)

    def read_file_line(self, content, path, number, depth):
        if content.startswith("-"):
            try:
                words = shlex.split(content)
            except ValueError as error:
                self.problem(path, number, str(error), None)
                return
            name, value = _split_option(words[0])
            if name in _FILES:
                self.include(value if value is not None else " ".join(words[1:]), path, number, depth)
                return
            probe = Requirements(self.findings, self.folder)
            probe.read_words(words, path, number)
            if probe.arguments:
                self.lines.append(shlex.join(probe.arguments))
            return
        requirement, *options = _HASH_OPTION.split(content)
        hashes = [match[1] for match in map(_HASH.match, map(str.strip, options)) if match]
        wrong = [value for value in hashes if not is_hash(value)]
        if len(hashes) != len(options):
            name = next(option.partition("=")[0].split()[0] for option in options if not _HASH.match(option.strip()))
            self.problem(path, number, f"`--{name}` is not allowed behind a requirement", "remove it")
        elif wrong:
            self.problem(path, number, f"`--hash={wrong[0]}` is no hash that pip takes",
                         "write sha256: (or sha384:, sha512:) and all of its hexadecimal digits")
        elif self.check_requirement(requirement.strip(), path, number):
            requirement = " ".join(requirement.split())
            self.listed.append(Listed(requirement, path, number, len(hashes)))
            self.lines.append(" ".join([requirement, *(f"--hash={value}" for value in hashes)]))

    def problem(self, file, line, message, hint):
        self.findings.error(file, line, 1 if line else 0, message, hint, None if file else "extra_dependencies")


def normalise(name):
    """A distribution's name as PEP 503 compares it."""
    return name.lower().replace("_", "-").replace(".", "-")


def _joined(words):
    """`requests >= 2` written with spaces is one requirement."""
    out = []
    for word in words:
        continues = out and not out[-1].startswith("-") and (
            word.startswith((",", ";", "@"))
            or _BEGINS_WITH_SPECIFIER.match(word) or _ENDS_WITH_SPECIFIER.search(out[-1]))
        if continues and not _URL.match(out[-1]):
            out[-1] += word if not word.startswith((";", "@")) else f" {word}"
        else:
            out.append(word)
    return out


def _in_variables(lines):
    """The lines as BERTH_REQUIREMENTS, BERTH_REQUIREMENTS_2 and so on, none of them longer than a variable may be."""
    texts = []
    for line in lines:
        if texts and len(texts[-1].encode()) + len(line.encode()) < VARIABLE_LIMIT:
            texts[-1] += f"\n{line}"
        else:
            texts.append(line)
    return [f"BERTH_REQUIREMENTS{f'_{number}' if number > 1 else ''}={text}" for number, text in enumerate(texts, 1)]


def _split_option(word):
    """(--name, value or None); -rfile and -ifoo are the short forms with the value attached."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return name, value if equals else None
    return word[:2], word[2:].removeprefix("=") or None


def _is_path(text):
    before = text.partition("@")[0].strip() if "@" in text else text
    return (text.startswith((".", "/", "~", "file:")) or "\\" in text or "/" in before
            or text.endswith((".whl", ".tar.gz", ".zip")) and "://" not in text)


def _logical_lines(text):
    """(number, line) without comments and blank lines, continued lines joined."""
    pending, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start or number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            pending += line[:-1] + " "
            continue
        content = re.sub(r"(^|\s)#.*$", "", pending + line).strip()
        if content:
            yield start, content
        pending, start = "", 0
    content = re.sub(r"(^|\s)#.*$", "", pending).strip()
    if content:
        yield start, content
