"""A log that stands still when the test wants it to."""
import contextlib
import fcntl
import os
import select
import threading


class HeldLog:
    """The gateway's log through a pipe that takes a few lines. While nobody passes them on the gateway stands still,
    however fast it is, where it wants to write the next one."""

    def __init__(self, path):
        self.path = path
        self.read_end, self.write_end = os.pipe()
        fcntl.fcntl(self.read_end, fcntl.F_SETPIPE_SZ, 4096)

    def end(self):
        return os.fdopen(self.write_end, "wb")

    @contextlib.contextmanager
    def passed_on(self):
        stop = threading.Event()
        thread = threading.Thread(target=self.pass_on, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def pass_on(self, stop):
        """Until there is nothing more, when it is time to stop."""
        with open(self.path, "ab", buffering=0) as file:
            while True:
                if select.select([self.read_end], [], [], 0.01)[0]:
                    if not (lines := os.read(self.read_end, 4096)):
                        return
                    file.write(lines)
                elif stop.is_set():
                    return
