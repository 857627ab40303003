/* The autoscaler: recorded situations and histories, each with the decision it must lead to. */
#include "fleet/scale/autoscaler.h"

#include "fleet/scale/scale_history.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct scale_settings usual = {
    .concurrency = 4, .min_scale = 0, .max_scale = 20, .idle_timeout_ms = 10000};

struct situation {
    const char *name;
    struct slot_counts counts;
    unsigned starting_instances, host_room, min_scale, max_scale;
    bool engine_away;
    unsigned prewarmed;
    uint64_t expected_start_ms, now_ms, retry_at_ms;
    unsigned start, spared;
    enum scale_reason reason;
};

static const struct situation situations[] = {
    {.name = "nobody waits", .host_room = 9, .max_scale = 20, .reason = SCALE_ENOUGH},
    {.name = "one waiter starts one instance",
     .counts = {.waiting = 1},
     .host_room = 9,
     .max_scale = 20,
     .start = 1,
     .reason = SCALE_DEMAND},
    {.name = "a burst starts N over C, rounded up",
     .counts = {.waiting = 50},
     .host_room = 99,
     .max_scale = 20,
     .start = 13,
     .reason = SCALE_DEMAND},
    {.name = "slots on their way are counted on",
     .counts = {.waiting = 8, .starting = 8},
     .starting_instances = 2,
     .host_room = 9,
     .max_scale = 20,
     .reason = SCALE_ENOUGH},
    {.name = "only what they will not serve is added",
     .counts = {.waiting = 9, .starting = 8},
     .starting_instances = 2,
     .host_room = 9,
     .max_scale = 20,
     .start = 1,
     .reason = SCALE_DEMAND},
    {.name = "idle slots serve waiters that are just being handed over",
     .counts = {.waiting = 2, .idle = 2, .instances = 1},
     .host_room = 9,
     .max_scale = 20,
     .reason = SCALE_ENOUGH},
    {.name = "never above the maximum",
     .counts = {.waiting = 100, .instances = 2},
     .starting_instances = 1,
     .host_room = 99,
     .max_scale = 5,
     .start = 2,
     .reason = SCALE_DEMAND},
    {.name = "nothing is asked of an engine that is away",
     .counts = {.waiting = 5},
     .host_room = 9,
     .max_scale = 20,
     .engine_away = true,
     .reason = SCALE_ENGINE_AWAY},
    {.name = "prewarmed instances can be had without the engine",
     .counts = {.waiting = 50},
     .host_room = 99,
     .max_scale = 20,
     .engine_away = true,
     .prewarmed = 2,
     .start = 2,
     .reason = SCALE_DEMAND},
    {.name = "at the maximum",
     .counts = {.waiting = 100, .busy = 20, .instances = 5},
     .host_room = 99,
     .max_scale = 5,
     .reason = SCALE_AT_MAXIMUM},
    {.name = "more instances than the maximum, after it was lowered",
     .counts = {.waiting = 1, .instances = 7},
     .host_room = 99,
     .max_scale = 5,
     .reason = SCALE_AT_MAXIMUM},
    {.name = "never beyond the host's room",
     .counts = {.waiting = 100},
     .host_room = 3,
     .max_scale = 20,
     .start = 3,
     .reason = SCALE_DEMAND},
    {.name = "a full host", .counts = {.waiting = 1}, .max_scale = 20, .reason = SCALE_HOST_FULL},
    {.name = "the minimum is kept without demand",
     .counts = {.instances = 1},
     .host_room = 9,
     .min_scale = 3,
     .max_scale = 20,
     .start = 2,
     .reason = SCALE_MINIMUM},
    {.name = "instances on their way count for the minimum",
     .counts = {.instances = 1},
     .starting_instances = 2,
     .host_room = 9,
     .min_scale = 3,
     .max_scale = 20,
     .reason = SCALE_ENOUGH},
    {.name = "demand above the minimum",
     .counts = {.waiting = 20},
     .host_room = 9,
     .min_scale = 1,
     .max_scale = 20,
     .start = 5,
     .reason = SCALE_DEMAND},
    {.name = "after a failed start it waits",
     .counts = {.waiting = 1},
     .host_room = 9,
     .max_scale = 20,
     .now_ms = 1000,
     .retry_at_ms = 1001,
     .reason = SCALE_BACKING_OFF},
    {.name = "and then tries again",
     .counts = {.waiting = 1},
     .host_room = 9,
     .max_scale = 20,
     .now_ms = 1001,
     .retry_at_ms = 1001,
     .start = 1,
     .reason = SCALE_DEMAND},
    {.name = "a busy slot is free sooner than a start takes",
     .counts = {.waiting = 4, .busy = 4, .instances = 1, .service_us = 5000},
     .host_room = 9,
     .max_scale = 20,
     .expected_start_ms = 250,
     .spared = 1,
     .reason = SCALE_SHORT_WAIT},
    {.name = "a long queue takes longer than a start",
     .counts = {.waiting = 400, .busy = 4, .instances = 1, .service_us = 5000},
     .host_room = 9,
     .max_scale = 3,
     .expected_start_ms = 250,
     .start = 2,
     .reason = SCALE_DEMAND},
    {.name = "slow requests are not waited for",
     .counts = {.waiting = 1, .busy = 4, .instances = 1, .service_us = 800000},
     .host_room = 9,
     .max_scale = 20,
     .expected_start_ms = 250,
     .start = 1,
     .reason = SCALE_DEMAND},
    {.name = "a prewarmed instance is quicker than any wait",
     .counts = {.waiting = 1, .busy = 4, .instances = 1, .service_us = 5000},
     .host_room = 9,
     .max_scale = 20,
     .prewarmed = 1,
     .expected_start_ms = 250,
     .start = 1,
     .reason = SCALE_DEMAND},
    {.name = "quick requests wait for prewarmed instances and no others",
     .counts = {.waiting = 20, .service_us = 1000},
     .host_room = 99,
     .max_scale = 20,
     .prewarmed = 2,
     .expected_start_ms = 250,
     .start = 2,
     .spared = 3,
     .reason = SCALE_DEMAND},
    {.name = "one container works a quick queue off before the second would be there",
     .counts = {.waiting = 20, .service_us = 1000},
     .host_room = 99,
     .max_scale = 20,
     .expected_start_ms = 250,
     .start = 1,
     .spared = 4,
     .reason = SCALE_DEMAND},
    {.name = "requests that are not so quick get as many as are worth their start",
     .counts = {.waiting = 20, .service_us = 25000},
     .host_room = 99,
     .max_scale = 20,
     .expected_start_ms = 250,
     .start = 3,
     .spared = 2,
     .reason = SCALE_DEMAND},
    {.name = "slow requests get all that they ask for",
     .counts = {.waiting = 20, .service_us = 100000},
     .host_room = 99,
     .max_scale = 20,
     .expected_start_ms = 250,
     .start = 5,
     .reason = SCALE_DEMAND},
    {.name = "what is on its way works a quick queue off",
     .counts = {.waiting = 20, .starting = 4, .service_us = 1000},
     .starting_instances = 1,
     .host_room = 99,
     .max_scale = 20,
     .expected_start_ms = 250,
     .spared = 4,
     .reason = SCALE_SHORT_WAIT},
    {.name = "what is on its way for too long is not counted on",
     .counts = {.waiting = 20, .starting = 4, .service_us = 1000, .oldest_wait_since_ms = 5000},
     .starting_instances = 1,
     .host_room = 99,
     .max_scale = 20,
     .expected_start_ms = 250,
     .now_ms = 5750,
     .start = 4,
     .reason = SCALE_DEMAND},
    {.name = "nor is what is busy and never frees a slot",
     .counts = {.waiting = 1, .busy = 4, .instances = 1, .service_us = 1000, .oldest_wait_since_ms = 5000},
     .host_room = 9,
     .max_scale = 20,
     .expected_start_ms = 250,
     .now_ms = 5750,
     .start = 1,
     .reason = SCALE_DEMAND},
    {.name = "nothing busy will free a slot",
     .counts = {.waiting = 1, .service_us = 5000},
     .host_room = 9,
     .max_scale = 20,
     .expected_start_ms = 250,
     .start = 1,
     .reason = SCALE_DEMAND},
};

static void decides(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(situations); i++) {
        const struct situation *now = &situations[i];
        struct scale_settings settings = usual;
        settings.min_scale = now->min_scale;
        settings.max_scale = now->max_scale;
        struct scale_inputs inputs = {.counts = now->counts,
                                      .starting_instances = now->starting_instances,
                                      .host_room = now->host_room,
                                      .engine_away = now->engine_away,
                                      .prewarmed = now->prewarmed,
                                      .expected_start_ms = now->expected_start_ms,
                                      .now_ms = now->now_ms,
                                      .retry_at_ms = now->retry_at_ms};
        struct scale_decision decision = autoscaler_decide(&settings, &inputs);
        if (decision.start != now->start || decision.spared != now->spared || decision.reason != now->reason)
            fail_msg("%s: start %u, spared %u (%s), expected %u, %u (%s)", now->name, decision.start,
                     decision.spared, scale_reason_name(decision.reason), now->start, now->spared,
                     scale_reason_name(now->reason));
    }
}

/* A cold function gets 10 requests, one after another, before anything is ready: the decisions must add up to
 * three instances of four slots, not ten. */
static void burst_history_starts_n_over_c(void **state)
{
    (void)state;
    struct scale_inputs inputs = {.host_room = 100};
    unsigned started = 0;
    for (unsigned request = 1; request <= 10; request++) {
        inputs.counts.waiting = request;
        struct scale_decision decision = autoscaler_decide(&usual, &inputs);
        started += decision.start;
        inputs.starting_instances += decision.start;
        inputs.counts.starting += decision.start * usual.concurrency;
        inputs.host_room -= decision.start;
    }
    assert_int_equal(started, 3);
}

/* Five starts of four slots wait for their turn while requests wait: which are of use when it comes. */
static void starts_that_have_not_begun_are_given_up(void **state)
{
    (void)state;
    struct scale_inputs inputs = {
        .counts = {.waiting = 20, .starting = 20}, .starting_instances = 5, .expected_start_ms = 250};
    assert_true(autoscaler_needs_start(&usual, &inputs));
    inputs.counts.waiting = 16;
    assert_false(autoscaler_needs_start(&usual, &inputs));
    inputs.counts.waiting = 17;
    inputs.counts.busy = 4; /* one has come from elsewhere */
    assert_true(autoscaler_needs_start(&usual, &inputs));
    inputs.counts.service_us = 1000; /* and works quickly */
    assert_false(autoscaler_needs_start(&usual, &inputs));

    struct scale_settings kept = usual;
    kept.min_scale = 5;
    inputs.counts = (struct slot_counts){.starting = 20};
    assert_true(autoscaler_needs_start(&kept, &inputs));
    assert_false(autoscaler_needs_start(&usual, &inputs));
    inputs.counts = (struct slot_counts){.waiting = 1, .starting = 4};
    inputs.starting_instances = 1;
    inputs.engine_away = true; /* it is asked all the same, when it is back */
    assert_true(autoscaler_needs_start(&usual, &inputs));
}

/* --- recorded histories --- */

/* One line of a history: the counters at a moment, and the decision they must lead to. */
struct moment {
    struct scale_inputs inputs;
    unsigned start, denied;
    char reason[24];
};

/* Reads numbers up to the first thing that is none; *text is left behind them. */
static size_t read_numbers(const char **text, unsigned long long *ret_numbers, size_t max)
{
    size_t count = 0;
    for (char *end; count < max; *text = end) {
        ret_numbers[count] = strtoull(*text, &end, 10);
        if (end == *text)
            break;
        count++;
    }
    *text += strspn(*text, " ");
    return count;
}

static bool read_moment(const char *line, struct moment *ret_moment)
{
    unsigned long long is[11] = {0}, should[2] = {0};
    if (read_numbers(&line, is, 11) != 11 || *line++ != ':' || read_numbers(&line, should, 2) != 2)
        return false;
    *ret_moment = (struct moment){
        .inputs = {.now_ms = is[0],
                   .counts = {.waiting = (unsigned)is[1],
                              .idle = (unsigned)is[2],
                              .busy = (unsigned)is[3],
                              .starting = (unsigned)is[4],
                              .instances = (unsigned)is[5],
                              .service_us = is[8]},
                   .starting_instances = (unsigned)is[6],
                   .host_room = (unsigned)is[7],
                   .expected_start_ms = is[9],
                   .retry_at_ms = is[10]},
        .start = (unsigned)should[0],
        .denied = (unsigned)should[1],
    };
    snprintf(ret_moment->reason, sizeof(ret_moment->reason), "%.*s", (int)strcspn(line, "\n"), line);
    return true;
}

/* "settings: concurrency, minimum, maximum" */
static bool read_settings(const char *line, struct scale_settings *settings)
{
    unsigned long long numbers[3] = {0};
    if (strncmp(line, "settings:", strlen("settings:")) != 0)
        return false;
    line += strlen("settings:");
    assert_int_equal(read_numbers(&line, numbers, 3), 3);
    settings->concurrency = (unsigned)numbers[0];
    settings->min_scale = (unsigned)numbers[1];
    settings->max_scale = (unsigned)numbers[2];
    return true;
}

static unsigned replay(const char *name)
{
    char path[512], line[256];
    snprintf(path, sizeof(path), "%s/scale/%s", TEST_DATA_DIR, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    struct scale_settings settings = usual;
    unsigned moments = 0;
    for (unsigned number = 1; fgets(line, sizeof(line), file); number++) {
        struct moment moment = {0};
        if (line[0] == '#' || read_settings(line, &settings))
            continue;
        if (!read_moment(line, &moment))
            fail_msg("%s:%u: not a moment: %s", name, number, line);
        struct scale_decision decision = autoscaler_decide(&settings, &moment.inputs);
        if (decision.start != moment.start || decision.denied != moment.denied ||
            strcmp(scale_reason_name(decision.reason), moment.reason) != 0)
            fail_msg("%s:%u: start %u, denied %u (%s)", name, number, decision.start, decision.denied,
                     scale_reason_name(decision.reason));
        moments++;
    }
    fclose(file);
    return moments;
}

static void recorded_histories_lead_to_the_same_decisions(void **state)
{
    (void)state;
    DIR *dir = opendir(TEST_DATA_DIR "/scale");
    unsigned histories = 0;
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!strstr(entry->d_name, ".txt"))
            continue;
        assert_true(replay(entry->d_name) >= 5);
        histories++;
    }
    closedir(dir);
    assert_true(histories >= 9);
}

static void the_last_decisions_are_kept(void **state)
{
    (void)state;
    struct scale_history history = {0};
    assert_int_equal(scale_history_length(&history), 0);
    for (unsigned i = 1; i <= 2 * SCALE_HISTORY_LENGTH + 5; i++) {
        struct scale_inputs inputs = {.now_ms = i};
        struct scale_decision decision = {.start = i};
        scale_history_add(&history, &inputs, &decision);
        assert_int_equal(scale_history_length(&history), i < SCALE_HISTORY_LENGTH ? i : SCALE_HISTORY_LENGTH);
        for (size_t age = 0; age < scale_history_length(&history); age++) {
            assert_int_equal(scale_history_at(&history, age)->inputs.now_ms, i - age);
            assert_int_equal(scale_history_at(&history, age)->decision.start, i - age);
        }
    }
    scale_history_clear(&history);
    scale_history_clear(&history);
    assert_int_equal(scale_history_length(&history), 0);
}

/* --- expiry and back-off --- */

static void expires_exactly(void **state)
{
    (void)state;
    uint64_t check_ms = 0;
    assert_false(autoscaler_expired(&usual, 5000, 1, 14999, &check_ms));
    assert_int_equal(check_ms, 15000);
    assert_true(autoscaler_expired(&usual, 5000, 1, 15000, &check_ms));
}

static void busy_instances_stay(void **state)
{
    (void)state;
    uint64_t check_ms = 0;
    assert_false(autoscaler_expired(&usual, 0, 1, 50000, &check_ms));
    assert_int_equal(check_ms, 60000);
    struct scale_settings at_once = usual;
    at_once.idle_timeout_ms = 0;
    assert_false(autoscaler_expired(&at_once, 0, 1, 50000, &check_ms));
    assert_true(check_ms > 50000);
}

static void minimum_stays(void **state)
{
    (void)state;
    struct scale_settings settings = usual;
    settings.min_scale = 2;
    uint64_t check_ms = 0;
    assert_false(autoscaler_expired(&settings, 1000, 2, 900000, &check_ms));
    assert_true(check_ms > 900000);
    assert_true(autoscaler_expired(&settings, 1000, 3, 900000, &check_ms));
}

/* The first request is expected soon: one waits for it, and no more. */
static void one_is_kept_for_a_first_request(void **state)
{
    (void)state;
    struct scale_settings settings = usual;
    settings.kept_until_ms = 60000;
    uint64_t check_ms = 0;
    assert_false(autoscaler_expired(&settings, 5000, 1, 15000, &check_ms));
    assert_int_equal(check_ms, 25000);
    assert_false(autoscaler_expired(&settings, 5000, 1, 59999, &check_ms));
    assert_int_equal(check_ms, 60000);
    assert_true(autoscaler_expired(&settings, 5000, 1, 60000, &check_ms));
    assert_true(autoscaler_expired(&settings, 5000, 2, 15000, &check_ms));
    settings.idle_timeout_ms = 100;
    assert_false(autoscaler_expired(&settings, 5000, 1, 15000, &check_ms));
    assert_int_equal(check_ms, 16000);
}

static void a_trial_is_kept_where_somebody_calls(void **state)
{
    (void)state;
    assert_true(autoscaler_trial_kept_ms(0) > usual.idle_timeout_ms);
    assert_true(autoscaler_trial_kept_ms(120000) > usual.idle_timeout_ms);
    assert_int_equal(autoscaler_trial_kept_ms(3600000), 0);
    assert_int_equal(autoscaler_trial_kept_ms(UINT64_MAX), 0);
}

/* Load sinks over three instances: each goes exactly when it has been idle for long enough, the one that was
 * used last is the last, and a minimum keeps just that one. */
static void the_newest_load_is_kept(void **state)
{
    (void)state;
    static const struct {
        uint64_t now_ms, idle_since_ms[3]; /* 0: busy */
        bool there[3], expires[3];
        uint64_t check_ms; /* the earliest */
    } moments[] = {
        {12000, {5000, 9000, 0}, {true, true, true}, {false, false, false}, 15000},
        {14999, {5000, 9000, 0}, {true, true, true}, {false, false, false}, 15000},
        {15000, {5000, 9000, 0}, {true, true, true}, {true, false, false}, 19000},
        {18000, {0, 9000, 17000}, {false, true, true}, {false, false, false}, 19000},
        {19000, {0, 9000, 17000}, {false, true, true}, {false, true, false}, 27000},
        {26999, {0, 0, 17000}, {false, false, true}, {false, false, false}, 27000},
        {27000, {0, 0, 17000}, {false, false, true}, {false, false, true}, UINT64_MAX},
    };
    for (unsigned minimum = 0; minimum <= 1; minimum++) {
        struct scale_settings settings = usual;
        settings.min_scale = minimum;
        for (size_t i = 0; i < COUNT(moments); i++) {
            unsigned ready = moments[i].there[0] + moments[i].there[1] + moments[i].there[2];
            uint64_t earliest_ms = UINT64_MAX, check_ms;
            for (size_t k = 0; k < 3; k++) {
                if (!moments[i].there[k])
                    continue;
                bool last_one = minimum == 1 && ready == 1;
                bool expired = autoscaler_expired(&settings, moments[i].idle_since_ms[k], ready,
                                                  moments[i].now_ms, &check_ms);
                assert_int_equal(expired, moments[i].expires[k] && !last_one);
                if (expired)
                    ready--;
                else if (check_ms < earliest_ms)
                    earliest_ms = check_ms;
            }
            if (minimum == 0)
                assert_int_equal(earliest_ms, moments[i].check_ms);
        }
    }
}

static void backs_off(void **state)
{
    (void)state;
    assert_int_equal(autoscaler_backoff_ms(0), 0);
    assert_int_equal(autoscaler_backoff_ms(1), 250);
    assert_int_equal(autoscaler_backoff_ms(2), 500);
    assert_int_equal(autoscaler_backoff_ms(5), 4000);
    assert_int_equal(autoscaler_backoff_ms(8), 30000);
    assert_int_equal(autoscaler_backoff_ms(1000000), 30000);
}

static void reasons_have_words(void **state)
{
    (void)state;
    for (int reason = SCALE_ENOUGH; reason <= SCALE_ENGINE_AWAY; reason++)
        assert_true(strlen(scale_reason_name((enum scale_reason)reason)) > 0);
    assert_null(scale_reason_limit(SCALE_ENOUGH));
    assert_non_null(strstr(scale_reason_limit(SCALE_AT_MAXIMUM), "max_scale"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides),
        cmocka_unit_test(burst_history_starts_n_over_c),
        cmocka_unit_test(starts_that_have_not_begun_are_given_up),
        cmocka_unit_test(recorded_histories_lead_to_the_same_decisions),
        cmocka_unit_test(the_last_decisions_are_kept),
        cmocka_unit_test(expires_exactly),
        cmocka_unit_test(busy_instances_stay),
        cmocka_unit_test(minimum_stays),
        cmocka_unit_test(one_is_kept_for_a_first_request),
        cmocka_unit_test(a_trial_is_kept_where_somebody_calls),
        cmocka_unit_test(the_newest_load_is_kept),
        cmocka_unit_test(backs_off),
        cmocka_unit_test(reasons_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
