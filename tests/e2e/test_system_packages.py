"""Packages of the distribution that functions ask for, in images that are made once for whoever wants the same."""

import pathlib

import pytest
from harness.cli import Cli
from harness.plugins import drop
from harness.revisions import go_back, serve, view
from harness.wait import wait_until

pytestmark = pytest.mark.limit(600)

BUILD_S = 200

FIGLET = """
    import subprocess

    def handle(request):
        done = subprocess.run(["figlet", "-v"], capture_output=True, text=True)
        return done.stdout.split()[0]
"""

LOOKS = """
    import shutil

    def handle(request):
        return "there" if shutil.which("figlet") else "not there"
"""


def says(berth, name, text):
    answer = berth.wait_settled(f"/{name}", f"{name} to be built", BUILD_S)
    assert answer.text.strip() == text, answer


def system_images(berth):
    """The names of those that this daemon has looked at or made."""
    names = {tag for image in berth.engine.images() for tag in image["RepoTags"] or []}
    return {name for name in names if name.startswith("berth-system-")}


def forget_images(berth):
    """So that one is built, and not found as another test has left it."""
    for name in system_images(berth):
        berth.engine.remove_image(name)


def image_of(berth, name):
    return berth.admin("GET", f"/system/function/{name}").json()["image"]


@pytest.mark.shows_setting("configuration.system_packages")
def test_functions_that_ask_for_the_same_share_an_image(berth):
    forget_images(berth)
    berth.write_function("text", FIGLET, system_packages="jq figlet")
    berth.write_function("listed", FIGLET, system_packages=["figlet", "jq", "figlet"])
    berth.write_function("plain", LOOKS)
    berth.write_function("cgi", "#!/bin/sh\necho; echo 1 | jq .+1\n", language="shell", system_packages="jq")
    berth.start()
    says(berth, "text", "FIGlet")
    says(berth, "listed", "FIGlet")
    says(berth, "plain", "not there")
    says(berth, "cgi", "2")
    assert image_of(berth, "text") == image_of(berth, "listed")
    assert image_of(berth, "text").startswith("berth-system-python:")
    assert image_of(berth, "cgi").startswith("berth-system-shell:")
    built = [entry["image"] for entry in berth.log.entries("image.built") if "system" in entry["image"]]
    assert sorted(built) == sorted({image_of(berth, "text"), image_of(berth, "cgi")})
    shown = Cli(berth).run("describe", "text")
    assert '["figlet", "jq"]' in shown, shown


def test_reload_leaves_alone_what_has_not_changed_and_a_rollback_brings_packages_back(berth):
    berth.write_function("hello", LOOKS, system_packages="figlet jq")
    berth.start()
    says(berth, "hello", "there")
    with_packages = serve(berth, text="there")
    berth.reload()
    assert view(berth)["revision"] == with_packages
    berth.write_function("hello", LOOKS)
    berth.apply()
    assert serve(berth, text="not there") != with_packages
    assert go_back(berth, "there") == with_packages


def test_prewarmed_instances_have_the_packages(berth):
    berth.write_function("hello", FIGLET, system_packages="figlet jq")
    berth.start()
    says(berth, "hello", "FIGlet")
    image = image_of(berth, "hello")

    def prewarmed():
        return [c for c in berth.containers() if c["Image"] == image and c["Names"][0].startswith("/berth.python.")]

    wait_until(prewarmed, "an instance with the packages to wait", 60)


def test_package_that_is_not_to_be_had_is_found_where_it_is_written(berth):
    berth.expect_error(".*", function="hello")
    berth.write_function("hello", FIGLET, system_packages="figlet no-such-thing")
    berth.start()
    error = berth.wait_settled("/hello", "the failure", BUILD_S).error()
    assert error["reason"] == "system-packages"
    assert error["message"] == (
        "the system packages cannot be installed: E: Unable to locate package no-such-thing"
    )
    told = berth.admin("GET", "/system/function/hello").json()["berth"]
    assert "E: Unable to locate package no-such-thing\n" in told["build_output"]
    (finding,) = [item for item in told["diagnostics"] if item["severity"] == "error"]
    line = pathlib.Path(berth.config).read_text(encoding="utf-8").splitlines()[finding["line"] - 1]
    assert line[finding["column"] - 1 :].startswith("no-such-thing"), (finding, line)
    assert finding["message"] == "apt-get: E: Unable to locate package no-such-thing"
    berth.write_function("hello", FIGLET, system_packages="figlet jq")
    berth.apply()
    says(berth, "hello", "FIGlet")


def test_dependencies_are_installed_where_the_packages_are(berth, peers):
    drop(peers / "locked" / "locked.so", pathlib.Path(berth.project, "plugins"))
    for name, packages in (("plain", None), ("tea", "figlet")):
        berth.write_function(name, {"deps.lock": "green\n"}, language="locked", idle_timeout=60, system_packages=packages)
    berth.start()
    says(berth, "plain", "GREEN\ncompiler: elsewhere")
    says(berth, "tea", "GREEN\ncompiler: elsewhere")
    assert len(berth.log.entries(event="dependencies.installed")) == 2
    assert len([name for name in system_images(berth) if name.startswith("berth-system-locked:")]) >= 2
