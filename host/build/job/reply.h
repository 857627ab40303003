/*
 * The channel to the parent: one JSON object a line. `{"callback": "validate"}` says where the plugin's code
 * runs from now on, `{"result": {...}}` is the end.
 */
#ifndef BUILD_JOB_REPLY_H
#define BUILD_JOB_REPLY_H

#include <jansson.h>

#define REPLY_FD 3 /* where the parent put it */

struct reply {
    int fd;
};

/* Takes over REPLY_FD and moves it out of the plugin's way and that of programs it runs. -1 when it is not
 * there. */
int reply_init(struct reply *reply);

void reply_progress(const struct reply *reply, const char *callback);

/* Writes the result, which it takes over. */
void reply_result(const struct reply *reply, json_t *result);

#endif
