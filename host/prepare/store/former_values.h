/*
 * The values that secrets had before, sealed: what still serves with one goes on to start with it, as when no
 * function loads with the newer. In memory only, and a few of each secret. Control thread.
 */
#ifndef PREPARE_STORE_FORMER_VALUES_H
#define PREPARE_STORE_FORMER_VALUES_H

#include "base/hash.h"

#include <stddef.h>
#include <sys/queue.h>

#define FORMER_VALUES_MAX 4 /* of one secret */

struct former_value {
    char *name;
    char digest[HASH_HEX_SIZE]; /* of the value, as known_secret.digest */
    unsigned char *bytes; /* sealed */
    size_t size;
    TAILQ_ENTRY(former_value) link;
};

TAILQ_HEAD(former_values, former_value); /* the newest first */

/* Takes `bytes` over, and forgets the oldest of this secret when there are too many. */
void former_values_add(struct former_values *values, const char *name, const char *digest,
                       unsigned char *bytes, size_t size);

/* NULL: it is not known. */
const struct former_value *former_values_find(const struct former_values *values, const char *name,
                                              const char *digest);

/* Forgets those of one secret; NULL: all. */
void former_values_forget(struct former_values *values, const char *name);

#endif
