/* The whole fleet: deployment, failures, room, the engine's comings and goings, the end. */
#include "whole_fleet.h"

/* --- life --- */

static void serves_and_removes_what_is_idle(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "      idle_timeout: 200ms\n", NULL});
    start_settled(&bench);
    assert_int_equal(fake_engine_count(bench.engine), 0);
    serve(&bench, "hello");
    assert_int_equal(fake_engine_count(bench.engine), 1);
    UNTIL(&bench, fake_engine_count(bench.engine) == 0);
    serve(&bench, "hello");
    stop_fleet(&bench);
    bench_close(&bench);
}

static void prewarmed_instances_are_used_and_replaced(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, ", prewarm: 2", (const char *[]){"one", "", "two", "", NULL});
    start_settled(&bench);
    UNTIL(&bench, fake_engine_count(bench.engine) == 2);
    run_for(&bench, 100);
    serve(&bench, "one");
    serve(&bench, "two");
    UNTIL(&bench, fake_engine_count(bench.engine) == 4);
    stop_fleet(&bench);
    bench_close(&bench);
}

/* A start that still waits for its turn gives way to a prewarmed instance that has become ready meanwhile. */
static void a_prewarmed_instance_serves_before_a_start_that_waits(void **state)
{
    (void)state;
    struct bench bench;
    struct request request;
    cleanup_free char *host = xasprintf(", prewarm: %ld", sysconf(_SC_NPROCESSORS_ONLN));
    bench_open(&bench);
    write_config(&bench, host, (const char *[]){"hello", "", NULL});
    fake_engine_plan(bench.engine, FAKE_START, (struct fake_plan){.hold = true});
    start_settled(&bench);
    ask(&bench, "hello", &request);
    run_for(&bench, 100); /* every turn is taken by a prewarmed instance to be */
    fake_engine_release(bench.engine, FAKE_START);
    UNTIL(&bench, request.slot);
    struct fake_container *container = fake_engine_newest(bench.engine);
    while (container && container->renames == 0)
        container = container->next;
    assert_true(container && strstr(container->name, "berth-hello-"));
    finish(&request);
    stop_fleet(&bench);
    bench_close(&bench);
}

static void leftovers_of_a_predecessor_go_but_only_ours(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_file(&bench, "state/host-id", "0123456789abcdef");
    fake_engine_add(bench.engine, "0123456789abcdef", "aaaaaaaaaaaa");
    fake_engine_add(bench.engine, "0123456789abcdef", NULL); /* a builder */
    write_config(&bench, "", (const char *[]){"hello", "", NULL});
    start_settled(&bench);
    UNTIL(&bench, fake_engine_count(bench.engine) == 0);
    stop_fleet(&bench);
    bench_close(&bench);
}

static void a_leftover_that_cannot_be_removed_is_tried_again(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_file(&bench, "state/host-id", "0123456789abcdef");
    fake_engine_add(bench.engine, "0123456789abcdef", "aaaaaaaaaaaa");
    fake_engine_plan(bench.engine, FAKE_REMOVE, (struct fake_plan){.status = 500, .times = 2});
    write_config(&bench, "", (const char *[]){"hello", "", NULL});
    start_settled(&bench);
    UNTIL(&bench, fake_engine_count(bench.engine) == 0);
    assert_int_equal(fake_engine_calls(bench.engine, FAKE_REMOVE), 3);
    stop_fleet(&bench);
    bench_close(&bench);
}

static void a_second_daemon_in_the_same_directories_is_refused(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "", NULL});
    start_settled(&bench);
    cleanup_free char *other = xasprintf("%s/other", bench.dir);
    const char *const pairs[][2] = {{bench.state, other}, {other, bench.run}};
    for (size_t i = 0; i < 2; i++) {
        struct fleet_options options = {.base = bench.base,
                                        .host = &bench.registry->host,
                                        .config_path = bench.config,
                                        .state_dir = pairs[i][0],
                                        .run_dir = pairs[i][1],
                                        .plugin_dir = bench.plugins,
                                        .build_job_program = BUILD_JOB_PROGRAM,
                                        .routes = bench.routes};
        struct fleet_hooks hooks = {.context = &bench};
        struct fleet *second;
        struct error err;
        assert_int_equal(fleet_create(&options, &hooks, &second, &err), -1);
        assert_string_equal(error_code_slug(err.code), "in-use");
    }
    serve(&bench, "hello");
    stop_fleet(&bench);
    bench_close(&bench);
}

/* --- deployment --- */

static void a_new_revision_takes_over_and_the_old_one_drains(void **state)
{
    (void)state;
    struct bench bench;
    struct request held, fresh;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "", NULL});
    start_settled(&bench);
    ask(&bench, "hello", &held);
    UNTIL(&bench, held.slot);
    struct revision *old = function_current(find(&bench, "hello"));
    write_file(&bench, "functions/code/main.x", "second\n");
    fleet_reload(bench.fleet);
    UNTIL(&bench, function_current(find(&bench, "hello")) != old);
    ask(&bench, "hello", &fresh);
    UNTIL(&bench, fresh.slot);
    assert_int_not_equal(slot_instance(held.slot), slot_instance(fresh.slot));
    assert_int_equal(fake_engine_count(bench.engine), 2);
    finish(&held);
    UNTIL(&bench, fake_engine_count(bench.engine) == 1);
    finish(&fresh);
    stop_fleet(&bench);
    bench_close(&bench);
}

static void a_revision_that_cannot_load_leaves_the_old_one_serving(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "", NULL});
    start_settled(&bench);
    serve(&bench, "hello");
    struct revision *old = function_current(find(&bench, "hello"));
    fake_engine_set_runner(bench.engine, RUNNER_REFUSES);
    write_file(&bench, "functions/code/main.x", "second\n");
    fleet_reload(bench.fleet);
    UNTIL(&bench, function_problem(find(&bench, "hello")));
    assert_string_equal(error_code_slug(function_problem(find(&bench, "hello"))->code), "load-failed");
    assert_ptr_equal(function_current(find(&bench, "hello")), old);
    UNTIL(&bench, fake_engine_count(bench.engine) == 1);
    serve(&bench, "hello");
    stop_fleet(&bench);
    bench_close(&bench);
}

static void a_mistake_leaves_the_old_one_serving(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "", NULL});
    start_settled(&bench);
    serve(&bench, "hello");
    write_config(&bench, "", (const char *[]){"hello", "      act: validate:report-error\n", NULL});
    fleet_reload(bench.fleet);
    UNTIL(&bench, function_problem(find(&bench, "hello")));
    serve(&bench, "hello");
    assert_true(function_is_settled(find(&bench, "hello")));
    write_config(&bench, "", (const char *[]){"hello", "", NULL});
    fleet_reload(bench.fleet);
    UNTIL(&bench, !function_problem(find(&bench, "hello")));
    serve(&bench, "hello");
    stop_fleet(&bench);
    bench_close(&bench);
}

static void a_function_that_never_worked_says_why(void **state)
{
    (void)state;
    struct bench bench;
    struct request early;
    bench_open(&bench);
    write_config(&bench, ", build_timeout: 1s", (const char *[]){"hello", "      act: package:hang\n", NULL});
    start_fleet(&bench);
    UNTIL(&bench, bench.routed > 0);
    ask(&bench, "hello", &early); /* it waits while the first revision is built */
    assert_false(early.told);
    const struct route *stale = route_of(&bench, "hello");
    UNTIL(&bench, early.told);
    assert_string_equal(error_component_name(early.error.component), "plugin");
    UNTIL(&bench, bench.settled > 0);
    struct request late = {.waiter = {.mail.deliver = on_mail, .inbox = &bench.inbox, .queue_length = 1}};
    slot_pool_acquire(stale->pool, 0, clock_ms(), &late.waiter, &late.slot);
    UNTIL(&bench, late.told);
    assert_string_equal(error_component_name(late.error.component), "plugin");
    run_for(&bench, 20);
    assert_refused(&bench, "hello", error_code_slug(early.error.code));
    stop_fleet(&bench);
    bench_close(&bench);
}

/* The first deployment turns out broken while the second is being built: who waits for the first is served by
 * the second. */
static void requests_outlive_a_broken_first_deployment(void **state)
{
    (void)state;
    struct bench bench;
    struct request early;
    bench_open(&bench);
    write_config(&bench, ", build_timeout: 1500ms",
                 (const char *[]){"hello", "      act: validate:hang\n", NULL});
    start_fleet(&bench);
    UNTIL(&bench, bench.routed > 0);
    ask(&bench, "hello", &early);
    run_for(&bench, 1000);
    write_config(&bench, "", (const char *[]){"hello", "      act: package:hang\n", NULL});
    fleet_reload(bench.fleet);
    run_for(&bench, 1000); /* the first has ended; the second is at work */
    assert_false(early.told);
    assert_int_equal(bench.settled, 0);
    write_config(&bench, "", (const char *[]){"hello", "", NULL});
    fleet_reload(bench.fleet);
    UNTIL(&bench, early.told);
    assert_non_null(early.slot);
    finish(&early);
    UNTIL(&bench, bench.settled > 0);
    assert_null(function_problem(find(&bench, "hello")));
    stop_fleet(&bench);
    bench_close(&bench);
}

static void a_function_can_be_removed_and_added_again_while_it_drains(void **state)
{
    (void)state;
    struct bench bench;
    struct request held;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "", "other", "", NULL});
    start_settled(&bench);
    ask(&bench, "hello", &held);
    UNTIL(&bench, held.slot);
    for (unsigned i = 0; i < 3; i++) {
        write_config(&bench, "", (const char *[]){"other", "", NULL});
        fleet_reload(bench.fleet);
        UNTIL(&bench, !find(&bench, "hello"));
        run_for(&bench, 20);
        assert_null(route_of(&bench, "hello"));
        write_config(&bench, "", (const char *[]){"hello", "", "other", "", NULL});
        fleet_reload(bench.fleet);
        UNTIL(&bench, find(&bench, "hello"));
        run_for(&bench, 20);
        serve(&bench, "hello");
    }
    finish(&held);
    UNTIL(&bench, fleet_function_count(bench.fleet) == 2);
    stop_fleet(&bench);
    bench_close(&bench);
}

static void a_storm_of_reloads_settles(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "", "other", "", NULL});
    start_settled(&bench);
    serve(&bench, "hello");
    for (unsigned i = 0; i < 20; i++) {
        cleanup_free char *text = xasprintf("version %u\n", i);
        write_file(&bench, "functions/code/main.x", text);
        fleet_reload(bench.fleet);
        if (i % 3 == 0)
            run_for(&bench, 15);
        struct request request;
        ask(&bench, "hello", &request);
        if (request.slot) {
            finish(&request);
        } else {
            UNTIL(&bench, request.told);
            finish(&request);
        }
    }
    UNTIL(&bench, function_is_settled(find(&bench, "hello")) && function_is_settled(find(&bench, "other")));
    run_for(&bench, 300);
    UNTIL(&bench, function_is_settled(find(&bench, "hello")));
    serve(&bench, "hello");
    serve(&bench, "other");
    UNTIL(&bench, fake_engine_count(bench.engine) <= 2);
    stop_fleet(&bench);
    bench_close(&bench);
}

static void an_unchanged_reload_changes_nothing(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "", NULL});
    start_settled(&bench);
    serve(&bench, "hello");
    struct revision *current = function_current(find(&bench, "hello"));
    for (unsigned i = 0; i < 3; i++) {
        const struct function_settings *before = function_latest_settings(find(&bench, "hello"));
        fleet_reload(bench.fleet);
        UNTIL(&bench, function_latest_settings(find(&bench, "hello")) != before &&
                          function_is_settled(find(&bench, "hello")));
        assert_ptr_equal(function_current(find(&bench, "hello")), current);
        /* the registry before this one is needed by nobody any more */
        assert_ptr_equal(revision_settings(current), function_latest_settings(find(&bench, "hello")));
    }
    assert_int_equal(fake_engine_calls(bench.engine, FAKE_CREATE), 1);
    stop_fleet(&bench);
    bench_close(&bench);
}

static void the_last_function_may_be_removed_before_it_settles(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "      act: validate:hang\n", NULL});
    start_fleet(&bench);
    UNTIL(&bench, bench.routed > 0);
    assert_int_equal(bench.settled, 0);
    write_config(&bench, "", (const char *[]){NULL});
    fleet_reload(bench.fleet);
    UNTIL(&bench, bench.settled > 0);
    stop_fleet(&bench);
    bench_close(&bench);
}

static void packages_of_retired_revisions_are_collected(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "", NULL});
    start_settled(&bench);
    cleanup_free char *first =
        xasprintf("%s/packages/%s", bench.state,
                  revision_prepared(function_current(find(&bench, "hello")))->package_digest);
    assert_true(fs_is_dir(first));
    write_file(&bench, "functions/code/main.x", "second\n");
    fleet_reload(bench.fleet);
    UNTIL(&bench, !fs_is_dir(first));
    cleanup_free char *second =
        xasprintf("%s/packages/%s", bench.state,
                  revision_prepared(function_current(find(&bench, "hello")))->package_digest);
    assert_true(fs_is_dir(second));
    serve(&bench, "hello");
    stop_fleet(&bench);
    bench_close(&bench);
}

/* --- failures --- */

static void a_function_that_cannot_load_tells_its_callers(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "", "other", "", NULL});
    start_settled(&bench);
    serve(&bench, "other");
    fake_engine_set_runner(bench.engine, RUNNER_REFUSES);
    assert_refused(&bench, "hello", "load-failed");
    assert_refused(&bench, "hello", "load-failed"); /* at once: it backs off */
    serve(&bench, "other");
    fake_engine_set_runner(bench.engine, RUNNER_SERVES);
    run_for(&bench, 1200);
    serve(&bench, "hello");
    stop_fleet(&bench);
    bench_close(&bench);
}

static void a_killed_instance_is_replaced_for_those_who_wait(void **state)
{
    (void)state;
    struct bench bench;
    struct request held, waiting;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "      max_scale: 1\n      concurrency: 1\n", NULL});
    start_settled(&bench);
    ask(&bench, "hello", &held);
    UNTIL(&bench, held.slot);
    ask(&bench, "hello", &waiting);
    fake_container_die(bench.engine, fake_engine_running(bench.engine), 137, true);
    slot_pool_release(held.slot, SLOT_BROKEN, clock_ms(), 0);
    UNTIL(&bench, waiting.told);
    assert_non_null(waiting.slot);
    finish(&waiting);
    const struct failure *last = function_last_failure(find(&bench, "hello"));
    assert_string_equal(error_code_slug(last->cause->code), "out-of-memory");
    assert_true(last->at_ms > 0);
    stop_fleet(&bench);
    bench_close(&bench);
}

/* What loads and then dies at once must not be started again and again. */
static void a_function_that_keeps_dying_backs_off(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "      min_scale: 1\n", NULL});
    start_settled(&bench);
    uint64_t end_ms = clock_ms() + 1500;
    while (clock_ms() < end_ms) {
        run_for(&bench, 10);
        struct revision *revision = function_current(find(&bench, "hello"));
        struct slot_counts counts;
        slot_pool_counts(revision_pool(revision), &counts);
        if (counts.instances > 0)
            fake_container_die(bench.engine, fake_engine_running(bench.engine), 1, false);
    }
    assert_in_range(fake_engine_calls(bench.engine, FAKE_CREATE), 2, 6);
    UNTIL(&bench, fake_engine_calls(bench.engine, FAKE_CREATE) >= 5);
    stop_fleet(&bench);
    bench_close(&bench);
}

/* What the engine refuses it refuses again: nobody waits for that. What it fails at may pass. */
static void what_the_engine_refuses_is_told_at_once(void **state)
{
    (void)state;
    static const enum fake_op ops[] = {FAKE_CREATE, FAKE_START};
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "", NULL});
    start_settled(&bench);
    for (size_t i = 0; i < 2; i++) {
        uint64_t began_ms = clock_ms();
        fake_engine_plan(bench.engine, ops[i], (struct fake_plan){.status = 400});
        assert_refused(&bench, "hello", "docker-request");
        assert_refused(&bench, "hello", "docker-request");
        assert_in_range(clock_ms() - began_ms, 0, 5000);
        run_for(&bench, 1200); /* the pause */
        fake_engine_plan(bench.engine, ops[i], (struct fake_plan){.status = 500, .times = 1});
        serve(&bench, "hello");
        while (fake_engine_running(bench.engine))
            fake_container_die(bench.engine, fake_engine_running(bench.engine), 137, false);
        UNTIL(&bench, fake_engine_count(bench.engine) == 0);
    }
    stop_fleet(&bench);
    bench_close(&bench);
}

/* The runner closes its only connection under one request after the other, while its container goes on: the
 * next request is served by another instance, however young the last one is. */
static void nobody_waits_for_an_instance_without_slots(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "      max_scale: 1\n      concurrency: 1\n", NULL});
    start_settled(&bench);
    serve(&bench, "hello");
    for (unsigned i = 0; i < 3; i++) {
        struct request request;
        uint64_t began_ms = clock_ms();
        ask(&bench, "hello", &request);
        UNTIL(&bench, request.told);
        assert_non_null(request.slot);
        assert_in_range(clock_ms() - began_ms, 0, 1500); /* pauses when it dies young are counted in */
        fake_container_hang_up(fake_engine_newest(bench.engine));
        slot_pool_release(request.slot, SLOT_LOST, clock_ms(), 1000);
    }
    const struct failure *last = function_last_failure(find(&bench, "hello"));
    UNTIL(&bench, last->at_ms > 0);
    assert_string_equal(error_code_slug(last->cause->code), "runner-gone");
    UNTIL(&bench, fake_engine_count(bench.engine) == 0);
    stop_fleet(&bench);
    bench_close(&bench);
}

static bool has_ready(struct bench *bench, const char *name)
{
    struct slot_counts counts;
    slot_pool_counts(revision_pool(function_current(find(bench, name))), &counts);
    return counts.instances > 0;
}

/* Somebody who kills its instances one after the other does not keep it from serving. */
static void a_function_that_is_killed_again_and_again_comes_back_soon(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "      min_scale: 1\n", NULL});
    start_settled(&bench);
    for (unsigned kills = 1; kills <= 8; kills++) {
        UNTIL(&bench, fake_engine_calls(bench.engine, FAKE_CREATE) == kills);
        UNTIL(&bench, has_ready(&bench, "hello"));
        fake_container_die(bench.engine, fake_engine_running(bench.engine), 137, false);
        uint64_t killed_ms = clock_ms();
        UNTIL(&bench, fake_engine_calls(bench.engine, FAKE_CREATE) == kills + 1);
        assert_in_range(clock_ms() - killed_ms, 0, 2000);
    }
    serve(&bench, "hello");
    stop_fleet(&bench);
    bench_close(&bench);
}

static void the_engine_may_come_late(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    fake_engine_stop(bench.engine);
    write_config(&bench, "", (const char *[]){"hello", "", NULL});
    start_fleet(&bench);
    run_for(&bench, 300);
    assert_string_equal(fleet_waiting_for(bench.fleet), "the Docker engine");
    fake_engine_start(bench.engine);
    UNTIL(&bench, bench.settled > 0);
    assert_null(fleet_waiting_for(bench.fleet));
    serve(&bench, "hello");
    stop_fleet(&bench);
    bench_close(&bench);
}

/* Requests that come while the engine is away wait for it. */
static void the_engine_may_go_and_come_back(void **state)
{
    (void)state;
    struct bench bench;
    struct request request;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "", "other", "", NULL});
    start_settled(&bench);
    serve(&bench, "other");
    fake_engine_stop(bench.engine);
    ask(&bench, "hello", &request);
    run_for(&bench, 3000); /* several starts have failed by now */
    assert_false(request.told);
    serve(&bench, "other");
    fake_engine_start(bench.engine);
    uint64_t began_ms = clock_ms();
    UNTIL(&bench, request.told);
    assert_true(clock_ms() - began_ms < 1500); /* no back-off is waited for */
    finish(&request);
    stop_fleet(&bench);
    bench_close(&bench);
}

/* What runs is all there is while the engine is away, so it stays however idle it is. */
static void idle_instances_stay_while_the_engine_is_away(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "      idle_timeout: 200ms\n", NULL});
    start_settled(&bench);
    serve(&bench, "hello");
    fake_engine_stop(bench.engine);
    run_for(&bench, 600);
    assert_non_null(fake_engine_running(bench.engine));
    serve(&bench, "hello");
    fake_engine_start(bench.engine);
    UNTIL(&bench, fake_engine_count(bench.engine) == 0);
    stop_fleet(&bench);
    bench_close(&bench);
}

/* Failures are backed off from, whatever else makes room meanwhile. */
static void prewarmed_instances_that_fail_are_not_started_over_and_over(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, ", prewarm: 2", (const char *[]){"hello", "", NULL});
    fake_engine_plan(bench.engine, FAKE_START, (struct fake_plan){.status = 500});
    start_settled(&bench);
    run_for(&bench, 600);
    assert_in_range(fake_engine_calls(bench.engine, FAKE_CREATE), 2, 6);
    stop_fleet(&bench);
    bench_close(&bench);
}

/* Whatever became of the containers meanwhile is noticed. */
static void containers_that_vanished_while_the_engine_was_away(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "      idle_timeout: 1h\n", "other", "", NULL});
    start_settled(&bench);
    serve(&bench, "hello");
    fake_engine_stop(bench.engine);
    fake_container_vanish(bench.engine, fake_engine_running(bench.engine));
    run_for(&bench, 100);
    fake_engine_start(bench.engine);
    UNTIL(&bench, fleet_current_budget(bench.fleet)->instances == 0);
    serve(&bench, "hello");
    stop_fleet(&bench);
    bench_close(&bench);
}

static void a_deployment_that_docker_failed_is_tried_again(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "", NULL});
    fake_engine_plan(bench.engine, FAKE_IMAGE, (struct fake_plan){.status = 503});
    start_settled(&bench);
    assert_refused(&bench, "hello", "docker-error");
    fake_engine_plan(bench.engine, FAKE_IMAGE, (struct fake_plan){0});
    UNTIL(&bench, !function_problem(find(&bench, "hello")));
    run_for(&bench, 20);
    serve(&bench, "hello");
    stop_fleet(&bench);
    bench_close(&bench);
}

/* Somebody has removed the image while no container needed it. */
static void a_missing_image_is_made_again(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "", NULL});
    start_settled(&bench);
    unsigned looked = fake_engine_calls(bench.engine, FAKE_IMAGE);
    fake_engine_plan(bench.engine, FAKE_CREATE, (struct fake_plan){.status = 404, .times = 1});
    serve(&bench, "hello");
    assert_true(fake_engine_calls(bench.engine, FAKE_IMAGE) > looked);
    stop_fleet(&bench);
    bench_close(&bench);
}

/* --- room --- */

static void idle_instances_make_room_for_demand(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, ", max_instances: 2",
                 (const char *[]){"one", "", "two", "", "three", "      min_scale: 1\n", NULL});
    start_settled(&bench);
    UNTIL(&bench, fake_engine_count(bench.engine) == 1);
    serve(&bench, "one");
    assert_int_equal(fake_engine_count(bench.engine), 2);
    uint64_t began_ms = clock_ms();
    serve(&bench, "two"); /* long before the idle time-out of "one"; the minimum of "three" stays */
    serve(&bench, "three");
    serve(&bench, "one");
    assert_true(clock_ms() - began_ms < 5000);
    assert_true(fake_engine_count(bench.engine) <= 2);
    stop_fleet(&bench);
    bench_close(&bench);
}

static void prewarmed_instances_make_room_for_demand(void **state)
{
    (void)state;
    struct bench bench;
    struct request first, second;
    bench_open(&bench);
    write_config(&bench, ", max_instances: 2, prewarm: 2",
                 (const char *[]){"one", "      concurrency: 1\n", NULL});
    start_settled(&bench);
    UNTIL(&bench, fake_engine_count(bench.engine) == 2);
    run_for(&bench, 100);
    ask(&bench, "one", &first);
    UNTIL(&bench, first.slot); /* it takes a prewarmed one although the host is full */
    ask(&bench, "one", &second);
    UNTIL(&bench, second.slot);
    run_for(&bench, 200);
    assert_int_equal(fake_engine_count(bench.engine), 2);
    finish(&first);
    finish(&second);
    stop_fleet(&bench);
    bench_close(&bench);
}

/* Runs the loop until the function has another revision than `old`; never more than one container is there.
 */
static void await_takeover(struct bench *bench, const struct revision *old)
{
    uint64_t end_ms = clock_ms() + GUARD_MS;
    while (function_current(find(bench, "hello")) == old) {
        run_for(bench, 2);
        assert_true(fake_engine_count(bench->engine) <= 1);
        assert_true(fleet_current_budget(bench->fleet)->instances <= 1);
        assert_true(clock_ms() < end_ms);
    }
}

/* The new revision is tried in the place of the old one's instance when there is no other. */
static void a_trial_keeps_to_the_budget(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, ", max_instances: 1", (const char *[]){"hello", "      min_scale: 1\n", NULL});
    start_settled(&bench);
    serve(&bench, "hello");
    struct revision *old = function_current(find(&bench, "hello"));
    write_file(&bench, "functions/code/main.x", "second\n");
    fleet_reload(bench.fleet);
    await_takeover(&bench, old);
    serve(&bench, "hello");
    assert_int_equal(fake_engine_count(bench.engine), 1);
    stop_fleet(&bench);
    bench_close(&bench);
}

/* The old revision is never idle: it drains, who asks meanwhile waits, and nothing locks up. */
static void a_trial_gets_its_turn_on_a_busy_host(void **state)
{
    (void)state;
    struct bench bench;
    struct request held, waiting;
    bench_open(&bench);
    write_config(&bench, ", max_instances: 1", (const char *[]){"hello", "      concurrency: 1\n", NULL});
    start_settled(&bench);
    ask(&bench, "hello", &held);
    UNTIL(&bench, held.slot);
    struct revision *old = function_current(find(&bench, "hello"));
    write_file(&bench, "functions/code/main.x", "second\n");
    fleet_reload(bench.fleet);
    run_for(&bench, 500);
    ask(&bench, "hello", &waiting);
    run_for(&bench, 2500);
    assert_ptr_equal(function_current(find(&bench, "hello")), old);
    assert_false(waiting.told);
    finish(&held); /* the last request of the old instance */
    await_takeover(&bench, old);
    UNTIL(&bench, waiting.slot);
    finish(&waiting);
    stop_fleet(&bench);
    bench_close(&bench);
}

/* One that fails gives the room back to the old revision. */
static void a_failed_trial_gives_its_room_back(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, ", max_instances: 1", (const char *[]){"hello", "", NULL});
    start_settled(&bench);
    serve(&bench, "hello");
    fake_engine_set_runner(bench.engine, RUNNER_REFUSES);
    write_file(&bench, "functions/code/main.x", "second\n");
    fleet_reload(bench.fleet);
    UNTIL(&bench, function_problem(find(&bench, "hello")));
    assert_string_equal(error_code_slug(function_problem(find(&bench, "hello"))->code), "load-failed");
    fake_engine_set_runner(bench.engine, RUNNER_SERVES);
    serve(&bench, "hello");
    stop_fleet(&bench);
    bench_close(&bench);
}

/* What no room will ever be enough for is refused instead of waited for. */
static void a_trial_larger_than_the_host_fails(void **state)
{
    (void)state;
#define SIZED(memory)                                                                                        \
    "host: {prewarm: 0, max_memory: 100Mi}\nusable-functions:\n  hello:\n"                                   \
    "    configuration: {language: acting, folder: code, file: main.x, memory: " memory "}\n"
    struct bench bench;
    bench_open(&bench);
    write_file(&bench, "config.yml", SIZED("64Mi"));
    start_settled(&bench);
    write_file(&bench, "config.yml", SIZED("128Mi"));
    fleet_reload(bench.fleet);
    UNTIL(&bench, function_problem(find(&bench, "hello")));
    assert_string_equal(error_code_slug(function_problem(find(&bench, "hello"))->code), "host-full");
    serve(&bench, "hello");
    stop_fleet(&bench);
    bench_close(&bench);
}

/* While Docker starts a prewarmed instance, a request that comes makes it its function's: nothing else is
 * started for it, and the place is filled anew. */
static void a_prewarmed_instance_on_its_way_is_claimed(void **state)
{
    (void)state;
    struct bench bench;
    struct request one, two;
    bench_open(&bench);
    write_config(&bench, ", prewarm: 1", (const char *[]){"one", "", "two", "", NULL});
    fake_engine_plan(bench.engine, FAKE_START, (struct fake_plan){.hold = true});
    start_settled(&bench);
    UNTIL(&bench, fake_engine_count(bench.engine) == 1);
    ask(&bench, "one", &one);
    ask(&bench, "two", &two);
    UNTIL(&bench, fake_engine_calls(bench.engine, FAKE_START) == 2); /* the other has to start its own */
    assert_int_equal(fake_engine_calls(bench.engine, FAKE_CREATE), 2);
    fake_engine_plan(bench.engine, FAKE_START, (struct fake_plan){0});
    fake_engine_release(bench.engine, FAKE_START);
    UNTIL(&bench, one.slot && two.slot);
    assert_int_not_equal(slot_instance(one.slot), slot_instance(two.slot));
    UNTIL(&bench, fake_engine_count(bench.engine) == 3);
    finish(&one);
    finish(&two);
    stop_fleet(&bench);
    bench_close(&bench);
}

/* --- the end --- */

static void stops_in_the_middle_of_everything(void **state)
{
    (void)state;
    static const unsigned moments_ms[] = {0, 5, 20, 60, 120, 250, 400};
    for (size_t i = 0; i < sizeof(moments_ms) / sizeof(moments_ms[0]); i++) {
        struct bench bench;
        bench_open(&bench);
        write_config(&bench, "",
                     (const char *[]){"hello", "      min_scale: 3\n", "hang", "      act: validate:hang\n",
                                      "depends", "      act: package:dependencies\n", NULL});
        start_fleet(&bench);
        if (moments_ms[i])
            run_for(&bench, moments_ms[i]);
        stop_fleet(&bench);
        bench_close(&bench);
    }
}

static void stops_while_the_engine_is_away(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_config(&bench, "", (const char *[]){"hello", "      min_scale: 2\n", NULL});
    start_settled(&bench);
    serve(&bench, "hello");
    fake_engine_stop(bench.engine);
    fleet_stop(bench.fleet);
    UNTIL(&bench, bench.stopped > 0);
    bench_close(&bench);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_and_removes_what_is_idle),
        cmocka_unit_test(prewarmed_instances_are_used_and_replaced),
        cmocka_unit_test(a_prewarmed_instance_serves_before_a_start_that_waits),
        cmocka_unit_test(leftovers_of_a_predecessor_go_but_only_ours),
        cmocka_unit_test(a_leftover_that_cannot_be_removed_is_tried_again),
        cmocka_unit_test(a_second_daemon_in_the_same_directories_is_refused),
        cmocka_unit_test(a_new_revision_takes_over_and_the_old_one_drains),
        cmocka_unit_test(a_revision_that_cannot_load_leaves_the_old_one_serving),
        cmocka_unit_test(a_mistake_leaves_the_old_one_serving),
        cmocka_unit_test(a_function_that_never_worked_says_why),
        cmocka_unit_test(requests_outlive_a_broken_first_deployment),
        cmocka_unit_test(a_function_can_be_removed_and_added_again_while_it_drains),
        cmocka_unit_test(a_storm_of_reloads_settles),
        cmocka_unit_test(an_unchanged_reload_changes_nothing),
        cmocka_unit_test(the_last_function_may_be_removed_before_it_settles),
        cmocka_unit_test(packages_of_retired_revisions_are_collected),
        cmocka_unit_test(a_function_that_cannot_load_tells_its_callers),
        cmocka_unit_test(a_killed_instance_is_replaced_for_those_who_wait),
        cmocka_unit_test(a_function_that_keeps_dying_backs_off),
        cmocka_unit_test(what_the_engine_refuses_is_told_at_once),
        cmocka_unit_test(nobody_waits_for_an_instance_without_slots),
        cmocka_unit_test(a_function_that_is_killed_again_and_again_comes_back_soon),
        cmocka_unit_test(the_engine_may_come_late),
        cmocka_unit_test(the_engine_may_go_and_come_back),
        cmocka_unit_test(idle_instances_stay_while_the_engine_is_away),
        cmocka_unit_test(prewarmed_instances_that_fail_are_not_started_over_and_over),
        cmocka_unit_test(containers_that_vanished_while_the_engine_was_away),
        cmocka_unit_test(a_deployment_that_docker_failed_is_tried_again),
        cmocka_unit_test(a_missing_image_is_made_again),
        cmocka_unit_test(idle_instances_make_room_for_demand),
        cmocka_unit_test(prewarmed_instances_make_room_for_demand),
        cmocka_unit_test(a_trial_keeps_to_the_budget),
        cmocka_unit_test(a_trial_gets_its_turn_on_a_busy_host),
        cmocka_unit_test(a_failed_trial_gives_its_room_back),
        cmocka_unit_test(a_trial_larger_than_the_host_fails),
        cmocka_unit_test(a_prewarmed_instance_on_its_way_is_claimed),
        cmocka_unit_test(stops_in_the_middle_of_everything),
        cmocka_unit_test(stops_while_the_engine_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
