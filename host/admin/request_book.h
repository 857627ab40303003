/*
 * The requests that have ended: their records are taken from the gateway while it runs, one after the other;
 * each is counted by its function, the log says of it what there is to say, and it is kept. Control thread,
 * but for request_book_wake().
 */
#ifndef ADMIN_REQUEST_BOOK_H
#define ADMIN_REQUEST_BOOK_H

#include "admin/request_counts.h"
#include "base/error.h"

struct event_base;
struct fleet;
struct gateway;
struct request_history;
struct request_book;

int request_book_create(struct event_base *base, struct request_book **ret_book, struct error *err);

/* There are records: for gateway_hooks.records. Any thread. */
void request_book_wake(struct request_book *book);

/* Begins to take the records of the gateway, whose hook wakes the book, and to keep them in `history`, which
 * may be NULL. Functions that the fleet does not have any more are forgotten. All of them outlive the book's
 * being open. */
void request_book_open(struct request_book *book, struct gateway *gateway, const struct fleet *fleet,
                       struct request_history *history);

/* Takes the requests that were under way in daemons that were killed, as the files in `folder` tell: the log
 * says so, and they are kept. While open. */
void request_book_take_lost(struct request_book *book, const char *folder);

/* The requests that have ended so far, by function. Valid until the event loop goes on. */
struct request_counts *request_book_counts(struct request_book *book);

/* Those that are kept, so far; NULL: none are. */
const struct request_history *request_book_history(struct request_book *book);

/* Has each record shown to one follower, once it is counted; NULL: to nobody. */
void request_book_follow(struct request_book *book,
                         void (*ended)(const struct request_record *record, void *context), void *context);

/* Another daemon keeps them from now on: `keep` is given the form of each, as request_note_write() makes it.
 */
void request_book_hand_on(struct request_book *book,
                          void (*keep)(const void *form, size_t size, void *context), void *context);

/* Stops the gateway's threads and takes the records that are left. Does nothing unless open. */
void request_book_close(struct request_book *book);

/* After the gateway's end. NULL is fine. */
void request_book_destroy(struct request_book *book);

#endif
