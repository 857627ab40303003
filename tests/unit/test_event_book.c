/* The events that are kept: numbered, bounded, from any thread, and told at any level of the log. */
#include "admin/event_book.h"

#include "base/log.h"
#include "base/rfc3339.h"

#include <event2/event.h>
#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct event_bench {
    struct event_base *base;
    struct event_book *book;
    unsigned told;
};

static void count_told(void *context)
{
    struct event_bench *bench = context;
    bench->told++;
}

static int begin(void **state)
{
    struct event_bench *bench = calloc(1, sizeof(*bench));
    struct error err;
    log_configure(LOG_ERROR, LOG_TEXT); /* what is told does not depend on it */
    bench->base = event_base_new();
    assert_int_equal(event_book_create(bench->base, &bench->book, &err), 0);
    event_book_follow(bench->book, count_told, bench);
    *state = bench;
    return 0;
}

static int end(void **state)
{
    struct event_bench *bench = *state;
    event_book_destroy(bench->book);
    event_base_free(bench->base);
    free(bench);
    log_configure(LOG_INFO, LOG_TEXT);
    return 0;
}

static void expect_member(const json_t *event, const char *name, const char *text)
{
    const char *is = json_string_value(json_object_get(event, name));
    assert_non_null(is);
    assert_string_equal(is, text);
}

static void events_are_told_as_the_log_has_them(void **state)
{
    struct event_bench *bench = *state;
    const uint64_t first = event_book_first_id(bench->book);
    assert_true(first <= wall_clock_ms() && first + 60000 > wall_clock_ms());
    log_debug("a.detail");
    log_traffic(LOG_INFO, "gateway.request", LOG_STR("function", "greet"));
    log_info("revision.state", LOG_STR("function", "greet"), LOG_INT("ms", -7), LOG_DEC("share", 0.25),
             LOG_STR("text", "two \"words\"\n\xff"), LOG_STR("left_out", NULL));
    assert_null(event_book_after(bench->book, 0));
    event_base_loop(bench->base, EVLOOP_ONCE);
    assert_int_equal(bench->told, 1);

    const struct kept_event *event = event_book_after(bench->book, 0);
    assert_non_null(event);
    assert_int_equal(event->id, first + 1);
    assert_string_equal(event->name, "revision.state");
    assert_string_equal(event->function, "greet");
    json_t *json = json_loads(event->json, 0, NULL);
    expect_member(json, "level", "info");
    expect_member(json, "event", "revision.state");
    expect_member(json, "text", "two \"words\"\n?");
    uint64_t time_ms;
    assert_int_equal(rfc3339_read(json_string_value(json_object_get(json, "time")), &time_ms), 0);
    assert_int_equal(json_integer_value(json_object_get(json, "ms")), -7);
    assert_true(json_is_real(json_object_get(json, "share")));
    assert_int_equal(json_object_size(json), 7);
    json_decref(json);
    assert_null(event_book_after(bench->book, event->id));
}

static void the_newest_are_kept(void **state)
{
    struct event_bench *bench = *state;
    const uint64_t first = event_book_first_id(bench->book);
    for (int i = 1; i <= 2 * EVENT_BOOK_MAX; i++) {
        log_info("counted", LOG_INT("number", i));
        event_book_take(bench->book);
    }
    assert_int_equal(event_book_last_id(bench->book), first + 2 * EVENT_BOOK_MAX);
    assert_int_equal(event_book_after(bench->book, 0)->id, first + EVENT_BOOK_MAX + 1);
    const struct kept_event *last = event_book_after(bench->book, first + 2 * EVENT_BOOK_MAX - 1);
    assert_non_null(strstr(last->json, "\"number\":1024"));
}

static void long_ones_are_fewer(void **state)
{
    struct event_bench *bench = *state;
    static char text[LOG_TEXT_MAX];
    memset(text, 'x', sizeof(text) - 1);
    for (int i = 0; i < 64; i++) {
        log_info("long", LOG_STR("text", text));
        event_book_take(bench->book);
    }
    uint64_t kept = event_book_last_id(bench->book) - event_book_after(bench->book, 0)->id + 1;
    assert_int_equal(kept, EVENT_BOOK_BYTES_MAX / (sizeof(text) + 80));
}

/* A control thread that is held up does not find memory full of them: the number shows how many it lost. */
static void what_nobody_takes_is_bounded(void **state)
{
    struct event_bench *bench = *state;
    const uint64_t first = event_book_first_id(bench->book);
    for (int i = 0; i < 3 * EVENT_BOOK_MAX; i++)
        log_info("counted", LOG_INT("number", i));
    event_book_take(bench->book);
    log_info("after");
    event_book_take(bench->book);
    assert_int_equal(event_book_last_id(bench->book), first + 3 * EVENT_BOOK_MAX + 1);
    const struct kept_event *event = NULL;
    unsigned count = 0;
    for (uint64_t id = first; (event = event_book_after(bench->book, id)); id = event->id)
        count++;
    assert_int_equal(count, EVENT_BOOK_MAX);
}

static void *log_some(void *context)
{
    (void)context;
    for (int i = 0; i < 100; i++)
        log_info("of.a.thread", LOG_INT("number", i));
    return NULL;
}

static void other_threads_may_log(void **state)
{
    struct event_bench *bench = *state;
    const uint64_t first = event_book_first_id(bench->book);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_some, NULL), 0);
    while (event_book_last_id(bench->book) < first + 400)
        event_base_loop(bench->base, EVLOOP_ONCE);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    uint64_t id = first;
    for (const struct kept_event *event; (event = event_book_after(bench->book, id)); id = event->id)
        assert_int_equal(event->id, id + 1);
    assert_int_equal(id, first + 400);
}

#define EVENT_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EVENT_TEST(events_are_told_as_the_log_has_them),
        EVENT_TEST(the_newest_are_kept),
        EVENT_TEST(long_ones_are_fewer),
        EVENT_TEST(what_nobody_takes_is_bounded),
        EVENT_TEST(other_threads_may_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
