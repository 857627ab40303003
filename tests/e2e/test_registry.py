"""The YAML registry: what is right is served, what is wrong is shown with its place."""

import re
import subprocess

import pytest

from harness.functions import HELLO, SHELL_HELLO


FINDING = re.compile(r"^\S+: (error|warning): ", re.MULTILINE)


def check(berth):
    """berthd --check on what has been written: status and standard error."""
    run = subprocess.run(
        berth.command("--check"), capture_output=True, text=True, timeout=120, cwd=berth.project
    )
    return run.returncode, run.stderr


def located(text, kind="error"):
    """[(line, column, message)] of the findings in the registry's file."""
    return [
        (int(line), int(column), message)
        for line, column, message in re.findall(
            rf"^\S*global-function-definition\.yml:(\d+):(\d+): {kind}: (.*)$", text, re.MULTILINE
        )
    ]


RIGHT = """
usable-functions:
  hello:
    name: "hello"
    version: 2.1
    configuration:
      programing_language: "python"
      base_function_file_name: "hello.py"
      function_folder: "hello"
      extra_dependencies: ""
"""

MISTAKES = [
    (
        "an unknown key",
        'base_function_file_name: "hello.py"',
        'base_function_file_nam: "hello.py"',
        "base_function_file_name",
    ),
    ("a wrong type", 'extra_dependencies: ""', "concurrency: many", "concurrency"),
    ("out of range", 'extra_dependencies: ""', "concurrency: 0", "concurrency"),
    ("a missing file", "hello.py", "helo.py", "helo.py"),
    ("a missing folder", 'function_folder: "hello"', 'function_folder: "nowhere"', "nowhere"),
    ("a folder outside", 'function_folder: "hello"', 'function_folder: "../../etc"', "etc"),
    ("an unknown language", '"python"', '"pyton"', "python"),
    ("broken syntax", "configuration:", "configuration: [", ""),
]


def test_right_file_has_nothing_to_report(berth):
    berth.write_files("functions/hello", {"hello.py": HELLO})
    berth.write_config(RIGHT)
    status, text = check(berth)
    assert status == 0
    assert not FINDING.search(text), text


@pytest.mark.parametrize("what, right, wrong, named", MISTAKES, ids=[m[0] for m in MISTAKES])
def test_mistake_is_shown_with_line_column_source_and_caret(berth, what, right, wrong, named):
    berth.write_files("functions/hello", {"hello.py": HELLO})
    assert right in RIGHT
    berth.write_config(RIGHT.replace(right, wrong))
    status, text = check(berth)
    assert status == 2
    findings = located(text)
    assert findings, text
    line, column, _ = findings[0]
    source = berth_config_lines(berth)[line - 1]
    assert 1 <= column <= len(source) + 1
    shown = text.splitlines()
    at = next(number for number, row in enumerate(shown) if ": error: " in row)
    assert source.strip() in shown[at + 1]
    assert "^" in shown[at + 2]
    assert named in text


def berth_config_lines(berth):
    with open(berth.config, encoding="utf-8") as file:
        return file.read().split("\n")


def test_duplicate_and_reserved_routes_are_mistakes(berth):
    berth.write_files("functions/hello", {"hello.py": HELLO})
    one = RIGHT.split("usable-functions:\n")[1]
    berth.write_config(
        "usable-functions:\n"
        + one
        + one.replace("  hello:", "  other:")
        + one.replace("  hello:", "  third:").replace('name: "hello"', 'name: "function"')
    )
    status, text = check(berth)
    assert status == 2
    assert len(located(text)) == 2, text


def test_all_mistakes_of_six_functions_in_one_run(berth):
    berth.write_files("functions/hello", {"hello.py": HELLO})
    one = RIGHT.split("usable-functions:\n")[1]
    parts = []
    for number, (_, right, wrong, _) in enumerate(MISTAKES[:6]):
        part = one.replace(right, wrong).replace("  hello:", f"  hello{number}:")
        parts.append(part.replace('name: "hello"', f'name: "hello{number}"'))
    berth.write_config("usable-functions:\n" + "".join(parts))
    status, text = check(berth)
    assert status == 2
    findings = located(text)
    assert len(findings) == 6, text
    lines_of_a_function = one.count("\n")
    functions = [(line - 2) // lines_of_a_function for line, _, _ in findings]
    assert functions == [0, 1, 2, 3, 4, 5]


def test_unknown_key_asks_did_you_mean(berth):
    berth.write_function("hello", HELLO, concurency=3)
    status, text = check(berth)
    assert status == 2
    assert re.search(r"did you mean .?concurrency", text)


def test_unknown_key_of_the_host_section(berth):
    berth.host = {"queue_lenght": 5}
    berth.write_function("hello", HELLO)
    status, text = check(berth)
    assert status == 2
    assert "queue_length" in text


def test_python_mistakes_are_shown_with_their_place_in_the_code(berth):
    berth.write_function("broken", "def handle(request):\n    return (\n")
    status, text = check(berth)
    assert status == 2
    assert re.search(r"broken\.py:\d+:\d+: error: ", text), text


@pytest.mark.parametrize(
    "code, line",
    [
        ("def handel(request):\n    return 1\n", None),
        ("x = 1\n\n\ndef handle():\n    return 1\n", 4),
        ("def handle(a, b, c, d):\n    return 1\n", 1),
    ],
)
def test_missing_or_wrongly_shaped_handle_is_shown(berth, code, line):
    berth.write_function("shape", code)
    status, text = check(berth)
    assert status == 2
    assert re.search(rf"shape\.py(:{line if line else r'[0-9]+'}(:[0-9]+)?)?: error: .*handle", text), text


def test_checking_never_runs_the_code(berth, tmp_path):
    trace = tmp_path / "ran"
    berth.write_function("runs", f"open({str(trace)!r}, 'w').close()\n\ndef handle(request):\n    return 1\n")
    assert check(berth)[0] == 0
    assert not trace.exists()


def test_shell_mistake_is_shown_with_its_line(berth):
    berth.write_function("broken", "#!/bin/sh\necho one\nif true; then\necho two\n", language="shell")
    status, text = check(berth)
    assert status == 2
    assert re.search(r"broken\.sh:\d+(:\d+)?: error: ", text), text


def test_broken_function_is_a_503_and_the_others_serve(berth):
    berth.expect_error(".*", function="broken")
    berth.write_function("broken", "def handle(request:\n    pass\n")
    berth.write_function("hello", HELLO)
    berth.start()
    answer = berth.get("/broken")
    assert answer.status == 503
    error = answer.error()
    assert "broken.py:1" in error["message"]
    assert error["hint"]
    assert berth.get("/hello").status == 200


def test_broken_settings_are_a_503_and_the_others_serve(berth):
    berth.expect_error(".*")
    berth.write_function("broken", HELLO, concurrency="many")
    berth.write_function("hello", HELLO)
    berth.start()
    answer = berth.get("/broken")
    assert answer.status == 503
    assert "concurrency" in answer.error()["message"]
    assert berth.get("/hello").status == 200


def test_top_level_may_be_the_map_of_functions(berth):
    berth.write_files("functions/hello", {"hello.py": HELLO})
    berth.write_config("""
        hello:
          configuration:
            language: python
            file: hello.py
            folder: hello
    """)
    berth.start()
    assert berth.get("/hello").text == "hello"


def test_folder_may_stand_below_the_languages_name(berth):
    berth.write_files("python/functions/hello", {"hello.py": HELLO})
    berth.write_config(RIGHT)
    berth.start()
    assert berth.get("/hello").text == "hello"


@pytest.mark.shows_setting("function.name")
def test_name_is_the_route(berth):
    berth.write_files("functions/hello", {"hello.py": HELLO})
    berth.write_config(RIGHT.replace('name: "hello"', 'name: "greeting"'))
    berth.start()
    assert berth.get("/greeting").text == "hello"
    assert berth.get("/hello").status == 404


def test_function_from_the_predecessor_runs_unchanged(berth):
    berth.write_files(
        "functions/hello",
        {"hello.py": """
        from starlette.responses import HTMLResponse
        handler_run_config = {"is_return_serialized": True}
        async def handle(request):
            data = await request.json() if request.method == "POST" else {}
            return HTMLResponse("<h1>hi %s</h1>" % data.get("name", ""))
    """},
    )
    berth.write_config(RIGHT)
    berth.start()
    answer = berth.post("/hello", b'{"name": "you"}', headers={"Content-Type": "application/json"})
    assert (answer.status, answer.text) == (200, "<h1>hi you</h1>")
    assert answer.headers.get_content_type() == "text/html"


def test_two_languages_in_one_registry(berth):
    berth.write_function("hello", HELLO)
    berth.write_function("shelly", SHELL_HELLO, language="shell")
    status, text = check(berth)
    assert status == 0
    assert not FINDING.search(text), text
