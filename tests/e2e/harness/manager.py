"""Plays the service manager of a daemon: hears what it says of itself, and keeps descriptors for it from start to start."""

import array
import fcntl
import os
import socket
import sys

from harness.wait import wait_until

KEPT_FROM = 100  # above those that a child of this process has anyway
LAUNCH = """
import os, sys
kept = [int(number) for number in sys.argv[1].split(",") if number]
for position, number in enumerate(kept):
    os.dup2(number, 3 + position, inheritable=True)
    os.close(number)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(kept)), LISTEN_FDNAMES=sys.argv[2])
os.execv(sys.argv[3], sys.argv[3:])
"""


class Manager:
    """One daemon's. start() it by this; the test closes it at its end."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify.sock")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.said = []  # what was said, oldest first: {name: value}
        self.kept = []  # (name, descriptor)

    def keep(self, name, descriptor):
        """Keeps a duplicate."""
        self.kept.append((name, fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, KEPT_FROM)))

    def forget(self, name):
        for kept, descriptor in self.kept:
            if kept == name:
                os.close(descriptor)
        self.kept = [(kept, descriptor) for kept, descriptor in self.kept if kept != name]

    def hear(self):
        """Takes what has been said so far."""
        while True:
            try:
                data, control, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(64 * 4), socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            descriptors = array.array("i")
            for _, _, passed in control:
                descriptors.frombytes(passed[: len(passed) - len(passed) % descriptors.itemsize])
            said = dict(line.split("=", 1) for line in data.decode().splitlines())
            self.said.append(said)
            if "FDSTOREREMOVE" in said:
                self.forget(said["FDNAME"])
            for descriptor in descriptors:
                if "FDSTORE" in said:
                    self.keep(said["FDNAME"], descriptor)
                os.close(descriptor)

    def names(self):
        """Of what it keeps."""
        self.hear()
        return sorted({name for name, _ in self.kept})

    def wait_said(self, name, value):
        def heard():
            self.hear()
            return any(said.get(name) == value for said in self.said)

        wait_until(heard, f"the daemon to say {name}={value}", 60)

    def start(self, berth, *arguments, ready=True):
        """Starts a daemon as a service, with all that is kept for it."""
        self.hear()
        numbers = ",".join(str(descriptor) for _, descriptor in self.kept)
        names = ":".join(name for name, _ in self.kept)
        berth.launcher = [sys.executable, "-c", LAUNCH, numbers, names]
        berth.process_options = {"pass_fds": [descriptor for _, descriptor in self.kept]}
        berth.start(*arguments, environment={"NOTIFY_SOCKET": self.path}, ready=ready)

    def close(self):
        for name in self.names():
            self.forget(name)
        self.socket.close()
