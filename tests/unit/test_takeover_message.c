/* What daemons say to each other when one takes the other's place: as written, and what is refused. */
#include "takeover/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Reads a text that is freed, which must be a message. */
static void read_own(char *text, size_t fd_count, struct takeover_message *ret_message)
{
    struct error err;
    assert_non_null(text);
    if (takeover_message_read(text, strlen(text), fd_count, ret_message, &err) < 0)
        fail_msg("%s: %s", text, err.message);
    free(text);
}

static void each_kind_is_read_as_written(void **state)
{
    (void)state;
    struct takeover_message message;
    read_own(takeover_write_ask("1.2.3"), 0, &message);
    assert_int_equal(message.kind, TAKEOVER_ASK);
    assert_int_equal(message.protocol, TAKEOVER_PROTOCOL);
    assert_string_equal(message.version, "1.2.3");
    takeover_message_clear(&message);

    struct error why;
    error_set(&why, ERROR_TAKEOVER_REFUSED, "no");
    error_hint(&why, "later");
    read_own(takeover_write_refusal(&why), 0, &message);
    assert_int_equal(message.kind, TAKEOVER_REFUSED);
    assert_string_equal(message.message, "no");
    assert_string_equal(message.hint, "later");
    takeover_message_clear(&message);

    const char *const names[] = {"one", "two"};
    const uint64_t keeps[] = {0xb8ed77f9dee6, 1};
    read_own(takeover_write_yours("2", names, 2, keeps, 2), 2, &message);
    assert_int_equal(message.kind, TAKEOVER_YOURS);
    assert_string_equal(message.names[1], "two");
    assert_int_equal(message.keep_count, 2);
    assert_int_equal(message.keeps[0], keeps[0]);
    takeover_message_clear(&message);

    read_own(takeover_write_serving(), 0, &message);
    assert_int_equal(message.kind, TAKEOVER_SERVING);
    takeover_message_clear(&message);

    read_own(takeover_write_request("\x01\xff", 2), 0, &message);
    assert_int_equal(message.kind, TAKEOVER_REQUEST);
    assert_int_equal(message.note_digits, 4);
    assert_memory_equal(message.note, "01ff", 4);
    takeover_message_clear(&message);
}

static void a_client_has_as_many_descriptors_as_it_says(void **state)
{
    (void)state;
    struct takeover_message message;
    struct error err;
    struct passed_client client = {.instance = 77, .is_management = true, .size = 5};
    read_own(takeover_write_client(&client), 2, &message);
    assert_int_equal(message.kind, TAKEOVER_CLIENT);
    assert_int_equal(message.client.instance, 77);
    assert_true(message.client.is_management);
    assert_false(message.client.is_checked);
    assert_int_equal(message.client.size, 5);
    takeover_message_clear(&message);
    char *text = takeover_write_client(&client);
    for (size_t count = 0; count < 4; count++) {
        if (count != 2)
            assert_int_equal(takeover_message_read(text, strlen(text), count, &message, &err), -1);
    }
    free(text);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t fd_count;
    } rows[] = {
        {"", 0},
        {"x", 0},
        {"[]", 0},
        {"{}", 0},
        {"{\"is\":\"strange\"}", 0},
        {"{\"is\":7}", 0},
        {"{\"is\":\"ask\"}", 0},
        {"{\"is\":\"ask\",\"protocol\":-1,\"version\":\"1\"}", 0},
        {"{\"is\":\"ask\",\"protocol\":1,\"version\":\"1\"}", 1},
        {"{\"is\":\"ask\",\"is\":\"ask\",\"protocol\":1,\"version\":\"1\"}", 0},
        {"{\"is\":\"yours\",\"version\":\"1\",\"names\":[\"a\"]}", 2},
        {"{\"is\":\"yours\",\"version\":\"1\",\"names\":[\"\"]}", 1},
        {"{\"is\":\"yours\",\"version\":\"1\",\"names\":[],\"keeps\":[-1]}", 0},
        {"{\"is\":\"yours\",\"version\":\"1\",\"names\":[],\"keeps\":{}}", 0},
        {"{\"is\":\"yours\",\"version\":\"1\",\"names\":[\"a name that is longer than any that there is\"]}",
         1},
        {"{\"is\":\"client\",\"instance\":0}", 1},
        {"{\"is\":\"client\",\"instance\":0,\"size\":-1}", 1},
        {"{\"is\":\"client\",\"instance\":0,\"size\":99999999999}", 2},
        {"{\"is\":\"request\",\"note\":\"abc\"}", 0},
        {"{\"is\":\"request\",\"note\":\"xy\"}", 0},
        {"{\"is\":\"request\"}", 0},
        {"{\"is\":\"serving\"}", 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct takeover_message message;
        struct error err = {0};
        if (takeover_message_read(rows[i].text, strlen(rows[i].text), rows[i].fd_count, &message, &err) == 0)
            fail_msg("taken: %s", rows[i].text);
        assert_int_equal(err.code, ERROR_TAKEOVER_MESSAGE);
    }
}

static void members_of_later_versions_are_passed_over(void **state)
{
    (void)state;
    struct takeover_message message;
    struct error err;
    const char *text = "{\"is\":\"serving\",\"since\":[1,2]}";
    assert_int_equal(takeover_message_read(text, strlen(text), 0, &message, &err), 0);
    takeover_message_clear(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_read_as_written),
        cmocka_unit_test(a_client_has_as_many_descriptors_as_it_says),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(members_of_later_versions_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
