/* Bodies: framing, limits, trailers; every case also byte by byte and in every cut. */
#include "http/body.h"
#include "http/trailers.h"
#include "http/write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define OUT_MAX 32768

/* What a body came to. */
struct result {
    char out[OUT_MAX];
    size_t size;
    size_t consumed;
    char outcome[64]; /* "done", "more" or the reason of a problem */
};

typedef enum http_body_step (*scan_function)(struct http_body *, const char *, size_t, struct http_text *,
                                             size_t *);

static void describe(const struct http_body *body, enum http_body_step step, struct result *result)
{
    const char *text = step == HTTP_BODY_MORE ? "more" : "done";
    snprintf(result->outcome, sizeof(result->outcome), "%s",
             step == HTTP_BODY_ERROR ? error_code_slug(body->code) : text);
}

/* Feeds one piece until it is used up or the body ends. */
static enum http_body_step feed(struct http_body *body, scan_function scan, const char *bytes, size_t size,
                                struct result *result)
{
    enum http_body_step step;
    size_t offset = 0;
    do {
        struct http_text data;
        size_t consumed;
        step = scan(body, bytes + offset, size - offset, &data, &consumed);
        if (step == HTTP_BODY_DATA) {
            assert_in_range(data.length, 1, size - offset);
            assert_ptr_equal(data.data + data.length, bytes + offset + consumed);
            memcpy(result->out + result->size, data.data, data.length);
            result->size += data.length;
        }
        offset += step == HTTP_BODY_ERROR ? 0 : consumed;
    } while (step == HTTP_BODY_DATA);
    result->consumed += offset;
    return step;
}

/* Feeds `bytes` in two pieces, or byte by byte for cut 0. */
static void run(struct http_body *body, scan_function scan, const char *bytes, size_t size, size_t cut,
                struct result *result)
{
    size_t offset = 0;
    enum http_body_step step = HTTP_BODY_MORE;
    result->size = 0;
    result->consumed = 0;
    while (offset < size && step == HTTP_BODY_MORE) {
        size_t piece = cut == 0 ? 1 : offset == 0 ? cut : size - offset;
        char *copy = malloc(piece);
        memcpy(copy, bytes + offset, piece);
        step = feed(body, scan, copy, piece, result);
        free(copy);
        offset += piece;
    }
    describe(body, step, result);
}

struct chunked_case {
    const char *input;
    const char *outcome;
    const char *payload;
    const char *raw; /* with the trailers and the empty line behind it; NULL: as the input */
};

static const struct chunked_case chunked_cases[] = {
    {"0\r\n\r\n", "done", "", NULL},
    {"5\r\nhello\r\n0\r\n\r\n", "done", "hello", NULL},
    {"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", "done", "hello!", NULL},
    {"a\r\n0123456789\r\nA\r\n9876543210\r\n0\r\n\r\n", "done", "01234567899876543210", NULL},
    {"0005\r\nhello\r\n0000\r\n\r\n", "done", "hello", NULL},
    {"000000000000000a\r\n0123456789\r\n0\r\n\r\n", "done", "0123456789", NULL},
    {"2\r\n\r\n\r\n0\r\n\r\n", "done", "\r\n", NULL},
    {"5;x\r\nhello\r\n0\r\n\r\n", "done", "hello", "5\r\nhello\r\n0\r\n\r\n"},
    {"5;x=y;z=\"a;b\"\r\nhello\r\n0;last\r\n\r\n", "done", "hello", "5\r\nhello\r\n0\r\n\r\n"},
    {"5;\r\nhello\r\n0;\r\n\r\n", "done", "hello", "5\r\nhello\r\n0\r\n\r\n"},
    {"1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n", "done", "x", NULL},
    {"0\r\nX-Sum:  1 \r\nHost: evil\r\nContent-Length: 7\r\nX-B: 2\r\n\r\n", "done", "",
     "0\r\nX-Sum: 1\r\nX-B: 2\r\n\r\n"},
    {"0\r\nAuthorization: x\r\nTransfer-Encoding: chunked\r\n\r\n", "done", "", "0\r\n\r\n"},
    {"0\r\nX-Attempt: 2\r\nX-Berth-Schedule: s\r\nX-Berth-Origin-Call: x\r\n\r\n", "done", "", "0\r\n\r\n"},
    {"", "more", "", NULL},
    {"5", "more", "", NULL},
    {"5\r\nhel", "more", "hel", NULL},
    {"5\r\nhello\r\n", "more", "hello", NULL},
    {"0\r\n", "more", "", NULL},
    {"0\r\n\r", "more", "", "0\r\n"},
    {"\r\n", "chunk-size", "", NULL},
    {"x\r\n", "chunk-size", "", NULL},
    {"-1\r\n", "chunk-size", "", NULL},
    {"+1\r\n", "chunk-size", "", NULL},
    {"0x5\r\n", "chunk-size", "", NULL},
    {" 5\r\nhello\r\n", "chunk-size", "", NULL},
    {"5 \r\nhello\r\n", "chunk-size", "", NULL},
    {"5\t;x\r\nhello\r\n", "chunk-size", "", NULL},
    {";x\r\n", "chunk-size", "", NULL},
    {"5g\r\n", "chunk-size", "", NULL},
    {"00000000000000005\r\nhello\r\n", "chunk-size", "", NULL},
    {"8000000000000000\r\n", "chunk-size", "", NULL},
    {"ffffffffffffffff\r\n", "chunk-size", "", NULL},
    {"10000000000000000\r\n", "chunk-size", "", NULL},
    {"5\nhello\r\n", "chunk-line-end", "", NULL},
    {"5\rhello\r\n", "chunk-line-end", "", NULL},
    {"5\r\r\nhello\r\n", "chunk-line-end", "", NULL},
    {"5;x\nhello\r\n", "chunk-line-end", "", NULL},
    {"5;x\ry\r\nhello\r\n", "chunk-line-end", "", NULL},
    {"5;x\001\r\nhello\r\n", "chunk-extension", "", NULL},
    {"5\r\nhello!\r\n", "chunk-data-end", "hello", NULL},
    {"5\r\nhello\n0\r\n\r\n", "chunk-data-end", "hello", NULL},
    {"5\r\nhello\r0\r\n\r\n", "chunk-data-end", "hello", NULL},
    {"0\r\n\n", "line-end", "", NULL},
    {"0\r\n\rX", "bare-cr", "", NULL},
    {"0\r\nX: a\n\r\n", "line-end", "", NULL},
    {"0\r\nX: a\rb\r\n\r\n", "bare-cr", "", NULL},
    {"0\r\nX : a\r\n\r\n", "header-name-space", "", NULL},
    {"0\r\n X: a\r\n\r\n", "header-folding", "", NULL},
    {"0\r\nX: a\r\n b\r\n\r\n", "header-folding", "", NULL},
    {"0\r\nnonsense\r\n\r\n", "header-malformed", "", NULL},
    {"0\r\nX: \001\r\n\r\n", "header-value", "", NULL},
};

static void check_payload(const struct chunked_case *expected, size_t cut)
{
    struct http_body body;
    static struct result result;
    http_body_init(&body, HTTP_FRAMING_CHUNKED, -1, HTTP_BODY_UNLIMITED);
    run(&body, http_body_scan, expected->input, strlen(expected->input), cut, &result);
    assert_string_equal(result.outcome, expected->outcome);
    assert_int_equal(result.size, strlen(expected->payload));
    assert_memory_equal(result.out, expected->payload, result.size);
    assert_int_equal(body.received, result.size);
    if (strcmp(result.outcome, "done") == 0) {
        assert_int_equal(result.consumed, strlen(expected->input));
        assert_true(http_body_is_done(&body));
        assert_true(http_body_end_of_stream(&body));
    } else {
        assert_false(http_body_end_of_stream(&body));
    }
    http_body_clear(&body);
}

static void check_raw(const struct chunked_case *expected, size_t cut)
{
    struct http_body body;
    static struct result result;
    http_body_init(&body, HTTP_FRAMING_CHUNKED, -1, HTTP_BODY_UNLIMITED);
    run(&body, http_body_scan_raw, expected->input, strlen(expected->input), cut, &result);
    assert_string_equal(result.outcome, expected->outcome);
    if (strcmp(result.outcome, "done") == 0) {
        struct http_writer writer = http_writer_make(result.out + result.size, OUT_MAX - result.size);
        http_write_trailers(&writer, body.trailers);
        result.size += http_writer_size(&writer);
    }
    if (strcmp(result.outcome, "done") == 0 || strcmp(result.outcome, "more") == 0) {
        const char *raw = expected->raw != NULL ? expected->raw : expected->input;
        assert_int_equal(result.size, strlen(raw));
        assert_memory_equal(result.out, raw, result.size);
    }
    http_body_clear(&body);
}

static void test_chunked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(chunked_cases) / sizeof(chunked_cases[0]); i++) {
        print_message("%s\n", chunked_cases[i].input);
        for (size_t cut = 0; cut <= strlen(chunked_cases[i].input); cut++) {
            check_payload(&chunked_cases[i], cut);
            check_raw(&chunked_cases[i], cut);
        }
    }
}

static void test_bytes_behind_a_body_are_left(void **state)
{
    (void)state;
    struct http_body body;
    static struct result result;
    http_body_init(&body, HTTP_FRAMING_CHUNKED, -1, HTTP_BODY_UNLIMITED);
    const char *chunked = "1\r\nx\r\n0\r\n\r\nGET /";
    run(&body, http_body_scan, chunked, strlen(chunked), strlen(chunked), &result);
    assert_string_equal(result.outcome, "done");
    assert_int_equal(result.consumed, strlen(chunked) - 5);
    http_body_clear(&body);
    http_body_init(&body, HTTP_FRAMING_LENGTH, 3, HTTP_BODY_UNLIMITED);
    run(&body, http_body_scan, "abcdef", 6, 6, &result);
    assert_string_equal(result.outcome, "done");
    assert_int_equal(result.consumed, 3);
    assert_memory_equal(result.out, "abc", 3);
}

static void test_length(void **state)
{
    (void)state;
    struct http_body body;
    static struct result result;
    http_body_init(&body, HTTP_FRAMING_LENGTH, 0, 0);
    assert_true(http_body_is_done(&body));
    for (size_t cut = 0; cut < 5; cut++) {
        http_body_init(&body, HTTP_FRAMING_LENGTH, 5, 5);
        run(&body, http_body_scan, "hell", 4, cut, &result);
        assert_string_equal(result.outcome, "more");
        assert_false(http_body_end_of_stream(&body));
        run(&body, http_body_scan, "o", 1, 1, &result);
        assert_string_equal(result.outcome, "done");
        assert_true(http_body_end_of_stream(&body));
    }
}

static void test_until_close(void **state)
{
    (void)state;
    struct http_body body;
    static struct result result;
    http_body_init(&body, HTTP_FRAMING_UNTIL_CLOSE, -1, 10);
    run(&body, http_body_scan, "hello", 5, 0, &result);
    assert_string_equal(result.outcome, "more");
    assert_int_equal(result.size, 5);
    assert_true(http_body_end_of_stream(&body));
    assert_true(http_body_is_done(&body));
}

static void test_none(void **state)
{
    (void)state;
    struct http_body body;
    struct http_text data;
    size_t consumed = 7;
    http_body_init(&body, HTTP_FRAMING_NONE, -1, 0);
    assert_int_equal(http_body_scan(&body, "GET", 3, &data, &consumed), HTTP_BODY_DONE);
    assert_int_equal(consumed, 0);
}

static void test_limits(void **state)
{
    (void)state;
    static const struct {
        enum http_framing framing;
        int64_t length;
        uint64_t limit;
        const char *input;
        const char *outcome;
    } cases[] = {
        {HTTP_FRAMING_LENGTH, 5, 5, "hello", "done"},
        {HTTP_FRAMING_LENGTH, 6, 5, "h", "body-too-large"},
        {HTTP_FRAMING_LENGTH, INT64_MAX, 5, "h", "body-too-large"},
        {HTTP_FRAMING_CHUNKED, -1, 5, "5\r\nhello\r\n0\r\n\r\n", "done"},
        {HTTP_FRAMING_CHUNKED, -1, 5, "6\r\nhello!\r\n0\r\n\r\n", "body-too-large"},
        {HTTP_FRAMING_CHUNKED, -1, 5, "3\r\nhel\r\n3\r\nlo!\r\n0\r\n\r\n", "body-too-large"},
        {HTTP_FRAMING_CHUNKED, -1, 5, "7fffffffffffffff\r\n", "body-too-large"},
        {HTTP_FRAMING_CHUNKED, -1, HTTP_BODY_UNLIMITED, "7fffffffffffffff\r\nx", "more"},
        {HTTP_FRAMING_UNTIL_CLOSE, -1, 5, "hello!", "body-too-large"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t cut = 0; cut <= strlen(cases[i].input); cut++) {
            struct http_body body;
            static struct result result;
            http_body_init(&body, cases[i].framing, cases[i].length, cases[i].limit);
            run(&body, http_body_scan, cases[i].input, strlen(cases[i].input), cut, &result);
            assert_string_equal(result.outcome, cases[i].outcome);
        }
    }
}

/* A chunked body of `count` repetitions of `piece` behind `begin`. */
static const char *check_repeated(const char *begin, const char *piece, size_t count, const char *end)
{
    static struct result result;
    static char input[OUT_MAX];
    struct http_body body;
    size_t size = (size_t)snprintf(input, OUT_MAX, "%s", begin);
    for (size_t i = 0; i < count; i++) {
        size += (size_t)snprintf(input + size, OUT_MAX - size, "%s", piece);
    }
    size += (size_t)snprintf(input + size, OUT_MAX - size, "%s", end);
    http_body_init(&body, HTTP_FRAMING_CHUNKED, -1, HTTP_BODY_UNLIMITED);
    run(&body, http_body_scan, input, size, 1000, &result);
    http_body_clear(&body);
    return result.outcome;
}

static void test_overhead_is_bounded(void **state)
{
    (void)state;
    assert_string_equal(check_repeated("1;", "x", 1024, "\r\ny\r\n0\r\n\r\n"), "done");
    assert_string_equal(check_repeated("1;", "x", 1025, "\r\ny\r\n0\r\n\r\n"), "chunk-extension");
    assert_string_equal(check_repeated("", "1;abcdefghi\r\ny\r\n", 1000, "0\r\n\r\n"), "done");
    assert_string_equal(check_repeated("", "1;abcdefghijklmnopqrst\r\ny\r\n", 1000, "0\r\n\r\n"),
                        "chunk-extension");
    assert_string_equal(check_repeated("0\r\n", "a: b\r\n", 32, "\r\n"), "done");
    assert_string_equal(check_repeated("0\r\n", "a: b\r\n", 33, "\r\n"), "too-many-headers");
    assert_string_equal(check_repeated("0\r\nX: ", "x", 8000, "\r\n\r\n"), "done");
    assert_string_equal(check_repeated("0\r\nX: ", "x", 8192, "\r\n\r\n"), "trailers-too-large");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunked),
        cmocka_unit_test(test_bytes_behind_a_body_are_left),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_until_close),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_overhead_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
