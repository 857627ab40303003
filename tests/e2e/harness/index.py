"""A package index of a test's own, where builder containers reach this machine."""

import base64
import hashlib
import http.server
import io
import random
import re
import tarfile
import textwrap
import threading
import zipfile

from harness import engine

NOT_SET = {name: "" for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY",
                                 "NO_PROXY", "ALL_PROXY", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST",
                                 "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX")}


def wheel(name, size=0, requires=None, module="parcel", code=""):
    """A wheel whose module knows its name, runs `code` when it is imported, and comes with `size` bytes that cannot be
    compressed. Of two that are installed together and have the same module, either may win."""
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    files = {
        f"{module}/__init__.py": f"NAME = {name!r}\n{textwrap.dedent(code)}".encode(),
        f"{module}/weight": random.Random(name).randbytes(size),
        f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}".encode(),
        f"{name}-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{name}-1.0.dist-info/RECORD"
    lines = [f"{path},sha256={digest(data)},{len(data)}" for path, data in files.items()] + [f"{record},,"]
    files[record] = "\n".join(lines).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return out.getvalue()


def digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


BACKEND = """
import os, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    hostile()

def hostile():
{code}
"""


# Makes a wheel for the very Python that it runs on, whose module knows which one that is.
NATIVE = """
import os, sys, zipfile

VERSION = "%d.%d" % sys.version_info[:2]

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    tag = f"cp{VERSION.replace('.', '')}-none-any"
    file = f"{name}-1.0-{tag}.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(os.path.join(wheel_directory, file), "w") as archive:
        archive.writestr("parcel.py", f"BUILT_BY = {VERSION!r}\\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: {tag}\\n")
        archive.writestr(f"{info}/RECORD", f"parcel.py,,\\n{info}/METADATA,,\\n{info}/WHEEL,,\\n{info}/RECORD,,\\n")
    return file
"""


def source(name, code):
    """A source distribution whose build runs `code`, lines of Python, and makes nothing."""
    return packed(name, BACKEND.replace("{code}", "\n".join(f"    {line}" for line in code.splitlines())))


def native(name):
    """A source distribution: its module `parcel` says by which Python it was built, and is for no other."""
    return packed(name, f"name = {name!r}\n{NATIVE}")


def packed(name, backend):
    """A source distribution that is built by this code."""
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        "backend.py": backend,
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(f"{name}-1.0/{path}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()


class Handler(http.server.BaseHTTPRequestHandler):
    """Also a proxy: it takes whole URLs, and answers them itself."""

    def do_GET(self):
        self.server.index.asked.append(self.path)
        self.answer()

    def do_HEAD(self):
        self.answer()

    def answer(self):
        index = self.server.index
        if index.password and self.headers.get("Authorization") != index.authorization():
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        name = re.search(r"/simple/([a-z]+)/(.*)$", self.path)
        kind, data = index.find(name[1]) if name else (None, None)
        if data is None:
            self.send_error(404)
            return
        if name[2] and self.command == "GET":
            index.gate.wait(60)
        elif not name[2]:
            data = f'<a href="{name[1]}-1.0{kind}">{name[1]}-1.0{kind}</a>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream" if name[2] else "text/html")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_):
        pass


class Index:
    """wheels, sources: the packages, by name. asked: the targets of all requests. password: what it wants of the user
    `reader`, or None. gate: packages themselves are sent while it is open."""

    def __init__(self, context=None, host=None):
        self.wheels = {}
        self.sources = {}
        self.asked = []
        self.password = None
        self.gate = threading.Event()
        self.gate.set()
        self.host = host or gateway()
        self.server = http.server.ThreadingHTTPServer((self.host, 0), Handler)
        self.server.index = self
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.address = f"{'https' if context else 'http'}://{self.host}:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def find(self, name):
        if name in self.sources:
            return ".tar.gz", self.sources[name]
        return "-py3-none-any.whl", self.wheels.get(name)

    def authorization(self):
        return "Basic " + base64.b64encode(f"reader:{self.password}".encode()).decode()

    def address_with(self, password):
        return self.address.replace("://", f"://reader:{password}@")

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def gateway():
    """This machine's address on the network of builder containers."""
    return engine.Engine().call("GET", "/networks/berth-builders")["IPAM"]["Config"][0]["Gateway"]


def mirrored(index):
    """What the daemon's environment says of this index."""
    return {**NOT_SET, "PIP_INDEX_URL": f"{index.address}/simple", "PIP_TRUSTED_HOST": index.host}
