/* Which revisions of a function are kept, and how they did: small enough to be in memory for every function.
 */
#ifndef PREPARE_STORE_REVISION_INDEX_H
#define PREPARE_STORE_REVISION_INDEX_H

#include "base/error.h"
#include "base/hash.h"
#include "prepare/store/cold_starts.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kept_revision {
    char digest[HASH_HEX_SIZE];
    char package_digest[HASH_HEX_SIZE];
    char *dependency_key; /* or NULL */
    char *image; /* that it runs in, by name; NULL: not known */
    uint64_t deployed_ms; /* since 1970: when it went live as the newest of the function's files */
    uint64_t live_ms; /* when it went live last, by going back to it, say */
    uint64_t served_ms; /* when its last request ended; 0: never */
    uint64_t requests, errors; /* answered with a status from 500 on, or not at all */
    json_t *modules; /* what its load imports, for who knows about that; null: nothing; NULL: not known */
    bool is_gone; /* its package or record is not what it was; not written */
};

struct revision_index {
    struct kept_revision *items; /* the one that went live last comes first */
    size_t count;
    char inputs[HASH_HEX_SIZE]; /* what the first was deployed from (source_look.h); "": not known */
    char held[HASH_HEX_SIZE]; /* the revision that somebody has gone back to; "": none */
    char held_own[HASH_HEX_SIZE]; /* the function's own inputs then: while they are these, it holds */
    char applied_digest[HASH_HEX_SIZE]; /* of the settings that apply at once, as written last; or "" */
    json_t *applied; /* those settings, only to be written; or NULL */
    struct cold_starts cold_starts; /* of the function, whichever revision it was */
    bool is_changed; /* since it was written; not written */
};

void revision_index_clear(struct revision_index *index);

/* The caller owns it. */
json_t *revision_index_to_json(const struct revision_index *index);

/* -1, "changed": it is none. `applied` is left out. The caller clears *ret_index. */
int revision_index_read(const json_t *json, struct revision_index *ret_index, struct error *err);

/* The revision with this digest, or NULL. */
struct kept_revision *revision_index_find(const struct revision_index *index, const char *digest);

/* Puts a revision first; what was kept of it before is taken over but for its time. Returns it. */
struct kept_revision *revision_index_put_first(struct revision_index *index, const char *digest,
                                               uint64_t live_ms);

/* Takes one out. */
void revision_index_remove(struct revision_index *index, struct kept_revision *item);

#endif
