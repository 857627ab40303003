"""Upgrades that stop where a test wants them to."""

import signal

from harness import processes
from harness.followers import Follower, adopt_orphans
from harness.wait import wait_until

TRIES = 10


def begin(berth):
    """Has its program take over, and does not wait; that one, once it has been started."""
    adopt_orphans()
    count = len(berth.log.entries("upgrade.started"))
    answer = berth.admin("POST", "/berth/upgrade?timeout=60")
    assert answer.status == 202, answer.text
    started = wait_until(lambda: berth.log.entries("upgrade.started")[count:], "the program to be started", 60)
    return Follower(int(started[0]["pid"]))


def freeze(berth):
    """An upgrade whose new daemon has been given everything and does not serve yet: it has been stopped, until go_on().
    That one."""
    for _ in range(TRIES):
        started, serving = (len(berth.log.entries(event)) for event in ("daemon.started", "daemon.listening"))
        new = begin(berth)
        wait_until(lambda count=started: len(berth.log.entries("daemon.started")) > count, "the new daemon to start", 60)
        new.send_signal(signal.SIGSTOP)
        wait_until(lambda pid=new.pid: processes.stat_fields(pid)[0] == "T", "the new daemon to stop", 60)
        if len(berth.log.entries("daemon.listening")) == serving:
            return new
        new.send_signal(signal.SIGCONT)  # it was quicker
        follow(berth)
    raise AssertionError("the new daemon was always quicker")


def go_on(new):
    new.send_signal(signal.SIGCONT)


def follow(berth):
    """Goes on with the daemon that has taken the place of the one so far, which ends in order."""
    assert berth.process.wait(60) == 0
    berth.process = Follower(int(berth.log.entries("daemon.handed-over")[-1]["pid"]))


def take(berth, new):
    """Goes on with the new daemon; the one so far."""
    before, berth.process = berth.process, new
    return before

