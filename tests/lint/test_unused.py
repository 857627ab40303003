"""What nobody uses: who counts as a user, and what the list of exceptions may say."""

import unused

TABLE = {
    "base/a.c": ({"kept", "alone"}, set()),
    "base/b.c": ({"own"}, {"kept", "own"}),
    "plugins/p.c.o": ({"entry"}, {"for_plugins"}),
    "base/c.c": ({"for_plugins"}, set()),
}


def test_what_others_need_is_used_and_what_its_own_file_needs_is_not():
    assert unused.unused(TABLE, ["base/a.c", "base/b.c", "base/c.c"]) == {"alone": "base/a.c", "own": "base/b.c"}


def test_breaches():
    found = {"alone": "base/a.c", "own": "base/b.c"}
    defined = {"kept", "alone", "own"}
    assert list(unused.breaches(found, defined, {"alone": "a test asks", "own": "another"})) == []
    assert list(unused.breaches(found, defined, {"alone": "a test asks"})) == [
        "host/base/b.c: no other file uses own: make it static, or remove it"
    ]
    assert any("no reason" in text for text in unused.breaches({}, defined, {"own": ""}))
    assert any("not there" in text for text in unused.breaches({}, defined, {"gone": "why"}))
