"""`berth top`: the screen as a user sees it, the plain table, and JSON."""

import copy

import pytest

from harness.cli import Cli
from harness.functions import FAILING, HELLO, SLEEPY
from harness.load import Load
from harness.wait import wait_until

MANY = 40


@pytest.fixture(scope="module")
def shared_berth(shared_berth):
    shared_berth.write_function("hello", HELLO)
    shared_berth.write_function("sleepy", SLEEPY, concurrency=10, max_scale=1)
    shared_berth.write_function("failing", FAILING)
    shared_berth.write_function("broken", "def handle(:\n")
    shared_berth.start()
    return shared_berth


@pytest.fixture
def cli(served):
    return Cli(served)


@pytest.fixture
def make_top(make_screen):
    def make(cli, *arguments, **options):
        environment = {"BERTH_URL": cli.url, **options.pop("environment", {})}
        return make_screen([cli.program, "top", *arguments], environment=environment, **options)

    return make


def row(text, name):
    """The cells of a function, by the titles of the columns; None when it is not to be seen."""
    lines = text.splitlines()
    titles = next((line for line in lines if line.startswith(("FUNCTION", "*FUNCTION"))), "")
    for unspaced in ("P50 MS", "P99 MS"):
        titles = titles.replace(unspaced, unspaced.replace(" ", "_"))
    found = next((line.split() for line in lines if line.split()[:1] == [name]), None)
    return found and dict(zip((title.lstrip("*") for title in titles.split()), found))


def cell(text, name, title):
    return (row(text, name) or {}).get(title)


def is_busy(text, name):
    return cell(text, name, "REQ/S") not in (None, "0", "-") and cell(text, name, "P99_MS") not in (None, "-")


def is_failing(text, name):
    return cell(text, name, "ERR/S") not in (None, "0", "-")


def shown(text):
    """The functions on the screen, from above."""
    return [line.split()[0] for line in text.splitlines()[3:-1] if line]


def wait_shown(top, names, what):
    """Waits for exactly these: what is drawn comes in pieces."""
    top.wait(lambda text: shown(text) == names, what)


def test_table_when_piped(cli):
    with Load(cli.berth, "/sleepy", clients=2) as sleepy, Load(cli.berth, "/failing") as failing:
        wait_until(lambda: sleepy.good and failing.bad, "the first answers", 60)
        text = cli.run("top", "--interval", "4s")
    sleepy, failing = row(text, "sleepy"), row(text, "failing")
    assert float(sleepy["REQ/S"]) > 0 and float(sleepy["P50_MS"]) >= 25
    assert float(failing["ERR/S"]) > 0
    assert (row(text, "broken")["STATE"], row(text, "broken")["REQ/S"]) == ("broken", "0")
    assert sleepy["MEMORY"].endswith("M") and "\x1b" not in text
    assert shown("\n\n" + text)[-1] in ("broken", "hello", "failing")


def test_json_of_an_interval(cli):
    with Load(cli.berth, "/sleepy", clients=2) as sleepy:
        wait_until(lambda: sleepy.good, "the first answer", 60)
        answer = cli.json("top", "--interval", "4s", "--sort", "name")
    assert answer["interval_ms"] >= 4000
    functions = {function["name"]: function for function in answer["functions"]}
    assert list(functions) == ["broken", "failing", "hello", "sleepy"]
    sleepy, broken = functions["sleepy"], functions["broken"]
    assert set(sleepy) == {
        "name", "requests_per_s", "p50_ms", "p99_ms", "errors_per_s", "ready", "busy", "starting", "waiting",
        "cold_starts", "kept_warm", "memory_bytes", "state", "callable",
    }
    assert sleepy["requests_per_s"] > 0 and 25 <= sleepy["p50_ms"] <= sleepy["p99_ms"]
    assert (broken["requests_per_s"], broken["p50_ms"], broken["callable"]) == (0, None, False)
    filtered = cli.json("top", "--filter", "el", "--interval", "100ms")["functions"]
    assert [function["name"] for function in filtered] == ["hello"]


def test_screen_is_live(cli, make_top):
    top = make_top(cli, "--interval", "500ms")
    text = top.wait("hello", "the functions")
    assert text.splitlines()[0].startswith("4 functions")
    assert text.splitlines()[-1].startswith("q quit  / filter  sort by n name, r requests")
    with Load(cli.berth, "/sleepy", clients=2), Load(cli.berth, "/failing"):
        top.wait(lambda text: is_busy(text, "sleepy"), "the requests", 60)
        top.wait(lambda text: is_failing(text, "failing"), "those that fail", 60)
        top.wait(lambda text: cell(text, "sleepy", "READY") == "1", "the instance")
    top.wait(lambda text: cell(text, "sleepy", "REQ/S") == "0", "the end of the requests")
    assert max(map(len, top.lines())) <= 100
    top.type("q")
    assert top.wait_end() == 0
    assert top.is_as_before()


def test_keys_sort_and_filter(cli, make_top):
    top = make_top(cli)
    top.wait("*REQ/S", "the usual order")
    top.type("n")
    top.wait("*FUNCTION", "the order by name")
    wait_shown(top, ["broken", "failing", "hello", "sleepy"], "the order by name")
    for key, title in (("p", "P99 MS"), ("e", "ERR/S"), ("i", "READY"), ("w", "QUEUE"), ("c", "COLD"), ("m", "MEMORY")):
        top.type(key)
        top.wait(f" *{title}", f"the order by {title}")
    top.type("/e")
    top.wait("names with: e_", "the filter")
    top.type("ll")
    top.wait("names with: ell_", "the filter")
    wait_shown(top, ["hello"], "what the filter leaves")
    top.type("\x7f\x7fep\r")
    top.wait('1 of them have "eep"', "the other filter")
    wait_shown(top, ["sleepy"], "what the other filter leaves")
    top.wait("q quit", "the keys again")
    top.type("/q")
    top.wait("names with: eepq_", "a letter that would end it")
    top.type("\x1b")
    top.wait(lambda text: len(shown(text)) == 4, "all of them again")
    top.type("\x03")
    assert top.wait_end() == 0, "as q does"
    assert top.is_as_before()


def test_terminal_of_another_size(cli, make_top):
    top = make_top(cli, columns=120)
    assert "STATE" in top.wait("hello", "the functions")
    for columns, there, gone in ((100, "MEMORY", "STATE"), (80, "COLD", "START"), (60, "QUEUE", "BUSY"), (45, "READY", "P50")):
        top.resize(columns, 12)
        top.wait(lambda text: there in text and gone not in text, f"a screen of {columns} columns")
        top.wait(lambda text: len(shown(text)) == 4, "all functions")
    top.resize(10, 3)
    top.wait("4 function", "a screen that has hardly any room")
    top.resize(100, 30)
    top.wait("MEMORY", "the large screen again")
    top.type("q")
    assert top.wait_end() == 0


def test_colours_tell_what_is_wrong(cli, make_top):
    def colours(top):
        top.wait("broken", "the functions")
        line = next(number for number, text in enumerate(top.lines()) if text.startswith("broken"))
        return {top.screen.buffer[line][column].fg for column in range(6)}

    assert colours(make_top(cli)) == {"red"}
    assert colours(make_top(cli, environment={"NO_COLOR": "1"})) == {"default"}


def test_wrong_arguments_are_refused(cli):
    cli.run("top", "--sort", "size", status=2)
    assert "--sort size: there is no such column" in cli.said and "requests_per_s" in cli.said
    cli.run("top", "--interval", "1", status=2)
    assert "it is a time from 100ms to 1h" in cli.said
    cli.run("top", "--url", f"unix:{cli.berth.folder}/nothing.sock", status=3)


def test_terminal_that_can_nothing(cli, make_top):
    top = make_top(cli, environment={"TERM": "nothing-like-it"})
    assert top.wait_end() == 1
    assert "berth top --once" in top.text()
    top = make_top(cli, "--once", environment={"TERM": "nothing-like-it"})
    assert top.wait_end() == 0
    assert row(top.text(), "hello")


def test_daemon_that_goes_away_and_comes_back(berth, make_top):
    berth.write_function("hello", HELLO)
    berth.start()
    top = make_top(Cli(berth), "--interval", "300ms")
    top.wait("hello", "the functions")
    berth.stop()
    top.wait("no daemon has answered for", "the word that it is gone", 30)
    berth.start()
    top.wait(lambda text: "no daemon" not in text, "the daemon again", 30)
    with Load(berth, "/hello"):
        top.wait(lambda text: is_busy(text, "hello"), "its requests", 60)
    top.type("q")
    assert top.wait_end() == 0


def test_more_functions_than_lines(berth, make_top):
    """They are scrolled, and found."""
    berth.write_function("many-00", HELLO)
    for number in range(1, MANY):
        function = copy.deepcopy(berth.functions["many-00"])
        function["name"] = f"many-{number:02d}"
        berth.functions[function["name"]] = function
    berth.write_config()
    berth.start()
    top = make_top(Cli(berth), lines=14)
    names = [f"many-{number:02d}" for number in range(MANY)]
    top.wait(f"{MANY} functions", "the functions")
    wait_shown(top, names[:10], "the first page")
    for keys, first, what in (
        ("\x1b[6~", 10, "page down"),
        ("\x1b[B", 11, "down"),
        ("\x1b[A\x1b[A", 9, "up"),
        ("\x1b[5~", 0, "page up"),
        ("\x1b[4~", MANY - 10, "end"),
        ("\x1b[6~", MANY - 10, "page down at the end"),
        ("\x1b[1~", 0, "home"),
    ):
        top.type(keys)
        wait_shown(top, names[first : first + 10], what)
    top.type("/y-3\r")
    wait_shown(top, names[30:40], "those that are looked for")
    top.type("q")
    assert top.wait_end() == 0
