/* What is logged and counted of a turn, by whoever does something in it: once it is kept. */
#include "call_store_play.h"

#include "base/rfc3339.h"
#include "calls/call_counts.h"
#include "calls/call_end.h"
#include "calls/call_plan.h"
#include "calls/deliveries.h"
#include "calls/turn.h"
#include "calls/turn_notes.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define DAY_MS (24ull * 3600 * 1000)

static struct calls_env env;
static struct call_counts counts;
static struct deliveries *deliveries;
static char seen[1000]; /* the events that were logged */

static void note_event(const char *event, const struct log_field *fields, const char *json, void *context)
{
    (void)json, (void)context;
    size_t length = strlen(seen);
    const char *reason = "";
    for (; fields->kind != LOG_KIND_END; fields++) {
        if (strcmp(fields->key, "reason") == 0)
            reason = fields->string;
    }
    snprintf(seen + length, sizeof(seen) - length, "%s %s;", event, reason);
}

static void note_put(void *owner, const char *function)
{
    (void)owner, (void)function;
}

static int begin(void **state)
{
    play_begin(state);
    seen[0] = '\0';
    counts = (struct call_counts){0};
    env = (struct calls_env){.base = event_base_new(),
                             .store = play_store,
                             .turn = turn_create(play_store),
                             .plan = call_plan_create(),
                             .counts = &counts,
                             .put = note_put};
    deliveries = deliveries_create(&env);
    return 0;
}

static int end(void **state)
{
    deliveries_destroy(deliveries);
    call_plan_destroy(env.plan);
    turn_destroy(env.turn);
    event_base_free(env.base);
    return play_end(state);
}

static uint64_t count_of(enum call_count count)
{
    return atomic_load(&counts.values[count]);
}

/* Ends the turn; whether it is kept. */
static void end_turn(bool is_kept)
{
    struct error err;
    error_set(&err, ERROR_CALLS_DISK_FULL, "the disk is full");
    if (!is_kept)
        turn_fail(env.turn, &err);
    turn_end(env.turn);
}

static void a_note_has_texts_of_its_own(void **state)
{
    (void)state;
    char reason[] = "before";
    turn_note_event(env.turn, LOG_INFO, LOG_CHANGE, "some.event",
                    LOG_FIELDS(LOG_INT("times", 3), LOG_STR("left-out", NULL), LOG_STR("reason", reason)));
    snprintf(reason, sizeof(reason), "after");
    assert_string_equal(seen, "");
    end_turn(true);
    assert_string_equal(seen, "some.event before;");
}

static void nothing_is_noted_of_a_turn_that_failed(void **state)
{
    (void)state;
    turn_note_event(env.turn, LOG_INFO, LOG_CHANGE, "some.event", LOG_FIELDS(LOG_STR("reason", "r")));
    turn_note_count(env.turn, &counts, CALL_COUNT_ENDED_DEAD, 2);
    end_turn(false);
    assert_string_equal(seen, "");
    assert_int_equal(count_of(CALL_COUNT_ENDED_DEAD), 0);
    turn_note_count(env.turn, &counts, CALL_COUNT_ENDED_DEAD, 2);
    end_turn(true);
    assert_int_equal(count_of(CALL_COUNT_ENDED_DEAD), 2);
}

/* --- those who do something --- */

static void plan(const struct call_settings *settings)
{
    call_plan_add(env.plan, "f", settings);
}

static void cancel(int64_t number)
{
    struct error err;
    struct call_record record = play_find(number);
    play_expect(deliveries_cancel(deliveries, &record, &err), 1, &err);
    call_record_clear(&record);
}

static void a_call_is_cancelled_with_the_turn(void **state)
{
    (void)state;
    plan(&(struct call_settings){.concurrency = 1});
    int64_t number = play_put("f", NOW, NOW, "1");
    cancel(number);
    end_turn(false);
    assert_string_equal(seen, "");
    assert_int_equal(count_of(CALL_COUNT_ENDED_CANCELLED), 0);
    cancel(number);
    end_turn(true);
    assert_string_equal(seen, "call.cancelled ;");
    assert_int_equal(count_of(CALL_COUNT_ENDED_CANCELLED), 1);
}

static void a_call_that_is_too_old_is_given_up_with_the_turn(void **state)
{
    (void)state;
    uint64_t now_ms = wall_clock_ms();
    plan(&(struct call_settings){.concurrency = 1, .max_age_ms = 3600 * 1000});
    play_put("f", now_ms - DAY_MS, now_ms - DAY_MS, "1");
    for (int kept = 0; kept < 2; kept++) {
        deliveries_look(deliveries, "f");
        deliveries_fill(deliveries);
        assert_string_equal(seen, "");
        end_turn(kept);
    }
    assert_string_equal(seen, "call.dead max-age;");
    assert_int_equal(count_of(CALL_COUNT_ENDED_DEAD), 1);
}

/* The call that another has called with its end, of a function that is not there. */
static void what_follows_is_given_up_with_the_turn(void **state)
{
    (void)state;
    struct error err;
    char gone[] = "gone";
    const struct call_outcome outcome = {.status = 200, .ended_ms = NOW};
    plan(&(struct call_settings){.concurrency = 1, .on_success = gone});
    int64_t number = play_put("f", NOW, NOW, "1");
    assert_int_equal(play_take("f", NOW), number);
    struct call_record record = play_find(number);
    for (int kept = 0; kept < 2; kept++) {
        struct call_store *store;
        play_expect(turn_enter(env.turn, &store, &err), 0, &err);
        play_expect(call_end(&env, store, &record, CALL_DONE, &outcome, &err), 0, &err);
        assert_int_equal(count_of(CALL_COUNT_ACCEPTED), 0);
        end_turn(kept);
    }
    call_record_clear(&record);
    assert_string_equal(seen, "call.dead function-unknown;");
    assert_int_equal(count_of(CALL_COUNT_ACCEPTED), 1);
    assert_int_equal(count_of(CALL_COUNT_ENDED_DEAD), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_note_has_texts_of_its_own),
        TEST(nothing_is_noted_of_a_turn_that_failed),
        TEST(a_call_is_cancelled_with_the_turn),
        TEST(a_call_that_is_too_old_is_given_up_with_the_turn),
        TEST(what_follows_is_given_up_with_the_turn),
    };
    log_observe(note_event, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
