"""What cold starts came to: tables in Markdown, and the aims as verdicts. results: {(application's name, kind): [sample]}, a
sample being {figure: milliseconds}."""
from lib import report

LIBRARIES, PLAIN, NOTHING, BY_HAND, DOCKER_RUN = "with libraries", "plain", "nothing", "create + start", "docker run"
TIMES = 20  # how much longer than Berth's answer that of `docker run` is to take at least
NOTHING_MS = 120  # a hello of which nothing is prewarmed
ABOVE = 1.05  # two runs of the same differ by so much
PARTS = ("create_ms", "start_ms", "load_ms", "start", "run", "answer")


def p50(results, name, kind, figure):
    """None where that was not sampled."""
    values = [sample[figure] for sample in results.get((name, kind), []) if figure in sample]
    return report.percentile(values, 0.5) if values else None


def cell(value, digits=1):
    return "" if value is None else f"{value:.{digits}f}"


def ratio(above, below):
    return above / below if above is not None and below else None


def overview(rows, results):
    header = ["p50, ms", *(f"{kind}: {what}" for kind in (LIBRARIES, PLAIN, NOTHING) for what in ("`start`", "answer")),
              DOCKER_RUN, f"{DOCKER_RUN} / Berth"]
    lines = []
    for row in rows:
        figures = [p50(results, row.name, kind, what) for kind in (LIBRARIES, PLAIN, NOTHING) for what in ("start", "answer")]
        run = p50(results, row.name, DOCKER_RUN, "answer")
        best = next((figure for figure in figures[1::2] if figure is not None), None)
        lines.append([row.name, *map(cell, figures), cell(run, 0), cell(ratio(run, best))])
    return header, lines


def had_libraries(found):
    """How many of the samples' instances had them."""
    told = [sample["had_libraries"] for sample in found if "had_libraries" in sample]
    return f"{sum(told)} of {len(told)}" if told else ""


def phases(results):
    header = ["p50, ms", "kind", "create", "start", "load", "`start`", "first run", "answer", "p90", "with libraries"]
    lines = []
    for (name, kind), found in results.items():
        answers = [sample["answer"] for sample in found if "answer" in sample]
        last = report.percentile(answers, 0.9) if answers else None
        lines.append([name, kind, *(cell(p50(results, name, kind, part)) for part in PARTS), cell(last),
                      had_libraries(found)])
    return header, lines


def show(rows, results):
    report.markdown(*overview(rows, results))
    print()
    report.markdown(*phases(results))


def verdicts(rows, results):
    """One for each aim whose figures were sampled."""
    found = []

    def judge(text, figure, target, most=True):
        if figure is not None:
            found.append(report.verdict(text, figure, target, most))

    for row in rows:
        if row.start_ms:
            judge(f"{row.name} with libraries, start, p50 ms", p50(results, row.name, LIBRARIES, "start"), row.start_ms)
        times = ratio(p50(results, row.name, DOCKER_RUN, "answer"), p50(results, row.name, LIBRARIES, "answer"))
        judge(f"{row.name}: docker run / with libraries, p50", times, TIMES, most=False)
    direct, load = (p50(results, "hello", NOTHING, figure) for figure in ("start", "load_ms"))
    alone = p50(results, "hello", BY_HAND, "start")
    judge("hello, nothing prewarmed, start, p50 ms", direct, NOTHING_MS)
    if alone is not None and load is not None:
        judge("hello: nothing prewarmed / create + start + load of the same container", ratio(direct, alone + load), ABOVE)
    return found
