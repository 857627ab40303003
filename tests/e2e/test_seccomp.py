"""Which system calls a function may make: those of Berth's own profile, or of the engine's where it asks for it."""

import errno
import platform

import pytest

from harness import engine

# Numbers of system calls: x86-64, arm64.
NUMBERS = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "open_tree": (428, 428),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "settimeofday": (164, 170),
    "syslog": (103, 116),
    "quotactl": (179, 60),
    "acct": (163, 89),
    "fanotify_init": (300, 262),
    "remap_file_pages": (216, 234),
    "adjtimex": (159, 171),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "clone3": (435, 435),
}
SILENT = {"io_uring_setup", "io_uring_enter", "io_uring_register", "clone3"}  # as if the kernel had none
FAMILIES = {"unix": 1, "inet": 2, "inet6": 10}
OTHER_FAMILIES = {"ax25": 3, "packet": 17, "rds": 21, "can": 29, "tipc": 30, "bluetooth": 31, "alg": 38, "vsock": 40, "xdp": 44}

TRIES = """
    import ctypes
    import json
    import os
    import socket
    import threading
    from starlette.responses import JSONResponse

    libc = ctypes.CDLL(None, use_errno=True)
    NUMBERS = json.loads('''NUMBERS_HERE''')
    CLONE = CLONE_HERE
    NEW = {"user": 0x10000000, "mount": 0x20000, "pid": 0x20000000, "net": 0x40000000, "uts": 0x4000000,
           "ipc": 0x8000000, "cgroup": 0x2000000}

    def call(number, *arguments):
        ctypes.set_errno(0)
        result = libc.syscall(number, *(ctypes.c_long(argument) for argument in arguments))
        return 0 if result >= 0 else ctypes.get_errno()

    def attempt(action):
        try:
            action()
            return 0
        except OSError as error:
            return error.errno

    def in_child(action):
        # A call that succeeds changes a process that is thrown away.
        child = os.fork()
        if child == 0:
            os._exit(action())
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def cloned(flags):
        # What fails is told by the one process, and a process that is made ends at once.
        result = libc.syscall(CLONE, *(ctypes.c_long(argument) for argument in (flags | 17, 0, 0, 0, 0)))
        if result == 0:
            os._exit(0)
        if result > 0:
            os.waitpid(result, 0)
            return 0
        return ctypes.get_errno()

    def threads():
        seen = []
        workers = [threading.Thread(target=seen.append, args=(number,)) for number in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return sorted(seen)

    def handle(request):
        kind = lambda number: socket.SOCK_RAW if number == 16 else socket.SOCK_DGRAM
        family = lambda number, protocol=0: attempt(lambda: socket.socket(number, kind(number), protocol).close())
        os.path.exists("/tmp/fifo") or os.mkfifo("/tmp/fifo")
        return JSONResponse({
            "calls": {name: in_child(lambda number=number: call(number, 0, 0, 0, 0, 0)) for name, number in NUMBERS.items()},
            "clone": {name: cloned(flag) for name, flag in NEW.items()},
            "plain_clone": cloned(0),
            "families": {name: family(number) for name, number in json.loads(request.query_params["families"]).items()},
            "routes": family(16),
            "netfilter": family(16, 12),
            "uevents": family(16, 15),
            "device": attempt(lambda: os.mknod("/tmp/device", 0o20600, os.makedev(1, 3))),
            "threads": threads(),
            "mode": [line.split()[1] for line in open("/proc/self/status") if line.startswith("Seccomp:")],
            "score": int(open("/proc/self/oom_score_adj").read()),
        })
"""


def tries():
    arm = platform.machine() == "aarch64"
    numbers = ", ".join(f'"{name}": {pair[arm]}' for name, pair in NUMBERS.items())
    return TRIES.replace("NUMBERS_HERE", f"{{{numbers}}}").replace("CLONE_HERE", "220" if arm else "56")


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    shared_berth.write_function("usual", tries(), idle_timeout=60)
    shared_berth.write_function("rooted", tries(), idle_timeout=60, user="root")
    shared_berth.write_function("loose", tries(), idle_timeout=60, seccomp="engine")
    shared_berth.start()


def seen(berth, name):
    families = str({**FAMILIES, **OTHER_FAMILIES}).replace("'", '"').replace(" ", "")
    answer = berth.get(f"/{name}?families={families.replace('{', '%7B').replace('}', '%7D').replace(chr(34), '%22')}")
    assert answer.status == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("name", ["usual", "rooted"])
def test_calls_that_lead_out_of_containers_are_refused(served, name):
    found = seen(served, name)
    expected = {call: errno.ENOSYS if call in SILENT else errno.EPERM for call in NUMBERS}
    assert found["calls"] == expected
    assert set(found["clone"].values()) == {errno.EPERM}
    assert found["device"] == errno.EPERM
    assert found["mode"] == ["2"]


def test_sockets_are_those_that_programs_use(served):
    found = seen(served, "usual")
    assert {name: found["families"][name] for name in FAMILIES} == dict.fromkeys(FAMILIES, 0)
    assert {name: found["families"][name] for name in OTHER_FAMILIES} == dict.fromkeys(OTHER_FAMILIES, errno.EPERM)
    assert found["routes"] == 0
    assert found["netfilter"] == found["uevents"] == errno.EPERM


def test_what_every_program_does_still_works(served):
    found = seen(served, "usual")
    assert found["plain_clone"] == 0 and found["threads"] == [0, 1, 2]


@pytest.mark.shows_setting("configuration.seccomp")
def test_a_function_may_have_the_profile_of_the_engine(served):
    found = seen(served, "loose")
    assert found["calls"]["ptrace"] == 0 and found["families"]["alg"] != errno.EPERM
    assert found["calls"]["keyctl"] == errno.EPERM  # which has walls as well
    options = engine.inspect(served.instance("loose")["Id"])["HostConfig"]["SecurityOpt"]
    assert not any(option.startswith("seccomp") for option in options)
    findings = served.admin("GET", "/berth/functions/loose").json()["diagnostics"]
    assert ["system calls" in finding["message"] for finding in findings] == [True]


def test_functions_go_before_the_daemon_as_memory_runs_out(served):
    score = seen(served, "usual")["score"]
    with open(f"/proc/{served.pid}/oom_score_adj", encoding="utf-8") as file:
        own = int(file.read())
    assert score == 600 > own


def test_an_instance_never_swaps_and_has_its_limits(served):
    seen(served, "usual")
    host = engine.inspect(served.instance("usual")["Id"])["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] > 0
    assert host["PidsLimit"] > 0
    assert [(limit["Name"], limit["Hard"]) for limit in host["Ulimits"]] == [("core", 1)]
