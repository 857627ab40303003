"""ASGI applications, mounted below the function's name, with their lifespan."""
import asyncio
import sys

from . import failure
from .respond import Application
from .websocket_app import WebSocket, wants_websocket

ASGI = {"version": "3.0", "spec_version": "2.4"}


class LifespanError(Exception):
    """The application said that it cannot start."""


class Lifespan:
    """The application's start and end, run as one task beside its requests. An application that knows no lifespan
    has none."""

    def __init__(self, application):
        self.application = application
        self.state = {}
        self._messages = asyncio.Queue()
        self._answer = None
        self.task = None
        self._error = None

    async def startup(self):
        """Returns when the application is ready; LifespanError when it is not going to be."""
        self.task = asyncio.get_running_loop().create_task(self._run())
        answer = await self._ask("startup")
        if answer is not None and answer["type"] == "lifespan.startup.failed":
            raise self._error or LifespanError(answer.get("message") or "no reason was given")

    async def shutdown(self):
        if self.task is None or self.task.done():
            return
        answer = await self._ask("shutdown")
        if answer is not None and answer["type"] == "lifespan.shutdown.failed":
            failure.log("the application's shutdown failed: " + str(answer.get("message", "")))

    async def _ask(self, event):
        self._answer = asyncio.get_running_loop().create_future()
        self._messages.put_nowait({"type": f"lifespan.{event}"})
        answer = await self._answer
        if answer is not None and answer["type"].endswith(".failed"):
            await asyncio.wait([self.task], timeout=1)  # it usually goes on to raise the reason
        return answer

    async def _run(self):
        scope = {"type": "lifespan", "asgi": ASGI, "state": self.state}
        try:
            await self.application(scope, self._messages.get, self._send)
        except Exception as error:  # what happens before an answer is how one refuses lifespans
            self._error = error
        finally:
            if not self._answer.done():
                self._answer.set_result(None)

    async def _send(self, message):
        if not self._answer.done():
            self._answer.set_result(message)


class Mount:
    """The application as a handler of requests."""

    def __init__(self, application):
        self.application = application
        self.lifespan = Lifespan(application)
        self._path_has_prefix = _path_has_prefix(application)

    async def __call__(self, request):
        scope = request.asgi_scope()
        scope["path"] = scope["root_path"] + request.path if self._path_has_prefix else request.path
        scope["raw_path"] = scope["root_path"].encode("latin-1") + scope["raw_path"]
        scope["state"] = self.lifespan.state.copy()
        if wants_websocket(request):
            return WebSocket(self.application, scope)
        return Application(self.application, scope)


def respond(result):
    """A Mount's result is what the engine carries out already."""
    return result


def _path_has_prefix(application):
    """Whether `path` includes root_path, as ASGI means it; Starlette did not before 0.33."""
    if not any(kind.__module__.partition(".")[0] == "starlette" for kind in type(application).__mro__):
        return True
    return starlette_version() >= (0, 33)


def starlette_version():
    version = getattr(sys.modules.get("starlette"), "__version__", "0.0")
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
