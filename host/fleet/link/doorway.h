/*
 * How the door of one instance (routing/door.h) comes to this host: over <dir>/door.sock, in the directory
 * that the instance has of its own. The container's first process hands it over before it starts anything
 * else, and exactly once; nobody who comes later is listened to. What it hands over is a socket made in the
 * container, so it is looked at before it is used. Control thread.
 */
#ifndef FLEET_LINK_DOORWAY_H
#define FLEET_LINK_DOORWAY_H

#include "base/error.h"

struct doorway;
struct event_base;

struct doorway_hooks {
    /* The door is there: `fd` is the callee's. At most once. Without one the function cannot call others,
     * which is in the log. */
    void (*opened)(void *owner, int fd);
};

/* Makes the socket in `dir`, which exists; it refuses everybody yet. `instance`, for the log, outlives it. */
int doorway_open(struct event_base *base, const char *dir, const char *instance,
                 const struct doorway_hooks *hooks, void *owner, struct doorway **ret_doorway,
                 struct error *err);

/* The container is about to be started. */
int doorway_listen(struct doorway *doorway, struct error *err);

/* NULL is fine. */
void doorway_close(struct doorway *doorway);

#endif
