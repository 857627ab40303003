"""What the tests of slow clients share. Each has a file of its own, since processes that run tests side by side take whole
files, and what a crowd needed is given back by a timer of ten seconds."""
import time

from conftest import wait_for

CLIENTS = 2000
ROUNDS = 4  # bytes that each sends
ROUND_S = 0.5
LEFT_KIB = 3072  # what may be left of a crowd when it has gone, a quarter of what it took
CLIENT_KIB = 8  # what one may cost while its head is on its way
PATIENCE_S = 30  # others have their answer within that time


def ask(client):
    began = time.monotonic()
    assert client.get("/f/hello").body == b"hello, world\n"
    assert time.monotonic() - began < PATIENCE_S
    return 1


def send_round(slow, fast):
    """A while in which each slow client sends one byte, and the other one asks all the time. Returns how often."""
    end = time.monotonic() + ROUND_S
    asked = 0
    for number, (client, byte) in enumerate(slow):
        client.send(byte)
        if number % 10 == 0:
            asked += ask(fast)
    while time.monotonic() < end:
        asked += ask(fast)
    return asked


def check_given_back(gateway, clients, empty_kib):
    """Ends the clients' connections and waits until nothing is left of them."""
    for client in clients:
        client.sock.close()
    wait_for(lambda: gateway.stats()["connections_open"] == 0, "every connection's end")
    assert gateway.stats()["buffered_bytes"] == 0
    wait_for(lambda: gateway.memory_kib() - empty_kib < LEFT_KIB, "what the crowd needed to be given back", 40)
