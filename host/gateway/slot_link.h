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
#include <sys/queue.h>

struct loop;

/* What the user of a slot wants to know of its connection. */
struct slot_handler {
    void (*on_readable)(void *user); /* there are bytes, or it has ended */
    void (*on_writable)(void *user); /* once after each slot_link_want_write() */
};

/* The watches of one worker. */
struct slot_links {
    struct loop *loop;
    LIST_HEAD(, slot_watch) watches;
};

struct slot_watch {
    struct event read, write;
    struct slot *slot; /* a reference */
    struct slot_links *links;
    const struct slot_handler *handler; /* of whose request is on the slot; NULL: idle, or somebody else's */
    void *user;
    struct mail end_mail;
    LIST_ENTRY(slot_watch) link; /* all of the worker */
    bool readable; /* there may be bytes to receive */
    bool closed; /* the runner has closed, or the connection broke */
    bool wants_write; /* the write event is armed */
};

/* The watch of this worker on a slot that it has just been given, made now when there is none. The slot is
 * busy and the caller's. NULL: out of memory or descriptors. */
struct slot_watch *slot_link_attach(struct slot_links *links, struct slot *slot);

/* From here on the handler, NULL for none, is told of the connection. */
static inline void slot_link_set_user(struct slot_watch *watch, const struct slot_handler *handler,
                                      void *user)
{
    watch->handler = handler;
    watch->user = user;
}

/* Ends the watch at once, so that the pool closes the connection when the slot is released as broken. */
void slot_link_detach(struct slot_watch *watch);

/* For a connection on which nothing has been asked: true when nothing has come. Otherwise the runner has
 * closed it, or speaks out of turn. */
bool slot_link_is_quiet(const struct slot_watch *watch);

/* Has handler->on_writable called once when there is room to write again. */
void slot_link_want_write(struct slot_watch *watch);

/* Ends all watches. */
void slot_links_clear(struct slot_links *links);

#endif
