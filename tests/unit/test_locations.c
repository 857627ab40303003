/* Where things are when nobody says. */
#include "locations.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void settings_win_and_become_absolute(void **state)
{
    (void)state;
    char here[PATH_MAX];
    assert_non_null(getcwd(here, sizeof(here)));
    struct host_settings host = {.state_dir = "/a/state", .run_dir = "run", .plugin_dir = "../plugins"};
    struct locations locations;
    struct error err;
    assert_int_equal(locations_find("a/registry.yml", &host, &locations, &err), 0);
    cleanup_free char *run = xasprintf("%s/run", here);
    cleanup_free char *plugins = xasprintf("%s/../plugins", here);
    assert_string_equal(locations.state_dir, "/a/state");
    assert_string_equal(locations.run_dir, run);
    assert_string_equal(locations.plugin_dir, plugins);
    locations_clear(&locations);
    assert_null(locations.state_dir);
}

static void root_has_the_system_s_directories(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    struct host_settings host = {0};
    struct locations locations;
    struct error err;
    setenv("XDG_STATE_HOME", "/x", 1);
    assert_int_equal(locations_find("a/registry.yml", &host, &locations, &err), 0);
    assert_string_equal(locations.state_dir, "/var/lib/berth");
    assert_string_equal(locations.run_dir, "/run/berth");
    locations_clear(&locations);
}

static void others_have_their_home(void **state)
{
    (void)state;
    if (geteuid() == 0 && seteuid(65534) < 0)
        skip();
    struct host_settings host = {0};
    struct locations locations;
    struct error err;
    setenv("XDG_STATE_HOME", "/x", 1);
    setenv("XDG_RUNTIME_DIR", "relative", 1);
    setenv("HOME", "/h", 1);
    int rc = locations_find("a/registry.yml", &host, &locations, &err);
    if (geteuid() == 65534)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(rc, 0);
    assert_string_equal(locations.state_dir, "/x/berth");
    assert_string_equal(locations.run_dir, "/h/.cache/berth");
    locations_clear(&locations);
}

static void plugins_and_build_jobs_are_beside_the_program(void **state)
{
    (void)state;
    struct host_settings host = {0};
    struct locations locations;
    struct error err;
    assert_int_equal(locations_find("a/registry.yml", &host, &locations, &err), 0);
    assert_non_null(strstr(locations.plugin_dir, "plugins"));
    assert_int_equal(access(locations.build_job_program, X_OK), 0);
    locations_clear(&locations);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_win_and_become_absolute),
        cmocka_unit_test(root_has_the_system_s_directories),
        cmocka_unit_test(others_have_their_home),
        cmocka_unit_test(plugins_and_build_jobs_are_beside_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
