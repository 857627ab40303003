"""What a container may and may not do, and the settings that change it."""

import pytest

from harness import engine
from harness.functions import HELLO

TRIES = """
    import os
    import resource
    from starlette.responses import JSONResponse

    def attempt(action):
        try:
            action()
            return "ok"
        except OSError as error:
            return error.strerror or str(error)

    def write(path):
        def action():
            with open(path, "w") as file:
                file.write("x")
        return action

    def handle(request):
        return JSONResponse({
            "uid": os.getuid(),
            "gid": os.getgid(),
            "root": attempt(write("/file")),
            "berth": attempt(write("/run/berth/file")),
            "tmp": attempt(write("/tmp/file")),
            "berth_files": sorted(os.listdir("/run/berth")),
            "interfaces": sorted(os.listdir("/sys/class/net")),
            "environment": dict(os.environ),
            "cwd_files": sorted(name for name in os.listdir(".") if not name.startswith("__")),
            "core": resource.getrlimit(resource.RLIMIT_CORE),
            "capabilities": [line.split()[1] for line in open("/proc/self/status") if line.startswith("Cap")],
        })
"""


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    shared_berth.write_function("usual", TRIES, idle_timeout=60)
    shared_berth.write_function(
        "unusual",
        TRIES,
        idle_timeout=60,
        network="none",
        memory="96Mi",
        cpus=0.5,
        environment={"GREETING": "hi there", "EMPTY": ""},
    )
    shared_berth.start()


def inspected(berth, name):
    assert berth.get(f"/{name}").status == 200
    return engine.inspect(berth.instance(name)["Id"])


@pytest.mark.parametrize("name", ["usual", "unusual"])
def test_containers_are_hardened(served, name):
    container = inspected(served, name)
    host = container["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert any(option.startswith("no-new-privileges") for option in host["SecurityOpt"])
    assert host["ReadonlyRootfs"] is True
    assert "/tmp" in host["Tmpfs"]
    assert container["Config"]["User"].split(":")[0] not in ("", "0", "root")
    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0
    assert not host.get("PortBindings")


@pytest.mark.parametrize("name", ["usual", "unusual"])
def test_neither_root_nor_socket_folder_can_be_written(served, name):
    seen = served.get(f"/{name}").json()
    assert seen["uid"] != 0 and seen["gid"] != 0
    assert seen["tmp"] == "ok"
    assert all(seen[place] != "ok" for place in ("root", "berth"))
    assert set(seen["capabilities"]) == {"0" * 16}


@pytest.mark.parametrize("name", ["usual", "unusual"])
def test_what_crashes_leaves_no_core_file_on_the_host(served, name):
    # Of a single byte: the kernel makes no file of that size, and starts no program for one either.
    assert served.get(f"/{name}").json()["core"] == [1, 1]


def test_container_sees_its_own_socket_and_its_own_code_only(served):
    seen = served.get("/usual").json()
    assert seen["berth_files"] == ["host.sock", "stderr", "stdout"]
    assert seen["cwd_files"] == ["usual.py"]


@pytest.mark.shows_setting("configuration.network")
def test_network_none_leaves_only_loopback(served):
    assert served.get("/unusual").json()["interfaces"] == ["lo"]
    assert inspected(served, "unusual")["HostConfig"]["NetworkMode"] == "none"


def test_usual_network_is_a_bridge_on_which_containers_cannot_talk(served):
    mode = inspected(served, "usual")["HostConfig"]["NetworkMode"]
    network = engine.networks()[mode]
    assert network["Driver"] == "bridge"
    assert mode != "bridge"
    assert network["Options"]["com.docker.network.bridge.enable_icc"] == "false"


@pytest.mark.shows_setting("configuration.memory", "configuration.cpus")
def test_limits_are_those_that_were_set(served):
    host = inspected(served, "unusual")["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] == 96 << 20
    cpus = host["NanoCpus"] / 1e9 if host["NanoCpus"] else host["CpuQuota"] / host["CpuPeriod"]
    assert cpus == pytest.approx(0.5)


@pytest.mark.shows_setting("configuration.environment")
def test_environment_is_what_was_set_and_nothing_of_the_host(served, monkeypatch):
    seen = served.get("/unusual").json()["environment"]
    assert seen["GREETING"] == "hi there"
    assert seen["EMPTY"] == ""
    assert "PYTEST_CURRENT_TEST" not in seen


def test_each_instance_has_a_socket_of_its_own(make_berth):
    berth = make_berth()
    for name in ("one", "two"):
        berth.write_function(name, HELLO, idle_timeout=10)
    berth.start()
    sources = set()
    for name in ("one", "two"):
        berth.get(f"/{name}")
        mounts = engine.inspect(berth.instance(name)["Id"])["Mounts"]
        (mount,) = [m for m in mounts if m["Destination"] == "/run/berth"]
        assert mount["RW"] is False
        sources.add(mount["Source"])
    assert len(sources) == 2


def test_the_daemon_has_given_up_what_it_does_not_use(served):
    with open(f"/proc/{served.pid}/status", encoding="utf-8") as file:
        status = dict(line.split(":", 1) for line in file)
    assert status["NoNewPrivs"].strip() == "1"
    unused = {"CAP_SYS_MODULE": 16, "CAP_SYS_RAWIO": 17, "CAP_SYS_BOOT": 22, "CAP_SYS_TIME": 25, "CAP_MKNOD": 27, "CAP_BPF": 39}
    for name in ("CapEff", "CapPrm", "CapBnd"):
        assert [left for left, bit in unused.items() if int(status[name], 16) >> bit & 1] == [], name
