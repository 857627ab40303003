/* The whole fleet: instances that one leaves, and what the next one does with them. */
#include "whole_fleet.h"

#include "base/unix_socket.h"
#include "fleet/instance/adoption.h"
#include "fleet/instance/instance_record.h"

#include <dirent.h>
#include <stdio.h>

#define OWNER "0123456789abcdef"

/* The fleet ends and leaves what can be left. */
static void leave(struct bench *bench)
{
    fleet_release(bench->fleet, 0);
    UNTIL(bench, bench->stopped > 0);
    assert_int_equal(fleet_current_budget(bench->fleet)->instances, 0);
    fleet_destroy(bench->fleet);
    registry_destroy(bench->registry);
    bench->fleet = NULL;
    bench->registry = NULL;
    bench->stopped = bench->settled = 0;
}

static struct fake_container *dial_anew(struct bench *bench)
{
    struct fake_container *container = fake_engine_newest(bench->engine);
    fake_container_hang_up(container);
    fake_container_dial(bench->engine, container);
    return container;
}

static char *path_of(const struct bench *bench, const char *instance, const char *suffix)
{
    return xasprintf("%s/i/%s%s", bench->run, instance, suffix);
}

static size_t left_behind(const struct bench *bench)
{
    size_t count = 0;
    cleanup_free char *dir = xasprintf("%s/i", bench->run);
    cleanup_dir DIR *entries = opendir(dir);
    for (const struct dirent *entry; entries && (entry = readdir(entries));)
        count += entry->d_name[0] != '.';
    return count;
}

static unsigned created(const struct bench *bench)
{
    return fake_engine_calls(bench->engine, FAKE_CREATE);
}

/* One instance of "hello", left by one fleet. */
static void leave_hello(struct bench *bench, const char *host, const char *settings)
{
    write_file(bench, "state/host-id", OWNER);
    write_config(bench, host, (const char *[]){"hello", settings, NULL});
    start_settled(bench);
    serve(bench, "hello");
    leave(bench);
    assert_int_equal(fake_engine_count(bench->engine), 1);
}

static void an_instance_serves_the_next_fleet(void **state)
{
    struct bench *bench = *state;
    leave_hello(bench, "", "");
    start_settled(bench);
    assert_int_equal(fleet_current_budget(bench->fleet)->instances, 1);
    dial_anew(bench);
    serve(bench, "hello");
    assert_int_equal(created(bench), 1);
    assert_int_equal(fake_engine_calls(bench->engine, FAKE_REMOVE), 0);
}

/* The request waits for the runner's connection and not for a start. */
static void a_request_that_comes_first_waits_for_the_runner(void **state)
{
    struct bench *bench = *state;
    leave_hello(bench, "", "");
    start_settled(bench);
    struct request *request = ask(bench, "hello");
    run_for(bench, 50);
    assert_false(request->told);
    dial_anew(bench);
    UNTIL(bench, request->slot);
    finish(request);
    assert_int_equal(created(bench), 1);
}

static void it_goes_when_it_idles(void **state)
{
    struct bench *bench = *state;
    leave_hello(bench, "", "      idle_timeout: 300ms\n");
    start_settled(bench);
    dial_anew(bench);
    UNTIL(bench, fake_engine_count(bench->engine) == 0);
    UNTIL(bench, left_behind(bench) == 0);
}

static void it_is_what_min_scale_asks_for(void **state)
{
    struct bench *bench = *state;
    leave_hello(bench, "", "      min_scale: 1\n");
    start_settled(bench);
    run_for(bench, 50);
    dial_anew(bench);
    run_for(bench, 50);
    assert_int_equal(created(bench), 1);
}

/* Its runner is at work on what the daemon before had given it: until it dials there is no room in it, and
 * where there may be one instance only there is no other. */
static void one_that_is_at_work_is_left_alone(void **state)
{
    struct bench *bench = *state;
    leave_hello(bench, "", "      max_scale: 1\n      timeout: 20s\n");
    start_settled(bench);
    struct request *request = ask(bench, "hello");
    run_for(bench, INSTANCE_DIAL_MS + 300);
    assert_false(request->told);
    assert_int_equal(created(bench), 1);
    assert_int_equal(fake_engine_calls(bench->engine, FAKE_REMOVE), 0);
    dial_anew(bench);
    UNTIL(bench, request->slot);
    finish(request);
}

static void one_that_never_dials_is_replaced(void **state)
{
    struct bench *bench = *state;
    leave_hello(bench, "", "      max_scale: 1\n      timeout: 1s\n");
    start_settled(bench);
    serve(bench, "hello");
    assert_int_equal(created(bench), 2);
    UNTIL(bench, fake_engine_count(bench->engine) == 1);
}

static void another_revision_replaces_it_as_in_a_reload(void **state)
{
    struct bench *bench = *state;
    leave_hello(bench, "", "");
    write_file(bench, "functions/code/main.x", "second\n");
    struct fake_container *old = fake_engine_newest(bench->engine);
    char id[sizeof(old->id)];
    snprintf(id, sizeof(id), "%s", old->id);
    start_settled(bench);
    serve(bench, "hello");
    UNTIL(bench, fake_engine_count(bench->engine) == 1);
    assert_string_not_equal(fake_engine_newest(bench->engine)->id, id);
}

static void a_function_that_is_broken_now_serves_with_it(void **state)
{
    struct bench *bench = *state;
    leave_hello(bench, "", "");
    write_config(bench, "", (const char *[]){"hello", "      act: validate:report-error\n", NULL});
    start_settled(bench);
    struct request *request = ask(bench, "hello");
    run_for(bench, 50);
    dial_anew(bench);
    UNTIL(bench, request->slot);
    finish(request);
    assert_int_equal(created(bench), 1);
}

static void one_of_a_function_that_is_no_more_goes(void **state)
{
    struct bench *bench = *state;
    leave_hello(bench, "", "");
    write_config(bench, "", (const char *[]){"other", "", NULL});
    start_settled(bench);
    UNTIL(bench, fake_engine_count(bench->engine) == 0);
    UNTIL(bench, left_behind(bench) == 0);
    serve(bench, "other");
}

static void one_whose_container_has_ended_is_replaced(void **state)
{
    struct bench *bench = *state;
    leave_hello(bench, "", "");
    fake_container_die(bench->engine, fake_engine_newest(bench->engine), 1, false);
    start_settled(bench);
    serve(bench, "hello");
    assert_int_equal(created(bench), 2);
    UNTIL(bench, fake_engine_count(bench->engine) == 1);
}

static void one_whose_container_has_gone_is_forgotten(void **state)
{
    struct bench *bench = *state;
    leave_hello(bench, "", "");
    fake_container_vanish(bench->engine, fake_engine_newest(bench->engine));
    start_settled(bench);
    UNTIL(bench, left_behind(bench) == 0);
    serve(bench, "hello");
    assert_int_equal(created(bench), 2);
}

/* The engine tells of it when somebody is to claim it, or has just. */
static void one_whose_container_ends_at_the_start_is_replaced(void **state)
{
    struct bench *bench = *state;
    leave_hello(bench, "", "");
    start_fleet(bench);
    UNTIL(bench, fake_engine_calls(bench->engine, FAKE_LIST) == 2);
    fake_container_die(bench->engine, fake_engine_newest(bench->engine), 1, false);
    UNTIL(bench, bench->settled > 0);
    serve(bench, "hello");
    UNTIL(bench, fake_engine_count(bench->engine) == 1);
}

/* It has been found, nobody has claimed it yet, and the engine does not tell of its end. */
static void check_lost_with_the_engine(struct bench *bench, void (*lose)(struct fake_engine *engine,
                                                                         struct fake_container *container))
{
    leave_hello(bench, "", "");
    fake_engine_plan(bench->engine, FAKE_IMAGE, (struct fake_plan){.hold = true});
    start_fleet(bench);
    UNTIL(bench, fleet_current_budget(bench->fleet)->instances == 1);
    UNTIL(bench, fake_engine_calls(bench->engine, FAKE_IMAGE) > 0);
    fake_engine_stop(bench->engine);
    lose(bench->engine, fake_engine_newest(bench->engine));
    fake_engine_start(bench->engine);
    UNTIL(bench, left_behind(bench) == 0);
    assert_int_equal(fleet_current_budget(bench->fleet)->instances, 0);
    fake_engine_plan(bench->engine, FAKE_IMAGE, (struct fake_plan){0});
    fake_engine_release(bench->engine, FAKE_IMAGE);
    UNTIL(bench, bench->settled > 0);
    serve(bench, "hello");
    assert_int_equal(created(bench), 2);
}

static void end_silently(struct fake_engine *engine, struct fake_container *container)
{
    fake_container_die(engine, container, 1, false);
}

static void one_whose_container_ends_while_the_engine_is_away_is_replaced(void **state)
{
    check_lost_with_the_engine(*state, end_silently);
}

static void one_whose_container_goes_while_the_engine_is_away_is_replaced(void **state)
{
    check_lost_with_the_engine(*state, fake_container_vanish);
}

static void no_more_are_taken_over_than_there_may_be(void **state)
{
    struct bench *bench = *state;
    write_config(bench, "", (const char *[]){"hello", "      concurrency: 1\n", NULL});
    start_settled(bench);
    struct request *one = ask(bench, "hello"), *two = ask(bench, "hello");
    UNTIL(bench, one->slot && two->slot);
    finish(one);
    finish(two);
    leave(bench);
    assert_int_equal(fake_engine_count(bench->engine), 2);
    write_config(bench, ", max_instances: 1", (const char *[]){"hello", "      concurrency: 1\n", NULL});
    start_settled(bench);
    UNTIL(bench, fake_engine_count(bench->engine) == 1);
    dial_anew(bench);
    serve(bench, "hello");
    assert_int_equal(created(bench), 2);
}

static void prewarmed_ones_wait_for_the_next_fleet_too(void **state)
{
    struct bench *bench = *state;
    write_config(bench, ", prewarm: 1", (const char *[]){"hello", "", NULL});
    start_settled(bench);
    unsigned waiting = 0;
    uint64_t memory_bytes;
    UNTIL(bench, fake_engine_count(bench->engine) == 1);
    run_for(bench, 100);
    leave(bench);
    start_settled(bench);
    fleet_prewarmed(bench->fleet, &waiting, &memory_bytes);
    assert_int_equal(waiting, 1);
    dial_anew(bench);
    run_for(bench, 50);
    assert_int_equal(created(bench), 1);
    struct request *request = ask(bench, "hello");
    UNTIL(bench, request->slot);
    finish(request);
    UNTIL(bench, fake_engine_calls(bench->engine, FAKE_RENAME) == 1);
}

/* Its fleet ended before it had given the container its function's name, which is done without haste. */
static void one_that_was_prewarmed_gets_its_name_in_the_end(void **state)
{
    struct bench *bench = *state;
    write_config(bench, ", prewarm: 1, max_instances: 1", (const char *[]){"hello", "", NULL});
    start_settled(bench);
    UNTIL(bench, fake_engine_count(bench->engine) == 1);
    run_for(bench, 100);
    serve(bench, "hello");
    leave(bench);
    struct fake_container *container = fake_engine_newest(bench->engine);
    snprintf(container->name, sizeof(container->name), "berth.acting.x");
    start_settled(bench);
    UNTIL(bench, strncmp(container->name, "berth-hello-", strlen("berth-hello-")) == 0);
}

static void nobody_wants_those_prewarmed_for_another_image(void **state)
{
    struct bench *bench = *state;
    write_config(bench, ", prewarm: 1", (const char *[]){"hello", "", NULL});
    start_settled(bench);
    UNTIL(bench, fake_engine_count(bench->engine) == 1);
    run_for(bench, 100);
    leave(bench);
    write_config(bench, ", prewarm: 1", (const char *[]){"hello", "      user: \"7:7\"\n", NULL});
    start_settled(bench);
    UNTIL(bench, created(bench) == 2);
    UNTIL(bench, fake_engine_count(bench->engine) == 1);
}

/* Of another host that had the same run directory: its container is not ours to ask for. */
static void what_is_somebody_elses_is_not_taken_over(void **state)
{
    struct bench *bench = *state;
    leave_hello(bench, "", "");
    fake_container_vanish(bench->engine, fake_engine_newest(bench->engine));
    write_file(bench, "state/host-id", "fedcba9876543210");
    start_settled(bench);
    assert_int_equal(left_behind(bench), 0);
    serve(bench, "hello");
    assert_int_equal(fake_engine_calls(bench->engine, FAKE_REMOVE), 0);
}

/* Its container is a leftover like any. */
static void without_a_record_it_is_a_leftover(void **state)
{
    struct bench *bench = *state;
    leave_hello(bench, "", "");
    cleanup_free char *record = path_of(bench, fake_engine_newest(bench->engine)->instance, ".record");
    assert_int_equal(truncate(record, 20), 0);
    start_settled(bench);
    UNTIL(bench, fake_engine_count(bench->engine) == 0);
    assert_int_equal(left_behind(bench), 0);
    serve(bench, "hello");
}

/* Its runner, started anew, has no function. */
static void one_that_somebody_has_restarted_is_replaced(void **state)
{
    struct bench *bench = *state;
    struct instance_record record;
    struct error err;
    leave_hello(bench, "", "");
    cleanup_free char *dir = path_of(bench, "", "");
    const char *instance = fake_engine_newest(bench->engine)->instance;
    assert_int_equal(instance_record_read(dir, instance, &record, &err), 0);
    record.first_process = getpid();
    record.first_began = 1; /* it was another one */
    instance_record_write(dir, &record);
    instance_record_clear(&record);
    start_settled(bench);
    serve(bench, "hello");
    assert_int_equal(created(bench), 2);
    UNTIL(bench, fake_engine_count(bench->engine) == 1);
}

/* Descriptors that the fleet before hands over: nobody dials anew. */
static void its_listener_can_be_handed_over(void **state)
{
    struct bench *bench = *state;
    int listener = -1;
    struct error err;
    leave_hello(bench, "", "");
    struct fake_container *container = fake_engine_newest(bench->engine);
    cleanup_free char *path = path_of(bench, container->instance, "/host.sock");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unix_socket_listen(path, COMPONENT_FLEET, &listener, &err), 0);
    dial_anew(bench);
    start_fleet(bench);
    const struct instance_handles handles = {.dial = listener, .door = -1, .line = -1, .doorway = -1};
    adoption_give_handles(fleet_adoption(bench->fleet), container->instance, &handles);
    UNTIL(bench, bench->settled > 0);
    serve(bench, "hello");
    assert_int_equal(created(bench), 1);
}

/* Until somebody has seen what there is nothing is touched. */
static void a_fleet_that_ends_before_the_engine_came_leaves_all(void **state)
{
    struct bench *bench = *state;
    leave_hello(bench, "", "");
    fake_engine_stop(bench->engine);
    start_fleet(bench);
    run_for(bench, 100);
    fleet_stop(bench->fleet);
    UNTIL(bench, bench->stopped > 0);
    fleet_destroy(bench->fleet);
    registry_destroy(bench->registry);
    bench->stopped = 0;
    fake_engine_start(bench->engine);
    start_settled(bench);
    dial_anew(bench);
    serve(bench, "hello");
    assert_int_equal(created(bench), 1);
}

/* What is not ready yet has no record. */
/* It has been found and counts, and its function is not read yet. */
static void a_fleet_that_ends_before_it_is_claimed_leaves_it(void **state)
{
    struct bench *bench = *state;
    leave_hello(bench, "", "");
    fake_engine_plan(bench->engine, FAKE_IMAGE, (struct fake_plan){.hold = true});
    start_fleet(bench);
    UNTIL(bench, fleet_current_budget(bench->fleet)->instances == 1);
    leave(bench);
    fake_engine_plan(bench->engine, FAKE_IMAGE, (struct fake_plan){0});
    fake_engine_release(bench->engine, FAKE_IMAGE);
    start_settled(bench);
    dial_anew(bench);
    serve(bench, "hello");
    assert_int_equal(created(bench), 1);
}

static void one_that_starts_goes_with_its_fleet(void **state)
{
    struct bench *bench = *state;
    fake_engine_set_runner(bench->engine, RUNNER_SILENT);
    write_config(bench, "", (const char *[]){"hello", "", NULL});
    start_settled(bench);
    (void)ask(bench, "hello");
    UNTIL(bench, fake_engine_running(bench->engine));
    fleet_release(bench->fleet, 0);
    UNTIL(bench, bench->stopped > 0);
    assert_int_equal(fake_engine_count(bench->engine), 0);
    assert_int_equal(left_behind(bench), 0);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    const struct CMUnitTest tests[] = {
        FLEET_TEST(an_instance_serves_the_next_fleet),
        FLEET_TEST(a_request_that_comes_first_waits_for_the_runner),
        FLEET_TEST(it_goes_when_it_idles),
        FLEET_TEST(it_is_what_min_scale_asks_for),
        FLEET_TEST(one_that_is_at_work_is_left_alone),
        FLEET_TEST(one_that_never_dials_is_replaced),
        FLEET_TEST(another_revision_replaces_it_as_in_a_reload),
        FLEET_TEST(a_function_that_is_broken_now_serves_with_it),
        FLEET_TEST(one_of_a_function_that_is_no_more_goes),
        FLEET_TEST(one_whose_container_has_ended_is_replaced),
        FLEET_TEST(one_whose_container_has_gone_is_forgotten),
        FLEET_TEST(one_whose_container_ends_at_the_start_is_replaced),
        FLEET_TEST(one_whose_container_ends_while_the_engine_is_away_is_replaced),
        FLEET_TEST(one_whose_container_goes_while_the_engine_is_away_is_replaced),
        FLEET_TEST(no_more_are_taken_over_than_there_may_be),
        FLEET_TEST(prewarmed_ones_wait_for_the_next_fleet_too),
        FLEET_TEST(one_that_was_prewarmed_gets_its_name_in_the_end),
        FLEET_TEST(nobody_wants_those_prewarmed_for_another_image),
        FLEET_TEST(what_is_somebody_elses_is_not_taken_over),
        FLEET_TEST(without_a_record_it_is_a_leftover),
        FLEET_TEST(one_that_somebody_has_restarted_is_replaced),
        FLEET_TEST(its_listener_can_be_handed_over),
        FLEET_TEST(a_fleet_that_ends_before_the_engine_came_leaves_all),
        FLEET_TEST(a_fleet_that_ends_before_it_is_claimed_leaves_it),
        FLEET_TEST(one_that_starts_goes_with_its_fleet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
