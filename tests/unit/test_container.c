/* A container's life on an engine of the test's own making, which does nothing until the test answers. */
#include "fleet/container/container.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GUARD_MS 10000 /* a test that waits longer has failed */

enum op { NONE, CREATE, START, STOP, REMOVE, RENAME, SET_LIMITS, INSPECT, AWAIT_END };

/* What the engine is asked for: at most one thing of a kind at a time. */
struct asked {
    struct engine_call call; /* first: the kind leads back by it */
    enum op op;
    engine_done_fn *done;
    engine_id_fn *named;
    engine_state_fn *seen;
    void *owner;
    struct asked *next;
};

struct trial {
    struct engine engine; /* first: likewise */
    struct event_base *base;
    struct asked *asked; /* newest first */
    unsigned cancelled;
    struct engine_account account;
    struct container *container;
    char dir[64];
    bool unwanted; /* when its turn comes it is removed */
    unsigned turns, created, begun, failed, limited, ended, explained, gone;
    struct error error;
};

/* --- the engine --- */

static const struct engine_kind kind;

static struct asked *ask(struct engine *engine, enum op op, void *owner)
{
    struct trial *trial = (struct trial *)engine;
    struct asked *asked = xcalloc(1, sizeof(*asked));
    *asked = (struct asked){.call.kind = &kind, .op = op, .owner = owner, .next = trial->asked};
    trial->asked = asked;
    return asked;
}

static struct engine_call *ask_plain(struct engine *engine, enum op op, engine_done_fn *done, void *owner)
{
    struct asked *asked = ask(engine, op, owner);
    asked->done = done;
    return &asked->call;
}

static struct engine_call *create(struct engine *engine, const struct container_spec *spec,
                                  const struct container_place *place, engine_id_fn *done, void *owner)
{
    struct asked *asked = ask(engine, CREATE, owner);
    asked->named = done;
    assert_string_equal(spec->image, "image");
    assert_string_equal(place->name, "berth-hello-0123456789ab");
    return &asked->call;
}

static struct engine_call *start(struct engine *engine, const char *id, engine_done_fn *done, void *owner)
{
    assert_string_equal(id, "made");
    return ask_plain(engine, START, done, owner);
}

static struct engine_call *stop(struct engine *engine, const char *id, engine_done_fn *done, void *owner)
{
    assert_string_equal(id, "made");
    return ask_plain(engine, STOP, done, owner);
}

static struct engine_call *remove_container(struct engine *engine, const char *id, engine_done_fn *done,
                                            void *owner)
{
    assert_true(strcmp(id, "made") == 0 || strcmp(id, "berth-hello-0123456789ab") == 0);
    return ask_plain(engine, REMOVE, done, owner);
}

static struct engine_call *rename_container(struct engine *engine, const char *id, const char *name,
                                            engine_done_fn *done, void *owner)
{
    (void)id, (void)name;
    return ask_plain(engine, RENAME, done, owner);
}

static struct engine_call *set_limits(struct engine *engine, const char *id,
                                      const struct container_limits *limits, engine_done_fn *done,
                                      void *owner)
{
    (void)id, (void)limits;
    return ask_plain(engine, SET_LIMITS, done, owner);
}

static struct engine_call *inspect(struct engine *engine, const char *id, unsigned limit_ms,
                                   engine_state_fn *done, void *owner)
{
    (void)id, (void)limit_ms;
    struct asked *asked = ask(engine, INSPECT, owner);
    asked->seen = done;
    return &asked->call;
}

static struct engine_call *await_end(struct engine *engine, const char *id, unsigned limit_ms,
                                     engine_done_fn *done, void *owner)
{
    (void)id, (void)limit_ms;
    return ask_plain(engine, AWAIT_END, done, owner);
}

static struct trial *under_test; /* a call knows no engine */

static void forget(struct asked *asked)
{
    struct asked **link = &under_test->asked;
    while (*link != asked)
        link = &(*link)->next;
    *link = asked->next;
    free(asked);
}

static void cancel(struct engine_call *call)
{
    under_test->cancelled++;
    forget((struct asked *)call);
}

static const struct engine_kind kind = {
    .create = create,
    .start = start,
    .stop = stop,
    .remove = remove_container,
    .rename = rename_container,
    .set_limits = set_limits,
    .inspect = inspect,
    .await_end = await_end,
    .cancel = cancel,
};

static struct asked *find(const struct trial *trial, enum op op)
{
    struct asked *asked = trial->asked;
    while (asked && asked->op != op)
        asked = asked->next;
    return asked;
}

static bool is_asked(const struct trial *trial, enum op op)
{
    return find(trial, op) != NULL;
}

/* Takes what the engine was asked for out of the list, to be answered. */
static struct asked take(struct trial *trial, enum op op)
{
    struct asked *asked = find(trial, op);
    if (!asked) {
        fail_msg("the engine was not asked for %d", op);
        abort(); /* for those who do not know that this is not reached */
    }
    struct asked taken = *asked;
    forget(asked);
    return taken;
}

static void answer(struct trial *trial, enum op op, enum error_code code)
{
    struct asked asked = take(trial, op);
    struct error err;
    error_set(&err, code == ERROR_NONE ? ERROR_DOCKER_ERROR : code, "as planned");
    const struct error *told = code == ERROR_NONE ? NULL : &err;
    if (op == CREATE)
        asked.named(asked.owner, told, told ? NULL : "made");
    else
        asked.done(asked.owner, told);
}

static void show(struct trial *trial, const struct container_state *state)
{
    struct asked asked = take(trial, INSPECT);
    asked.seen(asked.owner, NULL, state);
}

/* --- the owner --- */

static void on_turn(void *owner)
{
    struct trial *trial = owner;
    trial->turns++;
    if (trial->unwanted) {
        container_remove(trial->container);
        return;
    }
    const struct container_spec spec = {.runtime = "acting", .image = "image"};
    const struct container_place place = {
        .name = "berth-hello-0123456789ab", .instance = "0123456789ab", .run_dir = trial->dir};
    struct error err;
    assert_int_equal(container_create(trial->container, &spec, &place, &err), 0);
}

static void on_created(void *owner)
{
    struct trial *trial = owner;
    trial->created++;
    container_start(trial->container);
}

static void on_failed(void *owner, const struct error *err)
{
    struct trial *trial = owner;
    trial->failed++;
    trial->error = *err;
    container_remove(trial->container);
}

static void on_limited(void *owner, const struct error *err)
{
    (void)err;
    ((struct trial *)owner)->limited++;
}

static void on_ended(void *owner)
{
    ((struct trial *)owner)->ended++;
}

static void on_explained(void *owner, const struct error *cause)
{
    struct trial *trial = owner;
    trial->explained++;
    trial->error = *cause;
}

static void on_gone(void *owner)
{
    struct trial *trial = owner;
    trial->gone++;
    container_free(steal(&trial->container));
}

static void on_begun(void *owner)
{
    ((struct trial *)owner)->begun++;
}

static const struct container_hooks hooks = {
    .turn = on_turn,
    .created = on_created,
    .failed = on_failed,
    .started = on_begun,
    .limited = on_limited,
    .ended = on_ended,
    .explained = on_explained,
    .gone = on_gone,
};

static int open_trial(void **state)
{
    struct trial *trial = xcalloc(1, sizeof(*trial));
    *state = under_test = trial;
    snprintf(trial->dir, sizeof(trial->dir), "/tmp/berth-container-XXXXXX");
    if (!mkdtemp(trial->dir))
        return -1;
    trial->base = event_base_new();
    engine_init(&trial->engine, &kind, trial->base, 1, &(struct engine_hooks){0});
    trial->container = container_queue(&trial->engine, "0123456789ab", &hooks, &trial->account, trial);
    return 0;
}

static int end_trial(void **state)
{
    struct trial *trial = *state;
    container_free(trial->container);
    bool left = trial->asked != NULL;
    while (trial->asked)
        forget(trial->asked);
    engine_clear(&trial->engine);
    event_base_free(trial->base);
    int removed = fs_remove_tree(trial->dir, NULL);
    free(trial);
    return left || removed < 0 ? -1 : 0;
}

/* Runs the loop until the engine is asked for this; NONE: until the container is gone. */
static void await(struct trial *trial, enum op op)
{
    uint64_t end_ms = clock_ms() + GUARD_MS;
    while (op == NONE ? trial->gone == 0 : !is_asked(trial, op)) {
        event_base_loop(trial->base, EVLOOP_ONCE);
        if (clock_ms() > end_ms)
            fail_msg("waited in vain for %d", op);
    }
}

static void await_running(struct trial *trial)
{
    await(trial, CREATE);
    answer(trial, CREATE, ERROR_NONE);
    answer(trial, START, ERROR_NONE);
}

/* --- the usual life --- */

static void is_made_started_stopped_and_removed(void **state)
{
    struct trial *trial = *state;
    assert_true(container_waits(trial->container));
    await(trial, CREATE);
    assert_false(container_waits(trial->container));
    assert_non_null(container_output_of(trial->container));
    answer(trial, CREATE, ERROR_NONE);
    assert_int_equal(trial->created, 1);
    assert_false(container_is_started(trial->container));
    assert_int_equal(trial->begun, 0);
    answer(trial, START, ERROR_NONE);
    assert_true(container_is_started(trial->container));
    assert_int_equal(trial->begun, 1);
    container_remove(trial->container);
    await(trial, STOP);
    answer(trial, STOP, ERROR_NONE);
    answer(trial, REMOVE, ERROR_NONE);
    assert_int_equal(trial->gone, 1);
    assert_int_equal(trial->failed, 0);
    assert_int_equal(engine_queue_starts(trial->engine.queue), 0);
}

/* Its start keeps others waiting until its runner is there, too. */
static void its_start_is_over_with_its_runner_s_first_word(void **state)
{
    struct trial *trial = *state;
    await_running(trial);
    assert_int_equal(engine_queue_starts(trial->engine.queue), 1);
    container_note_reached(trial->container);
    assert_int_equal(engine_queue_starts(trial->engine.queue), 0);
}

static void a_runner_may_be_quicker_than_the_engine_s_answer(void **state)
{
    struct trial *trial = *state;
    await(trial, CREATE);
    answer(trial, CREATE, ERROR_NONE);
    container_note_reached(trial->container);
    assert_true(container_is_started(trial->container));
    assert_int_equal(engine_queue_starts(trial->engine.queue), 1);
    answer(trial, START, ERROR_NONE);
    assert_int_equal(engine_queue_starts(trial->engine.queue), 0);
}

static void a_function_that_loads_is_part_of_the_start(void **state)
{
    struct trial *trial = *state;
    await_running(trial);
    container_note_reached(trial->container);
    container_note_loads(trial->container, true);
    assert_int_equal(engine_queue_starts(trial->engine.queue), 1);
    container_note_loads(trial->container, false);
    assert_int_equal(engine_queue_starts(trial->engine.queue), 0);
    container_note_loads(trial->container, true);
    container_remove(trial->container);
    assert_int_equal(engine_queue_starts(trial->engine.queue), 0);
    container_note_loads(trial->container, false);
    await(trial, STOP); /* its removal goes on all the same */
}

static void a_function_may_load_before_the_engine_s_answer(void **state)
{
    struct trial *trial = *state;
    await(trial, CREATE);
    answer(trial, CREATE, ERROR_NONE);
    container_note_reached(trial->container);
    container_note_loads(trial->container, true);
    answer(trial, START, ERROR_NONE);
    assert_int_equal(engine_queue_starts(trial->engine.queue), 1);
    container_note_loads(trial->container, false);
    assert_int_equal(engine_queue_starts(trial->engine.queue), 0);
}

static void limits_are_told_of_and_a_name_is_not(void **state)
{
    struct trial *trial = *state;
    await_running(trial);
    container_set_limits(trial->container, &(struct container_limits){.memory_bytes = 1});
    container_rename(trial->container, "other");
    assert_false(is_asked(trial, RENAME)); /* the function loads first */
    await(trial, RENAME);
    answer(trial, RENAME, ERROR_DOCKER_ERROR);
    assert_int_equal(trial->limited, 0);
    answer(trial, SET_LIMITS, ERROR_NONE);
    assert_int_equal(trial->limited, 1);
}

/* --- what goes wrong --- */

static void one_that_nobody_wants_is_never_made(void **state)
{
    struct trial *trial = *state;
    trial->unwanted = true;
    await(trial, NONE);
    assert_int_equal(trial->turns, 1);
    assert_null(trial->asked);
}

static void one_that_waits_can_go(void **state)
{
    struct trial *trial = *state;
    container_remove(trial->container);
    await(trial, NONE);
    assert_int_equal(trial->turns, 0);
}

static void one_that_was_refused_leaves_nothing(void **state)
{
    struct trial *trial = *state;
    await(trial, CREATE);
    answer(trial, CREATE, ERROR_IMAGE_MISSING);
    assert_int_equal(trial->failed, 1);
    assert_int_equal(trial->error.code, ERROR_IMAGE_MISSING);
    await(trial, NONE);
    assert_null(trial->asked);
}

/* The engine may have made it all the same: then it has the name that it was to have. */
static void one_that_may_be_there_is_removed_by_its_name(void **state)
{
    struct trial *trial = *state;
    await(trial, CREATE);
    answer(trial, CREATE, ERROR_DOCKER_TIMEOUT);
    await(trial, REMOVE);
    answer(trial, REMOVE, ERROR_NOT_FOUND);
    assert_int_equal(trial->gone, 1);
}

static void one_that_goes_while_it_is_made_is_removed_and_not_started(void **state)
{
    struct trial *trial = *state;
    await(trial, CREATE);
    container_remove(trial->container);
    answer(trial, CREATE, ERROR_NONE);
    assert_int_equal(trial->created, 0);
    await(trial, REMOVE);
    answer(trial, REMOVE, ERROR_NONE);
    assert_int_equal(trial->gone, 1);
}

static void one_that_goes_while_it_is_started_is_removed_after(void **state)
{
    struct trial *trial = *state;
    await(trial, CREATE);
    answer(trial, CREATE, ERROR_NONE);
    container_remove(trial->container);
    assert_false(is_asked(trial, REMOVE));
    answer(trial, START, ERROR_DOCKER_ERROR);
    await(trial, REMOVE);
    answer(trial, REMOVE, ERROR_NONE);
    assert_int_equal(trial->failed, 0);
    assert_int_equal(trial->gone, 1);
}

static void one_that_has_died_is_not_stopped(void **state)
{
    struct trial *trial = *state;
    await_running(trial);
    container_note_died(trial->container);
    container_remove(trial->container);
    await(trial, REMOVE);
    answer(trial, REMOVE, ERROR_NONE);
    assert_int_equal(trial->gone, 1);
}

static void what_cannot_be_removed_is_tried_again_and_then_left(void **state)
{
    struct trial *trial = *state;
    await_running(trial);
    container_note_died(trial->container);
    container_remove(trial->container);
    unsigned tries = 0;
    while (trial->gone == 0) {
        await(trial, REMOVE);
        answer(trial, REMOVE, ERROR_DOCKER_ERROR);
        tries++;
    }
    assert_int_equal(tries, 6);
    assert_int_equal(engine_queue_starts(trial->engine.queue), 0);
}

static void one_that_is_freed_asks_for_nothing_more(void **state)
{
    struct trial *trial = *state;
    await(trial, CREATE);
    container_free(steal(&trial->container));
    assert_int_equal(trial->cancelled, 1);
    assert_null(trial->asked);
}

/* --- what it died of --- */

static void its_end_is_found_when_nobody_told(void **state)
{
    struct trial *trial = *state;
    await_running(trial);
    container_verify(trial->container);
    show(trial, &(struct container_state){.running = true, .error = ""});
    assert_int_equal(trial->ended, 0);
    container_verify(trial->container);
    container_verify(trial->container); /* is asked about already */
    show(trial, &(struct container_state){.exit_code = 1, .error = ""});
    assert_int_equal(trial->ended, 1);
}

static void one_that_is_not_started_is_not_verified(void **state)
{
    struct trial *trial = *state;
    await(trial, CREATE);
    answer(trial, CREATE, ERROR_NONE);
    container_verify(trial->container);
    assert_false(is_asked(trial, INSPECT));
}

static void examine(struct trial *trial)
{
    container_examine(trial->container, AUTOPSY_DIED,
                      &(struct autopsy_subject){.phase = "it served", .memory_bytes = UINT64_C(64) << 20});
    assert_true(container_is_examined(trial->container));
    answer(trial, AWAIT_END, ERROR_NONE);
}

static void its_exit_is_explained(void **state)
{
    struct trial *trial = *state;
    await_running(trial);
    examine(trial);
    show(trial, &(struct container_state){.exit_code = 3, .error = ""});
    assert_int_equal(trial->explained, 1);
    assert_int_equal(trial->error.code, ERROR_CONTAINER_EXITED);
    assert_string_equal(trial->error.message, "the container exited with code 3 while it served");
    assert_false(container_is_examined(trial->container));
}

/* Its first process has much to give back, and what the container ended with is known after that only. */
static void one_that_is_ending_is_waited_for(void **state)
{
    struct trial *trial = *state;
    await_running(trial);
    examine(trial);
    show(trial, &(struct container_state){.running = true, .is_ending = true, .error = ""});
    assert_int_equal(trial->explained, 0);
    answer(trial, AWAIT_END, ERROR_NONE);
    show(trial, &(struct container_state){.oom_killed = true, .exit_code = 137, .error = ""});
    assert_int_equal(trial->explained, 1);
    assert_int_equal(trial->error.code, ERROR_OUT_OF_MEMORY);
}

static void one_that_goes_on_has_lost_its_runner(void **state)
{
    struct trial *trial = *state;
    await_running(trial);
    examine(trial);
    show(trial, &(struct container_state){.running = true, .error = ""});
    assert_int_equal(trial->error.code, ERROR_RUNNER_GONE);
}

/* Whether it came before or while its end is looked into. */
static void a_signal_from_outside_explains_it(void **state)
{
    struct trial *trial = *state;
    await_running(trial);
    container_note_signalled(trial->container);
    examine(trial);
    show(trial, &(struct container_state){.exit_code = 0, .error = ""});
    assert_int_equal(trial->error.code, ERROR_CONTAINER_KILLED);
}

static void what_an_engine_brings_that_comes_back_is_from_outside(void **state)
{
    struct trial *trial = *state;
    await_running(trial);
    trial->engine.back_ms = clock_ms();
    examine(trial);
    show(trial, &(struct container_state){.exit_code = 0, .error = ""});
    assert_int_equal(trial->error.code, ERROR_CONTAINER_KILLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TRIAL(name) cmocka_unit_test_setup_teardown(name, open_trial, end_trial)
        TRIAL(is_made_started_stopped_and_removed),
        TRIAL(its_start_is_over_with_its_runner_s_first_word),
        TRIAL(a_function_that_loads_is_part_of_the_start),
        TRIAL(a_function_may_load_before_the_engine_s_answer),
        TRIAL(a_runner_may_be_quicker_than_the_engine_s_answer),
        TRIAL(limits_are_told_of_and_a_name_is_not),
        TRIAL(one_that_nobody_wants_is_never_made),
        TRIAL(one_that_waits_can_go),
        TRIAL(one_that_was_refused_leaves_nothing),
        TRIAL(one_that_may_be_there_is_removed_by_its_name),
        TRIAL(one_that_goes_while_it_is_made_is_removed_and_not_started),
        TRIAL(one_that_goes_while_it_is_started_is_removed_after),
        TRIAL(one_that_has_died_is_not_stopped),
        TRIAL(what_cannot_be_removed_is_tried_again_and_then_left),
        TRIAL(one_that_is_freed_asks_for_nothing_more),
        TRIAL(its_end_is_found_when_nobody_told),
        TRIAL(one_that_is_not_started_is_not_verified),
        TRIAL(its_exit_is_explained),
        TRIAL(one_that_is_ending_is_waited_for),
        TRIAL(one_that_goes_on_has_lost_its_runner),
        TRIAL(a_signal_from_outside_explains_it),
        TRIAL(what_an_engine_brings_that_comes_back_is_from_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
