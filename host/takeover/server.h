/* Where a daemon is asked to give up its place: a unix socket of its run directory. Control thread. */
#ifndef TAKEOVER_SERVER_H
#define TAKEOVER_SERVER_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct event_base;
struct takeover_server;

/* Who has connected. */
struct takeover_peer {
    int fd; /* does not block */
    pid_t pid;
    int pidfd; /* -1: it has gone already */
};

/* Listens at `path`. `asked` takes over the descriptors of whoever connects and is the daemon's own user or
 * root; others are hung up on. */
int takeover_server_create(struct event_base *base, const char *path,
                           void (*asked)(void *context, const struct takeover_peer *peer), void *context,
                           struct takeover_server **ret_server, struct error *err);

/* Listens no more. `leave`: another daemon listens at the path by now. NULL is fine. */
void takeover_server_destroy(struct takeover_server *server, bool leave);

#endif
