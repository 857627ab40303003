"""Dependencies of a language that installs them in an image of its own, from what a function's package locks."""

import pathlib

import pytest

from harness.plugins import drop
from harness.wait import wait_until

pytestmark = pytest.mark.limit(400)

INSTALL_S = 100


@pytest.fixture
def locked(berth, peers):
    """The language, beside the registry."""
    drop(peers / "locked" / "locked.so", pathlib.Path(berth.project, "plugins"))


def write(berth, name, lock, **files):
    berth.write_function(name, {"deps.lock": lock, **files}, language="locked", idle_timeout=60)


def is_settled(answer):
    return answer.status != 503 or answer.error()["reason"] in ("image-build", "dependency-install")


def answer_of(berth, name, text):
    """Waits for this answer of the function."""
    answer = berth.wait_answer(f"/{name}", is_settled, f"{name} to be installed", INSTALL_S)
    assert answer.text == text, answer


def refusal(berth, name, reason):
    """Waits for this error of the function."""

    def is_refused(answer):
        return answer.status == 503 and answer.error()["reason"] == reason

    return berth.wait_answer(f"/{name}", is_refused, reason, INSTALL_S).error()


def installed(berth):
    return len(berth.log.entries(event="dependencies.installed"))


def test_lock_file_is_read_with_a_tool_that_does_not_ship(berth, locked):
    write(berth, "tea", "green\n")
    berth.start()
    answer_of(berth, "tea", "GREEN\ncompiler: elsewhere\n")
    assert installed(berth) == 1
    names = [name for image in berth.engine.images() for name in image["RepoTags"]]
    assert [name for name in names if name.startswith("berth-builder-locked:")]


def test_set_is_shared_by_what_locks_the_same_and_made_anew_for_another(berth, locked):
    write(berth, "tea", "green\n")
    write(berth, "cup", "green\n", notes="of another function\n")
    berth.start()
    answer_of(berth, "tea", "GREEN\ncompiler: elsewhere\n")
    answer_of(berth, "cup", "GREEN\ncompiler: elsewhere\n")
    assert installed(berth) == 1
    write(berth, "tea", "black\n")
    write(berth, "cup", "green\n", notes="changed\n")
    berth.reload()
    berth.wait_answer("/tea", lambda answer: answer.text.startswith("BLACK"), "the other lock file", INSTALL_S)
    wait_until(lambda: len(berth.log.entries(event="revision.state", function="cup", to="active")) == 2, "the change", 60)
    assert installed(berth) == 2


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        ("break the moon is full\n", "(exit code 3): the moon is full"),
        ("broken\n", "(exit code 4): deps.lock:1:1: error: this cannot be compiled"),
    ],
)
def test_cause_of_a_failed_installation_is_told(berth, locked, lock, words):
    write(berth, "tea", lock)
    berth.start()
    assert refusal(berth, "tea", "dependency-install")["message"].endswith(words)
    output = berth.admin("GET", "/system/function/tea").json()["berth"]["build_output"]
    assert "compiling part 9\n" in output and "cleaning up" in output and "berth-cause" not in output


def test_builder_image_that_cannot_be_made_is_told_apart(berth, locked):
    dockerfile = pathlib.Path(berth.project, "plugins", "locked", "builder", "Dockerfile")
    dockerfile.write_text(dockerfile.read_text() + "RUN echo 'error: no compiler' >&2; exit 7\n")
    write(berth, "tea", "green\n")
    berth.start()
    error = refusal(berth, "tea", "image-build")
    assert error["message"].startswith("the builder image of locked cannot be built: error: no compiler (exit code 7")
    assert "locked/builder/Dockerfile" in error["hint"]
