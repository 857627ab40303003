"""handler(event, context): API Gateway's payload 2.0."""
import base64
import json

import pytest

SHOW = "def lambda_handler(event, context):\n    return event\n"
RUNTIME = {"file": "main.py"}


def serve(host, source):
    return host.serve(source, runtime=RUNTIME)


def test_event(host):
    connection = serve(host, SHOW)
    event = connection.request(
        "POST", "/a%20b/c?x=1&y=2&x=3&z", b'{"k": 1}',
        [("Content-Type", "application/json"), ("Cookie", "a=1; b=2"), ("X-Many", "1"), ("X-Many", "2"),
         ("User-Agent", "test")]).json()
    assert event["version"] == "2.0" and event["routeKey"] == "$default"
    assert (event["rawPath"], event["rawQueryString"]) == ("/a%20b/c", "x=1&y=2&x=3&z")
    assert event["queryStringParameters"] == {"x": "1,3", "y": "2", "z": ""}
    assert event["cookies"] == ["a=1", "b=2"] and "cookie" not in event["headers"]
    assert event["headers"]["x-many"] == "1,2"
    assert (event["body"], event["isBase64Encoded"]) == ('{"k": 1}', False)
    context = event["requestContext"]
    assert context["http"] == {"method": "POST", "path": "/a%20b/c", "protocol": "HTTP/1.1",
                               "sourceIp": "192.0.2.7", "userAgent": "test"}
    assert context["requestId"] == "request-1" and context["domainName"] == "example.test"
    assert context["timeEpoch"] > 1.6e12 and context["time"].endswith(" +0000")


def test_event_without_body_query_or_cookies(host):
    event = serve(host, SHOW).request().json()
    assert {"body", "queryStringParameters", "cookies"}.isdisjoint(event) and event["rawQueryString"] == ""


@pytest.mark.parametrize("kind, body, text", [
    ("application/octet-stream", b"\xff\0", None), ("text/plain", b"\xff\0", None), ("image/png", b"text", None),
    ("application/x-www-form-urlencoded", b"a=1", None),
    ("text/plain; charset=utf-8", "ä".encode(), "ä"), ("application/vnd.x+json", b"{}", "{}"),
])
def test_bodies_that_are_no_text_are_base64(host, kind, body, text):
    event = serve(host, SHOW).request("PUT", "/", body, [("Content-Type", kind)]).json()
    if text is None:
        assert event["isBase64Encoded"] is True and base64.b64decode(event["body"]) == body
    else:
        assert event["isBase64Encoded"] is False and event["body"] == text


def test_body_that_comes_later(host):
    event = serve(host, SHOW).request("POST", "/", headers=[("Content-Type", "text/plain")], chunks=[b"ab", b"c"]).json()
    assert event["body"] == "abc"


def test_context(host):
    response = host.serve("""
        def handler(event, context):
            return {"id": context.aws_request_id, "left": context.get_remaining_time_in_millis(),
                    "name": context.function_name, "version": context.function_version,
                    "memory": context.memory_limit_in_mb, "stream": context.log_stream_name,
                    "arn": context.invoked_function_arn, "client": context.client_context}
        """, runtime=RUNTIME, timeout_ms=5000).request().json()
    assert response.pop("left") in range(4000, 5001)
    assert int(response.pop("memory")) > 0
    assert response.pop("arn").endswith(":function:sample")
    assert response == {"id": "request-1", "name": "sample", "version": "r1", "stream": "i1", "client": None}


@pytest.mark.parametrize("result, status, kind, body", [
    ("{'statusCode': 201, 'headers': {'Content-Type': 'text/html'}, 'body': '<p>'}", 201, "text/html", b"<p>"),
    ("{'statusCode': '404'}", 404, "text/plain; charset=utf-8", b""),
    ("{'statusCode': 204}", 204, None, b""),
    ("{'statusCode': 200, 'body': {'a': 1}}", 200, "application/json", b'{"a":1}'),
    ("{'statusCode': 200, 'body': 'AP8=', 'isBase64Encoded': True}", 200, "text/plain; charset=utf-8", b"\0\xff"),
    ("{'hello': 'world'}", 200, "application/json", b'{"hello":"world"}'),
    ("[1, 2]", 200, "application/json", b"[1,2]"),
    ("'Hello'", 200, "application/json", b"Hello"),
    ("None", 200, "application/json", b"null"),
    ("b'raw'", 200, "application/octet-stream", b"raw"),
])
@pytest.mark.parametrize("word", ["def", "async def"])
def test_results(host, word, result, status, kind, body):
    response = serve(host, f"{word} handler(event, context):\n    return {result}\n").request()
    assert (response.status, response.headers.get("content-type"), response.body) == (status, kind, body)


def test_cookies_and_headers_of_several_values(host):
    connection = serve(host, """
        def handler(event, context):
            return {"statusCode": 200, "cookies": ["a=1; Path=/", "b=2"], "headers": {"X-One": 5, "X-Many": "lost"},
                    "multiValueHeaders": {"X-Many": ["1", "2"]}, "body": "x"}
        """)
    connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    head = connection.line_end(b"\r\n\r\n").decode().split("\r\n")[1:]
    assert {"set-cookie: a=1; Path=/", "set-cookie: b=2", "x-one: 5", "x-many: 1", "x-many: 2"} <= set(head)
    assert "x-many: lost" not in head


@pytest.mark.parametrize("result", ["{'statusCode': 'many'}", "{'statusCode': 200, 'body': 'abc', 'isBase64Encoded': 1}",
                                    "object()", "{'statusCode': 200, 'headers': {'a': 'b\\nc'}}"])
def test_results_that_are_none(host, result):
    connection = serve(host, f"def handler(event, context):\n    return {result}\n")
    assert connection.request().status == 500
    assert connection.request().status == 500


def test_exception(host):
    connection = serve(host, "def handler(event, context):\n    raise ValueError('on purpose')\n")
    response = connection.request()
    assert response.status == 500 and response.json()["error"]["request_id"] == "request-1"
    host.wait_log("on purpose")


def test_decorated_handler_keeps_its_shape(host):
    response = serve(host, """
        import functools

        def logged(function):
            @functools.wraps(function)
            def call(*args, **kwargs):
                return function(*args, **kwargs)
            return call

        @logged
        def lambda_handler(event, context):
            return {"path": event["rawPath"]}
        """).request(target="/x")
    assert json.loads(response.body) == {"path": "/x"}
