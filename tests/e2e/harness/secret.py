"""Secrets in functions that never tell them: digests of what they were given, by shape and language."""

import base64
import hashlib
import json
import os
import uuid

PYTHON = """
    import hashlib
    import os
    from starlette.responses import JSONResponse

    def digest(data):
        return hashlib.sha256(data).hexdigest()

    def read(path):
        with open(path, "rb") as file:
            return digest(file.read())

    def handle(request):
        status = os.stat("/run/secrets/token")
        return JSONResponse({
            "file": read("/run/secrets/token"),
            "other": read("/var/openfaas/secrets/token"),
            "variable": digest(os.environ["TOKEN"].encode()),
            "names": sorted(os.listdir("/run/secrets")),
            "mode": status.st_mode & 0o777,
            "owner": status.st_uid == os.getuid(),
            "prewarmed": os.environ["BERTH_PREWARMED"],
            "writable": os.access("/run/secrets", os.W_OK),
        })
"""

# Its runner is one in C, made with the SDK.
SHELL = """
    #!/bin/sh
    sum() { sha256sum | cut -d" " -f1; }
    printf '{"file": "%s", "other": "%s", "variable": "%s"}' \\
        "$(sum < /run/secrets/token)" "$(sum < /var/openfaas/secrets/token)" "$(printf %s "$TOKEN" | sum)"
"""

USES = {"secrets": ["token"], "environment": {"TOKEN": {"secret": "token"}, "PLAIN": "p"}}


def new_value():
    """A text that is nowhere else, with characters that JSON writes in other words."""
    return f'sek"ret\\{uuid.uuid4().hex}\tü'


def digest(value):
    return hashlib.sha256(value.encode()).hexdigest()


def key_file(berth):
    """Where a daemon of a test's own has its key: beside its state directory, not in the machine's place for it."""
    path = os.path.join(berth.folder, "key", "secret.key")
    berth.host["secret_key_file"] = path
    return path


def traces(value):
    """The bytes by which the value is known, as it is, in JSON and in base64."""
    core = value[5:40].encode()
    coded = base64.b64encode(value.encode()).decode()
    written = json.dumps(value)[1:-1]
    return {core, coded[8:40].encode(), written.encode()}


def put(berth, name, value):
    answer = berth.admin("PUT", f"/berth/secrets/{name}?wait=1", json.dumps({"value": value}).encode())
    assert answer.status == 200, answer.text
    return answer.json()
