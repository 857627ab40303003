/*
 * A worker: one thread with its loop, its listener, its clients and their exchanges. Everything here belongs
 * to that thread, without locks, except the inbox and the counters. Private to the gateway.
 */
#ifndef GATEWAY_WORKER_H
#define GATEWAY_WORKER_H

#include "base/mailbox.h"
#include "gateway/accept.h"
#include "gateway/address_counts.h"
#include "gateway/client.h"
#include "gateway/desk.h"
#include "gateway/exchange.h"
#include "gateway/gateway.h"
#include "gateway/loop.h"

#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* What all workers share: settings, callbacks, counts, and each other. */
struct worker_shared {
    const struct host_settings *settings;
    struct route_table *table;
    struct gateway_hooks hooks;
    struct desk desk;
    struct worker *workers; /* all of them */
    unsigned worker_count;
    struct address_counts addresses; /* of clients, while their number is limited */
    _Atomic unsigned connections; /* clients of all workers */
    unsigned next_worker; /* control thread: whose turn it is to be given a door or a connection */
    _Atomic unsigned holding; /* workers that do not hold yet */
    _Atomic unsigned draining; /* workers that have not finished a drain */
};

struct worker {
    struct worker_shared *shared;
    pthread_t thread;
    bool started;
    struct loop loop;
    int listen_fd;
    struct event listener;
    struct acceptor acceptor;
    struct clients clients;
    struct exchanges exchanges;
    TAILQ_HEAD(, door) doors;
    struct entrance management[2]; /* by is_checked */
    struct mail drain_mail, hold_mail, pass_mail, stop_mail;
};

/* Makes the loop and what stands on it. Control thread, before the start. `listen_fd` becomes the worker's.
 * worker_clear takes what is half made. */
int worker_init(struct worker *worker, struct worker_shared *shared, int index, int listen_fd,
                struct error *err);
int worker_start(struct worker *worker, struct error *err);

/* Any thread: the worker closes its listener and its idle clients, and finishes the rest. Once. */
void worker_drain(struct worker *worker);

/* Worker's thread: while it drains or passes on, a client has gone or none may be left. */
void worker_note_drained(struct worker *worker);

/* Control thread: ends the thread and waits for it. */
void worker_stop(struct worker *worker);

/* Ends some clients and their exchanges; false: none are left. Control thread, after every worker has
 * stopped. What that sends to the inboxes must be delivered before worker_clear. */
bool worker_close_clients(struct worker *worker, unsigned most);

/* Frees everything that is left. Control thread. */
void worker_clear(struct worker *worker);

#endif
