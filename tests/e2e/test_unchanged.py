"""What has not changed costs no build job and stays as it is: at a reload, and at a start on a state directory that knows
the functions. Counted, not timed."""

import os

import pytest
from harness.functions import HELLO
from harness.wait import wait_until

MANY = 1000


@pytest.fixture(name="berth")
def berth_fixture(berth):
    """A daemon that tells of every build job."""
    berth.host.update(log_level="debug", prewarm=0)
    return berth


def jobs(berth):
    """[function] of all build jobs so far that looked at one."""
    return [entry["function"] for entry in berth.log.entries("build.job") if entry.get("function")]


def revisions(berth):
    """{function: (revision, instances)} of all that there are."""
    return {
        function["name"]: (function["berth"]["revision"], [i["instance"] for i in function["berth"]["instances"]])
        for function in berth.admin("GET", "/system/functions").json()
    }


def is_well(berth):
    """Whether nothing is being tried again, as what the machine's load has made fail is."""
    found = berth.admin("GET", "/system/functions").json()
    return all(f["berth"]["state"] == "active" and f["berth"]["problem"] is None for f in found)


@pytest.mark.limit(900)
def test_one_of_many_is_edited_and_all_are_known_to_the_next_daemon(berth):
    for number in range(MANY):
        folder = f"f{number}"
        berth.write_files(os.path.join("functions", folder), {"main.sh": f"#!/bin/sh\necho {number}\n"})
        berth.functions[folder] = {
            "configuration": {"language": "shell", "file": "main.sh", "idle_timeout": "10m"}
        }
    berth.write_config()
    berth.start(timeout=600)
    wait_until(lambda: is_well(berth), "every function to be well", 120)
    assert berth.get("/f7").text == "7\n"
    before = revisions(berth)
    assert len(before) == MANY and len(before["f7"][1]) == 1
    count = len(jobs(berth))

    berth.write_files("functions/f500", {"main.sh": "#!/bin/sh\necho edited\n"})
    berth.apply()
    berth.wait_answer("/f500", lambda answer: answer.text == "edited\n", "the edited function", 60)
    assert jobs(berth)[count:] == ["f500"]
    after = revisions(berth)
    assert after.pop("f500")[0] != before.pop("f500")[0]
    assert after == before
    assert [entry["deployed"] for entry in berth.log.entries("config.applied")] == [str(MANY), "1"]

    count = len(jobs(berth))
    berth.stop()
    berth.start(timeout=120)
    assert berth.get("/f500").text == "edited\n"
    assert jobs(berth)[count:] == []
    looks = berth.counter(r'berth_docker_calls_total\{call="inspect image"\}')
    assert looks < MANY / 10, "functions of a language look at its image together"
    assert {name: revision for name, (revision, _) in revisions(berth).items() if name != "f500"} == {
        name: revision for name, (revision, _) in before.items()
    }


def test_record_that_is_damaged_costs_a_job_and_a_line(berth):
    for name in ("whole", "cut"):
        berth.write_function(name, HELLO)
    berth.start()
    berth.stop()
    path = os.path.join(berth.state_dir, "prepared", "cut")
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) // 2)
    count = len(jobs(berth))
    berth.start()
    assert berth.get("/cut").text == berth.get("/whole").text == "hello"
    assert jobs(berth)[count:] == ["cut"]
    (told,) = berth.log.entries("prepared.unreadable")
    assert told["function"] == "cut"
    berth.stop()
    berth.start()
    assert jobs(berth)[count:] == ["cut"]


def test_edit_while_no_daemon_runs_is_served(berth):
    for name in ("edited", "other"):
        berth.write_function(name, HELLO)
    berth.start()
    berth.stop()
    count = len(jobs(berth))
    berth.write_function("edited", 'def handle(request):\n    return "edited"\n')
    berth.start()
    assert berth.get("/edited").text == "edited"
    assert berth.get("/other").text == "hello"
    assert jobs(berth)[count:] == ["edited"]


def test_every_edit_is_served_however_fast_they_come(berth):
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    for number in range(10, 15):
        berth.write_function("hello", f'def handle(request):\n    return "{number}"\n', idle_timeout=60)
        berth.apply()
        berth.wait_answer("/hello", lambda answer, n=number: answer.text == str(n), f"edit {number}", 60)


def test_function_that_failed_is_tried_again(berth):
    berth.expect_error(".*", function="hello")
    berth.write_function("hello", "def handle(request:\n")
    berth.start()
    count = len(jobs(berth))
    berth.apply()
    wait_until(lambda: jobs(berth)[count:] == ["hello"], "another job", 60)


def test_place_of_a_finding_follows_the_registry(berth):
    berth.write_function("hello", "import nothere\n" + HELLO.replace("\n    ", "\n").lstrip(), timeout=60)
    berth.start()

    def lines():
        return [
            (item["file"].rsplit("/", 1)[1], item["line"])
            for item in berth.admin("GET", "/system/function/hello").json()["berth"]["diagnostics"]
        ]

    before, count = lines(), len(jobs(berth))
    assert before
    berth.host["drain_timeout"] = "29s"
    berth.apply()
    assert jobs(berth)[count:] == []
    moved = [(name, line + 1 if name.endswith(".yml") else line) for name, line in before]
    assert lines() == moved
