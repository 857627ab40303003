"""The limits of the section `host` that clients meet, each tried from outside."""

import pytest

from harness.functions import MIRROR

MAX_BODY = 2000


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    shared_berth.host = {"max_body": MAX_BODY}
    shared_berth.write_function("mirror", MIRROR, idle_timeout=60)
    shared_berth.write_function("never", MIRROR)  # called by those only who are refused
    shared_berth.start()


def head(target, *lines):
    return "\r\n".join([f"POST {target} HTTP/1.1", "Host: test", *lines, "", ""])


def check_refused(answer):
    assert answer.status == 413
    error = answer.error()
    assert error["reason"] == "body-too-large"
    assert str(MAX_BODY) in error["message"]
    assert "max_body" in error["hint"]
    assert answer.headers["Connection"] == "close"


@pytest.mark.shows_setting("host.max_body")
def test_a_body_of_just_the_limit_is_served(served):
    body = b"x" * MAX_BODY
    assert served.post("/mirror", body=body).json()["size"] == MAX_BODY
    chunked = served.post("/mirror", body=iter([body[:700], body[700:]]))
    assert chunked.json()["size"] == MAX_BODY


@pytest.mark.shows_setting("host.max_body")
@pytest.mark.parametrize("expect", [(), ("Expect: 100-continue",)], ids=["", "expect"])
def test_an_announced_body_above_the_limit_is_refused_unread(served, expect):
    with served.connect() as connection:
        connection.send(head("/never", f"Content-Length: {MAX_BODY + 1}", *expect))
        status, headers = connection.head()  # the first there is: nothing asked for the body
        assert status == 413
        connection.socket.shutdown(1)
        assert b"max_body" in connection.body(headers)
        assert connection.at_end()
    check_refused(served.post("/never", body=b"x" * (MAX_BODY + 1)))
    check_refused(served.post("/never", body=b"x" * (1 << 20)))
    assert served.instances("never") == []


@pytest.mark.shows_setting("host.max_body")
@pytest.mark.parametrize("pieces", [1, 10], ids=["at-once", "in-pieces"])
def test_a_chunked_body_is_refused_where_it_exceeds_the_limit(served, pieces):
    size = MAX_BODY // pieces
    with served.connect() as connection:
        connection.send(head("/mirror", "Transfer-Encoding: chunked"))
        for _ in range(pieces):
            connection.send(b"%x\r\n" % size + b"x" * size + b"\r\n")
        connection.send(b"1\r\nx\r\n")  # and no end
        check_refused(connection.response())
        connection.socket.shutdown(1)
        assert connection.at_end()
    assert served.get("/mirror").status == 200


@pytest.mark.shows_setting("host.max_body")
def test_a_chunked_body_that_was_asked_for_is_held_to_the_limit(served):
    with served.connect() as connection:
        connection.send(head("/mirror", "Transfer-Encoding: chunked", "Expect: 100-continue"))
        assert connection.head()[0] == 100
        connection.send(b"%x\r\n" % (MAX_BODY + 1))
        check_refused(connection.response())
        connection.socket.shutdown(1)
        assert connection.at_end()
