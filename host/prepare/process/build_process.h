/*
 * One run of berth-build-job: the child process, its pipes, its time limit and how it ended. Control thread
 * only.
 */
#ifndef PREPARE_PROCESS_BUILD_PROCESS_H
#define PREPARE_PROCESS_BUILD_PROCESS_H

#include "base/error.h"

#include <jansson.h>

struct event_base;
struct build_process;

/* How it ended. `result` is what the child answered, or NULL, and then `err` says what became of it. `lacks`
 * is an array of texts, what this machine cannot do to confine it, or NULL. `output` is what it wrote to
 * standard output and error. All are borrowed. */
struct build_process_end {
    const json_t *result, *lacks;
    const char *output;
    const struct error *err;
};

/* The process is gone, with all that it started, when this is called. */
typedef void build_process_done_fn(void *context, const struct build_process_end *end);

/* Starts `program` (absolute) with `request`, JSON, on its standard input. `done` comes from the event loop.
 */
int build_process_start(struct event_base *base, const char *program, const char *request,
                        unsigned timeout_ms, build_process_done_fn *done, void *context,
                        struct build_process **ret_process, struct error *err);

/* Kills it; `done` still follows. */
void build_process_kill(struct build_process *process);

/* Kills it, waits for its end and calls nothing. NULL is fine. */
void build_process_destroy(struct build_process *process);

#endif
