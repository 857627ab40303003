"""Each project rule finds what it is for, and leaves right code alone."""

import pytest
import rules


def found(path, text):
    return [line for line, _ in rules.check_file(path, text.split("\n"))]


@pytest.mark.parametrize("call", rules.BANNED)
def test_banned_calls_are_found(call):
    assert found("host/base/a.c", f"int x;\n    y = {call} (a);") == [2]


def test_longer_names_comments_and_texts_are_not_banned_calls():
    assert (
        found(
            "host/base/a.c", 'my_atoi(a); snprintf(b); /* gets(x)\n strcpy(y) */ f("system(z)"); // atol(1)'
        )
        == []
    )


def test_a_line_after_a_long_comment_keeps_its_number():
    assert found("host/base/a.c", "/* one\n two\n three */\natoi(x);") == [4]


def test_a_long_function_is_found_outside_tests_only():
    body = "int f(void)\n{\n" + "    g();\n" * 81 + "}\n"
    assert found("host/base/a.c", body) == [2]
    assert found("tests/unit/test_a.c", body) == []


def test_a_long_file_is_found():
    assert found("cli/a.py", "pass\n" * 901) == [1]


def test_including_a_higher_floor_is_found():
    assert found("host/http/a.c", '#include "base/log.h"\n#include "fleet/fleet.h"') == [2]


def test_including_a_higher_floor_of_the_same_folder_is_found():
    assert found("host/fleet/output/a.c", '#include "fleet/instance/instance.h"\n#include "fleet/fleet_env.h"') == [1]
    assert found("host/fleet/fleet_env.c", '#include "fleet/fleet.h"') == [1]


def test_including_a_neighbour_is_found():
    assert found("host/fleet/a.c", '#include "gateway/gateway.h"\n#include "routing/slot_pool.h"') == [1]
    assert found("host/gateway/a.c", '#include "routing/slot_pool.h"\n#include "fleet/fleet.h"') == [2]


def test_main_may_include_every_floor_and_its_neighbours():
    assert found("host/main.c", '#include "daemon.h"\n#include "admin/admin.h"') == []


def test_an_include_relative_to_its_own_folder_is_found():
    assert found("host/http/a.c", '#include "head.h"') == [1]


def test_left_over_work_is_found():
    assert found("docs/a.md", "fine\n" + "FIX" + "ME later") == [2]


def test_what_a_merge_left_is_found():
    text = "one\n" + "<" * 7 + " HEAD\ntwo\n" + "=" * 7 + "\nthree\n" + ">" * 7 + " 1234567 (a)\n========\n"
    assert found("docs/a.md", text) == [2, 4, 6]


def test_a_long_sleep_in_a_test_is_found():
    assert found("tests/e2e/test_a.py", "time.sleep(0.05)\ntime.sleep(12)") == [2]
