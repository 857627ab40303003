"""Runs the real gateway in tests/peers/gateway_driver with scripted runners behind it."""
import contextlib
import ctypes
import json
import os
import pathlib
import re
import subprocess
import time

import pytest

from backend import Backend
from raw_client import RawClient

BIN = pathlib.Path(os.environ.get("BERTH_BIN_DIR", pathlib.Path(__file__).parents[2] / "build/release/bin"))
BINARY = (BIN / "gateway_driver").read_bytes()
SANITIZED = b"__asan_init" in BINARY or b"__tsan_init" in BINARY
SUSPICIOUS = re.compile(r"Sanitizer|runtime error|data race| error | level=error")


PATIENT = ["--set", "head_timeout_ms=600000"]  # for heads that are sent byte by byte on a busy machine

IO_URING_SETUP = 425  # the system call's number; on MIPS and Alpha it is another, and has_io_uring() false


def pytest_configure(config):
    config.addinivalue_line("markers", "shows_setting(names): shows the effect of these settings through the daemon")


def pytest_collection_modifyitems(items):
    """The files that take longest begin first; each keeps the order of its own."""
    items.sort(key=lambda item: not item.path.name.startswith("test_gateway_slow"))


def has_io_uring():
    """Whether this kernel lets this process have a ring."""
    ring = ctypes.CDLL(None).syscall(IO_URING_SETUP, 1, ctypes.create_string_buffer(256))
    if ring < 0:
        return False
    os.close(ring)
    return True


def wait_for(condition, what, seconds=60):
    """Polls until the condition gives something true, and returns that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if result := condition():
            return result
        time.sleep(0.005)
    raise AssertionError(f"not within {seconds} s: {what}")


class Gateway:
    """A running driver. Its log goes to a file, which a HeldLog may stand before."""

    def __init__(self, folder, options, log=None):
        self.log_path = folder / "driver.log"
        with log.end() if log else open(self.log_path, "wb") as end:
            self.process = subprocess.Popen([BIN / "gateway_driver", *PATIENT, *options], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=end)
        self.address = self.process.stdout.readline().decode().strip()
        assert self.address, self.log_path.read_text()

    def client(self, **options):
        return RawClient(self.address, **options)

    def command(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stats(self):
        """What the gateway has counted, by the names of the metrics less what all of them have."""
        return {name.removeprefix("berth_").replace("_total", ""): value for name, value in self.command("stats").items()}

    def wait_stats(self, expected):
        """Until these have been counted, and no more: an answer counts when it has gone out, when its client may have it.
        Not for what goes down again: wait_open()."""
        wait_for(lambda: (stats := self.stats()) and all(stats[name] >= count for name, count in expected.items()),
                 f"the counts {expected}")
        stats = self.stats()
        assert {name: stats[name] for name in expected} == expected

    def wait_open(self, count):
        """Until so many connections of clients are open."""
        wait_for(lambda: self.stats()["connections_open"] == count, f"{count} open connections")

    def records(self):
        """Of the requests that have ended since the last call; with `--records keep`."""
        return self.command("records")

    def wait_records(self, count):
        """So many records, when the requests have ended or are about to."""
        found = []
        wait_for(lambda: found.extend(self.records()) or len(found) >= count, f"{count} records", 60)
        assert len(found) == count, found
        return found

    def counts(self, name="f"):
        return self.command(f"counts {name}")

    def wait_slots(self, count, name="f"):
        wait_for(lambda: self.counts(name)["idle"] == count, f"{count} idle slots of {name}")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def memory_kib(self):
        """Resident memory; what the memory checkers add says nothing, so 0 with them."""
        if SANITIZED:
            return 0
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def stop(self):
        """A regular end: no exchange may be left, and the memory checkers have nothing to say."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the gateway did not drain") from None
        log = self.log_path.read_text()
        assert code == 0, log
        assert not SUSPICIOUS.search(log), log


@contextlib.contextmanager
def start_peer(folder, arguments, options):
    """A gateway in front of the backend in C, tests/peers/echo_backend."""
    with subprocess.Popen([BIN / "echo_backend", *arguments], stdout=subprocess.PIPE) as peer:
        try:
            peer.stdout.readline()
            gateway = Gateway(folder, options)
            try:
                yield gateway
            finally:
                gateway.stop()
        finally:
            peer.kill()


@pytest.fixture
def backend(tmp_path):
    runner = Backend(str(tmp_path / "runner.sock"))
    yield runner
    runner.close()
    assert not runner.errors


@pytest.fixture
def driver_options():
    """For every gateway of a module that has its own."""
    return []


@pytest.fixture
def start_gateway(tmp_path, backend, driver_options):
    """A function that starts a gateway with the function "f" on `slots` connections to the backend."""
    started = []

    def start(slots=4, workers=1, timeout=60000, options=(), log=None, **settings):
        arguments = ["--route", f"f={backend.path}:{slots}", "--workers", str(workers), "--timeout", str(timeout)]
        for name, value in settings.items():
            arguments += ["--set", f"{name}={value}"]
        gateway = Gateway(tmp_path, [*driver_options, *arguments, *options], log)
        started.append(gateway)
        if slots:
            gateway.wait_slots(slots)
            wait_for(lambda: len(backend.open) >= slots, "the backend to have taken the connections that there are")
        return gateway

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture
def gateway(start_gateway):
    return start_gateway()


@pytest.fixture
def start_bulk(tmp_path, driver_options):
    """A function that starts a gateway in front of the C backend, whose bodies are a known pattern."""
    with contextlib.ExitStack() as stack:
        def start(workers=1, timeout=60000, **settings):
            path = str(tmp_path / "echo.sock")
            options = [*driver_options, "--route", f"f={path}:8", "--workers", str(workers), "--timeout", str(timeout)]
            for name, value in settings.items():
                options += ["--set", f"{name}={value}"]
            gateway = stack.enter_context(start_peer(tmp_path, [path], options))
            gateway.wait_slots(8)
            return gateway

        yield start
