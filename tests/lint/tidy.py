"""Runs clang-tidy over the project's C files, in parallel. A file found clean is not looked at again until it,
a header or the settings change.

    tidy.py ROOT BUILD_DIR     exit status 1 when there are findings, which are printed
"""

import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys

FILE_TIMEOUT_S = 300
NOISE = re.compile(
    r"^\d+ warnings?( and \d+ errors?)? generated\.$|^Suppressed \d+ warnings|^Use -header-filter"
)


def digest(*parts):
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:40]


def read(path):
    with open(path, "rb") as file:
        return file.read()


def common_inputs(root):
    """What the verdict on any file depends on besides the file: the headers, the settings, the tool."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.h", "*.clang-tidy"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    version = subprocess.run(["clang-tidy", "--version"], check=True, capture_output=True).stdout
    paths = [os.path.join(root, path) for path in sorted(filter(None, listing.split("\0")))]
    return digest(version, *(read(path) for path in paths if os.path.exists(path))).encode()


def definitions(entry):
    """What a command defines, texts excepted: two that differ in it see other code in the same file."""
    return tuple(sorted(word for word in re.findall(r"-D ?(\S+)", entry["command"]) if '"' not in word))


def compiled_files(root, build_dir, into):
    """The project's own C files that the build tree compiles. `into` gets the commands for them, once for what is compiled
    for several programs: clang-tidy goes by each that it finds."""
    with open(os.path.join(build_dir, "compile_commands.json"), encoding="utf-8") as file:
        commands = {}
        for entry in json.load(file):
            commands.setdefault((entry["file"], definitions(entry)), entry)
    with open(os.path.join(into, "compile_commands.json"), "w", encoding="utf-8") as file:
        json.dump(list(commands.values()), file)
    files = {name for name, _ in commands}
    outside = os.path.join(root, "build") + os.sep
    return sorted(
        f for f in files if f.startswith(root + os.sep) and not f.startswith(outside) and os.path.exists(f)
    )


def findings(path, commands_dir):
    """clang-tidy's words about one file; empty when it is clean."""
    try:
        run = subprocess.run(
            ["clang-tidy", "--quiet", "-p", commands_dir, path],
            capture_output=True,
            text=True,
            timeout=FILE_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return f"{path}: clang-tidy did not finish in {FILE_TIMEOUT_S} s\n"
    lines = [line for line in (run.stdout + run.stderr).splitlines() if not NOISE.match(line)]
    if not lines and run.returncode != 0:
        return f"{path}: clang-tidy ended with status {run.returncode}\n"
    return "".join(line + "\n" for line in lines if line.strip())


def main(root, build_dir):
    stamps = os.path.join(root, "build", "lint")
    os.makedirs(stamps, exist_ok=True)
    common = common_inputs(root)

    def look_at(path):
        stamp = os.path.join(stamps, digest(common, path.encode(), read(path)))
        if os.path.exists(stamp):
            return ""
        text = findings(path, stamps)
        if not text:
            with open(stamp, "wb"):
                pass
        return text

    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        texts = [text for text in pool.map(look_at, compiled_files(root, build_dir, stamps)) if text]
    sys.stdout.write("".join(texts))
    return 1 if texts else 0


if __name__ == "__main__":
    sys.exit(main(os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2])))
