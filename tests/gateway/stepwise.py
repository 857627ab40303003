"""Sends requests to the gateway in pieces, each after the one before has been read: the gateway's count of received
bytes says so, and asking for it waits for the answer, so nothing here sleeps."""
import time

from conftest import SANITIZED

AT_ONCE = 128  # connections
LONG = 2000  # under a sanitizer, cuts of longer input are sampled
SAMPLE = 17


def step_of(data):
    return SAMPLE if SANITIZED and len(data) > LONG else 1


def send_rest(client, data):
    """The gateway may have refused the request and closed the connection by now."""
    try:
        client.send(data)
    except ConnectionError:
        pass


def await_received(gateway, count, or_else=lambda: False):
    """Waits until the gateway has read so many bytes from clients in all."""
    end = time.monotonic() + 60
    while gateway.stats()["bytes_in"] != count and not or_else():
        assert time.monotonic() < end, "the gateway did not read what was sent"


def send_bytewise(gateway, client, data):
    """Byte by byte, up to when the gateway has answered; what is left then comes at once."""
    count = gateway.stats()["bytes_in"]
    step = step_of(data)
    for at in range(0, len(data), step):
        piece = data[at:at + step]
        send_rest(client, piece)
        count += len(piece)
        await_received(gateway, count, client.is_readable)
        if client.is_readable():
            send_rest(client, data[at + step:])
            return


def send_cut(gateway, data, positions, check):
    """One connection a position, each with what stands before it, then with the rest; check(client) looks at each."""
    clients = [gateway.client() for _ in positions]
    count = gateway.stats()["bytes_in"] + sum(positions)
    for client, at in zip(clients, positions):
        client.send(data[:at])
    await_received(gateway, count)
    for client, at in zip(clients, positions):
        send_rest(client, data[at:])
    for client in clients:
        check(client)


def send_every_way(gateway, data, first, check):
    """Whole, byte by byte, and cut in two at every position from `first` on. check(client) reads to the end."""
    with gateway.client() as client:
        send_rest(client, data)
        check(client)
    with gateway.client() as client:
        send_bytewise(gateway, client, data)
        check(client)
    positions = range(first, len(data), step_of(data))
    for at in range(0, len(positions), AT_ONCE):
        send_cut(gateway, data, positions[at:at + AT_ONCE], check)
