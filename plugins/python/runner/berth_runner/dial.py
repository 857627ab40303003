"""The connection to the host.

_socket is the C module below socket: the same objects without the imports of the Python layer.
"""
import os

from _socket import AF_UNIX, SOCK_STREAM, socket

DEFAULT_PATH = "/run/berth/host.sock"
FIRST_DELAY = 0.02
LAST_DELAY = 0.1


def socket_path():
    return os.environ.get("BERTH_SOCKET") or DEFAULT_PATH


def dial(path):
    """One attempt; a connected blocking socket, or OSError."""
    sock = socket(AF_UNIX, SOCK_STREAM)
    try:
        sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock


def delays():
    """Seconds to wait before each attempt to dial again: none, then 20 ms doubling up to 100 ms."""
    yield 0.0
    delay = FIRST_DELAY
    while True:
        yield delay
        delay = min(delay * 2, LAST_DELAY)
