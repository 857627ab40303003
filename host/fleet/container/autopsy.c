#include "fleet/container/autopsy.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "fleet/engine/init/exit_status.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define END_WAIT_MS 2000 /* for a container that seems to have died to be seen dead */
#define ENDING_WAIT_MS                                                                                       \
    15000 /* and for one whose first process is at its end: it may have much to give back */
#define ENGINE_LIMIT_MS 5000 /* for each thing the engine is asked */

struct autopsy {
    struct engine *engine;
    enum autopsy_case what;
    struct autopsy_subject subject;
    char *container_id, *phase, *trouble; /* the subject's */
    autopsy_done_fn *done;
    void *owner;
    struct engine_call *call;
    uint64_t began_ms;
    struct error engine_error; /* of zeros: it told */
    bool running, oom_killed, signalled;
    int exit_code;
    char *start_error;
};

static void autopsy_free(struct autopsy *autopsy)
{
    free(autopsy->container_id);
    free(autopsy->phase);
    free(autopsy->trouble);
    free(autopsy->start_error);
    free(autopsy);
}

/* The codes of the first process when the command is not there, or is no program. */
static bool cannot_be_run(const struct autopsy *autopsy)
{
    return (autopsy->exit_code == INIT_CANNOT_RUN || autopsy->exit_code == INIT_NOT_FOUND) &&
           strcmp(autopsy->phase, AUTOPSY_STARTING) == 0;
}

/* The signal that ended the container or its runner; 0: none. */
static int signal_of(int exit_code)
{
    if (exit_code == INIT_RUNNER_KILLED)
        return SIGKILL;
    return exit_code > 128 && exit_code <= 128 + SIGRTMAX ? exit_code - 128 : 0;
}

static void describe_exit(const struct autopsy *autopsy, struct error *cause)
{
    bool killed = autopsy->signalled || autopsy->exit_code == 128 + SIGKILL; /* see fault.h */
    enum error_code code = killed ? ERROR_CONTAINER_KILLED : ERROR_CONTAINER_EXITED;
    const char *how = killed ? " from outside" : "";
    int number = signal_of(autopsy->exit_code);
    if (autopsy->oom_killed) {
        error_set(cause, ERROR_OUT_OF_MEMORY,
                  "the container used more than its memory limit of %llu MiB while %s",
                  (unsigned long long)(autopsy->subject.memory_bytes >> 20), autopsy->phase);
        error_hint(cause,
                   "raise `memory` in the function's configuration; what is in /tmp, /dev/shm, the home "
                   "and the working directory counts, too");
    } else if (number > 0) {
        error_set(cause, code, "the container was ended by SIG%s%s while %s",
                  sigabbrev_np(number) ? sigabbrev_np(number) : "?", how, autopsy->phase);
    } else if (cannot_be_run(autopsy)) {
        error_set(cause, code, "the container's command cannot be run (exit code %d)", autopsy->exit_code);
        error_hint(cause, "look at what the plugin launches, and whether the image has it");
    } else {
        error_set(cause, code, "the container %s with code %d while %s",
                  killed ? "was stopped from outside and exited" : "exited", autopsy->exit_code,
                  autopsy->phase);
    }
}

/* What kept the engine from telling: that the container is gone says enough, everything else is its own
 * trouble and no fault of the function. */
static void describe_silence(const struct autopsy *autopsy, struct error *cause)
{
    if (autopsy->engine_error.code != ERROR_NOT_FOUND)
        *cause = autopsy->engine_error;
    else
        error_set(cause, ERROR_CONTAINER_GONE, "the container was gone while %s", autopsy->phase);
}

static void describe_running(const struct autopsy *autopsy, struct error *cause)
{
    if (autopsy->what == AUTOPSY_TIMED_OUT) {
        error_set(cause, ERROR_START_TIMEOUT, "the instance was not ready within %u ms (%s)",
                  autopsy->subject.start_timeout_ms, autopsy->trouble ? autopsy->trouble : autopsy->phase);
        error_hint(cause, "%s",
                   autopsy->subject.advice
                       ? autopsy->subject.advice
                       : "raise the function's `start_timeout` if it needs longer to load");
    } else if (autopsy->what == AUTOPSY_DISCONNECTED) {
        error_set(cause, ERROR_RUNNER_GONE,
                  "the runner closed all its connections while %s, and its container goes on",
                  autopsy->phase);
        error_hint(cause, "does the function close descriptors that are not its own?");
    } else if (autopsy->signalled) {
        error_set(cause, ERROR_CONTAINER_KILLED, "the container was sent a signal while %s", autopsy->phase);
    } else {
        error_set(cause, ERROR_RUNNER_GONE,
                  "the runner closed its connection while %s, and its container goes on", autopsy->phase);
    }
}

static void describe(const struct autopsy *autopsy, struct error *cause)
{
    if (autopsy->engine_error.code != ERROR_NONE)
        describe_silence(autopsy, cause);
    else if (autopsy->start_error && *autopsy->start_error)
        error_set(cause, ERROR_CONTAINER_EXITED, "the container could not start: %s", autopsy->start_error);
    else if (autopsy->running)
        describe_running(autopsy, cause);
    else
        describe_exit(autopsy, cause);
}

/* What the engine could not tell about, the container's own words are not about either. */
static void quote_last_line(const struct autopsy *autopsy, struct error *cause)
{
    if (autopsy->engine_error.code != ERROR_NONE)
        return;
    container_output_drain(autopsy->subject.output);
    const char *last = output_tail_last(container_output_tail(autopsy->subject.output));
    size_t length = strlen(cause->message);
    if (last)
        snprintf(cause->message + length, sizeof(cause->message) - length, "; its last line was: %s", last);
}

static void conclude(struct autopsy *autopsy)
{
    struct error cause;
    describe(autopsy, &cause);
    quote_last_line(autopsy, &cause);
    utf8_repair(cause.message);
    autopsy_done_fn *done = autopsy->done;
    void *owner = autopsy->owner;
    autopsy_free(autopsy);
    done(owner, &cause);
}

static void keep_state(struct autopsy *autopsy, const struct container_state *state)
{
    autopsy->running = state->running;
    autopsy->oom_killed = state->oom_killed || state->exit_code == INIT_OUT_OF_MEMORY;
    autopsy->exit_code = state->exit_code;
    autopsy->start_error = xstrdup(state->error);
}

static void await_end(struct autopsy *autopsy);

/* What it ends with is known when it has ended, whatever that takes. */
static void await_ending(struct autopsy *autopsy)
{
    if (clock_ms() < autopsy->began_ms + ENDING_WAIT_MS) {
        await_end(autopsy);
        return;
    }
    error_set_in(&autopsy->engine_error, COMPONENT_DOCKER, ERROR_DOCKER_TIMEOUT,
                 "the container has been ending for %u s, and Docker does not tell of its end",
                 ENDING_WAIT_MS / 1000);
    conclude(autopsy);
}

static void on_inspected(void *owner, const struct error *err, const struct container_state *state)
{
    struct autopsy *autopsy = owner;
    autopsy->call = NULL;
    if (err) {
        autopsy->engine_error = *err;
        conclude(autopsy);
        return;
    }
    if (state->running && state->is_ending && autopsy->what == AUTOPSY_DIED) {
        await_ending(autopsy);
        return;
    }
    keep_state(autopsy, state);
    conclude(autopsy);
}

static void inspect(struct autopsy *autopsy)
{
    struct engine *engine = autopsy->engine;
    autopsy->call =
        engine->kind->inspect(engine, autopsy->container_id, ENGINE_LIMIT_MS, on_inspected, autopsy);
}

/* A container whose connection has closed may not have ended yet: its end is waited for, for a moment. */
static void on_waited(void *owner, const struct error *err)
{
    (void)err; /* inspecting tells both, and whether it has ended at all */
    inspect(owner);
}

static void await_end(struct autopsy *autopsy)
{
    struct engine *engine = autopsy->engine;
    autopsy->call = engine->kind->await_end(engine, autopsy->container_id, END_WAIT_MS, on_waited, autopsy);
}

struct autopsy *autopsy_start(struct engine *engine, enum autopsy_case what,
                              const struct autopsy_subject *subject, autopsy_done_fn *done, void *owner)
{
    struct autopsy *autopsy = xcalloc(1, sizeof(*autopsy));
    *autopsy = (struct autopsy){
        .engine = engine,
        .what = what,
        .subject = *subject,
        .done = done,
        .owner = owner,
        .began_ms = clock_ms(),
    };
    autopsy->subject.container_id = autopsy->container_id = xstrdup(subject->container_id);
    autopsy->subject.phase = autopsy->phase = xstrdup(subject->phase);
    autopsy->subject.trouble = autopsy->trouble = subject->trouble ? xstrdup(subject->trouble) : NULL;
    if (what == AUTOPSY_DIED)
        await_end(autopsy);
    else
        inspect(autopsy);
    return autopsy;
}

void autopsy_note_signal(struct autopsy *autopsy)
{
    autopsy->signalled = true;
}

void autopsy_cancel(struct autopsy *autopsy)
{
    if (!autopsy)
        return;
    engine_cancel(autopsy->call);
    autopsy_free(autopsy);
}
