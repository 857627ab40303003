/*
 * What a daemon leaves to the one that takes its place, as descriptors of its own: listening sockets, the
 * locks of its directories, what each instance has open. It can be offered more than once, since the one that
 * it is offered to may fail. Control thread.
 */
#ifndef DAEMON_ESTATE_H
#define DAEMON_ESTATE_H

#include "daemon_state.h"
#include "takeover/wire.h"

#include <stdint.h>

struct inherited_instance;
struct takeover_channel;

/* One of zeros is empty. */
struct estate {
    int fds[WIRE_FDS_MAX];
    const char *names[WIRE_FDS_MAX];
    size_t fd_count;
    struct inherited_instance *instances;
    size_t instance_count;
};

/* Listening sockets and locks, while the daemon has them. */
void estate_add_listeners(struct estate *estate, const struct daemon *daemon);

/* What the instances have open that can go on without this daemon, before they are released. */
void estate_add_instances(struct estate *estate, const struct daemon *daemon);

/* Sends all of it, the fleet having been released. */
void estate_offer(const struct estate *estate, const struct daemon *daemon, struct takeover_channel *channel);

/* Closes what it has. */
void estate_clear(struct estate *estate);

#endif
