"""Variables from a file beside the registry or in a deployed folder, and what is said of those that nothing replaces."""

import json
import os

import pytest

from harness import secret
from harness.cli import Cli
from harness.servers import write_server

TELLS = """
    import os
    from starlette.responses import JSONResponse

    def handle(request):
        return JSONResponse({name: os.environ.get(name) for name in ("A", "B", "C")})
"""


def told(berth, **expected):
    def is_told(answer):
        return answer.status == 200 and answer.json().items() >= expected.items()

    return berth.wait_answer("/tells", is_told, f"{expected}", 60)


@pytest.mark.shows_setting("configuration.env_file")
def test_variables_of_the_file_are_there_and_follow_it(berth):
    berth.watch = True
    berth.write_files("", {"site.env": "A=of the file\nexport B='b # b'\nC=${HOME}\n"})
    berth.write_function("tells", TELLS, env_file="site.env", environment={"A": "of the registry"}, idle_timeout=60)
    berth.start()
    told(berth, A="of the registry", B="b # b", C="${HOME}")
    berth.write_files("", {"site.env": "B=two\n"})
    told(berth, A="of the registry", B="two", C=None)


def test_mistakes_in_it_have_their_places(berth):
    berth.expect_error(".*")
    berth.write_files("", {"site.env": "A=1\nB\n"})
    berth.write_function("tells", TELLS, env_file="site.env", environment={"C": "${HOME}/x"})
    berth.write_function("outside", TELLS, env_file="../site.env")
    berth.write_function("missing", TELLS, env_file="none.env")
    findings = json.loads(Cli(berth).run("check", "--json", status=2))
    by_function = {item["function"]: item for item in findings if item["severity"] == "error"}
    wrong = by_function["tells"]
    assert wrong["file"].endswith("/site.env") and (wrong["line"], wrong["column"]) == (2, 2)
    assert "there is no file" in by_function["missing"]["message"]
    assert by_function["outside"]["file"].endswith(".yml")
    (warning,) = [item for item in findings if "nothing is replaced" in item["message"]]
    assert "${HOME}" in warning["message"] and "env_file" in warning["hint"] and warning["severity"] == "warning"


def test_file_in_a_folder_that_is_deployed(berth):
    berth.expect_error(".*", function="tells")
    berth.start()
    cli = Cli(berth)
    configuration = "configuration:\n  programing_language: python\n  env_file: site.env\n  environment: {A: given}\n"
    berth.write_files("sent/tells", {"tells.py": TELLS, "function.yml": configuration, "site.env": "A=file\nB=one\n"})
    cli.run("deploy", "sent/tells")
    told(berth, A="given", B="one", C=None)
    berth.write_files("sent/tells", {"site.env": "B=two\nC=3\n"})
    cli.run("deploy", "sent/tells")
    told(berth, A="given", B="two", C="3")
    berth.write_files("sent/tells", {"site.env": "B=two\nC\n"})
    cli.run("deploy", "sent/tells", status=2)
    assert "sent/tells/site.env:2:2: error:" in cli.said
    for name, said in (("none.env", "there is no file"), ("../site.env", "there is no file"),
                       ("/etc/hostname", "must be in the folder of function.yml")):
        cli.run("deploy", "sent/tells", "--set", f"env_file={name}", status=2)
        assert said in cli.said and "beside function.yml" in cli.said
    told(berth, A="given", B="two", C="3")
    berth.write_files("", {"site.env": "A=beside the registry\n"})
    os.unlink(os.path.join(berth.project, "sent/tells/site.env"))
    cli.run("deploy", "sent/tells", status=2)
    assert 'there is no file "site.env"' in cli.said


def test_server_of_ones_own_has_secrets_as_variables_and_files(berth):
    secret.key_file(berth)
    value = secret.new_value()
    berth.expect_error(".*")
    write_server(berth, "web", idle_timeout=60, environment={"TOKEN": {"secret": "token"}, "PLAIN": "p"})
    berth.start()
    secret.put(berth, "token", value)
    answer = berth.wait_answer("/web/env", lambda answer: answer.status == 200, "the server", 120)
    variables = dict(line.split("=", 1) for line in answer.text.splitlines())
    assert variables["TOKEN"] == value and variables["PLAIN"] == "p"
    shown = json.dumps(berth.engine.inspect(berth.instance("web")["Id"]))
    assert not any(trace.decode() in shown for trace in secret.traces(value))
