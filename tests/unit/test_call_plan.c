/* What the functions' settings say of their calls. */
#include "calls/call_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void functions_are_copied_and_found(void **state)
{
    (void)state;
    char target[] = "other", name[] = "first";
    struct call_plan *plan = call_plan_create();
    assert_int_equal(call_plan_count(plan), 0);
    call_plan_add(plan, name, &(struct call_settings){.concurrency = 7, .on_success = target});
    call_plan_add(plan, "second", &(struct call_settings){.concurrency = 8});
    memset(target, 'x', sizeof(target) - 1);
    memset(name, 'x', sizeof(name) - 1);
    assert_int_equal(call_plan_count(plan), 2);
    assert_string_equal(call_plan_at(plan, 0)->name, "first");
    assert_string_equal(call_plan_at(plan, 1)->name, "second");
    const struct call_plan_function *first = call_plan_find(plan, "first");
    assert_int_equal(first->settings.concurrency, 7);
    assert_string_equal(first->settings.on_success, "other");
    assert_null(call_plan_find(plan, "third"));
    call_plan_destroy(plan);
    call_plan_destroy(NULL);
}

static void calls_of_functions_that_are_gone_have_settings(void **state)
{
    (void)state;
    struct call_plan *plan = call_plan_create();
    call_plan_add(plan, "here", &(struct call_settings){.max_age_ms = 5});
    assert_int_equal(call_plan_settings(plan, "here")->max_age_ms, 5);
    assert_int_equal(call_plan_settings(plan, "gone")->max_age_ms, 24 * 3600 * 1000);
    assert_int_equal(call_plan_settings(NULL, "here")->max_age_ms, 24 * 3600 * 1000);
    call_plan_destroy(plan);
}

static void the_longest_wait_is_that_of_a_retry_or_of_a_run(void **state)
{
    (void)state;
    const unsigned slack_ms = 60 * 1000;
    struct call_plan *plan = call_plan_create();
    char name[] = "@daily";
    const struct function_schedule schedules[2] = {{.name = name, .expression = name, .jitter_ms = 5000},
                                                   {.name = name, .expression = name, .jitter_ms = 9000}};
    call_plan_add(plan, "retried", &(struct call_settings){.retry_wait_max_ms = 6000});
    call_plan_add_schedules(plan, schedules, 1);
    call_plan_add(plan, "put-off", &(struct call_settings){.retry_wait_max_ms = 6000});
    call_plan_add_schedules(plan, schedules, 2);
    assert_int_equal(call_plan_longest_wait_ms(plan, "retried"), 6000 + slack_ms);
    assert_int_equal(call_plan_longest_wait_ms(plan, "put-off"), 9000 + slack_ms);
    assert_int_equal(call_plan_longest_wait_ms(plan, "gone"), 24 * 3600 * 1000 + slack_ms);
    call_plan_destroy(plan);
}

static void keys_are_found_by_the_names_of_their_secrets(void **state)
{
    (void)state;
    struct call_plan *plan = call_plan_create();
    struct locked value = locked_make(3);
    memcpy(value.bytes, "key", 3);
    assert_null(call_plan_find_key(plan, "signing"));
    call_plan_add_key(plan, "signing", &value);
    assert_null(value.bytes);
    const struct locked *found = call_plan_find_key(plan, "signing");
    assert_int_equal(found->size, 3);
    assert_memory_equal(found->bytes, "key", 3);
    assert_null(call_plan_find_key(plan, "other"));
    call_plan_destroy(plan);
}

static void there_may_be_many(void **state)
{
    (void)state;
    char name[16];
    struct call_plan *plan = call_plan_create();
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "f%u", i);
        call_plan_add(plan, name, &(struct call_settings){.concurrency = i});
    }
    assert_int_equal(call_plan_find(plan, "f999")->settings.concurrency, 999);
    call_plan_destroy(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_copied_and_found),
        cmocka_unit_test(calls_of_functions_that_are_gone_have_settings),
        cmocka_unit_test(the_longest_wait_is_that_of_a_retry_or_of_a_run),
        cmocka_unit_test(keys_are_found_by_the_names_of_their_secrets),
        cmocka_unit_test(there_may_be_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
