/* Heads written anew: requests, responses, local answers, chunks, dates, and buffers that are too small. */
#include "http/write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define HEADERS 16

static const struct http_limits limits = {.head_bytes = 4096, .target_bytes = 1024};

struct parse {
    struct http_head_parser parser;
    struct http_head head;
    struct http_header headers[HEADERS];
};

static void parse_request(struct parse *parse, const char *text)
{
    http_head_parser_init_request(&parse->parser, &parse->head, parse->headers, HEADERS, &limits);
    assert_int_equal(http_head_parse(&parse->parser, text, strlen(text)), HTTP_PARSE_DONE);
}

static void parse_response(struct parse *parse, const char *text, enum http_method method)
{
    http_head_parser_init_response(&parse->parser, &parse->head, parse->headers, HEADERS, &limits, method);
    assert_int_equal(http_head_parse(&parse->parser, text, strlen(text)), HTTP_PARSE_DONE);
}

static void assert_written(struct http_writer *writer, const char *expected)
{
    assert_false(writer->full);
    assert_in_range(writer->at - writer->start, 0, writer->end - writer->start - 1);
    *writer->at = '\0';
    assert_string_equal(writer->start, expected);
}

static void test_request_with_own_fields(void **state)
{
    (void)state;
    struct parse p;
    char buffer[1024];
    parse_request(
        &p, "PUT /hello/x?y HTTP/1.1\r\nA: 1\r\nX-Request-Id: theirs\r\nhost: h\r\nB:2\r\nC: 3\r\nD: 4\r\n"
            "Connection: c\r\nTransfer-Encoding: chunked\r\n\r\n");
    struct http_writer writer = http_writer_make(buffer, sizeof(buffer));
    struct http_request_edit edit = {
        .target = HTTP_TEXT("/x?y"),
        .drop = HTTP_HEADER_BIT(HTTP_HEADER_X_REQUEST_ID),
    };
    http_write_request(&writer, &p.head, &edit);
    http_write_field(&writer, HTTP_TEXT("X-Request-Id"), HTTP_TEXT("ours"));
    http_write_field_number(&writer, HTTP_TEXT("X-Number"), UINT64_MAX);
    http_write_end(&writer);
    assert_written(&writer,
                   "PUT /x?y HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\nD: 4\r\nTransfer-Encoding: chunked\r\n"
                   "X-Request-Id: ours\r\nX-Number: 18446744073709551615\r\n\r\n");
}

static void test_targets_get_their_slash(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        const char *line;
    } cases[] = {
        {"", "GET / HTTP/1.1\r\nHost: h\r\n"},
        {"?x", "GET /?x HTTP/1.1\r\nHost: h\r\n"},
        {"/", "GET / HTTP/1.1\r\nHost: h\r\n"},
        {"//a", "GET //a HTTP/1.1\r\nHost: h\r\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct parse p;
        char buffer[256];
        parse_request(&p, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
        struct http_writer writer = http_writer_make(buffer, sizeof(buffer));
        struct http_text target = http_text_make(cases[i].target, strlen(cases[i].target));
        http_write_request(&writer, &p.head, &(struct http_request_edit){.target = target});
        assert_written(&writer, cases[i].line);
    }
}

static void test_full_at_every_size(void **state)
{
    (void)state;
    struct parse p;
    static const char whole[] = "POST / HTTP/1.1\r\nHost: h\r\nA: 1\r\nContent-Length: 12\r\nX: y\r\n\r\n";
    parse_request(&p, "POST /hello HTTP/1.1\r\nHost: h\r\nA: 1\r\nContent-Length: 12\r\n\r\n");
    for (size_t size = 0; size < sizeof(whole) + 2; size++) {
        char *buffer = malloc(size + 1);
        struct http_writer writer = http_writer_make(buffer, size);
        http_write_request(&writer, &p.head, &(struct http_request_edit){.target = HTTP_TEXT("/")});
        http_write_field(&writer, HTTP_TEXT("X"), HTTP_TEXT("y"));
        http_write_end(&writer);
        assert_int_equal(writer.full, size < sizeof(whole) - 1);
        if (!writer.full) {
            assert_memory_equal(buffer, whole, sizeof(whole) - 1);
        }
        free(buffer);
    }
}

struct response_case {
    const char *input;
    enum http_method method;
    uint8_t client_minor;
    bool keep_alive;
    enum http_framing framing;
    const char *output;
};

static const struct response_case response_cases[] = {
    {"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 3\r\nKeep-Alive: 5\r\n\r\n", HTTP_METHOD_GET, 1, true,
     HTTP_FRAMING_LENGTH, "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 3\r\n"},
    {"HTTP/1.0 200 Fine\r\nContent-Length: 3\r\n\r\n", HTTP_METHOD_GET, 1, false, HTTP_FRAMING_LENGTH,
     "HTTP/1.1 200 Fine\r\nContent-Length: 3\r\nConnection: close\r\n"},
    {"HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", HTTP_METHOD_GET, 0, true, HTTP_FRAMING_LENGTH,
     "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: keep-alive\r\n"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_METHOD_GET, 1, true, HTTP_FRAMING_CHUNKED,
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_METHOD_GET, 0, false,
     HTTP_FRAMING_UNTIL_CLOSE, "HTTP/1.1 200 OK\r\nConnection: close\r\n"},
    {"HTTP/1.1 200 OK\r\n\r\n", HTTP_METHOD_GET, 1, true, HTTP_FRAMING_CHUNKED,
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", HTTP_METHOD_HEAD, 1, true, HTTP_FRAMING_NONE,
     "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_METHOD_HEAD, 1, true, HTTP_FRAMING_NONE,
     "HTTP/1.1 200 OK\r\n"},
    {"HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n", HTTP_METHOD_GET, 1, true, HTTP_FRAMING_NONE,
     "HTTP/1.1 204 No Content\r\n"},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nETag: x\r\n\r\n", HTTP_METHOD_GET, 1, true,
     HTTP_FRAMING_NONE, "HTTP/1.1 304 Not Modified\r\nETag: x\r\nContent-Length: 9\r\n"},
    {"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 1\r\n\r\n", HTTP_METHOD_GET, 1, false,
     HTTP_FRAMING_NONE, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n"},
    {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nA: b\r\n\r\n",
     HTTP_METHOD_GET, 1, false, HTTP_FRAMING_NONE,
     "HTTP/1.1 101 Switching Protocols\r\nA: b\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"},
    {"HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 0\r\n\r\n",
     HTTP_METHOD_GET, 1, true, HTTP_FRAMING_LENGTH,
     "HTTP/1.1 426 Upgrade Required\r\nUpgrade: x\r\nConnection: upgrade\r\nContent-Length: 0\r\n"},
};

static void test_responses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(response_cases) / sizeof(response_cases[0]); i++) {
        const struct response_case *expected = &response_cases[i];
        struct parse p;
        char buffer[1024];
        parse_response(&p, expected->input, expected->method);
        assert_int_equal(http_response_framing(&p.head, expected->client_minor), expected->framing);
        struct http_writer writer = http_writer_make(buffer, sizeof(buffer));
        struct http_response_edit edit = {
            .framing = (uint8_t)expected->framing,
            .client_minor = expected->client_minor,
            .keep_alive = expected->keep_alive,
        };
        http_write_response(&writer, &p.head, &edit);
        assert_written(&writer, expected->output);
    }
}

static void check_answer(const struct http_answer *answer, const char *expected)
{
    char buffer[1024];
    struct http_writer writer = http_writer_make(buffer, sizeof(buffer));
    http_write_answer(&writer, answer);
    http_write_field(&writer, HTTP_TEXT("X"), HTTP_TEXT("y"));
    http_write_answer_end(&writer, answer);
    assert_written(&writer, expected);
}

static void test_answers(void **state)
{
    (void)state;
    struct http_answer answer = {
        .status = 404,
        .content_type = HTTP_TEXT("application/json"),
        .body = HTTP_TEXT("{}\n"),
        .client_minor = 1,
        .keep_alive = true,
    };
    check_answer(&answer,
                 "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 3\r\nX: y\r\n"
                 "\r\n{}\n");
    answer.head_only = true;
    answer.keep_alive = false;
    check_answer(&answer, "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 3\r\n"
                          "Connection: close\r\nX: y\r\n\r\n");
    check_answer(&(struct http_answer){.status = 100}, "HTTP/1.1 100 Continue\r\nX: y\r\n\r\n");
    check_answer(&(struct http_answer){.status = 204, .keep_alive = true},
                 "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\nX: y\r\n\r\n");
    check_answer(&(struct http_answer){.status = 299, .keep_alive = true, .client_minor = 1},
                 "HTTP/1.1 299 \r\nContent-Length: 0\r\nX: y\r\n\r\n");
}

static void test_chunk_lines(void **state)
{
    (void)state;
    static const struct {
        uint64_t size;
        const char *line;
    } cases[] = {{1, "1\r\n"},
                 {15, "f\r\n"},
                 {16, "10\r\n"},
                 {255, "ff\r\n"},
                 {256, "100\r\n"},
                 {65536, "10000\r\n"},
                 {UINT64_MAX, "ffffffffffffffff\r\n"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char line[HTTP_CHUNK_BEGIN_MAX];
        size_t length = http_chunk_begin(line, cases[i].size);
        assert_int_equal(length, strlen(cases[i].line));
        assert_memory_equal(line, cases[i].line, length);
    }
}

static void test_dates(void **state)
{
    (void)state;
    char text[HTTP_DATE_LENGTH];
    http_date_format(text, 784111777);
    assert_memory_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT", HTTP_DATE_LENGTH);
    http_date_format(text, 0);
    assert_memory_equal(text, "Thu, 01 Jan 1970 00:00:00 GMT", HTTP_DATE_LENGTH);
}

static void test_reasons(void **state)
{
    (void)state;
    assert_true(http_text_equal(http_status_reason(200), HTTP_TEXT("OK")));
    assert_true(http_text_equal(http_status_reason(504), HTTP_TEXT("Gateway Timeout")));
    assert_int_equal(http_status_reason(299).length, 0);
}

static void test_lists(void **state)
{
    (void)state;
    struct http_text list = HTTP_TEXT(" , a,\tb c ,,d,");
    struct http_text member;
    assert_true(http_text_next_member(&list, &member) && http_text_equal(member, HTTP_TEXT("a")));
    assert_true(http_text_next_member(&list, &member) && http_text_equal(member, HTTP_TEXT("b c")));
    assert_true(http_text_next_member(&list, &member) && http_text_equal_nocase(member, HTTP_TEXT("D")));
    assert_false(http_text_next_member(&list, &member));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_with_own_fields),
        cmocka_unit_test(test_targets_get_their_slash),
        cmocka_unit_test(test_full_at_every_size),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_chunk_lines),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
