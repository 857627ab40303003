/*
 * The route table: which function a name belongs to. An immutable snapshot that the control thread builds and
 * publishes; workers keep the snapshot they last saw and look for a newer one, with one atomic load, at each
 * request.
 */
#ifndef ROUTING_ROUTE_TABLE_H
#define ROUTING_ROUTE_TABLE_H

#include "base/error.h"
#include "routing/route_limits.h"
#include "routing/slot_pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct route {
    char *name; /* /<name> */
    struct slot_pool *pool; /* a reference; NULL: the function cannot serve, see `problem` */
    const struct kept_error *problem; /* answered with 503 when pool is NULL; NULL when it is not */
    bool is_private; /* only functions and the management port may call it */
    struct route_limits limits;
};

struct route_snapshot;
struct route_table; /* holds the current snapshot */

/* A snapshot under construction, not yet shared. Control thread. */
struct route_snapshot *route_snapshot_create(void);

/* Adds a copy of `route` (name and problem duplicated, pool referenced). Names are unique; a second one is an
 * error of the caller. */
void route_snapshot_add(struct route_snapshot *snapshot, const struct route *route);

/* Gives a reference back. Any thread. */
void route_snapshot_unref(struct route_snapshot *snapshot);

/* The route of a name, exactly as written; NULL: none. Valid while the snapshot is. */
const struct route *route_snapshot_find(const struct route_snapshot *snapshot, const char *name,
                                        size_t length);

/* Up to `max` names near to `name` for a 404's "did you mean", private ones only if that is said. Returns how
 * many; the texts belong to the snapshot. */
size_t route_snapshot_nearest(const struct route_snapshot *snapshot, const char *name, size_t length,
                              bool with_private, const char **ret_names, size_t max);

struct route_table *route_table_create(void);
void route_table_destroy(struct route_table *table);

/* Makes `snapshot` current and takes over the caller's reference. Control thread. */
void route_table_publish(struct route_table *table, struct route_snapshot *snapshot);

/* Replaces *held (NULL at first) by a reference to the current snapshot when that is another. Cheap when it
 * is not. Any thread, each with its own `held`. */
void route_table_refresh(struct route_table *table, struct route_snapshot **held);

#endif
