/*
 * The networks of those functions whose setting `egress` limits what they can reach: one for each list, with
 * a label that says it. They are found by that, so what a predecessor has left is limited as it was. Whoever
 * looks at the engine (reach.h) tells what is there, has done what is to be done, and makes the rules.
 * Control thread.
 */
#ifndef FLEET_ENGINE_LIMITS_H
#define FLEET_ENGINE_LIMITS_H

#include "base/error.h"
#include "docker/network.h"
#include "firewall/limit_rules.h"

#include <stdbool.h>

#define LIMIT_NETWORK_FORMAT "berth-egress-%s" /* of a limit_id() */

struct event_base;
struct firewall;
struct limit_wait;
struct limits;

/* Borrowed for as long as it lives. */
struct limits_options {
    struct event_base *base;
    struct docker *docker;
    const char *owner_id;
    const char *name_server; /* asked for names; NULL: this host's */
    void (*changed)(void *context); /* look at the engine */
    void *context;
};

struct limits *limits_create(const struct limits_options *options, struct firewall *firewall);

/* Nobody waits any more. */
void limits_destroy(struct limits *limits);

/* What the daemon's list is called. Several daemons may have the same. */
void limit_id(const char *owner_id, const char *egress, char ret_id[LIMIT_ID_SIZE]);

/* --- for functions --- */

/* There is to be a network for this list (egress_text()) from now on, until it is dropped as often. */
void limits_hold(struct limits *limits, const char *egress);
void limits_drop(struct limits *limits, const char *egress);

/* What a container is put on. Borrowed. */
struct limit_network {
    const char *name;
    const char *gateway; /* who is asked for names, too */
};

typedef void limit_ready_fn(void *owner, const struct error *err, const struct limit_network *network);

/* Reports, from the event loop, that the network is there and its rules hold, or why they do not. */
struct limit_wait *limits_await(struct limits *limits, const char *egress, limit_ready_fn *ready,
                                void *owner);
void limits_cancel(struct limit_wait *wait);

/* From now on networks that nobody holds are removed: all that may want one have said so. */
void limits_collect(struct limits *limits);

/* --- for who looks at the engine --- */

/* What is there is told anew: begin, each network, end. */
void limits_see_begin(struct limits *limits);

/* False: it is none of ours. */
bool limits_see(struct limits *limits, const struct docker_network_listing *network);

/* Makes one that is wanted, or removes one that is not; NULL: there is nothing to do. */
struct docker_call *limits_tend(struct limits *limits, docker_done_fn *done, void *owner);

/* Whether there is one that could not be removed; at the next look that is tried again. */
bool limits_retry(struct limits *limits);

/* Those that are there; to be made rules of. The caller frees the array only. */
struct limit_facts *limits_facts(struct limits *limits, size_t *ret_count);

/* The rules that were made of these facts hold, or cannot be made. */
void limits_settled(struct limits *limits, const struct error *err);

/* Appends the commands that let through what names stand for at the moment. */
void limits_fill(const struct limits *limits, struct strbuf *out);

#endif
