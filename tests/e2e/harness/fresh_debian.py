"""A machine of a test's own in a container: a fresh Debian with systemd as its first program, and later a Docker engine of
its own in it."""

import os
import subprocess
import uuid

from harness import client
from harness.wait import wait_until

START_S = 60
INSTALL_S = 1200  # packages are unpacked, and a base image is made

# By number; those that this process does not have itself cannot be given.
CAPABILITIES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN "
    "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE "
    "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ"
).split()


def own_capabilities():
    with open("/proc/self/status", encoding="ascii") as file:
        [line] = [line for line in file if line.startswith("CapBnd:")]
    bits = int(line.split()[1], 16)
    return [name for number, name in enumerate(CAPABILITIES) if bits >> number & 1]


def docker(*arguments, timeout=120, check=True):
    """What the command line of Docker prints."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# systemd mounts every controller of control groups that the kernel has, and from then on the whole machine has those. Its engine
# would no longer see that the kernel has killed for memory (Docker 20.10, cgroup v1). So systemd is shown those that are mounted
# already; that there is a folder for one does not say so.
BEGIN = """
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
    while read -r name rest; do
        case $name in "#"*) ;; *) mountpoint -q "/sys/fs/cgroup/$name" || continue ;; esac
        printf '%s\\t%s\\n' "$name" "$rest"
    done </proc/cgroups >/run/cgroups
    mount --bind /run/cgroups /proc/cgroups
fi
exec /sbin/init
"""


def controllers():
    """Each controller of control groups, and the number of the hierarchy that it is mounted in; 0: in none."""
    with open("/proc/cgroups", encoding="ascii") as file:
        return {line.split()[0]: int(line.split()[1]) for line in file if not line.startswith("#")}


class FreshDebian:
    """Runs from entering to leaving the block. `image` is one of scripts/fresh-debian."""

    def __init__(self, image):
        self.image = image
        self.name = f"berth-test-{uuid.uuid4().hex[:12]}"
        self.address = None  # where functions answer
        self.gateway = None  # where this machine is, seen from there

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.discard()
            raise
        return self

    def __exit__(self, *_):
        self.discard()

    def start(self):
        """As privileged as this process is: the engine in it mounts, and sets up networks."""
        options = [f"--cap-add={name}" for name in own_capabilities()]
        options += [f"--security-opt={name}=unconfined" for name in ("seccomp", "apparmor", "systempaths")]
        options += ["--device-cgroup-rule=a *:* rwm", "--cgroupns=host", "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw"]
        options += ["--tmpfs=/run:exec", "--tmpfs=/run/lock", "--tmpfs=/tmp:exec"]
        # An engine's files cannot be on another one's.
        options += ["--volume=/var/lib/docker", "--env=container=docker"]
        before = controllers()
        docker("run", "--detach", f"--name={self.name}", *options, self.image, "sh", "-ec", BEGIN)
        wait_until(lambda: self.output("systemctl", "is-system-running").strip() == "running", "systemd", START_S)
        assert controllers() == before, "the machine's control groups are no longer what they were"
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.Gateway}}{{end}}"
        address, self.gateway = docker("inspect", "--format", form, self.name).split()
        self.address = (address, 8080)

    def discard(self):
        docker("rm", "--force", "--volumes", self.name, check=False)

    def run(self, *command, timeout=300):
        """Runs a command in it; a subprocess.CompletedProcess."""
        return subprocess.run(
            ["docker", "exec", "--env=DEBIAN_FRONTEND=noninteractive", self.name, *command],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
        )

    def output(self, *command):
        return self.run(*command).stdout

    def do(self, *command, timeout=300):
        """Runs a command that has to succeed; what it printed."""
        done = self.run(*command, timeout=timeout)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}\n{self.journal()}"
        return done.stdout

    def shell(self, script, timeout=300):
        return self.do("sh", "-ec", script, timeout=timeout)

    def journal(self, lines=80):
        return self.output("journalctl", "--no-pager", "--output=cat", "--unit=berth*", f"--lines={lines}")

    def copy(self, path, place):
        """Copies a file or, of FOLDER/., what is in it."""
        docker("cp", path, f"{self.name}:{place}")

    def put(self, path, folder):
        """Copies a file into it; its path there."""
        self.copy(path, folder)
        return os.path.join(folder, os.path.basename(path))

    def install(self, package):
        self.do("apt-get", "install", "--yes", "--no-install-recommends", package, timeout=INSTALL_S)

    def main_process(self):
        """The number that the daemon has there; 0: none runs."""
        return int(self.do("systemctl", "show", "--property=MainPID", "--value", "berth"))

    def files(self):
        """Every path but those that live in memory."""
        return set(self.shell("find / -xdev -not -path '/tmp/*' -not -path '/var/lib/docker/*' -print").splitlines())

    # As of a daemon, for harness.load.

    def connect(self, timeout=30):
        return client.Connection(self.address, timeout)

    def get(self, target, timeout=60):
        return client.request(self.address, "GET", target, timeout=timeout)
