/*
 * How the door of one instance (routing/door.h) comes to this host: over <dir>/door.sock, in the directory
 * that the instance has of its own. The container's first process hands it over before it starts anything
 * else, and exactly once; nobody who comes later is listened to. What it hands over is a socket made in the
 * container, so it is looked at before it is used. The connection stays: by its end the first process knows
 * that this daemon has gone. To the next one it gives another door, and is known by its process. Control
 * thread.
 */
#ifndef FLEET_LINK_DOORWAY_H
#define FLEET_LINK_DOORWAY_H

#include "base/error.h"

#include <sys/types.h>

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

/* Makes the socket in the place of an earlier daemon's: the first process of the container there sees it,
 * makes another door and waits to be listened to. So who connects to the door waits, too. The caller owns
 * *ret_fd. */
int doorway_call(const char *dir, int *ret_fd, struct error *err);

/* Listens to the first process only, which is `process`, at `fd`, which doorway_call() gave and is taken
 * over. Whoever else comes is hung up on. */
struct doorway *doorway_reopen(struct event_base *base, const char *dir, const char *instance, pid_t process,
                               int fd, const struct doorway_hooks *hooks, void *owner);

/* One whose first process has given its door already: `line` is the connection to it, which is taken over. */
struct doorway *doorway_keep(const char *instance, pid_t process, int line);

/* The first process, as this host numbers it; 0: it has not come yet, or nobody can tell. */
pid_t doorway_process(const struct doorway *doorway);

/* The connection to the first process, once the door is there; -1: there is none. The doorway's. */
int doorway_line(const struct doorway *doorway);

/* NULL is fine. */
void doorway_close(struct doorway *doorway);

#endif
