/* Which functions need a folder, and what is said when there is none. */
#include "config/registry.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "own_folder.h"

#include <string.h>
#include <unistd.h>

static struct language_option options[] = {
    {.name = "recipe", .type = OPTION_STRING, .help = "what it is made from"},
    {.name = "image", .type = OPTION_STRING, .help = "an image", .no_folder = true},
};

static const struct language languages[] = {
    {.name = "boxed", .options = options, .option_count = 2},
    {.name = "plain"},
};

/* A registry in the folder of the test with the function `f`, whose configuration is this. */
static struct registry *read_function(const struct folder *folder, const char *configuration)
{
    cleanup_free char *path = xasprintf("%s/registry.yml", folder->path);
    cleanup_free char *text = xasprintf("f:\n  configuration: {%s}\n", configuration);
    struct registry *registry = registry_parse(path, text, strlen(text), languages, 2);
    assert_int_equal(registry->function_count, 1);
    return registry;
}

static void make_files(const struct folder *folder, const char *name)
{
    cleanup_free char *path = xasprintf("%s/functions/%s", folder->path, name);
    assert_int_equal(fs_make_dirs(path, 0755, NULL), 0);
}

static void test_needs_none_with_the_option(void **state)
{
    struct registry *registry = read_function(*state, "language: boxed, image: x");
    assert_int_equal(registry->diagnostics.count, 0);
    assert_false(registry->functions[0].broken);
    assert_null(registry->functions[0].folder);
    registry_destroy(registry);
}

static void test_has_the_one_that_is_there(void **state)
{
    const struct folder *folder = *state;
    cleanup_free char *expected = xasprintf("%s/functions/f", folder->path);
    make_files(folder, "f");
    struct registry *registry = read_function(folder, "language: boxed, image: x");
    assert_int_equal(registry->diagnostics.count, 0);
    assert_string_equal(registry->functions[0].folder, expected);
    registry_destroy(registry);
}

static void test_says_where_it_was_looked_for(void **state)
{
    static const char instead[] = "; with \"image\", and \"function_folder\" left out, it needs none";
    static const struct {
        const char *configuration, *message, *instead;
        unsigned line, column;
    } rows[] = {
        {"language: boxed", "there is no folder \"f\"", instead, 2, 3},
        {"language: boxed, recipe: x", "there is no folder \"f\"", instead, 2, 3},
        {"language: boxed, image: x, folder: g", "there is no folder \"g\"", instead, 2, 54},
        {"language: boxed, image: x, file: a", "there is no folder \"f\"", instead, 2, 3},
        {"language: plain", "there is no folder \"f\"", "", 2, 3},
    };
    const struct folder *folder = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct registry *registry = read_function(folder, rows[i].configuration);
        const struct diagnostic *item = &registry->diagnostics.items[0];
        assert_int_equal(registry->diagnostics.count, 1);
        assert_string_equal(item->message, rows[i].message);
        assert_int_equal(item->line, rows[i].line);
        assert_int_equal(item->column, rows[i].column);
        assert_true(strncmp(item->hint, "looked for ", 11) == 0);
        const char *found = strchr(item->hint, ';');
        assert_string_equal(found ? found : "", rows[i].instead);
        assert_true(registry->functions[0].broken);
        assert_null(registry->functions[0].folder);
        registry_destroy(registry);
    }
}

/* Whoever has put it there meant something by it. */
static void test_link_to_nothing_is_a_mistake_all_the_same(void **state)
{
    const struct folder *folder = *state;
    make_files(folder, "g");
    cleanup_free char *link = xasprintf("%s/functions/f", folder->path);
    assert_int_equal(symlink("nowhere", link), 0);
    struct registry *registry = read_function(folder, "language: boxed, image: x");
    assert_int_equal(registry->diagnostics.count, 1);
    assert_non_null(strstr(registry->diagnostics.items[0].message, "leads to nowhere"));
    assert_true(registry->functions[0].broken);
    registry_destroy(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_needs_none_with_the_option),
        FOLDER_TEST(test_has_the_one_that_is_there),
        FOLDER_TEST(test_says_where_it_was_looked_for),
        FOLDER_TEST(test_link_to_nothing_is_a_mistake_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
