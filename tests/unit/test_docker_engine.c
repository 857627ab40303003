/* The Docker client against the real engine, with an image made of one static program. Skips when no engine
 * answers. Everything made here carries the label berth.test=<run> and is removed at the end. */
#include "docker_bench.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/ident.h"
#include "base/strbuf.h"

#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* One for all tests, made in the group's setup. */
static struct {
    struct bench bench;
    bool answers;
    char run[13], label[40], image[64], folder[64];
} engine;

#define NEED_ENGINE()                                                                                        \
    do {                                                                                                     \
        if (!engine.answers)                                                                                 \
            skip();                                                                                          \
    } while (0)

#define OUTCOME(name)                                                                                        \
    cleanup_outcome struct outcome(name);                                                                    \
    outcome_init(&(name), &engine.bench)

static void put_file(const char *folder, const char *name, const char *bytes, size_t size, unsigned mode)
{
    struct error err;
    cleanup_free char *path = xasprintf("%s/%s", folder, name);
    assert_int_equal(fs_make_dirs(folder, 0755, &err), 0);
    assert_int_equal(fs_write_file(path, bytes, size, mode, &err), 0);
}

static void put_text(const char *folder, const char *name, const char *text)
{
    put_file(folder, name, text, strlen(text), 0644);
}

static void build_folder(struct outcome *built, const char *folder, const char *tag)
{
    struct docker_pair argument = {"BERTH_BASE", engine.image}, label = {"berth.test", engine.run};
    struct docker_build build = {.context = folder,
                                 .tag = tag,
                                 .arguments = &argument,
                                 .argument_count = 1,
                                 .labels = &label,
                                 .label_count = 1};
    docker_image_build(engine.bench.docker, &build, on_progress, on_id, built);
    await_end(built);
}

/* Builds from a folder with a Dockerfile of that text and one more file. */
static void build_image(struct outcome *built, const char *dockerfile, const char *tag)
{
    cleanup_free char *folder = xasprintf("%s/context", engine.folder);
    put_text(folder, "Dockerfile", dockerfile);
    put_text(folder, "extra", "hello");
    build_folder(built, folder, tag);
}

/* The test image: /program and nothing else. */
static void build_base(void)
{
    OUTCOME(built);
    struct error err;
    char *bytes;
    size_t size;
    cleanup_free char *folder = xasprintf("%s/base", engine.folder);
    if (fs_read_file(DOCKER_PROGRAM, 16 << 20, &bytes, &size, &err) < 0)
        fail_msg("%s", err.message);
    put_file(folder, "program", bytes, size, 0755);
    put_text(folder, "Dockerfile", "FROM scratch\nCOPY program /program\n");
    free(bytes);
    build_folder(&built, folder, engine.image);
    assert_success(&built);
    assert_memory_equal(built.id, "sha256:", 7);
}

static int set_up(void **state)
{
    (void)state;
    bench_open(&engine.bench, NULL);
    OUTCOME(ping);
    docker_ping(engine.bench.docker, on_done, &ping);
    await_end(&ping);
    if (ping.failed) {
        print_message("skipped, no Docker Engine: %s\n", ping.err.message);
        return 0;
    }
    engine.answers = true;
    ident_random(engine.run, sizeof(engine.run) - 1);
    snprintf(engine.label, sizeof(engine.label), "berth.test=%s", engine.run);
    snprintf(engine.image, sizeof(engine.image), "berth-test-docker:%s", engine.run);
    snprintf(engine.folder, sizeof(engine.folder), "/tmp/berth-test-engine-XXXXXX");
    assert_non_null(mkdtemp(engine.folder));
    build_base();
    return 0;
}

static void on_ids(void *owner, const struct error *err, const struct docker_listing *entries, size_t count)
{
    struct outcome *outcome = owner;
    for (size_t i = 0; i < count; i++)
        strbuf_append_format(&outcome->text, "%s\n", entries[i].id);
    note_end(outcome, err);
}

static void on_images(void *owner, const struct error *err, const struct docker_image *images, size_t count)
{
    struct outcome *outcome = owner;
    for (size_t i = 0; i < count; i++)
        strbuf_append_format(&outcome->text, "%s\n", images[i].id);
    outcome->code = (int)count;
    note_end(outcome, err);
}

/* Removes all containers, or all images, of this run. */
static void remove_all(bool images)
{
    OUTCOME(listed);
    const char *const labels[] = {engine.label, NULL};
    if (images)
        docker_image_list(engine.bench.docker, labels, on_images, &listed);
    else
        docker_container_list(engine.bench.docker, labels, on_ids, &listed);
    assert_success(&listed);
    char *rest = listed.text.data, *id;
    while (rest && (id = strsep(&rest, "\n")) && *id) {
        OUTCOME(removed);
        if (images)
            docker_image_remove(engine.bench.docker, id, true, on_done, &removed);
        else
            docker_container_remove(engine.bench.docker, id, true, on_done, &removed);
        await_end(&removed); /* an image may have gone with the one built on it */
    }
}

/* With Docker's own command, because no part of the daemon removes networks. */
static void remove_networks(void)
{
    cleanup_free char *filter = xasprintf("label=%s", engine.label);
    char *const words[] = {"docker", "network", "prune", "--force", "--filter", filter, NULL};
    pid_t child;
    int status = -1;
    if (posix_spawnp(&child, words[0], NULL, NULL, words, environ) == 0)
        waitpid(child, &status, 0);
    if (status != 0)
        print_message("networks with the %s are left\n", filter);
}

static int tear_down(void **state)
{
    (void)state;
    if (engine.answers) {
        struct error err;
        remove_all(false);
        remove_all(true);
        remove_networks();
        fs_remove_tree(engine.folder, &err);
    }
    bench_close(&engine.bench);
    return 0;
}

/* After each test: none has a call of an earlier one under way, whether that was through or failed. */
static int end_calls(void **state)
{
    (void)state;
    bench_close(&engine.bench);
    bench_open(&engine.bench, NULL);
    return 0;
}

/* Creates and starts a container that runs the program with `words` (ended by NULL, the program first). */
static void make(struct outcome *created, const char *name, const char *const *words,
                 const struct docker_limits *limits)
{
    struct docker_pair label = {"berth.test", engine.run};
    struct docker_tmpfs tmpfs = {.target = "/tmp", .size_bytes = 1 << 20};
    struct docker_container container = {
        .name = name,
        .image = engine.image,
        .command = words,
        .user = "65534:65534",
        .labels = &label,
        .label_count = 1,
        .tmpfs = &tmpfs,
        .tmpfs_count = 1,
        .read_only_root = true,
    };
    if (limits)
        container.limits = *limits;
    docker_container_create(engine.bench.docker, &container, on_id, created);
    assert_success(created);
}

static void start(const char *id)
{
    OUTCOME(started);
    docker_container_start(engine.bench.docker, id, on_done, &started);
    assert_success(&started);
}

static void remove_container(const char *id)
{
    OUTCOME(removed);
    docker_container_remove(engine.bench.docker, id, true, on_done, &removed);
    assert_success(&removed);
}

#define PROGRAM(...) ((const char *const[]){"/program", __VA_ARGS__, NULL})

static void a_container_runs_to_its_end(void **state)
{
    (void)state;
    NEED_ENGINE();
    OUTCOME(created);
    OUTCOME(waited);
    OUTCOME(again);
    OUTCOME(logs);
    make(&created, NULL, PROGRAM("say", "to out", "to err", "7"), NULL);
    start(created.id);
    docker_container_wait(engine.bench.docker, created.id, on_wait, &waited);
    assert_success(&waited);
    assert_int_equal(waited.code, 7);

    docker_container_stop(engine.bench.docker, created.id, 1, on_done, &again); /* 304 */
    assert_success(&again);
    docker_container_logs(engine.bench.docker, created.id, &(struct docker_logs){.tail = -1}, on_line,
                          on_done, &logs);
    assert_success(&logs);
    assert_non_null(strstr(strbuf_text(&logs.text), "o:to out\n"));
    assert_non_null(strstr(strbuf_text(&logs.text), "e:to err\n"));
    remove_container(created.id);
}

struct seen_state {
    struct outcome outcome;
    bool running, oom_killed;
    int exit_code;
    char name[64], label[64];
};

static void on_state(void *owner, const struct error *err, const struct docker_state *state)
{
    struct seen_state *seen = owner;
    if (state) {
        const char *label = docker_label(state->labels, "berth.test");
        seen->running = state->running;
        seen->oom_killed = state->oom_killed;
        seen->exit_code = state->exit_code;
        snprintf(seen->name, sizeof(seen->name), "%s", state->name);
        snprintf(seen->label, sizeof(seen->label), "%s", label ? label : "");
    }
    note_end(&seen->outcome, err);
}

static struct seen_state inspect(const char *id)
{
    struct seen_state seen = {.running = false};
    outcome_init(&seen.outcome, &engine.bench);
    docker_container_inspect(engine.bench.docker, id, on_state, &seen);
    assert_success(&seen.outcome);
    return seen;
}

/* Collects log lines and ends the wait at every one. */
static void on_live_line(void *owner, const struct docker_line *line)
{
    struct outcome *outcome = owner;
    on_line(owner, line);
    event_base_loopbreak(outcome->bench->base);
}

static void await_text(struct outcome *outcome, const char *text)
{
    for (unsigned tries = 0; tries < BENCH_GUARD_S * 10; tries++) {
        if (strstr(strbuf_text(&outcome->text), text))
            return;
        bench_run(outcome->bench, 100);
    }
    fail_msg("waited for \"%s\", saw: %s", text, strbuf_text(&outcome->text));
}

static void a_running_container_is_renamed_limited_listed_and_stopped(void **state)
{
    (void)state;
    NEED_ENGINE();
    OUTCOME(created);
    OUTCOME(renamed);
    OUTCOME(updated);
    OUTCOME(listed);
    OUTCOME(taken);
    OUTCOME(stopped);
    OUTCOME(logs);
    char *before = xasprintf("berth-test-before-%s", engine.run);
    char *after = xasprintf("berth-test-after-%s", engine.run);
    char *line = xasprintf("%s running\n", after);
    make(&created, before, PROGRAM("serve"), &(struct docker_limits){64 << 20, 0.5, 16});
    start(created.id);
    start(created.id); /* 304 */
    docker_container_rename(engine.bench.docker, created.id, after, on_done, &renamed);
    assert_success(&renamed);
    docker_container_update(engine.bench.docker, created.id, &(struct docker_limits){96 << 20, 1, 32},
                            on_done, &updated);
    assert_success(&updated);
    docker_container_list(engine.bench.docker, (const char *const[]){engine.label, NULL}, on_list, &listed);
    assert_success(&listed);
    assert_string_equal(strbuf_text(&listed.text), line);
    docker_container_create(
        engine.bench.docker,
        &(struct docker_container){.name = after, .image = engine.image, .command = PROGRAM("serve")}, on_id,
        &taken);
    assert_failure(&taken, "conflict");

    struct seen_state running = inspect(after);
    assert_true(running.running);
    assert_string_equal(running.name, after);
    assert_string_equal(running.label, engine.run);
    docker_container_logs(engine.bench.docker, created.id, &(struct docker_logs){.follow = true, .tail = -1},
                          on_live_line, on_done, &logs);
    await_text(&logs, "o:ready\n"); /* before that it does not listen to SIGTERM */
    docker_container_stop(engine.bench.docker, created.id, 5, on_done, &stopped);
    assert_success(&stopped);
    assert_success(&logs);
    struct seen_state gone = inspect(created.id);
    assert_false(gone.running);
    assert_int_equal(gone.exit_code, 0);
    remove_container(created.id);
    free(before);
    free(after);
    free(line);
}

static void a_log_is_followed_to_the_end(void **state)
{
    (void)state;
    NEED_ENGINE();
    OUTCOME(created);
    OUTCOME(logs);
    OUTCOME(tail);
    make(&created, NULL, PROGRAM("serve"), NULL);
    start(created.id);
    docker_container_logs(engine.bench.docker, created.id, &(struct docker_logs){.follow = true, .tail = -1},
                          on_live_line, on_done, &logs);
    await_text(&logs, "o:ready\n");
    assert_int_equal(logs.ends, 0);
    remove_container(created.id);
    assert_success(&logs);

    OUTCOME(many);
    OUTCOME(waited);
    make(&many, NULL, PROGRAM("lines", "5000"), NULL);
    start(many.id);
    docker_container_wait(engine.bench.docker, many.id, on_wait, &waited);
    assert_success(&waited);
    docker_container_logs(engine.bench.docker, many.id, &(struct docker_logs){.tail = 2}, on_line, on_done,
                          &tail);
    assert_success(&tail);
    assert_string_equal(strbuf_text(&tail.text), "o:line 4999\no:line 5000\n");
    remove_container(many.id);
}

static void on_live_event(void *owner, const struct docker_event *event)
{
    struct outcome *outcome = owner;
    on_event(owner, event);
    event_base_loopbreak(outcome->bench->base);
}

static void on_opened(void *owner)
{
    struct outcome *outcome = owner;
    strbuf_append_text(&outcome->text, "opened\n");
    event_base_loopbreak(outcome->bench->base);
}

static const struct docker_events_callbacks live_events = {on_opened, on_live_event, on_done};

static void memory_kills_are_seen(void **state)
{
    (void)state;
    NEED_ENGINE();
    OUTCOME(events);
    OUTCOME(created);
    OUTCOME(waited);
    char *name = xasprintf("berth-test-eat-%s", engine.run), *line = xasprintf("die %s 137\n", name);
    struct docker_call *stream = docker_events_follow(
        engine.bench.docker, (const char *const[]){engine.label, NULL}, 0, &live_events, &events);
    await_text(&events, "opened\n");
    make(&created, name, PROGRAM("eat"), &(struct docker_limits){.memory_bytes = 16 << 20});
    start(created.id);
    docker_container_wait(engine.bench.docker, created.id, on_wait, &waited);
    assert_success(&waited);
    assert_int_equal(waited.code, 137);
    await_text(&events, line);
    for (unsigned tries = 0; !inspect(created.id).oom_killed && tries < BENCH_GUARD_S * 10; tries++)
        bench_run(&engine.bench, 100); /* an event of its own tells the engine, and may come later */
    assert_true(inspect(created.id).oom_killed);
    remove_container(created.id);
    await_text(&events, "destroy ");
    docker_cancel(stream);
    assert_int_equal(events.ends, 0);
    free(name);
    free(line);
}

static void cancelling_in_mid_call_is_silent(void **state)
{
    (void)state;
    NEED_ENGINE();
    OUTCOME(created);
    OUTCOME(waited);
    OUTCOME(stopped);
    make(&created, NULL, PROGRAM("serve"), NULL);
    start(created.id);
    struct docker_call *wait = docker_container_wait(engine.bench.docker, created.id, on_wait, &waited);
    bench_run(&engine.bench, 50);
    docker_cancel(wait);
    docker_container_stop(engine.bench.docker, created.id, 5, on_done, &stopped);
    assert_success(&stopped);
    assert_int_equal(waited.ends, 0);
    remove_container(created.id);
}

static void a_network_is_made_once(void **state)
{
    (void)state;
    NEED_ENGINE();
    OUTCOME(made);
    OUTCOME(found);
    cleanup_free char *name = xasprintf("berth-test-%s", engine.run);
    struct docker_pair label = {"berth.test", engine.run};
    struct docker_network network = {.name = name, .labels = &label, .label_count = 1};
    docker_network_ensure(engine.bench.docker, &network, on_id, &made);
    assert_success(&made);
    docker_network_ensure(engine.bench.docker, &network, on_id, &found);
    assert_success(&found);
    assert_string_equal(made.id, found.id);
}

struct seen_image {
    struct outcome outcome;
    char label[64];
};

static void on_image(void *owner, const struct error *err, const struct docker_image *image)
{
    struct seen_image *seen = owner;
    snprintf(seen->outcome.id, sizeof(seen->outcome.id), "%s", image ? image->id : "");
    const char *label = image ? docker_label(image->labels, "berth.test") : NULL;
    snprintf(seen->label, sizeof(seen->label), "%s", label ? label : "");
    note_end(&seen->outcome, err);
}

static void images_are_built_listed_and_removed(void **state)
{
    (void)state;
    NEED_ENGINE();
    OUTCOME(built);
    OUTCOME(listed);
    OUTCOME(removed);
    cleanup_free char *tag = xasprintf("berth-test-docker:built-%s", engine.run);
    build_image(&built,
                "ARG BERTH_BASE\nFROM ${BERTH_BASE}\nCOPY extra /extra\n"
                "RUN [\"/program\", \"say\", \"from the build\", \"\", \"0\"]\n",
                tag);
    assert_success(&built);
    assert_non_null(strstr(strbuf_text(&built.text), "from the build\n"));

    struct seen_image seen = {.label = ""};
    outcome_init(&seen.outcome, &engine.bench);
    docker_image_inspect(engine.bench.docker, tag, on_image, &seen);
    assert_success(&seen.outcome);
    assert_string_equal(seen.outcome.id, built.id);
    assert_string_equal(seen.label, engine.run);
    docker_image_list(engine.bench.docker, (const char *const[]){engine.label, NULL}, on_images, &listed);
    assert_success(&listed);
    assert_non_null(strstr(strbuf_text(&listed.text), built.id));
    docker_image_remove(engine.bench.docker, tag, false, on_done, &removed);
    assert_success(&removed);

    struct seen_image gone = {.label = ""};
    outcome_init(&gone.outcome, &engine.bench);
    docker_image_inspect(engine.bench.docker, tag, on_image, &gone);
    assert_failure(&gone.outcome, "not-found");
}

static void a_failing_build_names_the_step(void **state)
{
    (void)state;
    NEED_ENGINE();
    OUTCOME(failed);
    OUTCOME(broken);
    build_image(&failed,
                "ARG BERTH_BASE\nFROM ${BERTH_BASE}\nRUN [\"/program\", \"say\", \"\", \"no luck\", \"3\"]\n",
                "berth-test-docker:never");
    assert_failure(&failed, "build-failed");
    assert_non_null(strstr(failed.err.message, ": RUN [\"/program\""));
    assert_non_null(strstr(failed.err.message, "non-zero code: 3"));
    assert_non_null(strstr(strbuf_text(&failed.text), "no luck\n"));
    build_image(&broken, "NONSENSE\n", "berth-test-docker:never");
    await_end(&broken);
    assert_true(broken.failed);
    assert_non_null(strstr(broken.err.message, "NONSENSE"));
}

#define STREAMED_BYTES (8 << 20)

/* More than any socket buffers, so that sending waits for the engine; then one byte too many. */
static void big_contexts_are_streamed_up_to_the_limit(void **state)
{
    (void)state;
    NEED_ENGINE();
    OUTCOME(built);
    OUTCOME(refused);
    char *folder = xasprintf("%s/context", engine.folder), *big = xasprintf("%s/context/big", engine.folder);
    put_text(folder, "big", "");
    assert_int_equal(truncate(big, STREAMED_BYTES), 0);
    build_image(&built, "ARG BERTH_BASE\nFROM ${BERTH_BASE}\n", "berth-test-docker:big");
    assert_success(&built);
    assert_int_equal(truncate(big, DOCKER_BUILD_CONTEXT_MAX + 1), 0);
    build_image(&refused, "ARG BERTH_BASE\nFROM ${BERTH_BASE}\n", "berth-test-docker:big");
    assert_failure(&refused, "build-context");
    assert_int_equal(unlink(big), 0);
    free(folder);
    free(big);
}

static void what_does_not_exist_is_not_found(void **state)
{
    (void)state;
    NEED_ENGINE();
    OUTCOME(started);
    OUTCOME(created);
    OUTCOME(logs);
    OUTCOME(mounted);
    docker_container_start(engine.bench.docker, "berth-test-absent", on_done, &started);
    assert_failure(&started, "not-found");
    docker_container_create(engine.bench.docker,
                            &(struct docker_container){.image = "berth-test-docker:absent"}, on_id, &created);
    assert_failure(&created, "image-missing");
    docker_container_logs(engine.bench.docker, "berth-test-absent", &(struct docker_logs){.tail = -1},
                          on_line, on_done, &logs);
    assert_failure(&logs, "not-found");
    struct docker_bind bind = {"/nowhere/at/all", "/x", true};
    docker_container_create(
        engine.bench.docker,
        &(struct docker_container){.image = engine.image, .binds = &bind, .bind_count = 1}, on_id, &mounted);
    assert_failure(&mounted, "docker-request");
}

#define ROUNDS 200

/* The quickest round: on a busy machine the others wait for a processor. */
static uint64_t least(const uint64_t times[ROUNDS])
{
    uint64_t found = times[0];
    for (size_t i = 1; i < ROUNDS; i++)
        found = times[i] < found ? times[i] : found;
    return found;
}

/* The same request by hand, over one kept connection. */
static uint64_t raw_ping_ns(void)
{
    static const char request[] = "GET /v1.41/_ping HTTP/1.1\r\nHost: docker\r\n\r\n";
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = DOCKER_SOCKET};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    uint64_t times[ROUNDS];
    char buffer[4096];
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    for (size_t i = 0; i < ROUNDS; i++) {
        uint64_t begin = clock_ns();
        assert_int_equal(write(fd, request, sizeof(request) - 1), sizeof(request) - 1);
        assert_true(read(fd, buffer, sizeof(buffer)) > 0);
        times[i] = clock_ns() - begin;
    }
    close(fd);
    return least(times);
}

static void a_call_costs_little_more_than_the_socket(void **state)
{
    (void)state;
    NEED_ENGINE();
    uint64_t times[ROUNDS];
    for (size_t i = 0; i < ROUNDS; i++) {
        OUTCOME(ping);
        uint64_t begin = clock_ns();
        docker_ping(engine.bench.docker, on_done, &ping);
        while (ping.ends == 0)
            event_base_loop(engine.bench.base, EVLOOP_ONCE);
        times[i] = clock_ns() - begin;
        assert_false(ping.failed);
    }
    uint64_t client = least(times), raw = raw_ping_ns();
    print_message("a call takes %u us at the least, the bare socket %u us\n", (unsigned)(client / 1000),
                  (unsigned)(raw / 1000));
    assert_true(client < raw + 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_container_runs_to_its_end, end_calls),
        cmocka_unit_test_teardown(a_running_container_is_renamed_limited_listed_and_stopped, end_calls),
        cmocka_unit_test_teardown(a_log_is_followed_to_the_end, end_calls),
        cmocka_unit_test_teardown(memory_kills_are_seen, end_calls),
        cmocka_unit_test_teardown(cancelling_in_mid_call_is_silent, end_calls),
        cmocka_unit_test_teardown(a_network_is_made_once, end_calls),
        cmocka_unit_test_teardown(images_are_built_listed_and_removed, end_calls),
        cmocka_unit_test_teardown(a_failing_build_names_the_step, end_calls),
        cmocka_unit_test_teardown(big_contexts_are_streamed_up_to_the_limit, end_calls),
        cmocka_unit_test_teardown(what_does_not_exist_is_not_found, end_calls),
        cmocka_unit_test_teardown(a_call_costs_little_more_than_the_socket, end_calls),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
