"""Which source files of the daemon use which, by the symbols of their object files. Prints what breaks the order: a use of
a higher floor (floors.py), a ring of files that use each other and is not listed in rings.txt, a listed ring that is none.
The listed ones are printed with their reasons.

rings.py ROOT BUILD     exit status 1 when something breaks the order
"""

import os
import subprocess
import sys

import floors


def object_files(root, build):
    """{source: [object]} of the sources below host/, named from there."""
    found = {}
    for folder, _, names in os.walk(os.path.join(build, "host")):
        if "CMakeFiles" not in folder:
            continue
        for name in names:
            path = os.path.join(folder, name)
            before, inside = os.path.relpath(path, os.path.join(build, "host")).split("CMakeFiles/")
            source = before + inside.split("/", 1)[1].removesuffix(".o")
            if name.endswith(".c.o") and os.path.exists(os.path.join(root, "host", source)):
                found.setdefault(source, []).append(path)
    return found


def symbols(sources):
    """{source: (what it defines for others, what it needs of them)} of {source: [object]}."""
    table = {source: (set(), set()) for source in sources}
    owner = {path: source for source, objects in sources.items() for path in objects}
    if not owner:
        return table
    command = ["nm", "--extern-only", "--format=posix", "--print-file-name", *owner]
    listing = subprocess.run(command, check=True, capture_output=True, text=True)
    for line in listing.stdout.splitlines():
        path, _, symbol = line.partition(": ")
        name, kind = symbol.split()[:2]
        if kind in "TDBRV" and name != "main":
            table[owner[path]][0].add(name)
        elif kind == "U":
            table[owner[path]][1].add(name)
    return table


def uses(root, build):
    """{source: {used source: a symbol of it}}."""
    table = symbols(object_files(root, build))
    owner = {symbol: source for source, (defined, _) in table.items() for symbol in defined}
    graph = {}
    for source, (_, needed) in table.items():
        used = {owner[symbol]: symbol for symbol in sorted(needed, reverse=True) if symbol in owner}
        used.pop(source, None)
        graph[source] = used
    return graph


def rings(graph):
    """The sets of more than one node that all reach each other (Tarjan's strongly connected components)."""
    number, low, stack, found = {}, {}, [], []

    def visit(node):
        number[node] = low[node] = len(number)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in number:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], number[other])
        if low[node] == number[node]:
            ring = frozenset(stack[stack.index(node):])
            del stack[stack.index(node):]
            if len(ring) > 1:
                found.append(ring)

    for node in graph:
        if node not in number:
            visit(node)
    return found


def listed_rings(text):
    """{ring: reason}: paragraphs of one line of files and the indented lines of the reason; '#' begins a comment."""
    listed, ring = {}, None
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line[0].isspace():
            listed[ring] = (listed[ring] + " " + line.strip()).strip()
        else:
            ring = frozenset(line.split())
            listed[ring] = ""
    return listed


def breaches(graph, listed):
    """What breaks the order, a text each."""
    for user, used in sorted(graph.items()):
        for other, symbol in sorted(used.items()):
            wrong = floors.breach(user, other)
            if wrong:
                yield f"host/{user} uses {symbol} of host/{other}: {wrong}"
    found = rings(graph)
    for ring in found:
        if ring not in listed:
            yield "a ring of files that use each other: " + " ".join(sorted(ring))
    for ring, reason in listed.items():
        if ring not in found:
            yield "rings.txt lists what is no ring, or is one of other files: " + " ".join(sorted(ring))
        elif not reason:
            yield "rings.txt gives no reason for " + " ".join(sorted(ring))


def main(arguments):
    root, build = arguments
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "rings.txt"), encoding="utf-8") as file:
        listed = listed_rings(file.read())
    graph = uses(root, build)
    wrong = list(breaches(graph, listed)) if graph else [f"no object files below {build}/host: build it first"]
    for text in wrong:
        print(text)
    for ring, reason in listed.items():
        print(f"a ring that stays: {' '.join(sorted(ring))}: {reason}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
