/*
 * A stream of JSON objects, one a line, cut anywhere: events, and the progress of builds and pulls. Bytes in,
 * objects out. For this folder only.
 */
#ifndef DOCKER_JSON_LINES_H
#define DOCKER_JSON_LINES_H

#include "base/error.h"
#include "base/strbuf.h"

#include <jansson.h>

#define JSON_LINE_MAX (1u << 20)

/* Takes one object, borrowed. -1 with `err` ends the feed. */
typedef int json_lines_fn(void *owner, const json_t *object, struct error *err);

struct json_lines {
    struct strbuf line; /* the unfinished one */
    json_lines_fn *take;
    void *owner;
};

void json_lines_init(struct json_lines *lines, json_lines_fn *take, void *owner);
void json_lines_clear(struct json_lines *lines);

/* Takes the next bytes and reports the objects that they complete. "docker-answer" for a line that is no
 * object or is longer than JSON_LINE_MAX; else what the callback gave. */
int json_lines_feed(struct json_lines *lines, const char *bytes, size_t size, struct error *err);

/* The stream has ended: a last line without newline is taken too. */
int json_lines_end(struct json_lines *lines, struct error *err);

#endif
