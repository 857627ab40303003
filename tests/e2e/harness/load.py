"""Clients that keep asking while a test does something else."""

import threading
import time

PAUSE_S = 0.002


class Load:
    """Asks `target` over and over, from `clients` connections, from entering to leaving the block. What every
    request came to is in `answers`: a Response, or the exception that took the answer's place."""

    def __init__(self, berth, target, clients=1, timeout=60):
        self.berth = berth
        self.target = target
        self.timeout = timeout
        self.answers = []
        self.times = []  # seconds, of those that were answered
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(self.timeout + 5)

    def run(self):
        while not self.over.is_set():
            try:
                with self.berth.connect(timeout=self.timeout) as connection:
                    while self.ask(connection):
                        pass
            except (OSError, AssertionError, ValueError) as error:
                self.answers.append(error)

    def ask(self, connection):
        """One request; whether there may be another on this connection."""
        began = time.monotonic()
        connection.send(f"GET {self.target} HTTP/1.1\r\nHost: load\r\n\r\n")
        answer = connection.response()
        self.times.append(time.monotonic() - began)
        self.answers.append(answer)
        time.sleep(PAUSE_S)
        return not self.over.is_set() and answer.headers.get("Connection", "").lower() != "close"

    @property
    def good(self):
        return sum(1 for answer in list(self.answers) if status_of(answer) == 200)

    @property
    def bad(self):
        """Everything that was not a 200."""
        return [answer for answer in list(self.answers) if status_of(answer) != 200]


def status_of(answer):
    return getattr(answer, "status", None)
