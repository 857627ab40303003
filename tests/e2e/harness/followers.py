"""Daemons that took the place of another one, whose children they were: they become children of the tests."""

import ctypes
import os
import select
import shutil
import signal
import subprocess

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """From now on this process is the parent of what its children leave behind."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Follower:
    """What a daemon needs of subprocess.Popen."""

    def __init__(self, pid):
        self.pid = pid
        self.returncode = None
        self.pidfd = os.pidfd_open(pid)

    def wait(self, timeout=None):
        if self.returncode is None:
            ready, _, _ = select.select([self.pidfd], [], [], timeout)
            if not ready:
                raise subprocess.TimeoutExpired("berthd", timeout)
            self.returncode = self.reap()
            os.close(self.pidfd)
        return self.returncode

    def reap(self):
        """Its status, of one that is a child of this process by now; else 0 for an end that nobody has to tell of."""
        try:
            _, status = os.waitpid(self.pid, 0)
        except ChildProcessError:
            return 0
        return os.waitstatus_to_exitcode(status)

    def poll(self):
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number):
        if self.poll() is None:
            signal.pidfd_send_signal(self.pidfd, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)


def copy_program(berth):
    """Gives a daemon a program of its own, with all that belongs beside it; the path, where a test may put another one."""
    beside = os.path.dirname(berth.bin_dir)
    copied = os.path.join(berth.folder, "own", "bin")
    os.makedirs(copied)
    for name in os.listdir(beside):
        if name != os.path.basename(berth.bin_dir):
            os.symlink(os.path.join(beside, name), os.path.join(berth.folder, "own", name))
    for name in os.listdir(berth.bin_dir):
        if name != "berthd":
            os.symlink(os.path.join(berth.bin_dir, name), os.path.join(copied, name))
    program = os.path.join(copied, "berthd")
    shutil.copy2(os.path.join(berth.bin_dir, "berthd"), program)
    berth.bin_dir = copied
    return program


def put_program(path, text):
    """A script in the place of a program that may be running."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)
