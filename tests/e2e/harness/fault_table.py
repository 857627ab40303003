"""Writes the rows that tests of faults have left into docs/faults.md, between its marks: fault_table.py ROWS DOCUMENT."""

import json
import re
import sys

BEGIN, END = "<!-- measured by scripts/faults -->", "<!-- end -->"
TITLES = ("| what happens | who calls it sees | the log says | what is left "
          "| neighbour: requests, errors, p99 | a stranger's p99 |")


def times(p99, factor):
    return f"{p99:g} ms ({factor:g} times)"


def row(seen):
    cells = [seen["fault"], seen["caller"], seen["log"], seen["left"],
             f"{seen['requests']}, {seen['errors']}, {times(seen['p99'], seen['factor'])}", times(*seen["stranger"])]
    return "| " + " | ".join(re.sub(r"([|<])", r"\\\1", cell) for cell in cells) + " |"


def main(rows, document):
    with open(rows, encoding="utf-8") as file:
        seen = {each["fault"]: each for each in map(json.loads, file)}  # of one that was tried again the last
    with open(document, encoding="utf-8") as file:
        text = file.read()
    table = "\n".join([TITLES, "|---|---|---|---|---|---|", *map(row, seen.values())])
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    with open(document, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n{table}\n{END}{after}")


if __name__ == "__main__":
    main(*sys.argv[1:])
