/* What an outcome means, and when the next attempt is due. */
#include "calls/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NOW   1700000000000
#define HOUR  (3600u * 1000)
#define WHOLE 0 /* chance for the longest wait */
#define HALF  UINT32_MAX

static struct call_settings usual(void)
{
    struct call_settings settings = {
        .retries = 3, .retry_wait_ms = 1000, .retry_wait_max_ms = 10000, .max_age_ms = 24 * HOUR};
    static const char *const causes[] = {"5xx", "429", "timeout", "connection"};
    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
        assert_true(retry_causes_add(&settings.retry_on, causes[i], strlen(causes[i])));
    return settings;
}

static struct retry_case answered(int status, unsigned attempts)
{
    return (struct retry_case){.kind = ATTEMPT_ANSWERED,
                               .status = status,
                               .attempts = attempts,
                               .since_ms = NOW - 1000,
                               .now_ms = NOW,
                               .chance = WHOLE};
}

static void answers_are_judged_by_who_gave_them(void **state)
{
    (void)state;
    static const struct {
        struct attempt_answer answer;
        enum attempt_kind kind;
    } cases[] = {
        {{200, true, COMPONENT_NONE, ERROR_NONE}, ATTEMPT_ANSWERED},
        {{503, true, COMPONENT_NONE, ERROR_NONE}, ATTEMPT_ANSWERED},
        {{404, true, COMPONENT_NONE, ERROR_NONE}, ATTEMPT_ANSWERED},
        {{504, false, COMPONENT_FUNCTION, ERROR_TIMEOUT}, ATTEMPT_TIMED_OUT},
        {{504, false, COMPONENT_NONE, ERROR_NONE}, ATTEMPT_TIMED_OUT},
        {{502, false, COMPONENT_RUNNER, ERROR_RUNNER_LOST}, ATTEMPT_BROKEN},
        {{502, false, COMPONENT_NONE, ERROR_NONE}, ATTEMPT_BROKEN},
        {{503, false, COMPONENT_CONTAINER, ERROR_CONTAINER_EXITED}, ATTEMPT_BROKEN},
        {{503, false, COMPONENT_RUNNER, ERROR_LOAD_FAILED}, ATTEMPT_BROKEN},
        {{503, false, COMPONENT_GATEWAY, ERROR_QUEUE_FULL}, ATTEMPT_NOT_MADE},
        {{503, false, COMPONENT_FLEET, ERROR_NO_ROOM}, ATTEMPT_NOT_MADE},
        {{503, false, COMPONENT_BUILD, ERROR_INVALID_FUNCTION}, ATTEMPT_NOT_MADE},
        {{503, false, COMPONENT_NONE, ERROR_NONE}, ATTEMPT_NOT_MADE},
        {{404, false, COMPONENT_GATEWAY, ERROR_FUNCTION_UNKNOWN}, ATTEMPT_NOT_MADE},
        {{404, false, COMPONENT_NONE, ERROR_NONE}, ATTEMPT_NOT_MADE},
        {{404, false, COMPONENT_GATEWAY, ERROR_PATH_RESERVED}, ATTEMPT_REFUSED},
        {{413, false, COMPONENT_GATEWAY, ERROR_BODY_TOO_LARGE}, ATTEMPT_REFUSED},
        {{508, false, COMPONENT_GATEWAY, ERROR_CALL_DEPTH}, ATTEMPT_REFUSED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (attempt_judge(&cases[i].answer) != cases[i].kind)
            fail_msg("case %zu", i);
    }
}

static void what_is_no_failure_ends_the_call(void **state)
{
    (void)state;
    static const int statuses[] = {200, 204, 302, 400, 404, 418};
    struct call_settings settings = usual();
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        struct retry_case attempt = answered(statuses[i], 1);
        assert_int_equal(retry_decide(&settings, &attempt).verdict, RETRY_DONE);
    }
}

static void retries_are_counted(void **state)
{
    (void)state;
    struct call_settings settings = usual();
    for (unsigned attempts = 1; attempts <= 4; attempts++) {
        struct retry_case attempt = answered(500, attempts);
        assert_int_equal(retry_decide(&settings, &attempt).verdict,
                         attempts <= 3 ? RETRY_AGAIN : RETRY_GIVE_UP);
    }
    settings.retries = 0;
    struct retry_case first = answered(500, 1);
    assert_int_equal(retry_decide(&settings, &first).verdict, RETRY_GIVE_UP);
}

static void waits_double_up_to_a_limit_and_are_a_part_chance(void **state)
{
    (void)state;
    static const uint64_t wholes[] = {1000, 2000, 4000, 8000, 10000, 10000};
    struct call_settings settings = usual();
    settings.retries = 100;
    for (unsigned i = 0; i < sizeof(wholes) / sizeof(wholes[0]); i++) {
        struct retry_case attempt = answered(500, i + 1);
        assert_int_equal(retry_decide(&settings, &attempt).due_ms - NOW, wholes[i]);
        attempt.chance = HALF;
        assert_int_equal(retry_decide(&settings, &attempt).due_ms - NOW, wholes[i] - wholes[i] / 2);
    }
    struct retry_case late = answered(500, 99);
    assert_int_equal(retry_decide(&settings, &late).due_ms - NOW, 10000);
}

static void what_an_answer_asks_for_wins(void **state)
{
    (void)state;
    struct call_settings settings = usual();
    struct retry_case busy = answered(429, 1), down = answered(503, 1), failed = answered(500, 1);
    busy.retry_after_ms = down.retry_after_ms = failed.retry_after_ms = 7000;
    assert_int_equal(retry_decide(&settings, &busy).due_ms - NOW, 7000);
    assert_int_equal(retry_decide(&settings, &down).due_ms - NOW, 7000);
    assert_int_equal(retry_decide(&settings, &failed).due_ms - NOW, 1000);
    busy.retry_after_ms = 3600000;
    assert_int_equal(retry_decide(&settings, &busy).due_ms - NOW, 10000);
}

static void only_named_causes_are_repeated(void **state)
{
    (void)state;
    struct call_settings settings = usual();
    struct retry_case attempt = answered(0, 1);
    static const enum attempt_kind kinds[] = {ATTEMPT_TIMED_OUT, ATTEMPT_BROKEN};
    for (size_t i = 0; i < 2; i++) {
        attempt.kind = kinds[i];
        assert_int_equal(retry_decide(&settings, &attempt).verdict, RETRY_AGAIN);
    }
    settings.retry_on = (struct retry_causes){0};
    for (size_t i = 0; i < 2; i++) {
        attempt.kind = kinds[i];
        assert_int_equal(retry_decide(&settings, &attempt).verdict, RETRY_GIVE_UP);
    }
    struct retry_case failed = answered(500, 1);
    assert_int_equal(retry_decide(&settings, &failed).verdict, RETRY_DONE);
    attempt.kind = ATTEMPT_REFUSED;
    assert_int_equal(retry_decide(&settings, &attempt).verdict, RETRY_GIVE_UP);
}

static void what_never_came_to_the_function_is_put_back(void **state)
{
    (void)state;
    struct call_settings settings = usual();
    struct retry_case attempt = answered(503, 50);
    attempt.kind = ATTEMPT_NOT_MADE;
    assert_int_equal(retry_decide(&settings, &attempt).verdict, RETRY_PUT_BACK);
    attempt.since_ms = NOW - 24 * HOUR;
    assert_int_equal(retry_decide(&settings, &attempt).verdict, RETRY_TOO_OLD);
}

static void age_ends_retries(void **state)
{
    (void)state;
    struct call_settings settings = usual();
    struct retry_case attempt = answered(500, 1);
    attempt.since_ms = NOW - 24 * HOUR + 1001;
    assert_int_equal(retry_decide(&settings, &attempt).verdict, RETRY_AGAIN);
    attempt.since_ms--;
    assert_int_equal(retry_decide(&settings, &attempt).verdict, RETRY_TOO_OLD);
    assert_false(retry_is_too_old(&settings, NOW, NOW - 5)); /* a clock that was set back */
    assert_false(retry_is_too_old(&settings, NOW - 24 * HOUR + 1, NOW));
    assert_true(retry_is_too_old(&settings, NOW - 24 * HOUR, NOW));
}

static void functions_are_held_back_for_seconds(void **state)
{
    (void)state;
    assert_int_equal(retry_hold_ms(1, WHOLE), 250);
    assert_int_equal(retry_hold_ms(1, HALF), 125);
    assert_int_equal(retry_hold_ms(2, WHOLE), 500);
    assert_int_equal(retry_hold_ms(1000, WHOLE), 5000);
}

static void retry_after_is_seconds_or_a_date(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        uint64_t wait_ms;
    } cases[] = {
        {"3", 3000},
        {"0", 0},
        {"120", 120000},
        {"1.5", 0},
        {"3 ", 0},
        {"-1", 0},
        {"", 0},
        {"soon", 0},
        {"99999999999999999999999", 0},
        {"Tue, 14 Nov 2023 22:13:50 GMT", 30000}, /* NOW is 22:13:20 */
        {"Tue, 14 Nov 2023 22:13:20 GMT", 0},
        {"Tue, 14 Nov 2023 22:13:50 GMT more", 0},
        {"Tue, 14 Nov 2023 22:13:50 CET", 0},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (retry_after_read(cases[i].value, NOW) != cases[i].wait_ms)
            fail_msg("%s", cases[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_judged_by_who_gave_them),
        cmocka_unit_test(what_is_no_failure_ends_the_call),
        cmocka_unit_test(retries_are_counted),
        cmocka_unit_test(waits_double_up_to_a_limit_and_are_a_part_chance),
        cmocka_unit_test(what_an_answer_asks_for_wins),
        cmocka_unit_test(only_named_causes_are_repeated),
        cmocka_unit_test(what_never_came_to_the_function_is_put_back),
        cmocka_unit_test(age_ends_retries),
        cmocka_unit_test(functions_are_held_back_for_seconds),
        cmocka_unit_test(retry_after_is_seconds_or_a_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
