/*
 * Spare networks. To give a container a network of its own takes Docker longer than all the rest of its
 * start, so a few are made ahead: each is that of a container of ours which only waits, its *holder*. One
 * instance that somebody waits for joins it, and never another; the holder goes when that instance's
 * container has gone. What it reaches is what any container of that network reaches: rules name bridges, not
 * containers.
 *
 * Who has joined which is in labels of both, so a daemon that comes after a crash finds it there. A spare
 * network that nobody has joined by then is removed as what is left over. Control thread.
 */
#ifndef FLEET_ENGINE_DOCKER_SPARES_H
#define FLEET_ENGINE_DOCKER_SPARES_H

#include "fleet/engine/docker_inside.h"

#include <stdbool.h>

#define SPARE_ID_DIGITS 12

struct docker_event;
struct docker_spares;
struct leftovers;

/* The engine's options say of which network, and how many. `leftovers` (borrowed) gets what the engine does
 * not remove at once. */
struct docker_spares *docker_spares_create(struct docker_engine *engine, struct leftovers *leftovers);

/* Whatever there is stays with the engine. NULL is fine. */
void docker_spares_destroy(struct docker_spares *spares);

/* The engine answers and what containers reach is limited: those that are missing are made, from now on. */
void docker_spares_begin(struct docker_spares *spares);

/* No further one is made, and none is given away or removed. */
void docker_spares_leave(struct docker_spares *spares);

/* Removes all, and reports, perhaps from the function itself, that it has done what it can. */
void docker_spares_finish(struct docker_spares *spares, void (*done)(void *context), void *context);

/* Gives one to an instance: the id of the network, and what `network` of its container is to say. Both are
 * borrowed until the engine is asked. NULL: there is none. */
const char *docker_spares_take(struct docker_spares *spares, const char *instance, const char **ret_network);

/* The container `container` is what joins it; NULL: there will be none. */
void docker_spares_joined(struct docker_spares *spares, const char *id, const char *container);

/* At which address this host reaches whoever has joined it; NULL: not known. */
const char *docker_spares_address(const struct docker_spares *spares, const char *id);

/* How many wait for an instance, and how many have one. */
unsigned docker_spares_count(const struct docker_spares *spares, unsigned *ret_taken);

/* --- what the engine tells --- */

/* The containers have been listed: each of an instance that lives and has joined one, then each holder, then
 * the end. */
void docker_spares_see_joined(struct docker_spares *spares, const char *id, const char *instance,
                              const char *container);
void docker_spares_see_holder(struct docker_spares *spares, const char *id,
                              const struct docker_listing *holder);
void docker_spares_seen(struct docker_spares *spares);

/* Something has happened to a container with LABEL_NETWORK: a holder, or one that has joined it. */
void docker_spares_note(struct docker_spares *spares, const char *id, const struct docker_event *event);

#endif
