"""The applications as functions of a daemon, which keeps its state folder from run to run, and their cold starts."""
import contextlib
import time

import measure
from lib import baked, client, engine
from lib.berth import Berth

STATES = measure.ROOT / "build/bench-state"
INSTALL_S = 1800  # what functions depend on is installed when they are deployed for the first time
LIBRARIES_S = 60  # until an instance with a function's libraries waits again, however busy the machine is
LOOK_S = 0.2
PHASES = ("create_ms", "start_ms", "load_ms")


class Deployed(Berth):
    """A daemon with the applications, each a function of its name. `kind` names its state folder."""

    def __init__(self, kind, applications, host, settings, more=None, plugins=None):
        state = STATES / kind
        state.mkdir(parents=True, exist_ok=True)
        functions = {application.name: application.function(settings) for application in applications}
        super().__init__({**functions, **(more or {})}, host, plugins=plugins, state=str(state))
        self.applications = applications
        self.installed = {}  # function: the folder with what was installed for it

    def call(self, application, seconds=120):
        return client.get(self.address, f"/{application.name}{application.path}", seconds, application.body)

    def warm_up(self):
        """Calls each until it has answered: by then all that it needs is built and installed."""
        end = time.monotonic() + INSTALL_S
        for application in self.applications:
            while (answer := self.call(application)).status != 200 and time.monotonic() < end:
                time.sleep(LOOK_S)
            check(application, answer)
            self.installed[application.name] = baked.dependencies_of(self.container_of(application.name))

    def with_libraries(self, name):
        """The instances that wait with what was installed for a function, and for no other. A plain one has all of it, and
        one that does not wait yet is there as well: see wait_idle()."""
        folder = self.installed[name]
        return {entry.rsplit(".", 1)[-1] for container in engine.containers_below(self.folder)
                if any(mount["Source"] == folder for mount in container["Mounts"])
                for entry in container["Names"] if entry.startswith("/berth.")} if folder else set()

    def container_of(self, name):
        """What the engine says of a container of a function, which is called for that until it has one."""
        end = time.monotonic() + INSTALL_S
        while time.monotonic() < end:
            client.get(self.address, f"/{name}", 120)
            for container in engine.containers_below(self.folder):
                if any(entry.startswith(f"/berth-{name}-") for entry in container["Names"]):
                    return engine.inspect(container["Id"])
            time.sleep(LOOK_S)
        raise RuntimeError(f"{name} has no container")

    def servers(self):
        """The folder with the servers that Python applications have where there is no Berth."""
        return baked.dependencies_of(self.container_of(baked.SERVERS))


def check(application, answer):
    """Raises unless it is the application's."""
    if answer.status != 200 or application.answer.encode() not in answer.body:
        raise RuntimeError(f"{application.name} answers {answer.status}: {answer.body[:500]}")


class ColdCalls:
    """Cold starts of one application: its function is called when it has no instance, and `prewarmed` containers wait; None: as
    many as do."""

    def __init__(self, berth, application, prewarmed):
        self.berth, self.application, self.prewarmed = berth, application, prewarmed

    def settle(self):
        self.berth.wait_idle(self.prewarmed)

    def sample(self):
        """Milliseconds: until the answer, until the instance had loaded, the phases of that, and the first run."""
        return self.figures(self.call())

    def call(self):
        answer = self.berth.call(self.application)
        check(self.application, answer)
        if not answer.cold:
            raise RuntimeError(f"{self.application.name} had an instance already")
        return answer

    def figures(self, answer):
        return {"answer": answer.ms, "start": answer.timing["start"], "run": answer.timing["run"], **self.phases()}

    def phases(self):
        """Of the instance that served. It may have been idle for long enough to be gone: then there are none. What came
        before the request is no part of it."""
        with contextlib.suppress(IndexError):
            instance = self.berth.instances(self.application.name)[0]
            passed = PHASES if self.prewarmed == 0 else PHASES[2:]
            return {phase: float(instance[phase]) for phase in passed}
        return {}


class CallsWithLibraries(ColdCalls):
    """The same where an instance waits that has the application's libraries, if it is one of those that the daemon keeps some
    for. A sample says whether it was one of these that served."""

    def __init__(self, berth, application):
        super().__init__(berth, application, None)
        self.has_some = berth.installed[application.name] is not None
        if self.has_some and not self.come():
            self.has_some = False
            print(f"{application.name}: no instance with its libraries was there in {LIBRARIES_S} s")

    def come(self):
        """Whether one waits, or does within that time."""
        end = time.monotonic() + LIBRARIES_S
        while time.monotonic() < end:
            self.settle()
            if self.berth.with_libraries(self.application.name):
                return True
            time.sleep(LOOK_S)
        return False

    def sample(self):
        waiting = self.berth.with_libraries(self.application.name) if self.has_some and self.come() else set()
        answer = self.call()
        return {**self.figures(answer), "had_libraries": answer.served_by in waiting}
