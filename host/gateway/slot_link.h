/*
 * How a worker watches the connection of a slot. The fd is registered in the event loop of one worker, once,
 * edge-triggered, and stays there while the slot idles, so that the end of an idle connection is seen. When
 * another worker takes the slot over it makes a watch of its own and sends the old one mail to end; the old
 * watch keeps its reference to the slot until then, so the descriptor's number cannot be reused under it.
 *
 * A slot with an address is connected when it is used. Its connection is kept for a moment when the server
 * keeps it; who takes the slot over from another worker goes on with a duplicate of the descriptor, and the
 * old watch closes its own.
 */
#ifndef GATEWAY_SLOT_LINK_H
#define GATEWAY_SLOT_LINK_H

#include "base/mailbox.h"
#include "gateway/timer_wheel.h"
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
    struct timer idle; /* when a connection that is kept has been kept for long enough */
    uint64_t kept_ms; /* since when it is kept; 0: it was not yet */
    int left_fd; /* closed with the watch; -1: none */
    bool readable; /* there may be bytes to receive */
    bool closed; /* the runner has closed, or the connection broke */
    bool broke; /* not by an orderly end: what was under way may be lost */
    bool fresh; /* it was made for the request that is on it */
    bool wants_write; /* the write event is armed */
};

/* The watch of this worker on a slot that it has just been given, made now when there is none. The slot is
 * busy and the caller's. NULL: out of memory or descriptors. */
struct slot_watch *slot_link_attach(struct slot_links *links, struct slot *slot);

/* What a request may be sent over: a server may close a connection just when a request comes, and nobody
 * knows then whether it has acted on it. */
enum slot_connection {
    CONNECTION_ANY, /* it can be sent again */
    CONNECTION_PROVEN, /* it cannot, so not over one that its server may be about to close */
    CONNECTION_NEW
};

/* The watch on a slot that has an address: on the connection that it has, if that will do, else on a new one.
 * Whether that comes about is seen when it is used. NULL: as above. */
struct slot_watch *slot_link_connect(struct slot_links *links, struct slot *slot, enum slot_connection what);

/* Of such a slot: keeps the connection for the next request, or for nobody if that does not come soon, before
 * the slot is released; closes it. `at_once`: by a reset, because the server need not hear of a regular end;
 * so the port is not held. */
void slot_link_keep(struct slot_watch *watch);
void slot_link_disconnect(struct slot *slot, bool at_once);

/* Of such a slot: the connection has ended in order before any of the `size` bytes that were written last had
 * reached the server. */
bool slot_link_was_deaf(const struct slot_watch *watch, uint64_t size);

/* For a slot that comes when nobody wants it any more: what slot_pool_release() is to be told. */
enum slot_fate slot_link_pass_on(struct slot_links *links, struct slot *slot);

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
