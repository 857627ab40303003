"""The clock of the host jumps, as the daemon sees it, while a function is under load that notices nothing."""

import os

from harness.later import accept, wait_state
from harness.functions import HELLO
from harness.neighbour import serve_neighbour, undisturbed

FAKETIME = "/usr/lib/{}-linux-gnu/faketime/libfaketimeMT.so.1"


def test_clock_jumps(berth):
    clock = os.path.join(berth.folder, "clock")

    def jump(offset):
        with open(clock + ".new", "w", encoding="ascii") as file:
            file.write(offset)
        os.rename(clock + ".new", clock)

    jump("+0")
    serve_neighbour(berth)
    berth.write_function("second", HELLO, idle_timeout=2, max_age="10m", timeout=20)
    berth.start(environment={"LD_PRELOAD": FAKETIME.format(os.uname().machine), "FAKETIME_TIMESTAMP_FILE": clock,
                             "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
    berth.get("/second")
    for offset, what in (("+1h", "an hour ahead"), ("+0", "an hour back")):
        with undisturbed(berth, f"the clock is set {what}") as fault:
            waiting = accept(berth, "second")
            jump(offset)
            assert fault.saw(berth.get("/second")).text == "hello"
            for call in (waiting, accept(berth, "second")):
                wait_state(berth, call, "done")
            listed = berth.admin("GET", "/berth/requests?limit=5").json()
            assert listed
            berth.wait_no_instance("second", 30)
