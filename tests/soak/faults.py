"""What is done to a daemon and its containers while it is used. Each returns when its effect has ended."""

import contextlib
import datetime
import os
import random
import signal
import time

import serves
from harness import processes
from harness.engine import EngineError, name_of
from harness.wait import wait_until

EFFECT_S = 60
START_S = 120
ENGINE_STOP_S = 3


class Faults:
    def __init__(self, berth, ledger, engine_is_own):
        self.berth = berth
        self.ledger = ledger
        self.edition = 0
        self.skipped = set()
        self.engine_is_own = engine_is_own

    # -- containers and what runs in them

    def an_instance(self, function):
        """One of a function's instances that are ready: its container, inspected; None: there is none just now."""
        told = self.berth.admin("GET", f"/berth/functions/{function}/instances")
        ready = {each["instance"] for each in told.json() if each["state"] == "ready"} if told.status == 200 else set()
        for container in self.berth.containers():
            if name_of(container).rpartition("-")[2] in ready:
                with contextlib.suppress(EngineError):
                    return self.berth.engine.inspect(container["Id"])
        return None

    def harm(self, name, function, harm, outcomes=()):
        """Has it done to one instance of the function, and waits until its container is gone."""
        seen = self.an_instance(function)
        if not seen:
            return
        with self.ledger.fault(name, function, outcomes):
            try:
                harm(seen)
            except (EngineError, ProcessLookupError):
                return  # it went by itself meanwhile
            wait_until(lambda: not self.berth.engine.exists(seen["Id"]), "the container to go", EFFECT_S)

    def kill_container(self):
        self.harm("container killed", "victim", lambda seen: self.berth.engine.kill(seen["Id"]))

    def remove_container(self):
        self.harm("container removed", "victim", lambda seen: self.berth.engine.remove(seen["Id"]))

    def kill_runner(self):
        """What PID 1 of the container has started."""

        def kill(seen):
            for pid in processes.children(seen["State"]["Pid"]) or [seen["State"]["Pid"]]:
                os.kill(pid, signal.SIGKILL)

        self.harm("runner killed", random.choice(("victim", "shelly")), kill)

    def stop_container(self):
        """Nothing in it goes on: requests in it come to their `timeout`, and it is replaced."""
        self.harm("container stopped", "frozen", self.freeze, ("502", "503", "504"))

    def freeze(self, seen):
        """Goes on asking, so that it is noticed."""
        self.berth.engine.pause(seen["Id"])
        deadline = time.monotonic() + EFFECT_S
        while time.monotonic() < deadline and self.berth.engine.exists(seen["Id"]):
            self.answer("/frozen")

    # -- edits, which nobody may notice

    def edit(self):
        self.edition += 1
        text = serves.edited(self.edition)
        path = os.path.join(self.berth.project, "functions", "edited", "edited.py")
        with self.ledger.fault("function edited", "no function"):
            with open(path + ".new", "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(path + ".new", path)
            self.berth.reload()
            wanted = f"edition {self.edition}"
            wait_until(lambda: self.answer("/edited") == wanted, f"{wanted}", EFFECT_S)

    def change_settings(self):
        """A new revision of a function that is used all the time."""
        with self.ledger.fault("settings changed", "no function"):
            self.berth.configure("quick", environment={"EDITION": str(random.randrange(10**9))})
            self.berth.apply()

    def restart_function(self):
        with self.ledger.fault("function restarted", "no function"):
            self.berth.admin("POST", "/berth/functions/kept/restart")

    def answer(self, target):
        with self.ledger.request("probe", target.strip("/")) as request:
            try:
                answer = self.berth.get(target)
                request.outcome = "ok" if answer.status == 200 else str(answer.status)
                return answer.text
            except OSError as error:
                request.outcome = type(error).__name__
                return None

    # -- the daemon

    def restart(self):
        with self.ledger.ending("daemon restarted") as ending:
            status = self.berth.stop()
            assert status == 0, f"the daemon ended with status {status}"
            self.start_again(ending)

    def crash(self):
        with self.ledger.ending("daemon killed") as ending:
            self.berth.kill()
            self.start_again(ending)

    def release(self):
        """It ends and leaves the instances to the next one."""
        with self.ledger.ending("daemon released its instances") as ending:
            self.berth.signal(signal.SIGUSR1)
            status = self.berth.wait_end()
            assert status == 0, f"the daemon ended with status {status}"
            self.start_again(ending)

    def start_again(self, ending):
        self.berth.start(timeout=START_S)
        told = datetime.datetime.fromisoformat(self.berth.log.entries("daemon.listening")[-1]["time"])
        ending.listening = time.monotonic() - (time.time() - told.timestamp())

    def upgrade(self):
        """Nobody may notice."""
        with self.ledger.fault("daemon upgraded", "no function"):
            before = self.berth.upgrade()[1]
            status = before.wait(START_S)
            assert status == 0, f"the daemon before ended with status {status}"

    # -- the engine, where it is ours alone

    def stop_engine(self):
        """It does not answer for a while. Who needs no new container does not notice."""
        own = self.berth.engine
        with self.ledger.fault("engine stopped", outcomes=("502", "503", "504")):
            own.process.send_signal(signal.SIGSTOP)
            try:
                time.sleep(ENGINE_STOP_S)
            finally:
                own.process.send_signal(signal.SIGCONT)
            wait_until(own.answers, "the engine to answer", EFFECT_S)

    # -- in which order

    def small(self):
        """Those that a daemon outlives."""
        chosen = [self.kill_container, self.edit, self.kill_runner, self.change_settings, self.remove_container,
                  self.restart_function, self.stop_container]
        return chosen + [self.stop_engine] if self.engine_is_own else chosen

    def large(self):
        """Those that end a daemon."""
        upgrades = [self.upgrade] if hasattr(self.berth, "upgrade") else []
        return [self.crash, *upgrades, self.restart, *upgrades, self.release, self.crash, *upgrades]
