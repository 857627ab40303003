"""Runs a daemon as if it were this process, and so those that take its place one after the other (`berth upgrade`): ends
when there is none any more, with the status of the last, and hands signals on to whoever is there.

foreground.py COMMAND...
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys

PR_SET_CHILD_SUBREAPER = 36
HANDED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


def read(path):
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
    return ""


class Daemons:
    """Those that are children of this process: the first one, and each whose own parent, the one before, has ended."""

    def __init__(self, command):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.name = os.path.basename(command[0])
        self.told = {}  # by what signal each is to end
        self.end = None  # by what signal whoever comes is to
        self.status = 1
        for number in HANDED_ON:
            signal.signal(number, self.hand_on)
        # A session of its own: what the terminal sends comes by this process alone.
        self.first = subprocess.Popen(command, start_new_session=True).pid

    def present(self):
        children = read(f"/proc/self/task/{os.getpid()}/children").split()
        return [int(pid) for pid in children if read(f"/proc/{pid}/comm").strip() == self.name]

    def hand_on(self, number, _):
        if number in ENDS:
            self.end = number
        for pid in self.present():
            self.tell(pid, number)

    def tell(self, pid, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if number in ENDS:
            self.told[pid] = number

    def wait(self):
        daemons = {self.first}
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.wait()
                if pid in daemons:
                    self.status = os.waitstatus_to_exitcode(status)
                daemons.update(self.present())
                for come in set(self.present()) - set(self.told) if self.end else ():
                    self.tell(come, self.end)
        return self.status if self.status >= 0 else 128 - self.status


if __name__ == "__main__":
    sys.exit(Daemons(sys.argv[1:]).wait())
