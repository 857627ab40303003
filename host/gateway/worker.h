/*
 * A worker: one thread with its event loop, its listener, its clients and their exchanges. Everything here
 * belongs to that thread, without locks, except the inbox and the counters. Private to the gateway.
 */
#ifndef GATEWAY_WORKER_H
#define GATEWAY_WORKER_H

#include "base/mailbox.h"
#include "gateway/accept.h"
#include "gateway/address_counts.h"
#include "gateway/backlog.h"
#include "gateway/buffer.h"
#include "gateway/gateway.h"
#include "gateway/outbox.h"
#include "gateway/timer_wheel.h"
#include "http/head.h"
#include "http/write.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct client;
struct exchange;
struct slot_watch;

/* What the worker counts; read by others at any time. Only the worker writes, so no read-modify-write. */
struct worker_counters {
    _Atomic uint64_t connections_accepted, connections_evicted, connections_refused;
    _Atomic uint64_t requests, requests_active;
    _Atomic uint64_t responses[6];
    _Atomic uint64_t bytes_in, bytes_out;
    _Atomic uint64_t retries, cold_waits;
    _Atomic uint64_t buffered_bytes, slow_cut;
};

static inline void counter_add(_Atomic uint64_t *counter, uint64_t amount)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + amount,
                          memory_order_relaxed);
}

/* What all workers share: settings, callbacks, counts, and each other. */
struct worker_shared {
    const struct host_settings *settings;
    struct route_table *table;
    struct gateway_hooks hooks;
    struct worker *workers; /* all of them */
    unsigned worker_count;
    struct address_counts addresses; /* of clients, while their number is limited */
    _Atomic unsigned connections;    /* clients of all workers */
    _Atomic unsigned draining;       /* workers that have not finished a drain */
};

enum worker_phase { WORKER_SERVING, WORKER_DRAINING, WORKER_DRAINED, WORKER_STOPPED };

struct worker {
    struct worker_shared *shared;
    int index;
    pthread_t thread;
    bool started;
    enum worker_phase phase;

    struct event_base *base;
    int listen_fd;
    struct event listener, inbox_event, tick;
    struct acceptor acceptor;
    struct mailbox inbox;
    struct mail drain_mail, stop_mail;

    struct timer_wheel wheel;
    uint64_t tick_at_ms; /* when the tick event fires; TIMER_NEVER: not armed */
    uint64_t now_ns;     /* of this turn of the loop; 0: not read yet */

    struct route_snapshot *routes;
    struct buffer_pool parts;  /* parts of request heads, while the rest is waited for */
    struct buffer_pool heads;  /* request heads and small bodies */
    struct buffer_pool bodies; /* response heads and streams */
    struct backlogs backlogs;  /* what is kept for slow clients */
    struct outbox outbox;      /* where heads are written, and what waits for the end of the turn */
    struct http_limits request_limits, response_limits;
    unsigned request_headers; /* header lines at most */

    struct client *clients; /* all of them */
    unsigned client_count;
    struct idle_list idle;
    struct client *ready, **last_ready; /* have something to do in the next turn */
    unsigned ready_count;
    struct freelist spare_clients, spare_exchanges;
    struct timer trim;          /* when what nobody needs any more goes back to the system */
    size_t freed_bytes;         /* of blocks that are not kept for reuse, since the last trim */
    struct slot_watch *watches; /* all of them */

    char date[HTTP_DATE_LENGTH];
    time_t date_second;
    uint64_t random_state;
    struct worker_counters counters;
};

/* Makes the loop, the inbox and the pools. Control thread, before the start. `listen_fd` becomes the
 * worker's. worker_clear takes what is half made. */
int worker_init(struct worker *worker, struct worker_shared *shared, int index, int listen_fd,
                struct error *err);
int worker_start(struct worker *worker, struct error *err);

/* Any thread: the worker closes its listener and its idle clients, and finishes the rest. Once. */
void worker_drain(struct worker *worker);

/* Control thread: ends the thread and waits for it. */
void worker_stop(struct worker *worker);

/* Ends all clients and their exchanges. Control thread, after every worker has stopped. What that sends to
 * the inboxes must be delivered before worker_clear. */
void worker_close_clients(struct worker *worker);

/* Frees everything that is left. Control thread. */
void worker_clear(struct worker *worker);

/* --- for the worker's own files --- */

/* The time of this turn of the loop: one clock reading however often it is asked. */
uint64_t worker_now_ns(struct worker *worker);

static inline uint64_t worker_now_ms(struct worker *worker)
{
    return worker_now_ns(worker) / 1000000;
}

/* Sets a deadline and sees to it that the loop wakes up for it. */
void worker_set_timer(struct worker *worker, struct timer *timer, uint64_t due_ms);

/* The Date header's value, HTTP_DATE_LENGTH bytes. */
const char *worker_date(struct worker *worker);

/* An empty buffer of that capacity, of the pool that has such, else of none; NULL: memory is out. */
struct buffer *worker_take(struct worker *worker, uint32_t capacity);

/* Gives a buffer back to the pool it came from, or frees one of no pool, and sets *held to NULL. */
void worker_give(struct worker *worker, struct buffer **held);

/* A block of so many bytes that no list keeps has been freed: has it go back to the system in time. */
void worker_freed(struct worker *worker, size_t bytes);

/* A number that is different each time. */
uint64_t worker_random(struct worker *worker);

/* A client is gone: accepts again when that was what it waited for, ends a drain with the last one. */
void worker_client_gone(struct worker *worker);

/* Wants the client to be looked at in the next turn of the loop; does not want it any more. */
void worker_postpone(struct worker *worker, struct client *client);
void worker_unpostpone(struct worker *worker, struct client *client);

#endif
