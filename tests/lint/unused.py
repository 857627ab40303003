"""What is for others to use in host/ and used by nobody, by the symbols of the object files: a function or an object with
external linkage that no other file of the daemon, its programs, the plugins or the SDK refers to. Tests do not count. What
only its own file uses is to be static; what nobody uses is to go. unused.txt lists what stays, with the reason.

unused.py ROOT BUILD    exit status 1 when there is something that unused.txt does not list, or lists in vain
"""

import os
import sys

import rings

BESIDE = ("plugins", "sdk")


def objects_beside(build):
    """{object: [object]} of what is shipped beside the host."""
    return {
        os.path.join(folder, name): [os.path.join(folder, name)]
        for top in BESIDE
        for folder, _, names in os.walk(os.path.join(build, top))
        for name in names
        if name.endswith(".c.o")
    }


def unused(table, sources):
    """{symbol: source} of what the sources define and nothing else in the table needs."""
    users = {}
    for user, (_, needed) in table.items():
        for symbol in needed:
            users.setdefault(symbol, set()).add(user)
    return {
        symbol: source
        for source in sources
        for symbol in table[source][0]
        if not users.get(symbol, set()) - {source}
    }


def breaches(found, defined, listed):
    """What is wrong, a text each."""
    for symbol, source in sorted(found.items(), key=lambda item: (item[1], item[0])):
        if symbol not in listed:
            yield f"host/{source}: no other file uses {symbol}: make it static, or remove it"
    for symbol, reason in listed.items():
        if symbol not in defined:
            yield f"unused.txt lists {symbol}, which is not there"
        elif not reason:
            yield f"unused.txt gives no reason for {symbol}"


def main(arguments):
    root, build = arguments
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "unused.txt"), encoding="utf-8") as file:
        listed = {" ".join(names): reason for names, reason in rings.listed_rings(file.read()).items()}
    sources = rings.object_files(root, build)
    table = rings.symbols({**sources, **objects_beside(build)})
    defined = {symbol for source in sources for symbol in table[source][0]}
    wrong = list(breaches(unused(table, sources), defined, listed))
    if not sources:
        wrong = [f"no object files below {build}/host: build it first"]
    for text in wrong:
        print(text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
