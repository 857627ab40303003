/*
 * What has changed lately: the log's events of level info and above, whatever the log writes, the newest few
 * hundred, numbered. Any thread may log one; all else is for the control thread.
 */
#ifndef ADMIN_EVENT_BOOK_H
#define ADMIN_EVENT_BOOK_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct event_base;
struct event_book;

#define EVENT_BOOK_MAX       512 /* events kept */
#define EVENT_BOOK_BYTES_MAX (1u << 20) /* of their JSON, unless a single one is longer */

/* One that is kept. Borrowed until the event loop goes on. */
struct kept_event {
    uint64_t id; /* grows by one each; a gap: events in numbers that nobody could take. Those of a later
                    daemon are larger, too */
    char *name;
    char *function; /* which it is about; NULL: none */
    char *json; /* one object, in one line, as in a log of JSON */
};

/* Is the log's observer from here on: there may be no other threads yet. */
int event_book_create(struct event_base *base, struct event_book **ret_book, struct error *err);

/* Has one follower told when there are new ones; NULL: nobody. */
void event_book_follow(struct event_book *book, void (*told)(void *context), void *context);

/* Takes what other threads have logged so far, which the event loop does by itself otherwise. */
void event_book_take(struct event_book *book);

/* The id of the newest event, and the one before that of the first of all. */
uint64_t event_book_last_id(const struct event_book *book);
uint64_t event_book_first_id(const struct event_book *book);

/* The oldest one kept that is newer than `id`; NULL: there is none. */
const struct kept_event *event_book_after(const struct event_book *book, uint64_t id);

/* Ends the observing: once there are no other threads that log. NULL is fine. */
void event_book_destroy(struct event_book *book);

#endif
