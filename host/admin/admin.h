/*
 * The management API over HTTP, on `host: admin` and on the unix socket <run dir>/admin.sock: health, what is
 * registered and how it does, and metrics. The paths below /system follow the HTTP contract that faas-cli
 * speaks. Control thread.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "base/error.h"
#include "config/registry.h"

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

struct admin;
struct calls;
struct descriptors;
struct event_base;
struct event_book;
struct fleet;
struct gateway;
struct log_store;
struct request_book;

/* That another program takes the place of this daemon. */
struct upgrade_wish {
    unsigned limit_ms; /* it is to serve within this time; 0: the usual */
    /* Called once it is over, and not within the wish: with what came of it, a JSON object that is taken
     * over, or with why it failed. NULL: nobody wants to know. */
    void (*done)(void *question, json_t *outcome, const struct error *failure);
    void *question;
};

/* Who fulfils it. */
struct upgrader {
    int (*begin)(void *context, const struct upgrade_wish *wish, struct error *err); /* -1: it cannot */
    void *context;
};

/* What it serves from; everything outlives it. */
struct admin_options {
    struct event_base *base;
    const struct host_settings *host;
    struct descriptors *given; /* of which it uses what listens where it is to; NULL: none */
    const char *state_dir; /* exists; where the password is */
    const char *run_dir; /* exists; where the socket is made */
    struct fleet *fleet;
    struct gateway *gateway;
    struct request_book *requests;
    struct event_book *events;
    struct log_store *logs; /* NULL: none are kept */
    struct calls *calls; /* NULL: their store cannot be opened */
    const struct upgrader *upgrader; /* NULL: none; outlives it */
    time_t started_s; /* when the daemon was, since 1970 */
};

/* Binds and serves. */
int admin_create(const struct admin_options *options, struct admin **ret_admin, struct error *err);

/* "127.0.0.1:8081" as bound. Owned by it. */
const char *admin_address(const struct admin *admin);

/* The sockets that it listens at: that of the address and the unix socket. They stay its own. -1 of
 * `only_own`: it was given that one. */
void admin_listeners(const struct admin *admin, bool only_own, int *ret_tcp, int *ret_local);

/* Listens at the unix socket anew when somebody has removed that. 1: it does; 0: the socket is there, or is
 * another daemon's concern by now. */
int admin_mend_socket(struct admin *admin, struct error *err);

/* From now on the unix socket's path is left when it is destroyed: somebody else has that socket, too. */
void admin_leave_socket(struct admin *admin);

/* Another daemon is about to take over: nobody is let in any more, calls and logs are not there any more, and
 * the unix socket's path is left as well. */
void admin_leave(struct admin *admin);

/* For fleet_hooks.rested: answers the calls that wait for that. */
void admin_fleet_rested(struct admin *admin);

/* For fleet_hooks.applied: the same. */
void admin_sources_applied(struct admin *admin);

/* The fleet is about to be stopped: calls that wait for something of it are answered with that. */
void admin_stop(struct admin *admin);

/* Tells those who follow the events the last ones, and that these were all; those who follow logs hear that
 * a moment later, and admin_is_quiet() waits for it. `finished` is called once they
 * have them, at the latest after a second, which may be within this. */
void admin_finish(struct admin *admin, void (*finished)(void *context), void *context);

/* Whether nobody is owed an answer. Who has left before his was there counts as well. */
bool admin_is_quiet(const struct admin *admin);

/* For fleet_hooks.function_settled: the same, of one function. */
void admin_function_settled(struct admin *admin, const char *function);

/* NULL is fine. */
void admin_destroy(struct admin *admin);

#endif
