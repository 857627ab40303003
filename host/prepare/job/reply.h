/*
 * The channel to the daemon: one JSON object a line. The confined process says `{"lacks": [...]}` before
 * there is plugin code, `{"callback": "validate"}` when the plugin's code runs there from now on, and at last
 * `{"result": {...}}`. When it is gone with all that it started, the trusted process says `{"end": {...}}`:
 * nobody else can have the last word.
 */
#ifndef PREPARE_JOB_REPLY_H
#define PREPARE_JOB_REPLY_H

#include <jansson.h>

#define REPLY_FD 3 /* where the parent put it */

struct reply {
    int fd;
};

/* Takes over REPLY_FD and moves it out of the plugin's way and that of programs it runs. -1 when it is not
 * there. */
int reply_init(struct reply *reply);

void reply_progress(const struct reply *reply, const char *callback);

/* What of the confinement this machine cannot do, a text each. */
void reply_lacks(const struct reply *reply, json_t *lacks);

/* Writes the result, which it takes over. */
void reply_result(const struct reply *reply, json_t *result);

/* {"code": N, "memory_bytes": N}, the most that it had resident, or {"signal": N} of the confined process,
 * and
 * {"package": {...}} or {"error": {...}} of what it had written. Takes it over. */
void reply_end(const struct reply *reply, json_t *end);

#endif
