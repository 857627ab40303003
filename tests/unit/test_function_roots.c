/* Functions' folders that are links: where they may lead, and which folders can be listed for that. */
#include "config/registry.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/strbuf.h"
#include "registry_languages.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define STRANGER 65534

/* A project beside two folders: "shared", which holds the function "x", and "elsewhere". */
static char top[PATH_MAX];
static struct registry *registry;

static char *at(const char *name)
{
    return xasprintf("%s/%s", top, name);
}

static void make_folder(const char *name)
{
    cleanup_free char *path = at(name);
    assert_int_equal(fs_make_dirs(path, 0755, NULL), 0);
}

static void make_file(const char *name)
{
    cleanup_free char *path = at(name);
    assert_int_equal(fs_write_file(path, "", 0, 0644, NULL), 0);
}

/* A link `name` to `target`, below the ground unless it begins with a dot. */
static void make_link(const char *name, const char *target)
{
    cleanup_free char *path = at(name), *absolute = *target == '.' ? xstrdup(target) : at(target);
    assert_int_equal(symlink(absolute, path), 0);
}

static int prepare(void **state)
{
    (void)state;
    char template[] = "/tmp/berth-roots-XXXXXX";
    assert_non_null(mkdtemp(template));
    assert_non_null(realpath(template, top));
    assert_int_equal(chmod(top, 0755), 0);
    make_folder("project/functions");
    make_folder("shared/team/x");
    make_folder("shared-not/x");
    make_folder("elsewhere/x");
    make_file("project/registry.yml");
    make_file("shared/team/x/main.py");
    return 0;
}

static int clear(void **state)
{
    (void)state;
    registry_destroy(registry);
    registry = NULL;
    return fs_remove_tree(top, NULL);
}

/* Reads a registry with the function "f" in `folder`. In `roots`, YAML, '@' stands for the ground. */
static const struct function_settings *read_registry(const char *roots, const char *folder)
{
    cleanup_free char *path = at("project/registry.yml");
    cleanup_strbuf struct strbuf text;
    strbuf_init(&text, 65536);
    strbuf_append_text(&text, "host:\n  roots: ");
    for (const char *p = roots; *p; p++)
        strbuf_append(&text, *p == '@' ? top : p, *p == '@' ? strlen(top) : 1);
    strbuf_append_format(
        &text, "\nf:\n  configuration:\n    language: python\n    folder: %s\n    file: main.py\n", folder);
    registry_destroy(registry);
    registry = registry_parse(path, strbuf_text(&text), text.length, languages, 2);
    assert_int_equal(registry->function_count, 1);
    return &registry->functions[0];
}

static void expect_found(const char *roots, const char *folder, const char *expected)
{
    cleanup_free char *path = at(expected);
    const struct function_settings *function = read_registry(roots, folder);
    for (size_t i = 0; i < registry->diagnostics.count; i++)
        print_message("%s\n", registry->diagnostics.items[i].message);
    assert_int_equal(registry->diagnostics.count, 0);
    assert_false(function->broken);
    assert_string_equal(function->folder, path);
}

/* Of the one finding, which is about `what`, or the file as a whole. In `message` and `hint` '@' stands for
 * the ground. */
static void expect_said(enum severity severity, const char *function, unsigned line, unsigned column,
                        const char *message, const char *hint)
{
    const struct diagnostic *item = &registry->diagnostics.items[0];
    const char *const expected[] = {message, hint}, *const said[] = {item->message, item->hint};
    assert_int_equal(registry->diagnostics.count, 1);
    print_message("%s\n", item->message);
    assert_int_equal(item->severity, severity);
    assert_true(function ? strcmp(item->function, function) == 0 : !item->function);
    assert_int_equal(item->line, line);
    assert_int_equal(item->column, column);
    for (size_t i = 0; i < 2; i++) {
        cleanup_strbuf struct strbuf whole;
        strbuf_init(&whole, 65536);
        for (const char *p = expected[i] ? expected[i] : ""; *p; p++)
            strbuf_append(&whole, *p == '@' ? top : p, *p == '@' ? strlen(top) : 1);
        assert_string_equal(said[i] ? said[i] : "", strbuf_text(&whole));
    }
}

static void expect_led_out(const char *roots, const char *folder, const char *target)
{
    cleanup_free char *message = xasprintf(
        "the folder \"%s\" leads by a symbolic link to @/%s, which \"roots\" does not allow", folder, target);
    cleanup_free char *hint = xasprintf(
        "to allow it, list that folder or one above it in the section \"host\": roots: [\"@/%s\"]", target);
    assert_true(read_registry(roots, folder)->broken);
    assert_null(registry->functions[0].folder);
    expect_said(SEVERITY_ERROR, "f", 6, 13, message, hint);
}

static void test_a_link_leads_to_a_root_or_below(void **state)
{
    (void)state;
    make_file("shared/main.py");
    make_link("project/functions/x", "shared/team/x");
    make_link("project/functions/all", "shared");
    make_link("project/functions/team", "shared/team");
    make_folder("project/python");
    make_link("project/python/functions", "shared/team");
    expect_led_out("[]", "x", "shared/team/x");
    expect_led_out("[@/elsewhere]", "x", "shared/team/x");
    expect_found("[@/shared]", "x", "shared/team/x");
    expect_found("@/shared/team/x", "x", "shared/team/x");
    expect_found("[@/elsewhere, @/shared/./team/../]", "x", "shared/team/x");
    expect_found("[@/shared]", "all", "shared");
    expect_found("[@/shared]", "team/x", "shared/team/x");
    expect_led_out("[@/shared/team]", "all", "shared");
}

static void test_only_the_end_of_a_chain_counts(void **state)
{
    (void)state;
    make_link("project/functions/in", "elsewhere/hop");
    make_link("elsewhere/hop", "shared/hop");
    make_link("shared/hop", "../shared/team/../team/x");
    make_link("project/functions/out", "shared/away");
    make_link("shared/away", "../elsewhere/x");
    make_link("project/functions/up", "../../shared/../elsewhere/x");
    make_link("project/functions/beside", "shared-not/x");
    make_link("project/functions/circle", "shared/circle");
    make_link("shared/circle", "project/functions/circle");
    make_link("project/functions/dangling", "shared/nothing");
    expect_found("[@/shared]", "in", "shared/team/x");
    expect_led_out("[@/shared]", "out", "elsewhere/x");
    expect_led_out("[@/shared]", "up", "elsewhere/x");
    expect_led_out("[@/shared]", "beside", "shared-not/x");
    assert_true(read_registry("[@/shared]", "circle")->broken);
    expect_said(SEVERITY_ERROR, "f", 6, 13, "cannot open \"circle\": Too many levels of symbolic links",
                NULL);
    assert_true(read_registry("[@/shared]", "dangling")->broken);
    expect_said(SEVERITY_ERROR, "f", 6, 13,
                "the link @/project/functions/dangling leads to @/shared/nothing, and there is nothing",
                NULL);
}

static void test_a_changed_link_is_another_folder(void **state)
{
    (void)state;
    make_folder("shared/team/y");
    make_file("shared/team/y/main.py");
    make_link("project/functions/x", "shared/team/x");
    expect_found("[@/shared]", "x", "shared/team/x");
    cleanup_free char *link = at("project/functions/x");
    assert_int_equal(unlink(link), 0);
    make_link("project/functions/x", "shared/team/y");
    expect_found("[@/shared]", "x", "shared/team/y");
}

static void test_roots_are_for_links_only(void **state)
{
    (void)state;
    static const char *const folders[] = {"../../shared/team/x", ".", "itself"};
    make_link("project/functions/itself", ".");
    for (size_t i = 0; i < 3; i++) {
        cleanup_free char *message = xasprintf("the folder \"%s\" leaves its root", folders[i]);
        assert_true(read_registry("[@/shared, @/project]", folders[i])->broken);
        expect_said(SEVERITY_ERROR, "f", 6, 13, message,
                    "write a relative path, without \"..\" and without links that lead elsewhere");
    }
    cleanup_free char *absolute = at("shared/team/x");
    assert_true(read_registry("[@/shared]", absolute)->broken);
    assert_int_equal(registry->diagnostics.count, 1);
}

static void test_the_file_stays_in_the_folder(void **state)
{
    (void)state;
    cleanup_free char *file = at("shared/team/x/main.py");
    make_file("shared/team/main.py");
    assert_int_equal(unlink(file), 0);
    make_link("shared/team/x/main.py", "../main.py");
    make_link("project/functions/x", "shared/team/x");
    assert_true(read_registry("[@/shared]", "x")->broken);
    expect_said(SEVERITY_ERROR, "f", 7, 11, "the file \"main.py\" leaves its root",
                "write a relative path, without \"..\" and without links that lead elsewhere");
}

/* Each is the second of two: the other one counts all the same. */
static void test_mistakes_in_roots(void **state)
{
    (void)state;
    static const struct {
        const char *root, *message, *hint;
        enum severity severity;
    } rows[] = {
        {"shared", "\"roots\" must be a list of absolute paths of folders; \"shared\" is none",
         "such as [/srv/functions]", SEVERITY_ERROR},
        {"./shared", "\"roots\" must be a list of absolute paths of folders; \"./shared\" is none",
         "such as [/srv/functions]", SEVERITY_ERROR},
        {"''", "\"roots\" must be a list of absolute paths of folders; \"\" is none",
         "such as [/srv/functions]", SEVERITY_ERROR},
        {"[/usr]", "\"roots\" must be a list of absolute paths of folders; a list is none",
         "such as [/srv/functions]", SEVERITY_ERROR},
        {"/", "\"roots\": / would allow every folder of this machine",
         "list the folders that the functions are in", SEVERITY_ERROR},
        {"/usr/..//", "\"roots\": / would allow every folder of this machine",
         "list the folders that the functions are in", SEVERITY_ERROR},
        {"@/link", "\"roots\": @/link is a symbolic link or goes through one, and leads to @/shared",
         "if that is the one that is meant, write @/shared", SEVERITY_ERROR},
        {"@/link/team",
         "\"roots\": @/link/team is a symbolic link or goes through one, and leads to "
         "@/shared/team",
         "if that is the one that is meant, write @/shared/team", SEVERITY_ERROR},
        {"@/shared/team/x/main.py", "\"roots\": @/shared/team/x/main.py cannot be used: it is not a folder",
         NULL, SEVERITY_ERROR},
        {"@/nothing", "\"roots\": there is no folder @/nothing",
         "it counts from the next reload on at which it is there", SEVERITY_WARNING},
    };
    make_link("link", "shared");
    make_link("project/functions/x", "shared/team/x");
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        cleanup_free char *roots = xasprintf("\n  - @/shared\n  - %s", rows[i].root);
        assert_false(read_registry(roots, "x")->broken);
        expect_said(rows[i].severity, NULL, 4, 5, rows[i].message, rows[i].hint);
    }
    read_registry("{a: b}", "x");
    assert_string_equal(registry->diagnostics.items[0].message,
                        "\"roots\" must be a list of absolute paths of folders; a mapping is none");
}

static void change_mode(const char *name, mode_t mode)
{
    cleanup_free char *path = at(name);
    assert_int_equal(chmod(path, mode), 0);
}

static void test_a_root_that_others_can_change_is_none(void **state)
{
    (void)state;
    make_link("project/functions/x", "shared/team/x");
    change_mode("shared/team", 0777);
    assert_true(read_registry("[@/shared/team]", "x")->broken);
    assert_int_equal(registry->diagnostics.count, 2);
    registry->diagnostics.count--;
    expect_said(SEVERITY_ERROR, NULL, 2, 11,
                "\"roots\": others could put code of theirs into @/shared/team: other users may write in "
                "@/shared/team (its mode is 0777)",
                "look at what is in it, then: chmod go-w @/shared/team");
    registry->diagnostics.count++;
    change_mode("shared/team", 0755);
    change_mode("shared", 0777);
    assert_true(read_registry("[@/shared/team]", "x")->broken);
    assert_non_null(strstr(registry->diagnostics.items[0].message, "on the way to"));
    change_mode("shared", 0755);
    expect_found("[@/shared/team]", "x", "shared/team/x");
}

static void change_owner(const char *name)
{
    cleanup_free char *path = at(name);
    assert_int_equal(chown(path, STRANGER, STRANGER), 0);
}

static void test_a_root_of_somebody_else_is_told_of(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    make_link("project/functions/x", "shared/team/x");
    change_owner("shared/team");
    assert_false(read_registry("[@/shared/team]", "x")->broken);
    expect_said(SEVERITY_WARNING, NULL, 2, 11,
                "\"roots\": @/shared/team belongs to the user 65534, who can so choose the code of functions",
                "list it only when that is meant");
    assert_true(read_registry("[@/shared/team/x]", "x")->broken); /* another's can be replaced by him */
    change_owner("project/registry.yml");
    expect_found("[@/shared/team]", "x", "shared/team/x"); /* he chooses everything anyway */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_link_leads_to_a_root_or_below, prepare, clear),
        cmocka_unit_test_setup_teardown(test_only_the_end_of_a_chain_counts, prepare, clear),
        cmocka_unit_test_setup_teardown(test_a_changed_link_is_another_folder, prepare, clear),
        cmocka_unit_test_setup_teardown(test_roots_are_for_links_only, prepare, clear),
        cmocka_unit_test_setup_teardown(test_the_file_stays_in_the_folder, prepare, clear),
        cmocka_unit_test_setup_teardown(test_mistakes_in_roots, prepare, clear),
        cmocka_unit_test_setup_teardown(test_a_root_that_others_can_change_is_none, prepare, clear),
        cmocka_unit_test_setup_teardown(test_a_root_of_somebody_else_is_told_of, prepare, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
