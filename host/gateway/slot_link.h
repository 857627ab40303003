/*
 * How a worker watches the connection of a slot. The fd is registered in the event loop of one worker, once,
 * edge-triggered, and stays there while the slot idles, so that the end of an idle connection is seen. When
 * another worker takes the slot over it makes a watch of its own and sends the old one mail to end; the old
 * watch keeps its reference to the slot until then, so the descriptor's number cannot be reused under it.
 */
#ifndef GATEWAY_SLOT_LINK_H
#define GATEWAY_SLOT_LINK_H

#include "base/mailbox.h"
#include "routing/slot_pool.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>

struct worker;
struct exchange;

struct slot_watch {
    struct event read, write;
    struct slot *slot; /* a reference */
    struct worker *worker;
    struct exchange *exchange; /* whose request is on the slot; NULL: idle, or somebody else's */
    struct mail end_mail;
    struct slot_watch *next, *previous; /* all of the worker */
    bool readable;                      /* there may be bytes to receive */
    bool closed;                        /* the runner has closed, or the connection broke */
    bool wants_write;                   /* the write event is armed */
};

/* The watch of this worker on a slot that it has just been given, made now when there is none. The slot is
 * busy and the caller's. NULL: out of memory or descriptors. */
struct slot_watch *slot_link_attach(struct worker *worker, struct slot *slot);

/* Ends the watch at once, so that the pool closes the connection when the slot is released as broken. */
void slot_link_detach(struct slot_watch *watch);

/* For a connection on which nothing has been asked: true when nothing has come. Otherwise the runner has
 * closed it, or speaks out of turn. */
bool slot_link_is_quiet(const struct slot_watch *watch);

/* Calls exchange_slot_writable() once when there is room to write again. */
void slot_link_want_write(struct slot_watch *watch);

#endif
