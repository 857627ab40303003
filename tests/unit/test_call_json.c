/* Async calls as the management API has them: nothing that lets one in is told. */
#include "admin/call_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static struct call_record sample(void)
{
    return (struct call_record){.number = 17,
                                .id = "0123456789abcdef0123456789abcdef",
                                .function = (char *)"img",
                                .method = (char *)"POST",
                                .target = (char *)"/a/b?token=xyz#x",
                                .head = (char *)"Accept: */*\r\nAuthorization: Bearer xyz\r\n",
                                .body_size = 9,
                                .accepted_ms = 1714555800904,
                                .due_ms = 1714555801904,
                                .state = CALL_WAITING};
}

static const char *text(const json_t *json, const char *member)
{
    const char *value = json_string_value(json_object_get(json, member));
    return value ? value : "";
}

static void states_have_names(void **state)
{
    (void)state;
    enum call_state found = CALL_WAITING;
    assert_int_equal(call_state_find("dead", &found), 0);
    assert_int_equal(found, CALL_DEAD);
    assert_int_equal(call_state_find("DEAD", &found), -1);
    assert_int_equal(call_state_find("", &found), -1);
    assert_int_equal(found, CALL_DEAD);
}

static void waiting_call_is_due(void **state)
{
    (void)state;
    struct call_record record = sample();
    json_t *json = call_json(&record);
    assert_string_equal(text(json, "state"), "waiting");
    assert_string_equal(text(json, "due"), "2024-05-01T09:30:01.904Z");
    assert_string_equal(text(json, "path"), "/a/b");
    assert_true(json_is_null(json_object_get(json, "status")));
    assert_true(json_is_null(json_object_get(json, "ended")));
    json_decref(json);
}

static void ended_call_is_due_no_more(void **state)
{
    (void)state;
    struct call_record record = sample();
    record.state = CALL_DONE;
    record.ended_ms = record.accepted_ms + 1;
    record.status = 200;
    record.callback_url = (char *)"https://user:password@there.example/hook?key=xyz";
    record.result_head = (char *)"Content-Type: text/plain\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n";
    record.result_size = 5;
    json_t *json = call_details_json(&record);
    char *all = json_dumps(json, JSON_COMPACT);
    assert_true(json_is_null(json_object_get(json, "due")));
    assert_string_equal(text(json, "callback_url"), "https://***@there.example/hook");
    assert_string_equal(text(json_object_get(json_object_get(json, "result"), "headers"), "Set-Cookie"),
                        "(hidden)");
    assert_null(strstr(all, "xyz"));
    assert_null(strstr(all, "a=b"));
    assert_null(strstr(all, "password"));
    free(all);
    json_decref(json);
}

/* A call whose head is this line is shown with that value. */
static void expect_header(char *line, const char *name, const char *value)
{
    struct call_record record = sample();
    record.head = line;
    json_t *json = call_details_json(&record);
    assert_string_equal(text(json_object_get(json, "headers"), name), value);
    json_decref(json);
}

static void credentials_are_hidden_whatever_their_name(void **state)
{
    (void)state;
    static const char *const hidden[] = {"Authorization",
                                         "cookie",
                                         "X-API-Key",
                                         "X-Auth-User",
                                         "X-Amz-Security-Token",
                                         "Proxy-Authorization",
                                         "X-Hub-Signature-256",
                                         "Client-Secret"};
    static const char *const shown[] = {"Accept", "Idempotency-Key", "Content-Type", "X-Forwarded-For"};
    char line[128];
    for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++) {
        snprintf(line, sizeof(line), "%s: value\r\n", hidden[i]);
        expect_header(line, hidden[i], "(hidden)");
    }
    for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++) {
        snprintf(line, sizeof(line), "%s: value\r\n", shown[i]);
        expect_header(line, shown[i], "value");
    }
}

static void heads_may_be_empty(void **state)
{
    (void)state;
    struct call_record record = sample();
    record.head = NULL;
    json_t *json = call_details_json(&record);
    assert_int_equal(json_object_size(json_object_get(json, "headers")), 0);
    assert_true(json_is_null(json_object_get(json, "result")));
    json_decref(json);
}

static void callback_is_due_while_it_waits(void **state)
{
    (void)state;
    struct callback_record record = {.state = CALLBACK_STATE_WAITING,
                                     .attempts = 1,
                                     .receiver = (char *)"there.example:443",
                                     .due_ms = 1714555801904,
                                     .reason = (char *)"status"};
    json_t *json = callback_json(&record);
    assert_string_equal(text(json, "due"), "2024-05-01T09:30:01.904Z");
    assert_string_equal(text(json, "reason"), "status");
    json_decref(json);
    record.state = CALLBACK_STATE_GIVEN_UP;
    json = callback_json(&record);
    assert_string_equal(text(json, "state"), "given-up");
    assert_true(json_is_null(json_object_get(json, "due")));
    json_decref(json);
    json = callback_json(NULL);
    assert_true(json_is_null(json));
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_have_names),
        cmocka_unit_test(waiting_call_is_due),
        cmocka_unit_test(ended_call_is_due_no_more),
        cmocka_unit_test(credentials_are_hidden_whatever_their_name),
        cmocka_unit_test(heads_may_be_empty),
        cmocka_unit_test(callback_is_due_while_it_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
