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


def ask(client):
    return client.get("/f/hello").status


@pytest.mark.parametrize("workers", [1, 2])
def test_out_of_descriptors(start_bulk, workers):
    gateway = start_bulk(workers=workers)
    old = [gateway.client() for _ in range(3)]
    assert {ask(client) for client in old} == {200}
    hard = limit_descriptors(gateway, spare=2)
    new = [gateway.client() for _ in range(20)]
    for client in new:
        client.request(["GET /f/hello HTTP/1.1", "Host: x"])
    wait_for(lambda: sum(client.is_readable() for client in new) == 2, "the two there is room for")
    wait_for(lambda: logged(gateway, "gateway.accept-paused") == workers, "the pause")

    for number in range(2000):
        assert ask(old[number % len(old)]) == 200
    assert sum(client.is_readable() for client in new) == 2
    assert logged(gateway, "gateway.accept-paused") == workers

    old.pop().sock.close()
    wait_for(lambda: sum(client.is_readable() for client in new) == 3, "one more in the place of one that left")
    resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (hard, hard))
    assert all(client.read_response().status == 200 for client in new)
    assert {ask(client) for client in [*old, *new]} == {200}
    assert logged(gateway, "gateway.accept-paused") == logged(gateway, "gateway.accept-resumed") == workers
    for client in [*old, *new]:
        client.sock.close()
