/*
 * What dependency sets are called on the disk. A prewarmed instance has the folder of all sets mounted before
 * its function is known. So nobody may list that folder, and a set's name in it cannot be computed from what
 * was asked for: it is a hash of its key under a secret of the state directory, <state>/dependencies-secret,
 * which only its owner can read. An instance is told the name of its function's own set. Any thread.
 */
#ifndef PREPARE_STORE_DEPENDENCY_NAMES_H
#define PREPARE_STORE_DEPENDENCY_NAMES_H

#include "base/error.h"
#include "base/hash.h"

#include <stdbool.h>

struct dependency_names {
    char secret[HASH_HEX_SIZE];
};

/* Reads the secret of a state directory. False: there is none, or this user may not read it. */
bool dependency_names_read(const char *state, struct dependency_names *ret_names);

/* A new secret, which is written in the place of what may be there once all sets have its names. */
void dependency_names_make(struct dependency_names *ret_names);
int dependency_names_write(const char *state, const struct dependency_names *names, struct error *err);

/* The name of the set of this key: a digest, too. */
void dependency_names_get(const struct dependency_names *names, const char *key,
                          char ret_name[HASH_HEX_SIZE]);

#endif
