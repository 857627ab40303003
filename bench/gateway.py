"""The gateway against nginx and HAProxy: the same backend on a unix socket, keep-alive on both sides, equal workers.

CPU time per request of the proxy's own process is the fairest figure here, because the load generator, the backend and
the proxy share the machine's cores. Runs of the peers alternate, and each figure is the median over the rounds. nginx
runs twice: bare, and adding the headers that the gateway adds to requests and responses. The gateway runs a second time
without io_uring, as on a kernel that has none. The bare relay moves bytes without a look at them, with a system call for
each step: what it costs is the operating system's share then. Last comes the whole path: the Python hello in a
container behind a daemon with one worker, against uvicorn (h11) with Starlette and no gateway."""
import argparse
import pathlib
import resource
import socket
import subprocess
import tempfile

import measure
import python
from lib import report, samples
from lib.berth import Berth

NGINX = """
daemon off; master_process on; user root; worker_processes {workers}; pid {folder}/{name}.pid; error_log stderr error;
events {{ worker_connections 15000; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 300s;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream backend {{ server unix:{backend}; keepalive 512; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port} reuseport backlog=4096;
        location / {{ proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; {headers} }}
    }}
}}
"""

# What the gateway adds to every request and response, in the words of nginx.
NGINX_HEADERS = """
            proxy_set_header Host $http_host;
            proxy_set_header X-Request-Id $request_id;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Forwarded-Prefix /f;
            add_header X-Request-Id $request_id;
            add_header X-Served-By $hostname;
            add_header Server-Timing "queue;dur=0, start;dur=0, run;dur=$upstream_response_time";
"""

HAPROXY = """
global
    nbthread {workers}
    maxconn 15000
    no strict-limits
defaults
    mode http
    timeout connect 5s
    timeout client 300s
    timeout server 300s
    http-reuse always
frontend front
    bind 127.0.0.1:{port} backlog 4096
    default_backend back
backend back
    server only unix@{backend} pool-max-conn -1
"""

SMALL, LARGE = "/hello", "/bytes/65536"
MAIN_CASE = "1 worker, small, 32"
UVICORN = "uvicorn h11"

# What is compared, and what it is called.
RATIOS = {"cpu_us": "requests per CPU second", "requests_per_second": "throughput", "p99_ms": "p99"}


def start_nginx(folder, backend, workers, _slots, name="nginx", headers=""):
    port = measure.free_port()
    config = pathlib.Path(folder) / f"{name}-{workers}.conf"
    config.write_text(NGINX.format(folder=folder, backend=backend, port=port, workers=workers, name=name, headers=headers))
    return measure.Peer(name, ["nginx", "-e", "stderr", "-c", config], port, path="")


def start_nginx_with_headers(folder, backend, workers, slots):
    return start_nginx(folder, backend, workers, slots, "nginx-with-headers", NGINX_HEADERS)


def start_haproxy(folder, backend, workers, _slots):
    port = measure.free_port()
    config = pathlib.Path(folder) / f"haproxy-{workers}.cfg"
    config.write_text(HAPROXY.format(backend=backend, port=port, workers=workers))
    return measure.Peer("haproxy", ["haproxy", "-db", "-q", "-f", config], port, path="")


def start_berth(_folder, backend, workers, slots, name="berth", options=()):
    port = measure.free_port()
    return measure.Peer(name, [measure.BIN / "gateway_driver", *options, "--listen", f"127.0.0.1:{port}", "--workers", workers,
                               "--route", f"f={backend}:{slots}"], port, path="/f")


def start_berth_without_io_uring(folder, backend, workers, slots):
    return start_berth(folder, backend, workers, slots, "berth-without-io-uring", ["--io-uring", "off"])


def start_bare_relay(_folder, backend, _workers, _slots):
    port = measure.free_port()
    return measure.Peer("bare-relay", [measure.BIN / "bare_relay", port, backend], port, path="")


STARTERS = {"berth": start_berth, "berth-without-io-uring": start_berth_without_io_uring, "nginx": start_nginx,
            "nginx-with-headers": start_nginx_with_headers, "haproxy": start_haproxy, "bare-relay": start_bare_relay}

PEERS = {"nginx": ["nginx", "nginx-with-headers"], "haproxy": ["haproxy"]}

# Beside them where one worker answers small bodies: ours as on a kernel without io_uring, and what moving bytes costs.
REFERENCES = ["berth-without-io-uring", "bare-relay"]


def compare(names, folder, backend, workers, path, connections, options):
    """Rounds of wrk over all peers in turn; the medians by name."""
    runs = {name: [] for name in names}
    peers = {}
    try:
        for name in names:
            peers[name] = STARTERS[name](folder, backend, workers, max(connections, 8))
        for peer in peers.values():
            measure.load(peer, peer.path + path, connections, 1)
        for _ in range(options.rounds):
            for name, peer in peers.items():
                runs[name].append(measure.load(peer, peer.path + path, connections, options.seconds))
    finally:
        for peer in peers.values():
            peer.stop()
    return {name: measure.median_of(results) for name, results in runs.items()}


def better(result, name, figure):
    """How many times better than that peer we are, above 1: ours is."""
    ours, theirs = result["berth"][figure], result[name][figure]
    above, below = (ours, theirs) if figure == "requests_per_second" else (theirs, ours)
    if below <= 0:
        raise RuntimeError(f"{figure} of {name} and berth came to {theirs} and {ours}: measure longer (--seconds)")
    return above / below


def show(title, result):
    """One row a peer, with ours as a ratio of each."""
    return [[f"{title}, {name}", f"{run['requests_per_second']:.0f}", f"{run['p50_ms']:.3f}", f"{run['p99_ms']:.3f}",
             f"{run['cpu_us']:.2f}", *(f"{better(result, name, figure):.2f}" for figure in RATIOS)]
            for name, run in result.items()]


def whole_path(options):
    """The Python hello, one instance, behind a daemon with one worker; and uvicorn (h11) alone."""
    python.install()
    settings = {"max_scale": 1, "idle_timeout": "1h", "concurrency": python.HELLO_CONNECTIONS}
    servers = []
    with Berth({"hello": (samples.HELLO, settings)}, {"prewarm": 0}, ["--workers", "1"]) as berth:
        try:
            servers = python.start_servers([UVICORN])
            peers = [python.Instance(berth, "hello"), *servers]
            return python.rounds(peers, "hello", python.HELLO_CONNECTIONS, options)
        finally:
            for server in servers:
                server.stop()


def main_verdicts(result):
    """Against nginx as it is, against nginx with the same headers added, and how far a relay without HTTP gets."""
    met = []
    for name in PEERS["nginx"]:
        for figure, text in RATIOS.items():
            least = 1.25 if figure == "cpu_us" else 1
            ratio = better(result, name, figure)
            met.append(report.verdict(f"{MAIN_CASE}: {text}, times {name}", ratio, least, most=False))
    print(f"       {MAIN_CASE}: requests per CPU second of the bare relay, times nginx: "
          f"{result['nginx']['cpu_us'] / result['bare-relay']['cpu_us']:.4g}")
    return met


def lowest_verdicts(results):
    """No row against another proxy may be below 1."""
    met = []
    for figure, text in RATIOS.items():
        found = {f"{title}, {name}": better(result, name, figure)
                 for title, result in results.items() for name in PEERS if name in result}
        worst = min(found, key=found.get)
        met.append(report.verdict(f"lowest row ({worst}): {text}, times that", found[worst], 1, most=False))
    return met


def verdicts(results, hello):
    """What is asked of the gateway, each as one line."""
    met = []
    if "nginx" in results[MAIN_CASE]:
        met += main_verdicts(results[MAIN_CASE])
    if any(name in results[MAIN_CASE] for name in PEERS):
        met += lowest_verdicts(results)
    if hello:
        ratio = better(hello, UVICORN, "requests_per_second")
        met.append(report.verdict(f"Python hello, times {UVICORN}", ratio, 5, most=False))
    return met


def idle_memory(name, folder, backend, count):
    """Resident memory that `count` clients cost that have had one answer and now idle."""
    peer = STARTERS[name](folder, backend, 1, 8)
    request = f"GET {peer.path + SMALL} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
    clients = []
    try:
        before = peer.memory_kib()
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", peer.port))
            client.sendall(request)
            client.recv(4096)
            clients.append(client)
        return peer.memory_kib() - before
    finally:
        for client in clients:
            client.close()
        peer.stop()


def parse(arguments):
    parser = argparse.ArgumentParser(prog="bench/run gateway", description=__doc__)
    parser.add_argument("--seconds", type=int, default=2, help="length of one run")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each peer and row")
    parser.add_argument("--quick", action="store_true", help="only small bodies with 32 connections, no Python")
    parser.add_argument("--idle", type=int, default=10000, help="idle clients for the memory row")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    before = report.machine()
    names = ["berth", *(name for program in measure.need("nginx", "haproxy") for name in PEERS[program])]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    cases = [(1, "small", SMALL, 32)]
    if not options.quick:
        cases = [(1, title, path, connections) for title, path in (("small", SMALL), ("64 KB", LARGE))
                 for connections in (1, 32, 256)] + [(2, "small", SMALL, 32), (2, "small", SMALL, 256)]
    results, rows = {}, []
    with tempfile.TemporaryDirectory(prefix="berth-bench-") as folder:
        backend = f"{folder}/backend.sock"
        server = subprocess.Popen([measure.BIN / "echo_backend", backend], stdout=subprocess.PIPE)
        server.stdout.readline()
        try:
            for workers, title, path, connections in cases:
                title = f"{workers} worker{'s' * (workers > 1)}, {title}, {connections}"
                report.progress(title)
                peers = [*names, *REFERENCES] if (workers, path) == (1, SMALL) else names
                results[title] = compare(peers, folder, backend, workers, path, connections, options)
                rows += show(title, results[title])
            idle = {} if options.quick else {name: idle_memory(name, folder, backend, options.idle) for name in names}
        finally:
            server.kill()
            server.wait()
    hello = {} if options.quick else whole_path(options)
    rows += show(f"hello in Python, 1 instance, {python.HELLO_CONNECTIONS}", hello) if hello else []
    report.note(before)
    measure.print_table(["case", "requests/s", "p50 ms", "p99 ms", "CPU us/request", "CPU x", "requests/s x", "p99 x"], rows)
    for name, kib in idle.items():
        print(f"{options.idle} idle clients, {name}: {kib / 1024:.1f} MiB, {kib * 1024 / options.idle:.0f} bytes each")
    report.write("gateway", {"machine": before, "cases": results, "hello": hello, "idle_clients": options.idle,
                             "idle_memory_kib": idle, "targets": verdicts(results, hello)})
