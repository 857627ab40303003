"""Who asks, and for what address: what a trusted proxy says, and what a stranger cannot say, in every kind of function."""

import pytest

PROXY, STRANGER = "127.0.0.1", "127.0.0.2"

PLAIN = """
    async def handle(request):
        return {"url": str(request.url), "base": str(request.base_url), "client": request.client.host,
                "host": request.headers["host"]}
"""

ASGI = """
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def seen(request):
        return JSONResponse({"url": str(request.url), "base": str(request.base_url), "client": request.client.host,
                             "host": request.headers["host"], "link": str(request.url_for("seen"))})

    app = Starlette(routes=[Route("/seen", seen)])
"""

WSGI = """
    import json
    from wsgiref.util import application_uri, request_uri

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"url": request_uri(environ), "base": application_uri(environ) + "/",
                            "client": environ["REMOTE_ADDR"], "host": environ["HTTP_HOST"],
                            "server": environ["SERVER_NAME"] + ":" + environ["SERVER_PORT"]}).encode()]
"""

EVENT = """
    def lambda_handler(event, context):
        told, headers = event["requestContext"], event["headers"]
        base = headers["x-forwarded-proto"] + "://" + headers["host"] + headers["x-forwarded-prefix"]
        return {"url": base + event["rawPath"], "base": base + "/", "client": told["http"]["sourceIp"],
                "host": headers["host"], "domain": told["domainName"]}
"""

SHELL = """
    #!/bin/sh
    printf 'Content-Type: application/json\\n\\n'
    base=$REQUEST_SCHEME://$HTTP_HOST$SCRIPT_NAME
    printf '{"url": "%s", "base": "%s/", "client": "%s", "host": "%s", "server": "%s:%s", "https": "%s"}' \\
        "$base$PATH_INFO" "$base" "$REMOTE_ADDR" "$HTTP_HOST" "$SERVER_NAME" "$SERVER_PORT" "$HTTPS"
"""

KINDS = {"plain": PLAIN, "asgi": ASGI, "wsgi": WSGI, "event": EVENT, "shell": SHELL}

# A client's own lies, as a proxy that appends passes them on; underscores for servers that take them for hyphens.
SAID = {
    "X-Forwarded-For": "6.6.6.6, 192.0.2.7, 10.0.0.1",
    "X-Forwarded-Host": "pub.example:444",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Prefix": "/outer",
    "X-Real-IP": "6.6.6.6",
    "Forwarded": "for=6.6.6.6;host=evil.example;proto=https",
    "X_Forwarded_For": "6.6.6.6",
    "X_Forwarded_Host": "evil.example",
    "X_Real_IP": "6.6.6.6",
    "X_Forwarded_Proto": "https",
}


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    shared_berth.host = {"trusted_proxies": [PROXY, "10.0.0.0/8"]}
    for name, code in KINDS.items():
        shared_berth.write_function(name, code, language="shell" if name == "shell" else "python", idle_timeout=60)
    shared_berth.start()


@pytest.mark.shows_setting("host.trusted_proxies")
@pytest.mark.parametrize("kind", KINDS)
def test_a_function_sees_the_outside_that_a_trusted_proxy_tells(served, kind):
    answer = served.get(f"/{kind}/seen", headers={"Host": "inner:1", **SAID}, source=PROXY)
    assert answer.status == 200
    seen, base = answer.json(), f"https://pub.example:444/outer/{kind}/"
    assert (seen["url"], seen["base"], seen["host"]) == (base + "seen", base, "pub.example:444")
    assert seen["client"] == "192.0.2.7"
    assert seen.get("link", base + "seen") == base + "seen"
    assert seen.get("server", "pub.example:444") == "pub.example:444"
    assert seen.get("domain", "pub.example") == "pub.example"
    assert seen.get("https", "on") == "on"


@pytest.mark.shows_setting("host.trusted_proxies")
@pytest.mark.parametrize("kind", KINDS)
def test_a_stranger_cannot_tell_of_another_outside(served, kind):
    answer = served.get(f"/{kind}/seen", headers={"Host": "inner:1", **SAID}, source=STRANGER)
    assert answer.status == 200
    seen, base = answer.json(), f"http://inner:1/{kind}/"
    assert (seen["url"], seen["base"], seen["host"]) == (base + "seen", base, "inner:1")
    assert seen["client"] == STRANGER
    assert seen.get("link", base + "seen") == base + "seen"
    assert seen.get("server", "inner:1") == "inner:1"
    assert seen.get("domain", "inner") == "inner"
    assert seen.get("https", "") == ""


@pytest.mark.shows_setting("host.trusted_proxies")
def test_a_list_without_members_trusts_nobody(make_berth):
    berth = make_berth()
    berth.host = {"trusted_proxies": []}
    berth.write_function("plain", PLAIN)
    berth.start()
    seen = berth.get("/plain/", headers={"Host": "inner", **SAID}).json()
    assert (seen["url"], seen["client"]) == ("http://inner/plain/", "127.0.0.1")


def test_a_mistake_in_the_list_is_told_with_its_place(berth):
    berth.host = {"trusted_proxies": ["10.0.0.0/8", "10.0.0.1/8"]}
    berth.write_function("plain", PLAIN)
    berth.start()
    entry = berth.log.entries(event="config.diagnostic")[0]
    assert "10.0.0.1/8" in entry["message"] and entry["line"] == "2"
