/* What the gateway asks of the desk. */
#include "calls/desk_ask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef"

static int read_ask(const char *text, struct desk_ask *ret_ask)
{
    struct http_header headers[HTTP_HEADERS_DEFAULT];
    struct http_head head;
    struct http_head_parser parser;
    const struct http_limits limits = {.head_bytes = 65536, .target_bytes = 65536};
    http_head_parser_init_request(&parser, &head, headers, HTTP_HEADERS_DEFAULT, &limits);
    assert_int_equal(http_head_parse(&parser, text, strlen(text)), HTTP_PARSE_DONE);
    return desk_ask_read(&head, ret_ask);
}

static void a_call_is_accepted_with_what_is_its_functions(void **state)
{
    (void)state;
    struct desk_ask ask;
    assert_int_equal(read_ask("POST /a/b?c=d HTTP/1.1\r\nHost: h\r\nConnection: x-mine\r\nX-Mine: no\r\n"
                              "Content-Length: 3\r\nExpect: 100-continue\r\nX-Request-Id: r1\r\n"
                              "x-berth-async: accept hello\r\nX-Real-IP: 1.2.3.4\r\nX-Call-Id: forged\r\n"
                              "X-Callback-Url: http://back/\r\nIdempotency-Key: k\r\nContent-Type:  a/b \r\n"
                              "X-Berth-Caller: other\r\n\r\n",
                              &ask),
                     0);
    assert_int_equal(ask.kind, DESK_ACCEPT);
    assert_string_equal(ask.function, "hello");
    assert_string_equal(ask.method, "POST");
    assert_string_equal(ask.target, "/a/b?c=d");
    assert_string_equal(ask.request_id, "r1");
    assert_string_equal(ask.client, "1.2.3.4");
    assert_string_equal(ask.callback_url, "http://back/");
    assert_string_equal(ask.key, "k");
    assert_string_equal(ask.head,
                        "Host: h\r\nX-Real-IP: 1.2.3.4\r\nIdempotency-Key: k\r\nContent-Type: a/b\r\n"
                        "X-Berth-Caller: other\r\n");
    desk_ask_clear(&ask);
}

static void what_is_not_there_is_null(void **state)
{
    (void)state;
    struct desk_ask ask;
    assert_int_equal(read_ask("PROPFIND / HTTP/1.1\r\nHost: h\r\nX-Berth-Async: accept f\r\n\r\n", &ask), 0);
    assert_string_equal(ask.method, "PROPFIND");
    assert_null(ask.request_id);
    assert_null(ask.client);
    assert_null(ask.callback_url);
    assert_null(ask.key);
    assert_string_equal(ask.id, "");
    desk_ask_clear(&ask);
    desk_ask_clear(&ask);
}

static void an_empty_key_is_one(void **state)
{
    (void)state;
    struct desk_ask ask;
    assert_int_equal(
        read_ask("POST / HTTP/1.1\r\nHost: h\r\nX-Berth-Async: accept f\r\nIdempotency-Key:\r\n\r\n", &ask),
        0);
    assert_string_equal(ask.key, "");
    desk_ask_clear(&ask);
}

static void calls_are_looked_at_by_their_ids(void **state)
{
    (void)state;
    static const struct {
        const char *start, *asked;
        enum desk_ask_kind kind;
        const char *id;
        bool head_only;
    } cases[] = {
        {"GET /" ID, "look", DESK_LOOK, ID, false},
        {"HEAD /" ID "?a=b", "look", DESK_LOOK, ID, true},
        {"GET /" ID "/result", "look", DESK_RESULT, ID, false},
        {"HEAD /" ID "/result", "look", DESK_RESULT, ID, true},
        {"DELETE /" ID, "cancel", DESK_CANCEL, ID, false},
        {"DELETE /" ID "/result", "cancel", DESK_CANCEL, "", false},
        {"GET /", "look", DESK_LOOK, "", false},
        {"GET /result", "look", DESK_LOOK, "", false},
        {"GET //result", "look", DESK_RESULT, "", false},
        {"GET /" ID "0", "look", DESK_LOOK, "", false},
        {"GET /0123456789ABCDEF0123456789ABCDEF", "look", DESK_LOOK, "", false},
        {"GET /" ID "/other", "look", DESK_LOOK, "", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512];
        struct desk_ask ask;
        snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: h\r\nX-Berth-Async: %s\r\n\r\n", cases[i].start,
                 cases[i].asked);
        assert_int_equal(read_ask(text, &ask), 0);
        assert_int_equal(ask.kind, cases[i].kind);
        assert_string_equal(ask.id, cases[i].id);
        assert_int_equal(ask.head_only, cases[i].head_only);
        desk_ask_clear(&ask);
    }
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {"", "X-Berth-Async: \r\n", "X-Berth-Async: accept\r\n",
                                        "X-Berth-Async: accept \r\n", "X-Berth-Async: drop\r\n"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char text[256];
        struct desk_ask ask;
        snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: h\r\n%s\r\n", lines[i]);
        assert_int_equal(read_ask(text, &ask), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_accepted_with_what_is_its_functions),
        cmocka_unit_test(what_is_not_there_is_null),
        cmocka_unit_test(an_empty_key_is_one),
        cmocka_unit_test(calls_are_looked_at_by_their_ids),
        cmocka_unit_test(anything_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
