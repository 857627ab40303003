"""What people deploy: the applications in the folder beside this one, what is asked of them, and what serves each where there
is no Berth."""
import dataclasses
import pathlib

from lib import samples

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "applications"
PORT = 8080  # where an application listens in an image of its own

# A handler that a Berth would call, as an application of Starlette's.
SERVE = '''from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import main


async def answer(request):
    answered = main.handle(request)
    if hasattr(answered, "__await__"):
        answered = await answered
    return answered if isinstance(answered, Response) else JSONResponse(answered)


app = Starlette(routes=[Route("/{path:path}", answer)])
'''

LISTEN = f'require("./index.js").listen({PORT}, "0.0.0.0");\n'

UVICORN = ("python3", "-m", "uvicorn", "--host", "0.0.0.0", "--port", str(PORT), "--log-level", "warning")
GUNICORN = ("python3", "-m", "gunicorn", "--bind", f"0.0.0.0:{PORT}", "--workers", "1", "--log-level", "warning")


@dataclasses.dataclass(frozen=True)
class Application:
    """files: {path: text}, the entry first. answer: what is found in its answer. serves: the command of an image that it is
    baked into, and `beside` more files of it; no command: the image that Berth makes of it serves by itself."""

    name: str
    language: str
    files: dict
    answer: str
    path: str = "/"
    body: bytes | None = None  # JSON, which is posted
    serves: tuple = ()
    beside: dict = dataclasses.field(default_factory=dict)
    environment: dict = dataclasses.field(default_factory=dict)
    start_ms: float | None = None  # what `start` may take with its libraries there; None: no aim is set

    @property
    def is_image(self):
        """Its container is one of its own, so nothing of it can be prewarmed."""
        return self.language == "container"

    @property
    def has_libraries(self):
        return not {"requirements.txt", "package.json"}.isdisjoint(self.files)

    def function(self, settings):
        """As a function of lib.berth.Berth."""
        entry = {"base_function_file_name": None} if self.is_image else {}
        environment = {"environment": self.environment} if self.environment else {}
        return self.files, {"programing_language": self.language, **entry, **environment, **settings}


def files_of(folder, entry):
    """{path: text} of an application's folder, the entry first."""
    paths = sorted(path for path in (FOLDER / folder).rglob("*") if path.is_file() and path.suffix != ".pyc")
    paths.sort(key=lambda path: path.name != entry)
    return {str(path.relative_to(FOLDER / folder)): path.read_text(encoding="utf-8") for path in paths}


def of_python(name, answer, serves=(*UVICORN, "serve:app"), **more):
    """An application of Python; unless said otherwise, a handler."""
    beside = {"serve.py": SERVE} if "serve:app" in serves else {}
    return Application(name, "python", files_of(name, "main.py"), answer, serves=serves, beside=beside, **more)


HELLO = Application("hello", "python", {"main.py": samples.HELLO}, "Hello from Berth",
                    serves=(*UVICORN, "serve:app"), beside={"serve.py": SERVE}, start_ms=3)

APPLICATIONS = (
    HELLO,
    of_python("requests", "example.org/orders?page=2", start_ms=8),
    of_python("pillow", '"size"', start_ms=8),
    of_python("flask", "Hello, Ada", path="/greet/Ada", serves=(*GUNICORN, "main:app"), start_ms=8),
    of_python("fastapi", '"total":11', path="/orders", serves=(*UVICORN, "main:app"), start_ms=15,
              body=b'{"customer": "Ada", "lines": [{"article": "tea", "count": 2, "price": 5.5}]}'),
    of_python("numpy", "2.0", start_ms=8),
    of_python("pandas", '"Bonn"', start_ms=15),
    of_python("scikit-learn", '"price":11', start_ms=None),
    Application("express", "node", files_of("express", "index.js"), "Hello, Ada", path="/greet/Ada",
                serves=("node", "server.js"), beside={"server.js": LISTEN}),
    Application("nginx", "container", files_of("nginx", "Dockerfile"), "Hello from Berth"),
    Application("hello-node", "node", {"index.js": samples.NODE_HELLO}, "Hello from Berth"),
    Application("hello-lua", "lua", {"handler.lua": samples.LUA_HELLO}, "Hello from Berth"),
    Application("hello-shell", "shell", {"hello.sh": samples.SHELL_HELLO}, "Hello from Berth"),
)


def chosen(names):
    """The applications with these names, all without any; a name that none has ends the program."""
    known = {application.name: application for application in APPLICATIONS}
    if unknown := sorted(set(names or ()) - known.keys()):
        raise SystemExit(f"no application is called {', '.join(unknown)}; there are {', '.join(known)}")
    return [application for application in APPLICATIONS if not names or application.name in names]
