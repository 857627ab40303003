"""The process: options, signals, restarts, neighbours."""

import concurrent.futures
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from harness import engine, logs
from harness.functions import HELD, HELLO, MIRROR
from harness.manager import Manager
from harness.wait import stays, wait_until

OPTIONS = [
    "--config",
    "--listen",
    "--admin",
    "--state",
    "--run-dir",
    "--plugins",
    "--workers",
    "--log-level",
    "--log-format",
    "--check",
    "--help",
    "--man-page",
    "--version",
]


def run(berth, *arguments):
    return subprocess.run(
        [os.path.join(berth.bin_dir, "berthd"), *arguments], capture_output=True, text=True, timeout=60
    )


# -- options


def test_help_names_every_option(berth):
    shown = run(berth, "--help")
    assert shown.returncode == 0
    assert [option for option in OPTIONS if option not in shown.stdout] == []


def test_man_page_names_every_option(berth):
    page = run(berth, "--man-page").stdout.replace("\\-", "-")
    assert page.startswith(".TH BERTHD 8 ")
    assert [option for option in OPTIONS if f"\n.B {option}" not in page] == []


def test_version_is_one_line(berth):
    shown = run(berth, "--version")
    assert shown.returncode == 0
    assert re.fullmatch(r"berthd \d+\.\d+\.\d+\S*\n", shown.stdout)


def test_unknown_option_is_refused_with_the_nearest(berth):
    shown = run(berth, "--confg", "x")
    assert shown.returncode != 0
    assert "--config" in shown.stderr


@pytest.mark.parametrize(
    "arguments",
    [("--workers", "none"), ("--log-level", "loud"), ("--listen", "nowhere"), ("--log-format", "xml")],
)
def test_wrong_value_of_an_option_is_refused(berth, arguments):
    berth.write_config()
    refused = subprocess.run([*berth.command(), *arguments], capture_output=True, text=True, timeout=60)
    assert refused.returncode not in (0, -6, -11)
    assert arguments[0].lstrip("-") in refused.stderr


def test_missing_registry_is_named(berth):
    missing = run(berth, "--check", "--config", os.path.join(berth.folder, "nowhere.yml"))
    assert missing.returncode not in (0, -6, -11)
    assert "nowhere.yml" in missing.stderr


@pytest.mark.shows_setting("host.docker_socket")
def test_engine_that_does_not_answer_is_named(berth):
    berth.expect_error(".*")
    berth.host = {"docker_socket": os.path.join(berth.folder, "no-engine.sock")}
    berth.write_function("hello", HELLO)
    berth.start(ready=False)

    def told():
        if not berth.running:
            return True
        return any("no-engine.sock" in line for line in berth.log.lines())

    wait_until(told, "the daemon to say that there is no engine")
    assert any("no-engine.sock" in line for line in berth.log.lines())


def test_state_folder_that_cannot_be_made_is_named(berth):
    berth.write_config()
    berth.write_files("", {"a-file": "x"})
    place = os.path.join(berth.project, "a-file", "state")
    refused = subprocess.run([*berth.command(), "--state", place], capture_output=True, text=True, timeout=60)
    assert refused.returncode not in (0, -6, -11)
    assert "a-file" in refused.stderr


@pytest.mark.parametrize("workers", ["1", "2", "4"])
def test_any_number_of_workers_serves(berth, workers):
    berth.write_function("hello", HELLO, concurrency=2)
    berth.start("--workers", workers)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert {answer.status for answer in pool.map(lambda _: berth.get("/hello"), range(64))} == {200}


def test_json_log_is_json_on_every_line(berth):
    berth.write_function("hello", HELLO)
    berth.start("--log-format", "json", "--log-level", "debug")
    assert berth.get("/hello").status == 200
    lines = berth.log.lines()
    entries = [json.loads(line) for line in lines]
    assert all({"time", "level", "event"} <= set(entry) for entry in entries)
    assert {entry["level"] for entry in entries} <= set(logs.LEVELS)


def test_text_log_is_one_event_a_line(berth):
    berth.write_function("hello", HELLO)
    berth.start("--log-level", "debug")
    assert berth.get("/hello").status == 200
    berth.wait_no_instance("hello")
    assert berth.log.plain() == []
    assert berth.log.entries(function="hello")


def test_log_level_keeps_the_rest_out(berth):
    berth.write_function("hello", HELLO)
    berth.start("--log-level", "warning")
    assert berth.get("/hello").status == 200
    assert {entry["level"] for entry in berth.log.entries()} <= {"warning", "error"}


# -- the management port


def test_management_port_knows_the_functions(berth):
    berth.write_function("hello", HELLO)
    berth.start()
    listing = berth.admin("GET", "/system/functions").json()
    assert [entry["name"] for entry in listing] == ["hello"]
    info = berth.admin("GET", "/system/info").json()
    assert info["version"]["release"]
    assert berth.admin("GET", "/metrics").status == 200


def test_functions_are_not_on_the_management_port_nor_the_other_way(berth):
    berth.write_function("hello", HELLO)
    berth.start()
    assert berth.get("/system/functions").status == 404
    assert berth.admin("GET", "/hello").status == 404


def test_ports_are_taken_once(berth, make_berth):
    berth.write_function("hello", HELLO)
    berth.start()
    second = make_berth()
    second.expect_error(".*")
    second.address = berth.address
    second.write_function("hello", HELLO)
    second.start(ready=False)
    assert second.wait_end() not in (0, -6, -11)
    assert str(berth.address[1]) in second.log_tail()
    assert berth.get("/hello").status == 200


# -- the end


def test_sigterm_removes_containers_and_exits_0(berth):
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    berth.get("/hello")
    container = berth.instance("hello")["Id"]
    assert berth.stop() == 0
    assert not engine.exists(container)


def test_sigterm_finishes_what_is_under_way(berth):
    berth.write_function("mirror", MIRROR, request_buffering=False, idle_timeout=60)
    berth.start()
    berth.get("/mirror")
    held = berth.hold("/mirror")
    wait_until(lambda: berth.gauge("berth_slots_busy", "mirror") == 1, "the request to be under way")
    berth.signal(signal.SIGTERM)
    assert stays(lambda: berth.running, 0.5)
    held.send("x")
    assert held.response().json()["size"] == 1
    held.close()
    assert berth.wait_end() == 0


def test_no_new_connection_while_draining(berth):
    berth.write_function("mirror", MIRROR, request_buffering=False, idle_timeout=60)
    berth.start()
    berth.get("/mirror")
    held = berth.hold("/mirror")
    wait_until(lambda: berth.gauge("berth_slots_busy", "mirror") == 1, "the request to be under way")
    berth.signal(signal.SIGTERM)

    def refused():
        try:
            return berth.get("/mirror", timeout=5).status == 503
        except OSError:
            return True

    wait_until(refused, "new connections to be refused")
    held.send("x")
    assert held.response().status == 200
    held.close()
    assert berth.wait_end() == 0


def test_second_sigterm_exits_at_once(berth):
    berth.write_function("mirror", MIRROR, request_buffering=False, idle_timeout=60)
    berth.start()
    berth.get("/mirror")
    before = berth.instance("mirror")["Id"]
    held = berth.hold("/mirror")
    wait_until(lambda: berth.gauge("berth_slots_busy", "mirror") == 1, "the request to be under way")
    berth.signal(signal.SIGTERM)
    assert stays(lambda: berth.running, 0.3)
    began = time.monotonic()
    berth.signal(signal.SIGTERM)
    berth.wait_end()
    assert time.monotonic() - began < 28  # of the 30 s that a drain may take
    held.close()
    # What it had no time to remove the next start goes on with.
    berth.start()
    assert berth.get("/mirror").status == 200
    assert berth.instance("mirror")["Id"] == before


def test_sigint_ends_it_like_sigterm(berth):
    berth.write_function("hello", HELLO)
    berth.start()
    berth.get("/hello")
    berth.signal(signal.SIGINT)
    assert berth.wait_end() == 0


def test_idle_client_connections_do_not_hold_up_the_end(berth):
    berth.write_function("hello", HELLO)
    berth.start()
    with berth.connect() as connection:
        connection.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.response().status == 200
        assert berth.stop() == 0
    assert not berth.log.entries(event="daemon.drain-timeout")


# -- restarts and neighbours


def test_restart_after_a_crash_goes_on_with_the_container(berth):
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    berth.get("/hello")
    old = berth.instance("hello")["Id"]
    berth.kill()
    assert engine.exists(old)
    berth.start()
    assert berth.get("/hello").status == 200
    assert berth.instance("hello")["Id"] == old


def test_container_that_a_killed_daemon_had_asked_for_goes_when_it_is_made(berth):
    """The engine makes it when the next daemon has looked at what there is already."""
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    berth.get("/hello")
    serving = berth.instance("hello")
    labels = {**serving["Labels"], "berth.instance": "0123456789ab"}
    late = engine.create(serving["Image"], f"e2e-late-{os.getpid()}", labels, ["sleep", "1000"])
    try:
        wait_until(lambda: not engine.exists(late), "the late container to be removed")
    finally:
        engine.remove(late)
    assert engine.exists(serving["Id"])
    assert berth.log.entries(event="engine.leftover", container=f"e2e-late-{os.getpid()}")


def test_restart_after_a_crash_leaves_other_containers_alone(berth):
    berth.write_function("hello", HELLO, idle_timeout=60)
    berth.start()
    berth.get("/hello")
    image = berth.instance("hello")["Image"]
    stranger = engine.create(
        image, f"e2e-stranger-{os.getpid()}", {"berth.host": "somebody-else"}, ["sleep", "1000"]
    )
    try:
        berth.kill()
        berth.start()
        assert berth.get("/hello").status == 200
        wait_until(lambda: len(berth.instances("hello")) == 1, "one container for the function", 20)
        assert engine.exists(stranger)
    finally:
        engine.remove(stranger)


def test_two_daemons_side_by_side(make_berth):
    one, two = make_berth(), make_berth()
    for number, berth in enumerate((one, two)):
        berth.write_function("hello", f'def handle(request):\n    return "{number}"\n', idle_timeout=60)
        berth.start()
    assert [one.get("/hello").text, two.get("/hello").text] == ["0", "1"]
    kept = two.instance("hello")["Id"]
    assert one.stop() == 0
    assert two.get("/hello").text == "1"
    assert two.instance("hello")["Id"] == kept


def test_crash_of_one_daemon_does_not_disturb_the_other(make_berth):
    one, two = make_berth(), make_berth()
    for berth in (one, two):
        berth.write_function("hello", HELLO, idle_timeout=60)
        berth.start()
        berth.get("/hello")
    kept = two.instance("hello")["Id"]
    one.kill()
    one.start()
    assert one.get("/hello").status == 200
    assert two.instance("hello")["Id"] == kept
    assert two.get("/hello").status == 200


# -- systemd


def test_systemd_is_told_when_it_is_ready(berth):
    berth.write_function("hello", HELLO)
    with contextlib.closing(Manager(berth.folder)) as manager:
        manager.start(berth)
        manager.wait_said("READY", "1")
        assert berth.stop() == 0
        manager.wait_said("STOPPING", "1")


def test_functions_do_not_inherit_the_notify_socket(berth):
    path = os.path.join(berth.folder, "notify")
    berth.write_function("held", HELD, idle_timeout=10)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(path)
        berth.start(environment={"NOTIFY_SOCKET": path})
        berth.get("/held/look")
        environment = engine.inspect(berth.instance("held")["Id"])["Config"]["Env"]
    assert not [entry for entry in environment if entry.startswith("NOTIFY_SOCKET")]
