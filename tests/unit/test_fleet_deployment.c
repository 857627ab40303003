/* The whole fleet: functions come, change and go; what works goes on serving. */
#include "whole_fleet.h"

#include "base/alloc.h"
#include "base/rfc3339.h"

static void a_new_revision_takes_over_and_the_old_one_drains(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "", NULL});
    start_settled(bench);
    struct request *held = ask(bench, "hello");
    UNTIL(bench, held->slot);
    struct revision *old = function_current(find(bench, "hello"));
    write_file(bench, "functions/code/main.x", "second\n");
    fleet_reload(bench->fleet);
    UNTIL(bench, function_current(find(bench, "hello")) != old);
    struct request *fresh = ask(bench, "hello");
    UNTIL(bench, fresh->slot);
    assert_int_not_equal(slot_instance(held->slot), slot_instance(fresh->slot));
    assert_int_equal(fake_engine_count(bench->engine), 2);
    finish(held);
    UNTIL(bench, fake_engine_count(bench->engine) == 1);
    finish(fresh);
}

/* Has a function deployed anew that was called just now, and whose instances do not stay. Another one, whose
 * files are the same, is tried as well, and that takes the only room there is. */
static void redeploy_called(struct bench *bench, const char *other)
{
    write_config(bench, ", max_instances: 1",
                 (const char *[]){"hello", "      idle_timeout: 100ms\n", other, "", NULL});
    start_settled(bench);
    serve(bench, "hello");
    function_count_request(find(bench, "hello"), 0, false, wall_clock_ms());
    UNTIL(bench, fake_engine_count(bench->engine) == 0);
    struct revision *old = function_current(find(bench, "hello"));
    write_file(bench, "functions/code/main.x", "second\n");
    fleet_reload(bench->fleet);
    UNTIL(bench, function_current(find(bench, "hello")) != old);
}

static void an_instance_on_trial_waits_for_the_next_request(void **state)
{
    struct bench *bench = *state;
    redeploy_called(bench, NULL);
    unsigned created = fake_engine_calls(bench->engine, FAKE_CREATE);
    run_for(bench, 500); /* several times what idle ones are kept for */
    assert_int_equal(fake_engine_count(bench->engine), 1);
    serve(bench, "hello");
    assert_int_equal(fake_engine_calls(bench->engine, FAKE_CREATE), created);
    UNTIL(bench, fake_engine_count(bench->engine) == 0);
}

static void an_instance_on_trial_that_waits_makes_room(void **state)
{
    struct bench *bench = *state;
    redeploy_called(bench, "other");
    assert_int_equal(fake_engine_count(bench->engine), 1);
    serve(bench, "other");
}

static void a_revision_that_cannot_load_leaves_the_old_one_serving(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "", NULL});
    start_settled(bench);
    serve(bench, "hello");
    struct revision *old = function_current(find(bench, "hello"));
    fake_engine_set_runner(bench->engine, RUNNER_REFUSES);
    write_file(bench, "functions/code/main.x", "second\n");
    fleet_reload(bench->fleet);
    UNTIL(bench, function_problem(find(bench, "hello")));
    assert_string_equal(error_code_slug(function_problem(find(bench, "hello"))->code), "load-failed");
    assert_ptr_equal(function_current(find(bench, "hello")), old);
    UNTIL(bench, fake_engine_count(bench->engine) == 1);
    serve(bench, "hello");
}

/* Has a second revision tried, whose runner never says that it has loaded. Returns the one that serves. */
static struct revision *begin_trial(struct bench *bench)
{
    write_config(bench, "", (const char *[]){"hello", "", NULL});
    start_settled(bench);
    serve(bench, "hello");
    fake_engine_set_runner(bench->engine, RUNNER_SILENT);
    write_file(bench, "functions/code/main.x", "second\n");
    fleet_reload(bench->fleet);
    return function_current(find(bench, "hello"));
}

/* Waits until the next instance is on trial, and kills it. */
static void end_trial(struct bench *bench, unsigned number)
{
    UNTIL(bench, fake_engine_calls(bench->engine, FAKE_CREATE) == 1 + number); /* the first one serves */
    struct fake_container *container = fake_engine_newest(bench->engine);
    UNTIL(bench, container->connections);
    fake_container_die(bench->engine, container, 137, false);
}

/* Somebody kills its container, which says nothing of the revision. */
static void a_trial_that_is_disturbed_is_repeated(void **state)
{
    struct bench *bench = *state;
    struct revision *old = begin_trial(bench);
    for (unsigned i = 1; i <= 2; i++)
        end_trial(bench, i);
    fake_engine_set_runner(bench->engine, RUNNER_SERVES);
    UNTIL(bench, function_current(find(bench, "hello")) != old);
    assert_null(function_problem(find(bench, "hello")));
    serve(bench, "hello");
}

static void a_trial_that_is_disturbed_again_and_again_is_given_up(void **state)
{
    struct bench *bench = *state;
    struct revision *old = begin_trial(bench);
    for (unsigned i = 1; i <= 3; i++)
        end_trial(bench, i);
    UNTIL(bench, function_problem(find(bench, "hello")));
    assert_string_equal(error_code_slug(function_problem(find(bench, "hello"))->code), "container-killed");
    assert_ptr_equal(function_current(find(bench, "hello")), old);
    serve(bench, "hello");
}

static void a_mistake_leaves_the_old_one_serving(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "", NULL});
    start_settled(bench);
    serve(bench, "hello");
    write_config(bench, "", (const char *[]){"hello", "      act: validate:report-error\n", NULL});
    fleet_reload(bench->fleet);
    UNTIL(bench, function_problem(find(bench, "hello")));
    serve(bench, "hello");
    UNTIL(bench, function_is_settled(find(bench, "hello"))); /* the changed file is seen by itself too */
    write_config(bench, "", (const char *[]){"hello", "", NULL});
    fleet_reload(bench->fleet);
    UNTIL(bench, !function_problem(find(bench, "hello")));
    serve(bench, "hello");
}

static void a_function_that_never_worked_says_why(void **state)
{
    struct bench *bench = *state;
    write_config(bench, ", build_timeout: 1s", (const char *[]){"hello", "      act: package:hang\n", NULL});
    start_fleet(bench);
    UNTIL(bench, bench->routed > 0);
    struct request *early = ask(bench, "hello"); /* it waits while the first revision is built */
    assert_false(early->told);
    const struct route *stale = route_of(bench, "hello");
    UNTIL(bench, early->told);
    assert_string_equal(error_component_name(early->error.component), "plugin");
    UNTIL(bench, bench->settled > 0);
    struct request *late = ask_route(bench, stale);
    UNTIL(bench, late->told);
    assert_string_equal(error_component_name(late->error.component), "plugin");
    run_for(bench, 20);
    assert_refused(bench, "hello", error_code_slug(early->error.code));
}

/* The first deployment turns out broken while the second is being built: who waits for the first is served by
 * the second. */
static void requests_outlive_a_broken_first_deployment(void **state)
{
    struct bench *bench = *state;
    write_config(bench, ", build_timeout: 1500ms",
                 (const char *[]){"hello", "      act: validate:hang\n", NULL});
    start_fleet(bench);
    UNTIL(bench, bench->routed > 0);
    struct request *early = ask(bench, "hello");
    run_for(bench, 1000);
    write_config(bench, "", (const char *[]){"hello", "      act: package:hang\n", NULL});
    fleet_reload(bench->fleet);
    run_for(bench, 1000); /* the first has ended; the second is at work */
    assert_false(early->told);
    assert_int_equal(bench->settled, 0);
    write_config(bench, "", (const char *[]){"hello", "", NULL});
    fleet_reload(bench->fleet);
    UNTIL(bench, early->told);
    assert_non_null(early->slot);
    finish(early);
    UNTIL(bench, bench->settled > 0);
    assert_null(function_problem(find(bench, "hello")));
}

static void a_function_can_be_removed_and_added_again_while_it_drains(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "", "other", "", NULL});
    start_settled(bench);
    struct request *held = ask(bench, "hello");
    UNTIL(bench, held->slot);
    for (unsigned i = 0; i < 3; i++) {
        write_config(bench, "", (const char *[]){"other", "", NULL});
        fleet_reload(bench->fleet);
        UNTIL(bench, !find(bench, "hello"));
        run_for(bench, 20);
        assert_null(route_of(bench, "hello"));
        write_config(bench, "", (const char *[]){"hello", "", "other", "", NULL});
        fleet_reload(bench->fleet);
        UNTIL(bench, find(bench, "hello"));
        run_for(bench, 20);
        serve(bench, "hello");
    }
    finish(held);
    UNTIL(bench, fleet_function_count(bench->fleet) == 2);
}

static void a_storm_of_reloads_settles(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "", "other", "", NULL});
    start_settled(bench);
    serve(bench, "hello");
    for (unsigned i = 0; i < 20; i++) {
        cleanup_free char *text = xasprintf("version %u\n", i);
        write_file(bench, "functions/code/main.x", text);
        fleet_reload(bench->fleet);
        if (i % 3 == 0)
            run_for(bench, 15);
        struct request *request = ask(bench, "hello");
        if (request->slot) {
            finish(request);
        } else {
            UNTIL(bench, request->told);
            finish(request);
        }
    }
    UNTIL(bench, function_is_settled(find(bench, "hello")) && function_is_settled(find(bench, "other")));
    run_for(bench, 300);
    UNTIL(bench, function_is_settled(find(bench, "hello")));
    serve(bench, "hello");
    serve(bench, "other");
    UNTIL(bench, fake_engine_count(bench->engine) <= 2);
}

static void an_unchanged_reload_changes_nothing(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "", NULL});
    start_settled(bench);
    serve(bench, "hello");
    struct revision *current = function_current(find(bench, "hello"));
    for (unsigned i = 0; i < 3; i++) {
        const struct function_settings *before = function_latest_settings(find(bench, "hello"));
        fleet_reload(bench->fleet);
        UNTIL(bench, function_latest_settings(find(bench, "hello")) != before &&
                         function_is_settled(find(bench, "hello")));
        assert_ptr_equal(function_current(find(bench, "hello")), current);
        /* the registry before this one is needed by nobody any more */
        assert_ptr_equal(revision_settings(current), function_latest_settings(find(bench, "hello")));
    }
    assert_int_equal(fake_engine_calls(bench->engine, FAKE_CREATE), 1);
}

/* What an image stands on is no file of the function or of its plugin. */
static void a_runtime_image_that_is_another_one_is_seen_at_a_reload(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "", NULL});
    start_settled(bench);
    serve(bench, "hello");
    const struct function *function = find(bench, "hello");
    cleanup_free char *before = xstrdup(revision_prepared(function_current(function))->image);
    fake_engine_set_image_id(bench->engine, "sha256:4567");
    fleet_reload(bench->fleet);
    UNTIL(bench, strcmp(revision_prepared(function_current(function))->image, before) != 0);
    serve(bench, "hello");
}

static void the_last_function_may_be_removed_before_it_settles(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "      act: validate:hang\n", NULL});
    start_fleet(bench);
    UNTIL(bench, bench->routed > 0);
    assert_int_equal(bench->settled, 0);
    write_config(bench, ", allow_empty: true", (const char *[]){NULL});
    fleet_reload(bench->fleet);
    UNTIL(bench, bench->settled > 0);
}

static void packages_of_retired_revisions_are_collected(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "", NULL});
    start_settled(bench);
    cleanup_free char *first =
        xasprintf("%s/packages/%s", bench->state,
                  revision_prepared(function_current(find(bench, "hello")))->package_digest);
    assert_true(fs_is_dir(first));
    write_file(bench, "functions/code/main.x", "second\n");
    fleet_reload(bench->fleet);
    UNTIL(bench, !fs_is_dir(first));
    cleanup_free char *second =
        xasprintf("%s/packages/%s", bench->state,
                  revision_prepared(function_current(find(bench, "hello")))->package_digest);
    assert_true(fs_is_dir(second));
    serve(bench, "hello");
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    const struct CMUnitTest tests[] = {
        FLEET_TEST(a_new_revision_takes_over_and_the_old_one_drains),
        FLEET_TEST(an_instance_on_trial_waits_for_the_next_request),
        FLEET_TEST(an_instance_on_trial_that_waits_makes_room),
        FLEET_TEST(a_revision_that_cannot_load_leaves_the_old_one_serving),
        FLEET_TEST(a_trial_that_is_disturbed_is_repeated),
        FLEET_TEST(a_trial_that_is_disturbed_again_and_again_is_given_up),
        FLEET_TEST(a_mistake_leaves_the_old_one_serving),
        FLEET_TEST(a_function_that_never_worked_says_why),
        FLEET_TEST(requests_outlive_a_broken_first_deployment),
        FLEET_TEST(a_function_can_be_removed_and_added_again_while_it_drains),
        FLEET_TEST(a_storm_of_reloads_settles),
        FLEET_TEST(an_unchanged_reload_changes_nothing),
        FLEET_TEST(a_runtime_image_that_is_another_one_is_seen_at_a_reload),
        FLEET_TEST(the_last_function_may_be_removed_before_it_settles),
        FLEET_TEST(packages_of_retired_revisions_are_collected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
