"""A function cannot find, list or read the dependencies of another one, prewarmed or not, root or not."""

import os
import pathlib

import pytest

from harness import engine
from harness.index import mirrored, wheel
from harness.wait import wait_until

PLACE = "/berth/dependencies"

OWNER = """
    import parcel

    def handle(request):
        return parcel.__file__
"""

# All that a function could look for another one's set with: lists and guesses, the folder watched or opened in another
# way, its mode changed, and what the kernel shows of mounts.
THIEF = """
    import ctypes
    import os
    from starlette.responses import JSONResponse

    PLACE = "/berth/dependencies"

    def names(path):
        try:
            return sorted(os.listdir(path))
        except OSError as error:
            return error.strerror

    def found(guess):
        return [path for path in (os.path.join(PLACE, guess), guess) if os.path.exists(path)]

    def watched(path):
        libc = ctypes.CDLL(None, use_errno=True)
        return libc.inotify_add_watch(libc.inotify_init(), path.encode(), 0xFFF) >= 0

    def reopened(path):
        try:
            return os.listdir("/proc/self/fd/%d" % os.open(path, os.O_PATH))
        except OSError as error:
            return error.strerror

    def opened_up(path):
        try:
            os.chmod(path, 0o777)
            return True
        except OSError:
            return False

    def handle(request):
        return JSONResponse({
            "uid": os.getuid(),
            "names": names(PLACE),
            "reopened": reopened(PLACE),
            "opened_up": opened_up(PLACE),
            "watched": os.path.exists(PLACE) and watched(PLACE),
            "mounts": open("/proc/self/mountinfo").read(),
            "found": [path for guess in request.query_params["guesses"].split(",") for path in found(guess)],
        })
"""


def sets(berth):
    """Where the sets of a daemon are: names of their folders and what they are known by elsewhere."""
    names = os.listdir(pathlib.Path(berth.state_dir, "dependencies"))
    keys = os.listdir(pathlib.Path(berth.state_dir, "dependencies-used"))
    assert len(names) == len(keys) and not set(names) & set(keys)
    return names, keys


def prewarmed(berth):
    """How many instances wait for a function."""
    states = berth.log.entries(event="instance.state")
    return len([s for s in states if s["to"] == "prewarmed"]) - len([s for s in states if s["from"] == "prewarmed"])


@pytest.mark.parametrize("user", [None, "root"])
@pytest.mark.parametrize("prewarm", [0, 1], ids=["own container", "prewarmed"])
def test_sets_of_others_are_neither_listed_nor_guessed(berth, index, prewarm, user):
    index.wheels["alpha"] = wheel("alpha", 10)
    berth.host = {"prewarm": prewarm}
    settings = {"idle_timeout": 60, **({"user": user} if user else {})}
    berth.write_function("owner", OWNER, extra_dependencies="alpha", **settings)
    berth.write_function("thief", THIEF, **settings)
    berth.start(environment=mirrored(index))
    owned = berth.wait_answer("/owner", lambda answer: answer.text.startswith(PLACE), "an answer", 60).text
    (name,), (key,) = sets(berth)
    assert owned.split("/")[3] == name
    wait_until(lambda: prewarmed(berth) >= prewarm, "a prewarmed instance to be there again", 60)
    guesses = [key, "parcel", "../dependencies/" + key, "*", os.path.join(berth.state_dir, "dependencies", name)]
    answer = berth.get("/thief?guesses=" + ",".join(guesses))
    assert answer.status == 200, answer.text
    seen = answer.json()
    there = "Permission denied" if prewarm else "No such file or directory"
    assert (seen["names"], seen["reopened"]) == (there, there)
    assert not seen["opened_up"] and not seen["watched"] and seen["found"] == []
    assert name not in seen["mounts"]
    assert seen["uid"] == (0 if user else 10001)


def test_a_container_of_its_own_has_its_own_set_only(berth, index):
    index.wheels["alpha"] = wheel("alpha", 10)
    index.wheels["beta"] = wheel("beta", 10)
    berth.host = {"prewarm": 0}
    for name, wanted in (("one", "alpha"), ("other", "beta")):
        berth.write_function(name, OWNER, extra_dependencies=wanted, idle_timeout=60)
    berth.start(environment=mirrored(index))
    mounted = {}
    for name in ("one", "other"):
        berth.wait_answer(f"/{name}", lambda answer: answer.text.startswith(PLACE), "an answer", 60)
        mounts = engine.inspect(berth.instance(name)["Id"])["Mounts"]
        (mount,) = [m for m in mounts if m["Destination"].startswith(PLACE)]
        assert os.path.basename(mount["Source"]) == os.path.basename(mount["Destination"]) and not mount["RW"]
        mounted[name] = os.path.basename(mount["Source"])
    assert sorted(mounted.values()) == sorted(sets(berth)[0]) and len(set(mounted.values())) == 2
