#include "build_docker.h"

#include "base/alloc.h"
#include "base/strbuf.h"
#include "prepare/install/dependency_install.h"
#include "prepare/store/package_store.h"

#define REQUESTS_MAX 8

struct install_bench {
    struct engine engine;
    struct package_store *packages;
    struct dependency_store *store;
    struct dependency_installs *installs;
    char *state, *code;
    unsigned done, lines, stopped;
    struct {
        bool failed, installed;
        struct error err;
        char key[HASH_HEX_SIZE];
        char output[256];
    } ends[REQUESTS_MAX];
    struct strbuf output;
};

static void on_line(void *context, const char *line, uint64_t elapsed_ms)
{
    struct install_bench *bench = context;
    bench->lines++;
    assert_true(elapsed_ms < BENCH_GUARD_MS);
    strbuf_append_format(&bench->output, "%s\n", line);
}

static void on_done(void *context, const struct error *err, const char *key, bool installed,
                    const char *output)
{
    struct install_bench *bench = context;
    unsigned at = bench->done++;
    snprintf(bench->ends[at].output, sizeof(bench->ends[at].output), "%s", output ? output : "");
    bench->ends[at].failed = err != NULL;
    bench->ends[at].installed = installed;
    if (err)
        bench->ends[at].err = *err;
    else
        snprintf(bench->ends[at].key, sizeof(bench->ends[at].key), "%s", key);
}

/* Zero members take what is enough. */
static void open_installs(struct install_bench *bench, struct builder_limits limits)
{
    if (limits.timeout_ms == 0)
        limits.timeout_ms = BENCH_GUARD_MS;
    struct error err;
    *bench = (struct install_bench){0};
    engine_open(&bench->engine);
    strbuf_init(&bench->output, 1 << 20);
    bench->state = bench_path(&bench->engine.bench, "state");
    bench->code = bench_path(&bench->engine.bench, "code");
    bench_file(&bench->engine.bench, "code/lock", "locked\n", 0644);
    assert_int_equal(package_store_open(bench->state, bench->engine.background, &bench->packages, &err), 0);
    assert_int_equal(dependency_store_open(bench->state, bench->engine.background, &bench->store, &err), 0);
    const struct dependency_installs_options options = {.base = bench->engine.bench.base,
                                                        .docker = bench->engine.docker,
                                                        .background = bench->engine.background,
                                                        .store = bench->store,
                                                        .owner = bench->engine.id,
                                                        .network = "none",
                                                        .limits = limits};
    assert_int_equal(dependency_installs_create(&options, &bench->installs, &err), 0);
}

static void on_stopped(void *context)
{
    struct install_bench *bench = context;
    bench->stopped++;
}

static void on_settled(void *context, bool ran)
{
    (void)ran;
    ++*(unsigned *)context;
}

static void do_nothing(void *context)
{
    (void)context;
}

/* Stops, and checks that neither a container nor a staged directory is left. */
static void close_installs(struct install_bench *bench)
{
    unsigned settled = 0;
    cleanup_free char *staging = xasprintf("%s/staging", bench->state);
    dependency_installs_stop(bench->installs, on_stopped, bench);
    assert_int_equal(bench->stopped, 0);
    bench_wait(&bench->engine.bench, &bench->stopped, 1);
    assert_int_equal(engine_containers(&bench->engine), 0);
    background_run(bench->engine.background, do_nothing, on_settled, &settled);
    bench_wait(&bench->engine.bench, &settled, 1);
    assert_int_equal(bench_count(staging), 0);
    dependency_installs_destroy(bench->installs);
    dependency_store_close(bench->store);
    package_store_close(bench->packages);
    strbuf_clear(&bench->output);
    free(bench->state);
    free(bench->code);
    engine_close(&bench->engine);
}

static struct dependency_install *ensure(struct install_bench *bench, const char *key, const char *script)
{
    static const struct dependency_callbacks callbacks = {.line = on_line, .done = on_done};
    char *argv[] = {"sh", "-c", (char *)script, NULL};
    char *environment[] = {"GREETING=hi", NULL};
    struct build_dependencies dependencies = {(char *)key, argv, environment};
    const struct dependency_request request = {.runtime = "test",
                                               .image = TEST_BASE_IMAGE,
                                               .image_id = "sha256:test",
                                               .code = bench->code,
                                               .function = "hello",
                                               .dependencies = &dependencies};
    return dependency_installs_ensure(bench->installs, &request, &callbacks, bench);
}

static void ensure_and_wait(struct install_bench *bench, const char *key, const char *script)
{
    unsigned before = bench->done;
    ensure(bench, key, script);
    assert_int_equal(bench->done, before);
    bench_wait(&bench->engine.bench, &bench->done, before + 1);
}

static void test_install(void **state)
{
    static const char script[] =
        "echo \"$GREETING from $(id -u), home $HOME\"; echo 'at 1%\rat 100%' >&2; "
        "touch /no 2>/dev/null || echo read-only; touch $BERTH_CODE/no 2>/dev/null || cat $BERTH_CODE/lock; "
        "touch /tmp/yes $TMPDIR/yes && echo bytes > "
        "$BERTH_TARGET/file";
    (void)state;
    struct install_bench bench;
    open_installs(&bench, (struct builder_limits){0});
    ensure(&bench, "one", script);
    ensure(&bench, "one", script);
    bench_wait(&bench.engine.bench, &bench.done, 2);
    assert_false(bench.ends[0].failed);
    assert_true(bench.ends[0].installed);
    assert_string_equal(bench.ends[0].key, bench.ends[1].key);
    cleanup_free char *greeting =
        xasprintf("hi from %u, home /berth/build/tmp\n", geteuid() == 0 ? RUNTIME_IMAGE_UID : geteuid());
    assert_non_null(strstr(strbuf_text(&bench.output), greeting));
    assert_non_null(strstr(strbuf_text(&bench.output), "read-only\n"));
    assert_non_null(strstr(strbuf_text(&bench.output), "locked\n"));
    assert_non_null(strstr(strbuf_text(&bench.output), "at 100%\n"));
    assert_int_equal(bench.lines, 4); /* one installation */
    cleanup_free char *path = dependency_store_path(bench.store, bench.ends[0].key);
    cleanup_free char *file = xasprintf("%s/file", path);
    assert_true(fs_exists(file));

    ensure_and_wait(&bench, "one", script);
    assert_false(bench.ends[2].failed);
    assert_false(bench.ends[2].installed);
    assert_int_equal(bench.lines, 4);
    close_installs(&bench);
}

static void test_failure(void **state)
{
    (void)state;
    struct install_bench bench;
    open_installs(&bench, (struct builder_limits){0});
    ensure_and_wait(&bench, "bad",
                    "for i in 1 2 3 4 5 6; do echo step $i; done; echo 'no such thing as six' >&2; exit 4");
    assert_true(bench.ends[0].failed);
    assert_string_equal(error_code_slug(bench.ends[0].err.code), "dependency-install");
    assert_non_null(strstr(bench.ends[0].err.message, "(exit code 4): no such thing as six"));
    assert_int_equal(bench.lines, 7);
    /* In the order of each stream; between the two there is none. */
    const char *step = strstr(bench.ends[0].output, "step 1\n");
    assert_non_null(step);
    assert_non_null(strstr(step, "step 6\n"));
    assert_non_null(strstr(bench.ends[0].output, "no such thing as six\n"));
    /* A failure is not kept: the next request tries again. */
    ensure_and_wait(&bench, "bad", "exit 5");
    assert_non_null(strstr(bench.ends[1].err.message, "(exit code 5): no output"));
    ensure_and_wait(&bench, "bad", "for i in 1 2 3 4 5 6; do echo step $i; done; exit 6");
    assert_non_null(strstr(bench.ends[2].err.message, "(exit code 6): step 3 / step 4 / step 5 / step 6"));
    ensure_and_wait(&bench, "bad", "echo one; echo 'berth-cause: the one' >&2; echo two >&2; exit 7");
    assert_non_null(strstr(bench.ends[3].err.message, "(exit code 7): the one"));
    assert_null(strstr(bench.ends[3].output, "cause"));
    ensure_and_wait(&bench, "bad", "echo 'a.c:1:2: error: odd'; echo cleaning up >&2; exit 8");
    assert_non_null(strstr(bench.ends[4].err.message, "(exit code 8): a.c:1:2: error: odd"));
    close_installs(&bench);
}

static void test_missing_command(void **state)
{
    static const struct dependency_callbacks callbacks = {.done = on_done};
    (void)state;
    struct install_bench bench;
    open_installs(&bench, (struct builder_limits){0});
    char *argv[] = {"no-such-installer", NULL}, *environment[] = {NULL};
    struct build_dependencies dependencies = {"x", argv, environment};
    struct dependency_request request = {.runtime = "test",
                                         .image = TEST_BASE_IMAGE,
                                         .image_id = "sha256:test",
                                         .code = bench.code,
                                         .dependencies = &dependencies};
    dependency_installs_ensure(bench.installs, &request, &callbacks, &bench);
    bench_wait(&bench.engine.bench, &bench.done, 1);
    assert_string_equal(error_code_slug(bench.ends[0].err.code), "dependency-install");
    assert_non_null(strstr(bench.ends[0].err.message, "(exit code 127)"));
    assert_non_null(strstr(bench.ends[0].err.message, "no-such-installer"));
    request.image = "berth-runtime-none:0";
    dependencies.key = "y";
    dependency_installs_ensure(bench.installs, &request, &callbacks, &bench);
    bench_wait(&bench.engine.bench, &bench.done, 2);
    assert_string_equal(error_code_slug(bench.ends[1].err.code), "image-missing");
    close_installs(&bench);
}

/* The time counts from the container's creation: on a busy machine the command may not have come to say
 * anything. Whether it has. */
static bool time_out(unsigned timeout_ms)
{
    struct install_bench bench;
    open_installs(&bench, (struct builder_limits){.timeout_ms = timeout_ms});
    ensure_and_wait(&bench, "slow", "echo waiting for godot; sleep 60");
    cleanup_free char *limit = xasprintf("within %u s; the last lines: ", timeout_ms / 1000);
    const char *told = strstr(bench.ends[0].err.message, limit);
    bool has_said = bench.lines > 0;
    assert_string_equal(error_code_slug(bench.ends[0].err.code), "dependency-timeout");
    assert_non_null(told);
    assert_string_equal(told + strlen(limit), has_said ? "waiting for godot" : "no output");
    assert_int_equal(engine_containers(&bench.engine), 0);
    close_installs(&bench);
    return has_said;
}

static void test_timeout(void **state)
{
    (void)state;
    unsigned timeout_ms = 3000;
    while (!time_out(timeout_ms))
        timeout_ms *= 2;
}

/* Each limit is told by its name. */
static void test_limits(void **state)
{
    static const char filling[] =
        "i=0; while :; do dd if=/dev/zero of=$BERTH_TARGET/$i bs=64k count=16 2>/dev/null; "
        "i=$((i + 1)); done";
    (void)state;
    struct install_bench bench;
    open_installs(&bench,
                  (struct builder_limits){.memory_bytes = 64 << 20, .disk_bytes = 32 << 20, .cpus = 1e6});
    ensure_and_wait(&bench, "memory",
                    "echo eating >&2; dd if=/dev/zero of=/dev/null bs=200M count=1; exit 3");
    assert_string_equal(error_code_slug(bench.ends[0].err.code), "dependency-memory");
    assert_non_null(strstr(bench.ends[0].err.message, "of which it may have 64 MiB; its last lines: eating"));
    assert_non_null(strstr(bench.ends[0].err.hint, "`build_memory`"));
    ensure_and_wait(&bench, "disk", filling);
    assert_string_equal(error_code_slug(bench.ends[1].err.code), "dependency-disk");
    assert_non_null(strstr(bench.ends[1].err.message, "32 MiB"));
    assert_non_null(strstr(bench.ends[1].err.hint, "`build_disk`"));
    /* However short it is, what is too large does not get into the store. */
    ensure_and_wait(&bench, "quick", "dd if=/dev/zero of=$TMPDIR/x bs=64k count=1024");
    assert_string_equal(error_code_slug(bench.ends[2].err.code), "dependency-disk");
    ensure_and_wait(&bench, "hidden",
                    "mkdir $TMPDIR/x && cd $TMPDIR/x && for i in $(seq 100); do mkdir x; cd x; done");
    assert_string_equal(error_code_slug(bench.ends[3].err.code), "dependency-disk");
    close_installs(&bench);
}

/* What the variables say is in no command line, and output is shown without passwords, all of it. */
static void test_secrets(void **state)
{
    static const char script[] = "echo \"see https://u:$GREETING@example.org/x\"; echo \"bye token@x\"; "
                                 "tr '\\0' ' ' </proc/1/cmdline; echo; stat -c %a /berth/build/environment; "
                                 "yes 0123456789abcdef | head -n 100000";
    (void)state;
    struct install_bench bench;
    open_installs(&bench, (struct builder_limits){0});
    ensure_and_wait(&bench, "secret", script);
    assert_false(bench.ends[0].failed);
    const char *output = strbuf_text(&bench.output);
    assert_non_null(strstr(output, "see https://***@example.org/x\nbye token@x\nsh -c echo"));
    assert_non_null(strstr(output, "\n400\n"));
    assert_null(strstr(output, "u:hi"));
    assert_int_equal(bench.lines, 100004);
    close_installs(&bench);
}

/* What was changed is installed anew. */
static void test_changed(void **state)
{
    (void)state;
    struct install_bench bench;
    struct error err;
    open_installs(&bench, (struct builder_limits){0});
    ensure_and_wait(&bench, "one", "echo right >$BERTH_TARGET/file");
    cleanup_free char *path = dependency_store_path(bench.store, bench.ends[0].key);
    cleanup_free char *file = xasprintf("%s/file", path);
    assert_int_equal(fs_write_file(file, "wrong\n", 6, 0644, &err), 0);
    ensure_and_wait(&bench, "one", "echo right >$BERTH_TARGET/file");
    assert_true(bench.ends[1].installed);
    cleanup_free char *text = NULL;
    assert_int_equal(fs_read_file(file, 100, &text, NULL, &err), 0);
    assert_string_equal(text, "right\n");
    close_installs(&bench);
}

static void test_cancel(void **state)
{
    (void)state;
    struct install_bench bench;
    open_installs(&bench, (struct builder_limits){0});
    struct dependency_install *running = ensure(&bench, "a", "echo on; sleep 60");
    struct dependency_install *joined = ensure(&bench, "a", "echo on; sleep 60");
    struct dependency_install *creating = ensure(&bench, "b", "sleep 60");
    struct dependency_install *queued = ensure(&bench, "c", "sleep 60");
    dependency_install_cancel(queued);
    bench_wait(&bench.engine.bench, &bench.lines, 1);
    dependency_install_cancel(running);
    dependency_install_cancel(joined);
    dependency_install_cancel(creating);
    /* The same set may be asked for again at once. */
    ensure_and_wait(&bench, "a", "echo on; sleep 0.1");
    assert_int_equal(bench.done, 1);
    assert_false(bench.ends[0].failed);
    close_installs(&bench);
}

static void test_stop(void **state)
{
    (void)state;
    struct install_bench bench;
    open_installs(&bench, (struct builder_limits){0});
    ensure(&bench, "a", "echo on; sleep 60");
    ensure(&bench, "b", "sleep 60");
    ensure(&bench, "c", "sleep 60");
    bench_wait(&bench.engine.bench, &bench.lines, 1);
    close_installs(&bench);
    assert_int_equal(bench.done, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_string_equal(error_code_slug(bench.ends[i].err.code), "cancelled");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_install),
        cmocka_unit_test(test_failure),
        cmocka_unit_test(test_missing_command),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
