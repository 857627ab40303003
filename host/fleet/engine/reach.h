/*
 * What functions can reach, kept true: looks at the engine's networks and the ports that it publishes, has
 * the firewall make rules of them, and does so again when any of it has changed. Control thread.
 */
#ifndef FLEET_ENGINE_REACH_H
#define FLEET_ENGINE_REACH_H

#include "base/error.h"

#include <stdbool.h>

struct docker;
struct event_base;
struct limits;
struct reach;

/* Borrowed for as long as it lives. */
struct reach_options {
    struct event_base *base;
    struct docker *docker;
    const char *owner_id;
    const char *network; /* the name of the functions' */
    const char *builder_network; /* and of that of builders */
    const char *program; /* absolute path of berth-firewall */
    const char *run_dir;
    const char *name_server; /* whom those names are asked of that an `egress` has; NULL: this host's */
};

typedef void reach_made_fn(void *owner);

struct reach *reach_create(const struct reach_options *options);

/* Builders may reach the mirrors that a text names, from now on: rules are made anew. */
void reach_add_mirrors(struct reach *reach, const char *text);

/* The rules go, too, or stay for the next daemon (`keep`). NULL is fine. */
void reach_destroy(struct reach *reach, bool keep);

/* The engine answers, now or again, and the network is there: reports, from the event loop, that rules have
 * been made or cannot be, which reach_trouble() tells. */
void reach_begin(struct reach *reach, reach_made_fn *made, void *owner);

/* What is there for functions with an `egress`. */
struct limits *reach_limits(const struct reach *reach);

/* No function is left: removes their networks, and reports when they have gone, or cannot go. */
void reach_finish(struct reach *reach, reach_made_fn *finished, void *owner);

/* The engine has gone: nothing is asked until it is back, and the rules stay. */
void reach_pause(struct reach *reach);

/* Why functions may reach more than they should; NULL: they do not, as far as is known. */
const struct error *reach_trouble(const struct reach *reach);

/* By whom the rules are made. */
const char *reach_maker(const struct reach *reach);

#endif
