/*
 * Who owns what: the lock on a state directory, and the id that marks every container of the daemon that
 * holds it. The id stays the same over restarts, so that a daemon knows what it left behind, and only that.
 */
#ifndef FLEET_ENGINE_OWNER_H
#define FLEET_ENGINE_OWNER_H

#include "base/error.h"

#define OWNER_ID_DIGITS 16

/* Locks the directory `dir` (which exists) with the file `name` in it, as long as *ret_fd is open: by the
 * descriptor `given`, by which another daemon holds the lock and which is taken over, unless it is -1 or of
 * another file. Reason "in-use" when another daemon holds it. */
int owner_take_lock(const char *dir, const char *name, int given, int *ret_fd, struct error *err);

struct owner {
    int lock_fd;
    char id[OWNER_ID_DIGITS + 1];
};

/* Locks `state_dir` (which exists), by owner_take_lock(), and reads or makes its id. */
int owner_acquire(const char *state_dir, int given, struct owner *ret_owner, struct error *err);
void owner_release(struct owner *owner);

#endif
