"""Many clients that send a byte of their body every half second cost others nothing, and the daemon a bounded amount of
memory."""
from crowd import CLIENT_KIB, CLIENTS, ROUNDS, ask, check_given_back, send_round

BODY = (bytes(range(251)) * 4)[:1000]  # as the backend expects it


def test_slow_bodies_cost_others_nothing(start_bulk):
    """All of them complete their bodies in the end, and each is answered."""
    gateway = start_bulk(queue_length=CLIENTS)  # all may end at once
    with gateway.client() as fast:
        ask(fast)
        empty_kib = gateway.memory_kib()
        slow = [gateway.client(timeout=30) for _ in range(CLIENTS)]
        for client in slow:
            client.request(["POST /f/upload HTTP/1.1", "Host: x", f"Content-Length: {len(BODY)}"])
        for at in range(ROUNDS):
            send_round([(client, BODY[at:at + 1]) for client in slow], fast)
            assert gateway.counts()["busy"] == 0
        assert gateway.memory_kib() - empty_kib < CLIENTS * CLIENT_KIB
        for client in slow:
            client.send(BODY[ROUNDS:])
        for client in slow:
            response = client.read_response()
            assert (response.status, response.body) == (200, b"%d\n" % len(BODY))
        ask(fast)
    check_given_back(gateway, slow, empty_kib)
