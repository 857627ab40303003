"""Functions whose folders are symbolic links: they may lead to what `roots` lists, and nowhere else."""

import json
import os
import subprocess

import pytest

from harness.wait import wait_until

CHECK_S = 60
SAYS = "#!/bin/sh\ncat word\n"
PYTHON_SAYS = """
    def handle(request):
        return open("word").read()
"""


def check(berth):
    run = subprocess.run(berth.command("--check", "--json"), capture_output=True, text=True, timeout=CHECK_S)
    return run.returncode, json.loads(run.stdout)


def write_shared(berth, name, word):
    """A function's folder outside of the project that says `word`; its path."""
    folder = os.path.join(berth.folder, "shared", name)
    berth.write_files(folder, {"main.sh": SAYS, "word": word})
    return folder


def register(berth, name, target, language="shell", function_folder=None):
    """Registers a function whose folder, or the one above it, is a link."""
    functions = os.path.join(berth.project, "functions")
    os.makedirs(functions, exist_ok=True)
    os.symlink(target, os.path.join(functions, name))
    berth.functions[name] = {"configuration": {
        "programing_language": language, "function_folder": function_folder or name, "idle_timeout": "200ms"}}
    berth.write_config()


def relink(berth, name, target):
    link = os.path.join(berth.project, "functions", name)
    os.symlink(target, link + ".new")
    os.replace(link + ".new", link)


@pytest.fixture
def roots(berth):
    """The folder that `roots` lists."""
    folder = os.path.join(berth.folder, "shared")
    os.mkdir(folder)
    berth.host = {"roots": [folder], "prewarm": 0}
    return folder


@pytest.mark.shows_setting("host.roots")
def test_links_that_lead_below_a_root_are_served(berth, roots):
    register(berth, "linked", write_shared(berth, "team/one", "one"))
    register(berth, "team", os.path.join(roots, "team"), function_folder="team/one")
    register(berth, "chained", os.path.join(roots, "hop"))
    os.symlink("team/../team/one", os.path.join(roots, "hop"))
    register(berth, "root", roots)
    berth.write_files(roots, {"main.sh": SAYS, "word": "root"})
    register(berth, "python", os.path.join(roots, "snake"), language="python")
    berth.write_files(os.path.join(roots, "snake"), {"main.py": PYTHON_SAYS, "word": "snake"})
    assert check(berth) == (0, [])
    berth.start()
    said = {name: berth.get(f"/{name}").text for name in berth.functions}
    assert said == {"linked": "one", "team": "one", "chained": "one", "root": "root", "python": "snake"}


@pytest.mark.shows_setting("host.roots")
def test_link_out_of_the_roots_is_refused_until_they_have_it(berth, roots):
    """The check and the daemon say the same: where it leads, where that is written, how to allow it."""
    berth.expect_error("function.diagnostic")
    berth.expect_error("function.problem")
    target = os.path.join(berth.folder, "elsewhere")
    berth.write_files(target, {"main.sh": SAYS, "word": "allowed"})
    register(berth, "linked", target)
    status, [error] = check(berth)
    assert status == 2 and error["function"] == "linked" and target in error["message"]
    with open(berth.config, encoding="utf-8") as file:
        place = file.read().splitlines()[error["line"] - 1][error["column"] - 1 :]
    assert place == '"linked"' and f'roots: ["{target}"]' in error["hint"]
    berth.start()
    told = berth.admin("GET", "/system/function/linked").json()["berth"]["diagnostics"]
    assert [(finding["message"], finding["line"], finding["hint"]) for finding in told] == [
        (error["message"], error["line"], error["hint"])
    ]
    assert berth.get("/linked").status == 503
    berth.host["roots"].append(target)
    berth.write_config()
    berth.reload()
    answer = berth.wait_answer("/linked", lambda answer: answer.status == 200, "the link to be allowed")
    assert answer.text == "allowed"


@pytest.mark.shows_setting("host.roots")
def test_changed_link_is_another_package(berth, roots):
    register(berth, "linked", write_shared(berth, "one", "one"))
    berth.start()
    assert berth.get("/linked").text == "one"
    relink(berth, "linked", write_shared(berth, "two", "two"))
    berth.reload()
    berth.wait_answer("/linked", lambda answer: answer.text == "two", "the new target")
    berth.write_files(os.path.join(roots, "two"), {"word": "three"})
    berth.reload()
    berth.wait_answer("/linked", lambda answer: answer.text == "three", "the changed file")


@pytest.mark.shows_setting("host.roots")
def test_links_in_the_folder_stay_in_it(berth, roots):
    berth.expect_error("function.*")
    folder = write_shared(berth, "one", "one")
    write_shared(berth, "two", "two")
    os.symlink("../two/word", os.path.join(folder, "other"))
    register(berth, "linked", folder)
    status, findings = check(berth)
    words = "the link other leads out of the folder"
    assert status == 2 and words in findings[0]["message"]
    berth.start()
    assert words in berth.get("/linked").error()["message"]


def spoil(berth):
    """Somebody writes into the stored package, so that it is made anew from the function's folder."""
    [package] = os.listdir(os.path.join(berth.state_dir, "packages"))
    with open(os.path.join(berth.state_dir, "packages", package, "word"), "w", encoding="utf-8") as file:
        file.write("spoilt")


@pytest.mark.parametrize("moved", ["one", ""], ids=["the folder", "the root"])
def test_folder_replaced_by_a_link_is_not_read(berth, roots, moved):
    """The link to the folder was followed once, at the reload. What is put in its place later may lead anywhere."""
    berth.expect_error("function.problem")
    register(berth, "linked", write_shared(berth, "one", "one"))
    secret = os.path.join(berth.folder, "secret")
    berth.write_files(os.path.join(secret, "" if moved else "one"), {"main.sh": SAYS, "word": "secret"})
    berth.start()
    assert berth.get("/linked").text == "one"
    berth.wait_no_instance("linked")
    place = os.path.join(roots, moved).rstrip("/")
    os.rename(place, os.path.join(berth.folder, "moved"))
    os.symlink(secret, place)
    spoil(berth)
    answer = berth.get("/linked")
    assert answer.status == 502 and answer.error()["reason"] == "folder-replaced"
    os.remove(place)
    os.rename(os.path.join(berth.folder, "moved"), place)
    berth.reload()
    berth.wait_answer("/linked", lambda answer: answer.text == "one", "the folder to be back")


def test_link_changed_after_the_reload_is_not_followed(berth, roots):
    register(berth, "linked", write_shared(berth, "one", "one"))
    secret = os.path.join(berth.folder, "secret")
    berth.write_files(secret, {"main.sh": SAYS, "word": "secret"})
    berth.start()
    assert berth.get("/linked").text == "one"
    berth.wait_no_instance("linked")
    relink(berth, "linked", secret)
    spoil(berth)
    assert berth.get("/linked").text == "one"
    berth.expect_error("function.diagnostic")
    berth.expect_error("function.problem")
    berth.reload()
    wait_until(lambda: berth.log.entries(event="function.diagnostic", function="linked"), "the link to be refused", 30)
    assert berth.get("/linked").text == "one"  # the version that worked goes on serving


def everybody_may_write(berth):
    folder = os.path.join(berth.folder, "open")
    os.mkdir(folder)
    os.chmod(folder, 0o777)
    return folder


def a_link(berth):
    folder = os.path.join(berth.folder, "link")
    os.symlink("shared", folder)
    return folder


BAD_ROOTS = [
    (lambda berth: "/", "error", "every folder of this machine"),
    (lambda berth: "shared", "error", "absolute"),
    (a_link, "error", "is a symbolic link"),
    (everybody_may_write, "error", "other users may write"),
    (lambda berth: os.path.join(berth.folder, "nothing"), "warning", "there is no folder"),
]


@pytest.mark.shows_setting("host.roots")
@pytest.mark.parametrize(("root", "severity", "words"), BAD_ROOTS, ids=["all", "relative", "link", "open", "none"])
def test_bad_root_is_told_of_and_the_others_count(berth, roots, root, severity, words):
    berth.expect_error("config.diagnostic")
    register(berth, "linked", write_shared(berth, "one", "one"))
    berth.host["roots"].append(root(berth))
    berth.write_config()
    status, [finding] = check(berth)
    assert status == (2 if severity == "error" else 0)
    assert finding["severity"] == severity and words in finding["message"] and finding["line"] == 2
    berth.start()
    assert berth.get("/linked").text == "one"
    assert any(words in entry["message"] for entry in berth.log.entries(event="config.diagnostic"))
