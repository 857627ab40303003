/* One transaction a turn, and nothing told before its end; with a store that does what the test says. */
#include "calls/turn.h"
#include "store/call_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The store: it notes what is asked of it. */
static char seen[256];
static bool refuses_begin, refuses_commit;

static void note(const char *what)
{
    size_t length = strlen(seen);
    snprintf(seen + length, sizeof(seen) - length, "%s ", what);
}

static int refuse(struct error *err)
{
    return error_set(err, ERROR_CALLS_DISK_FULL, "full");
}

int call_store_begin(struct call_store *store, struct error *err)
{
    (void)store;
    note("begin");
    return refuses_begin ? refuse(err) : 0;
}

int call_store_commit(struct call_store *store, bool durable, struct error *err)
{
    (void)store;
    note(durable ? "commit-durable" : "commit");
    return refuses_commit ? refuse(err) : 0;
}

void call_store_roll_back(struct call_store *store)
{
    (void)store;
    note("roll-back");
}

/* A step that notes its name and how the turn ended. */
struct named_step {
    struct turn_step step; /* first */
    const char *name;
    struct turn *follows; /* takes a further step in it when it is done */
    struct named_step *next;
};

static void on_done(struct turn_step *step, const struct error *failure)
{
    struct named_step *named = (struct named_step *)step;
    struct call_store *store;
    struct error err;
    note(named->name);
    if (failure) {
        assert_int_equal(failure->code, ERROR_CALLS_DISK_FULL);
        note("failed");
    }
    if (!named->follows)
        return;
    assert_int_equal(turn_enter(named->follows, &store, &err), 0);
    turn_then(named->follows, &named->next->step);
}

static int set_up(void **state)
{
    seen[0] = '\0';
    refuses_begin = refuses_commit = false;
    *state = turn_create((struct call_store *)seen);
    return 0;
}

static int tear_down(void **state)
{
    turn_destroy(*state);
    return 0;
}

static void enter(struct turn *turn)
{
    struct call_store *store = NULL;
    struct error err;
    assert_int_equal(turn_enter(turn, &store, &err), 0);
    assert_ptr_equal(store, seen);
}

static void all_of_a_turn_is_one_transaction(void **state)
{
    struct turn *turn = *state;
    struct named_step first = {.step.done = on_done, .name = "first"};
    struct named_step second = {.step.done = on_done, .name = "second"};
    assert_false(turn_is_open(turn));
    enter(turn);
    turn_then(turn, &first.step);
    enter(turn);
    turn_then(turn, &second.step);
    assert_true(turn_is_open(turn));
    assert_int_equal(turn_steps(turn), 2);
    assert_string_equal(seen, "begin ");
    turn_end(turn);
    assert_string_equal(seen, "begin commit first second ");
    assert_false(turn_is_open(turn));
}

static void one_that_must_last_makes_all_last_and_the_next_need_not(void **state)
{
    struct turn *turn = *state;
    enter(turn);
    turn_must_last(turn);
    enter(turn);
    turn_end(turn);
    enter(turn);
    turn_end(turn);
    assert_string_equal(seen, "begin commit-durable begin commit ");
}

static void nothing_is_written_without_need(void **state)
{
    struct turn *turn = *state;
    struct named_step step = {.step.done = on_done, .name = "step"};
    turn_then(turn, &step.step);
    turn_end(turn);
    turn_end(turn);
    assert_string_equal(seen, "step ");
}

static void a_commit_that_fails_fails_every_step(void **state)
{
    struct turn *turn = *state;
    struct named_step first = {.step.done = on_done, .name = "first"};
    struct named_step second = {.step.done = on_done, .name = "second"};
    refuses_commit = true;
    enter(turn);
    turn_must_last(turn);
    turn_then(turn, &first.step);
    turn_then(turn, &second.step);
    turn_end(turn);
    assert_string_equal(seen, "begin commit-durable first failed second failed ");
    refuses_commit = false;
    seen[0] = '\0';
    enter(turn);
    turn_then(turn, &first.step);
    turn_end(turn);
    assert_string_equal(seen, "begin commit first ");
}

static void a_refusal_in_the_middle_undoes_the_turn(void **state)
{
    struct turn *turn = *state;
    struct named_step step = {.step.done = on_done, .name = "step"};
    struct call_store *store;
    struct error err, failure;
    enter(turn);
    turn_then(turn, &step.step);
    error_set(&failure, ERROR_CALLS_DISK_FULL, "full");
    assert_int_equal(turn_fail(turn, &failure), -1);
    assert_int_equal(turn_enter(turn, &store, &err), -1);
    assert_int_equal(err.code, ERROR_CALLS_DISK_FULL);
    turn_end(turn);
    assert_string_equal(seen, "begin roll-back step failed ");
    enter(turn);
    turn_end(turn);
    assert_string_equal(seen, "begin roll-back step failed begin commit ");
}

static void a_turn_that_cannot_begin_fails(void **state)
{
    struct turn *turn = *state;
    struct call_store *store;
    struct error err;
    refuses_begin = true;
    assert_int_equal(turn_enter(turn, &store, &err), -1);
    assert_int_equal(turn_enter(turn, &store, &err), -1);
    assert_true(turn_is_open(turn));
    turn_end(turn);
    assert_string_equal(seen, "begin ");
}

static void what_a_step_does_belongs_to_the_next_turn(void **state)
{
    struct turn *turn = *state;
    struct named_step next = {.step.done = on_done, .name = "next"};
    struct named_step step = {.step.done = on_done, .name = "step", .follows = turn, .next = &next};
    enter(turn);
    turn_must_last(turn);
    turn_then(turn, &step.step);
    turn_end(turn);
    assert_string_equal(seen, "begin commit-durable step begin ");
    assert_true(turn_is_open(turn));
    turn_end(turn);
    assert_string_equal(seen, "begin commit-durable step begin commit next ");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_of_a_turn_is_one_transaction),
        TEST(one_that_must_last_makes_all_last_and_the_next_need_not),
        TEST(nothing_is_written_without_need),
        TEST(a_commit_that_fails_fails_every_step),
        TEST(a_refusal_in_the_middle_undoes_the_turn),
        TEST(a_turn_that_cannot_begin_fails),
        TEST(what_a_step_does_belongs_to_the_next_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
