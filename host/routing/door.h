/*
 * A door: a socket that listens in the network of one instance's container, by which its function calls
 * others. The instance's first process makes it and hands it to the fleet, the gateway serves it; so whoever
 * comes in by it is that function, and nobody else can. This is what the two know of each other's part.
 */
#ifndef ROUTING_DOOR_H
#define ROUTING_DOOR_H

#include "routing/call_book.h"

#include <stdint.h>

struct door; /* one that the gateway serves */

struct door_spec {
    int fd; /* listens, is non-blocking; taken over */
    const char *function; /* whose it is; copied */
    uint64_t instance;
    struct call_book *calls; /* of the instance; referenced */
};

/* Who serves doors. Control thread. */
struct doors {
    /* From now on it is served, until it is closed with all the connections that came in by it. */
    struct door *(*open)(void *context, const struct door_spec *spec);
    void (*close)(void *context, struct door *door);
    /* The socket of one that is served, to be handed to the next daemon; it stays its own. NULL: nobody asks
     * for it. */
    int (*listener)(const struct door *door);
    void *context;
};

#endif
