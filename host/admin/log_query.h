/*
 * Which lines of what is kept somebody wants, and these as JSON. Reading waits for the disk: for a background
 * thread, not for the control thread.
 */
#ifndef ADMIN_LOG_QUERY_H
#define ADMIN_LOG_QUERY_H

#include "base/strbuf.h"
#include "store/log_reader.h"

#include <jansson.h>
#include <stdbool.h>

/* Texts are owned; those that are NULL ask for nothing. */
struct log_query {
    char *dir; /* log_store_dir() */
    char *function, *instance, *request_id;
    uint64_t since_ns, until_ns; /* 0: no end */
    bool without_events; /* only what functions have written */
    bool with_neighbours; /* of a request: the lines of the instance that have no request's id, too */
    uint64_t tail; /* the last ones; 0: all */

    struct log_reader *reader;
};

void log_query_clear(struct log_query *query);

/* Appends the lines that come next, one JSON object each as the /system contract has it, up to about
 * `max_bytes` of them. What has come meanwhile is among them. */
void log_query_read(struct log_query *query, size_t max_bytes, struct strbuf *out);

/* The next lines, at most so many, as a list of {"time", "stream", "instance", "text"}. The caller owns it.
 */
json_t *log_query_list(struct log_query *query, size_t max_lines);

#endif
