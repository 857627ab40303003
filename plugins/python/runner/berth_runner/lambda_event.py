"""handler(event, context): requests as API Gateway's payload 2.0 events, and what comes back as responses."""
import base64
import json
import os
import time

from .protocol import fields
from .request import server_of
from .respond import assemble, dumps, encode

_TEXTUAL = ("application/json", "application/xml", "application/javascript")
_TEXT = b"text/plain; charset=utf-8"
_JSON = b"application/json"
_PLAIN = (dict, list, str, int, float, bool, type(None))
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MEMORY_LIMIT = "/sys/fs/cgroup/memory.max"
_MEMORY_LIMIT_V1 = "/sys/fs/cgroup/memory/memory.limit_in_bytes"


class Settings:
    """What contexts take from the settings of the init."""

    def __init__(self, settings):
        self.function = str(settings.get("function") or "function")
        self.revision = str(settings.get("revision") or "$LATEST")
        self.instance = str(settings.get("instance") or "")
        self.timeout_s = (settings.get("timeout_ms") or 60000) / 1000


class Context:
    """The second argument of a handler."""

    identity = None
    client_context = None

    def __init__(self, settings, request_id):
        self._settings = settings
        self._deadline = time.monotonic() + settings.timeout_s
        self.aws_request_id = request_id
        self.function_name = settings.function
        self.function_version = settings.revision
        self.log_group_name = settings.function
        self.log_stream_name = settings.instance

    def get_remaining_time_in_millis(self):
        """How long the host still waits for the answer."""
        return max(int((self._deadline - time.monotonic()) * 1000), 0)

    @property
    def memory_limit_in_mb(self):
        return str(_memory_limit() >> 20)

    @property
    def invoked_function_arn(self):
        return f"arn:aws:lambda:local:000000000000:function:{self.function_name}"


def _memory_limit():
    for path in (_MEMORY_LIMIT, _MEMORY_LIMIT_V1):
        try:
            with open(path, encoding="ascii") as file:
                return int(file.read())
        except (OSError, ValueError):
            continue
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def event_of(request, body):
    """The event of a request, whose body is here."""
    headers, cookies = {}, []
    for name, value in fields(request.head):
        name, value = name.decode("latin-1"), value.decode("latin-1")
        if name == "cookie":
            cookies += [part.strip() for part in value.split(";") if part.strip()]
        else:
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    path, _, query = request.target.decode("latin-1").partition("?")
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": _request_context(request, path, headers),
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if query:
        event["queryStringParameters"] = _query_of(query)
    if body:
        event["body"], event["isBase64Encoded"] = _body_of(body, headers.get("content-type", ""))
    return event


def _query_of(query):
    from urllib.parse import parse_qsl

    found = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _body_of(body, content_type):
    """(text, whether it is base64)."""
    kind = content_type.partition(";")[0].strip().lower()
    if not kind or kind.startswith("text/") or kind in _TEXTUAL or kind.endswith(("+json", "+xml")):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass  # it only says that it is text
    return base64.b64encode(body).decode("ascii"), True


def _request_context(request, path, headers):
    now = time.time()
    at = time.gmtime(now)
    domain, _ = server_of(headers.get("host", "").encode("latin-1"), "http")
    return {
        "accountId": "anonymous",
        "apiId": headers.get("x-forwarded-prefix", "").strip("/"),
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "http": {
            "method": request.method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": headers.get("x-real-ip", ""),
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": request.request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": f"{at.tm_mday:02}/{_MONTHS[at.tm_mon - 1]}/{at.tm_year}"
                f":{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} +0000",
        "timeEpoch": int(now * 1000),
    }


def respond(result):
    """A response from what a handler returned."""
    if isinstance(result, dict) and "statusCode" in result:
        return _from_fields(result)
    if isinstance(result, str):
        return assemble(200, [], _JSON, result.encode())
    if isinstance(result, _PLAIN):
        return assemble(200, [], _JSON, dumps(result).encode())
    return encode(result)


def _from_fields(result):
    """statusCode, headers, multiValueHeaders, cookies, body and isBase64Encoded."""
    pairs = [_pair(name, value) for name, value in (result.get("headers") or {}).items()]
    many = result.get("multiValueHeaders") or {}
    names = {name.lower().encode("latin-1") for name in many}
    pairs = [pair for pair in pairs if pair[0] not in names]
    pairs += [_pair(name, value) for name, values in many.items() for value in values]
    pairs += [_pair("set-cookie", cookie) for cookie in result.get("cookies") or ()]
    body, kind = result.get("body"), _TEXT
    if body is None:
        body = b""
    elif isinstance(body, str):
        body = base64.b64decode(body) if result.get("isBase64Encoded") else body.encode()
    elif not isinstance(body, (bytes, bytearray)):
        body, kind = dumps(body).encode(), _JSON
    return assemble(int(result["statusCode"]), pairs, kind, bytes(body))


def _pair(name, value):
    if isinstance(value, bool):
        value = json.dumps(value)
    return str(name).lower().encode("latin-1"), str(value).encode("latin-1")


def plain(handler, settings):
    """The handler as a function of the request."""
    def handle(request):
        return handler(event_of(request, request.get_data()), Context(settings, request.request_id))

    return handle


def awaited(handler, settings):
    """The same of an async handler."""
    async def handle(request):
        context = Context(settings, request.request_id)
        return await handler(event_of(request, await request.body()), context)

    return handle
