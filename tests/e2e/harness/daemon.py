"""A berthd of a test's own: its folders, functions and process, and what must be true of it afterwards."""

import base64
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import textwrap

from harness import client, engine, firewall, processes
from harness.followers import Follower, adopt_orphans
from harness.logs import LogFile
from harness.wait import NotReached, wait_until

READY_S = 60
STOP_S = 60

# File descriptors that come and go with connections to the Docker engine: kept ones, those of one instance.
ENGINE_CONNECTIONS = 16
CONNECTIONS_PER_INSTANCE = 3

EXTENSIONS = {"node": ".js", "python": ".py", "shell": ".sh"}
_used_ports = set()


def port_range():
    """Outside the range that the kernel takes clients' ports from; each of several processes that run tests at the same
    time has a part of its own."""
    first, end, parts = 20000, 32000, 8
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % parts
    size = (end - first) // parts
    return first + worker * size, first + (worker + 1) * size


def free_port():
    """A port nobody listens on."""
    while True:
        port = random.randrange(*port_range())
        if port in _used_ports:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _used_ports.add(port)
        return port


# What the registry of a test says of the host unless it is set; NO_HOST: nothing.
USUAL_HOST = {"prewarm": 1, "prewarm_memory": 0, "spare_networks": 0}
NO_HOST = dict.fromkeys(USUAL_HOST)


def yaml_block(mapping, indent=0):
    """A mapping as block YAML; scalars and lists in JSON, which YAML reads as it is."""
    lines = []
    for key, value in mapping.items():
        if isinstance(value, dict) and value:
            lines.append(" " * indent + f"{key}:")
            lines.append(yaml_block(value, indent + 2))
        else:
            lines.append(" " * indent + f"{key}: {json.dumps(value)}")
    return "\n".join(lines)


LEAKS_SUPPRESSED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "leaks.suppressed")


def sanitizer_environment():
    """Reports go to standard error, where the checks look for them; the first one ends the process."""
    options = {
        "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99",
        "LSAN_OPTIONS": f"suppressions={LEAKS_SUPPRESSED}:print_suppressions=0",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "TSAN_OPTIONS": "exitcode=66:second_deadlock_stack=1",
    }
    return {name: os.environ.get(name, value) for name, value in options.items()}


def is_settled(answer):
    """Not that a request has waited in vain for what may come yet."""
    return answer.status != 503 or not answer.error()["message"].startswith("The request waited ")


class Berth:
    """A daemon. Write functions, start(), use it; finish() stops it and tells what was wrong or is left."""

    def __init__(self, bin_dir):
        self.bin_dir = bin_dir
        # Short and without links: a unix socket's path has at most 107 bytes, the engine reports real paths.
        self.folder = tempfile.mkdtemp(prefix="be-", dir=os.path.realpath("/tmp"))
        self.project = os.path.join(self.folder, "project")
        self.state_dir = os.path.join(self.folder, "state")
        self.run_dir = os.path.join(self.folder, "run")
        self.config = os.path.join(self.project, "global-function-definition.yml")
        self.log = LogFile(os.path.join(self.folder, "log"))
        self.address = ("127.0.0.1", free_port())
        self.admin_address = ("127.0.0.1", free_port())
        self.engine = engine.USUAL
        self.plugin_dir = None
        self.watch = False  # else what a test writes is live before it says so
        self.options_given = True  # on the command line; else what it needs is for the registry to say
        self.registry_given = True  # else a start writes none that is not there
        self.functions = {}
        self.host = {}
        self.process = None
        self.process_options = {}  # further ones of subprocess.Popen
        self.launcher = []  # a program, with its arguments, that executes the daemon
        self.expected_errors = []
        self.baseline = 0
        self.last_log = ""
        os.mkdir(self.project)
        with open(self.log.path, "wb"):
            pass

    # -- what it serves

    def write_files(self, folder, files):
        """Writes files below the project; those that begin with "#!" can be executed."""
        for name, text in files.items():
            path = os.path.join(self.project, folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            data = text if isinstance(text, bytes) else textwrap.dedent(text).lstrip("\n").encode()
            with open(path, "wb") as file:
                file.write(data)
            os.chmod(path, 0o755 if data.startswith(b"#!") else 0o644)

    def write_function(self, name, code, language="python", **settings):
        """Writes a function's folder and registers it. `code` is its one file's text, or {file: text} with the
        entry first. Settings go into `configuration`; None leaves one out. Idle instances go after 1 s unless
        set.
        """
        files = code if isinstance(code, dict) else {name + EXTENSIONS.get(language, ".txt"): code}
        self.write_files(os.path.join("functions", name), files)
        configuration = {
            "programing_language": language,
            "base_function_file_name": next(iter(files)),
            "function_folder": name,
            "idle_timeout": 1,
            **settings,
        }
        self.functions[name] = {
            "name": name,
            "version": 1.0,
            "configuration": {key: value for key, value in configuration.items() if value is not None},
        }
        self.write_config()

    def write_config(self, text=None):
        """Writes the registry from `functions` and `host`, or as given. One instance is prewarmed unless set: there is
        something to hand over, and a short test does not spend its time on containers that it never uses; none with
        libraries, and no network is made ahead. None leaves a setting out."""
        if text is None:
            host = {**self.host, **{name: value for name, value in USUAL_HOST.items() if name not in self.host}}
            host = {name: value for name, value in host.items() if value is not None}
            sections = {"host": host} if host else {}
            text = yaml_block({**sections, "usable-functions": self.functions}) + "\n"
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(text))

    # -- its process

    def command(self, *arguments):
        command = [os.path.join(self.bin_dir, "berthd"), "--config", self.config]
        if not self.options_given:
            return command + list(arguments)
        command += [
            "--listen",
            "%s:%d" % self.address,
            "--admin",
            "%s:%d" % self.admin_address,
            "--state",
            self.state_dir,
            "--run-dir",
            self.run_dir,
        ]
        if not self.watch:
            command.append("--no-watch")
        if self.plugin_dir:
            command += ["--plugins", self.plugin_dir]
        return command + list(arguments)

    def start(self, *arguments, environment=None, ready=True, timeout=READY_S):
        if self.registry_given and not os.path.exists(self.config):
            self.write_config()
        with open(self.log.path, "ab") as log:
            self.process = subprocess.Popen(
                self.launcher + self.command(*arguments),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.project,
                env={**os.environ, **sanitizer_environment(), **(environment or {})},
                **self.process_options,
            )
        if ready:
            self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout=READY_S):
        wait_until(self.is_ready, "the daemon to be ready", timeout)
        self.baseline = len(self.own_files())

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"berthd ended with status {self.process.returncode}:\n" + self.log_tail())
        try:
            return client.request(self.admin_address, "GET", "/healthz", timeout=5).status == 200
        except OSError:
            return False

    def upgrade(self, limit_s=60):
        """Has its program take over, and goes on with the daemon that serves then; gives what came of it, and the process
        that was there before."""
        adopt_orphans()
        answer = self.admin("POST", f"/berth/upgrade?wait=1&timeout={limit_s}")
        assert answer.status == 200, answer.text
        before = self.process
        self.process = Follower(answer.json()["pid"])
        return answer.json(), before

    @property
    def pid(self):
        return self.process.pid

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self):
        self.signal(signal.SIGHUP)

    def apply(self):
        """Writes the registry and has it applied, from which on settings that apply at once do."""
        before = len(self.log.entries("config.applied"))
        self.write_config()
        self.reload()
        wait_until(lambda: len(self.log.entries("config.applied")) > before, "the registry to be applied", 60)

    def configure(self, function, **settings):
        """Changes settings of a function in `functions`; apply() makes them known."""
        self.functions[function]["configuration"].update(settings)

    def wait_end(self, timeout=STOP_S):
        """Waits for the process to end by itself; its exit status."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise NotReached(f"berthd did not end within {timeout} s") from None

    def stop(self, timeout=STOP_S):
        self.signal(signal.SIGTERM)
        return self.wait_end(timeout)

    def kill(self):
        """Ends it as a crash would: no chance to clean up."""
        self.process.kill()
        self.process.wait()

    # -- using it

    def request(self, method, target, body=None, headers=None, timeout=60, source=None):
        return client.request(self.address, method, target, body, headers, timeout, source)

    def get(self, target, **options):
        return self.request("GET", target, **options)

    def post(self, target, body=b"", **options):
        return self.request("POST", target, body, **options)

    def credentials(self):
        """The header that the management port asks for."""
        with open(os.path.join(self.state_dir, "admin-password"), encoding="ascii") as file:
            code = base64.b64encode(b"admin:" + file.read().strip().encode())
        return {"Authorization": "Basic " + code.decode()}

    def admin(self, method, target, body=None, headers=None):
        """A request to the management port by whoever knows the password."""
        headers = {**self.credentials(), **(headers or {})}
        return client.request(self.admin_address, method, target, body, headers)

    def counter(self, metric):
        """The value of a metric of the whole daemon on the management port."""
        text = self.admin("GET", "/metrics").text
        return int(re.search(rf"^{metric} (\d+)$", text, re.MULTILINE).group(1))

    def gauge(self, metric, function):
        """The value of a function's metric on the management port; None when it is not there."""
        text = self.admin("GET", "/metrics").text
        found = re.search(rf'^{metric}{{function_name="{re.escape(function)}\..*"}} (\d+)$', text, re.MULTILINE)
        return int(found.group(1)) if found else None

    def connect(self, timeout=30, source=None):
        return client.Connection(self.address, timeout, source)

    def hold(self, target):
        """A request that keeps a slot busy where the function has no request_buffering: its one byte of body is to come.
        Send it, then read the answer."""
        connection = self.connect(timeout=60)
        connection.send(f"POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\n")
        return connection

    def wait_answer(self, target, condition, what, timeout=30):
        """Asks until the answer satisfies `condition`; that answer."""

        def ask():
            answer = self.get(target)
            return answer if condition(answer) else None

        return wait_until(ask, what, timeout)

    def wait_settled(self, target, what, timeout=60):
        """Asks until the answer is the function's, or says why there is none, which is not that it has waited in vain."""
        return self.wait_answer(target, is_settled, what, timeout)

    def wait_refusal(self, target, timeout=60):
        """Asks until the function is refused for good; that answer."""
        return self.wait_answer(target, lambda answer: answer.status == 503 and is_settled(answer), "the refusal", timeout)

    # -- its containers

    def containers(self):
        return self.engine.containers_below(self.folder)

    def instances_with_directories(self):
        """The ids of the instances that have directories: one for the socket, and prewarmed ones one for the code. The next
        daemon has a record beside them."""
        return {name.partition(".")[0] for name in os.listdir(os.path.join(self.run_dir, "i"))}

    def memory_dir(self):
        """The folder in memory that instances have their secrets in, whether it is there or not; None before its start."""
        try:
            with open(os.path.join(self.state_dir, "host-id"), encoding="ascii") as file:
                shared = "/dev/shm/berth-" + file.read().strip()
        except FileNotFoundError:
            return None
        own = os.path.join(self.run_dir, "m")
        return own if os.path.isdir(own) else shared

    def instances(self, function):
        """Containers that serve a function, or load it: by the name that says so, which one that was prewarmed gets a
        moment later, or by the log."""
        name = re.compile(rf"berth-{re.escape(function)}-[0-9a-f]+")
        known = {entry["instance"] for entry in self.log.entries(event="instance.state", function=function)}
        return [each for each in self.containers()
                if name.fullmatch(engine.name_of(each)) or each["Labels"].get("berth.instance") in known]

    def prewarmed(self):
        """Containers that no function has been given to."""
        known = {e["instance"] for e in self.log.entries(event=r"instance\.(state|adopted|claimed)") if "function" in e}
        named = [c for c in self.containers() if engine.name_of(c).startswith("berth.")]
        return [c for c in named if c["Labels"].get("berth.instance", "") not in known | {""}]

    def instance(self, function):
        """The one instance of a function: its container."""
        return wait_until(lambda: self.one_instance(function), f"the one instance of {function}", 15)

    def one_instance(self, function):
        """By what the daemon says, which names it: a container gets its function's name a moment after it has begun to
        serve, and one whose instance has ended may still be listed."""
        known = self.admin("GET", f"/berth/functions/{function}")
        listed = known.json()["instance_list"] if known.status == 200 else []
        if len(listed) != 1:
            return None
        name = f"berth-{function}-{listed[0]['instance']}"
        return next((c for c in self.instances(function) if engine.name_of(c) == name), None)

    def wait_no_instance(self, function, timeout=15):
        """Asks the daemon too: one that has just begun to serve may not have its function's name yet."""

        def is_there():
            known = self.admin("GET", f"/system/function/{function}")
            return self.instances(function) or (known.status == 200 and known.json()["replicas"])

        wait_until(lambda: not is_there(), f"no instance of {function}", timeout)

    # -- what must be true afterwards

    def expect_error(self, event, **fields):
        """Says that error lines with this event (a regular expression) and these fields are right."""
        self.expected_errors.append((event, fields))

    def unexpected_errors(self):
        expected = [
            entry
            for event, fields in self.expected_errors
            for entry in self.log.entries(event=event, level="error", **fields)
        ]
        return [entry for entry in self.log.entries(level="error") if entry not in expected]

    def own_files(self):
        """Its open files, those of instances excepted: their connections and the sockets they were dialled on."""
        of_instances = ("instance", f"unix {self.run_dir}/")
        return [file for file in processes.open_files(self.pid) if not file.startswith(of_instances)]

    def open_files_left(self):
        """Open files that neither were there when it was ready nor belong to a live instance."""
        if not self.baseline:
            return []
        instances = len(self.containers())
        connections = [file for file in processes.open_files(self.pid) if file == "instance"]
        if connections and not instances:
            return connections
        files = self.own_files()
        return files if len(files) > self.baseline + ENGINE_CONNECTIONS + instances * CONNECTIONS_PER_INSTANCE else []

    def log_problems(self):
        problems = [f"an error line nobody expected: {entry}" for entry in self.unexpected_errors()]
        return problems + [f"a sanitizer's report: {line}" for line in self.log.sanitizer()]

    def running_problems(self):
        """What is wrong with a running daemon that nobody is using."""
        problems = self.log_problems()
        for left, what in (
            (self.open_files_left, "open files left behind"),
            (
                lambda: [
                    f"{pid} {processes.command_line(pid)}"
                    for pid in processes.children(self.pid)
                    if not processes.is_firewall(pid)
                ],
                "child processes left behind",
            ),
        ):
            try:
                wait_until(lambda: not left(), what, timeout=10)
            except NotReached:
                problems.append(f"{what}: {left()}")
        return problems

    def ended_problems(self):
        """What is left after the daemon has ended."""
        problems = [f"a container left behind: {engine.name_of(c)}" for c in self.containers()]
        strays = processes.belonging(self.process.pid, self.folder)
        if self.memory_dir() and os.path.exists(self.memory_dir()):
            problems.append(f"a folder in memory left behind: {self.memory_dir()}")
        return problems + [f"a process left behind: {stray}" for stray in strays]

    def finish(self):
        """Stops the daemon if it runs, and gives everything that is wrong with it; nothing of it is left."""
        problems = []
        try:
            if self.running:
                problems += self.running_problems()
                status = self.stop()
                problems += [f"berthd ended with status {status}"] if status else []
            if self.process:
                problems += self.ended_problems()
            problems += [problem for problem in self.log_problems() if problem not in problems]
        except NotReached as error:
            problems.append(str(error))
        finally:
            self.discard()
        return problems

    def discard(self):
        """Removes whatever there still is of it."""
        if self.running:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        for stray in processes.belonging(self.process.pid, self.folder) if self.process else []:
            os.kill(int(stray.split()[0]), signal.SIGKILL)
        for container in self.containers():
            self.engine.remove(container["Id"])
        self.last_log = self.log_tail()
        firewall.remove(self)
        shutil.rmtree(self.memory_dir() or "", ignore_errors=True)
        if not os.environ.get("BERTH_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def log_tail(self, count=120):
        """The end of its log; still there after discard()."""
        return "\n".join(self.log.lines()[-count:]) if os.path.exists(self.log.path) else self.last_log
