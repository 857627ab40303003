/* One instance against an engine and a runner that fail in every way they can. Whatever happens, it reports a
 * failure at most once, goes exactly once, and leaves neither a container nor budget behind. */
#include "fleet/instance.h"

#include "fleet_bench.h"

#include <jansson.h>
#include <signal.h>
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
    struct error cause;
};

static bool on_wanted(struct instance *instance, void *owner)
{
    (void)instance;
    return !((struct probe *)owner)->unwanted;
}

static void on_prewarmed(struct instance *instance, void *owner)
{
    (void)instance;
    ((struct probe *)owner)->prewarmed++;
}

static void on_ready(struct instance *instance, void *owner)
{
    (void)instance;
    ((struct probe *)owner)->ready++;
}

static void on_failed(struct instance *instance, const struct error *cause, void *owner)
{
    (void)instance;
    struct probe *probe = owner;
    probe->failed++;
    probe->cause = *cause;
}

static void on_gone(struct instance *instance, void *owner)
{
    struct probe *probe = owner;
    assert_ptr_equal(instance, probe->instance);
    probe->gone++;
    probe->instance = NULL;
}

static const struct instance_hooks hooks = {
    .wanted = on_wanted, .prewarmed = on_prewarmed, .ready = on_ready, .failed = on_failed, .gone = on_gone};

static void on_drained(void *context, uint64_t instance)
{
    (void)instance;
    ((struct probe *)context)->drained++;
}

static void on_lost(void *context, uint64_t instance, enum slot_fate fate)
{
    (void)instance;
    struct probe *probe = context;
    if (probe->instance)
        instance_slot_lost(probe->instance, fate);
}

static void probe_open(struct probe *probe, struct bench *bench)
{
    bench_open(bench);
    *probe = (struct probe){.bench = bench};
    struct slot_pool_limits limits = {.queue_length = 10};
    struct slot_pool_hooks pool_hooks = {.lost = on_lost, .drained = on_drained, .context = probe};
    probe->pool = slot_pool_create(&limits, &pool_hooks);
    probe->settings = json_pack("{s:i}", "concurrency", 3);
    probe->output = function_output_create(&bench->env, "hello");
}

static void probe_close(struct probe *probe)
{
    slot_pool_unref(probe->pool);
    json_decref(probe->settings);
    function_output_destroy(probe->output);
    bench_close(probe->bench);
}

static struct instance_load make_load(const struct probe *probe)
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

static const struct instance_spec usual = {
    .runtime = "acting", .image = "image", .code_dir = "/tmp", .memory_bytes = MEMORY, .cpus = 1};

static void start(struct probe *probe)
{
    struct instance_load load = make_load(probe);
    probe->instance = instance_start(&probe->bench->env, &usual, &load, &hooks, &probe->account, probe);
}

static void start_prewarmed(struct probe *probe)
{
    struct instance_spec spec = usual;
    spec.code_dir = NULL;
    probe->instance = instance_start(&probe->bench->env, &spec, NULL, &hooks, &probe->account, probe);
}

static bool is_ready(void *context)
{
    return ((struct probe *)context)->ready > 0;
}

static bool is_prewarmed(void *context)
{
    return ((struct probe *)context)->prewarmed > 0;
}

static bool is_failed(void *context)
{
    return ((struct probe *)context)->failed > 0;
}

static bool is_gone(void *context)
{
    return ((struct probe *)context)->gone > 0;
}

static void await_ready(struct probe *probe)
{
    bench_until(probe->bench, is_ready, probe, "ready");
}

/* The end, whatever led to it. */
static void await_gone(struct probe *probe)
{
    bench_until(probe->bench, is_gone, probe, "gone");
    bench_idle(probe->bench, 30);
    assert_int_equal(probe->gone, 1);
    assert_true(probe->failed <= 1);
    assert_int_equal(probe->bench->env.budget.instances, 0);
    assert_int_equal(probe->bench->env.budget.memory_bytes, 0);
    assert_int_equal(engine_queue_starts(probe->bench->env.queue), 0);
    assert_true(probe->bench->rooms_freed > 0);
    assert_int_equal(fake_engine_count(probe->bench->engine), 0);
}

static void assert_cause(const struct probe *probe, const char *component, const char *reason,
                         const char *words)
{
    assert_int_equal(probe->failed, 1);
    if (strcmp(probe->cause.component, component) != 0 || strcmp(probe->cause.reason, reason) != 0 ||
        !strstr(probe->cause.message, words))
        fail_msg("%s %s: %s", probe->cause.component, probe->cause.reason, probe->cause.message);
}

static void expect_slots(struct probe *probe, unsigned slots)
{
    struct slot_counts counts;
    slot_pool_counts(probe->pool, &counts);
    assert_int_equal(counts.idle, slots);
}

static bool has_three_slots(void *context)
{
    struct slot_counts counts;
    slot_pool_counts(((struct probe *)context)->pool, &counts);
    return counts.idle == 3;
}

/* Dials as somebody does who knows where the socket is; -1: refused. */
static int dial_as_stranger(const struct probe *probe)
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
static void expect_hung_up(int fd)
{
    char byte;
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
    close(fd);
}

/* --- the usual life --- */

static void serves_and_goes_when_idle(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    start(&probe);
    assert_int_equal(bench.env.budget.instances, 1);
    assert_false(instance_retire_if_idle(probe.instance, "idle"));
    await_ready(&probe);
    bench_until(&bench, has_three_slots, &probe, "three slots");
    assert_non_null(strstr(fake_engine_running(bench.engine)->name, "berth-hello-"));
    assert_true(instance_retire_if_idle(probe.instance, "idle"));
    await_gone(&probe);
    assert_int_equal(probe.failed, 0);
    expect_slots(&probe, 0);
    probe_close(&probe);
}

static void surplus_connections_are_closed(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    start(&probe);
    await_ready(&probe);
    bench_until(&bench, has_three_slots, &probe, "three slots");
    int fd = dial_as_stranger(&probe);
    bench_idle(&bench, 50);
    expect_hung_up(fd);
    expect_slots(&probe, 3);
    instance_retire(probe.instance, "test", 0);
    await_gone(&probe);
    probe_close(&probe);
}

static void prewarmed_loads_and_takes_the_function_s_name_and_limits(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    start_prewarmed(&probe);
    bench_until(&bench, is_prewarmed, &probe, "prewarmed");
    struct fake_container *container = fake_engine_running(bench.engine);
    assert_non_null(strstr(container->name, "berth.acting."));
    struct instance_load load = make_load(&probe);
    load.package = "tar";
    load.package_size = 3;
    load.memory_bytes = 2 * MEMORY;
    instance_load(probe.instance, &load, &hooks, &probe);
    assert_int_equal(bench.env.budget.memory_bytes, 2 * MEMORY);
    await_ready(&probe);
    assert_int_equal(container->updates, 1);
    bench_idle(&bench, 30);
    assert_int_equal(container->renames, 1);
    assert_non_null(strstr(container->name, "berth-hello-"));
    instance_retire(probe.instance, "test", 0);
    await_gone(&probe);
    probe_close(&probe);
}

static void limits_are_set_before_it_serves(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    start_prewarmed(&probe);
    bench_until(&bench, is_prewarmed, &probe, "prewarmed");
    fake_engine_plan(bench.engine, FAKE_UPDATE, (struct fake_plan){.hold = true});
    struct instance_load load = make_load(&probe);
    load.cpus = 2;
    instance_load(probe.instance, &load, &hooks, &probe);
    bench_idle(&bench, 100);
    assert_int_equal(probe.ready, 0);
    fake_engine_release(bench.engine, FAKE_UPDATE);
    await_ready(&probe);
    instance_retire(probe.instance, "test", 0);
    await_gone(&probe);
    probe_close(&probe);
}

/* --- what fails before it serves --- */

/* Everything that can go wrong on the way up, and what the waiting requests are told. */
static const struct misfortune {
    const char *name;
    enum fake_op op;
    struct fake_plan plan;
    enum fake_runner runner;
    unsigned start_timeout_ms;
    const char *component, *reason, *words;
} misfortunes[] = {
    {"create fails", FAKE_CREATE, {.status = 500}, 0, 0, "docker", "docker-error", "as planned"},
    {"the image is missing", FAKE_CREATE, {.status = 404}, 0, 0, "docker", "image-missing", "as planned"},
    {"create fails though it was done",
     FAKE_CREATE,
     {.status = 500, .done = true},
     0,
     0,
     "docker",
     "docker-error",
     "as planned"},
    {"start is refused", FAKE_START, {.status = 400}, 0, 0, "docker", "docker-request", "as planned"},
    {"start fails", FAKE_START, {.status = 500}, 0, 0, "docker", "docker-error", "as planned"},
    {"it never dials", FAKE_OPS, {0}, RUNNER_ABSENT, 200, "fleet", "start-timeout", "200 ms"},
    {"it exits before it dials",
     FAKE_OPS,
     {0},
     RUNNER_EXITS,
     0,
     "container",
     "container-exited",
     "code 1 while it was starting"},
    {"it refuses to load", FAKE_OPS, {0}, RUNNER_REFUSES, 0, "runner", "load-failed", "no module x"},
    {"it never answers init", FAKE_OPS, {0}, RUNNER_SILENT, 200, "fleet", "start-timeout", "200 ms"},
    {"it dies while it loads",
     FAKE_OPS,
     {0},
     RUNNER_DIES,
     0,
     "container",
     "container-exited",
     "code 3 while it loaded"},
    {"it hangs up and lives on",
     FAKE_OPS,
     {0},
     RUNNER_HANGS_UP,
     0,
     "runner",
     "runner-gone",
     "closed its connection"},
};

static void every_misfortune_is_told_and_leaves_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(misfortunes) / sizeof(misfortunes[0]); i++) {
        const struct misfortune *now = &misfortunes[i];
        struct bench bench;
        struct probe probe;
        print_message("%s\n", now->name);
        probe_open(&probe, &bench);
        if (now->op != FAKE_OPS)
            fake_engine_plan(bench.engine, now->op, now->plan);
        if (now->start_timeout_ms)
            bench.host.start_timeout_ms = now->start_timeout_ms;
        fake_engine_set_runner(bench.engine, now->runner);
        start(&probe);
        bench_until(&bench, is_failed, &probe, "failed");
        assert_cause(&probe, now->component, now->reason, now->words);
        await_gone(&probe);
        assert_int_equal(probe.ready, 0);
        probe_close(&probe);
    }
}

static void a_slow_engine_times_out_and_leaves_nothing(void **state)
{
    (void)state;
    static const enum fake_op ops[] = {FAKE_CREATE, FAKE_START};
    for (size_t i = 0; i < 2; i++) {
        struct bench bench;
        struct probe probe;
        probe_open(&probe, &bench);
        bench.host.start_timeout_ms = 100;
        fake_engine_plan(bench.engine, ops[i], (struct fake_plan){.hold = true});
        start(&probe);
        bench_until(&bench, is_failed, &probe, "failed");
        assert_cause(&probe, "docker", "start-timeout", "100 ms");
        assert_int_equal(probe.gone, 0); /* what the engine may still do is waited for */
        fake_engine_release(bench.engine, ops[i]);
        await_gone(&probe);
        probe_close(&probe);
    }
}

static void do_nothing(void *owner)
{
    (void)owner;
}

static void an_unwanted_one_goes_at_once(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    probe.unwanted = true;
    /* another start is under way: what has no container does not wait for it as removals do */
    struct engine_ticket busy = {.run = do_nothing};
    engine_queue_start(bench.env.queue, &busy, &probe.account);
    start(&probe);
    uint64_t began_ms = clock_ms();
    bench_until(&bench, is_gone, &probe, "gone");
    assert_true(clock_ms() - began_ms < 1000);
    engine_queue_finish(bench.env.queue, &busy);
    await_gone(&probe);
    assert_int_equal(probe.failed, 0);
    assert_int_equal(fake_engine_calls(bench.engine, FAKE_CREATE), 0);
    probe_close(&probe);
}

/* Retired at each step of its start. */
static void it_can_be_retired_at_any_time(void **state)
{
    (void)state;
    static const enum fake_op ops[] = {FAKE_OPS, FAKE_CREATE, FAKE_START};
    for (size_t i = 0; i < 3; i++) {
        struct bench bench;
        struct probe probe;
        probe_open(&probe, &bench);
        if (ops[i] != FAKE_OPS)
            fake_engine_plan(bench.engine, ops[i], (struct fake_plan){.hold = true});
        fake_engine_set_runner(bench.engine, RUNNER_SILENT);
        start(&probe);
        if (ops[i] != FAKE_OPS)
            bench_idle(&bench, 100);
        instance_retire(probe.instance, "test", 0);
        assert_int_equal(probe.gone, 0); /* never from inside */
        bench_idle(&bench, 50);
        if (ops[i] != FAKE_OPS)
            fake_engine_release(bench.engine, ops[i]);
        await_gone(&probe);
        assert_int_equal(probe.failed, 0);
        probe_close(&probe);
    }
}

static void retired_while_it_loads(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    fake_engine_set_runner(bench.engine, RUNNER_SILENT);
    start(&probe);
    bench_idle(&bench, 100);
    assert_int_equal(instance_current_state(probe.instance), INSTANCE_LOADING);
    instance_retire(probe.instance, "test", 0);
    await_gone(&probe);
    assert_int_equal(probe.failed, 0);
    probe_close(&probe);
}

/* No container of ours has been started, so whoever dials is none. */
static void nobody_dials_before_the_answer_to_create(void **state)
{
    (void)state;
    for (int prewarmed = 0; prewarmed < 2; prewarmed++) {
        struct bench bench;
        struct probe probe;
        probe_open(&probe, &bench);
        fake_engine_plan(bench.engine, FAKE_CREATE, (struct fake_plan){.hold = true});
        if (prewarmed)
            start_prewarmed(&probe);
        else
            start(&probe);
        bench_idle(&bench, 50);
        assert_int_equal(dial_as_stranger(&probe), -1);
        bench_idle(&bench, 50);
        assert_int_equal(instance_current_state(probe.instance), INSTANCE_CREATING);
        fake_engine_release(bench.engine, FAKE_CREATE);
        bench_until(&bench, prewarmed ? is_prewarmed : is_ready, &probe, "its own runner");
        instance_retire(probe.instance, "test", 0);
        await_gone(&probe);
        assert_int_equal(probe.failed, 0);
        probe_close(&probe);
    }
}

/* Somebody else has started the container that Docker has yet to tell of, and killed it. */
static void a_death_before_the_answer_to_create_is_nobody_s(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    fake_engine_plan(bench.engine, FAKE_CREATE, (struct fake_plan){.hold = true});
    start(&probe);
    bench_idle(&bench, 50);
    instance_container_died(probe.instance);
    instance_verify(probe.instance);
    bench_idle(&bench, 50);
    fake_engine_release(bench.engine, FAKE_CREATE);
    await_ready(&probe);
    instance_retire(probe.instance, "test", 0);
    await_gone(&probe);
    assert_int_equal(probe.failed, 0);
    probe_close(&probe);
}

static void a_dial_may_come_before_the_answer_to_start(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    fake_engine_plan(bench.engine, FAKE_START, (struct fake_plan){.hold = true});
    start(&probe);
    bench_idle(&bench, 50);
    fake_container_dial(bench.engine, fake_engine_newest(bench.engine));
    await_ready(&probe);
    fake_engine_set_runner(bench.engine, RUNNER_ABSENT);
    fake_engine_release(bench.engine, FAKE_START);
    bench_idle(&bench, 50);
    assert_int_equal(engine_queue_starts(bench.env.queue), 0);
    instance_retire(probe.instance, "test", 0);
    await_gone(&probe);
    assert_int_equal(probe.failed, 0);
    probe_close(&probe);
}

static void a_death_before_the_answer_to_start(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    fake_engine_plan(bench.engine, FAKE_START, (struct fake_plan){.hold = true});
    start(&probe);
    bench_idle(&bench, 50);
    instance_container_died(probe.instance);
    bench_idle(&bench, 50);
    fake_engine_release(bench.engine, FAKE_START);
    await_gone(&probe);
    assert_int_equal(probe.failed, 1);
    probe_close(&probe);
}

/* --- what fails later --- */

static void a_killed_one_says_what_killed_it(void **state)
{
    (void)state;
    static const struct {
        int code;
        bool oom_killed;
        const char *reason, *words;
        bool signalled;
    } cases[] = {
        {137, false, "container-killed",
         "SIGKILL from outside while it served; its last line was: last words", false},
        {137, true, "out-of-memory", "64 MiB", false},
        {139, false, "container-exited", "SIGSEGV while it served", false},
        {1, false, "container-exited", "code 1", false},
        {0, false, "container-killed", "stopped from outside and exited with code 0", true},
        {143, false, "container-killed", "SIGTERM from outside", true},
        {137, true, "out-of-memory", "64 MiB", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench bench;
        struct probe probe;
        probe_open(&probe, &bench);
        start(&probe);
        await_ready(&probe);
        struct fake_container *container = fake_engine_running(bench.engine);
        snprintf(container->line, sizeof(container->line), "last words");
        if (cases[i].signalled)
            instance_container_signalled(probe.instance);
        fake_container_die(bench.engine, container, cases[i].code, cases[i].oom_killed);
        instance_container_died(probe.instance);
        instance_container_died(probe.instance);
        await_gone(&probe);
        assert_cause(&probe, "container", cases[i].reason, cases[i].words);
        expect_slots(&probe, 0);
        probe_close(&probe);
    }
}

static void a_container_that_somebody_removed(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    start(&probe);
    await_ready(&probe);
    fake_container_vanish(bench.engine, fake_engine_running(bench.engine));
    instance_container_died(probe.instance);
    await_gone(&probe);
    assert_cause(&probe, "container", "container-gone", "gone");
    probe_close(&probe);
}

/* Waits until the book tells why a connection was lost now. */
static void await_explained(struct probe *probe, const char *reason)
{
    struct error cause;
    uint64_t lost_ms = clock_ms(), id = instance_id(probe->instance);
    instance_slot_lost(probe->instance, SLOT_LOST);
    while (!loss_book_find(probe->bench->env.losses, id, lost_ms, &cause) &&
           clock_ms() < lost_ms + BENCH_GUARD_MS)
        bench_idle(probe->bench, 10);
    assert_string_equal(cause.reason, reason);
}

/* A runner that owes an answer and closes the connection gets no further request; each loss is explained, and
 * requests under way are finished. */
static void a_loss_of_one_that_goes_on_is_explained(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    struct slot_waiter waiter = {0};
    struct slot *slot;
    probe_open(&probe, &bench);
    bench.env.drain_ms = BENCH_GUARD_MS;
    start(&probe);
    await_ready(&probe);
    assert_int_equal(slot_pool_acquire(probe.pool, 0, clock_ms(), &waiter, &slot), SLOT_TAKEN);
    instance_slot_lost(probe.instance, SLOT_DROPPED);
    instance_slot_lost(probe.instance, SLOT_BROKEN);
    assert_int_equal(instance_current_state(probe.instance), INSTANCE_READY);
    instance_slot_lost(probe.instance, SLOT_LOST);
    assert_int_equal(instance_current_state(probe.instance), INSTANCE_DRAINING);
    bench_idle(&bench, 20);
    await_explained(&probe, "runner-gone"); /* one more while the first is being looked into */
    assert_int_equal(probe.failed, 1);
    assert_int_equal(instance_current_state(probe.instance), INSTANCE_DRAINING);
    slot_pool_release(slot, SLOT_REUSABLE, clock_ms(), 1);
    instance_drained(probe.instance);
    await_gone(&probe);
    assert_cause(&probe, "runner", "runner-gone", "its container goes on");
    probe_close(&probe);
}

/* No event tells of its end, but its connections do. */
static void a_loss_reveals_the_end_of_the_container(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    start(&probe);
    await_ready(&probe);
    fake_container_die(bench.engine, fake_engine_running(bench.engine), 3, false);
    instance_slot_lost(probe.instance, SLOT_LOST);
    instance_drained(probe.instance); /* its cause is waited for all the same */
    await_gone(&probe);
    assert_cause(&probe, "container", "container-exited", "code 3 while it served");
    expect_slots(&probe, 0);
    probe_close(&probe);
}

/* Takes all slots of a ready instance and lets go of them as said. */
static void lose_all_slots(struct probe *probe, enum slot_fate fate)
{
    struct slot_waiter waiter = {0};
    struct slot *slots[3];
    bench_until(probe->bench, has_three_slots, probe, "all slots");
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(slot_pool_acquire(probe->pool, 0, clock_ms(), &waiter, &slots[i]), SLOT_TAKEN);
    for (unsigned i = 0; i < 3; i++)
        slot_pool_release(slots[i], fate, clock_ms(), 1);
}

static void one_whose_runner_closes_everything_is_lost(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    start(&probe);
    await_ready(&probe);
    lose_all_slots(&probe, SLOT_DROPPED);
    bench_idle(&bench, INSTANCE_DIAL_MS / 2);
    assert_int_equal(instance_current_state(probe.instance), INSTANCE_READY);
    await_gone(&probe);
    assert_cause(&probe, "runner", "runner-gone", "its container goes on");
    probe_close(&probe);
}

static void one_whose_runner_dials_again_stays(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    start(&probe);
    await_ready(&probe);
    lose_all_slots(&probe, SLOT_DROPPED);
    fake_container_dial(bench.engine, fake_engine_running(bench.engine));
    bench_idle(&bench, INSTANCE_DIAL_MS + 200);
    assert_int_equal(instance_current_state(probe.instance), INSTANCE_READY);
    expect_slots(&probe, 1); /* which is all that it has now */
    instance_retire(probe.instance, "test", 0);
    await_gone(&probe);
    assert_int_equal(probe.failed, 0);
    probe_close(&probe);
}

/* Its runner may still be at work for clients that have left, as long as a request may take. */
static void one_that_works_for_nobody_has_its_time(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    struct instance_load load = make_load(&probe);
    load.timeout_ms = 1500;
    probe.instance = instance_start(&bench.env, &usual, &load, &hooks, &probe.account, &probe);
    await_ready(&probe);
    lose_all_slots(&probe, SLOT_BROKEN);
    bench_idle(&bench, INSTANCE_DIAL_MS + 200);
    assert_int_equal(instance_current_state(probe.instance), INSTANCE_READY);
    await_gone(&probe);
    assert_int_equal(probe.failed, 0);
    probe_close(&probe);
}

/* The engine's own trouble must not look like the function's fault. */
static void an_engine_that_is_away_is_named(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    start(&probe);
    await_ready(&probe);
    fake_engine_stop(bench.engine);
    instance_container_died(probe.instance);
    bench_until(&bench, is_failed, &probe, "failed");
    assert_string_equal(probe.cause.component, "docker");
    assert_string_equal(probe.cause.reason, "docker-unreachable");
    fake_engine_start(bench.engine);
    await_gone(&probe);
    probe_close(&probe);
}

static void a_log_that_never_ends_does_not_keep_it(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    start(&probe);
    await_ready(&probe);
    fake_engine_plan(bench.engine, FAKE_LOGS, (struct fake_plan){.hold = true});
    fake_container_die(bench.engine, fake_engine_running(bench.engine), 2, false);
    instance_container_died(probe.instance);
    await_gone(&probe);
    assert_cause(&probe, "container", "container-exited", "code 2");
    probe_close(&probe);
}

/* --- removal --- */

static const struct {
    const char *name;
    enum fake_op op;
    struct fake_plan plan;
} obstacles[] = {
    {"stop fails", FAKE_STOP, {.status = 500}},
    {"removal is under way already", FAKE_REMOVE, {.status = 409, .times = 2}},
    {"removal fails once", FAKE_REMOVE, {.status = 500, .times = 1}},
    {"removal fails though it was done", FAKE_REMOVE, {.status = 500, .done = true, .times = 1}},
};

static void removal_is_tried_until_it_is_done(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(obstacles) / sizeof(obstacles[0]); i++) {
        struct bench bench;
        struct probe probe;
        print_message("%s\n", obstacles[i].name);
        probe_open(&probe, &bench);
        start(&probe);
        await_ready(&probe);
        fake_engine_plan(bench.engine, obstacles[i].op, obstacles[i].plan);
        instance_retire(probe.instance, "test", 0);
        await_gone(&probe);
        assert_int_equal(probe.failed, 0);
        probe_close(&probe);
    }
}

static void removal_is_given_up_in_the_end(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    start(&probe);
    await_ready(&probe);
    fake_engine_plan(bench.engine, FAKE_REMOVE, (struct fake_plan){.status = 500});
    instance_retire(probe.instance, "test", 0);
    bench_until(&bench, is_gone, &probe, "gone");
    assert_int_equal(bench.env.budget.instances, 0);
    probe_close(&probe);
}

static void a_death_while_it_is_removed_changes_nothing(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    start(&probe);
    await_ready(&probe);
    fake_engine_plan(bench.engine, FAKE_STOP, (struct fake_plan){.hold = true});
    instance_retire(probe.instance, "test", 0);
    bench_idle(&bench, 50);
    fake_container_die(bench.engine, fake_engine_running(bench.engine), 0, false);
    instance_container_died(probe.instance);
    fake_engine_release(bench.engine, FAKE_STOP);
    await_gone(&probe);
    assert_int_equal(probe.failed, 0);
    probe_close(&probe);
}

/* --- draining --- */

static void drains_until_its_requests_are_through(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    start(&probe);
    await_ready(&probe);
    struct slot_waiter waiter = {0};
    struct slot *slot;
    assert_int_equal(slot_pool_acquire(probe.pool, 0, clock_ms(), &waiter, &slot), SLOT_TAKEN);
    assert_false(instance_retire_if_idle(probe.instance, "idle"));
    instance_retire(probe.instance, "test", 5000);
    bench_idle(&bench, 50);
    assert_int_equal(instance_current_state(probe.instance), INSTANCE_DRAINING);
    slot_pool_release(slot, SLOT_REUSABLE, clock_ms(), 1000);
    assert_int_equal(probe.drained, 1);
    instance_drained(probe.instance);
    instance_drained(probe.instance);
    await_gone(&probe);
    assert_int_equal(probe.failed, 0);
    probe_close(&probe);
}

static void drains_no_longer_than_its_limit(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    start(&probe);
    await_ready(&probe);
    struct slot_waiter waiter = {0};
    struct slot *slot;
    assert_int_equal(slot_pool_acquire(probe.pool, 0, clock_ms(), &waiter, &slot), SLOT_TAKEN);
    instance_retire(probe.instance, "test", 50);
    await_gone(&probe);
    slot_pool_release(slot, SLOT_BROKEN, clock_ms(), 0);
    probe_close(&probe);
}

static void a_death_while_it_drains_is_told_once(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    start(&probe);
    await_ready(&probe);
    struct slot_waiter waiter = {0};
    struct slot *slot;
    assert_int_equal(slot_pool_acquire(probe.pool, 0, clock_ms(), &waiter, &slot), SLOT_TAKEN);
    instance_retire(probe.instance, "test", 5000);
    fake_container_die(bench.engine, fake_engine_running(bench.engine), 9, false);
    instance_container_died(probe.instance);
    slot_pool_release(slot, SLOT_BROKEN, clock_ms(), 0);
    instance_drained(probe.instance);
    await_gone(&probe);
    assert_int_equal(probe.failed, 1);
    probe_close(&probe);
}

/* --- prewarmed ones --- */

/* A runner redials when its connection drops; the host must load over the connection that is alive. */
static void a_prewarmed_runner_may_redial(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    start_prewarmed(&probe);
    bench_until(&bench, is_prewarmed, &probe, "prewarmed");
    struct fake_container *container = fake_engine_running(bench.engine);
    fake_container_hang_up(container);
    fake_container_dial(bench.engine, container);
    bench_idle(&bench, 50);
    struct instance_load load = make_load(&probe);
    instance_load(probe.instance, &load, &hooks, &probe);
    await_ready(&probe);
    instance_retire(probe.instance, "test", 0);
    await_gone(&probe);
    assert_int_equal(probe.failed, 0);
    probe_close(&probe);
}

/* What is sent to a function must not reach who dialled later. */
static void a_prewarmed_runner_is_not_replaced_while_it_is_there(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    start_prewarmed(&probe);
    bench_until(&bench, is_prewarmed, &probe, "prewarmed");
    int before = dial_as_stranger(&probe);
    bench_idle(&bench, 50);
    struct instance_load load = make_load(&probe);
    load.concurrency = 1;
    instance_load(probe.instance, &load, &hooks, &probe);
    int meanwhile = dial_as_stranger(&probe);
    await_ready(&probe);
    int afterwards = dial_as_stranger(&probe);
    bench_idle(&bench, 50);
    expect_hung_up(before);
    expect_hung_up(meanwhile);
    expect_hung_up(afterwards);
    expect_slots(&probe, 1);
    instance_retire(probe.instance, "test", 0);
    await_gone(&probe);
    assert_int_equal(probe.failed, 0);
    probe_close(&probe);
}

/* It gets its function before its runner has dialled: name and limits follow when the container is there. */
static void one_on_its_way_loads_when_its_runner_dials(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    fake_engine_plan(bench.engine, FAKE_START, (struct fake_plan){.hold = true});
    start_prewarmed(&probe);
    assert_false(instance_is_on_its_way(probe.instance)); /* its turn has not come */
    bench_idle(&bench, 50);
    assert_true(instance_is_on_its_way(probe.instance));
    struct instance_load load = make_load(&probe);
    load.package = "tar";
    load.package_size = 3;
    load.memory_bytes = 2 * MEMORY;
    instance_load(probe.instance, &load, &hooks, &probe);
    assert_false(instance_is_on_its_way(probe.instance));
    assert_int_equal(instance_current_state(probe.instance), INSTANCE_STARTING);
    assert_int_equal(bench.env.budget.memory_bytes, 2 * MEMORY);
    fake_engine_release(bench.engine, FAKE_START);
    await_ready(&probe);
    bench_idle(&bench, 30);
    struct fake_container *container = fake_engine_running(bench.engine);
    assert_int_equal(container->updates, 1);
    assert_non_null(strstr(container->name, "berth-hello-"));
    assert_int_equal(probe.prewarmed, 0);
    instance_retire(probe.instance, "test", 0);
    await_gone(&probe);
    probe_close(&probe);
}

/* The container that Docker may have made all the same bears the name it was asked for with. */
static void one_on_its_way_that_fails_leaves_nothing(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    fake_engine_plan(bench.engine, FAKE_CREATE, (struct fake_plan){.status = 500, .done = true});
    fake_engine_plan(bench.engine, FAKE_PING, (struct fake_plan){.hold = true});
    start_prewarmed(&probe);
    bench_idle(&bench, 50);
    struct instance_load load = make_load(&probe);
    instance_load(probe.instance, &load, &hooks, &probe);
    fake_engine_release(bench.engine, FAKE_PING); /* only now is the container asked for */
    await_gone(&probe);
    assert_int_equal(probe.failed, 1);
    assert_int_equal(fake_engine_count(bench.engine), 0);
    probe_close(&probe);
}

static void a_prewarmed_one_whose_limits_cannot_be_set_fails(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    start_prewarmed(&probe);
    bench_until(&bench, is_prewarmed, &probe, "prewarmed");
    fake_engine_plan(bench.engine, FAKE_UPDATE, (struct fake_plan){.status = 500});
    struct instance_load load = make_load(&probe);
    load.memory_bytes = 2 * MEMORY;
    instance_load(probe.instance, &load, &hooks, &probe);
    await_gone(&probe);
    assert_cause(&probe, "docker", "docker-error", "as planned");
    probe_close(&probe);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_and_goes_when_idle),
        cmocka_unit_test(surplus_connections_are_closed),
        cmocka_unit_test(prewarmed_loads_and_takes_the_function_s_name_and_limits),
        cmocka_unit_test(limits_are_set_before_it_serves),
        cmocka_unit_test(every_misfortune_is_told_and_leaves_nothing),
        cmocka_unit_test(a_slow_engine_times_out_and_leaves_nothing),
        cmocka_unit_test(an_unwanted_one_goes_at_once),
        cmocka_unit_test(it_can_be_retired_at_any_time),
        cmocka_unit_test(retired_while_it_loads),
        cmocka_unit_test(nobody_dials_before_the_answer_to_create),
        cmocka_unit_test(a_death_before_the_answer_to_create_is_nobody_s),
        cmocka_unit_test(a_dial_may_come_before_the_answer_to_start),
        cmocka_unit_test(a_death_before_the_answer_to_start),
        cmocka_unit_test(a_killed_one_says_what_killed_it),
        cmocka_unit_test(a_container_that_somebody_removed),
        cmocka_unit_test(a_loss_of_one_that_goes_on_is_explained),
        cmocka_unit_test(a_loss_reveals_the_end_of_the_container),
        cmocka_unit_test(one_whose_runner_closes_everything_is_lost),
        cmocka_unit_test(one_whose_runner_dials_again_stays),
        cmocka_unit_test(one_that_works_for_nobody_has_its_time),
        cmocka_unit_test(an_engine_that_is_away_is_named),
        cmocka_unit_test(a_log_that_never_ends_does_not_keep_it),
        cmocka_unit_test(removal_is_tried_until_it_is_done),
        cmocka_unit_test(removal_is_given_up_in_the_end),
        cmocka_unit_test(a_death_while_it_is_removed_changes_nothing),
        cmocka_unit_test(drains_until_its_requests_are_through),
        cmocka_unit_test(drains_no_longer_than_its_limit),
        cmocka_unit_test(a_death_while_it_drains_is_told_once),
        cmocka_unit_test(a_prewarmed_runner_may_redial),
        cmocka_unit_test(a_prewarmed_runner_is_not_replaced_while_it_is_there),
        cmocka_unit_test(one_on_its_way_loads_when_its_runner_dials),
        cmocka_unit_test(one_on_its_way_that_fails_leaves_nothing),
        cmocka_unit_test(a_prewarmed_one_whose_limits_cannot_be_set_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
