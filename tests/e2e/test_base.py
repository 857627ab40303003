"""Functions on another release of Debian than this machine's own, with the Python of that one."""

import re
import subprocess

import pytest
from harness.cli import Cli
from harness.revisions import view

pytestmark = pytest.mark.limit(900)

BUILD_S = 400
VERSIONS = {"bookworm": "3.11", "trixie": "3.13"}

VERSION = """
    import sys

    def handle(request):
        return "%d.%d" % sys.version_info[:2]
"""

# Since Python 3.12.
NEW = """
    def handle(request):
        return f"{"new"}"
"""


@pytest.fixture(scope="module")
def releases(root, base_image):
    """This machine's own and the other one, which is made when it is not there."""
    own = base_image.partition(":")[2]
    (other,) = set(VERSIONS) - {own}
    subprocess.run([root / "scripts" / "base-image", other], check=True, capture_output=True, timeout=600)
    return own, other


def is_settled(answer):
    return answer.status != 503 or answer.error()["reason"] not in ("building-image", "queue-timeout")


def says(berth, name, text):
    answer = berth.wait_answer(f"/{name}", is_settled, f"{name} to be built", BUILD_S)
    assert answer.text == text, answer


@pytest.mark.shows_setting("configuration.base", "host.base")
def test_function_runs_on_the_release_that_it_names_or_the_hosts(berth, releases):
    own, other = releases
    berth.host["base"] = other
    berth.write_function("hosts", VERSION)
    berth.write_function("named", VERSION, base=own)
    berth.start()
    says(berth, "named", VERSIONS[own])
    says(berth, "hosts", VERSIONS[other])
    for name, release in (("named", own), ("hosts", other)):
        shown = view(berth, name)
        assert shown["base"] == shown["settings"]["base"] == release
        assert re.fullmatch(rf"Python {re.escape(VERSIONS[release])}\.\d+\S*", shown["interpreter"]), shown
        assert f"{shown['interpreter']} on {release}" in Cli(berth).run("describe", name)
    looks = {look["check"]: look for look in Cli(berth).json("doctor")}
    assert f"berth-base:{own}" in looks["base images"]["found"]
    assert f"berth-base:{other}" in looks["base images"]["found"]
    assert f"Python {VERSIONS[other]}" in looks["interpreters"]["found"]
    del berth.host["base"]
    berth.write_config()
    berth.apply()
    berth.wait_answer("/hosts", lambda answer: answer.text == VERSIONS[own], "the host's own release again", BUILD_S)


def test_what_this_machines_python_does_not_know_is_a_warning_and_the_trial_decides(berth, releases):
    own, other = releases
    if own != "bookworm":
        pytest.skip("the other release's Python is older")
    berth.expect_error(".*", function="wrong")
    berth.write_function("new", NEW, base=other)
    berth.write_function("wrong", "def handle(request):\n    return (\n", base=other)
    berth.start()
    says(berth, "new", "new")
    (finding,) = view(berth, "new")["diagnostics"]
    assert finding["severity"] == "warning" and (finding["line"], finding["column"]) == (2, 16), finding
    assert finding["message"].endswith("(checked with Python 3.11; it will run with 3.13)")
    refused = berth.wait_answer("/wrong", is_settled, "the trial", BUILD_S)
    assert refused.error()["reason"] == "load-failed" and "SyntaxError" in refused.text, refused
