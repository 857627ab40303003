/* YAML documents as trees: shapes, places, aliases, limits. */
#include "config/yaml_tree.h"

#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct diagnostics findings;

/* The tree of `text`, or NULL when it was refused; what was said is in `findings`. */
static struct yaml_tree *parse_bytes(const char *text, size_t size)
{
    struct reporter reporter = {.diagnostics = &findings, .file = "test.yml"};
    struct yaml_tree *tree = NULL;
    diagnostics_clear(&findings);
    int rc = yaml_tree_parse(text, size, &reporter, &tree);
    assert_int_equal(rc, tree ? 0 : -1);
    return tree;
}

static struct yaml_tree *parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static void assert_at(const struct yaml_tree_node *node, unsigned line, unsigned column)
{
    assert_int_equal(node->at.line, line);
    assert_int_equal(node->at.column, column);
}

static void test_shapes_and_places(void **state)
{
    (void)state;
    struct yaml_tree *tree = parse("a: 1\nlist:\n  - x\n  - [y, \"z\\n\"]\nmap: {k: v}\n");
    const struct yaml_tree_node *root = yaml_tree_root(tree);
    assert_int_equal(root->kind, YAML_TREE_MAPPING);
    assert_int_equal(root->count, 3);
    assert_string_equal(yaml_tree_get(root, "a")->text, "1");
    assert_at(yaml_tree_get(root, "a"), 1, 4);
    const struct yaml_tree_node *list = yaml_tree_get(root, "list");
    assert_int_equal(list->kind, YAML_TREE_SEQUENCE);
    assert_int_equal(list->count, 2);
    assert_null(list->entries[0].key);
    const struct yaml_tree_node *inner = list->entries[1].value;
    assert_string_equal(inner->entries[1].value->text, "z\n");
    assert_at(inner->entries[1].value, 4, 9);
    assert_at(yaml_tree_get(root, "map"), 5, 6);
    assert_null(yaml_tree_get(root, "none"));
    assert_int_equal(root->weight, 13);
    yaml_tree_destroy(tree);
}

static void test_nothing_and_texts(void **state)
{
    (void)state;
    struct yaml_tree *tree = parse("a:\nb: ~\nc: null\nd: NULL\ne: ''\nf: 'null'\ng: !!str null\nh: nul\n");
    const struct yaml_tree_node *root = yaml_tree_root(tree);
    for (size_t i = 0; i < root->count; i++)
        assert_int_equal(root->entries[i].value->kind, i < 4 ? YAML_TREE_NULL : YAML_TREE_SCALAR);
    assert_string_equal(root->entries[6].value->text, "null");
    yaml_tree_destroy(tree);
}

/* Columns count bytes and lines end where editors end them; a byte order mark is no column. */
static void test_places_behind_odd_characters(void **state)
{
    (void)state;
    struct yaml_tree *tree = parse("\xef\xbb\xbf"
                                   "\"\xc3\xa4\": x\r\n\xe2\x82\xac: \"a\xe2\x80\xa8"
                                   "b\"\nlast: y\n");
    const struct yaml_tree_node *root = yaml_tree_root(tree);
    assert_at(root, 1, 1);
    assert_at(root->entries[0].value, 1, 7);
    assert_at(root->entries[1].value, 2, 6);
    assert_at(yaml_tree_get(root, "last"), 3, 7);
    yaml_tree_destroy(tree);
}

static void test_duplicates_are_linked(void **state)
{
    (void)state;
    struct yaml_tree *tree = parse("a: 1\nb: 2\na: 3\n? [x]\n: 4\na: 5\n");
    const struct yaml_tree_entry *entries = yaml_tree_root(tree)->entries;
    assert_null(entries[0].first);
    assert_null(entries[1].first);
    assert_ptr_equal(entries[2].first, &entries[0]);
    assert_null(entries[3].first);
    assert_ptr_equal(entries[4].first, &entries[0]);
    yaml_tree_destroy(tree);
}

static void test_aliases(void **state)
{
    (void)state;
    struct yaml_tree *tree = parse("a: &x {k: v}\nb: *x\nc: &x 1\nd: *x\n");
    const struct yaml_tree_node *root = yaml_tree_root(tree);
    assert_ptr_equal(root->entries[1].value, root->entries[0].value);
    assert_string_equal(yaml_tree_get(root, "d")->text, "1");
    yaml_tree_destroy(tree);
}

static void test_merge_keys(void **state)
{
    (void)state;
    struct yaml_tree *tree = parse("one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\n"
                                   "both:\n  a: 0\n  <<: [*one, *two]\n  d: 0\nplain:\n  <<: {a: 1}\n");
    const struct yaml_tree_node *both = yaml_tree_get(yaml_tree_root(tree), "both");
    assert_int_equal(both->count, 4);
    assert_string_equal(yaml_tree_get(both, "a")->text, "0");
    assert_string_equal(yaml_tree_get(both, "b")->text, "1");
    assert_string_equal(yaml_tree_get(both, "c")->text, "2");
    assert_string_equal(yaml_tree_get(yaml_tree_get(yaml_tree_root(tree), "plain"), "a")->text, "1");
    yaml_tree_destroy(tree);
}

static void test_flaws(void **state)
{
    (void)state;
    struct yaml_tree *tree = parse("a: !secret x\nb: \"x\\0y\"\nc: !!int 1\nd: ! x\ne: !map {}\n");
    const struct yaml_tree_node *root = yaml_tree_root(tree);
    assert_non_null(yaml_tree_get(root, "a")->flaw);
    assert_non_null(yaml_tree_get(root, "b")->flaw);
    assert_null(yaml_tree_get(root, "c")->flaw);
    assert_null(yaml_tree_get(root, "d")->flaw);
    assert_non_null(yaml_tree_get(root, "e")->flaw);
    yaml_tree_destroy(tree);
}

static void test_empty_documents(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n\n", "# only a comment\n", "\xef\xbb\xbf"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct yaml_tree *tree = parse(texts[i]);
        assert_null(yaml_tree_root(tree));
        assert_int_equal(findings.count, 0);
        yaml_tree_destroy(tree);
    }
    yaml_tree_destroy(NULL);
}

/* What is refused, where, and a part of what is said. */
static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned line, column;
        const char *part;
    } rows[] = {
        {"a: b: c\n", 1, 5, "mapping values are not allowed"},
        {"a:\n  - 1\n b: 2\n", 3, 2, "did not find expected"},
        {"a: [1, 2\nb: 3\n", 2, 2, "did not find expected ',' or ']'"},
        {"a:\n\tb: 1\n", 2, 1, "a tab"},
        {"a:\n  \tb: c: d\n", 2, 3, "a tab"},
        {"a: @b\n", 1, 4, "cannot start any token"},
        {"a: 'b\n", 1, 4, "unexpected end of stream"},
        {"a: *b\n", 1, 4, "no anchor \"b\""},
        {"a: &a [*a]\n", 1, 8, "inside the value"},
        {"a: {<<: 1}\n", 1, 9, "takes a mapping"},
        {"a: \xc3\x28\n", 1, 5, "UTF-8"},
        {"ok: 1\nb: \x01\n", 2, 4, "control characters"},
        {"h\xc3\xa9: \"\\q\"\n", 1, 7, "unknown escape"},
        {"%YAML 3.0\n---\na: 1\n", 1, 1, "incompatible"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        print_message("%s", rows[i].text);
        assert_null(parse(rows[i].text));
        assert_int_equal(findings.count, 1);
        if (!strstr(findings.items[0].message, rows[i].part))
            fail_msg("%s", findings.items[0].message);
        assert_int_equal(findings.items[0].line, rows[i].line);
        assert_int_equal(findings.items[0].column, rows[i].column);
    }
}

static void test_second_document(void **state)
{
    (void)state;
    struct yaml_tree *tree = parse("a: 1\n---\nb: 2\n");
    assert_int_equal(yaml_tree_root(tree)->count, 1);
    assert_int_equal(findings.count, 1);
    assert_int_equal(findings.items[0].line, 2);
    yaml_tree_destroy(tree);
    tree = parse("---\na: 1\n...\n");
    assert_int_equal(findings.count, 0);
    yaml_tree_destroy(tree);
}

static void test_depth_is_bounded(void **state)
{
    (void)state;
    char text[200];
    memset(text, '[', 32);
    memset(text + 32, ']', 32);
    text[64] = '\0';
    struct yaml_tree *tree = parse(text);
    assert_non_null(tree);
    yaml_tree_destroy(tree);
    memset(text, '[', 33);
    memset(text + 33, ']', 33);
    text[66] = '\0';
    assert_null(parse(text));
    assert_int_equal(findings.items[0].column, 33);
}

/* Each line is ten times the line above: a small file that would be a huge tree. */
static void test_aliases_multiply_only_so_far(void **state)
{
    (void)state;
    struct strbuf text;
    strbuf_init(&text, 65536);
    strbuf_append_text(&text, "a0: &a0 x\n");
    for (int i = 1; i < 10; i++) {
        strbuf_append_format(&text, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            strbuf_append_format(&text, "*a%d, ", i - 1);
        strbuf_append_text(&text, "]\n");
    }
    assert_null(parse(strbuf_text(&text)));
    assert_int_equal(findings.items[0].line, 7);
    assert_non_null(strstr(findings.items[0].message, "too large"));
    strbuf_clear(&text);
}

static void test_anchors_are_bounded(void **state)
{
    (void)state;
    struct strbuf text;
    strbuf_init(&text, 65536);
    for (int i = 0; i < 300; i++)
        strbuf_append_format(&text, "- &a%d x\n", i);
    assert_null(parse(strbuf_text(&text)));
    assert_int_equal(findings.items[0].line, 257);
    strbuf_clear(&text);
}

static int clear_findings(void **state)
{
    (void)state;
    diagnostics_clear(&findings);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes_and_places),
        cmocka_unit_test(test_nothing_and_texts),
        cmocka_unit_test(test_places_behind_odd_characters),
        cmocka_unit_test(test_duplicates_are_linked),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_merge_keys),
        cmocka_unit_test(test_flaws),
        cmocka_unit_test(test_empty_documents),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_second_document),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_aliases_multiply_only_so_far),
        cmocka_unit_test(test_anchors_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, clear_findings);
}
