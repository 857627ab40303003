/* Which secrets there are, as far as the registry needs it to tell whether a function can have those that it
 * names; none of their values. */
#ifndef CONFIG_KNOWN_SECRETS_H
#define CONFIG_KNOWN_SECRETS_H

#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>

struct known_secret {
    char *name;
    char digest[HASH_HEX_SIZE]; /* of its value, with a key; "" when that cannot be had */
    char *problem; /* why it cannot be had; NULL: it can */
    const char *unfit; /* why it cannot be the value of a variable, as "has a NUL in it"; NULL: it can */
};

struct known_secrets {
    const struct known_secret *items; /* sorted by name */
    size_t count;
};

/* What a secret may be called, as a hint. */
#define SECRET_NAME_RULE                                                                                     \
    "letters, digits, \"-\", \"_\" and \".\", no \".\" first nor two of them together, at most 200"

bool secret_name_is_valid(const char *name);

/* NULL: there is none of this name. */
const struct known_secret *known_secrets_find(const struct known_secrets *secrets, const char *name);

#endif
