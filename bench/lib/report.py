"""Distributions, the state of the machine, results as JSON."""
import json
import os
import sys

import measure

RESULTS = measure.ROOT / "build/bench-results"
COLUMNS = ("min", "p50", "p90", "p99", "max")
SHARES = {"min": 0, "p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1}


def percentile(values, share):
    """The nearest rank: a value that was measured, never one between two."""
    ordered = sorted(values)
    rank = -int(-share * len(ordered) // 1)  # rounded up
    return ordered[min(max(rank, 1), len(ordered)) - 1]


def distribution(values, columns=COLUMNS):
    return {column: percentile(values, SHARES[column]) for column in columns} if values else {}


def cells(values, columns=COLUMNS):
    """A distribution as cells of a table."""
    found = distribution(values, columns)
    return [f"{found[column]:.1f}" if found else "-" for column in columns]


def markdown(header, rows):
    """A table as it is pasted into a document, its columns in line for whoever reads it on a terminal."""
    texts = [[str(cell) for cell in row] for row in [header, ["---"] * len(header), *rows]]
    widths = [max(len(row[column]) for row in texts) for column in range(len(header))]
    for row in texts:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")


def machine():
    """How busy the machine is with other things."""
    return {"load": os.getloadavg()[0], "cores": os.cpu_count()}


def progress(text):
    """What is being done, on a terminal's last line; the next text replaces it, an empty one removes it."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def note(before):
    """Ends the progress line; one line when the machine was not quiet before the benchmark began."""
    progress("")
    if before["load"] > 0.3 * before["cores"]:
        load, cores = before["load"], before["cores"]
        print(f"the machine was not quiet: its load was {load:.1f} on {cores} cores before this began")


def verdict(text, figure, target, most=True):
    """A target as a line: `most`, the figure must not be above it; else not below."""
    met = figure <= target if most else figure >= target
    limit = "most" if most else "least"
    print(f"{'met   ' if met else 'MISSED'} {text}: {figure:.4g}, target at {limit} {target:g}")
    return {"target": text, "figure": figure, "limit": target, "met": met}


def write(name, data):
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    print(f"written to {path.relative_to(measure.ROOT)}")
