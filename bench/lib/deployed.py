"""The applications as functions of a daemon, which keeps its state folder from run to run, and their cold starts."""
import contextlib
import time

import measure
from lib import baked, client, engine
from lib.berth import IDLE_S, Berth

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
        self.kept = set()  # functions with an instance that was tried and waits for its first request

    def update(self):
        new = super().update()
        self.kept |= {event["function"] for event in new if event["event"] == "trial.kept"}
        return new

    def wait_idle(self, prewarmed=None):
        """As of any daemon; an instance that would wait for long for a request is given one."""
        paths = {application.name: application.path for application in self.applications}
        while True:
            self.wait(lambda: self.kept or self.is_idle(prewarmed), "prewarmed instances and no other", IDLE_S)
            if not self.kept:
                return
            name = self.kept.pop()
            client.get(self.address, f"/{name}{paths.get(name, '')}", 120)

    def call(self, application, seconds=120):
        return client.get(self.address, f"/{application.name}{application.path}", seconds, application.body)

    def warm_up(self):
        """Calls each until it has answered: by then all that it needs is built and installed."""
        end = time.monotonic() + INSTALL_S
        for application in self.applications:
            while (answer := self.call(application)).status != 200 and time.monotonic() < end:
                time.sleep(LOOK_S)
            check(application, answer)

    def waiting_with(self, installed):
        """The prewarmed instances that have only this folder of what is installed, as those with libraries do. One that does
        not wait yet is among them: see wait_idle()."""
        return {entry.rsplit(".", 1)[-1] for container in engine.containers_below(self.folder)
                if any(mount["Source"] == installed for mount in container["Mounts"])
                for entry in container["Names"] if entry.startswith("/berth.")}

    def container_that_served(self, answer):
        """What the engine says of it; None: it is gone already. Its name may still be that of one which waits."""
        for container in engine.containers_below(self.folder):
            if container["Labels"].get("berth.instance") == answer.served_by:
                with contextlib.suppress(RuntimeError):
                    return engine.inspect(container["Id"])
        return None

    def container_of(self, name):
        """What the engine says of a container of a function, which is called for that until it has one."""
        end = time.monotonic() + INSTALL_S
        while time.monotonic() < end:
            if container := self.container_that_served(client.get(self.address, f"/{name}", 120)):
                return container
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
    """The same where an instance waits that has the application's libraries. A sample says whether it was such a one that
    served."""

    def __init__(self, berth, application):
        super().__init__(berth, application, None)
        self.installed = self.learn() if application.has_libraries else None
        if application.has_libraries and not self.installed:
            print(f"{application.name}: no instance with its libraries was there in {LIBRARIES_S} s")

    def learn(self):
        """The folder with the libraries, once an instance has served that had them before; None: none did."""
        end = time.monotonic() + LIBRARIES_S
        while time.monotonic() < end:
            self.settle()
            container = self.berth.container_that_served(self.call())
            if container and "BERTH_PREWARMED=1" in container["Config"]["Env"]:
                if installed := baked.dependencies_of(container):
                    return installed
            time.sleep(LOOK_S)
        return None

    def wait_for_libraries(self):
        """The instances that wait with them, of which there is one, unless it does not come in time."""
        end = time.monotonic() + LIBRARIES_S
        while self.installed and time.monotonic() < end:
            self.settle()
            if waiting := self.berth.waiting_with(self.installed):
                return waiting
            time.sleep(LOOK_S)
        return set()

    def sample(self):
        waiting = self.wait_for_libraries()
        answer = self.call()
        return {**self.figures(answer), "had_libraries": answer.served_by in waiting}
