/* What is kept of a request, and comes back; nothing of what is no such form. */
#include "admin/request_note.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

struct written {
    char bytes[REQUEST_NOTE_MAX];
    size_t size;
};

static void write_note(const struct request_record *like, struct written *ret_form)
{
    static const struct clock_pair now = {.monotonic_ns = 1000 * MS, .wall_ns = 5000000 * MS};
    struct http_text texts[REQUEST_TEXTS] = {
        [REQUEST_ID] = HTTP_TEXT("an-id"),      [REQUEST_METHOD] = HTTP_TEXT("GET"),
        [REQUEST_TARGET] = HTTP_TEXT("/f/x?a"), [REQUEST_FUNCTION] = HTTP_TEXT("f"),
        [REQUEST_CLIENT] = HTTP_TEXT("::1"),    [REQUEST_MESSAGE] = HTTP_TEXT("It is so."),
        [REQUEST_CALLER] = HTTP_TEXT("caller"), [REQUEST_TRACE] = HTTP_TEXT("ab"),
    };
    struct request_record *record = test_malloc(request_record_size(texts));
    *record = *like;
    request_record_set_texts(record, texts);
    ret_form->size = request_note_write(record, &now, ret_form->bytes);
    test_free(record);
}

static const struct request_record timed_out = {
    .times = {.began_ns = 400 * MS, .head_ns = 410 * MS, .slot_ns = 500 * MS, .end_ns = 900 * MS},
    .waited_ns = 90 * MS,
    .instance = 0xabc,
    .bytes_in = 7,
    .code = ERROR_TIMEOUT,
    .component = COMPONENT_FUNCTION,
    .status = 504,
    .depth = 3,
    .end = REQUEST_ANSWERED,
    .is_own = true,
    .is_cold = true,
};

static void request_comes_back(void **state)
{
    (void)state;
    struct written form;
    struct request_note note;
    write_note(&timed_out, &form);
    assert_int_equal(request_note_read(form.bytes, form.size, &note), 0);
    assert_int_equal(note.began_ms, 5000000 - 600);
    assert_int_equal(note.ended_ms, 5000000 - 100);
    assert_int_equal(note.phases.head_ns, 10 * MS);
    assert_int_equal(note.phases.queue_ns, 90 * MS);
    assert_int_equal(note.phases.run_ns, 400 * MS);
    assert_int_equal(note.phases.answer_ns, 0);
    assert_int_equal(note.phases.whole_ns, 490 * MS);
    assert_int_equal(note.instance, 0xabc);
    assert_int_equal(note.bytes_in, 7);
    assert_int_equal(note.status, 504);
    assert_int_equal(note.depth, 3);
    assert_true(note.is_own && note.is_cold && !note.is_stream && !note.is_routed);
    static const char *const texts[NOTE_TEXTS] = {"an-id",     "GET",      "/f/x",     "f",
                                                  "::1",       "answered", "function", "timeout",
                                                  "It is so.", "",         "caller",   "ab"};
    for (size_t i = 0; i < NOTE_TEXTS; i++)
        assert_string_equal(note.texts[i], texts[i]);
    assert_true(request_note_is_failed(&note));
}

/* As an earlier version wrote it: no callers were known. */
static void shorter_form_is_read(void **state)
{
    (void)state;
    struct written form;
    struct request_note note;
    write_note(&(const struct request_record){.status = 200}, &form);
    form.bytes[0] = 1;
    form.size -= (sizeof(uint16_t) + sizeof("caller")) + (sizeof(uint16_t) + sizeof("ab"));
    assert_int_equal(request_note_read(form.bytes, form.size, &note), 0);
    assert_int_equal(note.status, 200);
    assert_string_equal(note.texts[NOTE_MESSAGE], "It is so.");
    assert_string_equal(note.texts[NOTE_CALLER], "");
    assert_string_equal(note.texts[NOTE_TRACE], "");
}

static void failed_is_what_went_wrong(void **state)
{
    (void)state;
    struct request_record record = {.status = 404, .end = REQUEST_ANSWERED};
    static const struct {
        uint16_t status;
        enum request_end end;
        bool failed;
    } rows[] = {{200, REQUEST_ANSWERED, false},
                {404, REQUEST_ANSWERED, false},
                {500, REQUEST_ANSWERED, true},
                {0, REQUEST_CLIENT_GONE, true},
                {200, REQUEST_CUT, true}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct written form;
        struct request_note note;
        record.status = rows[i].status;
        record.end = (uint8_t)rows[i].end;
        write_note(&record, &form);
        assert_int_equal(request_note_read(form.bytes, form.size, &note), 0);
        assert_int_equal(request_note_is_failed(&note), rows[i].failed);
    }
}

static void other_bytes_are_refused(void **state)
{
    (void)state;
    struct written form;
    struct request_note note;
    write_note(&timed_out, &form);
    for (size_t size = 0; size < form.size; size++)
        assert_int_equal(request_note_read(form.bytes, size, &note), -1);
    form.bytes[0]++;
    assert_int_equal(request_note_read(form.bytes, form.size, &note), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_comes_back),
        cmocka_unit_test(shorter_form_is_read),
        cmocka_unit_test(failed_is_what_went_wrong),
        cmocka_unit_test(other_bytes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
