/*
 * The desk: where calls that are done later are accepted and asked for. It is a server at a unix socket of
 * this host, which the gateway takes like an instance that is connected to, with a slot pool of its own; no
 * instance is behind it. It closes no connection of its own accord, so a request may be sent over any that is
 * kept.
 */
#ifndef GATEWAY_DESK_H
#define GATEWAY_DESK_H

#include "base/error.h"
#include "routing/route_limits.h"
#include "routing/slot_pool.h"

/* What is asked of it, in the place of a function. */
enum desk_ask {
    DESK_NOTHING, /* the function itself is called */
    DESK_ACCEPT, /* to call the function later */
    DESK_LOOK, /* what has become of a call */
    DESK_CANCEL, /* not to go on with a call */
};

struct desk {
    struct slot_pool *pool; /* NULL: there is none */
    struct kept_error *problem; /* why there is none; NULL: nobody has said */
};

/* It is at the unix socket `path`; whether anybody listens there is seen when it is used. */
int desk_set(struct desk *desk, const char *path, struct error *err);

/* There is none. */
void desk_set_problem(struct desk *desk, const struct error *why);

/* After the last exchange. All zero is fine. */
void desk_clear(struct desk *desk);

/* What is told to who asks for it while there is none. Any thread. */
void desk_describe_problem(const struct desk *desk, struct error *ret_error);

/* What a request to it is held to: the limits of its function, as far as these are not about its instances.
 */
void desk_adapt_limits(struct route_limits *limits);

#endif
