"""Much that happens within one turn of a worker's loop, made so by stopping the gateway's process meanwhile. Several
messages that a turn holds are sent as a batch where the kernel has io_uring, else one by one: both are tested."""
import contextlib
import os
import pathlib
import signal
import socket
import threading
import time

import pytest

from conftest import has_io_uring, wait_for
from held_log import HeldLog

CLIENTS = 200
SIZE = 3800  # bytes of a body; those of a turn are more than the gateway keeps for its end


WITHOUT_IO_URING = ["--io-uring", "off"]


@pytest.fixture(params=[[], WITHOUT_IO_URING], ids=["batches", "single"])
def driver_options(request):
    if not request.param and not has_io_uring():
        pytest.skip("the kernel has no io_uring for this process")
    return request.param


def is_stopped(pid):
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return all((task / "stat").read_text().rsplit(")", 1)[1].split()[0] == "T" for task in tasks)


@contextlib.contextmanager
def stopped(gateway):
    """Every thread of the gateway stands still; what happens meanwhile meets it all at once."""
    pid = gateway.process.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_for(lambda: is_stopped(pid), "every thread to stop")
        yield
    finally:
        os.kill(gateway.process.pid, signal.SIGCONT)


def body_of(number):
    return f"{number:08}".encode() * (SIZE // 8)


def test_many_requests_and_many_answers_in_one_turn(start_gateway, backend):
    gateway = start_gateway(slots=CLIENTS)
    asked, go_on = threading.Semaphore(0), threading.Event()

    @backend.on("/together")
    def together(connection, request):
        body, _ = connection.read_body(request)
        asked.release()
        go_on.wait(30)
        connection.answer(body)
        asked.release()

    clients = [gateway.client(timeout=30) for _ in range(CLIENTS)]
    with stopped(gateway):
        for number, client in enumerate(clients):
            client.request(["POST /f/together HTTP/1.1", "Host: berth.test", f"Content-Length: {SIZE}"], body_of(number))
    for _ in range(CLIENTS):
        assert asked.acquire(timeout=30)
    with stopped(gateway):
        go_on.set()
        for _ in range(CLIENTS):
            assert asked.acquire(timeout=30)
    for number, client in enumerate(clients):
        response = client.read_response()
        assert (response.status, response.body) == (200, body_of(number))
        assert client.get("/f/dump").status == 200
        assert client.leave() == b""
    assert [request.target for request in backend.requests].count("/together") == CLIENTS


def test_log_tells_that_the_kernel_has_no_io_uring(start_gateway, driver_options):
    gateway = start_gateway(workers=2)
    lines = [line for line in gateway.log_path.read_text().splitlines() if "gateway.no-io-uring" in line]
    assert len(lines) == (2 if driver_options == WITHOUT_IO_URING else 0)


def pipeline(client, count):
    """Sends as much of so many requests as the gateway takes, by a thread; their bodies are numbered."""
    requests = b"".join(
        b"POST /f/echo HTTP/1.1\r\nHost: berth.test\r\nContent-Length: %d\r\n\r\n" % SIZE + body_of(number)
        for number in range(count))
    sender = threading.Thread(target=client.send, args=(requests,), daemon=True)
    sender.start()
    return sender


def test_answers_of_a_turn_meet_clients_that_do_not_read(start_gateway):
    """Answers stay with the gateway, whole or in part, until their clients read on."""
    slow, answers = 8, 2000
    gateway = start_gateway(slots=slow)
    clients = [gateway.client(timeout=30) for _ in range(slow)]
    senders = [pipeline(client, answers) for client in clients]
    stands_still_at = -1
    while (written := gateway.stats()["bytes_out"]) > stands_still_at:
        stands_still_at = written
        time.sleep(0.2)
    assert written < 2 * slow * answers * SIZE, "every answer found room"
    for client, sender in zip(clients, senders):
        for number in range(answers):
            response = client.read_response()
            assert (response.status, response.body) == (200, body_of(number))
        sender.join()
        client.leave()


def post_together(gateway, clients, target, meanwhile=lambda: None):
    """One request a client, all in one turn; their bodies are numbered."""
    with stopped(gateway):
        meanwhile()
        for number, client in enumerate(clients):
            client.request([f"POST {target} HTTP/1.1", "Host: berth.test", f"Content-Length: {SIZE}"], body_of(number))


def test_requests_that_were_acted_on_are_not_repeated(start_gateway, backend):
    """The runners take what a turn sends, and close without an answer."""
    gateway = start_gateway(slots=CLIENTS)
    clients = [gateway.client(timeout=30) for _ in range(CLIENTS)]
    taken = []

    @backend.on("/take")
    def take(connection, request):
        taken.append(connection.read_body(request)[0])
        return False

    post_together(gateway, clients, "/f/take")
    for client in clients:
        assert client.read_response().status == 502
        client.leave()
    assert sorted(taken) == [body_of(number) for number in range(CLIENTS)]


def test_runners_that_take_nothing_more(start_gateway, backend):
    """Nothing of what a turn sends goes out: the requests go to other connections, though they could not be repeated."""
    gateway = start_gateway(slots=CLIENTS)
    clients = [gateway.client(timeout=30) for _ in range(CLIENTS)]
    ends = []  # a second hold on the runners' ends, so that the connections are not closed

    def stop_taking():
        for sock in list(backend.open):
            ends.append(sock.dup())
            sock.shutdown(socket.SHUT_RD)

    post_together(gateway, clients, "/f/echo", stop_taking)
    for number, client in enumerate(clients):
        response = client.read_response()
        assert (response.status, response.body) == (200, body_of(number))
        client.leave()
    assert gateway.stats()["retries"] > 0
    assert len(backend.requests) == CLIENTS
    for end in ends:
        end.close()


def test_every_byte_of_a_turn_is_counted(start_gateway, backend):
    """In and out are the same when each message goes out as it came; the backend answers with the head it got."""
    gateway = start_gateway(slots=CLIENTS)
    clients = [gateway.client(timeout=30) for _ in range(CLIENTS)]
    post_together(gateway, clients, "/f/dump")
    received = 0
    for client in clients:
        response = client.read_response()
        received += len(response.raw) + len(response.body)
        client.leave()
    sent = sum(len(request.raw) for request in backend.requests) + CLIENTS * SIZE
    assert gateway.stats()["bytes_out"] == sent + received


def test_request_meets_a_runner_that_leaves_in_the_same_turn(start_gateway, backend):
    """The connection ends after a request was given to it and before that was sent: it goes elsewhere, though it
    could not be repeated."""
    gateway = start_gateway(slots=1)
    with gateway.client() as client:
        client.get("/f/dump")
        with stopped(gateway):
            client.request(["POST /f/echo HTTP/1.1", "Host: berth.test", "Content-Length: 5"], b"hello")
            backend.close_connections()
            wait_for(lambda: not backend.open, "the runner's side to be closed")
        response = client.read_response()
        assert (response.status, response.body) == (200, b"hello")
    assert [request.target for request in backend.requests] == ["/dump", "/echo"]


def test_request_meets_a_runner_that_speaks_in_the_same_turn(start_gateway, backend):
    """What a runner says before it was asked is no answer."""
    gateway = start_gateway(slots=1)
    with gateway.client() as client:
        client.get("/f/dump")
        with stopped(gateway):
            client.request(["GET /f/echo HTTP/1.1", "Host: berth.test"])
            for sock in backend.open:
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")
        response = client.read_response()
        assert (response.status, response.body) == (200, b"")


def test_answer_is_on_its_way_when_its_client_leaves(start_gateway, backend):
    gateway = start_gateway(slots=1)
    asked, go_on = threading.Event(), threading.Event()

    @backend.on("/late")
    def late(connection, _):
        asked.set()
        go_on.wait(30)
        connection.answer(b"late")

    client = gateway.client()
    client.request(["GET /f/late HTTP/1.1", "Host: berth.test"])
    assert asked.wait(10)
    with stopped(gateway):
        go_on.set()
        client.sock.close()
    with gateway.client() as other:
        assert other.get("/f/dump").status == 200
    wait_for(lambda: gateway.stats()["requests_active"] == 0, "the end of the exchange")


def use_every_slot(gateway, backend, clients):
    """One request a client, all at once, so that each has a slot of its own."""
    asked, go_on = threading.Semaphore(0), threading.Event()

    @backend.on("/gate")
    def gate(connection, _):
        asked.release()
        go_on.wait(30)
        connection.answer(b"gate")

    for client in clients:
        client.request(["GET /f/gate HTTP/1.1", "Host: berth.test"])
    for _ in clients:
        assert asked.acquire(timeout=30)
    go_on.set()
    for client in clients:
        assert client.read_response().status == 200
    gateway.wait_slots(len(clients))


def test_more_of_a_body_comes_in_the_turn_of_a_second_try(start_gateway, backend):
    """Runners leave, the requests are given to other slots, and before the end of the turn their clients send on.
    The new runners answer at once, without a look at the body."""
    half = CLIENTS // 2
    gateway = start_gateway(slots=CLIENTS, request_buffer_bytes=0)
    clients = [gateway.client() for _ in range(CLIENTS)]
    use_every_slot(gateway, backend, clients)
    first, asked, lock = [], threading.Semaphore(0), threading.Lock()

    @backend.on("/put")
    def put(connection, request):
        with lock:
            is_first = len(first) < half
            if is_first:
                first.append(connection.sock)
        if is_first:
            asked.release()
        else:
            connection.answer(b"early")
        connection.read_body(request)

    for client in clients[:half]:
        client.request(["PUT /f/put HTTP/1.1", "Host: berth.test", "Content-Length: 10"], b"hello")
    for _ in range(half):
        assert asked.acquire(timeout=30)
    with stopped(gateway):
        for sock in first:
            sock.shutdown(socket.SHUT_RDWR)
        for client in clients[:half]:
            client.send(b"world")
    for client in clients[:half]:
        response = client.read_response()
        assert (response.status, response.body) == (200, b"early")
    for client in clients:
        client.leave()


def take_all(sock):
    """What has come; the socket does not wait any more."""
    taken = b""
    sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while piece := sock.recv(1 << 20):
            taken += piece
    sock.setblocking(True)
    return taken


def test_pipelined_requests_do_not_delay_what_the_turn_holds(start_gateway, backend, tmp_path):
    """They are answered one a turn, however many other clients there are: another's request of the first turn has
    gone out when the gateway comes to stand still among them."""
    pipelined = 200
    log = HeldLog(tmp_path / "driver.log")
    with contextlib.ExitStack() as clients:
        with log.passed_on():
            gateway = start_gateway(slots=1, options=["--log", "debug"], log=log)
            greedy, modest, *_ = [clients.enter_context(gateway.client()) for _ in range(pipelined + CLIENTS)]
            modest.get("/f/dump")
        with stopped(gateway):
            greedy.send(b"OPTIONS * HTTP/1.1\r\nHost: berth.test\r\n\r\n" * pipelined)
            modest.request(["GET /f/modest HTTP/1.1", "Host: berth.test"])
        wait_for(lambda: backend.requests[-1].target == "/modest", "the request at its runner")
        early = take_all(greedy.sock)
        assert early.count(b"HTTP/1.1 204") < pipelined
        with log.passed_on():
            assert modest.read_response().status == 200
            greedy.pending = early
            for _ in range(pipelined):
                assert greedy.read_response().status == 204
            gateway.stop()
