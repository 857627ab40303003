#include "fleet/autopsy.h"

#include "base/strbuf.h"
#include "docker/container.h"
#include "fleet/output_tail.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define END_WAIT_MS 2000 /* for a container that seems to have died to be seen dead */

struct autopsy {
    const struct fleet_env *env;
    enum autopsy_case what;
    char *container_id;
    char *phase;
    uint64_t memory_bytes;
    autopsy_done_fn *done;
    void *owner;
    struct docker_call *call;
    bool inspected, running, oom_killed;
    int exit_code;
    char *start_error;
    struct output_tail tail;
};

static void autopsy_free(struct autopsy *autopsy)
{
    output_tail_clear(&autopsy->tail);
    free(autopsy->container_id);
    free(autopsy->phase);
    free(autopsy->start_error);
    free(autopsy);
}

static void describe_exit(const struct autopsy *autopsy, struct error *cause)
{
    if (autopsy->oom_killed) {
        error_set(cause, "container", "out-of-memory",
                  "the container used more than its memory limit of %llu MiB while %s",
                  (unsigned long long)(autopsy->memory_bytes >> 20), autopsy->phase);
        error_hint(cause, "raise `memory` in the function's configuration");
    } else if (autopsy->exit_code > 128 && autopsy->exit_code <= 128 + SIGRTMAX) {
        error_set(cause, "container", "container-exited", "the container was ended by SIG%s while %s",
                  sigabbrev_np(autopsy->exit_code - 128) ? sigabbrev_np(autopsy->exit_code - 128) : "?",
                  autopsy->phase);
    } else {
        error_set(cause, "container", "container-exited", "the container exited with code %d while %s",
                  autopsy->exit_code, autopsy->phase);
    }
}

static void describe(const struct autopsy *autopsy, struct error *cause)
{
    if (!autopsy->inspected) {
        error_set(cause, "container", "container-exited", "the container was gone while %s", autopsy->phase);
    } else if (autopsy->start_error && *autopsy->start_error) {
        error_set(cause, "container", "container-exited", "the container could not start: %s",
                  autopsy->start_error);
    } else if (autopsy->running && autopsy->what == AUTOPSY_DIED) {
        error_set(cause, "runner", "runner-gone",
                  "the runner closed its connection while %s, and its container goes on", autopsy->phase);
    } else if (autopsy->running) {
        error_set(cause, "fleet", "start-timeout", "the instance was not ready within %u ms (%s)",
                  autopsy->env->host->start_timeout_ms, autopsy->phase);
        error_hint(cause, "raise `start_timeout` under `host:` if the function needs longer to load");
    } else {
        describe_exit(autopsy, cause);
    }
}

static void conclude(struct autopsy *autopsy)
{
    struct error cause;
    describe(autopsy, &cause);
    const char *last = output_tail_last(&autopsy->tail);
    if (last) {
        size_t length = strlen(cause.message);
        size_t room = sizeof(cause.message) - length;
        const char *lead = "; its last line was: ";
        if (room > strlen(lead) + 1) {
            memcpy(cause.message + length, lead, strlen(lead));
            length += strlen(lead);
            size_t size = strnlen(last, sizeof(cause.message) - length - 1);
            memcpy(cause.message + length, last, size);
            cause.message[length + size] = '\0';
        }
    }
    autopsy->done(autopsy->owner, &cause);
    autopsy_free(autopsy);
}

static void on_line(void *owner, const struct docker_line *line)
{
    struct autopsy *autopsy = owner;
    output_tail_add(&autopsy->tail, line->text, line->length);
}

static void on_logs_read(void *owner, const struct error *err)
{
    (void)err; /* the exit code says enough when there is no output to quote */
    struct autopsy *autopsy = owner;
    autopsy->call = NULL;
    conclude(autopsy);
}

static void on_inspected(void *owner, const struct error *err, const struct docker_state *state)
{
    struct autopsy *autopsy = owner;
    autopsy->call = NULL;
    if (err) {
        conclude(autopsy);
        return;
    }
    autopsy->inspected = true;
    autopsy->running = state->running;
    autopsy->oom_killed = state->oom_killed;
    autopsy->exit_code = state->exit_code;
    autopsy->start_error = xstrdup(state->error);
    struct docker_logs options = {.tail = OUTPUT_TAIL_LINES};
    autopsy->call = docker_container_logs(autopsy->env->docker, autopsy->container_id, &options, on_line,
                                          on_logs_read, autopsy);
}

static void inspect(struct autopsy *autopsy)
{
    autopsy->call =
        docker_container_inspect(autopsy->env->docker, autopsy->container_id, on_inspected, autopsy);
}

/* A container whose connection has closed may not have ended yet: its end is waited for, for a moment. */
static void on_waited(void *owner, const struct error *err, int exit_code)
{
    (void)err, (void)exit_code; /* inspecting tells both, and whether it has ended at all */
    struct autopsy *autopsy = owner;
    inspect(autopsy);
}

struct autopsy *autopsy_start(const struct fleet_env *env, const char *container_id, enum autopsy_case what,
                              const char *phase, uint64_t memory_bytes, autopsy_done_fn *done, void *owner)
{
    struct autopsy *autopsy = xcalloc(1, sizeof(*autopsy));
    *autopsy = (struct autopsy){
        .env = env,
        .what = what,
        .container_id = xstrdup(container_id),
        .phase = xstrdup(phase),
        .memory_bytes = memory_bytes,
        .done = done,
        .owner = owner,
    };
    if (what == AUTOPSY_DIED) {
        autopsy->call = docker_container_wait(env->docker, container_id, on_waited, autopsy);
        docker_call_set_timeout(autopsy->call, END_WAIT_MS);
    } else {
        inspect(autopsy);
    }
    return autopsy;
}

void autopsy_cancel(struct autopsy *autopsy)
{
    if (!autopsy)
        return;
    docker_cancel(autopsy->call);
    autopsy_free(autopsy);
}
