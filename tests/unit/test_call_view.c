/* What callers are told of their calls. */
#include "calls/call_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef"

static void expect(json_t *json, const char *text)
{
    char *shown = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(shown, text);
    free(shown);
    json_decref(json);
}

static const struct callback_record no_callback = {0};

static void a_call_that_waits_says_when_it_is_next(void **state)
{
    (void)state;
    struct call_record record = {.number = 5,
                                 .id = ID,
                                 .function = (char *)"f",
                                 .state = CALL_WAITING,
                                 .accepted_ms = 1000,
                                 .due_ms = 2000};
    expect(call_view_public(&record, &no_callback),
           "{\"accepted_at\":\"1970-01-01T00:00:01.000Z\",\"attempts\":0,\"callback\":null,\"ended_at\":null,"
           "\"function\":\"f\","
           "\"id\":\"" ID "\",\"last\":null,\"next_attempt_at\":\"1970-01-01T00:00:02.000Z\","
           "\"result\":null,\"state\":\"waiting\"}");
    record.attempts = 1;
    record.attempt_ms = 1500;
    record.reason = (char *)"connection";
    record.message = (char *)"It ended.";
    expect(call_view_public(&record, &no_callback),
           "{\"accepted_at\":\"1970-01-01T00:00:01.000Z\",\"attempts\":1,\"callback\":null,\"ended_at\":null,"
           "\"function\":\"f\","
           "\"id\":\"" ID "\",\"last\":{\"at\":\"1970-01-01T00:00:01.500Z\",\"error\":{\"message\":"
           "\"It ended.\",\"reason\":\"connection\"},\"status\":null},"
           "\"next_attempt_at\":\"1970-01-01T00:00:02.000Z\",\"result\":null,\"state\":\"waiting\"}");
}

static void a_call_that_is_done_says_where_its_result_is(void **state)
{
    (void)state;
    struct call_record record = {.id = ID,
                                 .function = (char *)"f",
                                 .state = CALL_DONE,
                                 .accepted_ms = 1000,
                                 .due_ms = 1000,
                                 .ended_ms = 3000,
                                 .attempts = 1,
                                 .attempt_ms = 2000,
                                 .status = 200,
                                 .result_head = (char *)"A: b\r\n",
                                 .result_size = 3};
    expect(call_view_public(&record, &no_callback),
           "{\"accepted_at\":\"1970-01-01T00:00:01.000Z\",\"attempts\":1,\"callback\":null,"
           "\"ended_at\":\"1970-01-01T00:00:03.000Z\",\"function\":\"f\",\"id\":\"" ID "\","
           "\"last\":{\"at\":\"1970-01-01T00:00:02.000Z\",\"error\":null,\"status\":200},"
           "\"next_attempt_at\":null,\"result\":{\"bytes\":3,\"headers\":{\"A\":\"b\"},\"is_cut\":false,"
           "\"status\":200,\"url\":\"/async/" ID "/result\"},\"state\":\"done\"}");
}

static void a_callback_says_what_has_become_of_it(void **state)
{
    (void)state;
    struct call_record record = {.id = ID, .function = (char *)"f", .callback_url = (char *)"http://a/"};
    struct callback_record callback = {.attempts = 2,
                                       .due_ms = 3000,
                                       .ended_ms = 2000,
                                       .status = 500,
                                       .reason = (char *)"status",
                                       .message = (char *)"It said 500."};
    json_t *view = call_view_public(&record, &callback);
    expect(json_incref(json_object_get(view, "callback")),
           "{\"at\":\"1970-01-01T00:00:02.000Z\",\"attempts\":2,\"error\":{\"message\":\"It said 500.\","
           "\"reason\":\"status\"},\"next_attempt_at\":\"1970-01-01T00:00:03.000Z\",\"state\":\"waiting\","
           "\"status\":500}");
    json_decref(view);
    callback = (struct callback_record){
        .state = CALLBACK_STATE_DELIVERED, .attempts = 1, .due_ms = 2000, .ended_ms = 2000, .status = 204};
    view = call_view_public(&record, &callback);
    expect(json_incref(json_object_get(view, "callback")),
           "{\"at\":\"1970-01-01T00:00:02.000Z\",\"attempts\":1,\"error\":null,\"next_attempt_at\":null,"
           "\"state\":\"delivered\",\"status\":204}");
    json_decref(view);
}

static void headers_become_an_object(void **state)
{
    (void)state;
    expect(call_view_headers(""), "{}");
    expect(call_view_headers("A: b\r\nC: \r\nD:e: f\r\n"), "{\"A\":\"b\",\"C\":\"\",\"D\":\"e: f\"}");
    expect(call_view_headers("S: 1\r\nS: 2\r\nA: b\r\nS: 3\r\n"), "{\"A\":\"b\",\"S\":[\"1\",\"2\",\"3\"]}");
    expect(call_view_headers("A: \xff\r\n"), "{\"A\":\"?\"}");
}

static void states_have_names(void **state)
{
    (void)state;
    assert_string_equal(call_state_name(CALL_WAITING), "waiting");
    assert_string_equal(call_state_name(CALL_RUNNING), "running");
    assert_string_equal(call_state_name(CALL_DONE), "done");
    assert_string_equal(call_state_name(CALL_DEAD), "dead");
    assert_string_equal(call_state_name(CALL_CANCELLED), "cancelled");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_that_waits_says_when_it_is_next),
        cmocka_unit_test(a_call_that_is_done_says_where_its_result_is),
        cmocka_unit_test(a_callback_says_what_has_become_of_it),
        cmocka_unit_test(headers_become_an_object),
        cmocka_unit_test(states_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
