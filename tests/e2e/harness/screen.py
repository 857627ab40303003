"""A program in a terminal of its own, and what is to be seen there."""

import fcntl
import os
import pty
import select
import struct
import termios

import pyte

from harness.wait import wait_until


class Screen:
    """Starts `command` in a terminal of that size; the lines on it are those that a user would see."""

    def __init__(self, command, columns=100, lines=40, environment=None, cwd=None):
        self.screen = pyte.HistoryScreen(columns, lines, history=2000)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.status = None
        self.terminal, inside = pty.openpty()
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.settings = termios.tcgetattr(self.terminal)
        self.pid = os.fork()
        if self.pid == 0:
            self.run(inside, command, environment or {}, cwd)
        os.close(inside)

    @staticmethod
    def run(inside, command, environment, cwd):
        """The child: becomes the program. The terminal is of the kind that pyte knows all of."""
        try:
            os.login_tty(inside)
            os.chdir(cwd or "/")
            os.execve(command[0], command, {**os.environ, "TERM": "linux", "LC_ALL": "C.UTF-8", **environment})
        finally:
            os._exit(127)

    def read(self):
        """Takes what has been written; false when the program has let go of the terminal."""
        while select.select([self.terminal], [], [], 0)[0]:
            try:
                piece = os.read(self.terminal, 65536)
            except OSError:  # as Linux tells of the other side's end
                return False
            if not piece:
                return False
            self.raw += piece
            self.stream.feed(piece)
        return True

    def lines(self):
        self.read()
        return [line.rstrip() for line in self.screen.display]

    def text(self):
        return "\n".join(self.lines())

    def all_lines(self):
        """Those that have left the screen at its top as well."""
        self.read()
        gone = ["".join(row[column].data for column in range(self.screen.columns)) for row in self.screen.history.top]
        return [line.rstrip() for line in gone] + self.lines()

    def wait(self, condition, what, timeout=20):
        """Waits until the screen's text satisfies a condition, or has a word in it; the text."""
        holds = condition if callable(condition) else lambda text: condition in text

        def look():
            text = self.text()
            return text if holds(text) else None

        try:
            return wait_until(look, what, timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text()}") from None

    def type(self, keys):
        os.write(self.terminal, keys.encode())

    def resize(self, columns, lines):
        self.read()
        self.screen.resize(lines, columns)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def wait_end(self, timeout=20):
        """Waits for the program to end; its exit status."""

        def ended():
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            return pid

        wait_until(ended, f"the program to end\n{self.text()}", timeout)
        self.read()
        return self.status

    def is_as_before(self):
        """Whether the terminal takes and shows what is typed as it did before the program."""
        wraps, shows_cursor = pyte.modes.DECAWM, pyte.modes.DECTCEM
        return termios.tcgetattr(self.terminal) == self.settings and {wraps, shows_cursor} <= self.screen.mode

    def close(self):
        if self.status is None:
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)
        os.close(self.terminal)
