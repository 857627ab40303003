"""Many clients that send a byte of their head every half second cost others nothing, and the daemon a bounded amount of
memory."""
import json

from conftest import wait_for
from crowd import CLIENT_KIB, CLIENTS, LEFT_KIB, ROUNDS, ask, send_round

HEAD_TIMEOUT_MS = 8000  # four times what the rounds take on an idle machine
HEAD = b"GET /f/hello HTTP/1.1\r\nHost: x\r\nX: y\r\n\r\n"


def test_slow_clients_cost_others_nothing(start_bulk):
    """Every second one completes its head in time and is answered; the others go on until they are told 408."""
    gateway = start_bulk(head_timeout_ms=HEAD_TIMEOUT_MS)
    with gateway.client() as fast:
        asked = ask(fast)
        empty_kib = gateway.memory_kib()
        in_time, late = ([gateway.client(timeout=30) for _ in range(CLIENTS // 2)] for _ in range(2))
        for client in in_time + late:
            client.send(HEAD[:-ROUNDS])
        full_kib = None
        for at in range(ROUNDS):
            last = HEAD[len(HEAD) - ROUNDS + at:][:1]
            asked += send_round([(client, last) for client in in_time] + [(client, b"z") for client in late], fast)
            full_kib = full_kib or gateway.memory_kib()
        assert gateway.memory_kib() - full_kib < 1024, "grows with every byte"
        assert full_kib - empty_kib < CLIENTS * CLIENT_KIB
        for client in in_time:
            assert client.read_response().status == 200
            ask(client)
        for client in late:
            response = client.read_response()
            assert (response.status, response.get("Connection")) == (408, "close")
            assert "head_timeout" in json.loads(response.body)["error"]["hint"]
            assert client.leave() == b""
        asked += ask(fast)
    gateway.wait_stats({"responses 2xx": asked + CLIENTS, "responses 4xx": CLIENTS // 2})
    for client in in_time:
        client.sock.close()
    wait_for(lambda: gateway.memory_kib() - empty_kib < LEFT_KIB, "what the crowd needed to be given back", 40)
    wait_for(lambda: gateway.stats()["connections_open"] == 0, "every connection's end")
