/* In which order Docker is asked for things. */
#include "fleet/engine/engine_queue.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PARALLEL 2
#define TICKETS  12

/* A wish that notes its turn; `name` is what the record shows. */
struct wish {
    struct bench *bench;
    struct engine_ticket ticket;
    char name;
    bool ends_at_once;
};

struct bench {
    struct event_base *base;
    struct engine_queue *queue;
    char record[64];
    struct wish wishes[TICKETS];
    struct engine_account accounts[3];
};

static void on_turn(void *owner)
{
    struct wish *wish = owner;
    struct bench *bench = wish->bench;
    bench->record[strlen(bench->record)] = wish->name;
    if (wish->ends_at_once)
        engine_queue_finish(bench->queue, &wish->ticket);
}

static void bench_open_with(struct bench *bench, unsigned linger_ms)
{
    *bench = (struct bench){.base = event_base_new()};
    bench->queue = engine_queue_create(bench->base, PARALLEL, linger_ms);
    for (size_t i = 0; i < TICKETS; i++) {
        struct wish *wish = &bench->wishes[i];
        *wish = (struct wish){.bench = bench, .name = (char)('a' + i)};
        wish->ticket.run = on_turn;
        wish->ticket.owner = wish;
    }
}

static void bench_open(struct bench *bench)
{
    bench_open_with(bench, 3600000);
}

static void bench_close(struct bench *bench)
{
    for (size_t i = 0; i < TICKETS; i++)
        engine_queue_finish(bench->queue, &bench->wishes[i].ticket);
    assert_int_equal(engine_queue_starts(bench->queue), 0);
    engine_queue_destroy(bench->queue);
    event_base_free(bench->base);
}

static void turn(struct bench *bench)
{
    for (unsigned i = 0; i < 20; i++)
        event_base_loop(bench->base, EVLOOP_NONBLOCK);
}

static void start(struct bench *bench, char name, unsigned account)
{
    engine_queue_start(bench->queue, &bench->wishes[name - 'a'].ticket, &bench->accounts[account]);
}

static void linger(struct bench *bench, char name)
{
    engine_queue_linger(bench->queue, &bench->wishes[name - 'a'].ticket);
}

static void finish(struct bench *bench, char name)
{
    engine_queue_finish(bench->queue, &bench->wishes[name - 'a'].ticket);
}

static void expect(struct bench *bench, const char *record)
{
    turn(bench);
    assert_string_equal(bench->record, record);
}

static void only_so_many_at_once_and_never_from_inside(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    for (int i = 0; i < 4; i++)
        start(&bench, (char)('a' + i), 0);
    assert_string_equal(bench.record, "");
    assert_int_equal(engine_queue_starts(bench.queue), 4);
    expect(&bench, "ab");
    finish(&bench, 'b');
    assert_string_equal(bench.record, "ab");
    expect(&bench, "abc");
    finish(&bench, 'a');
    finish(&bench, 'c');
    expect(&bench, "abcd");
    bench_close(&bench);
}

static void functions_take_turns(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    for (size_t i = 0; i < TICKETS; i++)
        bench.wishes[i].ends_at_once = true;
    for (int i = 0; i < 5; i++) /* five of one function before anybody else */
        start(&bench, (char)('a' + i), 0);
    start(&bench, 'f', 1);
    start(&bench, 'g', 1);
    start(&bench, 'h', 2);
    expect(&bench, "afhbgcde");
    bench_close(&bench);
}

static void who_had_a_turn_long_ago_is_first(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    for (size_t i = 0; i < TICKETS; i++)
        bench.wishes[i].ends_at_once = true;
    start(&bench, 'a', 0);
    turn(&bench);
    start(&bench, 'b', 1);
    turn(&bench);
    start(&bench, 'c', 1);
    start(&bench, 'd', 0);
    expect(&bench, "abdc");
    bench_close(&bench);
}

static void removals_wait_for_starts(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    engine_queue_remove(bench.queue, &bench.wishes[11].ticket);
    engine_queue_remove(bench.queue, &bench.wishes[10].ticket);
    engine_queue_remove(bench.queue, &bench.wishes[9].ticket);
    start(&bench, 'a', 0);
    start(&bench, 'b', 0);
    start(&bench, 'c', 0);
    expect(&bench, "ab");
    finish(&bench, 'a');
    finish(&bench, 'b');
    expect(&bench, "abc");
    finish(&bench, 'c');
    expect(&bench, "abclk"); /* as many at once as starts */
    finish(&bench, 'l');
    expect(&bench, "abclkj");
    bench_close(&bench);
}

static void removals_do_not_wait_for_ever(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    start(&bench, 'a', 0);
    engine_queue_remove(bench.queue, &bench.wishes[11].ticket);
    expect(&bench, "a");
    uint64_t began_ms = clock_ms();
    while (!strchr(bench.record, 'l') && clock_ms() - began_ms < 10000)
        event_base_loop(bench.base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
    assert_in_range(clock_ms() - began_ms, 1500, 4000);
    bench_close(&bench);
}

static void wishes_can_be_withdrawn(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    for (int i = 0; i < 6; i++)
        start(&bench, (char)('a' + i), 0);
    engine_queue_remove(bench.queue, &bench.wishes[11].ticket);
    turn(&bench);
    finish(&bench, 'c'); /* from the front, the middle and the end of those who wait */
    finish(&bench, 'e');
    finish(&bench, 'l');
    finish(&bench, 'l');
    finish(&bench, 'f');
    assert_int_equal(engine_queue_starts(bench.queue), 3);
    finish(&bench, 'a');
    finish(&bench, 'b');
    expect(&bench, "abd");
    finish(&bench, 'd');
    start(&bench, 'c', 0); /* and made again */
    expect(&bench, "abdc");
    bench_close(&bench);
}

/* What loads keeps its place until it has loaded. */
static void starts_linger_while_their_functions_load(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    for (int i = 0; i < 4; i++)
        start(&bench, (char)('a' + i), 0);
    expect(&bench, "ab");
    linger(&bench, 'a');
    linger(&bench, 'b');
    linger(&bench, 'b');
    assert_int_equal(engine_queue_starts(bench.queue), 4);
    expect(&bench, "ab");
    finish(&bench, 'b');
    expect(&bench, "abc");
    bench_close(&bench);
}

/* And for a moment at most. */
static void starts_do_not_linger_for_long(void **state)
{
    (void)state;
    struct bench bench;
    bench_open_with(&bench, 20);
    for (int i = 0; i < 4; i++)
        start(&bench, (char)('a' + i), 0);
    expect(&bench, "ab");
    linger(&bench, 'a');
    linger(&bench, 'b');
    uint64_t end_ms = clock_ms() + 10000;
    while (!strchr(bench.record, 'd') && clock_ms() < end_ms)
        event_base_loop(bench.base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
    assert_string_equal(bench.record, "abcd");
    finish(&bench, 'a'); /* has been over for a while */
    assert_int_equal(engine_queue_starts(bench.queue), 2);
    bench_close(&bench);
}

/* What was started long ago, and loads now, counts as well, though it has not waited. */
static void loads_take_places(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    for (int i = 0; i < 3; i++)
        linger(&bench, (char)('a' + i));
    linger(&bench, 'a');
    start(&bench, 'd', 0);
    start(&bench, 'e', 1);
    linger(&bench, 'd'); /* it waits: it has not even begun */
    engine_queue_remove(bench.queue, &bench.wishes[11].ticket);
    expect(&bench, "");
    finish(&bench, 'a');
    expect(&bench, "");
    finish(&bench, 'c');
    expect(&bench, "d");
    finish(&bench, 'b');
    expect(&bench, "de");
    finish(&bench, 'd');
    finish(&bench, 'e');
    expect(&bench, "del");
    bench_close(&bench);
}

/* What nobody waits for yields to what somebody waits for, however long it has waited itself. */
static void starts_that_nobody_waits_for_come_last(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench.accounts[0].yields = true;
    start(&bench, 'a', 1);
    start(&bench, 'b', 1);
    turn(&bench);
    start(&bench, 'c', 0);
    start(&bench, 'd', 0);
    start(&bench, 'e', 1);
    start(&bench, 'f', 2);
    start(&bench, 'g', 1);
    for (const char *name = "abfecd"; *name; name++) {
        finish(&bench, *name);
        turn(&bench);
    }
    assert_string_equal(bench.record, "abfegcd");
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_that_nobody_waits_for_come_last),
        cmocka_unit_test(starts_linger_while_their_functions_load),
        cmocka_unit_test(starts_do_not_linger_for_long),
        cmocka_unit_test(loads_take_places),
        cmocka_unit_test(only_so_many_at_once_and_never_from_inside),
        cmocka_unit_test(functions_take_turns),
        cmocka_unit_test(who_had_a_turn_long_ago_is_first),
        cmocka_unit_test(removals_wait_for_starts),
        cmocka_unit_test(removals_do_not_wait_for_ever),
        cmocka_unit_test(wishes_can_be_withdrawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
