"""Functions on another release of Debian than this machine's own, with the Python of that one."""

import re
import subprocess

import pytest
from harness.cli import Cli
from harness.index import mirrored, native
from harness.revisions import go_back, serve, view

pytestmark = pytest.mark.limit(900)

BUILD_S = 400
VERSIONS = {"bookworm": "3.11", "trixie": "3.13"}

VERSION = """
    import sys

    def handle(request):
        return "%d.%d" % sys.version_info[:2]
"""

# On which Python it runs, and by which one the package was built that it has.
BUILT = """
    import sys

    import parcel

    def handle(request):
        return "%d.%d has one of " % sys.version_info[:2] + parcel.BUILT_BY
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


def says(berth, name, text):
    answer = berth.wait_settled(f"/{name}", f"{name} to be built", BUILD_S)
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
    refused = berth.wait_settled("/wrong", "the trial", BUILD_S)
    assert refused.error()["reason"] == "load-failed" and "SyntaxError" in refused.text, refused


def built(release):
    """What BUILT says when both are of that release."""
    return f"{VERSIONS[release]} has one of {VERSIONS[release]}"


def installs(berth):
    return len(berth.log.entries("dependencies.install"))


def test_the_same_requirements_on_two_releases_are_two_sets(berth, releases, index):
    index.sources["alpha"] = native("alpha")
    for release in releases:
        berth.write_function(f"on-{release}", BUILT, base=release, extra_dependencies="alpha==1.0")
        berth.write_function(f"also-{release}", BUILT, base=release, extra_dependencies="alpha==1.0")
    berth.start(environment=mirrored(index))
    for release in releases:
        says(berth, f"on-{release}", built(release))
        says(berth, f"also-{release}", built(release))
    assert installs(berth) == 2
    berth.stop()
    berth.start(environment=mirrored(index))
    for release in releases:
        says(berth, f"on-{release}", built(release))
    assert installs(berth) == 2


def test_rollback_goes_back_to_the_other_release_and_its_dependencies(berth, releases, index):
    own, other = releases
    index.sources["alpha"] = native("alpha")
    berth.write_function("hello", BUILT, base=own, extra_dependencies="alpha==1.0")
    berth.start(environment=mirrored(index))
    says(berth, "hello", built(own))
    former = serve(berth, text=built(own))
    berth.configure("hello", base=other)
    berth.apply()
    berth.wait_answer("/hello", lambda answer: answer.text == built(other), "the other release", BUILD_S)
    latter = serve(berth, text=built(other))
    index.sources.clear()
    asked = len(index.asked)
    assert go_back(berth, built(own)) == former
    assert view(berth)["base"] == own and view(berth)["interpreter"].startswith(f"Python {VERSIONS[own]}.")
    berth.stop()
    berth.start(environment=mirrored(index))
    says(berth, "hello", built(own))
    assert view(berth)["revision"] == former
    assert go_back(berth, built(other), latter[:12]) == latter
    assert view(berth)["base"] == other
    assert len(index.asked) == asked


def test_change_of_the_hosts_release_installs_for_that_one(berth, releases, index):
    own, other = releases
    index.sources["alpha"] = native("alpha")
    berth.host["base"] = own
    berth.write_function("hello", BUILT, extra_dependencies="alpha==1.0")
    berth.start(environment=mirrored(index))
    says(berth, "hello", built(own))
    berth.host["base"] = other
    berth.write_config()
    berth.apply()
    berth.wait_answer("/hello", lambda answer: answer.text == built(other), "the other release", BUILD_S)
    assert installs(berth) == 2
