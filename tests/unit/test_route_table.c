#include "routing/route_table.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct route_snapshot *make_snapshot(const char *const *names, size_t count)
{
    struct route_snapshot *snapshot = route_snapshot_create();
    for (size_t i = 0; i < count; i++)
        route_snapshot_add(snapshot,
                           &(struct route){.name = (char *)names[i], .limits.timeout_ms = (unsigned)i + 1});
    return snapshot;
}

static const char *const names[] = {"hello", "help", "addition", "a", "a-very-long-name-of-a-function"};
#define NAME_COUNT (sizeof(names) / sizeof(*names))

static void test_finds_names_exactly(void **state)
{
    (void)state;
    struct route_snapshot *snapshot = make_snapshot(names, NAME_COUNT);
    for (size_t i = 0; i < NAME_COUNT; i++) {
        const struct route *route = route_snapshot_find(snapshot, names[i], strlen(names[i]));
        assert_non_null(route);
        assert_string_equal(route->name, names[i]);
        assert_int_equal(route->limits.timeout_ms, i + 1);
    }
    assert_null(route_snapshot_find(snapshot, "hello", 4));
    assert_null(route_snapshot_find(snapshot, "Hello", 5));
    assert_null(route_snapshot_find(snapshot, "", 0));
    route_snapshot_unref(snapshot);
}

static void test_suggests_the_nearest_first(void **state)
{
    (void)state;
    const char *nearest[3];
    struct route_snapshot *snapshot = make_snapshot(names, NAME_COUNT);
    assert_int_equal(route_snapshot_nearest(snapshot, "helo", 4, true, nearest, 3), 2);
    assert_string_equal(nearest[0], "hello");
    assert_string_equal(nearest[1], "help");
    assert_int_equal(route_snapshot_nearest(snapshot, "helo", 4, true, nearest, 1), 1);
    assert_string_equal(nearest[0], "hello");
    assert_int_equal(route_snapshot_nearest(snapshot, "zzzzzz", 6, true, nearest, 3), 0);
    char huge[5000];
    memset(huge, 'a', sizeof(huge));
    assert_int_equal(route_snapshot_nearest(snapshot, huge, sizeof(huge), true, nearest, 3), 0);
    route_snapshot_unref(snapshot);
}

static void test_holds_the_pools(void **state)
{
    (void)state;
    const struct slot_pool_hooks hooks = {0};
    struct slot_pool *pool = slot_pool_create(&hooks);
    struct route_snapshot *snapshot = route_snapshot_create();
    route_snapshot_add(snapshot, &(struct route){.name = (char *)"x", .pool = pool});
    slot_pool_unref(pool);
    struct slot_counts counts;
    slot_pool_counts(route_snapshot_find(snapshot, "x", 1)->pool, &counts);
    assert_int_equal(counts.waiting, 0);
    route_snapshot_unref(snapshot);
}

static void test_readers_see_what_is_published(void **state)
{
    (void)state;
    struct route_table *table = route_table_create();
    struct route_snapshot *held = NULL;
    route_table_refresh(table, &held);
    assert_null(route_snapshot_find(held, "hello", 5));
    route_table_publish(table, make_snapshot(names, 1));
    assert_null(route_snapshot_find(held, "hello", 5));
    route_table_refresh(table, &held);
    assert_non_null(route_snapshot_find(held, "hello", 5));
    const struct route_snapshot *same = held;
    route_table_refresh(table, &held);
    assert_ptr_equal(same, held);
    route_table_destroy(table);
    assert_non_null(route_snapshot_find(held, "hello", 5));
    route_snapshot_unref(held);
}

struct readers {
    struct route_table *table;
    _Atomic bool stop;
};

static void *run_reader(void *context)
{
    struct readers *readers = context;
    struct route_snapshot *held = NULL;
    while (!atomic_load(&readers->stop)) {
        route_table_refresh(readers->table, &held);
        const struct route *route = route_snapshot_find(held, "hello", 5);
        if (route)
            assert_string_equal(route->name, "hello");
    }
    route_snapshot_unref(held);
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct readers readers = {.table = route_table_create()};
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, run_reader, &readers);
    for (int i = 0; i < 2000; i++)
        route_table_publish(readers.table, make_snapshot(names, (size_t)i % NAME_COUNT));
    atomic_store(&readers.stop, true);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    route_table_destroy(readers.table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_names_exactly),
        cmocka_unit_test(test_suggests_the_nearest_first),
        cmocka_unit_test(test_holds_the_pools),
        cmocka_unit_test(test_readers_see_what_is_published),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
