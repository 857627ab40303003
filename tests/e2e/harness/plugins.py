"""Plugins from outside the tree, for a daemon to find."""

import os
import shutil
import subprocess


def build_peers(root, bin_dir, into):
    """Builds the plugins of tests/peers below `into` against the installed SDK, as their authors would."""
    build = os.path.dirname(os.path.abspath(bin_dir))
    script = root / "tests" / "peers" / "build.cmake"
    done = subprocess.run(
        ["cmake", f"-DBUILD={build}", f"-DINTO={into}", "-P", str(script)],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def drop(plugin, folder, name=None):
    """Puts a plugin, and the folders of its images beside it, where the daemon looks for plugins; the images first."""
    folder.mkdir(exist_ok=True)
    for image in (plugin.parent / "image", plugin.parent / "builder"):
        if image.is_dir():
            shutil.copytree(image, folder / plugin.stem / image.name)
    temporary = folder / (plugin.name + ".new")
    shutil.copy(plugin, temporary)
    os.rename(temporary, folder / (name or plugin.name))
