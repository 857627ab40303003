"""Hashes of requirements: pip takes a list in which every requirement has one, or none."""
import re

_VALUE = re.compile(r"sha256:[0-9a-f]{64}\Z|sha384:[0-9a-f]{96}\Z|sha512:[0-9a-f]{128}\Z")
_IN_URL = re.compile(r"#(?:.*&)?sha(?:256|384|512)=[0-9a-f]+")
_REPOSITORY = re.compile(r"(?:^|@\s*)(?:git|hg|svn|bzr)\+")
_PINNED = re.compile(r"===?\s*[^\s,*;]+\Z")


class Listed:
    """A requirement and where it was found: a line of a file, or (file None) the command line."""

    def __init__(self, text, file, line, hashes=0):
        self.text = text
        self.file = file
        self.line = line
        self.hashes = hashes


def is_hash(value):
    """Whether pip takes it behind --hash=."""
    return bool(_VALUE.match(value))


def hash_problems(requirements):
    """(requirement, message, hint) of each that pip refuses where hashes are required."""
    example = next((listed for listed in requirements if listed.hashes), None)
    because = f"`{example.text}` has one" if example else "--require-hashes asks for them"
    for listed in requirements:
        problem = _problem(listed)
        if problem:
            yield listed, f"`{listed.text}` {problem[0]}: with hashes, pip wants all of them, and {because}", problem[1]


def _problem(listed):
    """(what is wrong, what to do), or None."""
    is_url = "://" in listed.text
    if not is_url and ";" in listed.text:
        return None  # whether it counts at all is decided where it is installed
    if _REPOSITORY.search(listed.text):
        return "comes from a repository, of which there is no hash", "name a published version or archive"
    if not listed.hashes and not (is_url and _IN_URL.search(listed.text)):
        return "has no hash", ("give every requirement a `--hash=sha256:...`, what it depends on too (`pip-compile "
                               "--generate-hashes` does), or none")
    if not is_url and not _PINNED.search(listed.text.rstrip(" )")):
        return "has a hash but no exact version", "pin it with `==`"
    return None
