/* The record of a request that a daemon's end has met: its times, its texts, and what cannot be one. */
#include "gateway/in_flight.h"

#include "base/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

static char folder[] = "/tmp/berth-in-flight-XXXXXX";
static struct flight_file *file;
static struct flight_part *part;

static int begin(void **state)
{
    (void)state;
    struct error err;
    if (!mkdtemp(folder) || flight_file_create(folder, 1, &file, &err) < 0)
        return -1;
    part = flight_file_part(file, 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    struct error err;
    flight_file_destroy(file);
    return fs_remove_tree(folder, &err);
}

static struct http_text text_of(const char *text)
{
    return http_text_make(text, strlen(text));
}

static struct request_record *pass(struct flight_cell *cell, int64_t shift_ns, uint64_t now_ns)
{
    struct request_record *record = in_flight_read(cell->bytes, cell->size, shift_ns, now_ns);
    in_flight_end(part, cell);
    return record;
}

static struct flight_cell *enter(const char *target)
{
    const struct request_times times = {.began_ns = 1000 * MS, .head_ns = 1001 * MS};
    const struct http_text texts[REQUEST_TEXTS] = {
        [REQUEST_ID] = text_of("an-id"),    [REQUEST_METHOD] = text_of("POST"),
        [REQUEST_TARGET] = text_of(target), [REQUEST_FUNCTION] = text_of("f"),
        [REQUEST_CLIENT] = text_of("::1"),  [REQUEST_CALLER] = text_of("g"),
        [REQUEST_TRACE] = text_of("12ab"),
    };
    struct flight_cell *cell = in_flight_begin(part, &times, 2, texts);
    assert_non_null(cell);
    return cell;
}

static void record_says_what_was_known(void **state)
{
    (void)state;
    struct flight_cell *cell = enter("/f/x?y");
    in_flight_reach(cell, 0xabc, 0xdef, 1005 * MS, 4 * MS);
    struct request_record *record = pass(cell, 0, 3000 * MS);
    assert_non_null(record);
    assert_string_equal(request_text(record, REQUEST_ID), "an-id");
    assert_string_equal(request_text(record, REQUEST_METHOD), "POST");
    assert_string_equal(request_text(record, REQUEST_TARGET), "/f/x?y");
    assert_string_equal(request_text(record, REQUEST_FUNCTION), "f");
    assert_string_equal(request_text(record, REQUEST_CLIENT), "::1");
    assert_string_equal(request_text(record, REQUEST_CALLER), "g");
    assert_string_equal(request_text(record, REQUEST_TRACE), "12ab");
    assert_true(strlen(request_text(record, REQUEST_MESSAGE)) > 0 &&
                strlen(request_text(record, REQUEST_HINT)) > 0);
    assert_int_equal(record->code, ERROR_DAEMON_ENDED);
    assert_int_equal(record->end, REQUEST_STOPPED);
    assert_int_equal(record->depth, 2);
    assert_int_equal(record->instance, 0xabc);
    assert_int_equal(record->revision, 0xdef);
    const struct request_phases phases = request_phases_of(record);
    assert_int_equal(phases.queue_ns, 4 * MS);
    assert_int_equal(phases.run_ns, 1995 * MS);
    free(record);
}

static void times_are_brought_to_this_clock(void **state)
{
    (void)state;
    struct request_record *record = pass(enter("/f"), -(int64_t)(900 * MS), 200 * MS);
    assert_int_equal(record->times.began_ns, 100 * MS);
    free(record);
    record = pass(enter("/f"), -(int64_t)(5000 * MS), 200 * MS); /* before this boot */
    assert_int_equal(record->times.began_ns, 1);
    free(record);
    record = pass(enter("/f"), (int64_t)(5000 * MS), 200 * MS); /* a clock went back */
    assert_int_equal(record->times.began_ns, 200 * MS);
    free(record);
}

static void a_long_path_is_cut(void **state)
{
    (void)state;
    char target[5000];
    memset(target, 'x', sizeof(target));
    target[0] = '/';
    target[sizeof(target) - 1] = '\0';
    struct request_record *record = pass(enter(target), 0, 3000 * MS);
    assert_in_range(strlen(request_text(record, REQUEST_TARGET)), 800, REQUEST_TARGET_MAX);
    assert_string_equal(request_text(record, REQUEST_ID), "an-id");
    assert_string_equal(request_text(record, REQUEST_TRACE), "12ab");
    free(record);
}

static void what_is_none_is_left_out(void **state)
{
    (void)state;
    char bytes[FLIGHT_CELL_BYTES];
    struct flight_cell *cell = enter("/f");
    const size_t size = cell->size;
    memcpy(bytes, cell->bytes, size);
    in_flight_end(part, cell);
    for (size_t shorter = 0; shorter < size; shorter++)
        assert_null(in_flight_read(bytes, shorter, 0, 3000 * MS));
    assert_null(in_flight_read(bytes, size + 1, 0, 3000 * MS));
    bytes[0]++; /* of another version */
    assert_null(in_flight_read(bytes, size, 0, 3000 * MS));
}

static void nothing_is_kept_nowhere(void **state)
{
    (void)state;
    const struct request_times times = {.began_ns = 1};
    const struct http_text texts[REQUEST_TEXTS] = {0};
    assert_null(in_flight_begin(NULL, &times, 0, texts));
    in_flight_reach(NULL, 1, 1, 1, 1);
    in_flight_end(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_says_what_was_known), cmocka_unit_test(times_are_brought_to_this_clock),
        cmocka_unit_test(a_long_path_is_cut),         cmocka_unit_test(what_is_none_is_left_out),
        cmocka_unit_test(nothing_is_kept_nowhere),
    };
    return cmocka_run_group_tests_name("in_flight", tests, begin, end);
}
