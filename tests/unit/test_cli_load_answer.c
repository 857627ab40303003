/* Answers as `berth load` reads them, whole and a byte at a time. */
#include "cli/load/load_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *bytes;
    bool has_no_body;
    enum load_reading reading; /* without the connection's end */
    enum load_reading ended; /* with it, when more was wanted */
    unsigned status;
    bool is_kept;
    const char *id;
} rows[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", false, LOAD_READING_DONE, 0, 200, true, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi there", false, LOAD_READING_DONE, 0, 200, false, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", true, LOAD_READING_DONE, 0, 200, true, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", false, LOAD_READING_MORE, LOAD_READING_MALFORMED, 200,
     false, ""},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", false, LOAD_READING_DONE, 0,
     200, true, ""},
    {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", false, LOAD_READING_DONE, 0, 200,
     false, ""},
    {"HTTP/1.0 200 OK\r\n\r\nuntil the end", false, LOAD_READING_MORE, LOAD_READING_DONE, 200, false, ""},
    {"HTTP/1.1 503 No\r\nX-Request: 1\r\nx-request-ID: abc-1\r\nX-Request-Id-2: 3\r\nContent-Length: "
     "0\r\n\r\n",
     false, LOAD_READING_DONE, 0, 503, true, "abc-1"},
    {"HTTP/1.1 200 OK\r\nX-Request-Id: abc\r\nContent-Length: 0\r\n\r\n", false, LOAD_READING_DONE, 0, 200,
     true, ""},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 None\r\n\r\n", false, LOAD_READING_DONE, 0, 204, true, ""},
    {"SSH-2.0-OpenSSH\r\n", false, LOAD_READING_MALFORMED, 0, 0, false, ""},
    {"", false, LOAD_READING_MORE, LOAD_READING_MALFORMED, 0, false, ""},
};

static void check(size_t row, size_t piece)
{
    const size_t size = strlen(rows[row].bytes);
    struct load_answer answer;
    enum load_reading reading = LOAD_READING_MORE;
    load_answer_begin(&answer, rows[row].has_no_body);
    for (size_t at = 0; at < size && reading == LOAD_READING_MORE; at += piece)
        reading = load_answer_take(&answer, rows[row].bytes + at, at + piece < size ? piece : size - at);
    assert_int_equal(reading, rows[row].reading);
    if (reading == LOAD_READING_MORE) {
        const enum load_reading ended = load_answer_finish(&answer);
        assert_true((ended == LOAD_READING_DONE) == (rows[row].ended == LOAD_READING_DONE));
    }
    if (answer.is_done) {
        assert_int_equal(load_answer_status(&answer), rows[row].status);
        assert_string_equal(answer.request_id, rows[row].id);
    }
    if (piece >= size)
        assert_int_equal(answer.is_kept, rows[row].is_kept);
}

static void answers_are_read(void **state)
{
    (void)state;
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        check(row, SIZE_MAX / 2);
        check(row, 1);
        check(row, 7);
    }
}

static void long_ids_are_cut(void **state)
{
    (void)state;
    struct load_answer answer;
    char bytes[512];
    int length = snprintf(bytes, sizeof(bytes),
                          "HTTP/1.1 500 No\r\nX-Request-Id: %0200d\r\nContent-Length: 0\r\n\r\n", 7);
    load_answer_begin(&answer, false);
    assert_int_equal(load_answer_take(&answer, bytes, (size_t)length), LOAD_READING_DONE);
    assert_int_equal(strlen(answer.request_id), LOAD_ID_SIZE - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_read),
        cmocka_unit_test(long_ids_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
