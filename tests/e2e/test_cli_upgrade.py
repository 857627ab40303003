"""`berth upgrade` as a user runs it."""

from harness.cli import Cli
from harness.followers import Follower, adopt_orphans, copy_program, put_program
from harness.functions import HELLO


def test_upgrade_says_who_serves(berth):
    adopt_orphans()
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    cli, old = Cli(berth), berth.process
    told = cli.json("upgrade")
    assert set(told) == {"from", "to", "pid", "took_ms", "finishing"}
    berth.process = Follower(told["pid"])
    assert old.wait(60) == 0
    old, text = berth.process, cli.run("upgrade")
    pid = int(text.split("(process ")[1].split(")")[0])
    assert text.startswith(f"berthd {told['to']} serves in the place of {told['to']} (process {pid}), after ")
    berth.process = Follower(pid)
    assert old.wait(60) == 0
    assert berth.get("/hello").text == "hello"


def test_upgrade_says_in_one_line_why_it_failed(berth):
    program = copy_program(berth)
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    cli = Cli(berth)
    put_program(program, "#!/bin/sh\nexit 3\n")
    assert cli.run("upgrade", status=1) == ""
    said = cli.said.splitlines()
    assert "ended with status 3 before it served" in said[0] and len(said) <= 2, cli.said
    put_program(program, "#!/bin/sh\nexec sleep 1000\n")
    cli.run("upgrade", "--limit", "1", status=1)
    assert "did not serve within 1000 ms" in cli.said
    assert berth.get("/hello").text == "hello"


def test_upgrade_without_a_daemon(berth):
    berth.write_function("hello", HELLO)
    berth.start()
    berth.stop()
    cli = Cli(berth)
    cli.run("upgrade", status=3)
    assert "no daemon answers" in cli.said
