"""Lua, the SDK's example of a language, built as its README says."""
import subprocess

import measure


def build(folder):
    """Builds it with the SDK of this build in `folder`; the folder with the plugin."""
    example = measure.ROOT / "sdk/examples/lua"
    for command in (["cmake", "--install", measure.BIN.parent, "--component", "sdk", "--prefix", f"{folder}/sdk"],
                    ["cmake", "-S", example, "-B", f"{folder}/build", f"-DCMAKE_PREFIX_PATH={folder}/sdk"],
                    ["cmake", "--build", f"{folder}/build"]):
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return f"{folder}/build/plugins"
