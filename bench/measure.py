"""What the benchmarks share: processes with their CPU time and memory, wrk, tables, results as JSON."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BIN = pathlib.Path(os.environ.get("BERTH_BIN_DIR", ROOT / "build/release/bin"))
RESULTS = ROOT / "build/bench-results"
TICKS = os.sysconf("SC_CLK_TCK")


def need(*programs):
    """The programs that are there; the others are named once."""
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        print(f"not installed, left out: {', '.join(missing)}")
    return [name for name in programs if name not in missing]


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_port(port, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port}")


def resident_kib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


class Peer:
    """A program under test. `port` answers HTTP; `path` is what to ask for."""

    def __init__(self, name, argv, port, path="/hello", **options):
        self.name, self.port, self.path = name, port, path
        with tempfile.TemporaryFile() as errors:  # a file, because nobody reads while it runs
            self.process = subprocess.Popen([str(part) for part in argv], stdin=subprocess.PIPE,
                                            stdout=subprocess.DEVNULL, stderr=errors, **options)
            try:
                wait_port(port)
            except RuntimeError:
                self.process.kill()
                self.process.wait()
                errors.seek(0)
                raise RuntimeError(f"{name}: {errors.read().decode(errors='replace')}") from None

    def pids(self):
        """The process and its children: nginx serves in workers."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [self.process.pid, *map(int, children.split())]

    def cpu_seconds(self):
        total = 0
        for pid in self.pids():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def memory_kib(self):
        return sum(resident_kib(pid) for pid in self.pids())

    def url(self, path=None):
        return f"http://127.0.0.1:{self.port}{path or self.path}"

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


UNITS = {"us": 1e-3, "ms": 1, "s": 1000, "m": 60000}


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * UNITS[unit]


def load(peer, path, connections, seconds):
    """One run of wrk: requests a second, latencies, and the CPU time of the peer for each request."""
    cpu = peer.cpu_seconds()
    output = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", peer.url(path)],
                            capture_output=True, text=True, check=True).stdout
    cpu = peer.cpu_seconds() - cpu
    requests = int(re.search(r"(\d+) requests in", output)[1])
    errors = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: .*", output)
    if errors or not requests:
        raise RuntimeError(f"{peer.name}: {errors[0] if errors else 'no request was answered'}")
    return {"requests_per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]),
            "p50_ms": milliseconds(re.search(r"\s50%\s+(\S+)", output)[1]),
            "p99_ms": milliseconds(re.search(r"\s99%\s+(\S+)", output)[1]),
            "cpu_us": cpu / requests * 1e6}


def median_of(runs):
    """The median of each figure over several runs."""
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def print_table(header, rows):
    texts = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in texts) for i in range(len(header))]
    for row in texts:
        print("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                        for i, (cell, width) in enumerate(zip(row, widths))))


def write_json(name, data):
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(data, indent=2) + "\n")
    print(f"written to {path.relative_to(ROOT)}")
