"""`berth audit`: what it says of a function is what the engine has been told, and what the function's code finds."""

import json
import os

import pytest

from harness import engine, secret
from harness.cli import Cli

VALUE = "a value that nobody is to see"

# What code finds of its container.
LOOKS = """
    import os
    from starlette.responses import JSONResponse

    def status():
        with open("/proc/self/status") as file:
            return dict(line.strip().split(":\\t", 1) for line in file if ":\\t" in line)

    def mounts():
        found = {}
        with open("/proc/self/mountinfo") as file:
            for line in file:
                fields = line.split()
                found[fields[4]] = "ro" in fields[5].split(",")
        return found

    def can_write(folder):
        try:
            with open(folder + "/audit", "w") as file:
                file.write("x")
            os.remove(folder + "/audit")
            return True
        except OSError:
            return False

    def size(folder):
        found = os.statvfs(folder)
        return found.f_blocks * found.f_frsize

    def cgroup(version_two, version_one):
        for path in (version_two, version_one):
            try:
                with open("/sys/fs/cgroup/" + path) as file:
                    return file.read().split()
            except OSError:
                continue

    def handle(request):
        said = status()
        folders = request.query_params["folders"].split(",")
        return JSONResponse({
            "user": f"{os.getuid()}:{os.getgid()}",
            "capabilities": [said[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")],
            "no_new_privileges": said["NoNewPrivs"],
            "seccomp": said["Seccomp"],
            "mounts": mounts(),
            "writes": {folder: can_write(folder) for folder in folders},
            "sizes": {folder: size(folder) for folder in folders},
            "memory": cgroup("memory.max", "memory/memory.limit_in_bytes"),
            "pids": cgroup("pids.max", "pids/pids.max"),
            "environment": sorted(os.environ),
            "secrets": sorted(os.listdir("/run/secrets")),
            "interfaces": sorted(os.listdir("/sys/class/net")),
        })
"""

SERVER = """
    import http.server
    import json
    import os

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(sorted(os.environ)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""

SHELL = """
    #!/bin/sh
    printf 'Content-Type: text/plain\\n\\n'
    env | cut -d= -f1
"""


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth, tmp_path_factory):
    berth = shared_berth
    folder = tmp_path_factory.mktemp("models").resolve()
    os.chmod(folder, 0o755)
    secret.key_file(berth)
    berth.host["volume_roots"] = [str(folder.parent)]
    berth.write_function("usual", LOOKS, idle_timeout=60)
    berth.write_function(
        "special", LOOKS, idle_timeout=60, memory="96Mi", cpus=0.5, pids=64, tmp="8Mi", shm="4Mi", user="1234:567",
        network="none", public=False, timeout="7s", max_body=1000, max_scale=3, on_success="usual",
        volumes=[{"name": "data", "at": "/data"}, {"path": str(folder), "at": "/models"}], secrets=["token"],
        environment={"MODE": "fast", "KEY": {"secret": "other"}}, schedule="0 3 * * *", labels={"team": "red"})
    berth.write_function("open", SHELL, "shell", idle_timeout=60, read_only=False, user="root", seccomp="engine")
    berth.write_function(
        "server", {"server.py": SERVER}, "container", base_function_file_name=None, image=runtime_image(),
        command="python3 /berth/code/server.py", idle_timeout=60, environment={"KEY": {"secret": "other"}, "MODE": "x"})
    berth.write_function("broken", "def handle(:\n")
    berth.start()
    for name in ("token", "other"):
        secret.put(berth, name, VALUE + name)
    for name in ("usual", "special", "open", "server"):
        berth.wait_settled(f"/{name}", f"{name} to be built", 60)


def runtime_image():
    """The newest runtime image with Python in it."""
    images = [i for i in engine.USUAL.images("berth.interpreter") if i["Labels"]["berth.interpreter"].startswith("Python")]
    return max(images, key=lambda image: image["Created"])["Id"]


def audit(berth, name):
    answer = berth.admin("GET", f"/berth/functions/{name}/audit")
    assert answer.status == 200, answer.text
    return answer.json()


def call(berth, name, folders=()):
    """What the function says, and the engine's view of the container that has said it."""
    answer = berth.admin("GET", f"/function/{name}?folders={','.join(folders)}")
    assert answer.status == 200, answer.text
    return answer, engine.inspect(berth.instance(name)["Id"])


def grants_of(container, said):
    """The account of this container: it may have been there before its function was known."""
    return said["prewarmed" if "BERTH_PREWARMED=1" in container["Config"]["Env"] else "container"]


@pytest.mark.parametrize("name", ["usual", "special", "open", "server"])
def test_what_the_engine_has_been_told_is_what_is_said(served, name):
    said = audit(served, name)
    _, container = call(served, name, ["/tmp"])
    host, config, grants = container["HostConfig"], container["Config"], grants_of(container, said)
    instance = config["Labels"]["berth.instance"]
    assert grants["image"] == config["Image"]
    assert (grants["user"] or "") == config["User"]
    assert host["CapDrop"] == ["ALL"] and grants["capabilities"] == (host["CapAdd"] or [])
    assert grants["may_gain_privileges"] == ("no-new-privileges:true" not in host["SecurityOpt"])
    assert (grants["seccomp"] == "own") == any(option.startswith("seccomp=") for option in host["SecurityOpt"])
    assert grants["runtime"] in (None, host["Runtime"])
    assert grants["network"] == host["NetworkMode"]
    assert grants["root_read_only"] == host["ReadonlyRootfs"]
    assert {(m["at"], m["source"].replace("<instance>", instance), m["read_only"]) for m in grants["mounts"]} == {
        (m["Target"], m["Source"], m.get("ReadOnly", False)) for m in host["Mounts"]}
    assert {f["at"]: f["size_bytes"] for f in grants["in_memory"]} == {
        at: int(options.split("size=")[1]) for at, options in host["Tmpfs"].items()}
    limits = (grants["memory_bytes"], grants["swap_bytes"], grants["cpus"], grants["pids"], grants["shm_bytes"])
    assert limits == (host["Memory"], host["MemorySwap"] - host["Memory"], host["NanoCpus"] / 1e9, host["PidsLimit"],
                      host["ShmSize"])
    assert grants["core_bytes"] == {limit["Name"]: limit["Hard"] for limit in host["Ulimits"]}["core"]
    assert grants["oom_score_adj"] == host["OomScoreAdj"]
    assert grants["engine_log"] == host["LogConfig"]["Type"]
    own = {variable.partition("=")[0] for variable in config["Env"]}
    assert set(grants["environment"]) <= own
    assert set(said["environment"]) >= set(grants["environment"])
    assert grants["others"] == [], "something is asked of the engine that no word stands for"
    # And nothing that the audit has no member for.
    assert not host["Privileged"] and not host["Binds"] and not host["VolumesFrom"] and not host["Devices"]
    assert not host["PortBindings"] and not host["GroupAdd"] and not host["ExtraHosts"] and not host.get("Sysctls")
    assert host["PidMode"] == "" and host["IpcMode"] in ("private", "") and host["UTSMode"] == ""


@pytest.mark.parametrize("name", ["usual", "special"])
def test_what_code_finds_is_what_is_said(served, name):
    said = audit(served, name)
    folders = [folder["at"] for folder in said["container"]["in_memory"]] + ["/dev/shm"]
    volumes = [m["at"] for m in said["container"]["mounts"] if m["holds"] == "volume"]
    answer, container = call(served, name, folders + volumes + ["/", "/usr", "/berth/code", "/run/berth", "/run/secrets"])
    found, grants = answer.json(), grants_of(container, said)
    assert found["user"] == grants["user"]
    assert grants["capabilities"] == [] and set(found["capabilities"]) == {"0" * 16}
    assert (found["no_new_privileges"] == "1") == (not grants["may_gain_privileges"])
    assert grants["seccomp"] == "own" and found["seccomp"] == "2"
    told = {m["at"]: m["read_only"] for m in grants["mounts"]}
    assert {at: found["mounts"][at] for at in told} == told
    assert found["mounts"]["/"] == grants["root_read_only"]
    # Every mount of this host is told: what else is there is the engine's own.
    engines = ("/proc", "/sys", "/dev", "/etc/resolv.conf", "/etc/hostname", "/etc/hosts")
    in_memory = {f["at"]: f["size_bytes"] for f in grants["in_memory"]}
    others = [at for at in found["mounts"] if at not in told and at not in in_memory and at != "/"]
    assert not [at for at in others if not any(at == own or at.startswith(own + "/") for own in engines)]
    writable = {m["at"] for m in grants["mounts"] if not m["read_only"]} | set(in_memory) | {"/dev/shm"}
    assert {folder for folder, written in found["writes"].items() if written} == writable
    assert {at: found["sizes"][at] for at in in_memory} == in_memory
    assert found["sizes"]["/dev/shm"] == grants["shm_bytes"]
    assert found["memory"] == [str(grants["memory_bytes"])] and found["pids"] == [str(grants["pids"])]
    assert set(said["environment"]) <= set(found["environment"])
    assert found["secrets"] == sorted(s["name"] for s in said["secrets"] if s["variable"] is None)
    assert (found["interfaces"] == ["lo"]) == (grants["network"] == "none")


def test_variables_of_a_server_are_said(served):
    answer, _ = call(served, "server")
    said = audit(served, "server")
    assert {"KEY", "MODE", "PORT", "OPENFAAS_NAME"} <= set(said["environment"]) <= set(answer.json())
    assert "environment" in {mount["holds"] for mount in said["container"]["mounts"]}
    assert said["prewarmed"] is None


def test_what_is_said_is_of_the_settings(served):
    said = audit(served, "special")
    mounts = {m["at"]: m for m in said["container"]["mounts"]}
    assert (mounts["/data"]["volume"], mounts["/data"]["read_only"]) == ("data", False)
    assert (mounts["/models"]["volume"], mounts["/models"]["read_only"]) == (None, True)
    assert {(used["name"], used["variable"]) for used in said["secrets"]} == {("token", None), ("other", "KEY")}
    assert {"MODE", "KEY"} <= set(said["environment"])
    assert said["callers"]["public"] is False and said["callers"]["schedules"][0]["cron"] == "0 3 * * *"
    assert said["calls"]["on_success"] == "usual"
    assert (said["limits"]["timeout_ms"], said["limits"]["max_body_bytes"], said["limits"]["instances"]) == (7000, 1000, 3)
    assert audit(served, "usual")["callers"]["results_of"] == [
        {"function": "special", "on_success": True, "on_failure": False}]
    assert audit(served, "usual")["prewarmed"] is not None, "it may be given a prewarmed instance"
    assert said["prewarmed"] is None, "one with volumes is given none"


def part(text, title):
    """The lines below a title."""
    return text.split(f"\n{title}\n")[1].split("\n\n")[0]


def test_it_is_told_in_words(served):
    cli = Cli(served)
    text = cli.run("audit", "special")
    assert max(map(len, text.splitlines())) <= 100
    assert "nothing but its own loopback" in part(text, "Network")
    files = part(text, "Files")
    assert "/data: the volume data," in files.partition("  writes")[2]
    assert "/models: the folder of this host" in files.partition("  writes")[0]
    assert "/tmp: up to 8Mi in memory" in files
    given = part(text, "What it is given")
    assert "token, in /run/secrets/token" in given and "other, in the variable KEY" in given
    assert "1234:567" in part(text, "What its processes may do")
    limits = part(text, "Limits of an instance")
    assert "96Mi" in limits and "0.5" in limits and "7s for a request" in limits and "64, threads" in limits
    callers = part(text, "Who calls it")
    assert "it is private" in callers and "0 3 * * *" in callers
    assert "usual is called" in part(text, "Whom it calls")
    usual = cli.run("audit", "usual")
    assert "the internet" in part(usual, "Network") and "rules in the kernel, made by the daemon" in part(usual, "Network")
    assert "at /usual" in part(usual, "Who calls it")
    assert "special, when its calls that are done later succeed" in " ".join(part(usual, "Who calls it").split())
    # What gives up a wall is plain to see.
    opened = cli.run("audit", "open")
    assert "the whole image" in part(opened, "Files") and "0:0" in part(opened, "What its processes may do")
    assert "those that the engine lets every container make" in part(opened, "What its processes may do")


def test_values_of_secrets_are_nowhere_in_it(served):
    cli = Cli(served)
    for name in ("special", "server"):
        assert VALUE not in cli.run("audit", name) and VALUE not in json.dumps(cli.json("audit", name))


def test_one_that_was_never_built_has_nothing(served):
    said = Cli(served).json("audit", "broken")
    assert said["container"] is None and said["revision"] is None and "broken.py" in said["problem"]["message"]
    text = Cli(served).run("audit", "broken")
    assert text.startswith("broken is a function in python; nothing of it can be started: ") and "Network" not in text


def test_that_there_is_none_is_said(served):
    Cli(served).run("audit", "nobody", status=1)
    assert served.admin("GET", "/berth/functions/nobody/audit").status == 404
