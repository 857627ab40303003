/* The whole fleet: prewarmed instances become a function's. */
#include "whole_fleet.h"

#include "base/alloc.h"

static void prewarmed_instances_are_used_and_replaced(void **state)
{
    struct bench *bench = *state;
    write_config(bench, ", prewarm: 2", (const char *[]){"one", "", "two", "", NULL});
    start_settled(bench);
    UNTIL(bench, fake_engine_count(bench->engine) == 2);
    run_for(bench, 100);
    serve(bench, "one");
    serve(bench, "two");
    UNTIL(bench, fake_engine_count(bench->engine) == 4);
}

/* The container that was renamed, or NULL. */
static struct fake_container *renamed(struct bench *bench)
{
    struct fake_container *container = fake_engine_newest(bench->engine);
    while (container && container->renames == 0)
        container = container->next;
    return container;
}

/* A start that still waits for its turn gives way to a prewarmed instance that has become ready meanwhile. */
static void a_prewarmed_instance_serves_before_a_start_that_waits(void **state)
{
    struct bench *bench = *state;
    cleanup_free char *host = xasprintf(", prewarm: %ld", sysconf(_SC_NPROCESSORS_ONLN));
    write_config(bench, host, (const char *[]){"hello", "", NULL});
    fake_engine_plan(bench->engine, FAKE_START, (struct fake_plan){.hold = true});
    start_settled(bench);
    struct request *request = ask(bench, "hello");
    run_for(bench, 100); /* every turn is taken by a prewarmed instance to be */
    fake_engine_release(bench->engine, FAKE_START);
    UNTIL(bench, request->slot);
    UNTIL(bench, renamed(bench));
    assert_non_null(strstr(renamed(bench)->name, "berth-hello-"));
    finish(request);
}

/* While Docker starts a prewarmed instance, a request that comes makes it its function's: nothing else is
 * started for it, and the place is filled anew. */
static void a_prewarmed_instance_on_its_way_is_claimed(void **state)
{
    struct bench *bench = *state;
    write_config(bench, ", prewarm: 1", (const char *[]){"one", "", "two", "", NULL});
    fake_engine_plan(bench->engine, FAKE_START, (struct fake_plan){.hold = true});
    start_settled(bench);
    UNTIL(bench, fake_engine_count(bench->engine) == 1);
    struct request *one = ask(bench, "one");
    struct request *two = ask(bench, "two");
    UNTIL(bench, fake_engine_calls(bench->engine, FAKE_START) == 2); /* the other has to start its own */
    assert_int_equal(fake_engine_calls(bench->engine, FAKE_CREATE), 2);
    fake_engine_plan(bench->engine, FAKE_START, (struct fake_plan){0});
    fake_engine_release(bench->engine, FAKE_START);
    UNTIL(bench, one->slot && two->slot);
    assert_int_not_equal(slot_instance(one->slot), slot_instance(two->slot));
    UNTIL(bench, fake_engine_count(bench->engine) == 3);
    finish(one);
    finish(two);
}

/* What few functions have any use for stands back where there is no room for all. */
static void instances_with_system_packages_are_prewarmed_when_there_is_room(void **state)
{
    struct bench *bench = *state;
    static const char *const functions[] = {"special", "      system_packages: jq\n", "plain", "", NULL};
    write_config(bench, ", prewarm: 1, max_instances: 1", functions);
    start_settled(bench);
    UNTIL(bench, fake_engine_count(bench->engine) == 1);
    run_for(bench, 100); /* whichever of the two was first has given way, if it had to */
    unsigned created = fake_engine_calls(bench->engine, FAKE_CREATE);
    serve(bench, "plain");
    assert_int_equal(fake_engine_calls(bench->engine, FAKE_CREATE), created);
    assert_int_equal(fake_engine_count(bench->engine), 1);
    serve(bench, "special");
}

/* A second one was wanted, for which there was no room; then the first one was free in time. */
static void they_come_back_when_nobody_wants_the_room_any_more(void **state)
{
    struct bench *bench = *state;
    unsigned prewarmed = 0;
    uint64_t memory_bytes;
    write_file(
        bench, "config.yml",
        "host: {prewarm: 1, max_memory: 580Mi}\nusable-functions:\n  hello:\n"
        "    configuration: {language: acting, folder: code, file: main.x, memory: 300Mi, concurrency: 1, "
        "idle_timeout: 60s}\n");
    start_settled(bench);
    struct request *one = ask(bench, "hello"), *two = ask(bench, "hello");
    UNTIL(bench, one->slot || two->slot);
    run_for(bench, 100); /* it is found that there is no room */
    struct request *first = one->slot ? one : two, *second = one->slot ? two : one;
    assert_null(second->slot);
    finish(first);
    UNTIL(bench, second->slot);
    UNTIL(bench, (fleet_prewarmed(bench->fleet, &prewarmed, &memory_bytes), prewarmed == 1));
    finish(second);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    const struct CMUnitTest tests[] = {
        FLEET_TEST(prewarmed_instances_are_used_and_replaced),
        FLEET_TEST(a_prewarmed_instance_serves_before_a_start_that_waits),
        FLEET_TEST(a_prewarmed_instance_on_its_way_is_claimed),
        FLEET_TEST(instances_with_system_packages_are_prewarmed_when_there_is_room),
        FLEET_TEST(they_come_back_when_nobody_wants_the_room_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
