/* Heads: known headers, views, responses, and what the table of requests cannot say. */
#include "http/head.h"
#include "http/hop.h"
#include "http/problem.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HEADERS 16

static const struct http_limits limits = {.head_bytes = 4096, .target_bytes = 1024};

struct parse {
    struct http_head_parser parser;
    struct http_head head;
    struct http_header headers[HEADERS];
};

static enum http_parse parse_request(struct parse *parse, const char *text)
{
    http_head_parser_init_request(&parse->parser, &parse->head, parse->headers, HEADERS, &limits);
    return http_head_parse(&parse->parser, text, strlen(text));
}

static enum http_parse parse_response(struct parse *parse, const char *text, enum http_method method)
{
    http_head_parser_init_response(&parse->parser, &parse->head, parse->headers, HEADERS, &limits, method);
    return http_head_parse(&parse->parser, text, strlen(text));
}

static void assert_text(struct http_text text, const char *expected)
{
    char copy[1024];
    assert_in_range(text.length, 0, sizeof(copy) - 1);
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    assert_string_equal(copy, expected);
}

static void test_every_known_header_is_found_in_any_case(void **state)
{
    (void)state;
    for (int id = 1; id < HTTP_HEADER_COUNT; id++) {
        if (id == HTTP_HEADER_X_FORWARDED_OTHER) {
            continue;
        }
        struct http_text name = http_header_name((enum http_header_id)id);
        char upper[64];
        char lower[64];
        assert_in_range(name.length, 1, sizeof(upper));
        for (size_t i = 0; i < name.length; i++) {
            upper[i] = (char)toupper(name.data[i]);
            lower[i] = (char)tolower(name.data[i]);
        }
        assert_int_equal(http_header_find(name.data, name.length), id);
        assert_int_equal(http_header_find(upper, name.length), id);
        assert_int_equal(http_header_find(lower, name.length), id);
        for (size_t i = 0; i < name.length; i++) {
            upper[i] ^= 1;
            assert_int_not_equal(http_header_find(upper, name.length), id);
            upper[i] ^= 1;
        }
    }
    assert_int_equal(http_header_name(HTTP_HEADER_OTHER).length, 0);
}

static void test_unknown_names(void **state)
{
    (void)state;
    static const char *const names[] = {
        "", "x", "hos", "hosts", "content_length", "x-very-long-name-of-a-header"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(http_header_find(names[i], strlen(names[i])), HTTP_HEADER_OTHER);
    }
}

static void test_names_that_are_known_by_their_beginning(void **state)
{
    (void)state;
    static const char *const names[] = {"X-Forwarded-Port", "x-forwarded-x", "X-FORWARDED-CLIENT-CERT",
                                        "X-Forwarded-Fox"};
    static const char *const others[] = {"X-Forwarded-", "X_Forwarded-Port", "X-Forwarded",
                                         "Y-Forwarded-Port"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(http_header_find(names[i], strlen(names[i])), HTTP_HEADER_X_FORWARDED_OTHER);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(http_header_find(others[i], strlen(others[i])), HTTP_HEADER_OTHER);
    }
}

static void test_views_of_a_request(void **state)
{
    (void)state;
    struct parse p;
    const char *text = "POST /a/b?c=d?e HTTP/1.1\r\nHost: h.test:81\r\nX-One:  1 \r\nContent-Length: 12\r\n"
                       "x-one: 2\r\n\r\nbody";
    assert_int_equal(parse_request(&p, text), HTTP_PARSE_DONE);
    const struct http_head *head = &p.head;
    assert_int_equal(head->method, HTTP_METHOD_POST);
    assert_text(http_head_text(head, head->method_text), "POST");
    assert_text(http_head_text(head, head->target), "/a/b?c=d?e");
    assert_text(http_head_text(head, head->path), "/a/b");
    assert_text(http_head_text(head, head->query), "?c=d?e");
    assert_text(http_head_text(head, head->host), "h.test:81");
    assert_int_equal(head->header_count, 4);
    assert_int_equal(head->content_length, 12);
    assert_int_equal(head->length, strlen(text) - 4);
    assert_true(http_head_has(head, HTTP_HEADER_CONTENT_LENGTH));
    assert_false(http_head_has(head, HTTP_HEADER_COOKIE));
    assert_null(http_head_find(head, HTTP_HEADER_COOKIE));
    assert_text(http_head_value(head, http_head_find(head, HTTP_HEADER_CONTENT_LENGTH)), "12");
    assert_text(http_head_name(head, &head->headers[1]), "X-One");
    assert_text(http_head_value(head, &head->headers[1]), "1");
}

static void test_views_follow_a_moved_buffer(void **state)
{
    (void)state;
    struct parse p;
    char first[] = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_int_equal(parse_request(&p, first), HTTP_PARSE_DONE);
    char second[sizeof(first)];
    memcpy(second, first, sizeof(first));
    memset(first, '?', sizeof(first));
    p.head.bytes = second;
    assert_text(http_head_text(&p.head, p.head.path), "/x");
    assert_text(http_head_text(&p.head, p.head.host), "h");
}

static void test_absolute_target(void **state)
{
    (void)state;
    struct parse p;
    assert_int_equal(parse_request(&p, "GET http://a:1?x HTTP/1.1\r\nHost: b\r\n\r\n"), HTTP_PARSE_DONE);
    assert_int_equal(p.head.target_form, HTTP_TARGET_ABSOLUTE);
    assert_text(http_head_text(&p.head, p.head.host), "a:1");
    assert_int_equal(p.head.path.length, 0);
    assert_text(http_head_text(&p.head, p.head.query), "?x");
}

static void test_idle_until_the_first_byte(void **state)
{
    (void)state;
    struct parse p;
    assert_int_equal(parse_request(&p, ""), HTTP_PARSE_MORE);
    assert_true(http_head_parser_is_idle(&p.parser));
    assert_int_equal(parse_request(&p, "\r\n"), HTTP_PARSE_MORE);
    assert_true(http_head_parser_is_idle(&p.parser));
    assert_int_equal(parse_request(&p, "G"), HTTP_PARSE_MORE);
    assert_false(http_head_parser_is_idle(&p.parser));
}

static void test_methods(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum http_method method;
        bool idempotent;
    } methods[] = {
        {"GET", HTTP_METHOD_GET, true},         {"HEAD", HTTP_METHOD_HEAD, true},
        {"PUT", HTTP_METHOD_PUT, true},         {"DELETE", HTTP_METHOD_DELETE, true},
        {"OPTIONS", HTTP_METHOD_OPTIONS, true}, {"TRACE", HTTP_METHOD_TRACE, true},
        {"POST", HTTP_METHOD_POST, false},      {"PATCH", HTTP_METHOD_PATCH, false},
        {"PROPFIND", HTTP_METHOD_OTHER, false}, {"PURGE", HTTP_METHOD_OTHER, false},
        {"get", HTTP_METHOD_OTHER, false},      {"BREW", HTTP_METHOD_OTHER, false},
        {"PLAY", HTTP_METHOD_OTHER, false},     {"GETX", HTTP_METHOD_OTHER, false},
    };
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        struct parse p;
        char text[128];
        snprintf(text, sizeof(text), "%s / HTTP/1.1\r\nHost: h\r\n\r\n", methods[i].name);
        assert_int_equal(parse_request(&p, text), HTTP_PARSE_DONE);
        assert_int_equal(p.head.method, methods[i].method);
        assert_text(http_head_text(&p.head, p.head.method_text), methods[i].name);
        assert_int_equal(http_method_is_idempotent(methods[i].method), methods[i].idempotent);
    }
}

static void test_hop_by_hop_marks(void **state)
{
    (void)state;
    struct parse p;
    const char *text = "GET / HTTP/1.1\r\nHost: h\r\nConnection: X-A , cookie\r\nX-a: 1\r\nCookie: 2\r\n"
                       "TE: trailers\r\nX-B: 3\r\n\r\n";
    static const bool hop[] = {false, true, true, true, true, false};
    assert_int_equal(parse_request(&p, text), HTTP_PARSE_DONE);
    assert_true(p.head.connection.names_others);
    for (uint32_t i = 0; i < p.head.header_count; i++) {
        assert_int_equal((p.head.headers[i].flags & HTTP_HEADER_IS_HOP) != 0, hop[i]);
    }
}

static void test_hops_left(void **state)
{
    (void)state;
    static const struct {
        const char *method, *lines;
        int64_t hops;
    } cases[] = {
        {"TRACE", "Max-Forwards: 0\r\n", 0},
        {"OPTIONS", "max-forwards: 0012\r\n", 12},
        {"OPTIONS", "Max-Forwards: 4294967295\r\n", UINT32_MAX},
        {"OPTIONS", "Max-Forwards: 99999999999999999999999999\r\n", UINT32_MAX},
        {"TRACE", "Max-Forwards: 3\r\nMax-Forwards: 0\r\n", 3},
        {"TRACE", "", -1},
        {"TRACE", "Max-Forwards:\r\n", -1},
        {"TRACE", "Max-Forwards: -1\r\n", -1},
        {"TRACE", "Max-Forwards: 1 2\r\n", -1},
        {"GET", "Max-Forwards: 0\r\n", -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct parse p;
        char text[128];
        snprintf(text, sizeof(text), "%s / HTTP/1.1\r\nHost: h\r\n%s\r\n", cases[i].method, cases[i].lines);
        assert_int_equal(parse_request(&p, text), HTTP_PARSE_DONE);
        assert_int_equal(http_hops_left(&p.head), cases[i].hops);
    }
}

/* Response heads: what follows them, and whether the connection lasts. */
struct response_case {
    const char *text;
    enum http_method method;
    int status; /* 0: refused */
    const char *reason;
    enum http_framing framing;
    int64_t length;
    bool keep_alive;
};

static const struct response_case responses[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", HTTP_METHOD_GET, 200, "OK", HTTP_FRAMING_LENGTH, 3,
     true},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", HTTP_METHOD_HEAD, 200, "OK", HTTP_FRAMING_NONE, 3, true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_METHOD_GET, 200, "OK",
     HTTP_FRAMING_CHUNKED, -1, true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_METHOD_HEAD, 200, "OK", HTTP_FRAMING_NONE,
     -1, true},
    {"HTTP/1.1 200 OK\r\n\r\n", HTTP_METHOD_GET, 200, "OK", HTTP_FRAMING_UNTIL_CLOSE, -1, false},
    {"HTTP/1.1 200 OK\r\n\r\n", HTTP_METHOD_HEAD, 200, "OK", HTTP_FRAMING_NONE, -1, true},
    {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", HTTP_METHOD_GET, 200, "OK", HTTP_FRAMING_LENGTH, 0,
     false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", HTTP_METHOD_GET, 200, "OK",
     HTTP_FRAMING_LENGTH, 0, true},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", HTTP_METHOD_GET, 200, "OK",
     HTTP_FRAMING_LENGTH, 0, false},
    {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", HTTP_METHOD_GET, 200, "", HTTP_FRAMING_LENGTH, 0, true},
    {"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", HTTP_METHOD_GET, 200, "", HTTP_FRAMING_LENGTH, 0, true},
    {"HTTP/1.1 299 Any thing \xc3\xa9\r\nContent-Length: 0\r\n\r\n", HTTP_METHOD_GET, 299,
     "Any thing \xc3\xa9", HTTP_FRAMING_LENGTH, 0, true},
    {"HTTP/1.1 204 No Content\r\n\r\n", HTTP_METHOD_GET, 204, "No Content", HTTP_FRAMING_NONE, -1, true},
    {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", HTTP_METHOD_GET, 204, "No Content",
     HTTP_FRAMING_NONE, 5, true},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", HTTP_METHOD_GET, 304, "Not Modified",
     HTTP_FRAMING_NONE, 5, true},
    {"HTTP/1.1 100 Continue\r\n\r\n", HTTP_METHOD_POST, 100, "Continue", HTTP_FRAMING_NONE, -1, true},
    {"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", HTTP_METHOD_GET, 103, "Early Hints", HTTP_FRAMING_NONE,
     -1, true},
    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", HTTP_METHOD_GET,
     101, "Switching Protocols", HTTP_FRAMING_NONE, -1, false},
    {"HTTP/1.1 599 x\r\n\r\n", HTTP_METHOD_GET, 599, "x", HTTP_FRAMING_UNTIL_CLOSE, -1, false},
    {"HTTP/1.1 099 x\r\n\r\n", HTTP_METHOD_GET, 0, "status-line-malformed", 0, 0, false},
    {"HTTP/1.1 600 x\r\n\r\n", HTTP_METHOD_GET, 0, "status-line-malformed", 0, 0, false},
    {"HTTP/1.1 2000 x\r\n\r\n", HTTP_METHOD_GET, 0, "status-line-malformed", 0, 0, false},
    {"HTTP/1.1 20 x\r\n\r\n", HTTP_METHOD_GET, 0, "status-line-malformed", 0, 0, false},
    {"HTTP/1.1  200 x\r\n\r\n", HTTP_METHOD_GET, 0, "status-line-malformed", 0, 0, false},
    {"HTTP/2.0 200 OK\r\n\r\n", HTTP_METHOD_GET, 0, "status-line-malformed", 0, 0, false},
    {"HTTP/1.1 200 O\x01K\r\n\r\n", HTTP_METHOD_GET, 0, "status-line-malformed", 0, 0, false},
    {"HTTP/1.1 200 OK\n\n", HTTP_METHOD_GET, 0, "status-line-malformed", 0, 0, false},
    {"garbage\r\n\r\n", HTTP_METHOD_GET, 0, "status-line-malformed", 0, 0, false},
    {"\r\nHTTP/1.1 200 OK\r\n\r\n", HTTP_METHOD_GET, 0, "status-line-malformed", 0, 0, false},
    {"HTTP/1.1 200 OK\r\nA: b\n\r\n", HTTP_METHOD_GET, 0, "line-end", 0, 0, false},
    {"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", HTTP_METHOD_GET, 0, "header-folding", 0, 0, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", HTTP_METHOD_GET, 0,
     "content-length-several", 0, 0, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_METHOD_GET, 0,
     "framing-ambiguous", 0, 0, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", HTTP_METHOD_GET, 0,
     "transfer-encoding-unknown", 0, 0, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", HTTP_METHOD_GET, 0, "transfer-encoding-malformed",
     0, 0, false},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_METHOD_GET, 0, "transfer-encoding-http10",
     0, 0, false},
};

static void check_response(const struct response_case *expected, struct parse *p, enum http_parse outcome)
{
    if (expected->status == 0) {
        assert_int_equal(outcome, HTTP_PARSE_ERROR);
        assert_string_equal(error_code_slug(p->parser.code), expected->reason);
        return;
    }
    assert_int_equal(outcome, HTTP_PARSE_DONE);
    assert_int_equal(p->head.status, expected->status);
    assert_text(http_head_text(&p->head, p->head.reason), expected->reason);
    assert_int_equal(p->head.framing, expected->framing);
    assert_int_equal(p->head.content_length, expected->length);
    assert_int_equal(p->head.keep_alive, expected->keep_alive);
    assert_int_equal(p->head.upgrade, expected->status == 101);
    assert_int_equal(p->head.length, strlen(expected->text));
}

static void test_responses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(responses) / sizeof(responses[0]); i++) {
        const struct response_case *expected = &responses[i];
        struct parse p;
        print_message("%s", expected->text);
        check_response(expected, &p, parse_response(&p, expected->text, expected->method));
        enum http_parse outcome = HTTP_PARSE_MORE;
        parse_response(&p, "", expected->method);
        for (size_t size = 1; size <= strlen(expected->text) && outcome == HTTP_PARSE_MORE; size++) {
            outcome = http_head_parse(&p.parser, expected->text, size);
        }
        check_response(expected, &p, outcome);
    }
}

static void test_every_problem_is_complete(void **state)
{
    (void)state;
    for (int code = ERROR_NONE; code < ERROR_CODE_COUNT; code++) {
        const struct http_problem *problem = http_problem((enum error_code)code);
        bool is_of_a_message = code >= ERROR_TLS_ON_PLAIN_PORT && code <= ERROR_GATEWAY_OUT_OF_MEMORY;
        assert_int_equal(problem->message != NULL, is_of_a_message);
        assert_int_equal(problem->hint != NULL, is_of_a_message);
        if (is_of_a_message) {
            assert_in_range(error_code_status((enum error_code)code), 400, 505);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_known_header_is_found_in_any_case),
        cmocka_unit_test(test_unknown_names),
        cmocka_unit_test(test_names_that_are_known_by_their_beginning),
        cmocka_unit_test(test_views_of_a_request),
        cmocka_unit_test(test_views_follow_a_moved_buffer),
        cmocka_unit_test(test_absolute_target),
        cmocka_unit_test(test_idle_until_the_first_byte),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_hop_by_hop_marks),
        cmocka_unit_test(test_hops_left),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_every_problem_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
