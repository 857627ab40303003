/* The whole fleet: the engine is late, goes and comes back, refuses and fails. */
#include "whole_fleet.h"

/* What the engine refuses it refuses again: nobody waits for that. What it fails at may pass. */
static void what_the_engine_refuses_is_told_at_once(void **state)
{
    static const enum fake_op ops[] = {FAKE_CREATE, FAKE_START};
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "", NULL});
    start_settled(bench);
    for (size_t i = 0; i < 2; i++) {
        uint64_t began_ms = clock_ms();
        fake_engine_plan(bench->engine, ops[i], (struct fake_plan){.status = 400});
        assert_refused(bench, "hello", "docker-request");
        assert_refused(bench, "hello", "docker-request");
        assert_in_range(clock_ms() - began_ms, 0, 5000);
        run_for(bench, 1200); /* the pause */
        fake_engine_plan(bench->engine, ops[i], (struct fake_plan){.status = 500, .times = 1});
        serve(bench, "hello");
        while (fake_engine_running(bench->engine))
            fake_container_die(bench->engine, fake_engine_running(bench->engine), 137, false);
        UNTIL(bench, fake_engine_count(bench->engine) == 0);
    }
}

static void the_engine_may_come_late(void **state)
{
    struct bench *bench = *state;
    fake_engine_stop(bench->engine);
    write_config(bench, "", (const char *[]){"hello", "", NULL});
    start_fleet(bench);
    run_for(bench, 300);
    assert_string_equal(fleet_waiting_for(bench->fleet), "the Docker engine");
    fake_engine_start(bench->engine);
    UNTIL(bench, bench->settled > 0);
    assert_null(fleet_waiting_for(bench->fleet));
    serve(bench, "hello");
}

/* Requests that come while the engine is away wait for it. */
/* Nobody knows yet what there is, and what of it is still of use. */
static void a_reload_before_the_engine_has_told_starts_nothing(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "      min_scale: 1\n", NULL});
    fake_engine_plan(bench->engine, FAKE_LIST, (struct fake_plan){.hold = true});
    start_fleet(bench);
    fleet_reload(bench->fleet);
    run_for(bench, 500);
    assert_int_equal(fake_engine_calls(bench->engine, FAKE_CREATE), 0);
    assert_int_equal(bench->routed, 0);
    fake_engine_release(bench->engine, FAKE_LIST);
    UNTIL(bench, bench->settled > 0);
    serve(bench, "hello");
}

static void the_engine_may_go_and_come_back(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "", "other", "", NULL});
    start_settled(bench);
    serve(bench, "other");
    fake_engine_stop(bench->engine);
    struct request *request = ask(bench, "hello");
    run_for(bench, 3000); /* several starts have failed by now */
    assert_false(request->told);
    serve(bench, "other");
    fake_engine_start(bench->engine);
    uint64_t began_ms = clock_ms();
    UNTIL(bench, request->told);
    assert_true(clock_ms() - began_ms < 1500); /* no back-off is waited for */
    finish(request);
}

/* What runs is all there is while the engine is away, so it stays however idle it is. */
static void idle_instances_stay_while_the_engine_is_away(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "      idle_timeout: 200ms\n", NULL});
    start_settled(bench);
    serve(bench, "hello");
    fake_engine_stop(bench->engine);
    run_for(bench, 600);
    assert_non_null(fake_engine_running(bench->engine));
    serve(bench, "hello");
    fake_engine_start(bench->engine);
    UNTIL(bench, fake_engine_count(bench->engine) == 0);
}

/* Failures are backed off from, whatever else makes room meanwhile. */
static void prewarmed_instances_that_fail_are_not_started_over_and_over(void **state)
{
    struct bench *bench = *state;
    write_config(bench, ", prewarm: 2", (const char *[]){"hello", "", NULL});
    fake_engine_plan(bench->engine, FAKE_START, (struct fake_plan){.status = 500});
    start_settled(bench);
    run_for(bench, 600);
    assert_in_range(fake_engine_calls(bench->engine, FAKE_CREATE), 2, 6);
}

/* Whatever became of the containers meanwhile is noticed. */
static void containers_that_vanished_while_the_engine_was_away(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "      idle_timeout: 1h\n", "other", "", NULL});
    start_settled(bench);
    serve(bench, "hello");
    fake_engine_stop(bench->engine);
    fake_container_vanish(bench->engine, fake_engine_running(bench->engine));
    run_for(bench, 100);
    fake_engine_start(bench->engine);
    UNTIL(bench, fleet_current_budget(bench->fleet)->instances == 0);
    serve(bench, "hello");
}

static void a_deployment_that_docker_failed_is_tried_again(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "", NULL});
    fake_engine_plan(bench->engine, FAKE_IMAGE, (struct fake_plan){.status = 503});
    start_settled(bench);
    assert_refused(bench, "hello", "docker-error");
    fake_engine_plan(bench->engine, FAKE_IMAGE, (struct fake_plan){0});
    UNTIL(bench, !function_problem(find(bench, "hello")));
    run_for(bench, 20);
    serve(bench, "hello");
}

/* Somebody has removed the image while no container needed it. */
static void a_missing_image_is_made_again(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "", NULL});
    start_settled(bench);
    unsigned looked = fake_engine_calls(bench->engine, FAKE_IMAGE);
    fake_engine_plan(bench->engine, FAKE_CREATE, (struct fake_plan){.status = 404, .times = 1});
    serve(bench, "hello");
    UNTIL(bench, fake_engine_calls(bench->engine, FAKE_IMAGE) > looked); /* the next start may be sooner */
}

static void stops_while_the_engine_is_away(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "      min_scale: 2\n", NULL});
    start_settled(bench);
    serve(bench, "hello");
    fake_engine_stop(bench->engine);
    fleet_stop(bench->fleet);
    UNTIL(bench, bench->stopped > 0);
}

static void leftovers_of_a_predecessor_go_but_only_ours(void **state)
{
    struct bench *bench = *state;
    write_file(bench, "state/host-id", "0123456789abcdef");
    fake_engine_add(bench->engine, "0123456789abcdef", "aaaaaaaaaaaa");
    fake_engine_add(bench->engine, "0123456789abcdef", NULL); /* a builder */
    write_config(bench, "", (const char *[]){"hello", "", NULL});
    start_settled(bench);
    UNTIL(bench, fake_engine_count(bench->engine) == 0);
}

static void a_leftover_that_cannot_be_removed_is_tried_again(void **state)
{
    struct bench *bench = *state;
    write_file(bench, "state/host-id", "0123456789abcdef");
    fake_engine_add(bench->engine, "0123456789abcdef", "aaaaaaaaaaaa");
    fake_engine_plan(bench->engine, FAKE_REMOVE, (struct fake_plan){.status = 500, .times = 2});
    write_config(bench, "", (const char *[]){"hello", "", NULL});
    start_settled(bench);
    UNTIL(bench, fake_engine_count(bench->engine) == 0);
    assert_int_equal(fake_engine_calls(bench->engine, FAKE_REMOVE), 3);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    const struct CMUnitTest tests[] = {
        FLEET_TEST(what_the_engine_refuses_is_told_at_once),
        FLEET_TEST(the_engine_may_come_late),
        FLEET_TEST(a_reload_before_the_engine_has_told_starts_nothing),
        FLEET_TEST(the_engine_may_go_and_come_back),
        FLEET_TEST(idle_instances_stay_while_the_engine_is_away),
        FLEET_TEST(prewarmed_instances_that_fail_are_not_started_over_and_over),
        FLEET_TEST(containers_that_vanished_while_the_engine_was_away),
        FLEET_TEST(a_deployment_that_docker_failed_is_tried_again),
        FLEET_TEST(a_missing_image_is_made_again),
        FLEET_TEST(stops_while_the_engine_is_away),
        FLEET_TEST(leftovers_of_a_predecessor_go_but_only_ours),
        FLEET_TEST(a_leftover_that_cannot_be_removed_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
