"""Cold starts of the Python hello as a client sees them, on a fresh connection: with a prewarmed instance, with none, of a
hello in each other language with a prewarmed instance, of a container with a web server of its own, and against `docker run`
of the same image and create + start of the same container up to its runner's first dial.

The kinds alternate, one sample each a round, so that noise hits all alike; a sample is only taken when the engine has
nothing else to do. Every cold start is the first call of a function of its own, but for the container: nothing of it is
prewarmed, so that each of its starts is like the first."""
import argparse
import contextlib
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time

import measure
from lib import client, engine, lua, report, samples
from lib.berth import Berth

TARGET_P50_MS, TARGET_P99_MS, TARGET_TIMES, TARGET_ABOVE_MS = 8, 25, 25, 25
SETTINGS = {"idle_timeout": "100ms"}
MODEL = "model"


class FirstCalls:
    """Cold starts of a daemon: each sample calls a function that was never called, or again one that has no instance."""

    def __init__(self, berth, prewarmed, again=None):
        self.berth = berth
        self.prewarmed = prewarmed
        self.names = itertools.repeat(again) if again else (name for name in berth.functions if name != MODEL)

    def settle(self):
        self.berth.wait_idle(self.prewarmed)

    def sample(self):
        name = next(self.names)
        answer = client.get(self.berth.address, f"/{name}")
        if answer.status != 200 or not answer.cold:
            raise RuntimeError(f"{name} answered {answer.status}, cold: {answer.cold}: {answer.body[:300]}")
        instance = self.instance(name)
        passed = ("load_ms",) if self.prewarmed else ("create_ms", "start_ms", "load_ms")  # since the request came
        return {"total": answer.ms, "waited in the host": answer.timing["start"], "first run": answer.timing["run"],
                **{phase: float(instance[phase]) for phase in passed}}

    def instance(self, name):
        """The instance that served: it may have been idle for long enough to be on its way out, not to be gone."""
        return self.berth.instances(name)[0]


class DockerRun:
    """docker run --rm of the runtime image with an instance's limits and a command that ends at once."""

    def __init__(self, image):
        self.command = ["docker", "run", "--rm", "--memory", "256m", "--memory-swap", "256m", "--cpus", "1",
                        "--pids-limit", "512", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true",
                        "--read-only", "--tmpfs", "/tmp", "--user", "10001:10001", "--log-driver", "local", image,
                        "echo", "hello"]

    def settle(self):
        pass

    def sample(self):
        began = time.monotonic()
        subprocess.run(self.command, stdout=subprocess.DEVNULL, check=True)
        return {"total": (time.monotonic() - began) * 1000}


class CreateAndStart:
    """An instance's container made and started by hand, with a socket of our own to dial and pipes for its output."""

    def __init__(self, like):
        """like: what the engine says about an instance that was started with its package mounted."""
        self.folder = tempfile.mkdtemp(prefix="bc-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.settimeout(60)
        self.listener.bind(f"{self.folder}/host.sock")
        os.chmod(f"{self.folder}/host.sock", 0o666)
        self.listener.listen(64)
        self.pipes = [self.make_pipe(name) for name in ("stdout", "stderr")]
        code, secrets = self.make_folder("code"), self.make_folder("secrets")
        host = dict(like["HostConfig"])
        sources = {"/run/berth": self.folder, "/berth/code": code,
                   "/run/secrets": secrets, "/var/openfaas/secrets": secrets}
        host["Mounts"] = [{**mount, "Source": sources.get(mount["Target"], mount["Source"])}
                          for mount in host["Mounts"]]
        keys = ("Image", "Entrypoint", "Cmd", "Env", "User", "Labels", "Healthcheck")
        self.body = {**{key: like["Config"][key] for key in keys}, "HostConfig": host}
        self.body["Labels"] = {}
        self.body["Env"] = [entry for entry in self.body["Env"] if not entry.startswith("BERTH_GATEWAY=")]  # nobody takes it here
        self.engine = engine.Connection()

    def make_folder(self, name):
        os.mkdir(f"{self.folder}/{name}")
        return f"{self.folder}/{name}"

    def make_pipe(self, name):
        """Open for as long as this lives, as the daemon holds it: a first process waits for nobody at its other end."""
        path = f"{self.folder}/{name}"
        os.mkfifo(path)
        os.chmod(path, 0o622)
        return os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def settle(self):
        pass

    def sample(self):
        began = time.monotonic()
        identity = self.engine.call("POST", "/containers/create", self.body)["Id"]
        try:
            created = time.monotonic()
            self.engine.call("POST", f"/containers/{identity}/start")
            self.listener.accept()[0].close()
            ended = time.monotonic()
        finally:
            engine.remove(identity)
        return {"total": (ended - began) * 1000, "create_ms": (created - began) * 1000,
                "start_ms": (ended - created) * 1000}

    def close(self):
        self.listener.close()
        for pipe in self.pipes:
            os.close(pipe)
        shutil.rmtree(self.folder, ignore_errors=True)


def inspect_instance(berth, name):
    """What the engine says about the container of a function, which is called for that."""
    client.get(berth.address, f"/{name}")
    for container in engine.containers_below(berth.folder):
        if any(entry.startswith(f"/berth-{name}-") for entry in container["Names"]):
            return engine.inspect(container["Id"])
    raise RuntimeError(f"{name} has no container")


def measure_all(kinds, count):
    results = {title: [] for title in kinds}
    for number in range(count):
        for title, kind in kinds.items():
            for other in kinds.values():
                other.settle()
            results[title].append(kind.sample())
        report.progress(f"{number + 1} of {count} rounds")
    return results


def totals(results, title):
    return [sample["total"] for sample in results[title]]


def show(results):
    rows = []
    for title, found in results.items():
        for key in found[0]:
            rows.append([title if key == "total" else f"    {key}",
                         *report.cells([sample[key] for sample in found])])
    measure.print_table(["ms", *report.COLUMNS], rows)


def targets(results):
    prewarmed, alone = totals(results, "prewarmed"), totals(results, "create + start")
    run, direct = totals(results, "docker run"), totals(results, "nothing prewarmed")
    p50 = report.percentile(prewarmed, 0.5)
    return [
        report.verdict("prewarmed, p50 ms", p50, TARGET_P50_MS),
        report.verdict("prewarmed, p99 ms", report.percentile(prewarmed, 0.99), TARGET_P99_MS),
        report.verdict("docker run / prewarmed, p50", report.percentile(run, 0.5) / p50, TARGET_TIMES, most=False),
        report.verdict("nothing prewarmed above create + start, p50 ms",
                       report.percentile(direct, 0.5) - report.percentile(alone, 0.5), TARGET_ABOVE_MS),
    ]


def main(arguments):
    parser = argparse.ArgumentParser(prog="bench/run cold", description=__doc__)
    parser.add_argument("--samples", type=int, default=100, help="cold starts of each kind")
    parser.add_argument("--only-prewarmed", action="store_true", help="leave the other kinds out")
    options = parser.parse_args(arguments)
    before = report.machine()
    functions = {f"hello-{number}": (samples.HELLO, SETTINGS) for number in range(options.samples)}
    with Berth(functions, {"prewarm": 2}) as warm:
        if options.only_prewarmed:
            results = measure_all({"prewarmed": FirstCalls(warm, 2)}, options.samples)
        else:
            results = with_others(warm, functions, options.samples)
    report.note(before)
    show(results)
    met = [] if options.only_prewarmed else targets(results)
    distributions = {title: {key: report.distribution([sample[key] for sample in found]) for key in found[0]}
                     for title, found in results.items()}
    report.write("cold", {"machine": before, "samples": options.samples, "ms": distributions, "targets": met,
                          "all": results})


def of_language(language, files, count):
    """As many functions as there are samples, in a language that is not Python."""
    return {f"hello-{number}": (files, {**SETTINGS, "programing_language": language}) for number in range(count)}


def container():
    """The function with a Dockerfile, whose image is built by the time that it has answered."""
    settings = {**SETTINGS, "programing_language": "container", "base_function_file_name": None}
    return {MODEL: (samples.CONTAINER_HELLO, settings)}


def with_others(warm, functions, count):
    """All kinds: further daemons have nothing prewarmed, or functions in another language."""
    prewarm, none = {"prewarm": 2}, {"prewarm": 0}
    with contextlib.ExitStack() as stack:
        def start(*arguments, **options):
            return stack.enter_context(Berth(*arguments, **options))

        plugins = lua.build(stack.enter_context(tempfile.TemporaryDirectory(prefix="bl-")))
        bare = start({**functions, MODEL: (samples.HELLO, {"idle_timeout": "5s"})}, none)
        node = start(of_language("node", {"index.js": samples.NODE_HELLO}, count), prewarm)
        of_lua = start(of_language("lua", {"handler.lua": samples.LUA_HELLO}, count), prewarm, plugins=plugins)
        shell = start(of_language("shell", {"hello.sh": samples.SHELL_HELLO}, count), prewarm)
        stack.callback(engine.remove_images, f"berth-function-{MODEL}")
        own = start(container(), none)
        client.get(own.address, f"/{MODEL}")
        like = inspect_instance(bare, MODEL)
        by_hand = stack.enter_context(contextlib.closing(CreateAndStart(like)))
        return measure_all({"prewarmed": FirstCalls(warm, 2), "nothing prewarmed": FirstCalls(bare, 0),
                            "prewarmed, Node.js": FirstCalls(node, 2), "prewarmed, Lua": FirstCalls(of_lua, 2),
                            "prewarmed, shell": FirstCalls(shell, 2), "container": FirstCalls(own, 0, MODEL),
                            "docker run": DockerRun(like["Config"]["Image"]), "create + start": by_hand}, count)
