"""What a function does that tries to get out: a Python program that makes each attempt and says what came of it."""

# {name of the attempt: "" when it succeeded, else why not}. An attempt that finds nothing to try has failed.
PROGRAM = r'''
import ctypes
import json
import os
import socket
import sys

libc = ctypes.CDLL(None, use_errno=True)


def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def connect(host, port):
    socket.create_connection((host, int(port)), 3).close()


def raw(family, kind, protocol=0):
    socket.socket(family, kind, protocol).close()


def open_any(*paths, mode="rb"):
    problem = FileNotFoundError(2, "nothing to try")
    for path in paths:
        try:
            with open(path, mode) as file:
                if mode == "rb":
                    file.read(1)
            return
        except OSError as error:
            problem = error
    raise problem


def write(path):
    with open(path, "w") as file:
        file.write("x")


def readable_files():
    for folder, folders, names in os.walk("/"):
        folders[:] = [name for name in folders if (folder, name) not in (("/", "proc"), ("/", "sys"))]
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and os.path.getsize(path) < 65536:
                yield path


def find(marker):
    """A mark of somebody else's in any file that can be read, or in what processes say of themselves."""
    places = list(readable_files())
    for pid in filter(str.isdigit, os.listdir("/proc")):
        places += [f"/proc/{pid}/environ", f"/proc/{pid}/cmdline"]
    for place in places:
        try:
            with open(place, "rb") as file:
                if marker.encode() in file.read():
                    return
        except OSError:
            continue
    raise FileNotFoundError(2, "nothing found")


def sockets_of_others():
    own = {"/run/berth/host.sock"}
    for folder, folders, names in os.walk("/"):
        folders[:] = [name for name in folders if (folder, name) not in (("/", "proc"), ("/", "sys"))]
        for name in names:
            path = os.path.join(folder, name)
            if path in own or not os.path.exists(path) or (os.stat(path).st_mode & 0o170000) != 0o140000:
                continue
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(path)
                return
    raise FileNotFoundError(2, "nothing to try")


def foreign_processes():
    """One that is no runner's: the daemon, the engine, or anybody of this host."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            line = file.read()
        if b"berthd" in line or b"dockerd" in line or b"containerd" in line or line.startswith(b"/sbin/init"):
            return
    raise FileNotFoundError(2, "nothing found")


def attempts(told):
    yield "the machine beyond", lambda: connect(*told["beyond"])
    yield "its own loopback", lambda: own_loopback()
    yield "its own temporary files", lambda: write("/tmp/escape")
    yield "a port of this host", lambda: connect(*told["host"])
    yield "the gateway's port", lambda: connect(*told["gateway"])
    yield "the management port", lambda: connect(*told["admin"])
    yield "the metadata address", lambda: connect(*told["metadata"])
    yield "another instance", lambda: connect(*told["instance"])
    yield "a container of somebody else's", lambda: connect(*told["stranger"])
    yield "the engine's socket", lambda: open_any("/var/run/docker.sock", "/run/docker.sock")
    yield "sockets of others", sockets_of_others
    yield "code of another function", lambda: find(told["code"])
    yield "a secret of another function", lambda: find(told["secret"])
    yield "the list of dependencies", lambda: os.listdir("/berth/dependencies")
    yield "processes of this host", foreign_processes
    yield "writing its code", lambda: write("/berth/code/escape")
    yield "writing the image", lambda: write("/usr/escape")
    yield "writing the daemon's folder", lambda: write("/run/berth/escape")
    yield "a mount", lambda: check(libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))
    yield "a user namespace", lambda: check(libc.unshare(0x10000000))
    yield "a network namespace", lambda: check(libc.unshare(0x40000000))
    yield "another root", lambda: os.chroot("/tmp")
    yield "another user", lambda: os.setuid(0)
    yield "raw IP packets", lambda: raw(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    yield "raw frames", lambda: raw(socket.AF_PACKET, socket.SOCK_RAW)
    yield "a device file", lambda: os.mknod("/tmp/device", 0o020600, os.makedev(1, 1))
    yield "memory of the machine", lambda: open_any("/dev/mem", "/dev/kmem", "/proc/kcore")
    yield "disks of the machine", lambda: open_any("/dev/vda", "/dev/sda", "/dev/nvme0n1")
    yield "the kernel's log", lambda: check(libc.klogctl(3, ctypes.create_string_buffer(64), 64))
    yield "a kernel module", lambda: check(libc.syscall(175, b"", 0, b""))
    yield "a BPF program", lambda: check(libc.syscall(321, 0, ctypes.create_string_buffer(128), 128))
    yield "performance counters", lambda: check(libc.syscall(298, ctypes.create_string_buffer(128), 0, -1, -1, 0))
    yield "the clock", lambda: check(libc.settimeofday(ctypes.create_string_buffer(16), None))
    yield "a restart of the machine", lambda: check(libc.reboot(0))
    yield "the host's name", lambda: check(libc.sethostname(b"escape", 6))
    yield "settings of the kernel", lambda: write("/proc/sys/kernel/core_pattern")
    yield "the sysrq trigger", lambda: write("/proc/sysrq-trigger")
    yield "its own control group", lambda: write("/sys/fs/cgroup/memory.max")
    yield "the first process", lambda: check(libc.ptrace(16, 1, None, None))


def own_loopback():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), 3).close()


def try_all(told):
    outcomes = {}
    for name, attempt in attempts(told):
        try:
            attempt()
            outcomes[name] = ""
        except OSError as error:
            outcomes[name] = error.strerror or str(error)
    return outcomes


if __name__ == "__main__":
    print(json.dumps(try_all(json.loads(sys.argv[1]))))
'''

# The entry of a Python function, and a server of its own, beside that program as escape_attempts.py.
FUNCTION = """
    import json
    import escape_attempts
    from starlette.responses import JSONResponse

    def handle(request):
        return JSONResponse(escape_attempts.try_all(json.loads(request.query_params["told"])))
"""

SERVER = """
    import http.server
    import json
    import urllib.parse
    import escape_attempts

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            body = json.dumps(escape_attempts.try_all(json.loads(query["told"][0]))).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""
