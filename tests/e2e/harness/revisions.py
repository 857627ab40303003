"""What a daemon keeps of a function's revisions."""

import contextlib
import json
import os

from harness.wait import wait_until


def view(berth, name="hello"):
    """The function as the management API shows it."""
    return berth.admin("GET", f"/berth/functions/{name}").json()


def history(berth, name="hello"):
    """Its revisions, the newest first."""
    return berth.admin("GET", f"/berth/functions/{name}/revisions").json()


def records(berth, name="hello"):
    """{digest: record} of what there is on the disk."""
    folder = os.path.join(berth.state_dir, "revisions", name)
    found = {}
    for entry in os.listdir(folder) if os.path.isdir(folder) else []:
        if len(entry) != 64:
            continue
        with contextlib.suppress(FileNotFoundError):  # dropped meanwhile
            with open(os.path.join(folder, entry), encoding="utf-8") as file:
                found[entry] = json.loads(file.read().split("\n", 1)[1])
    return found


def serve(berth, name="hello", text="hello"):
    """Has a function answer this, from which on its revision is kept: that revision."""
    berth.wait_answer(f"/{name}", lambda answer: answer.text == text, f"{name} to say {text}", 60)
    revision = view(berth, name)["revision"]
    wait_until(lambda: revision in records(berth, name), "the revision to be kept", 60)
    return revision


def says(text):
    """The code of a function that answers this."""
    return f'def handle(request):\n    return "{text}"\n'


def deploy(berth, text, name="hello", **settings):
    """Writes and applies a version of a function that answers `text`: its revision."""
    berth.write_function(name, says(text), **settings)
    berth.apply()
    return serve(berth, name, text)


def rollback(berth, revision=None, name="hello"):
    """The answer to a call that goes back."""
    body = json.dumps({"revision": revision}) if revision else None
    return berth.admin("POST", f"/berth/functions/{name}/rollback", body)


def go_back(berth, text, revision=None, name="hello"):
    """Goes back and waits until the function answers `text`: the revision that serves."""
    answer = rollback(berth, revision, name)
    assert answer.status == 202, answer
    wanted = answer.json()["revision"]
    wait_until(lambda: view(berth, name)["revision"] == wanted and view(berth, name)["rolled_back"], "the revision to serve", 60)
    assert berth.get(f"/{name}").text == text
    return wanted
