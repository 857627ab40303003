"""What a function does that tries to get out: a Python program that makes each attempt and says what came of it."""

# {name of the attempt: "" when it succeeded, else why not}. An attempt that finds nothing to try has failed.
PROGRAM = r'''
import ctypes
import fcntl
import json
import os
import platform
import resource
import socket
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)

# {name of a system call: its number here}
CALLS = {name: pair[platform.machine() == "aarch64"] for name, pair in {
    "init_module": (175, 105), "bpf": (321, 280), "perf_event_open": (298, 241), "process_vm_readv": (310, 270),
    "setns": (308, 268), "open_by_handle_at": (304, 265), "keyctl": (250, 219), "io_uring_setup": (425, 425),
    "userfaultfd": (323, 282), "kexec_load": (246, 104), "pivot_root": (155, 41), "swapon": (167, 224),
    "fanotify_init": (300, 262), "pidfd_getfd": (438, 438),
}.items()}


def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def call(name, *arguments):
    check(libc.syscall(CALLS[name], *arguments))


def room(size=256):
    return ctypes.create_string_buffer(size)


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


def echoed(host, port, option=None):
    """Whether a datagram gets an answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(2)
        if option:
            probe.setsockopt(*option, 1)
        probe.sendto(b"ping", (host, int(port)))
        probe.recv(16)


def connect_abstract(name):
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect("\0" + name)


def another_address():
    """Takes an address of its own choice for its interface, or for the loopback where there is no other."""
    name = sorted(os.listdir("/sys/class/net"))[0].encode()
    address = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton("172.31.254.253"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        fcntl.ioctl(way, 0x8916, struct.pack("16s16s", name, address))


def named(address):
    """Asks the name server who has an address."""
    socket.gethostbyaddr(address)


def memory_of(pid):
    here = room(16)
    there = (ctypes.c_void_p * 2)(0x400000, 16)
    own = (ctypes.c_void_p * 2)(ctypes.addressof(here), 16)
    call("process_vm_readv", pid, own, 1, there, 1, 0)


def joined(kind):
    with open(f"/proc/1/ns/{kind}") as file:
        call("setns", file.fileno(), 0)


def folder_with_something(*paths):
    problem = FileNotFoundError(2, "nothing to try")
    for path in paths:
        try:
            if os.listdir(path):
                return
        except OSError as error:
            problem = error
    raise problem


def more_capabilities():
    """Adds one to what it has, and to what its programs will have."""
    head, sets = struct.pack("Ii", 0x20080522, 0), struct.pack("IIIIII", 1 << 21, 1 << 21, 1 << 21, 0, 0, 0)
    check(libc.capset(head, sets))
    check(libc.prctl(47, 2, 21, 0, 0))


def release_agent():
    """The program of this host's that a control group of the first version starts as it empties."""
    found = [os.path.join(folder, "release_agent") for folder, _, names in os.walk("/sys/fs/cgroup")
             if "release_agent" in names]
    if not found:
        check(libc.mount(b"cgroup", b"/tmp", b"cgroup", 0, b"memory"))
    for path in found:
        write(path)


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
    yield "this host over IPv6", lambda: connect(*told["host_wide"])
    yield "the metadata address over IPv6", lambda: connect("fd00:ec2::254", 80)
    yield "a multicast group of this host", lambda: echoed(*told["group"])
    yield "everybody on its network", lambda: echoed(
        "255.255.255.255", told["host"][1], (socket.SOL_SOCKET, socket.SO_BROADCAST))
    yield "another address for itself", another_address
    yield "rules of the firewall", lambda: raw(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    yield "the hypervisor", lambda: raw(40, socket.SOCK_STREAM)
    yield "cryptography of the kernel", lambda: raw(38, socket.SOCK_SEQPACKET)
    yield "the name of another instance", lambda: named(told["instance"][0])
    yield "abstract sockets of this host", lambda: connect_abstract(told["abstract"])
    yield "shared memory of this host", lambda: check(libc.shmget(told["shared"], 0, 0))
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
    yield "the kernel's log", lambda: check(libc.klogctl(3, room(), 64))
    yield "a kernel module", lambda: call("init_module", b"", 0, b"")
    yield "another kernel", lambda: call("kexec_load", 0, 0, None, 0)
    yield "a BPF program", lambda: call("bpf", 0, room(), 128)
    yield "performance counters", lambda: call("perf_event_open", room(), 0, -1, -1, 0)
    yield "the clock", lambda: check(libc.settimeofday(room(), None))
    yield "a restart of the machine", lambda: check(libc.reboot(0))
    yield "the host's name", lambda: check(libc.sethostname(b"escape", 6))
    yield "settings of the kernel", lambda: write("/proc/sys/kernel/core_pattern")
    yield "the sysrq trigger", lambda: write("/proc/sysrq-trigger")
    yield "its own control group", lambda: write("/sys/fs/cgroup/memory.max")
    yield "a release agent", release_agent
    yield "the first process", lambda: check(libc.ptrace(16, 1, None, None))
    yield "memory of the first process", lambda: memory_of(1)
    yield "files of the first process", lambda: call("pidfd_getfd", os.pidfd_open(1), 0, 0)
    yield "the program of the first process", lambda: open_any("/proc/1/exe", mode="r+b")
    yield "a namespace that there is", lambda: joined("mnt")
    yield "a file by its handle", lambda: call("open_by_handle_at", os.open("/", os.O_RDONLY), room(), 0)
    yield "the changes of all files", lambda: call("fanotify_init", 0, 0)
    yield "another place for the root", lambda: call("pivot_root", b"/tmp", b"/tmp")
    yield "memory on a disk", lambda: call("swapon", b"/tmp/escape", 0)
    yield "keys of the kernel", lambda: call("keyctl", 0, -3, 1)
    yield "io_uring", lambda: call("io_uring_setup", 1, room())
    yield "faults of memory", lambda: call("userfaultfd", 0)
    yield "capabilities", more_capabilities
    yield "core files", lambda: check(libc.setrlimit(resource.RLIMIT_CORE, (ctypes.c_ulong * 2)(1 << 30, 1 << 30)))
    yield "precedence over others", lambda: os.nice(-5)
    yield "time of the processor for itself", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    yield "firmware of the machine", lambda: folder_with_something("/sys/firmware")
    yield "debugging of the kernel", lambda: folder_with_something("/sys/kernel/debug", "/sys/kernel/tracing")


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
