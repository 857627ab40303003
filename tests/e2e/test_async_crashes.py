"""The daemon is killed at random moments while calls are accepted and delivered: none that was accepted is lost."""

import collections
import itertools
import os
import random
import threading
import time

import pytest

from harness.later import read_diary, wait_state, write_diarist
from harness.wait import wait_until

CRASHES = int(os.environ.get("BERTH_CRASHES", "8"))
CLIENTS = 4
LONGEST_S = 2.0  # from the first call of a life to its end


class Clients:
    """Have calls accepted for as long as the daemon answers."""

    def __init__(self, berth):
        self.berth = berth
        self.accepted = []
        self.numbers = itertools.count()
        self.threads = [threading.Thread(target=self.run) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while True:
            body = random.randbytes(random.choice((0, 100, 40000)))
            try:
                answer = self.berth.post(f"/async-function/diarist?{next(self.numbers)}", body, timeout=60)
            except (OSError, ValueError) as error:
                self.last = error
                return
            if answer.status == 202:
                self.accepted.append(answer.json()["id"])
            time.sleep(random.uniform(0, 0.05))

    def wait_end(self):
        for thread in self.threads:
            thread.join()
        return self.accepted


def live(berth):
    """One life of the daemon, with a sudden end; the calls that it has accepted."""
    berth.start()
    clients = Clients(berth)
    wait_until(lambda: clients.accepted, "the first call")
    time.sleep(random.uniform(0, LONGEST_S))
    berth.kill()
    return clients.wait_end()


@pytest.mark.limit(240 + 20 * CRASHES)
def test_every_accepted_call_is_delivered(berth):
    write_diarist(berth, async_concurrency=4)
    accepted = [call for _ in range(CRASHES) for call in live(berth)]
    berth.start()
    for call in accepted:
        wait_state(berth, call, "done", timeout=120)
    written = collections.Counter(call for call, _ in read_diary(berth))
    assert len(set(accepted)) == len(accepted)
    assert not [call for call in accepted if call not in written]
    repeats = sum(written.values()) - len(written)
    interrupted = sum(int(entry["calls"]) for entry in berth.log.entries("call.repeated"))
    print(f"{CRASHES} crashes: {len(accepted)} calls accepted, all delivered; {interrupted} were running at a crash, "
          f"{repeats} of them were delivered more than once")
    assert repeats <= interrupted
