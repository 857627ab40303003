/* One instance that is started before its function is known. */
#include "instance_probe.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"

#include <signal.h>
#include <sys/stat.h>

static bool is_renamed(void *context)
{
    return ((const struct fake_container *)context)->renames > 0;
}

static bool is_starting(void *context)
{
    const struct probe *probe = context;
    return instance_current_state(probe->instance) == INSTANCE_STARTING;
}

static void end(struct probe *probe)
{
    instance_retire(probe->instance, "test", 0);
    await_gone(probe);
}

static void prewarmed_loads_and_takes_the_function_s_name_and_limits(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    start_prewarmed(probe);
    bench_until(bench, is_prewarmed, probe, "prewarmed");
    struct fake_container *container = fake_engine_running(bench->engine);
    assert_non_null(strstr(container->name, "berth.acting."));
    struct instance_load load = make_load(probe);
    load.memory_bytes = 2 * MEMORY;
    instance_load(probe->instance, &load, &hooks, probe);
    assert_int_equal(bench->env.engine->budget.memory_bytes, 2 * MEMORY);
    await_ready(probe);
    assert_int_equal(container->updates, 1);
    bench_until(bench, is_renamed, container, "its name");
    assert_int_equal(container->renames, 1);
    assert_non_null(strstr(container->name, "berth-hello-"));
    end(probe);
}

/* Its code has a folder of its own, which whoever takes it fills, as long as it lives. */
static void prewarmed_has_a_folder_for_its_code(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    struct stat status;
    mode_t before = umask(077);
    start_prewarmed(probe);
    bench_until(bench, is_prewarmed, probe, "prewarmed");
    umask(before);
    cleanup_free char *folder = xstrdup(instance_code_dir(probe->instance));
    cleanup_free char *file = xasprintf("%s/main.py", folder);
    assert_int_equal(stat(folder, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0755);
    assert_int_equal(fs_write_file(file, "", 0, 0644, &(struct error){0}), 0);
    assert_string_equal(fake_engine_running(bench->engine)->code_dir, folder);
    end(probe);
    assert_false(fs_exists(folder));
}

static void limits_are_set_before_it_serves(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    start_prewarmed(probe);
    bench_until(bench, is_prewarmed, probe, "prewarmed");
    fake_engine_plan(bench->engine, FAKE_UPDATE, (struct fake_plan){.hold = true});
    struct instance_load load = make_load(probe);
    load.cpus = 2;
    instance_load(probe->instance, &load, &hooks, probe);
    bench_idle(bench, 100);
    assert_int_equal(probe->ready, 0);
    fake_engine_release(bench->engine, FAKE_UPDATE);
    await_ready(probe);
    end(probe);
}

/* A runner redials when its connection drops; the host must load over the connection that is alive. */
static void a_prewarmed_runner_may_redial(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    start_prewarmed(probe);
    bench_until(bench, is_prewarmed, probe, "prewarmed");
    struct fake_container *container = fake_engine_running(bench->engine);
    fake_container_hang_up(container);
    fake_container_dial(bench->engine, container);
    bench_idle(bench, 50);
    struct instance_load load = make_load(probe);
    instance_load(probe->instance, &load, &hooks, probe);
    await_ready(probe);
    end(probe);
    assert_int_equal(probe->failed, 0);
}

/* What is sent to a function must not reach who dialled later. */
static void a_prewarmed_runner_is_not_replaced_while_it_is_there(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    start_prewarmed(probe);
    bench_until(bench, is_prewarmed, probe, "prewarmed");
    int before = dial_as_stranger(probe);
    bench_idle(bench, 50);
    struct instance_load load = make_load(probe);
    load.concurrency = 1;
    instance_load(probe->instance, &load, &hooks, probe);
    int meanwhile = dial_as_stranger(probe);
    await_ready(probe);
    int afterwards = dial_as_stranger(probe);
    bench_idle(bench, 50);
    expect_hung_up(before);
    expect_hung_up(meanwhile);
    expect_hung_up(afterwards);
    expect_slots(probe, 1);
    end(probe);
    assert_int_equal(probe->failed, 0);
}

/* It gets its function before its runner has dialled: name and limits follow when the container is there. */
static void one_on_its_way_loads_when_its_runner_dials(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    fake_engine_plan(bench->engine, FAKE_START, (struct fake_plan){.hold = true});
    start_prewarmed(probe);
    assert_false(instance_is_on_its_way(probe->instance)); /* its turn has not come */
    bench_until(bench, is_starting, probe, "the start");
    assert_true(instance_is_on_its_way(probe->instance));
    struct instance_load load = make_load(probe);
    load.memory_bytes = 2 * MEMORY;
    instance_load(probe->instance, &load, &hooks, probe);
    assert_false(instance_is_on_its_way(probe->instance));
    assert_int_equal(instance_current_state(probe->instance), INSTANCE_STARTING);
    assert_int_equal(bench->env.engine->budget.memory_bytes, 2 * MEMORY);
    fake_engine_release(bench->engine, FAKE_START);
    await_ready(probe);
    struct fake_container *container = fake_engine_running(bench->engine);
    bench_until(bench, is_renamed, container, "the name of its function");
    assert_int_equal(container->updates, 1);
    assert_non_null(strstr(container->name, "berth-hello-"));
    assert_int_equal(probe->prewarmed, 0);
    end(probe);
}

/* The container that Docker may have made all the same bears the name it was asked for with. */
static void one_on_its_way_that_fails_leaves_nothing(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    fake_engine_plan(bench->engine, FAKE_CREATE, (struct fake_plan){.status = 500, .done = true});
    fake_engine_plan(bench->engine, FAKE_PING, (struct fake_plan){.hold = true});
    start_prewarmed(probe);
    bench_idle(bench, 50);
    struct instance_load load = make_load(probe);
    instance_load(probe->instance, &load, &hooks, probe);
    fake_engine_release(bench->engine, FAKE_PING); /* only now is the container asked for */
    await_gone(probe);
    assert_int_equal(probe->failed, 1);
    assert_int_equal(fake_engine_count(bench->engine), 0);
}

static void a_prewarmed_one_whose_limits_cannot_be_set_fails(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    start_prewarmed(probe);
    bench_until(bench, is_prewarmed, probe, "prewarmed");
    fake_engine_plan(bench->engine, FAKE_UPDATE, (struct fake_plan){.status = 500});
    struct instance_load load = make_load(probe);
    load.memory_bytes = 2 * MEMORY;
    instance_load(probe->instance, &load, &hooks, probe);
    await_gone(probe);
    assert_cause(probe, "docker", "docker-error", "as planned");
}

/* --- with libraries --- */

#define AHEAD "{\"modules\":[\"requests\"]}"

static void start_with_libraries(struct probe *probe)
{
    struct container_spec spec = usual;
    spec.code_dir = NULL;
    spec.ahead = AHEAD;
    probe->instance = instance_start(&probe->bench->env, &spec, NULL, &hooks, &probe->account, probe);
}

static void it_is_prewarmed_once_its_libraries_are_loaded(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    fake_engine_set_answers(bench->engine, "{}",
                            "{\"modules\":[{\"name\":\"requests\",\"ms\":40.5}],\"effects\":[]}");
    fake_engine_plan(bench->engine, FAKE_START, (struct fake_plan){.hold = true});
    start_with_libraries(probe);
    bench_until(bench, is_starting, probe, "the start");
    assert_false(instance_is_on_its_way(probe->instance)); /* what loading them does is not known yet */
    fake_engine_release(bench->engine, FAKE_START);
    bench_until(bench, is_prewarmed, probe, "prewarmed");
    assert_string_equal(fake_engine_running(bench->engine)->asked, AHEAD);
    const json_t *modules = json_object_get(instance_module_report(probe->instance), "modules");
    assert_string_equal(json_string_value(json_object_get(json_array_get(modules, 0), "name")), "requests");
    struct instance_load load = make_load(probe);
    instance_load(probe->instance, &load, &hooks, probe);
    await_ready(probe);
    end(probe);
    assert_int_equal(probe->failed, 0);
}

/* Not even one of the same user takes the place of the connection that they are loaded over. */
static void nobody_comes_between_while_they_are_loaded(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    fake_engine_set_runner(bench->engine, RUNNER_SILENT);
    start_with_libraries(probe);
    bench_until(bench, is_starting, probe, "the start");
    bench_idle(bench, 50);
    int stranger = dial_as_stranger(probe);
    bench_idle(bench, 50);
    expect_hung_up(stranger);
    end(probe);
    assert_int_equal(probe->failed + probe->prewarmed, 0);
}

/* A runner whose answer says nothing of effects is not believed to have had none. */
static void what_loading_them_does_has_to_be_told(void **state)
{
    struct probe *probe = *state;
    static const char *const answers[] = {"", "done", "[]", "{}", "{\"modules\":[],\"effects\":{}}"};
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        fake_engine_set_answers(probe->bench->engine, "{}", answers[i]);
        start_with_libraries(probe);
        await_gone(probe);
        assert_cause(probe, "runner", "load-failed", "the runner does not say what loading them does");
        assert_int_equal(probe->prewarmed, 0);
        probe_renew(probe);
    }
}

/* How it ends, and what is said of that. */
static void loading_them_may_fail(void **state)
{
    struct probe *probe = *state;
    struct bench *bench = probe->bench;
    static const struct {
        enum fake_runner runner;
        const char *component, *reason, *words;
    } ways[] = {
        {RUNNER_REFUSES, "runner", "load-failed", "libraries cannot be loaded ahead: ImportError"},
        {RUNNER_HANGS_UP, "runner", "runner-gone", "closed its connection while it loaded libraries"},
        {RUNNER_DIES, "container", "container-exited", "3"},
        {RUNNER_SILENT, "fleet", "start-timeout", "300 ms"},
    };
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (ways[i].runner == RUNNER_SILENT)
            bench->host.start_timeout_ms = 300;
        fake_engine_set_runner(bench->engine, ways[i].runner);
        start_with_libraries(probe);
        await_gone(probe);
        assert_cause(probe, ways[i].component, ways[i].reason, ways[i].words);
        assert_int_equal(probe->prewarmed, 0);
        probe_renew(probe);
    }
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    const struct CMUnitTest tests[] = {
        INSTANCE_TEST(prewarmed_loads_and_takes_the_function_s_name_and_limits),
        INSTANCE_TEST(prewarmed_has_a_folder_for_its_code),
        INSTANCE_TEST(limits_are_set_before_it_serves),
        INSTANCE_TEST(a_prewarmed_runner_may_redial),
        INSTANCE_TEST(a_prewarmed_runner_is_not_replaced_while_it_is_there),
        INSTANCE_TEST(one_on_its_way_loads_when_its_runner_dials),
        INSTANCE_TEST(one_on_its_way_that_fails_leaves_nothing),
        INSTANCE_TEST(a_prewarmed_one_whose_limits_cannot_be_set_fails),
        INSTANCE_TEST(it_is_prewarmed_once_its_libraries_are_loaded),
        INSTANCE_TEST(nobody_comes_between_while_they_are_loaded),
        INSTANCE_TEST(what_loading_them_does_has_to_be_told),
        INSTANCE_TEST(loading_them_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
