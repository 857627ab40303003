"""Sockets that the service manager keeps or makes: whoever connects while no daemon runs waits."""

import os
import signal
import socket

import pytest

from harness import client
from harness.daemon import free_port
from harness.functions import HELLO
from harness.manager import Manager
from harness.wait import wait_until

KEPT = ["berth-admin", "berth-functions", "berth-local"]
ASK = "GET /hello HTTP/1.1\r\nHost: test\r\n\r\n"


@pytest.fixture
def manager(berth):
    played = Manager(berth.folder)
    yield played
    played.close()


def listener(address):
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(address)
    made.listen(64)
    return made


def answered(connection):
    status, headers = connection.head()
    return status, connection.reader.read(int(headers["Content-Length"]))


def test_after_a_crash_clients_wait_for_the_next_start(berth, manager):
    berth.write_function("hello", HELLO)
    manager.start(berth)
    assert berth.get("/hello").text == "hello"
    assert manager.names() == KEPT
    berth.kill()
    waiting = [berth.connect(timeout=60) for _ in range(8)]
    for connection in waiting:
        connection.send(ASK)
    local = socket.socket(socket.AF_UNIX)
    local.connect(os.path.join(berth.run_dir, "admin.sock"))
    local.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
    manager.start(berth)
    assert [answered(connection) for connection in waiting] == [(200, b"hello")] * 8
    local.settimeout(60)
    assert local.recv(4096).startswith(b"HTTP/1.0 ")
    assert manager.names() == KEPT
    manager.hear()
    assert sum(said.get("FDNAME") == "berth-functions" for said in manager.said) == 1, "kept twice"
    for connection in waiting:
        connection.close()
    local.close()


def test_a_daemon_that_leaves_its_instances_leaves_its_sockets(berth, manager):
    berth.write_function("hello", HELLO)
    manager.start(berth)
    assert berth.get("/hello").text == "hello"
    berth.signal(signal.SIGUSR1)
    assert berth.wait_end(60) == 0
    assert manager.names() == KEPT
    waiting = berth.connect(timeout=60)
    waiting.send(ASK)
    with socket.socket(socket.AF_UNIX) as local:
        local.settimeout(60)
        local.connect(os.path.join(berth.run_dir, "admin.sock"))
        local.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        manager.start(berth)
        assert local.recv(4096).startswith(b"HTTP/1.0 ")
    assert answered(waiting) == (200, b"hello")
    assert berth.log.entries("daemon.descriptor-unused") == []
    waiting.close()


def test_more_sockets_than_workers_lose_nobody(berth, manager):
    berth.write_function("hello", HELLO)
    manager.start(berth, "--workers", "4")
    berth.kill()
    waiting = [berth.connect(timeout=60) for _ in range(32)]
    manager.start(berth, "--workers", "1")
    for connection in waiting:
        connection.send(ASK)
    assert [answered(connection) for connection in waiting] == [(200, b"hello")] * 32
    for connection in waiting:
        connection.close()


def test_after_its_end_clients_are_refused(berth, manager):
    berth.write_function("hello", HELLO)
    manager.start(berth)
    assert berth.stop() == 0
    assert manager.names() == []
    with pytest.raises(ConnectionRefusedError):
        berth.get("/hello")


def test_sockets_of_a_socket_unit_are_used(berth, manager):
    berth.write_function("hello", HELLO)
    with listener(berth.address) as functions, listener(berth.admin_address) as admin:
        manager.keep("berth.socket", functions.fileno())
        manager.keep("berth.socket", admin.fileno())
    early = berth.connect(timeout=60)
    early.send(ASK)
    manager.start(berth, "--workers", "2")
    assert answered(early) == (200, b"hello")
    assert [berth.get("/hello").status for _ in range(20)] == [200] * 20
    assert berth.admin("GET", "/healthz").status == 200
    assert manager.names() == ["berth-local", "berth.socket"], "what the manager has made is not for it to keep"
    early.close()


def test_socket_of_another_address_is_told_of(berth, manager):
    berth.write_function("hello", HELLO)
    manager.start(berth)
    before = berth.address
    berth.kill()
    berth.address = ("127.0.0.1", free_port())
    manager.start(berth)
    assert berth.get("/hello").text == "hello"
    unused = berth.log.entries("daemon.descriptor-unused")
    assert {entry["name"] for entry in unused} == {"berth-functions"}
    assert manager.names() == KEPT
    with pytest.raises(ConnectionRefusedError):
        client.request(before, "GET", "/hello")


def test_what_is_no_listening_socket_is_told_of(berth, manager):
    berth.write_function("hello", HELLO)
    one, other = socket.socketpair()
    with one, other:
        manager.keep("strange", one.fileno())
    manager.start(berth)
    assert berth.get("/hello").text == "hello"
    wait_until(lambda: berth.log.entries("daemon.descriptor-unused", name="strange"), "the warning", 10)
