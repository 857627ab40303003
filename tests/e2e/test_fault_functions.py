"""What a function may do to itself and its container, or have done to it, while another one is under load: who calls it is
told, the other one notices nothing, and nothing is left. The rest is in test_faults.py."""

import os
import signal

import pytest

from harness import engine, processes
from harness.neighbour import is_clean, serve_neighbour, undisturbed
from harness.wait import wait_until

ODD = """
    import os, socket, subprocess, sys, threading, time
    from starlette.responses import PlainTextResponse, StreamingResponse

    def host_connections():
        for name in os.listdir("/proc/self/fd"):
            try:
                found = socket.socket(fileno=os.dup(int(name)))
            except OSError:
                continue
            if found.family == socket.AF_UNIX and found.type == socket.SOCK_STREAM:
                yield found

    def fill(folder, piece, limit):
        written = 0
        try:
            with open(f"{folder}/large", "wb") as file:
                while written < limit:
                    written += file.write(piece)
                    file.flush()
        except OSError as error:
            return f"{folder}: {error.strerror} after {written >> 20} MiB"
        return f"{folder}: no end within {written >> 20} MiB"

    def many_files(folder):
        count = 0
        while True:
            try:
                os.close(os.open(f"{folder}/{count}", os.O_CREAT | os.O_WRONLY))
            except OSError as error:
                return f"{folder}: {error.strerror} after {count} files"
            count += 1

    def dial(count):
        done = 0
        for _ in range(count):
            with socket.socket(socket.AF_UNIX) as stranger:
                try:
                    stranger.connect("/run/berth/host.sock")
                    done += 1
                except OSError:
                    pass
        return f"{done} of {count} dials were taken"

    def bomb():
        refused = 0
        for _ in range(500):
            try:
                if os.fork() == 0:
                    threading.Event().wait()
            except BlockingIOError:
                refused += 1
        return f"{refused} of 500 forks were refused"

    def half():
        yield b"the first half"
        time.sleep(0.2)
        os._exit(3)

    def half_and_silence():
        yield b"the first half"
        threading.Event().wait()

    def handle(request):
        way = request.url.path.rsplit("/", 1)[-1]
        if way == "silence":
            threading.Event().wait()
        if way == "half":
            return StreamingResponse(half())
        if way == "half-and-silence":
            return StreamingResponse(half_and_silence())
        if way == "garbage":
            for connection in host_connections():
                connection.send(b"\\x00\\xff garbage \\r\\n\\r\\n" * 100)
            threading.Event().wait(2)
        if way == "output":
            until = time.monotonic() + 2
            while time.monotonic() < until:
                sys.stdout.write("x" * 200 + "\\n")
                sys.stderr.write("y" * 20000)
        if way == "memory-disks":
            piece = b"x" * (1 << 20)
            return " ".join(fill(folder, piece, 1 << 30) for folder in ("/work", "/tmp", "/dev/shm"))
        if way == "layer":
            return fill("/var/tmp", b"x" * (1 << 20), 32 << 20)
        if way == "inodes":
            return many_files("/tmp")
        if way == "dials":
            return dial(3000)
        if way == "bomb":
            return bomb()
        return "fine"
"""

SLOW_TO_START = """
    import threading
    threading.Event().wait()

    def handle(request):
        return "never"
"""

SETTINGS = {"idle_timeout": 60, "timeout": 60, "memory": "96Mi", "pids": 64, "tmp": "8Mi", "shm": "4Mi",
            "request_buffering": False}


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    for name in ("odd", "stuck", "babbles", "writes", "late"):
        shared_berth.expect_error(".*", function=name)
    shared_berth.expect_error("instance.failed")
    serve_neighbour(shared_berth)
    shared_berth.write_function("odd", ODD, **SETTINGS)
    shared_berth.write_function("babbles", ODD, **SETTINGS)
    shared_berth.write_function("stuck", ODD, **{**SETTINGS, "timeout": 2})
    shared_berth.write_function("writes", ODD, **{**SETTINGS, "read_only": False})
    shared_berth.write_function("late", SLOW_TO_START, start_timeout=2)
    shared_berth.start()


def serves_again(berth, name="odd"):
    """The function answers, and nothing of what was lost is left."""
    berth.wait_answer(f"/{name}", lambda answer: answer.text == "fine", f"{name} to serve again", 60)
    wait_until(lambda: is_clean(berth), "what was lost to be removed", 30)


def ask(fault, berth, target):
    answer = berth.get(target)
    fault.saw(f"200: {answer.text}" if answer.status == 200 else answer)
    return answer


def test_slow_to_start(served):
    with undisturbed(served, "it is slow to start") as fault:
        answer = ask(fault, served, "/late")
        assert answer.status == 502 and answer.error()["reason"] == "start-timeout"
        served.wait_no_instance("late", 30)
        wait_until(lambda: is_clean(served), "what was started to be removed", 30)


def test_never_answers(served):
    with undisturbed(served, "it never answers") as fault:
        answer = ask(fault, served, "/stuck/silence")
        assert (answer.status, answer.error()["reason"]) == (504, "timeout")
        serves_again(served, "stuck")


@pytest.mark.parametrize("way, name", [("half", "it ends within its answer"), ("half-and-silence", "it stops within its answer")])
def test_half_an_answer(served, way, name):
    with undisturbed(served, name) as fault:
        with served.connect() as connection:
            connection.send(f"GET /stuck/{way} HTTP/1.1\r\nHost: test\r\n\r\n")
            status, _ = connection.head()
            first = connection.chunk()
            assert (status, first) == (200, b"the first half")
            assert connection.at_end(), "the answer must not look whole"
        fault.saw(f"{status}, the first half of the answer, and the end of the connection")
        serves_again(served, "stuck")


def test_garbage(served):
    with undisturbed(served, "it sends garbage in the place of an answer") as fault:
        answer = ask(fault, served, "/babbles/garbage")
        assert (answer.status, answer.error()["reason"]) == (502, "status-line-malformed")
        engine.remove(served.instance("babbles")["Id"])  # over its other connections there is garbage, too
        serves_again(served, "babbles")


def test_endless_output(served):
    with undisturbed(served, "its output has no end") as fault:
        assert ask(fault, served, "/odd/output").text == "fine"
        serves_again(served)


def test_disks_in_memory_are_filled(served):
    with undisturbed(served, "it fills /work, /tmp and /dev/shm") as fault:
        answer = ask(fault, served, "/odd/memory-disks")
        assert answer.status == 200 and answer.text.count("No space left") == 3
        serves_again(served)
        engine.remove(served.instance("odd")["Id"])
        serves_again(served)


def test_layer_is_written(served):
    """What is written there is bounded by the engine's disk alone; it goes with the instance."""
    with undisturbed(served, "it writes 32 MiB beside its volumes (`read_only: false`)") as fault:
        answer = ask(fault, served, "/writes/layer")
        assert answer.status == 200 and "no end" in answer.text
        container = served.instance("writes")["Id"]
        engine.remove(container)
        serves_again(served, "writes")


def test_inodes_are_used_up(served):
    with undisturbed(served, "it makes files without end in /tmp") as fault:
        answer = ask(fault, served, "/odd/inodes")
        assert answer.status == 200 or answer.error()["reason"] == "out-of-memory"
        serves_again(served)


def test_fork_bomb(served):
    with undisturbed(served, "it forks without end (`pids: 64`)") as fault:
        text = ask(fault, served, "/odd/bomb").text
        if "out-of-memory" not in text:  # which its processes may take first
            assert "forks were refused" in text
            engine.remove(served.instance("odd")["Id"])
        serves_again(served)


def test_thousands_of_dials(served):
    with undisturbed(served, "it dials its socket 3000 times") as fault:
        assert "dials were taken" in ask(fault, served, "/odd/dials").text
        serves_again(served)


def stop_all(process):
    """A process and those below it, from the bottom up."""
    for child in processes.children(process):
        stop_all(child)
    os.kill(process, signal.SIGSTOP)
    wait_until(lambda: processes.stat_fields(process)[0] == "T", "the process to stand still", 30)


def test_stopped(served):
    """By SIGSTOP of its processes, as a debugger does."""
    serves_again(served, "stuck")
    with undisturbed(served, "its processes are stopped (SIGSTOP)") as fault:
        container = served.instance("stuck")["Id"]
        stop_all(engine.inspect(container)["State"]["Pid"])
        held = served.hold("/stuck")
        held.send("x")
        answer = fault.saw(held.response())
        held.close()
        assert answer.status in (502, 504)
        wait_until(lambda: not engine.exists(container), "the stopped container to be removed", 30)
        serves_again(served, "stuck")
