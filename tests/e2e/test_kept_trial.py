"""The instance that a new revision was tried with waits for the next request of a function that is called at present."""

from harness.cli import Cli
from harness.wait import stays, wait_until

IDLE_S = 0.3


def write(berth, text):
    code = f'def handle(request):\n    return "{text}"\n'
    berth.write_function("hello", code, idle_timeout=IDLE_S, memory="64Mi")


def revision(berth):
    """That requests go to; nothing before one is built."""
    return berth.admin("GET", "/system/function/hello").json()["berth"]["revision"]


def redeploy(berth, text):
    """Gives it another revision, and waits until requests go to that."""
    before = revision(berth)
    write(berth, text)
    berth.reload()
    wait_until(lambda: revision(berth) != before, "the new revision", 60)


def trial_kept_ms(berth):
    return berth.admin("GET", "/berth/functions/hello").json()["trial_kept_ms"]


def names(berth):
    """Of its instances, by what the daemon says and what runs."""
    listed = berth.admin("GET", "/berth/functions/hello/instances").json()
    running = {container["Labels"]["berth.instance"] for container in berth.containers()}
    return [each["instance"] for each in listed if each["instance"] in running]


def test_function_that_was_called_is_warm_after_its_redeployment(berth):
    write(berth, "first")
    berth.start()
    assert berth.get("/hello").text == "first"
    berth.wait_no_instance("hello")
    redeploy(berth, "second")
    assert [entry["function"] for entry in berth.log.entries("trial.kept")] == ["hello"]
    kept = names(berth)
    assert len(kept) == 1
    assert 0 < trial_kept_ms(berth) <= 300_000
    assert "waits for the first request, for up to " in Cli(berth).run("explain", "hello")
    assert stays(lambda: names(berth) == kept, 10 * IDLE_S)
    answer = berth.get("/hello")
    assert (answer.text, answer.headers["X-Served-By"]) == ("second", kept[0])
    assert trial_kept_ms(berth) == 0
    assert "waits for the first request" not in Cli(berth).run("explain", "hello")
    berth.wait_no_instance("hello")  # it has served, and goes as every other


def test_function_that_nobody_calls_is_left_without_an_instance(berth):
    write(berth, "first")
    berth.start()
    wait_until(lambda: revision(berth), "the first revision", 60)
    redeploy(berth, "second")
    berth.wait_no_instance("hello")
    assert berth.log.entries("trial.kept") == []
    assert trial_kept_ms(berth) == 0
