"""The kernel's rules that daemons make, asked with nft. Needs root."""

import contextlib
import json
import os
import subprocess


def owner(berth):
    """A daemon's id, which the name of its table ends with."""
    with open(os.path.join(berth.state_dir, "host-id"), encoding="ascii") as file:
        return file.read().strip()


def table(berth):
    return "berth_" + owner(berth)


def nft(*arguments, namespace=None, check=True):
    """The output of nft; "" when it fails and need not succeed."""
    inside = ("ip", "netns", "exec", namespace) if namespace else ()
    done = subprocess.run([*inside, "nft", *arguments], capture_output=True, text=True, check=check)
    return done.stdout if done.returncode == 0 else ""


def tables(namespace=None):
    listed = json.loads(nft("-j", "list", "tables", namespace=namespace))["nftables"]
    return {item["table"]["name"] for item in listed if "table" in item}


def rules(berth, namespace=None):
    """The daemon's table as text, without what counts and comes and goes; "" when it is not there."""
    return nft("-s", "-t", "list", "table", "inet", table(berth), namespace=namespace, check=False)


def make(name, text):
    """Makes the table `name` of a text like that of rules()."""
    head, _, body = text.partition("{")
    assert head.startswith("table inet ")
    subprocess.run(["nft", "-f", "-"], input=f"table inet {name} {{{body}", text=True, check=True)


def remove(berth):
    """Removes the table of a daemon that has ended without doing so; it need not have made one."""
    if os.path.exists(os.path.join(berth.state_dir, "host-id")):
        with contextlib.suppress(OSError):  # there need not be nft, and only root has tables
            nft("delete", "table", "inet", table(berth), check=False)
