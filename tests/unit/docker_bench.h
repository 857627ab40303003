/* What the tests of the Docker client share: an event loop that runs until a callback is through, and the
 * outcomes that callbacks leave behind. */
#ifndef TESTS_DOCKER_BENCH_H
#define TESTS_DOCKER_BENCH_H

#include "base/strbuf.h"
#include "docker/container.h"
#include "docker/events.h"
#include "docker/image.h"
#include "docker/network.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BENCH_GUARD_S 60 /* a test that waits longer has failed */

struct bench {
    struct event_base *base;
    struct docker *docker;
};

/* How one call ended. */
struct outcome {
    struct bench *bench;
    unsigned ends; /* times that the last callback came */
    struct error err;
    bool failed;
    char id[80];
    int code;
    struct strbuf text; /* lines, events or names, one a line */
};

static inline void bench_open(struct bench *bench, const char *socket_path)
{
    struct error err;
    bench->base = event_base_new();
    assert_non_null(bench->base);
    assert_int_equal(docker_create(bench->base, socket_path, &bench->docker, &err), 0);
}

static inline void bench_close(struct bench *bench)
{
    docker_destroy(bench->docker);
    event_base_free(bench->base);
}

static inline void outcome_init(struct outcome *outcome, struct bench *bench)
{
    *outcome = (struct outcome){.bench = bench};
    strbuf_init(&outcome->text, 4 << 20);
}

static inline void outcome_clear(struct outcome *outcome)
{
    strbuf_clear(&outcome->text);
}

#define cleanup_outcome __attribute__((cleanup(outcome_clear)))

/* Runs the loop for at most `limit_ms`, until something breaks out of it. */
static inline void bench_run(struct bench *bench, unsigned limit_ms)
{
    struct timeval limit = {.tv_sec = limit_ms / 1000, .tv_usec = limit_ms % 1000 * 1000};
    event_base_loopexit(bench->base, &limit);
    event_base_loop(bench->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

static inline void note_end(struct outcome *outcome, const struct error *err)
{
    outcome->ends++;
    outcome->failed = err != NULL;
    if (err)
        outcome->err = *err;
    event_base_loopbreak(outcome->bench->base);
}

/* Waits for the end of a call. The guard of an earlier wait may end the loop early, so this looks again. */
static inline void await_end(struct outcome *outcome)
{
    for (unsigned tries = 0; outcome->ends == 0 && tries < BENCH_GUARD_S * 10; tries++)
        bench_run(outcome->bench, 100);
    assert_int_equal(outcome->ends, 1);
}

static inline void assert_success(struct outcome *outcome)
{
    await_end(outcome);
    if (outcome->failed)
        fail_msg("%s: %s", error_code_slug(outcome->err.code), outcome->err.message);
}

static inline void assert_failure(struct outcome *outcome, const char *reason)
{
    await_end(outcome);
    assert_true(outcome->failed);
    if (strcmp(error_code_slug(outcome->err.code), reason) != 0)
        fail_msg("expected %s, got %s: %s", reason, error_code_slug(outcome->err.code), outcome->err.message);
}

static inline void on_done(void *owner, const struct error *err)
{
    note_end(owner, err);
}

static inline void on_id(void *owner, const struct error *err, const char *id)
{
    struct outcome *outcome = owner;
    assert_true((err == NULL) == (id != NULL));
    snprintf(outcome->id, sizeof(outcome->id), "%s", id ? id : "");
    note_end(outcome, err);
}

static inline void on_wait(void *owner, const struct error *err, int exit_code)
{
    struct outcome *outcome = owner;
    outcome->code = exit_code;
    note_end(outcome, err);
}

static inline void on_list(void *owner, const struct error *err, const struct docker_listing *entries,
                           size_t count)
{
    struct outcome *outcome = owner;
    for (size_t i = 0; i < count; i++)
        strbuf_append_format(&outcome->text, "%s %s\n", entries[i].name, entries[i].state);
    outcome->code = (int)count;
    note_end(outcome, err);
}

static inline void on_line(void *owner, const struct docker_line *line)
{
    struct outcome *outcome = owner;
    strbuf_append_text(&outcome->text, line->stream == DOCKER_STDOUT ? "o:" : "e:");
    strbuf_append(&outcome->text, line->text, line->length);
    strbuf_append_text(&outcome->text, "\n");
}

static inline void on_event(void *owner, const struct docker_event *event)
{
    struct outcome *outcome = owner;
    strbuf_append_format(&outcome->text, "%s %s %d\n", event->action, event->name, event->exit_code);
}

static inline void on_progress(void *owner, const char *line)
{
    struct outcome *outcome = owner;
    strbuf_append_format(&outcome->text, "%s\n", line);
}

#endif
