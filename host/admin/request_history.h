/*
 * The requests of the past, which outlive the daemon: the newest in one file and, for longer, those that
 * failed or were slow in a smaller one. Control thread.
 */
#ifndef ADMIN_REQUEST_HISTORY_H
#define ADMIN_REQUEST_HISTORY_H

#include "admin/request_note.h"
#include "base/error.h"
#include "config/registry.h"

struct request_history;

/* Opens the files below `state_dir`, or makes them. `host`, which outlives it, says how large they are: of
 * size 0 there are none, and nothing is kept. */
int request_history_open(const char *state_dir, const struct host_settings *host,
                         struct request_history **ret_history, struct error *err);

/* NULL is fine. */
void request_history_close(struct request_history *history);

/* Of NULL as of one that keeps nothing. */
void request_history_add(struct request_history *history, const struct request_record *record,
                         const struct clock_pair *now);

/* The same of a form, as request_note_write() makes it, of another daemon. What is none is passed over. */
void request_history_add_form(struct request_history *history, const void *form, size_t size);

/* A request on a visit, its texts borrowed. Returns whether to go on. */
typedef bool request_visit_fn(const struct request_note *note, void *context);

enum history_part {
    HISTORY_ALL,
    HISTORY_FAILED_OR_SLOW, /* all of these that are kept, and none else */
};

/* Visits them, newest first, each once. Of NULL as of an empty one, here too. */
void request_history_visit(const struct request_history *history, enum history_part part,
                           request_visit_fn *visit, void *context);

/* Visits those with this id, newest first: clients may give one to several. */
void request_history_find(const struct request_history *history, const char *id, request_visit_fn *visit,
                          void *context);

/* From how many milliseconds on a request is slow. */
unsigned request_history_slow_ms(const struct request_history *history);

#endif
