/* What the store keeps of schedules. */
#include "call_store_play.h"

#include "store/schedule_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct schedule_key nightly = {"backup", "nightly", "abc"}, other = {"backup", "@hourly", "def"},
                                 changed = {"backup", "nightly", "xyz"};

/* Within a transaction of its own. */
#define CHANGE(call)                                                                                         \
    do {                                                                                                     \
        struct error err;                                                                                    \
        play_expect(call_store_begin(play_store, &err), 0, &err);                                            \
        play_expect(call, 0, &err);                                                                          \
        play_expect(call_store_commit(play_store, true, &err), 0, &err);                                     \
    } while (0)

static void expect_state(const struct schedule_key *key, uint64_t decided_ms, int64_t last_number,
                         const uint64_t *waiting, size_t waiting_count)
{
    struct error err;
    struct schedule_state state;
    play_expect(schedule_store_read(play_store, key, &state, &err), 1, &err);
    assert_int_equal(state.decided_ms, decided_ms);
    assert_int_equal(state.last_number, last_number);
    assert_int_equal(state.waiting_count, waiting_count);
    for (size_t i = 0; i < waiting_count; i++)
        assert_int_equal(state.waiting[i], waiting[i]);
    schedule_state_clear(&state);
}

static void expect_unknown(const struct schedule_key *key)
{
    struct error err;
    struct schedule_state state;
    play_expect(schedule_store_read(play_store, key, &state, &err), 0, &err);
}

static void add_skips(const struct schedule_key *key, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct schedule_skipped skipped = {
            .first_ms = i, .last_ms = i + 5, .count = 6, .skipped_ms = NOW + i, .reason = (char *)"overlap"};
        CHANGE(schedule_store_note_skip(play_store, key, &skipped, &err));
    }
}

static size_t count_skips(const struct schedule_key *key)
{
    struct error err;
    struct schedule_skips skips;
    play_expect(schedule_store_read_skips(play_store, key, &skips, &err), 0, &err);
    size_t count = skips.count;
    schedule_skips_clear(&skips);
    return count;
}

static void one_begins_when_it_is_noted(void **state)
{
    (void)state;
    expect_unknown(&nightly);
    CHANGE(schedule_store_note(play_store, &nightly, NOW, &err));
    expect_state(&nightly, NOW, 0, NULL, 0);
    CHANGE(schedule_store_note(play_store, &nightly, NOW + 100, &err));
    expect_state(&nightly, NOW, 0, NULL, 0);
    expect_unknown(&other);
    expect_unknown(&changed);
}

static void runs_and_what_waits_are_kept(void **state)
{
    (void)state;
    CHANGE(schedule_store_note(play_store, &nightly, NOW, &err));
    CHANGE(schedule_store_note(play_store, &other, NOW, &err));
    CHANGE(schedule_store_set_decided(play_store, &nightly, NOW + 50, &err));
    CHANGE(schedule_store_add_waiting(play_store, &nightly, NOW + 30, &err));
    CHANGE(schedule_store_add_waiting(play_store, &nightly, NOW + 20, &err));
    CHANGE(schedule_store_note_run(play_store, &nightly, NOW + 20, 7, &err));
    CHANGE(schedule_store_add_waiting(play_store, &nightly, NOW + 40, &err));
    play_open_again();
    expect_state(&nightly, NOW + 50, 7, (const uint64_t[]){NOW + 30, NOW + 40}, 2);
    expect_state(&other, NOW, 0, NULL, 0);
}

/* Nothing of what was kept of the former one is the new one's. */
static void one_that_has_changed_begins_anew(void **state)
{
    (void)state;
    CHANGE(schedule_store_note(play_store, &nightly, NOW, &err));
    CHANGE(schedule_store_add_waiting(play_store, &nightly, NOW + 20, &err));
    CHANGE(schedule_store_note_run(play_store, &nightly, NOW + 10, 7, &err));
    add_skips(&nightly, 1);
    CHANGE(schedule_store_note(play_store, &changed, NOW + 500, &err));
    expect_state(&changed, NOW + 500, 0, NULL, 0);
    expect_unknown(&nightly);
    assert_int_equal(count_skips(&changed), 0);
}

static void the_newest_skips_are_kept(void **state)
{
    (void)state;
    struct error err;
    struct schedule_skips skips;
    add_skips(&other, 1);
    add_skips(&nightly, SCHEDULE_SKIPS_KEPT + 7);
    play_expect(schedule_store_read_skips(play_store, &nightly, &skips, &err), 0, &err);
    assert_int_equal(skips.count, SCHEDULE_SKIPS_KEPT);
    assert_int_equal(skips.items[0].first_ms, SCHEDULE_SKIPS_KEPT + 6);
    assert_int_equal(skips.items[0].last_ms, SCHEDULE_SKIPS_KEPT + 11);
    assert_int_equal(skips.items[0].count, 6);
    assert_int_equal(skips.items[0].skipped_ms, NOW + SCHEDULE_SKIPS_KEPT + 6);
    assert_string_equal(skips.items[0].reason, "overlap");
    assert_int_equal(skips.items[SCHEDULE_SKIPS_KEPT - 1].first_ms, 7);
    schedule_skips_clear(&skips);
    assert_int_equal(count_skips(&other), 1);
}

static void what_is_gone_is_forgotten(void **state)
{
    (void)state;
    CHANGE(schedule_store_note(play_store, &nightly, NOW, &err));
    CHANGE(schedule_store_note(play_store, &other, NOW + 100, &err));
    CHANGE(schedule_store_add_waiting(play_store, &nightly, NOW, &err));
    add_skips(&nightly, 2);
    CHANGE(schedule_store_forget_old(play_store, NOW + 50, &err));
    expect_unknown(&nightly);
    assert_int_equal(count_skips(&nightly), 0);
    expect_state(&other, NOW + 100, 0, NULL, 0);
    CHANGE(schedule_store_forget(play_store, &other, &err));
    expect_unknown(&other);
}

static void a_run_is_busy_until_it_has_ended(void **state)
{
    (void)state;
    struct error err;
    int64_t number = play_put("backup", NOW, NOW, "x");
    play_expect(schedule_store_is_busy(play_store, number, &err), 1, &err);
    assert_int_equal(play_take("backup", NOW), number);
    play_expect(schedule_store_is_busy(play_store, number, &err), 1, &err);
    play_retry(number, NOW, NOW, true);
    play_expect(schedule_store_is_busy(play_store, number, &err), 1, &err);
    play_take("backup", NOW);
    play_end_call(number, CALL_DEAD, "", 0);
    play_expect(schedule_store_is_busy(play_store, number, &err), 0, &err);
    play_expect(schedule_store_is_busy(play_store, 0, &err), 0, &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_begins_when_it_is_noted, play_begin, play_end),
        cmocka_unit_test_setup_teardown(runs_and_what_waits_are_kept, play_begin, play_end),
        cmocka_unit_test_setup_teardown(one_that_has_changed_begins_anew, play_begin, play_end),
        cmocka_unit_test_setup_teardown(the_newest_skips_are_kept, play_begin, play_end),
        cmocka_unit_test_setup_teardown(what_is_gone_is_forgotten, play_begin, play_end),
        cmocka_unit_test_setup_teardown(a_run_is_busy_until_it_has_ended, play_begin, play_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
