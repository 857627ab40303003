/* The scheduler with a store: what it puts there, what it takes back when a turn fails, and plans that
 * change. */
#include "call_store_play.h"

#include "base/log.h"
#include "base/rfc3339.h"
#include "calls/call_counts.h"
#include "calls/call_plan.h"
#include "calls/calls_env.h"
#include "calls/deliveries.h"
#include "calls/scheduled.h"
#include "calls/scheduler.h"
#include "calls/turn.h"
#include "config/function_schedules.h"
#include "store/call_list.h"
#include "store/schedule_store.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE_MS 60000ull

static struct calls_env env;
static struct call_counts counts;
static struct deliveries *deliveries;
static struct scheduler *scheduler;

static int begin(void **state)
{
    play_begin(state);
    counts = (struct call_counts){0};
    env = (struct calls_env){.base = event_base_new(),
                             .store = play_store,
                             .turn = turn_create(play_store),
                             .max_waiting = 1000,
                             .disk_bytes = 1 << 30,
                             .counts = &counts};
    deliveries = deliveries_create(&env);
    scheduler = scheduler_create(&env, deliveries);
    return 0;
}

static int end(void **state)
{
    scheduler_destroy(scheduler);
    deliveries_destroy(deliveries);
    call_plan_destroy(env.plan);
    turn_destroy(env.turn);
    event_base_free(env.base);
    return play_end(state);
}

/* Reads schedules as the registry does; the caller gives them back with the settings. */
static struct registry *read_schedules(const char *schedule)
{
    char text[1000];
    snprintf(text, sizeof(text), "f: {configuration: {language: python, schedule: %s}}", schedule);
    struct registry *registry = registry_parse("/nonexistent/r.yml", text, strlen(text), NULL, 0);
    assert_int_equal(registry->function_count, 1);
    return registry;
}

/* Has the plan be this one; NULL: the function has gone. */
static void set_plan(const char *schedule)
{
    struct call_plan *plan = call_plan_create(), *former = env.plan;
    if (schedule) {
        struct registry *registry = read_schedules(schedule);
        const struct function_settings *settings = &registry->functions[0];
        call_plan_add(plan, "f", &settings->calls);
        call_plan_add_schedules(plan, settings->schedules, settings->schedule_count);
        registry_destroy(registry);
    }
    env.plan = plan;
    call_plan_destroy(former);
    scheduler_plan_changed(scheduler);
}

/* As if the schedule had been looked at last so many minutes ago. */
static void know_since(const char *schedule, unsigned minutes)
{
    struct registry *registry = read_schedules(schedule);
    const struct function_schedule *read = &registry->functions[0].schedules[0];
    char digest[HASH_HEX_SIZE];
    struct error err;
    scheduled_digest(read, digest);
    const struct schedule_key key = {"f", read->name, digest};
    play_expect(call_store_begin(play_store, &err), 0, &err);
    play_expect(schedule_store_note(play_store, &key, wall_clock_ms(), &err), 0, &err);
    play_expect(schedule_store_set_decided(play_store, &key, wall_clock_ms() - minutes * MINUTE_MS, &err), 0,
                &err);
    play_expect(call_store_commit(play_store, true, &err), 0, &err);
    registry_destroy(registry);
}

/* The calls that wait, the newest first. */
static size_t count_calls(void)
{
    const struct call_filter filter = {.state = CALL_WAITING, .limit = 1000};
    struct call_page page;
    struct error err;
    play_expect(call_page_read(play_store, &filter, &page, &err), 0, &err);
    for (size_t i = 0; i < page.count; i++) {
        assert_string_equal(page.records[i].function, "f");
        assert_non_null(page.records[i].schedule);
    }
    size_t count = page.count;
    call_page_clear(&page);
    return count;
}

/* The one call that waits ends, and the scheduler hears of it. */
static void end_run(void)
{
    int64_t number = play_take("f", wall_clock_ms());
    assert_int_not_equal(number, 0);
    play_end_call(number, CALL_DONE, "", 0);
    env.run_ended = true;
    scheduler_go_on(scheduler);
    turn_end(env.turn);
}

#define ALL_MINUTES "{cron: \"* * * * *\", catch_up: all}"

static void what_was_missed_becomes_calls(void **state)
{
    (void)state;
    know_since(ALL_MINUTES, 5);
    set_plan(ALL_MINUTES);
    assert_true(turn_is_open(env.turn));
    turn_end(env.turn);
    assert_int_equal(count_calls(), 1);
    for (unsigned i = 0; i < 4; i++) {
        end_run();
        assert_int_equal(count_calls(), 1);
    }
    assert_in_range(atomic_load(&counts.values[CALL_COUNT_ACCEPTED]), 5, 6);
}

static void those_that_may_overlap_begin_together(void **state)
{
    (void)state;
    know_since("{cron: \"* * * * *\", catch_up: all, overlap: allow}", 5);
    set_plan("{cron: \"* * * * *\", catch_up: all, overlap: allow}");
    turn_end(env.turn);
    assert_in_range(count_calls(), 5, 6);
}

/* Nothing of it is kept, and all of it is done again. */
static void a_turn_that_fails_is_done_again(void **state)
{
    (void)state;
    struct error err;
    know_since(ALL_MINUTES, 5);
    set_plan(ALL_MINUTES);
    error_set(&err, ERROR_CALLS_DISK_FULL, "the disk is full");
    turn_fail(env.turn, &err);
    turn_end(env.turn);
    assert_int_equal(count_calls(), 0);
    assert_int_equal(atomic_load(&counts.values[CALL_COUNT_ACCEPTED]), 0);
    env.run_ended = true;
    scheduler_go_on(scheduler);
    turn_end(env.turn);
    assert_int_equal(count_calls(), 1);
    for (unsigned i = 0; i < 4; i++)
        end_run();
    assert_int_equal(count_calls(), 1);
}

static void count_skips(const char *event, const struct log_field *fields, const char *json, void *context)
{
    (void)fields, (void)json;
    unsigned *count = context;
    *count += strcmp(event, "schedule.skipped") == 0;
}

static void what_is_left_out_is_logged_once_it_is_kept(void **state)
{
    (void)state;
    struct error err;
    unsigned skips = 0;
    log_observe(count_skips, &skips);
    know_since("{cron: \"* * * * *\", catch_up: none}", 5);
    set_plan("{cron: \"* * * * *\", catch_up: none}");
    error_set(&err, ERROR_CALLS_DISK_FULL, "the disk is full");
    turn_fail(env.turn, &err);
    turn_end(env.turn);
    assert_int_equal(skips, 0);
    env.run_ended = true;
    scheduler_go_on(scheduler);
    turn_end(env.turn);
    log_observe(NULL, NULL);
    assert_int_equal(skips, 1);
}

static void a_full_store_has_runs_wait(void **state)
{
    (void)state;
    know_since(ALL_MINUTES, 5);
    env.max_waiting = 0;
    set_plan(ALL_MINUTES);
    turn_end(env.turn);
    assert_int_equal(count_calls(), 0);
    env.max_waiting = 1000;
    env.run_ended = true;
    scheduler_go_on(scheduler);
    turn_end(env.turn);
    assert_int_equal(count_calls(), 1);
}

/* What is kept of the function's only schedule, which is this; -1: nothing. */
static int64_t decided_of(const char *schedule)
{
    struct registry *registry = read_schedules(schedule);
    struct schedule_state kept;
    struct error err;
    char digest[HASH_HEX_SIZE];
    scheduled_digest(&registry->functions[0].schedules[0], digest);
    const struct schedule_key key = {"f", registry->functions[0].schedules[0].name, digest};
    int rc = schedule_store_read(play_store, &key, &kept, &err);
    registry_destroy(registry);
    if (rc <= 0)
        return -1;
    int64_t decided_ms = (int64_t)kept.decided_ms;
    schedule_state_clear(&kept);
    return decided_ms;
}

static void one_that_goes_is_forgotten(void **state)
{
    (void)state;
    set_plan("{cron: \"@yearly\", name: a}");
    turn_end(env.turn);
    assert_true(decided_of("{cron: \"@yearly\", name: a}") > 0);
    set_plan("{cron: \"@monthly\", name: a}");
    turn_end(env.turn);
    assert_int_equal(decided_of("{cron: \"@yearly\", name: a}"), -1);
    assert_true(decided_of("{cron: \"@monthly\", name: a}") > 0);
    set_plan(NULL);
    turn_end(env.turn);
    assert_int_equal(decided_of("{cron: \"@monthly\", name: a}"), -1);
}

/* A function may be away while it has a mistake, and at the end of the daemon all go. */
static void what_the_plan_never_had_is_kept_for_some_days(void **state)
{
    (void)state;
    know_since(ALL_MINUTES, 5);
    set_plan(NULL);
    turn_end(env.turn);
    assert_true(decided_of(ALL_MINUTES) > 0);
    set_plan(ALL_MINUTES);
    turn_end(env.turn);
    scheduler_stop(scheduler);
    set_plan(NULL);
    turn_end(env.turn);
    assert_true(decided_of(ALL_MINUTES) > 0);
}

static void one_whose_overlap_changes_goes_on(void **state)
{
    (void)state;
    know_since(ALL_MINUTES, 5);
    set_plan(ALL_MINUTES);
    turn_end(env.turn);
    assert_int_equal(count_calls(), 1);
    set_plan("{cron: \"* * * * *\", catch_up: all, overlap: allow}");
    turn_end(env.turn);
    assert_in_range(count_calls(), 5, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_missed_becomes_calls, begin, end),
        cmocka_unit_test_setup_teardown(those_that_may_overlap_begin_together, begin, end),
        cmocka_unit_test_setup_teardown(a_turn_that_fails_is_done_again, begin, end),
        cmocka_unit_test_setup_teardown(what_is_left_out_is_logged_once_it_is_kept, begin, end),
        cmocka_unit_test_setup_teardown(a_full_store_has_runs_wait, begin, end),
        cmocka_unit_test_setup_teardown(one_that_goes_is_forgotten, begin, end),
        cmocka_unit_test_setup_teardown(what_the_plan_never_had_is_kept_for_some_days, begin, end),
        cmocka_unit_test_setup_teardown(one_whose_overlap_changes_goes_on, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
