"""Waiting for a state, never for a time."""

import time

POLL_S = 0.02
LONGEST_POLL_S = 0.1
PATIENCE = 6  # the times that a test gives are those of a machine with nothing else to do


class NotReached(AssertionError):
    """The awaited state did not come in time."""


def wait_until(condition, what, timeout=10.0):
    """Polls `condition` until it gives something true, and returns that; NotReached after `timeout` seconds times
    PATIENCE. The longer it has waited the less often it looks, since looking takes the processor from what it waits for."""
    began = time.monotonic()
    deadline = began + timeout * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise NotReached(f"not within {timeout * PATIENCE:g} s: {what} (last seen: {value!r})")
        time.sleep(min(max(POLL_S, (time.monotonic() - began) / 20), LONGEST_POLL_S))


def stays(condition, seconds):
    """True when `condition` holds at every look for that long: for "nothing happens", which has no state."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not condition():
            return False
        time.sleep(LONGEST_POLL_S / 2)
    return True
