"""The order of source files: what is a ring, what is a use of a higher floor, and what the list of rings may say."""

import rings


def test_rings_are_found_and_ways_in_one_direction_are_none():
    graph = {"a": {"b": "x"}, "b": {"c": "x", "d": "x"}, "c": {"a": "x"}, "d": {"e": "x"}, "e": {"d": "x"}, "f": {"a": "x"}}
    assert set(rings.rings(graph)) == {frozenset("abc"), frozenset("de")}
    assert rings.rings({"a": {"b": "x", "c": "x"}, "b": {"c": "x"}, "c": {}}) == []


def test_a_list_of_rings_is_read():
    text = "# comment\n\nhttp/a.c http/b.c\n    one\n    reason\n\ngateway/a.c gateway/b.c\n"
    assert rings.listed_rings(text) == {
        frozenset({"http/a.c", "http/b.c"}): "one reason",
        frozenset({"gateway/a.c", "gateway/b.c"}): "",
    }


def test_breaches():
    graph = {"http/a.c": {"http/b.c": "f"}, "http/b.c": {"http/a.c": "g", "gateway/c.c": "h"}, "gateway/c.c": {}}
    ring = frozenset({"http/a.c", "http/b.c"})
    upwards = "host/http/b.c uses h of host/gateway/c.c: that is a higher floor"
    assert list(rings.breaches(graph, {ring: "two halves of one parser"})) == [upwards]
    assert list(rings.breaches(graph, {})) == [upwards, "a ring of files that use each other: http/a.c http/b.c"]
    assert any("no reason" in text for text in rings.breaches(graph, {ring: ""}))
    larger = ring | {"gateway/c.c"}
    assert any("lists what is no ring" in text for text in rings.breaches(graph, {larger: "too much"}))
