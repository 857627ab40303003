/* One instance against an engine and a runner that fail in every way they can. Whatever happens, it reports a
 * failure at most once, goes exactly once, and leaves neither a container nor budget behind. */
#include "instance_probe.h"

#include "base/cleanup.h"
#include "base/fs.h"

#include <signal.h>
#include <sys/stat.h>

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
    assert_int_equal(bench.env.engine->budget.instances, 1);
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
    load.memory_bytes = 2 * MEMORY;
    instance_load(probe.instance, &load, &hooks, &probe);
    assert_int_equal(bench.env.engine->budget.memory_bytes, 2 * MEMORY);
    await_ready(&probe);
    assert_int_equal(container->updates, 1);
    bench_idle(&bench, 30);
    assert_int_equal(container->renames, 1);
    assert_non_null(strstr(container->name, "berth-hello-"));
    instance_retire(probe.instance, "test", 0);
    await_gone(&probe);
    probe_close(&probe);
}

/* Its code has a folder of its own, which whoever takes it fills, as long as it lives. */
static void prewarmed_has_a_folder_for_its_code(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    struct stat status;
    probe_open(&probe, &bench);
    mode_t before = umask(077);
    start_prewarmed(&probe);
    bench_until(&bench, is_prewarmed, &probe, "prewarmed");
    umask(before);
    cleanup_free char *folder = xstrdup(instance_code_dir(probe.instance));
    cleanup_free char *file = xasprintf("%s/main.py", folder);
    assert_int_equal(stat(folder, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0755);
    assert_int_equal(fs_write_file(file, "", 0, 0644, &(struct error){0}), 0);
    assert_string_equal(fake_engine_running(bench.engine)->code_dir, folder);
    instance_retire(probe.instance, "test", 0);
    await_gone(&probe);
    assert_false(fs_exists(folder));
    probe_close(&probe);
}

static void one_that_is_started_for_a_function_has_that_function_s_code(void **state)
{
    (void)state;
    struct bench bench;
    struct probe probe;
    probe_open(&probe, &bench);
    start(&probe);
    await_ready(&probe);
    assert_null(instance_code_dir(probe.instance));
    assert_string_equal(fake_engine_running(bench.engine)->code_dir, usual.code_dir);
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
    engine_queue_start(bench.env.engine->queue, &busy, &probe.account);
    start(&probe);
    uint64_t began_ms = clock_ms();
    bench_until(&bench, is_gone, &probe, "gone");
    assert_true(clock_ms() - began_ms < 1000);
    engine_queue_finish(bench.env.engine->queue, &busy);
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
    assert_int_equal(engine_queue_starts(bench.env.engine->queue), 0);
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
    assert_int_equal(bench.env.engine->budget.instances, 0);
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
    load.memory_bytes = 2 * MEMORY;
    instance_load(probe.instance, &load, &hooks, &probe);
    assert_false(instance_is_on_its_way(probe.instance));
    assert_int_equal(instance_current_state(probe.instance), INSTANCE_STARTING);
    assert_int_equal(bench.env.engine->budget.memory_bytes, 2 * MEMORY);
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
        cmocka_unit_test(prewarmed_has_a_folder_for_its_code),
        cmocka_unit_test(one_that_is_started_for_a_function_has_that_function_s_code),
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
