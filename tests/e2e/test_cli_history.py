"""`berth history` and `berth rollback`: what there is to go back to, and going back."""

import pytest
from harness.cli import Cli
from harness.revisions import deploy, history, says, serve, view
from harness.wait import wait_until


@pytest.fixture(name="cli")
def cli_fixture(berth):
    """The command line, with a daemon that has deployed two revisions."""
    berth.expect_error(".*", function="hello")
    berth.write_function("hello", says("one"))
    berth.start()
    serve(berth, text="one")
    berth.write_files("functions/hello", {"names.txt": "Ada\n"})
    deploy(berth, "two", memory="128Mi")
    return Cli(berth)


def rows(text):
    """The lines of a table, by their first word."""
    return {line.split()[0]: line for line in text.splitlines()[1:] if line.strip()}


def test_history_in_a_terminal_of_usual_width(berth, cli):
    newest, oldest = (item["revision"] for item in history(berth))
    text = cli.run("history", "hello")
    table = rows(text)
    assert max(map(len, text.splitlines())) <= 100
    assert "serves" in table[newest[:12]] and "hello.py, +names.txt, memory" in table[newest[:12]]
    assert "kept" in table[oldest[:12]] and "ago" in table[oldest[:12]]
    assert text.splitlines()[-1] == "To go back: berth rollback hello [REV]"
    assert [item["revision"] for item in cli.json("history", "hello")] == [newest, oldest]


def test_rollback_and_forth(berth, cli):
    newest, oldest = (item["revision"] for item in history(berth))
    text = cli.run("rollback", "hello")
    assert f"hello is back at revision {oldest[:12]}" in text and "berth history hello" in text
    assert berth.get("/hello").text == "one"
    assert "serves, rolled back" in rows(cli.run("history", "hello"))[oldest[:12]]
    assert "gone back" in cli.run("describe", "hello")
    answer = cli.json("rollback", "hello", newest[:10])
    assert (answer["revision"], answer["rolled_back"], answer["problem"]) == (newest, True, None)
    assert berth.get("/hello").text == "two"


def test_rollback_that_cannot_be_says_what_to_do(berth, cli):
    newest, oldest = (item["revision"] for item in history(berth))
    cli.run("rollback", "hello", newest[:8], status=1)
    assert "serves already" in cli.said and "berth history hello" in cli.said
    cli.run("rollback", "hello", "nothing", status=1)
    assert "no revision" in cli.said and "berth history hello" in cli.said
    cli.run("rollback", "nothere", status=1)
    assert "not found" in cli.said
    cli.run("rollback", "hello")
    cli.run("rollback", "hello", status=1)
    assert "older" in cli.said
    assert view(berth)["revision"] == oldest


def test_failed_edit_stands_at_the_top(berth, cli):
    berth.write_function("hello", "def handle(request:\n")
    berth.apply()
    wait_until(lambda: view(berth)["problem"], "the mistake to be found", 60)
    text = cli.run("history", "hello")
    failed = text.splitlines()[1]
    assert failed.split()[:2] == ["-", "failed"] and "hello.py:1" in text
    assert "its last good revision" in cli.run("describe", "hello")


def test_function_that_has_not_served_has_no_history(berth, cli):
    berth.write_function("fresh", says("fresh"))
    berth.apply()
    wait_until(lambda: view(berth, "fresh")["state"] == "ready", "the function to be ready", 60)
    assert "active" in cli.json("history", "fresh")[0]["state"]
    cli.run("rollback", "fresh", status=1)
    assert "has served yet" in cli.said
