/* The ring of records: order, sizes, the end of its room, and when the reader is woken; on one thread and
 * two. */
#include "gateway/record_ring.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SIZE_MAX_TRIED 3000

static struct record_ring ring;
static uint64_t next_read; /* the number of the record that is to come next */

/* Each record has its number, and then so many bytes that follow from it. */
static size_t size_of(uint64_t number)
{
    return sizeof(number) + number * 7919 % SIZE_MAX_TRIED;
}

static bool write_next(uint64_t number, bool *ret_wakes)
{
    size_t size = size_of(number);
    char *record = record_ring_reserve(&ring, size);
    if (!record)
        return false;
    memcpy(record, &number, sizeof(number));
    memset(record + sizeof(number), (int)number, size - sizeof(number));
    *ret_wakes = record_ring_commit(&ring);
    return true;
}

static void expect_next(const void *record)
{
    uint64_t number;
    size_t size = size_of(next_read);
    memcpy(&number, record, sizeof(number));
    assert_int_equal(number, next_read);
    assert_int_equal((uintptr_t)record % sizeof(uint64_t), 0);
    for (size_t i = sizeof(number); i < size; i++)
        assert_int_equal(((const unsigned char *)record)[i], (unsigned char)number);
    next_read++;
}

static size_t take(void)
{
    size_t count = 0;
    for (const void *record; (record = record_ring_first(&ring)); count++) {
        expect_next(record);
        record_ring_drop_first(&ring);
    }
    return count;
}

static int begin(void **state)
{
    (void)state;
    record_ring_init(&ring);
    next_read = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    record_ring_clear(&ring);
    return 0;
}

static void records_come_out_as_they_went_in(void **state)
{
    (void)state;
    bool wakes = false;
    assert_int_equal(take(), 0);
    for (uint64_t number = 0; number < 5000; number++) {
        assert_true(write_next(number, &wakes));
        if (number % 3 == 0)
            take();
    }
    take();
    assert_int_equal(next_read, 5000);
    assert_int_equal(take(), 0);
}

/* What does not fit is refused and leaves no trace, wherever in the ring that happens. */
static void a_full_ring_refuses(void **state)
{
    (void)state;
    bool wakes = false;
    uint64_t number = 0;
    for (int round = 0; round < 50; round++) {
        uint64_t bytes = 0;
        while (write_next(number, &wakes))
            bytes += size_of(number++);
        assert_true(bytes > RECORD_RING_BYTES - 2 * SIZE_MAX_TRIED - (number - next_read) * 16);
        assert_false(write_next(number, &wakes));
        take();
        assert_int_equal(next_read, number);
    }
    assert_null(record_ring_reserve(&ring, RECORD_RING_BYTES));
}

static void the_reader_is_woken_once(void **state)
{
    (void)state;
    bool wakes = false;
    assert_true(record_ring_await(&ring, 0));
    assert_true(write_next(0, &wakes));
    assert_true(wakes);
    assert_true(write_next(1, &wakes));
    assert_false(wakes);
    assert_false(record_ring_await(&ring, 0));
    assert_int_equal(take(), 2);
    assert_true(record_ring_await(&ring, 0));
}

static void the_reader_is_woken_when_there_is_as_much_as_it_said(void **state)
{
    (void)state;
    bool wakes = false;
    uint64_t number = 0, bytes = 0;
    assert_true(record_ring_await(&ring, RECORD_RING_BYTES / 2));
    while (!wakes) {
        assert_true(write_next(number, &wakes));
        bytes += size_of(number++);
    }
    assert_in_range(bytes, RECORD_RING_BYTES / 2 - SIZE_MAX_TRIED - number * 16, RECORD_RING_BYTES / 2);
    take();
    assert_int_equal(next_read, number);
}

#define CROWD 20000
#define HALF  2000 /* so many records are more than half a ring */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t woken = PTHREAD_COND_INITIALIZER;
static bool is_woken;

static void *write_all(void *unused)
{
    for (uint64_t number = 0; number < CROWD;) {
        bool wakes = false;
        if (write_next(number, &wakes))
            number++;
        if (!wakes)
            continue;
        pthread_mutex_lock(&lock);
        is_woken = true;
        pthread_cond_signal(&woken);
        pthread_mutex_unlock(&lock);
    }
    return unused;
}

/* A reader that sleeps until it is woken gets every record: no wake is missed. */
static void two_threads(void **state)
{
    (void)state;
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_all, NULL), 0);
    while (next_read < CROWD) {
        take();
        if (next_read == CROWD || !record_ring_await(&ring, next_read % 2 ? 0 : RECORD_RING_BYTES / 2))
            continue;
        bool sleeps = next_read % 2 || CROWD - next_read > HALF;
        pthread_mutex_lock(&lock);
        while (sleeps && !is_woken)
            pthread_cond_wait(&woken, &lock);
        is_woken = false;
        pthread_mutex_unlock(&lock);
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_come_out_as_they_went_in, begin, end),
        cmocka_unit_test_setup_teardown(a_full_ring_refuses, begin, end),
        cmocka_unit_test_setup_teardown(the_reader_is_woken_once, begin, end),
        cmocka_unit_test_setup_teardown(the_reader_is_woken_when_there_is_as_much_as_it_said, begin, end),
        cmocka_unit_test_setup_teardown(two_threads, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
