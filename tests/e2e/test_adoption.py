"""A daemon that was killed, or has left its instances, and the next one: it goes on with them."""

import os
import shutil
import signal
import threading
import time

from harness import engine, secret
from harness.cli import Cli
from harness.functions import HELLO, SHELL_HELLO
from harness.later import accept, wait_state
from harness.servers import write_server
from harness.wait import stays, wait_until

# How often this process was asked, and what it is.
COUNTS = """
    import os
    seen = 0

    def handle(request):
        global seen
        seen += 1
        return {"seen": seen, "version": 1}
"""

# Writes a number every few milliseconds, whether or not it is asked, once it was.
TICKS = """
    import threading
    import time

    def tick():
        for number in range(1000000):
            print("tick", number, flush=True)
            time.sleep(0.02)

    threading.Thread(target=tick, daemon=True).start()

    def handle(request):
        return "ticks"
"""

# One at a time, as long as ?s= says, and whether another was there meanwhile.
ALONE = """
    import time
    busy = 0
    most = 0
    seen = 0

    def handle(request):
        global busy, most, seen
        busy += 1
        seen += 1
        most = max(most, busy)
        print("at work", seen, flush=True)
        time.sleep(float(request.query_params.get("s", "0")))
        busy -= 1
        return {"most": most, "seen": seen}
"""

CALLER = """
    import os
    import urllib.request

    def handle(request):
        with urllib.request.urlopen(os.environ["BERTH_GATEWAY"] + "/counts", timeout=60) as answer:
            return answer.read().decode()
"""


def adopted(berth):
    """The instances that a daemon has gone on with, by their function or None."""
    return {entry["instance"]: entry.get("function") for entry in berth.log.entries(event="instance.adopted")}


def serve(berth, names):
    """Functions that are all alike, each with an instance."""
    for name in names:
        berth.write_function(name, COUNTS, idle_timeout=600)
    berth.start()
    for name in names:
        assert berth.get(f"/{name}").status == 200


def ids(berth, *functions):
    return {function: berth.instance(function)["Id"] for function in functions}


def wait_prewarmed(berth):
    """One of each language; another may be on its way until they are all there."""
    def is_waiting():
        states = berth.log.entries(event="instance.state", to="prewarmed")
        found = berth.prewarmed()
        names = [engine.name_of(c).rsplit(".", 1)[1] for c in found]
        languages = {c["Labels"]["berth.runtime"] for c in found}
        ready = languages == {"python", "shell"} and all(any(s["instance"] == n for s in states) for n in names)
        return found if ready else None

    return wait_until(is_waiting, "a prewarmed instance of each language", 30)


def records(berth):
    folder = os.path.join(berth.run_dir, "i")
    return [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".record")]


def wait_records(berth, count):
    wait_until(lambda: len(records(berth)) == count, f"{count} records", 20)


def first_answer(berth, target):
    """Asks from the start of a daemon on until somebody listens; the answer and how long that took."""
    began = time.monotonic()
    while True:
        try:
            return berth.get(target), time.monotonic() - began
        except OSError:
            assert berth.running
            assert time.monotonic() - began < 60


def ticks(berth):
    lines = [e["text"].split() for e in berth.log.entries(event="function.output", function="ticks")]
    return [int(line[1]) for line in lines if line[0] == "tick"]


def wait_at_work(berth, number):
    """Until ALONE itself says that it has begun with so many: that a slot is busy comes before it has the request."""
    text = f"at work {number}"
    wait_until(lambda: [e for e in berth.log.entries(event="function.output", function="alone") if e["text"] == text],
               f"request {number} to be at work")


def test_killed_daemon_is_followed_by_one_that_serves_with_the_same_containers(berth):
    """In every language and with everything that an instance has."""
    secret.key_file(berth)
    cli = Cli(berth)
    value = secret.new_value()
    berth.write_function("counts", COUNTS, idle_timeout=600)
    berth.write_function("caller", CALLER, idle_timeout=600)
    berth.write_function("ticks", TICKS, idle_timeout=600)
    berth.write_function("hidden", secret.PYTHON, idle_timeout=600, **secret.USES)
    berth.write_function("script", SHELL_HELLO, language="shell", idle_timeout=600)
    write_server(berth, "web", idle_timeout=600)
    berth.start()
    cli.run("secret", "set", "token", stdin=value)
    served = ("counts", "caller", "ticks", "hidden", "script", "web")
    for name in served:
        berth.wait_answer(f"/{name}", lambda answer: answer.status == 200, f"an answer of {name}")
    web = berth.get("/web").text
    before = ids(berth, *served)
    waiting = {c["Id"] for c in wait_prewarmed(berth)}
    seen = berth.get("/counts").json()["seen"]
    wait_records(berth, len(served) + len(waiting))

    berth.kill()
    said = ticks(berth)[-1]
    berth.start(ready=False)
    answer, took = first_answer(berth, "/counts")
    print(f"first answer {took:.3f} s after the start")
    assert answer.json()["seen"] == seen + 1
    berth.wait_ready()

    assert berth.get("/caller").text == f'{{"seen":{seen + 2},"version":1}}'
    assert berth.get("/hidden").json()["variable"] == secret.digest(value)
    assert berth.get("/script").text == "hello\n"
    assert berth.get("/web").text == web
    assert ids(berth, *served) == before
    assert {c["Id"] for c in berth.prewarmed()} == waiting
    assert set(adopted(berth).values()) == {*served, None}
    wait_until(lambda: ticks(berth)[-1] > said + 50, "what was written since to be in the log")
    assert ticks(berth) == list(range(len(ticks(berth)))), "a line is missing or is there twice"

    # A prewarmed one that was adopted becomes a function's.
    berth.write_function("late", COUNTS, idle_timeout=600)
    berth.apply()
    assert berth.wait_settled("/late", "its first answer").json()["seen"] == 1
    assert berth.instance("late")["Id"] in waiting

    # And once more, from one that has itself adopted them.
    berth.kill()
    berth.start()
    assert berth.get("/counts").json()["seen"] == seen + 3
    assert berth.get("/caller").text == f'{{"seen":{seen + 4},"version":1}}'
    assert ids(berth, *served) == before


def test_daemon_that_leaves_its_instances_finishes_what_is_under_way(berth):
    berth.write_function("alone", ALONE, idle_timeout=600, concurrency=1)
    berth.start()
    assert berth.get("/alone").status == 200
    before = ids(berth, "alone")
    answers = []
    asking = threading.Thread(target=lambda: answers.append(berth.get("/alone?s=1")))
    asking.start()
    wait_at_work(berth, 2)
    berth.signal(signal.SIGUSR1)
    assert berth.wait_end() == 0
    asking.join()
    assert answers[0].json()["seen"] == 2
    assert engine.exists(before["alone"])
    berth.start()
    assert berth.get("/alone").json() == {"most": 1, "seen": 3}
    assert ids(berth, "alone") == before
    # SIGTERM removes everything, what was adopted too.
    assert berth.stop() == 0
    assert berth.containers() == []
    assert os.listdir(os.path.join(berth.run_dir, "i")) == []


def test_what_has_changed_meanwhile_is_replaced(berth):
    """As in a reload: its code, a setting; what is broken serves as before, what is no more goes."""
    names = ("same", "code", "setting", "broken", "removed")
    serve(berth, names)
    before = ids(berth, *names)
    wait_until(lambda: len(records(berth)) >= len(names), "records", 20)
    berth.kill()

    berth.write_function("code", COUNTS.replace('"version": 1', '"version": 2'), idle_timeout=600)
    berth.configure("setting", environment={"A": "b"})
    berth.write_function("broken", "def handle(:\n", idle_timeout=600)
    del berth.functions["removed"]
    berth.write_config()
    berth.start(ready=False)
    first_answer(berth, "/same")

    assert berth.get("/code").status == 200
    berth.wait_answer("/code", lambda answer: answer.json()["version"] == 2, "the new code")
    berth.wait_answer(
        "/setting",
        lambda answer: answer.status == 200 and ids(berth, "setting") != {"setting": before["setting"]},
        "another instance of setting",
    )
    assert berth.get("/broken").json()["seen"] > 1
    assert berth.get("/removed").status == 404
    wait_until(lambda: not berth.instances("removed"), "what nobody serves any more to go", 20)
    after = ids(berth, "same", "code", "broken")
    assert after["same"] == before["same"] and after["broken"] == before["broken"]
    assert after["code"] != before["code"]
    for name in ("code", "setting"):
        wait_until(lambda name=name: not engine.exists(before[name]), f"the old instance of {name} to go", 20)


def test_secret_that_has_another_value_meanwhile_is_given_to_another_instance(berth):
    """The folder of secrets is put back from a copy while there is no daemon."""
    secret.key_file(berth)
    cli = Cli(berth)
    folder = os.path.join(berth.state_dir, "secrets")
    former = os.path.join(berth.folder, "former")
    one, two = secret.new_value(), secret.new_value()

    def wait_seen(value):
        def sees(answer):
            return answer.status == 200 and answer.json()["variable"] == secret.digest(value)

        berth.wait_answer("/hidden", sees, "the value", 60)

    berth.write_function("hidden", secret.PYTHON, idle_timeout=600, **secret.USES)
    berth.start()
    cli.run("secret", "set", "token", stdin=one)
    wait_seen(one)
    shutil.copytree(folder, former)
    cli.run("secret", "set", "token", stdin=two)
    wait_seen(two)
    before = ids(berth, "hidden")
    berth.kill()
    shutil.rmtree(folder)
    shutil.move(former, folder)
    berth.start()
    seen = berth.get("/hidden").json()
    assert seen["variable"] == seen["file"] == secret.digest(one)
    wait_until(lambda: not engine.exists(before["hidden"]), "the instance with the other value to go", 20)


def test_instance_that_was_at_work_is_left_to_it(berth):
    """Neither removed nor given a second request, nor is there another beside it."""
    berth.write_function("alone", ALONE, idle_timeout=600, concurrency=1, max_scale=1, timeout=120, queue_timeout=60)
    berth.start()
    assert berth.get("/alone").status == 200
    before = ids(berth, "alone")
    lost = []

    def ask():
        try:
            lost.append(berth.get("/alone?s=4").status)
        except OSError as error:
            lost.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    wait_at_work(berth, 2)
    berth.kill()
    asking.join()
    assert isinstance(lost[0], OSError)
    berth.start()
    assert berth.get("/alone", timeout=110).json() == {"most": 1, "seen": 3}
    assert ids(berth, "alone") == before


def test_calls_that_are_done_later_go_on(berth):
    berth.write_function("alone", ALONE, idle_timeout=600, concurrency=1, async_concurrency=1)
    berth.start()
    assert berth.get("/alone").status == 200
    before = ids(berth, "alone")
    calls = [accept(berth, "alone?s=0.5") for _ in range(4)]
    wait_state(berth, calls[0], "running", "done")
    berth.kill()
    berth.start()
    for call in calls:
        wait_state(berth, call, "done")
    assert ids(berth, "alone") == before


def test_what_cannot_be_gone_on_with_is_replaced(berth):
    """A container that has ended, one that has gone, one whose record is damaged, and folders of nobody."""
    names = ("ended", "gone", "damaged", "whole")
    serve(berth, names)
    before = ids(berth, *names)
    wait_until(lambda: len(records(berth)) >= len(names), "records", 20)
    instance = {name: engine.name_of(berth.instance(name)).rsplit("-", 1)[1] for name in names}
    berth.kill()

    engine.kill(before["ended"])
    engine.remove(before["gone"])
    folder = os.path.join(berth.run_dir, "i")
    record = os.path.join(folder, instance["damaged"] + ".record")
    with open(record, "r+b") as file:
        file.truncate(100)
    os.makedirs(os.path.join(folder, "0123456789ab"))
    os.makedirs(os.path.join(folder, "0123456789ab.code", "deep"))
    with open(os.path.join(folder, "cccccccccccc.record"), "wb") as file:
        file.write(os.urandom(1000))
    berth.start()

    for name in names:
        assert berth.get(f"/{name}").json()["seen"] == (2 if name == "whole" else 1), name
    assert ids(berth, "whole")["whole"] == before["whole"]
    wait_until(lambda: not engine.exists(before["damaged"]) and not engine.exists(before["ended"]), "the rest to go", 20)
    assert berth.log.entries(event="instance.record-unusable", instance=instance["damaged"])
    known = {engine.name_of(c).replace(".", "-").rsplit("-", 1)[1] for c in berth.containers()}
    wait_until(
        lambda: {name.split(".")[0] for name in os.listdir(folder)} <= {*known, *running_ids(berth)},
        "folders of nobody to go",
    )


def running_ids(berth):
    return {engine.name_of(c).replace(".", "-").rsplit("-", 1)[1] for c in berth.containers()}


def test_no_more_are_taken_over_than_there_may_be_now(berth):
    berth.host["prewarm"] = 0
    berth.write_function("alone", ALONE, idle_timeout=600, concurrency=1, min_scale=3, max_scale=3)
    berth.start()
    wait_until(lambda: len(records(berth)) == 3, "three instances", 60)
    before = {c["Id"] for c in berth.instances("alone")}
    berth.kill()
    berth.host["max_instances"] = 1
    berth.configure("alone", min_scale=0)
    berth.write_config()
    berth.start()
    assert berth.get("/alone").status == 200
    wait_until(lambda: len(berth.instances("alone")) == 1, "the others to go", 30)
    assert {c["Id"] for c in berth.instances("alone")} < before


def test_two_daemons_keep_to_their_own(make_berth):
    one, two = make_berth(), make_berth()
    for berth in (one, two):
        berth.write_function("counts", COUNTS, idle_timeout=600)
        berth.host["prewarm"] = 0
        berth.start()
        assert berth.get("/counts").json()["seen"] == 1
    before = [ids(berth, "counts") for berth in (one, two)]
    one.kill()
    one.start()
    assert one.get("/counts").json()["seen"] == 2
    two.kill()
    two.start()
    assert two.get("/counts").json()["seen"] == 2
    assert [ids(berth, "counts") for berth in (one, two)] == before


def test_after_a_reboot_every_function_answers(berth):
    """Nothing is left but the state directory."""
    berth.write_function("counts", COUNTS, idle_timeout=600)
    berth.write_function("script", SHELL_HELLO, language="shell", idle_timeout=600)
    berth.start()
    for name in ("counts", "script"):
        assert berth.get(f"/{name}").status == 200
    berth.kill()
    for container in berth.containers():
        engine.remove(container["Id"])
    shutil.rmtree(berth.run_dir)
    shutil.rmtree(berth.memory_dir(), ignore_errors=True)
    berth.start()
    assert berth.get("/counts").json()["seen"] == 1
    assert berth.get("/script").text == "hello\n"
    assert not adopted(berth)


def test_only_what_is_in_flight_is_lost_by_a_kill(berth):
    """Five times, with somebody who asks all the time and tries again when nobody listens."""
    berth.write_function("hello", HELLO, idle_timeout=600)
    berth.start()
    assert berth.get("/hello").status == 200
    before = ids(berth, "hello")
    ended = threading.Event()
    outcomes = []

    def ask():
        while not ended.is_set():
            asked = berth.process
            try:
                outcomes.append(berth.get("/hello").status)
            except ConnectionRefusedError:
                ended.wait(0.005)
            except OSError:
                outcomes.append("cut")
                asked.wait()  # what is ending is not asked again

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for thread in asking:
        thread.start()
    for _ in range(5):
        count = len(outcomes)
        wait_until(lambda count=count: len(outcomes) > count + 20, "answers")
        berth.kill()
        berth.start()
    count = len(outcomes)
    wait_until(lambda: len(outcomes) > count + 20, "answers after the last")
    ended.set()
    for thread in asking:
        thread.join()
    assert set(outcomes) <= {200, "cut"}
    assert outcomes.count("cut") <= 5 * len(asking)
    assert ids(berth, "hello") == before
    assert stays(lambda: not berth.log.entries(event="instance.failed"), 0.2)
