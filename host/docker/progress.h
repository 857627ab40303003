/*
 * Inside of the client: the stream of messages that building or pulling an image answers with, turned into
 * lines of text, the image's id, and the error. For this folder only.
 */
#ifndef DOCKER_PROGRESS_H
#define DOCKER_PROGRESS_H

#include "docker/call.h"
#include "docker/image.h"
#include "docker/json_lines.h"

/* Begins the `state` of calls of a kind that uses the callbacks below. */
struct progress {
    struct docker_call *call;
    enum error_code failure; /* the code of an error within the stream */
    struct json_lines messages;
    struct strbuf text; /* the unfinished line */
    docker_progress_fn *line; /* may be NULL */
    char step[DOCKER_STEP_BYTES]; /* the build step that is under way */
    char id[80];
};

void progress_init(struct progress *progress, struct docker_call *call, enum error_code failure,
                   docker_progress_fn *line);
void progress_clear(struct progress *progress);

/* A good answer is whole: what is left of it is told, too. */
int progress_end(struct progress *progress, struct error *err);

/* receive() of such a kind, and finish() of one that reports the image's id. */
int progress_receive(struct docker_call *call, const char *bytes, size_t size, struct error *err);
void progress_finish(struct docker_call *call, const struct error *err);

#endif
