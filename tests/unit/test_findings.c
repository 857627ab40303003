/* What may be shown to who wrote a function, and what may not. */
#include "plugin_test/findings.h"

#include "base/alloc.h"
#include "base/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct language_option options[] = {{.name = (char *)"width"}};
static const struct language language = {.name = (char *)"x", .options = options, .option_count = 1};

/* With a file of two lines, "one" and "two", the latter without a newline. */
static const char *folder(void)
{
    static char path[] = "/tmp/berth-findings-XXXXXX";
    static bool made;
    if (!made)
        assert_non_null(mkdtemp(path));
    made = true;
    char *file = xasprintf("%s/main.x", path);
    assert_int_equal(fs_write_file(file, "one\ntwo", 7, 0644, NULL), 0);
    free(file);
    return path;
}

static bool is_sound(struct diagnostic item, const char *name, const char *words)
{
    char *file = name ? xasprintf("%s/%s", folder(), name) : NULL;
    item.severity = SEVERITY_WARNING;
    item.file = file;
    item.message = item.message ? item.message : (char *)"this is odd";
    const struct diagnostics findings = {&item, 1};
    struct outcome outcome = {0};
    bool sound = findings_are_sound(&findings, folder(), &language, &outcome);
    assert_int_equal(outcome.verdict, sound ? VERDICT_PASSED : VERDICT_FAILED);
    if (!sound && !strstr(outcome.text, words))
        fail_msg("\"%s\" is not in: %s", words, outcome.text);
    free(file);
    return sound;
}

static void places_that_are_there(void **state)
{
    (void)state;
    assert_true(is_sound((struct diagnostic){0}, NULL, ""));
    assert_true(is_sound((struct diagnostic){0}, "main.x", ""));
    assert_true(is_sound((struct diagnostic){.line = 1, .column = 1}, "main.x", ""));
    assert_true(is_sound((struct diagnostic){.line = 2, .column = 4}, "main.x", ""));
    assert_true(is_sound((struct diagnostic){0}, "not-there", ""));
    assert_true(is_sound((struct diagnostic){.option = (char *)"width"}, NULL, ""));
}

static void places_that_are_not(void **state)
{
    (void)state;
    assert_false(is_sound((struct diagnostic){.line = 3}, "main.x", "a line that the file has not"));
    assert_false(
        is_sound((struct diagnostic){.line = 1, .column = 5}, "main.x", "behind the end of its line"));
    assert_false(is_sound((struct diagnostic){.line = 1}, "not-there", "a line of what is no file"));
    assert_false(is_sound((struct diagnostic){.line = 1}, NULL, "has a line, and no file"));
    assert_false(is_sound((struct diagnostic){.option = (char *)"height"}, NULL, "not declared"));
}

static void texts_that_terminals_would_act_on(void **state)
{
    (void)state;
    assert_false(is_sound((struct diagnostic){.message = (char *)"one\ntwo"}, NULL, "control characters"));
    assert_false(is_sound((struct diagnostic){.hint = (char *)"\x1b[1mbold"}, NULL, "control characters"));
    assert_true(is_sound((struct diagnostic){.message = (char *)"caf\xc3\xa9"}, NULL, ""));
}

static int remove_folder(void **state)
{
    (void)state;
    return fs_remove_tree(folder(), NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_that_are_there),
        cmocka_unit_test(places_that_are_not),
        cmocka_unit_test(texts_that_terminals_would_act_on),
    };
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
