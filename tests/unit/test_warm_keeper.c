/* Plans of what is kept warm are carried out: within their memory, and from one daemon to the next. */
#include "fleet/scale/warm_keeper.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/rfc3339.h"
#include "fleet_bench.h"

#include <signal.h>

#define MIB     (UINT64_C(1) << 20)
#define MEMORY  (64 * MIB)
#define FOR_ONE (100 * MIB)

/* A function with libraries of its own. */
struct member {
    const char *name;
    struct cold_starts starts;
    struct prewarm_listener listener;
    struct warm_member warm;
    unsigned room;
    double saved_ms;
};

/* What the tests begin with. */
struct scene {
    struct bench bench;
    struct member first, second;
};

static void on_loaded(void *owner, const json_t *report, uint64_t memory_bytes)
{
    (void)owner, (void)report, (void)memory_bytes;
}

static void on_failed(void *owner, const struct error *cause)
{
    (void)owner;
    fail_msg("%s", cause->message);
}

static void describe(void *owner, struct warm_need *ret_need, uint64_t now_ms)
{
    (void)now_ms;
    struct member *member = owner;
    *ret_need = (struct warm_need){.function = member->name,
                                   .use = {.cold_starts = &member->starts, .most = 1, .room = member->room},
                                   .saved_ms = member->saved_ms,
                                   .memory_bytes = MEMORY};
}

static void join(struct scene *scene, struct member *member, const char *name, double saved_ms,
                 const char *ahead)
{
    struct container_spec spec = {.runtime = "acting",
                                  .image = "image",
                                  .dependencies = "0123",
                                  .ahead = ahead,
                                  .memory_bytes = MEMORY,
                                  .cpus = 1};
    *member = (struct member){.name = name,
                              .listener = {.loaded = on_loaded, .failed = on_failed, .owner = member},
                              .room = 1,
                              .saved_ms = saved_ms};
    member->warm = (struct warm_member){.describe = describe, .owner = member};
    member->warm.pool = prewarm_join_libraries(scene->bench.env.prewarm, &spec, 0, &member->listener);
    warm_keeper_join(scene->bench.env.warm, &member->warm);
}

static void leave(struct scene *scene, struct member *member)
{
    warm_keeper_leave(scene->bench.env.warm, &member->warm);
    prewarm_leave_libraries(member->warm.pool, &member->listener);
    cold_starts_clear(&member->starts);
}

static void call(struct scene *scene, struct member *member)
{
    cold_starts_add(&member->starts, 1, wall_clock_ms());
    warm_keeper_look(scene->bench.env.warm);
}

static bool first_waits(void *context)
{
    return prewarm_ready(((const struct scene *)context)->first.warm.pool) == 1;
}

static bool second_waits(void *context)
{
    return prewarm_ready(((const struct scene *)context)->second.warm.pool) == 1;
}

static bool first_is_to_go(void *context)
{
    return prewarm_wanted(((const struct scene *)context)->first.warm.pool) == 0;
}

static void memory_is_given_on_when_it_is_free(void **state)
{
    struct scene *scene = *state;
    struct bench *bench = &scene->bench;
    call(scene, &scene->first);
    bench_until(bench, first_waits, scene, "the first");
    fake_engine_plan(bench->engine, FAKE_REMOVE, (struct fake_plan){.hold = true});
    scene->second.saved_ms = 3000;
    call(scene, &scene->second);
    bench_until(bench, first_is_to_go, scene, "the end of the first");
    bench_idle(bench, 300);
    assert_int_equal(fake_engine_calls(bench->engine, FAKE_CREATE), 1);
    fake_engine_release(bench->engine, FAKE_REMOVE);
    bench_until(bench, second_waits, scene, "the second");
    assert_int_equal(fake_engine_count(bench->engine), 1);
}

/* Its only instance serves: none is kept for it, nor for another one with the memory. */
static void memory_of_what_is_in_use_is_not_given_on(void **state)
{
    struct scene *scene = *state;
    struct bench *bench = &scene->bench;
    call(scene, &scene->first);
    bench_until(bench, first_waits, scene, "the first");
    scene->first.room = 0;
    call(scene, &scene->second);
    bench_until(bench, first_is_to_go, scene, "the end of the first");
    bench_idle(bench, 300);
    assert_int_equal(fake_engine_count(bench->engine), 0);
    assert_int_equal(scene->first.warm.share.reason, WARM_IN_USE);
    assert_int_equal(scene->second.warm.share.reason, WARM_NO_ROOM);
    scene->first.room = 1;
    warm_keeper_look(bench->env.warm);
    bench_until(bench, first_waits, scene, "the first again");
}

static int begin(void **state)
{
    struct scene *scene = xcalloc(1, sizeof(*scene));
    bench_open(&scene->bench);
    scene->bench.host.prewarm_memory_bytes = FOR_ONE;
    scene->bench.env.prewarm = prewarm_create(&scene->bench.env);
    scene->bench.env.warm = warm_keeper_create(&scene->bench.env);
    join(scene, &scene->first, "first", 300, "{\"modules\":[\"a\"]}");
    join(scene, &scene->second, "second", 100, "{\"modules\":[\"b\"]}");
    *state = scene;
    return 0;
}

static bool is_empty(void *context)
{
    return fake_engine_count(((const struct scene *)context)->bench.engine) == 0;
}

static int end(void **state)
{
    struct scene *scene = *state;
    struct bench *bench = &scene->bench;
    warm_keeper_stop(bench->env.warm);
    leave(scene, &scene->first);
    leave(scene, &scene->second);
    bench_until(bench, is_empty, scene, "none");
    bench_idle(bench, 30);
    warm_keeper_destroy(bench->env.warm);
    prewarm_destroy(bench->env.prewarm);
    bench_close(bench);
    free(scene);
    return 0;
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(memory_is_given_on_when_it_is_free, begin, end),
        cmocka_unit_test_setup_teardown(memory_of_what_is_in_use_is_not_given_on, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
