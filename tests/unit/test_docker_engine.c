/* The Docker client's calls about containers, against the real engine. */
#include "docker_real.h"

#include "base/clock.h"

#include <sys/socket.h>
#include <sys/un.h>

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

/* Of one container. An event of its own tells the engine, which may come later than the container's end, and
 * on a busy machine so late that nobody in the engine waits for it. */
static bool memory_kill_is_seen(const char *name)
{
    OUTCOME(created);
    OUTCOME(waited);
    make(&created, name, PROGRAM("eat"), &(struct docker_limits){.memory_bytes = 16 << 20});
    start(created.id);
    docker_container_wait(engine.bench.docker, created.id, on_wait, &waited);
    assert_success(&waited);
    assert_int_equal(waited.code, 137);
    bool seen = false;
    for (unsigned looks = 0; !(seen = inspect(created.id).oom_killed) && looks < 30; looks++)
        bench_run(&engine.bench, 100);
    remove_container(created.id);
    return seen;
}

static void memory_kills_are_seen(void **state)
{
    (void)state;
    NEED_ENGINE();
    OUTCOME(events);
    char *name = xasprintf("berth-test-eat-%s", engine.run), *line = xasprintf("die %s 137\n", name);
    struct docker_call *stream = docker_events_follow(
        engine.bench.docker, (const char *const[]){engine.label, NULL}, 0, &live_events, &events);
    await_text(&events, "opened\n");
    bool seen = false;
    for (unsigned tries = 0; !seen && tries < 5; tries++)
        seen = memory_kill_is_seen(name);
    assert_true(seen);
    await_text(&events, line);
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
        ENGINE_TEST(a_container_runs_to_its_end),
        ENGINE_TEST(a_running_container_is_renamed_limited_listed_and_stopped),
        ENGINE_TEST(a_log_is_followed_to_the_end),
        ENGINE_TEST(memory_kills_are_seen),
        ENGINE_TEST(cancelling_in_mid_call_is_silent),
        ENGINE_TEST(a_network_is_made_once),
        ENGINE_TEST(what_does_not_exist_is_not_found),
        ENGINE_TEST(a_call_costs_little_more_than_the_socket),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
