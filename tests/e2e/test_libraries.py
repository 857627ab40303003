"""Prewarmed instances that have loaded a function's libraries: they serve it sooner, and else as if there were none."""

import pytest

from harness import secret
from harness.cli import Cli
from harness.index import mirrored, wheel
from harness.wait import wait_until

# A library that takes its time to load. Whether there was a function yet is seen by its code.
SLOW = """
    import os, time
    time.sleep(0.3)
    LOADED_AHEAD = not os.listdir("/berth/code")
    notes = []
"""

USES = """
    import json
    import slow

    def handle(request):
        return json.dumps({"ahead": slow.LOADED_AHEAD, "notes": len(slow.notes)})
"""

# One that does more than to load.
BUSY = """
    import os, threading
    LOADED_AHEAD = not os.listdir("/berth/code")
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, daemon=True)
    thread.start()
"""

USES_BOTH = """
    import json
    import busy
    import slow

    def handle(request):
        return json.dumps({"slow": slow.LOADED_AHEAD, "busy": busy.LOADED_AHEAD, "works": busy.thread.is_alive()})
"""

# Leaves all that a process can leave behind, and tells what it finds of that.
LEAVES = """
    import json, os, socket, sys, threading
    import slow
    from starlette.responses import JSONResponse

    def descriptors():
        for name in os.listdir("/proc/self/fd"):
            try:
                yield os.readlink("/proc/self/fd/" + name).partition(":")[0]
            except FileNotFoundError:
                pass  # the list's own

    seen = {
        "notes": list(slow.notes),
        "environment": {name: value for name, value in os.environ.items() if name.startswith("MINE")},
        "files": [folder + "/" + name for folder in ("/tmp", "/work", "/home/berth", "/dev/shm", "/run/secrets")
                  for name in os.listdir(folder)],
        "descriptors": sorted(descriptors()),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "modules": sorted(name for name in sys.modules if "leaves" in name or "other" in name),
        "path": sys.path,
        "arguments": sys.argv,
    }

    def handle(request):
        slow.notes.append("mine")
        os.environ["MINE_TOO"] = "1"
        for folder in ("/tmp", "/work", "/home/berth", "/dev/shm"):
            open(folder + "/mine", "w").close()
        handle.kept = socket.socketpair()
        threading.Thread(target=threading.Event().wait, name="mine", daemon=True).start()
        return JSONResponse(seen)
"""


@pytest.fixture
def berth(make_berth, index):
    index.wheels["slow"] = wheel("slow", module="slow", code=SLOW)
    index.wheels["busy"] = wheel("busy", module="busy", code=BUSY)
    berth = make_berth()
    berth.host = {"prewarm": 1, "prewarm_memory": "512Mi"}
    return berth


@pytest.fixture
def cli(berth):
    return Cli(berth)


def with_libraries(berth):
    """The instances that wait for a function and have the dependencies of one alone."""
    return {container["Labels"]["berth.instance"] for container in berth.prewarmed()
            if any(mount["Destination"].startswith("/berth/dependencies/") for mount in container["Mounts"])}


def await_libraries(berth, count=1):
    """The instances of so many that have loaded theirs, once there are no others."""
    def look():
        # One that is adopted has to dial once more.
        told = berth.log.entries(event=r"instance\.(state|adopted)")
        states = {entry["instance"]: entry.get("to", "adopted") for entry in told}
        ready = {instance for instance, state in states.items() if state == "prewarmed"}
        waiting = with_libraries(berth)
        return sorted(waiting) if len(waiting) == count and ready >= waiting else None

    return wait_until(look, f"{count} prewarmed instances with libraries", 120)


def start(berth, index):
    berth.start(environment=mirrored(index))


def wait_gone(berth, name):
    """The function has no instance any more."""
    wait_until(lambda: not berth.instances(name), f"{name} to have no instance", 60)


def test_libraries_are_there_before_the_function_is_called(berth, index):
    berth.write_function("uses", USES, extra_dependencies="slow")
    start(berth, index)
    (waiting,) = await_libraries(berth)
    wait_gone(berth, "uses")  # the instance that it was tried with
    answer = berth.get("/uses")
    assert answer.json() == {"ahead": True, "notes": 0}
    assert answer.headers["X-Served-By"] == waiting
    (known,) = berth.log.entries(event="libraries.known")
    assert known["function"] == "uses" and int(known["load_ms"]) >= 300
    assert await_libraries(berth) != [waiting]  # and the next one is there


def test_nothing_of_another_function_is_found(berth, index):
    for name in ("leaves", "other"):
        berth.write_function(name, {"leaves.py": LEAVES}, extra_dependencies="slow", idle_timeout=60, secrets=[])
    berth.host["prewarm_memory"] = 0
    start(berth, index)
    wait_gone(berth, "other")
    plain = berth.get("/other").json()
    berth.stop()
    berth.host["prewarm_memory"] = "512Mi"
    berth.write_config()
    start(berth, index)
    await_libraries(berth)  # for both: all that counts is the same
    wait_gone(berth, "leaves")
    (one,) = await_libraries(berth)
    assert berth.get("/leaves").headers["X-Served-By"] == one
    (two,) = await_libraries(berth)
    seen = berth.get("/other")
    assert seen.headers["X-Served-By"] == two
    assert seen.json() == plain


def test_a_library_that_does_more_than_load_is_loaded_with_its_function(berth, index):
    berth.write_function("both", USES_BOTH, extra_dependencies="slow busy")
    start(berth, index)
    left = wait_until(lambda: berth.log.entries(event="libraries.left"), "the thread to be found", 120)
    assert [(entry["function"], entry["module"]) for entry in left] == [("both", "busy")]
    assert "thread" in left[0]["effect"]
    await_libraries(berth)
    wait_gone(berth, "both")
    assert berth.get("/both").json() == {"slow": True, "busy": False, "works": True}


def test_a_library_that_reads_a_secret_is_loaded_with_its_function(berth, index, cli):
    index.wheels["keeper"] = wheel("keeper", module="keeper", code="""
        import os
        LOADED_AHEAD = not os.listdir("/berth/code")
        VALUE = open("/run/secrets/token").read()
    """)
    secret.key_file(berth)
    berth.write_config()
    start(berth, index)
    cli.run("secret", "set", "token", stdin="hunter2")
    berth.write_function("both", """
        import json
        import keeper
        import slow

        def handle(request):
            return json.dumps({"slow": slow.LOADED_AHEAD, "keeper": keeper.LOADED_AHEAD, "value": keeper.VALUE})
    """, extra_dependencies="slow keeper", secrets=["token"])
    berth.apply()
    await_libraries(berth)
    wait_gone(berth, "both")
    assert berth.get("/both").json() == {"slow": True, "keeper": False, "value": "hunter2"}


def test_what_is_known_of_libraries_outlives_the_daemon(berth, index):
    berth.write_function("both", USES_BOTH, extra_dependencies="slow busy")
    start(berth, index)
    wait_until(lambda: berth.log.entries(event="libraries.left"), "the thread to be found", 120)
    await_libraries(berth)
    berth.stop()
    start(berth, index)
    await_libraries(berth)
    assert berth.get("/both").json()["slow"]
    assert len(berth.log.entries(event="libraries.known")) == len(berth.log.entries(event="libraries.left")) == 1


def test_the_next_daemon_goes_on_with_them(berth, index):
    berth.write_function("uses", USES, extra_dependencies="slow")
    start(berth, index)
    before = await_libraries(berth)
    wait_gone(berth, "uses")
    berth.kill()
    start(berth, index)
    assert await_libraries(berth) == before
    answer = berth.get("/uses")
    assert answer.json()["ahead"] and [answer.headers["X-Served-By"]] == before


def test_libraries_that_cannot_be_loaded_ahead_do_not_keep_a_function_from_serving(berth, index):
    index.wheels["odd"] = wheel("odd", module="odd", code="""
        import os
        if not os.listdir("/berth/code"):
            os._exit(3)
        import time
        time.sleep(0.3)
    """)
    berth.write_function("uses", "import odd\n\ndef handle(request):\n    return odd.NAME\n", extra_dependencies="odd")
    start(berth, index)
    wait_until(lambda: berth.log.entries(event="libraries.given-up", function="uses"), "it to be given up", 120)
    assert berth.get("/uses").text == "odd"
    wait_until(lambda: not with_libraries(berth), "none to be left", 60)


def test_a_function_that_does_not_load_where_its_libraries_were_is_loaded_without(berth, index, cli):
    berth.write_function("picky", """
        import sys
        if "slow" in sys.modules:
            raise RuntimeError("somebody was here before")
        import slow

        def handle(request):
            return str(slow.LOADED_AHEAD)
    """, extra_dependencies="slow")
    start(berth, index)
    await_libraries(berth)
    wait_gone(berth, "picky")
    answer = berth.get("/picky")
    assert (answer.status, answer.text) == (200, "False")
    (given_up,) = berth.log.entries(event="libraries.given-up")
    assert given_up["function"] == "picky" and "somebody was here before" in given_up["error"]
    assert "somebody was here before" in berth.admin("GET", "/berth/functions/picky").json()["libraries"]["failed"]
    assert "ahead none any more: " in " ".join(cli.run("explain", "picky").split())
    wait_until(lambda: not with_libraries(berth), "no instance with libraries to be left", 60)
