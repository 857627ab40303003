/* An entry more in the registry's file, and the rest of it as it was. */
#include "cli/registry_entry.h"

#include "base/cleanup.h"
#include "own_folder.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRY "  greet:\n    configuration:\n      programing_language: \"python\"\n"

static bool add(const struct folder *folder, const char *before, char **ret_after)
{
    struct error err;
    bool added;
    assert_int_equal(fs_write_file(folder->file, before, strlen(before), 0640, &err), 0);
    assert_int_equal(registry_entry_add(folder->file, ENTRY, &added, &err), 0);
    assert_int_equal(fs_read_file(folder->file, 1 << 20, ret_after, NULL, &err), 0);
    return added;
}

static void an_entry_goes_behind_the_last_function(void **state)
{
    static const struct {
        const char *before, *after;
    } cases[] = {
        {"usable-functions:\n", "usable-functions:\n" ENTRY},
        {"usable-functions:", "usable-functions:\n" ENTRY},
        {"usable-functions: # mine\n", "usable-functions: # mine\n" ENTRY},
        {"usable-functions:\n  a:\n    configuration: {}\n",
         "usable-functions:\n  a:\n    configuration: {}\n" ENTRY},
        {"usable-functions:\n  a:\n    configuration: {}\n\n# the host\nhost:\n  workers: 2\n",
         "usable-functions:\n  a:\n    configuration: {}\n" ENTRY "\n# the host\nhost:\n  workers: 2\n"},
        {"host:\n  workers: 2\nusable-functions:\n    a:\n        configuration: {}",
         "host:\n  workers: 2\nusable-functions:\n    a:\n        configuration: {}\n"
         "    greet:\n      configuration:\n        programing_language: \"python\"\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_free char *after = NULL;
        assert_true(add(*state, cases[i].before, &after));
        assert_string_equal(after, cases[i].after);
    }
}

static void what_cannot_be_added_to_stays_as_it_is(void **state)
{
    static const char *const cases[] = {
        "",
        "usable-functions: {}\n",
        "usable-functions: {a: {}}\n",
        "a:\n  configuration: {}\n",
        "usable-functions:\n  greet:\n    configuration: {}\n",
        "usable-functions:\n  - a\n",
        "usable-functions: [\n",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_free char *after = NULL;
        if (add(*state, cases[i], &after) || strcmp(after, cases[i]) != 0)
            fail_msg("%s", cases[i]);
    }
}

static void mode_and_links_stay(void **state)
{
    const struct folder *folder = *state;
    struct error err;
    struct stat status;
    bool added;
    cleanup_free char *link = xasprintf("%s/link.yml", folder->path);
    assert_int_equal(fs_write_file(folder->file, "usable-functions:\n", 18, 0640, &err), 0);
    assert_int_equal(symlink("file", link), 0);
    assert_int_equal(registry_entry_add(link, ENTRY, &added, &err), 0);
    assert_true(added);
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(stat(folder->file, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
}

static void a_registry_is_made_where_there_is_none(void **state)
{
    const struct folder *folder = *state;
    struct error err;
    bool made, added;
    assert_int_equal(registry_file_ensure(folder->file, &made, &err), 0);
    assert_true(made);
    assert_int_equal(registry_entry_add(folder->file, ENTRY, &added, &err), 0);
    assert_true(added);
    assert_int_equal(registry_file_ensure(folder->file, &made, &err), 0);
    assert_false(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(an_entry_goes_behind_the_last_function),
        FOLDER_TEST(what_cannot_be_added_to_stays_as_it_is),
        FOLDER_TEST(mode_and_links_stay),
        FOLDER_TEST(a_registry_is_made_where_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
