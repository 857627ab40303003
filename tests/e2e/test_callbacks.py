"""Results of calls that are posted to whoever asked for them."""

import hashlib
import hmac
import re
import socket
import ssl
import subprocess

import pytest

from harness.daemon import free_port
from harness.later import WORKER, accept, look, wait_state
from harness.receiver import LOOPBACK, Receiver
from harness.secret import key_file, put
from harness.wait import stays, wait_until

KEY = "it's a secret"
BIG = 3 << 20

# A result of more bytes than the store keeps in its database.
LARGE = f"""
    from starlette.responses import Response

    def handle(request):
        return Response(b"0123456789abcdef" * ({BIG} // 16), media_type="application/x-own")
"""


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    usual = {"retry_wait": "50ms", "idle_timeout": 60}
    shared_berth.host["callback_networks"] = LOOPBACK
    key_file(shared_berth)
    shared_berth.write_function("worker", WORKER, concurrency=8, **usual)
    shared_berth.write_function("large", LARGE, **usual)
    shared_berth.start()
    put(shared_berth, "signing", KEY)
    shared_berth.functions["signed"] = shared_berth.functions["worker"] | {"name": "signed"}
    shared_berth.functions["signed"] = {
        "name": "signed",
        "configuration": {**shared_berth.functions["worker"]["configuration"], "callback_secret": "signing"},
    }
    large = shared_berth.functions["large"]["configuration"]
    shared_berth.functions["large-signed"] = {
        "name": "large-signed",
        "configuration": {**large, "callback_secret": "signing", "result_ttl": 0},
    }
    shared_berth.apply()


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


def callback(berth, call):
    """What is told of a call's callback."""
    return look(berth, call)["callback"]


def wait_callback(berth, call, state, timeout=60):
    def reached():
        told = callback(berth, call)
        assert told["state"] in ("waiting", "posting", state), told
        return told if told["state"] == state else None

    return wait_until(reached, f"the callback to be {state}", timeout)


def test_result_is_posted(served, receiver):
    call = accept(served, "worker/a?b=c", b"hello", X_Callback_Url=receiver.url("/results?token=1"))
    post = receiver.wait()
    assert post.path == "/results?token=1"
    assert b'"body":"hello"' in post.body
    assert post.headers["content-type"] == "application/json"
    assert post.headers["x-call-id"] == call
    assert post.headers["x-function-name"] == "worker"
    assert post.headers["x-function-status"] == "200"
    assert float(post.headers["x-duration-seconds"]) >= 0
    assert int(post.headers["x-start-time"]) > 10**18
    assert "x-berth-signature" not in post.headers
    assert b"x-callback-url" not in post.body
    told = wait_callback(served, call, "delivered")
    assert told["attempts"] == 1 and told["status"] == 200 and told["error"] is None
    known = served.admin("GET", f"/berth/calls/{call}").json()["callback"]
    assert (known["state"], known["receiver"]) == ("delivered", f"127.0.0.1:{receiver.port}")
    metrics = served.admin("GET", "/metrics").text
    assert re.search(r'^berth_callbacks_total{outcome="delivered"} [1-9]', metrics, re.MULTILINE)


def test_result_of_a_dead_call_is_posted(served, receiver):
    served.configure("worker", retries=1)
    served.apply()
    call = accept(served, "worker?fails=9&status=503", X_Callback_Url=receiver.url())
    post = receiver.wait()
    assert post.headers["x-function-status"] == "503"
    assert post.body == b'{"failed":2}'
    assert look(served, call)["state"] == "dead"


def test_signature_is_that_of_the_body(served, receiver):
    accept(served, "signed", b"hello", X_Callback_Url=receiver.url())
    post = receiver.wait()
    digest = hmac.new(KEY.encode(), post.body, hashlib.sha256).hexdigest()
    assert post.headers["x-berth-signature"] == post.headers["x-hub-signature-256"] == f"sha256={digest}"


@pytest.mark.shows_setting("configuration.callback_secret")
def test_another_value_of_the_secret_signs_at_once(served, receiver):
    put(served, "signing", "another value")
    accept(served, "signed", b"hello", X_Callback_Url=receiver.url())
    post = receiver.wait()
    put(served, "signing", KEY)
    digest = hmac.new(b"another value", post.body, hashlib.sha256).hexdigest()
    assert post.headers["x-berth-signature"] == f"sha256={digest}"


def test_large_result_is_posted_and_signed_and_goes(served, receiver):
    call = accept(served, "large-signed", X_Callback_Url=receiver.url())
    post = receiver.wait()
    assert len(post.body) == BIG and post.headers["content-type"] == "application/x-own"
    digest = hmac.new(KEY.encode(), post.body, hashlib.sha256).hexdigest()
    assert post.headers["x-berth-signature"] == f"sha256={digest}"
    wait_callback(served, call, "delivered")
    assert look(served, call)["result"] is None
    assert served.get(f"/async/{call}/result").status == 404


def test_receiver_that_is_away_gets_it_later(served):
    port = free_port()
    call = accept(served, "worker", b"late", X_Callback_Url=f"http://127.0.0.1:{port}/")
    told = wait_until(lambda: (told := callback(served, call))["attempts"] >= 1 and told["state"] == "waiting" and told,
                      "a failed attempt", 30)
    assert told["error"]["reason"] == "unreachable"
    receiver = Receiver(port)
    try:
        assert b'"body":"late"' in receiver.wait().body
        assert wait_callback(served, call, "delivered")["attempts"] >= 2
    finally:
        receiver.close()
    assert served.log.entries(event="callback.failed", call=call)


def test_receiver_that_fails_is_asked_again(served):
    receiver = Receiver(answers=[500])
    try:
        call = accept(served, "worker", X_Callback_Url=receiver.url())
        receiver.wait(2)
        assert wait_callback(served, call, "delivered")["attempts"] == 2
        first, second = receiver.posts
        assert first.body == second.body and first.headers == second.headers
    finally:
        receiver.close()


def test_slow_receiver_holds_up_no_other(served, receiver):
    slow = Receiver()
    slow.gate.clear()
    try:
        calls = [accept(served, "worker", X_Callback_Url=slow.url()) for _ in range(12)]
        slow.wait(8)
        accept(served, "worker", b"quick", X_Callback_Url=receiver.url())
        assert b'"body":"quick"' in receiver.wait().body
        assert len(slow.posts) == 8
        slow.gate.set()
        for call in calls:
            wait_callback(served, call, "delivered")
        assert len({post.headers["x-call-id"] for post in slow.posts}) == 12
    finally:
        slow.close()


def test_redirects_are_not_followed(served, receiver):
    leading = Receiver(answers=[(302, receiver.url()), (307, receiver.url())])
    try:
        call = accept(served, "worker", X_Callback_Url=leading.url())
        leading.wait(1)
        told = wait_until(lambda: (told := callback(served, call))["state"] == "waiting" and told, "a failed attempt", 30)
        assert told["status"] == 302 and told["error"]["reason"] == "redirect"
        wait_callback(served, call, "delivered", 120)
        assert not receiver.posts
    finally:
        leading.close()


def test_certificate_is_verified(served, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
                    "/CN=127.0.0.1", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem", "-days", "2"],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    receiver = Receiver(context=context)
    try:
        call = accept(served, "worker", X_Callback_Url=receiver.url())
        told = wait_until(lambda: (told := callback(served, call))["state"] == "waiting" and told["attempts"] and told,
                          "a failed attempt", 30)
        assert told["error"]["reason"] == "connection" and "certificate" in told["error"]["message"]
        assert not receiver.posts
    finally:
        receiver.close()


def refusal(berth, url):
    answer = berth.post("/async-function/worker", headers={"X-Callback-Url": url})
    assert answer.status == 400, (url, answer)
    assert answer.error()["reason"] == "callback-url"
    return answer.error()["message"]


def own_address():
    """An address of this machine besides its loopback ones; None: it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("203.0.113.1", 9))
        except OSError:
            return None
        return probe.getsockname()[0]


def test_urls_are_checked_before_a_call_is_accepted(served):
    for url in ("nonsense", "ftp://example.com/", "http://user:password@example.com/", "http://169.254.169.254/latest",
                "http://[fd00:ec2::254]/", "http://[::ffff:169.254.169.254]/", "http://0.0.0.0/", "x" * 2100):
        assert "password" not in refusal(served, url).replace("a password in it", "")


@pytest.mark.shows_setting("host.callback_networks")
def test_this_machine_is_refused_unless_it_is_listed(berth):
    berth.write_function("worker", WORKER)
    berth.start()
    receiver = Receiver()
    try:
        for host in ("127.0.0.1", "localhost", "[::1]", "2130706433", "[::ffff:127.0.0.1]", own_address() or "127.0.0.2"):
            assert "where no callback goes" in refusal(berth, receiver.url(host=host))
        # A name is resolved when the callback is made, and nothing is connected to then.
        name = "ip6-localhost" if "ip6-localhost" in open("/etc/hosts", encoding="utf-8").read() else None
        if name:
            call = accept(berth, "worker", X_Callback_Url=receiver.url(host=name))
            told = wait_callback(berth, call, "given-up")
            assert told["error"]["reason"] == "address-refused" and told["attempts"] == 1
            assert "a loopback address" in told["error"]["message"]
            assert berth.log.entries(event="callback.given-up", call=call)
        assert not receiver.posts
    finally:
        receiver.close()


def test_kill_between_the_end_and_the_callback_loses_nothing(berth):
    berth.host["callback_networks"] = LOOPBACK
    berth.write_function("worker", WORKER, idle_timeout=60)
    berth.start()
    receiver = Receiver()
    receiver.gate.clear()  # the callback is under way, and its answer never comes
    try:
        calls = [accept(berth, "worker", b"%d" % number, X_Callback_Url=receiver.url()) for number in range(3)]
        receiver.wait(3)
        for call in calls:
            assert callback(berth, call)["state"] == "posting"
        berth.kill()
        receiver.gate.set()
        berth.start()
        receiver.wait(6)
        for call in calls:
            assert wait_callback(berth, call, "delivered")["attempts"] == 2
        posted = [post.headers["x-call-id"] for post in receiver.posts]
        assert sorted(posted) == sorted(calls * 2)
    finally:
        receiver.close()
