"""A registry that uses what there is: a function of each language, an installation of dependencies, a volume, a secret."""

import json
import os
import textwrap

from harness.functions import HELLO, NODE_HELLO
from harness.servers import SERVER

KEEPER = """
    import pathlib

    import parcel

    def handle(request):
        kept = pathlib.Path("/data/kept")
        kept.write_text(kept.read_text() + "+" if kept.exists() else "+")
        return " ".join([parcel.NAME, pathlib.Path("/run/secrets/token").read_text(), kept.read_text()])
"""
FILES = {
    "quick/quick.py": HELLO,
    "script/handler.js": NODE_HELLO,
    "keeper/keeper.py": KEEPER,
    "server/server.pl": SERVER,
    "server/Dockerfile": """
        ARG BERTH_BASE
        FROM ${BERTH_BASE}
        COPY server.pl /srv/server.pl
        CMD ["perl", "/srv/server.pl"]
    """,
}


def configurations(index):
    """Of each function, by name; `index` has the package `parcel`."""
    return {
        "quick": {"programing_language": "python", "base_function_file_name": "quick.py"},
        "script": {"programing_language": "node", "base_function_file_name": "handler.js"},
        "server": {"programing_language": "container"},
        "keeper": {
            "programing_language": "python",
            "base_function_file_name": "keeper.py",
            "extra_dependencies": f"--index-url {index.address}/simple --trusted-host {index.host} parcel",
            "volumes": {"data": "/data"},
            "secrets": ["token"],
        },
    }


def write(folder, index, text):
    """Puts the functions into `folder`, with a registry that has them behind those of `text`."""
    for path, body in FILES.items():
        place = os.path.join(folder, "functions", path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(body).lstrip())
    with open(os.path.join(folder, "global-function-definition.yml"), "w", encoding="utf-8") as file:
        file.write(text)
        for name, configuration in configurations(index).items():
            # JSON is YAML.
            file.write(f"  {name}: {json.dumps({'configuration': {'function_folder': name, **configuration}})}\n")


def expected(times):
    """What each says, to begin with, when keeper has been asked so often."""
    return {"/quick": "hello", "/script": "hello", "/server": "served by ", "/keeper": "parcel s3cret " + "+" * times}
