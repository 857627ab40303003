/*
 * Files of bodies, named by the call's number, below a folder: what a transaction puts there and takes away.
 * Files that are put are there at once, and go back to where they came from when the transaction is rolled
 * back; those that are removed go once it is committed.
 */
#ifndef STORE_CALL_BODY_H
#define STORE_CALL_BODY_H

#include "store/call_store.h"

#include <limits.h>

enum body_kind { BODY_REQUEST, BODY_RESULT };
/* Where a body is. */
enum body_place { BODY_NONE, BODY_INLINE, BODY_FILE };

struct body_change;

struct call_bodies {
    char *dir;
    struct body_change *changes; /* of this transaction, in their order */
    size_t count;
};

/* Has a file, or the names in a folder, on the disk. */
int call_file_sync(const char *path, struct error *err);

/* Makes the folder at `dir`, which is taken over. */
int call_bodies_init(struct call_bodies *bodies, char *dir, struct error *err);
void call_bodies_clear(struct call_bodies *bodies);

void call_bodies_path(const struct call_bodies *bodies, int64_t number, enum body_kind kind,
                      char ret_path[PATH_MAX]);

/* Which of the bodies it is that has this file name: false: none. */
bool call_bodies_read_name(const char *name, int64_t *ret_number, enum body_kind *ret_kind);

/* Where it is to be kept: in a file when it is one or is large. */
enum body_place call_body_place(const struct call_body *body);

/* Makes a body the file of this number. */
int call_bodies_put(struct call_bodies *bodies, int64_t number, enum body_kind kind,
                    const struct call_body *body, struct error *err);
void call_bodies_remove(struct call_bodies *bodies, int64_t number, enum body_kind kind);

/* Whether the transaction has changed any: then it has to be durable, since files do not come back. */
bool call_bodies_changed(const struct call_bodies *bodies);
/* Has what was put on the disk, before the transaction that names it. */
int call_bodies_sync(const struct call_bodies *bodies, struct error *err);
/* `is_certain`: it is on the disk; files that it removes stay otherwise, until the next opening. */
void call_bodies_commit(struct call_bodies *bodies, bool is_certain);
void call_bodies_roll_back(struct call_bodies *bodies);

/* The error of a file of a body that cannot be written: "calls-disk-full" or "calls-store". Returns -1. */
int call_body_fail(struct error *err, int errnum, const char *path);

#endif
