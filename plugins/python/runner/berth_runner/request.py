"""What a handler gets: Starlette's Request, made so that nothing is worked out before it is asked for.

A request of a function that has not loaded Starlette is a stand-in which knows the method and the body, and turns
itself into the real thing at the first question it cannot answer.
"""
import json
import sys

from .ahead import import_lightly
from .base import RequestBase
from .protocol import field_value, fields

_OWN = ("_body", "_json", "_received")  # attributes that are not there before they are known
_full_classes = {}  # Starlette's Request: ours derived from it


class Core(RequestBase):
    """The part that both kinds share, and all that events and applications need.

    head is the request's head as it came and lower the same in lower case; body is there when it came along with
    the head, else content reads it. slot is the connection's owner, which knows when the client has gone.
    """

    @property
    def request_id(self):
        """The X-Request-Id that the host gave or passed on; '' without one."""
        return (field_value(self._head, self._lower, b"x-request-id") or b"").decode("latin-1")

    @property
    def head(self):
        """The head as it came."""
        return self._head

    @property
    def lower(self):
        """The head in lower case, for field_value()."""
        return self._lower

    @property
    def target(self):
        """Path and query below the function's name, as they came."""
        return self._target

    @property
    def path_bytes(self):
        """The path below the function's name, its percent-encoding decoded."""
        path = self._target.partition(b"?")[0]
        if b"%" not in path:
            return path
        from urllib.parse import unquote_to_bytes

        return unquote_to_bytes(path)

    @property
    def path(self):
        """The path below the function's name, decoded; at least '/'."""
        return self.path_bytes.decode("utf-8", "replace")

    @property
    def is_whole(self):
        """Whether the whole body is here."""
        return getattr(self, "_body", None) is not None

    def next_piece(self):
        """The next part of a body that is not; b"" at its end. For plain code, in place of all other reading."""
        return self._content.read_chunk_now()

    async def body(self):
        self.__dict__["_received"] = True
        if not self.is_whole:
            self._body = await self._content.read_all()
        return self._body

    async def json(self):
        attributes = self.__dict__
        if "_json" not in attributes:
            attributes["_json"] = json.loads(await self.body())
        return attributes["_json"]

    def get_data(self):
        """The body, for plain handlers."""
        if not self.is_whole:
            self._body = self._content.read_now()
        return self._body

    def get_json(self):
        """The body read as JSON, for plain handlers."""
        return json.loads(self.get_data())

    async def asgi_receive(self):
        """ASGI's `receive` for this request."""
        attributes = self.__dict__
        if "_received" not in attributes:
            content = self._content
            body = self._body if content is None else await content.read_chunk()
            more = content is not None and not content.done
            if not more:
                attributes["_received"] = True
            return {"type": "http.request", "body": body, "more_body": more}
        await self._slot.wait_gone(attributes.get("_stand_in", self))
        return {"type": "http.disconnect"}

    def asgi_scope(self):
        """ASGI's scope of this request."""
        headers = fields(self._head)
        known = dict(reversed(headers))
        raw_path, _, query = self._target.partition(b"?")
        prefix = known.get(b"x-forwarded-prefix", b"").decode("latin-1")
        scheme = known.get(b"x-forwarded-proto", b"http").decode("latin-1")
        client = known.get(b"x-real-ip", b"").decode("latin-1")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": scheme,
            "path": prefix + self.path if _path_has_prefix() else self.path,
            "raw_path": raw_path,
            "query_string": query,
            "root_path": prefix,
            "headers": headers,
            "client": (client, 0) if client else None,
            "server": server_of(known.get(b"host", b""), scheme),
        }


def server_of(host, scheme):
    """(name, port) of a Host field."""
    name, colon, port = host.decode("latin-1").rpartition(":")
    if colon and port.isdigit():
        return name, int(port)
    return host.decode("latin-1"), 443 if scheme == "https" else 80


def _path_has_prefix():
    """Whether the loaded Starlette expects ASGI's meaning of `path`, which includes root_path (0.33 and later)."""
    version = getattr(sys.modules.get("starlette"), "__version__", "0.26")
    try:
        return tuple(map(int, version.split(".")[:2])) >= (0, 33)
    except ValueError:
        return True


class LightRequest(Core):
    """The stand-in."""

    def __getattr__(self, name):
        if name.startswith("__") or name in _OWN:
            raise AttributeError(name)
        real = self.__dict__.get("_real")
        if real is None:
            real = self.__dict__["_real"] = self._become()
        return getattr(real, name)

    def _become(self):
        real = full_class()(self.method, self._target, self._head, None, None, self._content, self._slot)
        for name in _OWN:
            if hasattr(self, name):
                setattr(real, name, getattr(self, name))
        real.__dict__["_stand_in"] = self
        return real

    def __getitem__(self, key):
        return self.scope[key]

    def __iter__(self):
        return iter(self.scope)

    def __len__(self):
        return len(self.scope)


def full_class():
    """The real thing: a subclass of the Starlette that the function has."""
    import_lightly("starlette.requests")
    from starlette.requests import Request

    if Request not in _full_classes:
        _full_classes[Request] = _derive(Request)
    return _full_classes[Request]


def _derive(starlette_request):
    class FullRequest(Core, starlette_request):
        def __getattr__(self, name):
            if "scope" in self.__dict__ or name in _OWN:
                raise AttributeError(f"'Request' object has no attribute '{name}'")
            starlette_request.__init__(self, self.asgi_scope(), self.asgi_receive)
            return getattr(self, name)

    FullRequest.__name__ = FullRequest.__qualname__ = "Request"
    return FullRequest


def request_class():
    """The class to make requests of, once the function is loaded."""
    return full_class() if "starlette.requests" in sys.modules else LightRequest
