/* Which system package apt-get complains of. */
#include "prepare/image/apt_reasons.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What is found in `output` about these packages, one "OPTION: MESSAGE" a line. */
static void expect(const char *const *packages, const char *output, const char *expected)
{
    struct package_list list = {0};
    struct diagnostics findings = {0};
    char said[1024] = "";
    for (; *packages; packages++)
        package_list_add(&list, *packages, (struct position){0});
    apt_reasons_find(output, &list, "it failed", &findings);
    for (size_t i = 0; i < findings.count; i++) {
        const struct diagnostic *item = &findings.items[i];
        assert_int_equal(item->severity, SEVERITY_ERROR);
        assert_null(item->file);
        size_t length = strlen(said);
        snprintf(said + length, sizeof(said) - length, "%s: %s\n", item->option, item->message);
    }
    assert_string_equal(said, expected);
    diagnostics_clear(&findings);
    package_list_clear(&list);
}

static void every_package_that_is_named_has_its_reason(void **state)
{
    (void)state;
    static const char *const packages[] = {"figlet", "fig", "jq=9.1", "nope", NULL};
    expect(packages,
           "Reading package lists...\n"
           "E: Unable to locate package nope\n"
           "E: Package 'fig' has no installation candidate\n"
           "E: Version '9.1' for 'jq' was not found\n",
           "system_packages.nope: apt-get: E: Unable to locate package nope\n"
           "system_packages.fig: apt-get: E: Package 'fig' has no installation candidate\n"
           "system_packages.jq: apt-get: E: Version '9.1' for 'jq' was not found\n");
}

static void package_that_cannot_get_what_it_needs_is_named(void **state)
{
    (void)state;
    static const char *const packages[] = {"libgl1", "libgl1-mesa-dev", NULL};
    expect(
        packages,
        "The following packages have unmet dependencies:\n"
        " libgl1-mesa-dev : Depends: libgl-dev (>= 9) but it is not installable\n"
        "E: Unable to correct problems, you have held broken packages.\n",
        "system_packages.libgl1-mesa-dev: apt-get: libgl1-mesa-dev : Depends: libgl-dev (>= 9) but it is not "
        "installable\n");
}

static void reason_that_names_no_package_is_told_of_all(void **state)
{
    (void)state;
    static const char *const packages[] = {"jq", NULL};
    expect(packages,
           "E: Failed to fetch http://example.invalid/dists/InRelease\nE: Unable to locate package jqx\n",
           "system_packages.: it failed\n");
    expect(packages, "", "system_packages.: it failed\n");
    expect(packages, NULL, "system_packages.: it failed\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_package_that_is_named_has_its_reason),
        cmocka_unit_test(package_that_cannot_get_what_it_needs_is_named),
        cmocka_unit_test(reason_that_names_no_package_is_told_of_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
