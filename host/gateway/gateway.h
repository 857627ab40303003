/*
 * The gateway: N worker threads that accept clients, route their requests to slots and carry the bytes. Each
 * worker has its own event loop, its own SO_REUSEPORT listener and its own exchanges; workers share only the
 * route table and the slot pools.
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "base/error.h"
#include "config/registry.h"
#include "gateway/counters.h"
#include "gateway/listen.h"
#include "gateway/passed_client.h"
#include "gateway/request_record.h"
#include "routing/door.h"
#include "routing/loss.h"
#include "routing/route_table.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct descriptors;
struct gateway;

/* Called on a worker thread; each must only post mail or the like. */
struct gateway_hooks {
    /* A request on this instance ran into its time limit: the handler may still be busy, so the instance must
     * be retired. */
    void (*instance_timed_out)(void *context, uint64_t instance);
    /* Why a connection to this instance was lost at `lost_ms`; *ret_cause is set once it is known. Asked
     * again and again for some seconds when a runner has gone within a request. NULL: it is never known. */
    enum instance_loss (*loss_cause)(void *context, uint64_t instance, uint64_t lost_ms,
                                     struct error *ret_cause);
    /* Whether a request of the management port, with these headers or NULL, may have been made by a web page
     * that has no business there: -1 then. NULL: none is. */
    int (*check_browser)(const char *host, const char *origin, struct error *err);
    /* There are records, see gateway_await_records(). NULL: nobody takes any. */
    void (*records)(void *context);
    /* After gateway_hold(): no request waits for a slot any more, nor will one. Once. */
    void (*held)(void *context);
    /* After gateway_drain() or gateway_pass(): no client connection and no exchange is left. Once. */
    void (*drained)(void *context);
    /* After gateway_pass(): this client is for the daemon that takes the place of this one. Takes it over. */
    void (*passed)(void *context, struct passed_client *passed);
    void *context;
};

/* Binds the listeners (host->listen, host->workers of them) so that a taken port is an error now, and starts
 * nothing yet. Those that are `given` (NULL: none) are used first, and when they are more than host->workers
 * there are as many workers. `host` and `table` outlive the gateway; `hooks` is copied. Control thread. */
int gateway_create(const struct host_settings *host, struct descriptors *given, struct route_table *table,
                   const struct gateway_hooks *hooks, struct gateway **ret_gateway, struct error *err);

/* Starts the worker threads. */
int gateway_start(struct gateway *gateway, struct error *err);

/* "127.0.0.1:8080" as bound (the real port when the setting said 0). Owned by the gateway. */
const char *gateway_address(const struct gateway *gateway);

/* The listeners, which stay its own: all, or those that it has opened itself. Until it holds or drains. */
size_t gateway_listeners(const struct gateway *gateway, bool only_own, int ret_fds[LISTENERS_MAX]);

/* Stops listening, closes idle client connections, answers what is under way with `Connection: close`;
 * hooks.drained follows. */
void gateway_drain(struct gateway *gateway);

/* Another daemon is about to take this one's place: lets nobody in any more and begins no request. Requests
 * that have a slot are finished, and their connections stay; the others wait, as they came. Whoever else has
 * the listeners open is who new clients wait for. hooks.held follows. Control thread, once. */
void gateway_hold(struct gateway *gateway);

/* After gateway_hold(): gives each client of whom nothing is under way to hooks.passed, at once or once its
 * answer is through. hooks.drained follows when none is left. */
void gateway_pass(struct gateway *gateway);

/* The sockets at paths are the next daemon's by now: they are left when the gateway is destroyed. */
void gateway_leave_paths(struct gateway *gateway);

/* Whether a request is being asked of the desk at this moment. */
bool gateway_is_at_desk(const struct gateway *gateway);

/* Takes over a client that another daemon has passed on. One that came in by a door waits until the door is
 * open. After gateway_create(). Control thread. */
void gateway_take_client(struct gateway *gateway, struct passed_client *passed);

/* Who serves the doors of instances. They are closed before the gateway is destroyed. Owned by the gateway.
 */
const struct doors *gateway_doors(const struct gateway *gateway);

/* Where calls that are done later are accepted and asked for, in HTTP: the unix socket at `path`. A request
 * of it has the header X-Berth-Async, which no client can send: "accept NAME" to call a function, which is
 * there and serves, with this request later, "look" or "cancel" for what the path names. Whether anybody
 * listens is seen when it is used. Before gateway_start(). Control thread. */
int gateway_set_desk(struct gateway *gateway, const char *path, struct error *err);

/* There is no such place, and why, which is told to who asks for it. The same. */
void gateway_set_no_desk(struct gateway *gateway, const struct error *why);

/* Listens at a unix socket for the delivery of calls that were accepted: what comes in there may call private
 * functions, and what it says of the call and its origin reaches the function. Removed when the gateway is
 * destroyed; a drain lets nobody in there any more. Once. Control thread. */
int gateway_open_calls_door(struct gateway *gateway, const char *path, struct error *err);

/* Keeps what is under way in a file in `folder`, where whoever comes after a crash finds it. Before
 * gateway_start(). Control thread. */
int gateway_keep_in_flight(struct gateway *gateway, const char *folder, struct error *err);

/* Takes over a connection of the management port, non-blocking, of which nothing has been read and whose
 * first request is for /function/NAME or the like. It is answered by that function, private or not, and
 * closed. `address` is its peer's. `checked`: hooks.check_browser is asked. Control thread. */
void gateway_take_connection(struct gateway *gateway, int fd, const struct sockaddr_storage *address,
                             bool checked);

/* Sums over the workers, one for each of counter_rows. Any thread. */
void gateway_counts(const struct gateway *gateway, uint64_t ret_sums[COUNTER_COUNT]);

/* What is done with a record, which is there during the call. */
typedef void gateway_take_record(const struct request_record *record, void *context);

/* Hands over the records of the requests that have ended before the call, and forgets them, in the order
 * of their ends. Returns how many. Control thread. */
size_t gateway_take_records(struct gateway *gateway, gateway_take_record *take, void *context);

/* Has hooks.records called, for each worker once: as soon as there is any record, or (`many`) only when much
 * of the room for them is taken. False: there are so many already, and nobody will be called. Control thread.
 */
bool gateway_await_records(struct gateway *gateway, bool many);

/* Ends the threads at once, closes all clients, and hands over the records that are left. Control thread. */
void gateway_stop(struct gateway *gateway, gateway_take_record *take, void *context);

/* Ends the threads at once and closes everything that is left. */
void gateway_destroy(struct gateway *gateway);

#endif
