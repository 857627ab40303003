"""A Python package of any size, from a web server that builder containers reach."""
import functools
import http.server
import os
import pathlib
import threading
import zipfile

from lib import engine

NAME, VERSION = "bulk", "1.0"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def write(folder, size):
    """The wheel of a package with so many bytes that cannot be compressed; its file name."""
    name = f"{NAME}-{VERSION}-py3-none-any.whl"
    info = f"{NAME}-{VERSION}.dist-info"
    files = {f"{NAME}/__init__.py": b"", f"{NAME}/data": os.urandom(size),
             f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n".encode(),
             f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"]).encode()
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as archive:
        for path, data in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(path, data)
    return name


class Wheel:
    """A context manager; its value is what a function's extra_dependencies say."""

    def __init__(self, folder, size):
        served = pathlib.Path(folder, "wheel")
        served.mkdir()
        self.name = write(served, size)
        handler = functools.partial(Quiet, directory=served)
        self.server = http.server.ThreadingHTTPServer((engine.gateway("berth"), 0), handler)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://%s:%d/{self.name}" % self.server.server_address

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
