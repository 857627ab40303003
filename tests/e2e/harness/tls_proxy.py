"""Proxies with TLS in front of a daemon, as packaging/recipes sets them up, with ports and a certificate of a test's own."""

import os
import pathlib
import ssl
import subprocess
import tempfile

from harness.client import Connection
from harness.daemon import free_port
from harness.wait import wait_until

START_S = 60

CADDY_OPTIONS = """
{{
	admin off
	auto_https disable_redirects
	storage file_system {folder}/storage
}}
"""
NGINX_AROUND = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/log;
events {{}}
http {{
    access_log off;
    {temporary}
    include {folder}/recipe;
}}
"""


def replaced(text, **pairs):
    """`pairs` are old and new texts by whatever name; each old one is there."""
    for old, new in pairs.values():
        assert old in text, old
        text = text.replace(old, new)
    return text


class TlsProxy:
    """`kind` is "caddy" or "nginx". Runs from entering to leaving the block."""

    def __init__(self, root, kind, berth):
        self.kind = kind
        self.folder = tempfile.mkdtemp(prefix="be-tls-", dir="/tmp")
        self.port = free_port()
        self.behind = "%s:%d" % berth.address
        name = {"caddy": "Caddyfile", "nginx": "nginx.conf"}[kind]
        self.recipe = (pathlib.Path(root) / "packaging" / "recipes" / name).read_text()
        self.process = None

    def __enter__(self):
        self.make_certificate()
        command = {"caddy": self.caddy, "nginx": self.nginx}[self.kind]()
        with open(os.path.join(self.folder, "output"), "wb") as log:
            environment = {**os.environ, "XDG_DATA_HOME": self.folder, "XDG_CONFIG_HOME": self.folder, "HOME": self.folder}
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        wait_until(self.answers, f"{self.kind} to answer", START_S)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        subprocess.run(["rm", "-rf", self.folder], check=True)

    def make_certificate(self):
        names = "subjectAltName=DNS:functions.example.org"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=functions.example.org", "-addext", names,
             "-keyout", f"{self.folder}/key.pem", "-out", f"{self.folder}/certificate.pem"],
            check=True, capture_output=True,
        )

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def caddy(self):
        recipe = replaced(
            self.recipe,
            site=("functions.example.org {", f"https://functions.example.org:{self.port} {{"),
            certificate=("# tls /etc/ssl/berth/certificate.pem /etc/ssl/berth/key.pem",
                         f"tls {self.folder}/certificate.pem {self.folder}/key.pem"),
            berth=("reverse_proxy 127.0.0.1:8080", f"reverse_proxy {self.behind}"),
        )
        path = self.write("Caddyfile", CADDY_OPTIONS.format(folder=self.folder) + recipe)
        return ["caddy", "run", "--config", path, "--adapter", "caddyfile"]

    def nginx(self):
        recipe = replaced(
            self.recipe,
            port=("listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"),
            ipv6=("listen [::]:443 ssl", f"listen [::1]:{self.port} ssl"),
            certificate=("/etc/ssl/berth/", f"{self.folder}/"),
            berth=("server 127.0.0.1:8080", f"server {self.behind}"),
        )
        self.write("recipe", recipe)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "\n    ".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in kinds)
        path = self.write("nginx.conf", NGINX_AROUND.format(folder=self.folder, temporary=temporary))
        return ["/usr/sbin/nginx", "-c", path, "-p", self.folder]

    def answers(self):
        assert self.process.poll() is None, pathlib.Path(self.folder, "output").read_text()
        try:
            with self.connect():
                return True
        except OSError:
            return False

    def tls(self):
        """What trusts its certificate, and nobody else's."""
        return ssl.create_default_context(cafile=os.path.join(self.folder, "certificate.pem"))

    def connect(self, timeout=30):
        """A client connection of HTTP/1.1 in TLS."""
        connection = Connection(("127.0.0.1", self.port), timeout)
        try:
            connection.socket = self.tls().wrap_socket(connection.socket, server_hostname="functions.example.org")
        except BaseException:
            connection.socket.close()
            raise
        connection.reader = connection.socket.makefile("rb")
        return connection
