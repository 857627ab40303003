"""A gateway that has run out of file descriptors: those it has go on, and the rest wait."""
import itertools
import os
import resource

import pytest

from conftest import wait_for


def limit_descriptors(gateway, spare):
    """Leaves the process room for so many descriptors more. A gap between those it has is room too: while one worker
    asks in vain for a connection to accept, Linux keeps a number for it, and another worker's connection has the next."""
    used = {int(name) for name in os.listdir(f"/proc/{gateway.process.pid}/fd")}
    free = (number for number in itertools.count() if number not in used)
    limit = next(itertools.islice(free, spare, None))
    hard = resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (limit, hard))
    return hard


def logged(gateway, event):
    return gateway.log_path.read_text().count(event)


def begin_new(gateway, count):
    """Clients with requests that are under way until their last byte comes."""
    clients = [gateway.client() for _ in range(count)]
    for client in clients:
        client.request(["POST /f/upload HTTP/1.1", "Host: x", "Content-Length: 2"], b"a")
    return clients


def finish(clients):
    for client in clients:
        client.send(b"b")
    return {client.read_response().status for client in clients}


@pytest.mark.parametrize("workers", [1, 2])
def test_out_of_descriptors(start_bulk, workers):
    gateway = start_bulk(workers=workers)
    old = begin_new(gateway, 3)
    wait_for(lambda: gateway.stats()["requests_active"] == 3, "the old ones being under way")
    hard = limit_descriptors(gateway, spare=2)
    new = begin_new(gateway, 2)
    wait_for(lambda: gateway.stats()["requests_active"] == 5, "the two there is room for")
    new += begin_new(gateway, 18)
    wait_for(lambda: logged(gateway, "gateway.accept-paused") == workers, "the pause")

    assert finish(old[:1]) == {200}
    wait_for(lambda: gateway.stats()["connections_accepted"] == 6, "one more in the place of one that idles")
    assert old.pop(0).is_closed()
    assert logged(gateway, "gateway.accept-paused") == workers
    resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (hard, hard))
    assert finish([*old, *new]) == {200}
    wait_for(lambda: logged(gateway, "gateway.accept-resumed") == workers, "everybody being accepted")
    assert logged(gateway, "gateway.accept-paused") == workers
    assert gateway.stats()["connections_evicted"] == 1
    for client in [*old, *new]:
        client.sock.close()
