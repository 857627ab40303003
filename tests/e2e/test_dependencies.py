"""Python dependencies: installed once, outside the daemon, shared."""

import pytest

from harness.wait import wait_until

pytestmark = [pytest.mark.network, pytest.mark.limit(400)]

USES_SIX = """
    import six

    def handle(request):
        return "six " + six.__version__
"""


def test_dependency_is_installed_and_imported(berth):
    berth.write_function("uses", USES_SIX, extra_dependencies="six==1.16.0")
    berth.start(timeout=300)
    answer = berth.wait_answer(
        "/uses", lambda answer: answer.status == 200, "the function with its dependency", 200
    )
    assert answer.text == "six 1.16.0"


def test_functions_with_the_same_dependencies_share_them(berth):
    for name in ("one", "two"):
        berth.write_function(name, USES_SIX, extra_dependencies="six==1.16.0")
    berth.start(timeout=300)
    for name in ("one", "two"):
        berth.wait_answer(f"/{name}", lambda answer: answer.status == 200, f"an answer of {name}", 200)
    assert len(berth.log.entries(event="dependencies.install")) <= 1


def test_changed_code_installs_nothing(berth):
    berth.write_function("uses", USES_SIX, extra_dependencies="six==1.16.0")
    berth.start(timeout=300)
    berth.wait_answer("/uses", lambda answer: answer.status == 200, "the function with its dependency", 200)
    before = len(berth.log.entries(event="dependencies.(install|output)"))
    berth.write_function("uses", USES_SIX.replace('"six "', '"new "'), extra_dependencies="six==1.16.0")
    berth.reload()
    berth.wait_answer("/uses", lambda answer: answer.text.startswith("new"), "the new code", 10)
    assert len(berth.log.entries(event="dependencies.(install|output)")) == before


def test_dependency_that_does_not_exist_is_told_with_pips_reason(berth):
    berth.expect_error(".*", function="uses")
    berth.write_function("uses", USES_SIX, extra_dependencies="six==0.0.0.1")
    berth.write_function("hello", 'def handle(request):\n    return "hello"\n')
    berth.start(timeout=300)
    answer = wait_until(lambda: (a := berth.get("/uses")).status in (500, 502, 503) and a, "the reason", 200)
    assert "six" in answer.error()["message"]
    assert berth.get("/hello").status == 200
