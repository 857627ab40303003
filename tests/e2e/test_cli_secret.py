"""`berth secret`: values from a pipe, a file and a terminal, and never from the command line."""

import json
import os

import pytest

from harness import secret
from harness.cli import Cli

TELLS = """
    import os
    from starlette.responses import JSONResponse
    from pathlib import Path

    def handle(request):
        return JSONResponse([Path("/run/secrets/token").read_bytes().hex(), os.environ.get("TOKEN", "")])
"""


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    secret.key_file(shared_berth)
    shared_berth.expect_error(".*", function="tells")
    shared_berth.write_function("tells", TELLS, secrets=["token"], idle_timeout=60)
    shared_berth.start()


@pytest.fixture(name="cli")
def cli_fixture(served):
    return Cli(served)


def told(berth):
    answer = berth.wait_answer("/tells", lambda answer: answer.status == 200, "the function to serve", 120)
    return bytes.fromhex(answer.json()[0])


def test_set_takes_what_is_piped_in_without_its_last_newline(served, cli):
    assert "token is set." in cli.run("secret", "set", "token", stdin="piped\n\n")
    assert told(served) == b"piped\n"


def test_function_that_waits_for_other_secrets(served, cli):
    several = ["first-key", "second-key", "third-key"]
    variable = {"SECOND": {"secret": "second-key"}}
    served.write_function("several", TELLS, secrets=several, environment=variable, idle_timeout=60)
    served.expect_error(".*", function="several")
    served.apply()
    said = cli.run("secret", "set", "first-key", stdin="x")
    assert "several still waits for secrets second-key and third-key: berth secret set second-key\n" in said
    assert json.loads(cli.run("secret", "set", "second-key", "--json", stdin="x"))["waiting"] == {"several": ["third-key"]}
    said = cli.run("secret", "rotate", "second-key", "--no-wait", stdin="y")
    assert "several still waits for secret third-key: berth secret set third-key\n" in said and "takes it over" not in said
    assert "several takes it over; berth describe several tells" in cli.run("secret", "set", "third-key", stdin="x")
    del served.functions["several"]
    served.apply()


def test_rotate_takes_a_file_byte_for_byte_and_waits(served, cli, tmp_path):
    cli.run("secret", "set", "token", stdin="first")
    (tmp_path / "key").write_bytes(b"\0bytes\n")
    text = cli.run("secret", "rotate", "token", "--from-file", str(tmp_path / "key"))
    assert "tells serves with it, as revision " in text
    assert told(served) == b"\0bytes\n"
    answer = cli.json("secret", "ls")
    assert [item["functions"] for item in answer if item["name"] == "token"] == [["tells"]]
    assert "tells" in cli.run("secret", "rotate", "token", "--no-wait", "--from-file", str(tmp_path / "key"))


def test_value_is_asked_for_without_showing_it(served, cli, make_screen):
    cli.run("secret", "set", "token", stdin="before")
    screen = make_screen([cli.program, "secret", "rotate", "token", "--url", cli.url], cwd=served.project)
    screen.wait("Value of token:", "the question", 60)
    screen.type("typed-in\n")
    screen.wait("tells serves with it", "the end", 120)
    assert b"typed-in" not in screen.raw
    assert told(served) == b"typed-in"


def test_mistakes_are_told(cli, tmp_path):
    cli.run("secret", "rotate", "unknown", stdin="x", status=1)
    assert 'no secret "unknown"' in cli.said
    cli.run("secret", "set", "a/b", stdin="x", status=1)
    cli.run("secret", "set", "empty", stdin="\n", status=1)
    assert "needs a value" in cli.said and "--from-file" in cli.said and "rawValue" not in cli.said
    cli.run("secret", "set", "large", stdin="x" * ((1 << 20) + 2), status=1)
    assert "1 MiB" in cli.said
    cli.run("secret", "set", "file", "--from-file", str(tmp_path / "none"), status=1)
    assert "cannot open" in cli.said
    cli.run("secret", "set", "token", "value", status=2)


def test_name_of_a_long_setting_stands_apart(served, cli):
    cli.run("secret", "set", "token", stdin="x")
    variable = "A_NAME_THAT_IS_LONGER_THAN_ITS_COLUMN"
    served.write_function("varied", TELLS, secrets=["token"], environment={variable: {"secret": "token"}})
    served.apply()
    assert f"environment_secrets.{variable} token\n" in cli.run("describe", "varied")


def test_rm_refuses_what_is_used_unless_it_is_forced(served, cli):
    cli.run("secret", "set", "spare", stdin="x")
    assert cli.run("secret", "rm", "spare") == "spare is removed.\n"
    cli.run("secret", "rm", "spare", status=1)
    cli.run("secret", "set", "token", stdin="x")
    cli.run("secret", "rm", "token", status=1)
    assert "used by tells" in cli.said and "--force token" in cli.said
    cli.run("secret", "rm", "token", "--force")
    assert "token" not in cli.run("secret", "ls")
    assert os.path.exists(served.host["secret_key_file"])
