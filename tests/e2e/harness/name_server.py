"""A name server of a test's own."""

import ipaddress
import socket
import struct
import threading

A, AAAA = 1, 28
NO_NAME = 3


class NameServer:
    """Answers over UDP for the names in `records`, {name: [addresses]}, which may be changed; `asked` has what it was asked
    for."""

    def __init__(self, records, ttl=1):
        self.records, self.ttl, self.asked = records, ttl, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:{}".format(self.socket.getsockname()[1])
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                query, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            if not query:
                return
            self.socket.sendto(self.answer(query), peer)

    def answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        kind = struct.unpack(">H", query[at + 1:at + 3])[0]
        name = ".".join(labels).lower()
        self.asked.append(name)
        found = self.records.get(name)
        version = {A: 4, AAAA: 6}.get(kind)
        addresses = [a for a in map(ipaddress.ip_address, found or ()) if a.version == version]
        head = query[:2] + struct.pack(">HHHHH", 0x8180 | (NO_NAME if found is None else 0), 1, len(addresses), 0, 0)
        records = b"".join(struct.pack(">HHHIH", 0xC00C, kind, 1, self.ttl, len(a.packed)) + a.packed for a in addresses)
        return head + query[12:at + 5] + records

    def close(self):
        self.socket.close()
