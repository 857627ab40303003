"""The revisions that have served are kept: listed, counted, and gone back to."""

import os
import shutil
import threading

import pytest
from harness.functions import HELLO
from harness.revisions import deploy, go_back, history, records, rollback, says, serve, view
from harness.wait import wait_until


FAILS_WITH_QUERY = """
    def handle(request):
        if request.url.query:
            raise RuntimeError("no")
        return "two"
"""


@pytest.fixture(name="berth")
def berth_fixture(berth):
    """A daemon that tells of every build job."""
    berth.host.update(log_level="debug")
    return berth


def jobs(berth):
    return [entry["function"] for entry in berth.log.entries("build.job") if entry.get("function")]


def packages(berth):
    return set(os.listdir(os.path.join(berth.state_dir, "packages")))


def start_with(berth, *texts, **settings):
    """A daemon whose function `hello` has been deployed with each of the texts; their revisions."""
    berth.write_function("hello", says(texts[0]), **settings)
    berth.start()
    return [serve(berth, text=texts[0])] + [deploy(berth, text, **settings) for text in texts[1:]]


def test_history_tells_what_changed_and_how_they_did(berth):
    first, = start_with(berth, "one")
    berth.write_files("functions/hello", {"data.txt": "1\n"})
    berth.write_function("hello", FAILS_WITH_QUERY, memory="128Mi", environment={"A": "1"})
    berth.apply()
    second = serve(berth, text="two")
    for _ in range(3):
        assert berth.get("/hello?fail").status == 500
    wait_until(lambda: history(berth)[0]["errors"] == 3, "the failed requests to be counted", 60)
    newest, oldest = history(berth)
    assert (newest["revision"], newest["state"], oldest["revision"], oldest["state"]) == (second, "active", first, "kept")
    assert newest["changed"] == {
        "files": {"added": ["data.txt"], "changed": ["hello.py"], "removed": []},
        "settings": ["memory", "environment.A"],
        "dependencies": False,
        "image": False,
    }
    assert oldest["changed"]["files"] is None
    assert newest["requests"] >= 4 and oldest["requests"] >= 1 and oldest["errors"] == 0
    assert newest["served_last"] >= newest["live_since"] > oldest["live_since"]
    before = {item["revision"]: (item["requests"], item["errors"]) for item in history(berth)}
    berth.stop()
    berth.start()
    assert {item["revision"]: (item["requests"], item["errors"]) for item in history(berth)} == before


@pytest.mark.shows_setting("host.keep_revisions")
def test_no_more_are_kept_than_the_host_says(berth):
    berth.host["keep_revisions"] = 2
    revisions = start_with(berth, "one", "two", "three", "four")
    wait_until(lambda: set(records(berth)) == set(revisions[-2:]), "the oldest to be gone", 60)
    kept = {record["package"]["digest"] for record in records(berth).values()}
    wait_until(lambda: packages(berth) == kept, "the packages of the others to be gone", 60)
    berth.host["keep_revisions"] = 1
    berth.apply()
    wait_until(lambda: set(records(berth)) == set(revisions[-1:]), "all but one to be gone", 60)
    assert [item["revision"] for item in history(berth)] == revisions[-1:]


def test_rollback_is_live_without_a_job_and_holds_until_an_edit(berth):
    first, second, third = start_with(berth, "one", "two", "three")
    count = len(jobs(berth))
    assert go_back(berth, "two") == second
    assert go_back(berth, "one") == first
    assert jobs(berth)[count:] == []
    assert [item["rolled_back"] for item in history(berth)] == [False, False, True]
    berth.apply()
    berth.host["drain_timeout"] = "29s"
    berth.apply()
    assert berth.get("/hello").text == "one"
    berth.stop()
    berth.start()
    assert berth.get("/hello").text == "one"
    now = view(berth)
    assert (now["revision"], now["rolled_back"], now["problem"]) == (first, True, None)
    assert jobs(berth)[count:] == []
    assert go_back(berth, "three", third[:8]) == third
    berth.write_function("hello", says("four"))
    berth.apply()
    serve(berth, text="four")
    assert view(berth)["rolled_back"] is False
    assert berth.log.entries("rollback.ended")[-1]["revision"] == third[:12]


def test_rollback_holds_while_only_what_applies_at_once_changes(berth):
    start_with(berth, "one", "two", timeout=60)
    go_back(berth, "one")
    berth.configure("hello", timeout=17)
    berth.apply()
    wait_until(lambda: view(berth)["settings"]["timeout_ms"] == 17000, "the timeout to apply", 60)
    assert view(berth)["rolled_back"] and berth.get("/hello").text == "one"


def test_rollback_brings_the_settings_back_that_make_a_revision(berth):
    code = "import os\n\n\ndef handle(request):\n    return os.environ['A']\n"
    berth.write_function("hello", code, environment={"A": "1"})
    berth.start()
    first = serve(berth, text="1")
    berth.configure("hello", environment={"A": "2"})
    berth.apply()
    serve(berth, text="2")
    assert go_back(berth, "1") == first


def test_rollback_to_what_does_not_load_any_more_loses_nothing(berth):
    berth.expect_error(".*", function="hello")
    first, second = start_with(berth, "one", "two")
    path = os.path.join(berth.state_dir, "packages", records(berth)[first]["package"]["digest"], "hello.py")
    with open(path, "a", encoding="utf-8") as file:
        file.write("#")
    answer = rollback(berth, first)
    assert answer.status == 202
    wait_until(lambda: view(berth)["problem"], "the rollback to fail", 60)
    now = view(berth)
    assert (now["revision"], now["rolled_back"]) == (second, False)
    assert now["problem"]["reason"] == "revision-gone" and first[:12] in now["problem"]["message"]
    assert berth.get("/hello").text == "two"
    assert [item["state"] for item in history(berth) if item["revision"] == first] == ["gone"]


def test_rollback_that_cannot_be_says_why(berth):
    berth.write_function("hello", HELLO)
    berth.start()
    answer = rollback(berth)
    assert answer.status == 409 and "has served yet" in answer.json()["error"]["message"]
    first = serve(berth)
    assert "older" in rollback(berth).json()["error"]["message"]
    second = deploy(berth, "two")
    assert (rollback(berth, second).status, rollback(berth, second).json()["error"]["reason"]) == (409, "no-rollback")
    assert (rollback(berth, "f" * 64).status, rollback(berth, "f" * 64).json()["error"]["reason"]) == (404, "revision-unknown")
    assert rollback(berth, name="nothere").status == 404
    for body in ("[]", "{", '{"revision": 7}'):
        assert berth.admin("POST", "/berth/functions/hello/rollback", body).status == 400
    shutil.rmtree(os.path.join(berth.state_dir, "packages", records(berth)[first]["package"]["digest"]))
    answer = rollback(berth)
    assert answer.status == 409 and "package" in answer.json()["error"]["message"]
    assert berth.get("/hello").text == "two"


def test_rollback_under_requests_loses_none(berth):
    start_with(berth, "one", "two", idle_timeout=60)
    answers, ending = [], threading.Event()

    def ask():
        while not ending.is_set():
            answers.append(berth.get("/hello"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for text in ("one", "two", "one"):
            wanted = next(i["revision"] for i in history(berth) if i["state"] == "kept")
            go_back(berth, text, wanted)
    finally:
        ending.set()
        for thread in threads:
            thread.join()
    assert {answer.status for answer in answers} == {200}
    assert {answer.text for answer in answers} == {"one", "two"}


def test_rollback_out_of_a_bad_edit_holds_over_a_start(berth):
    berth.expect_error(".*", function="hello")
    first, second = start_with(berth, "one", "two")
    berth.write_function("hello", "def handle(request:\n")
    berth.apply()
    wait_until(lambda: view(berth)["problem"], "the mistake to be found", 60)
    assert [item["state"] for item in history(berth)] == ["failed", "active", "kept"]
    assert "hello.py:1" in history(berth)[0]["reason"]
    assert go_back(berth, "one") == first
    assert view(berth)["problem"] is None
    count = len(jobs(berth))
    berth.kill()
    berth.start()
    assert berth.get("/hello").text == "one"
    assert (view(berth)["revision"], view(berth)["problem"], jobs(berth)[count:]) == (first, None, [])
    berth.write_function("hello", says("three"))
    berth.apply()
    serve(berth, text="three")


def test_restart_of_a_function_that_was_gone_back_keeps_it(berth):
    first, _ = start_with(berth, "one", "two", min_scale=1)
    go_back(berth, "one")
    before = {i["instance"] for i in view(berth)["instance_list"]}
    berth.admin("POST", "/berth/functions/hello/restart")

    def others():
        now = view(berth)
        return now["ready"] and not before & {i["instance"] for i in now["instance_list"]}

    wait_until(others, "new instances", 60)
    assert (view(berth)["revision"], view(berth)["rolled_back"]) == (first, True)
    assert berth.get("/hello").text == "one"


def test_content_that_comes_back_is_the_revision_that_it_was(berth):
    first, second = start_with(berth, "one", "two")
    assert deploy(berth, "one") == first
    assert [item["revision"] for item in history(berth)] == [first, second]
    assert go_back(berth, "two") == second
