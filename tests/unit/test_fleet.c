/* The whole fleet: how it begins, what it keeps running, and how it ends. */
#include "whole_fleet.h"

#include "base/alloc.h"

static void serves_and_removes_what_is_idle(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "      idle_timeout: 200ms\n", NULL});
    start_settled(bench);
    assert_int_equal(fake_engine_count(bench->engine), 0);
    serve(bench, "hello");
    assert_int_equal(fake_engine_count(bench->engine), 1);
    UNTIL(bench, fake_engine_count(bench->engine) == 0);
    serve(bench, "hello");
}

static void a_second_daemon_in_the_same_directories_is_refused(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "", NULL});
    start_settled(bench);
    cleanup_free char *other = xasprintf("%s/other", bench->dir);
    const char *const pairs[][2] = {{bench->state, other}, {other, bench->run}};
    for (size_t i = 0; i < 2; i++) {
        struct fleet_options options = {.base = bench->base,
                                        .host = &bench->registry->host,
                                        .config_path = bench->config,
                                        .state_dir = pairs[i][0],
                                        .run_dir = pairs[i][1],
                                        .plugin_dir = bench->plugins,
                                        .build_job_program = BUILD_JOB_PROGRAM,
                                        .secret_key_file = bench->secret_key,
                                        .routes = bench->routes};
        struct fleet_hooks hooks = {.context = bench};
        struct fleet *second;
        struct error err;
        assert_int_equal(fleet_create(&options, &hooks, &second, &err), -1);
        assert_string_equal(error_code_slug(err.code), "in-use");
    }
    serve(bench, "hello");
}

/* When the test's own moment has come. */
static void stops_in_the_middle_of_everything(struct bench *bench, unsigned moment_ms)
{
    write_config(bench, "",
                 (const char *[]){"hello", "      min_scale: 3\n", "hang", "      act: validate:hang\n",
                                  "depends", "      act: package:dependencies\n", NULL});
    start_fleet(bench);
    if (moment_ms)
        run_for(bench, moment_ms);
    stop_fleet(bench);
}

#define STOPS_AFTER(moment_ms)                                                                               \
    static void stops_after_##moment_ms##_ms(void **state)                                                   \
    {                                                                                                        \
        stops_in_the_middle_of_everything(*state, moment_ms);                                                \
    }

STOPS_AFTER(0)
STOPS_AFTER(5)
STOPS_AFTER(20)
STOPS_AFTER(60)
STOPS_AFTER(120)
STOPS_AFTER(250)
STOPS_AFTER(400)

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    const struct CMUnitTest tests[] = {
        FLEET_TEST(serves_and_removes_what_is_idle),
        FLEET_TEST(a_second_daemon_in_the_same_directories_is_refused),
        FLEET_TEST(stops_after_0_ms),
        FLEET_TEST(stops_after_5_ms),
        FLEET_TEST(stops_after_20_ms),
        FLEET_TEST(stops_after_60_ms),
        FLEET_TEST(stops_after_120_ms),
        FLEET_TEST(stops_after_250_ms),
        FLEET_TEST(stops_after_400_ms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
