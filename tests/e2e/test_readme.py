"""The README's first function, pasted as it stands there."""

import re
import subprocess

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_first_function_can_be_pasted(berth, root):
    page = (root / "README.md").read_text()
    section = page.split("## A first function of your own")[1].split("\n## ")[0]
    write, check = [text for kind, text in BLOCK.findall(section) if kind == "sh"][:2]
    [entry] = [text for kind, text in BLOCK.findall(section) if kind == "yaml"]
    berth.write_files("functions", {"README": "one folder a function"})
    subprocess.run(["bash", "-e"], input=write, text=True, cwd=berth.project, check=True, timeout=10)
    berth.write_config("usable-functions:\n" + entry)
    assert "--check" in check
    assert subprocess.run(berth.command("--check"), timeout=60).returncode == 0
    berth.start()
    assert berth.get("/welcome?name=Ada").json() == {"greeting": "Hello, Ada!"}


def test_every_block_begins_at_the_margin(root):
    """An indented heredoc cannot be pasted."""
    assert not re.search(r"^ +```", (root / "README.md").read_text(), re.MULTILINE)
