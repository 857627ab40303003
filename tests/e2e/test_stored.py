"""What is stored below the state directory and changed there by somebody else is never served."""

import os
import pathlib
import shutil

import pytest

from harness.index import mirrored, wheel
from harness.wait import wait_until

CODE = """
    def handle(request):
        return "right"
"""

USES = """
    import parcel

    def handle(request):
        return "has " + parcel.NAME
"""


def packages(berth):
    return sorted(pathlib.Path(berth.state_dir, "packages").glob("*/main.py"))


def rewrite(path, text):
    """Other content of the same length, in the same file, with the times that it had."""
    before = os.stat(path)
    assert len(text) == before.st_size
    with open(path, "r+", encoding="utf-8") as file:
        file.write(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_text(path, old, new):
    rewrite(path, path.read_text(encoding="utf-8").replace(old, new))


CHANGES = {
    "content": lambda path: replace_text(path, "right", "wrong"),
    "another file": lambda path: (shutil.copy(path, f"{path}.x"), os.replace(f"{path}.x", path)),
    "an added file": lambda path: (path.parent / "json.py").write_text("raise SystemExit\n", encoding="utf-8"),
    "a removed file": lambda path: path.unlink(),
    "no folder": lambda path: shutil.rmtree(path.parent),
}


@pytest.mark.parametrize("prewarm", [0, 2], ids=["mounted", "handed over"])
@pytest.mark.parametrize("change", CHANGES)
def test_changed_package_is_made_anew(berth, change, prewarm):
    berth.host = {"prewarm": prewarm}
    berth.write_function("sealed", {"main.py": CODE}, idle_timeout="200ms")
    berth.start()
    assert berth.get("/sealed").text == "right"
    berth.wait_no_instance("sealed")
    (path,) = packages(berth)
    CHANGES[change](path)
    answer = berth.get("/sealed")
    assert (answer.status, answer.text) == (200, "right")
    (entry,) = berth.log.entries(event="revision.package_changed")
    assert entry["function"] == "sealed"
    (path,) = packages(berth)
    assert "wrong" not in path.read_text(encoding="utf-8")
    assert not (path.parent / "json.py").exists()


def test_changed_package_whose_source_is_gone_is_an_error(berth):
    """It can neither be served nor made anew: those who wait are told at once, until the files are back."""
    berth.write_function("sealed", {"main.py": CODE}, idle_timeout="200ms")
    berth.start()
    assert berth.get("/sealed").text == "right"
    berth.wait_no_instance("sealed")
    (path,) = packages(berth)
    replace_text(path, "right", "wrong")
    source = os.path.join(berth.project, "functions", "sealed", "main.py")
    with open(source, "w", encoding="utf-8") as file:
        file.write("def handle(request:\n")
    for _ in range(3):
        answer = berth.get("/sealed", timeout=20)
        assert answer.status in (502, 503) and "never closed" in answer.error()["message"], answer
    berth.write_function("sealed", {"main.py": CODE}, idle_timeout="200ms")
    assert berth.get("/sealed").text == "right"


def test_package_changed_while_the_daemon_is_away_is_made_anew(berth):
    berth.write_function("sealed", {"main.py": CODE})
    berth.start()
    assert berth.get("/sealed").text == "right"
    for end in (berth.stop, berth.kill):
        end()
        (path,) = packages(berth)
        replace_text(path, "right", "wrong")
        berth.start()
        assert berth.get("/sealed").text == "right"


@pytest.mark.limit(300)
def test_changed_dependencies_are_installed_anew(berth, index):
    """When they are asked for: at the start of the daemon and when a function is deployed."""
    index.wheels["alpha"] = wheel("alpha", 10)
    berth.write_function("uses", USES, extra_dependencies="alpha")
    berth.start(environment=mirrored(index))
    assert berth.get("/uses").text == "has alpha"
    for number, again in enumerate((berth.reload, lambda: berth.stop() or berth.start(environment=mirrored(index))), 1):
        berth.wait_no_instance("uses")
        (path,) = pathlib.Path(berth.state_dir, "dependencies").glob("*/parcel/__init__.py")
        replace_text(path, "alpha", "wrong")
        berth.write_function("uses", USES.rstrip() + f' + "{number}"\n', extra_dependencies="alpha")
        again()
        wait_until(lambda: len(berth.log.entries(event="dependencies.changed")) == number, "the change to be seen", 60)
        wait_until(lambda: len(berth.log.entries(event="dependencies.installed")) == number + 1, "them to be back", 60)
        berth.wait_answer("/uses", lambda answer, new=f"has alpha{number}": answer.text == new, "the new one", 60)
        assert "wrong" not in path.read_text(encoding="utf-8")
