"""The example of docs/plugin-guide.md, taken out of the page, built against the installed SDK, and run."""
import json
import os
import re
import subprocess

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILD = os.environ.get("BERTH_BUILD_DIR") or os.path.join(ROOT, "build", "release")
FILE = re.compile(r"^`([A-Za-z.]+)`:\n\n```[a-z]+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_example_of_the_guide(host, tmp_path, monkeypatch):
    with open(os.path.join(ROOT, "docs", "plugin-guide.md"), encoding="utf-8") as page:
        files = dict(FILE.findall(page.read()))
    assert sorted(files) == ["CMakeLists.txt", "Dockerfile", "plugin.c", "runner.c"]
    source, build, sdk = (str(tmp_path / name) for name in ("source", "build", "sdk"))
    os.mkdir(source)
    for name, text in files.items():
        with open(os.path.join(source, name), "w", encoding="utf-8") as file:
            file.write(text)
    run("cmake", "--install", BUILD, "--component", "sdk", "--prefix", sdk)
    run("cmake", "-S", source, "-B", build, f"-DCMAKE_PREFIX_PATH={sdk}", "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror")
    run("cmake", "--build", build)
    assert os.path.exists(os.path.join(build, "upper.so"))
    assert sorted(os.listdir(os.path.join(build, "upper", "image"))) == ["Dockerfile", "upper-runner"]

    monkeypatch.setenv("SHELL_RUNNER", os.path.join(build, "upper", "image", "upper-runner"))
    slot = host.start()
    answer = host.init(slot, {"file": "text"})
    assert answer.status == 500 and "cannot open" in json.loads(answer.body)["error"]["message"]
    host.write("text", "shout ")
    assert host.init(slot, {"file": "text"}).status == 200
    assert slot.ask("/", "POST", b"and echo").body == b"SHOUT and echo"
