/*
 * How a worker takes on clients, and what it does when it cannot: the clients that have idled longest, on
 * whichever worker they are, make room for those that wait. Only when every client has a request under way do
 * new ones stay in the backlog.
 */
#ifndef GATEWAY_ACCEPT_H
#define GATEWAY_ACCEPT_H

#include "base/mailbox.h"
#include "gateway/idle_list.h"
#include "gateway/timer_wheel.h"

#include <event2/util.h>
#include <stdbool.h>

struct worker;

/* What a worker keeps for it. */
struct acceptor {
    struct timer again; /* after a pause for want of connections or descriptors */
    bool failing; /* for want of descriptors or memory; logged when it begins and when it ends */
    bool asking; /* another worker is asked to close a client */
    enum idle_kind kind; /* of the client it is to close */
    struct mail ask;
    struct worker *asked_by; /* the owner, where `ask` is */
    uint64_t evictions_told_ms, refusals_told_ms; /* when that was last logged; 0: never */
};

/* With the worker, before it runs. */
void accept_init(struct worker *worker);

/* Takes the clients that wait, a bounded number of them. A callback of the event loop. */
void accept_ready(evutil_socket_t fd, short what, void *worker);

/* The worker has one more that was let in elsewhere. */
void accept_client_come(struct worker *worker);

/* A client of the worker has gone: there is room for one more, and it accepts again when that was what it
 * waited for. */
void accept_client_gone(struct worker *worker);

/* The worker takes no more clients. */
void accept_stop(struct worker *worker);

#endif
