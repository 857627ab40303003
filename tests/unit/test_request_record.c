/* A record's texts: all of them, none, too long ones. */
#include "gateway/request_record.h"

#include "gateway/request_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct request_record *make(struct http_text texts[REQUEST_TEXTS])
{
    struct request_record *record = test_malloc(request_record_size(texts));
    request_record_set_texts(record, texts);
    return record;
}

static void texts_come_back(void **state)
{
    (void)state;
    struct http_text texts[REQUEST_TEXTS] = {
        [REQUEST_ID] = HTTP_TEXT("an-id"),      [REQUEST_METHOD] = HTTP_TEXT("GET"),
        [REQUEST_TARGET] = HTTP_TEXT("/f?a"),   [REQUEST_FUNCTION] = HTTP_TEXT("f"),
        [REQUEST_CLIENT] = HTTP_TEXT("::1"),    [REQUEST_MESSAGE] = HTTP_TEXT("It is so."),
        [REQUEST_HINT] = HTTP_TEXT("Do this."), [REQUEST_CALLER] = HTTP_TEXT("g"),
        [REQUEST_TRACE] = HTTP_TEXT("12ab"),
    };
    struct request_record *record = make(texts);
    for (size_t i = 0; i < REQUEST_TEXTS; i++)
        assert_string_equal(request_text(record, i), texts[i].data);
    test_free(record);
}

static void what_is_not_there_is_empty(void **state)
{
    (void)state;
    struct http_text texts[REQUEST_TEXTS] = {0};
    struct request_record *record = make(texts);
    for (size_t i = 0; i < REQUEST_TEXTS; i++)
        assert_string_equal(request_text(record, i), "");
    test_free(record);
}

static void what_is_too_long_is_cut(void **state)
{
    (void)state;
    char long_text[10000];
    memset(long_text, 'x', sizeof(long_text));
    struct http_text texts[REQUEST_TEXTS];
    for (size_t i = 0; i < REQUEST_TEXTS; i++)
        texts[i] = http_text_make(long_text, sizeof(long_text));
    assert_in_range(request_record_size(texts), sizeof(struct request_record) + REQUEST_TEXTS, 4096);
    struct request_record *record = make(texts);
    assert_int_equal(strlen(request_text(record, REQUEST_ID)), REQUEST_ID_MAX);
    assert_int_equal(strlen(request_text(record, REQUEST_TARGET)), REQUEST_TARGET_MAX);
    test_free(record);
}

static void ends_have_names(void **state)
{
    (void)state;
    assert_string_equal(request_end_name(REQUEST_ANSWERED), "answered");
    assert_string_equal(request_end_name(REQUEST_STOPPED), "stopped");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_come_back),
        cmocka_unit_test(what_is_not_there_is_empty),
        cmocka_unit_test(what_is_too_long_is_cut),
        cmocka_unit_test(ends_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
