/* Whom a connection of the management port is for, by the first bytes of what it says. */
#ifndef ADMIN_SPLIT_PLACE_H
#define ADMIN_SPLIT_PLACE_H

#include <stddef.h>

enum split_place {
    SPLIT_ADMIN, /* the management API */
    SPLIT_FUNCTION, /* a function, now or later: any method, and a path below /function/, /async-function/ or
                       /async/ */
    SPLIT_OPEN, /* not known yet */
};

/* So many bytes settle it. */
#define SPLIT_PLACE_BYTES 64

/* Any thread. */
enum split_place split_place_of(const char *bytes, size_t size);

#endif
