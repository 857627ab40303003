/* One instance and what it has reported, for tests against an engine and a runner that fail in every way they
 * can. Whatever happens, it reports a failure at most once, goes exactly once, and leaves neither a container
 * nor budget behind. */
#ifndef TESTS_INSTANCE_PROBE_H
#define TESTS_INSTANCE_PROBE_H

#include "fleet/instance/instance.h"

#include "base/alloc.h"
#include "fleet_bench.h"
#include "routing/slot_wait.h"

#include <jansson.h>

#include <sys/socket.h>
#include <sys/un.h>

#define MEMORY (UINT64_C(64) << 20)

/* What an instance has reported. */
struct probe {
    struct bench *bench;
    struct instance *instance;
    struct slot_pool *pool;
    json_t *settings;
    struct function_output *output;
    struct engine_account account;
    unsigned prewarmed, ready, failed, gone, drained;
    bool unwanted;
    enum instance_state awaited; /* await_state() */
    struct error cause;
};

static inline bool on_wanted(struct instance *instance, void *owner)
{
    (void)instance;
    return !((struct probe *)owner)->unwanted;
}

static inline void on_prewarmed(struct instance *instance, void *owner)
{
    (void)instance;
    ((struct probe *)owner)->prewarmed++;
}

static inline void on_ready(struct instance *instance, void *owner)
{
    (void)instance;
    ((struct probe *)owner)->ready++;
}

static inline void on_failed(struct instance *instance, const struct error *cause, void *owner)
{
    (void)instance;
    struct probe *probe = owner;
    probe->failed++;
    probe->cause = *cause;
}

static inline void on_gone(struct instance *instance, void *owner)
{
    struct probe *probe = owner;
    assert_ptr_equal(instance, probe->instance);
    probe->gone++;
    probe->instance = NULL;
}

static const struct instance_hooks hooks = {
    .wanted = on_wanted, .prewarmed = on_prewarmed, .ready = on_ready, .failed = on_failed, .gone = on_gone};

static inline void on_drained(void *context, uint64_t instance)
{
    (void)instance;
    ((struct probe *)context)->drained++;
}

static inline void on_lost(void *context, uint64_t instance, enum slot_fate fate)
{
    (void)instance;
    struct probe *probe = context;
    if (probe->instance)
        instance_slot_lost(probe->instance, fate);
}

static inline void probe_open(struct probe *probe, struct bench *bench)
{
    bench_open(bench);
    *probe = (struct probe){.bench = bench};
    struct slot_pool_hooks pool_hooks = {.lost = on_lost, .drained = on_drained, .context = probe};
    probe->pool = slot_pool_create(&pool_hooks);
    probe->settings = json_pack("{s:i}", "concurrency", 3);
    probe->output = function_output_create(bench->base, &bench->host, NULL, "hello");
}

static inline void probe_close(struct probe *probe)
{
    slot_pool_unref(probe->pool);
    json_decref(probe->settings);
    function_output_destroy(probe->output);
    bench_close(probe->bench);
}

static inline struct instance_load make_load(const struct probe *probe)
{
    return (struct instance_load){.function = "hello",
                                  .output = probe->output,
                                  .pool = probe->pool,
                                  .settings = probe->settings,
                                  .concurrency = 3,
                                  .timeout_ms = 60000,
                                  .memory_bytes = MEMORY,
                                  .cpus = 1};
}

static const struct container_spec usual = {
    .runtime = "acting", .image = "image", .code_dir = "/tmp", .memory_bytes = MEMORY, .cpus = 1};

static inline void start(struct probe *probe)
{
    struct instance_load load = make_load(probe);
    probe->instance = instance_start(&probe->bench->env, &usual, &load, &hooks, &probe->account, probe);
}

static inline void start_prewarmed(struct probe *probe)
{
    struct container_spec spec = usual;
    spec.code_dir = NULL;
    probe->instance = instance_start(&probe->bench->env, &spec, NULL, &hooks, &probe->account, probe);
}

static inline bool is_ready(void *context)
{
    return ((struct probe *)context)->ready > 0;
}

static inline bool is_prewarmed(void *context)
{
    return ((struct probe *)context)->prewarmed > 0;
}

static inline bool is_failed(void *context)
{
    return ((struct probe *)context)->failed > 0;
}

static inline bool is_gone(void *context)
{
    return ((struct probe *)context)->gone > 0;
}

static inline void await_ready(struct probe *probe)
{
    bench_until(probe->bench, is_ready, probe, "ready");
}

static inline bool is_in_awaited(void *context)
{
    const struct probe *probe = context;
    return probe->instance && instance_current_state(probe->instance) == probe->awaited;
}

static inline void await_state(struct probe *probe, enum instance_state state)
{
    probe->awaited = state;
    bench_until(probe->bench, is_in_awaited, probe, instance_state_name(state));
}

/* The end, whatever led to it. */
static inline void await_gone(struct probe *probe)
{
    bench_until(probe->bench, is_gone, probe, "gone");
    bench_idle(probe->bench, 30);
    assert_int_equal(probe->gone, 1);
    assert_true(probe->failed <= 1);
    assert_int_equal(probe->bench->env.engine->budget.instances, 0);
    assert_int_equal(probe->bench->env.engine->budget.memory_bytes, 0);
    assert_int_equal(engine_queue_starts(probe->bench->env.engine->queue), 0);
    assert_true(probe->bench->rooms_freed > 0);
    assert_int_equal(fake_engine_count(probe->bench->engine), 0);
}

static inline void assert_cause(const struct probe *probe, const char *component, const char *reason,
                                const char *words)
{
    assert_int_equal(probe->failed, 1);
    if (strcmp(error_component_name(probe->cause.component), component) != 0 ||
        strcmp(error_code_slug(probe->cause.code), reason) != 0 || !strstr(probe->cause.message, words))
        fail_msg("%s %s: %s", error_component_name(probe->cause.component),
                 error_code_slug(probe->cause.code), probe->cause.message);
}

static inline void expect_slots(struct probe *probe, unsigned slots)
{
    struct slot_counts counts;
    slot_pool_counts(probe->pool, &counts);
    assert_int_equal(counts.idle, slots);
}

static inline bool has_three_slots(void *context)
{
    struct slot_counts counts;
    slot_pool_counts(((struct probe *)context)->pool, &counts);
    return counts.idle == 3;
}

/* Dials as somebody does who knows where the socket is; -1: refused. */
static inline int dial_as_stranger(const struct probe *probe)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s/host.sock", probe->bench->run_dir,
             instance_name(probe->instance));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* The stranger's connection was closed before anything was sent on it. */
static inline void expect_hung_up(int fd)
{
    char byte;
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
    close(fd);
}

/* --- fixtures: a bench and a probe for each test, which are ended whether the test has failed or not --- */

static inline int begin_test(void **state)
{
    struct bench *bench = xcalloc(1, sizeof(*bench));
    struct probe *probe = xcalloc(1, sizeof(*probe));
    probe_open(probe, bench);
    *state = probe;
    return 0;
}

static inline int end_test(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    for (enum fake_op op = 0; op < FAKE_OPS && probe->instance; op++) {
        fake_engine_plan(bench->engine, op, (struct fake_plan){0});
        fake_engine_release(bench->engine, op);
    }
    if (probe->instance) {
        instance_retire(probe->instance, "the test has failed", 0);
        bench_until(bench, is_gone, probe, "gone");
    }
    probe_close(probe);
    free(probe);
    free(bench);
    return 0;
}

/* For a test that has several instances, one after the other. */
static inline void probe_renew(struct probe *probe)
{
    struct bench *bench = probe->bench;
    probe_close(probe);
    probe_open(probe, bench);
}

#define INSTANCE_TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

#endif
