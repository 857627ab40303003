"""Answers that say what went wrong: one shape whoever makes them, their id in the log, and the right one blamed."""

import pytest

from harness.wait import wait_until

PYTHON = """
    from starlette.responses import Response

    def handle(request):
        what = request.query_params["what"]
        if what == "raise":
            raise KeyError("gone")
        if what == "name":
            return Response("x", headers={"x bad": "1"})
        if what == "status":
            return Response("x", status_code=999)
        if what == "many":
            return ("x", 200, [(f"x-{i}", "1") for i in range(2000)])
        return "fine", int(what)
"""

SHELL = """
    #!/bin/sh
    case $PATH_INFO in
    /fail) exit 3 ;;
    /order) printf 'Access-Control-Allow-Origin: *\\nX-First: 1\\nContent-Type: application/json\\n\\n{"a":1}' ;;
    /cookie) printf 'Set-Cookie: a=1\\n\\nbody' ;;
    /text) printf 'Total: 5\\nUsed: 3\\n\\nFree: 2\\n' ;;
    /doubt) printf 'Content-Type: text/html\\nand no header\\n\\nbody' ;;
    esac
"""

SHAPE = {"component", "reason", "message", "hint", "request_id"}


@pytest.fixture(scope="module", autouse=True)
def started(shared_berth):
    shared_berth.write_function("answers", PYTHON, idle_timeout=60)
    shared_berth.write_function("slow", "import threading\ndef handle(request):\n    threading.Event().wait()\n", timeout="300ms")
    shared_berth.write_function("script", SHELL, language="shell", idle_timeout=60)
    shared_berth.start()


def entries_of(berth, request_id):
    return [entry for entry in berth.log.entries(level="info") if entry.get("request_id") == request_id]


@pytest.mark.parametrize("target, status, component, reason", [
    ("/nowhere", 404, "gateway", "function-unknown"),
    ("/answers?what=raise", 500, "function", "exception"),
    ("/script/fail", 500, "function", "script-failed"),
    ("/script/a%00b", 400, "function", "path-nul"),
    ("/slow", 504, "function", "timeout"),
])
def test_errors_have_one_shape_and_their_id_is_in_the_log(served, target, status, component, reason):
    answer = served.get(target)
    assert answer.status == status
    error = answer.error()
    assert set(error) == SHAPE
    assert (error["component"], error["reason"]) == (component, reason)
    wait_until(lambda: entries_of(served, error["request_id"]), "the error's id in the log")


def test_an_error_that_the_function_means_is_in_the_log_by_its_id(served):
    answer = served.get("/answers?what=503")
    assert (answer.status, answer.text) == (503, "fine")
    entries = wait_until(lambda: entries_of(served, answer.headers["X-Request-Id"]), "the error's id in the log")
    assert [(entry["event"], entry["function"], entry["status"]) for entry in entries] == [
        ("gateway.request", "answers", "503")]


@pytest.mark.parametrize("what, reason, quoted", [
    ("name", "header-name", "x bad: 1"),
    ("status", "status-line-malformed", "999"),
    ("many", "too-many-headers", ""),
])
def test_what_the_function_made_wrongly_is_blamed_on_the_function(served, what, reason, quoted):
    answer = served.get(f"/answers?what={what}")
    assert answer.status == 502
    error = answer.error()
    assert (error["component"], error["reason"]) == ("function", reason)
    assert quoted in error["message"] and "runner" not in error["message"] + error["hint"]
    assert served.get("/answers?what=200").text == "fine"


def test_headers_of_a_script_may_come_in_any_order(served):
    answer = served.get("/script/order")
    assert answer.json() == {"a": 1}
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Content-Type"] == "application/json"
    answer = served.get("/script/cookie")
    assert (answer.text, answer.headers["Set-Cookie"]) == ("body", "a=1")


def test_text_with_colons_stays_text(served):
    assert served.get("/script/text").text == "Total: 5\nUsed: 3\n\nFree: 2\n"


def test_what_the_output_of_a_script_was_taken_for_is_in_its_log(served):
    assert served.get("/script/order").status == 200
    assert served.get("/script/doubt").text == "Content-Type: text/html\nand no header\n\nbody"

    def told(words):
        return any("shell-runner" in line and words in line for line in served.log.lines())

    wait_until(lambda: told("are its headers"), "what was taken for headers")
    wait_until(lambda: told("line 2 is no header"), "what was taken for text")


def test_empty_keys_of_another_language_are_fine(berth):
    berth.write_function("empty", "#!/bin/sh\necho hi\n", language="shell", extra_dependencies="", handler="", memory="")
    berth.start()
    assert berth.get("/empty").text == "hi\n"
