"""What a function's keys in the registry do, each shown through the daemon, where no other test does."""

import pytest

from harness.functions import HELLO, SHELL_HELLO

FILES = {f"{name}.py": f'def handle(request):\n    return "{name}"\n' for name in ("first", "second")}


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    shared_berth.write_files("functions/folder", FILES)
    shared_berth.write_function("second", HELLO, function_folder="folder", base_function_file_name="second.py")
    shared_berth.write_function("first", HELLO, function_folder="folder", base_function_file_name="first.py")
    shared_berth.write_function("folder", HELLO, function_folder=None, base_function_file_name="first.py")
    shared_berth.write_function("shelly", SHELL_HELLO, language="Shell")
    shared_berth.functions["second"]["version"] = 2.10
    shared_berth.write_config()
    shared_berth.start()


@pytest.mark.shows_setting(
    "function.configuration", "configuration.function_folder", "configuration.base_function_file_name"
)
def test_folder_and_file_say_what_is_run(served):
    assert served.get("/second").text == "second"
    assert served.get("/first").text == "first"


def test_folder_is_named_like_the_key_unless_set(served):
    assert served.get("/folder").text == "first"


@pytest.mark.shows_setting("configuration.programing_language")
def test_language_says_what_runs_it(served):
    assert served.get("/shelly").text.strip() == "hello"
    (shelly,) = [entry for entry in served.admin("GET", "/system/functions").json() if entry["name"] == "shelly"]
    assert "-shell:" in served.instance("shelly")["Image"], shelly


@pytest.mark.shows_setting("function.version")
def test_version_is_shown_as_it_is_written(served):
    described = served.admin("GET", "/system/function/second").json()
    assert "2.1" in str(described)


@pytest.mark.shows_setting("configuration.start_timeout")
def test_instance_has_the_time_to_load_that_its_function_sets(berth):
    berth.expect_error(".*", function="endless")
    slow = "import threading\nthreading.Event().wait({})\ndef handle(request):\n    return 'loaded'\n"
    berth.host = {"start_timeout": "2s"}
    berth.write_function("patient", slow.format(4), start_timeout="60s")
    berth.write_function("endless", slow.format(""), start_timeout="1s")
    berth.start()
    assert berth.get("/patient").text == "loaded"
    answer = berth.get("/endless")
    assert answer.status in (502, 503)
    # What took so long, loading or the engine, depends on how busy the machine is.
    assert answer.error()["reason"] == "start-timeout"
    assert "within 1000 ms" in answer.error()["message"]
