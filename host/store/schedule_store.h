/*
 * What is kept of schedules in the store of calls: up to when it is known what has become of their times,
 * which of them wait for the end of a run, their last run, and what was skipped. Within a transaction, as
 * call_store.h says.
 */
#ifndef STORE_SCHEDULE_STORE_H
#define STORE_SCHEDULE_STORE_H

#include "base/hash.h"
#include "store/call_store.h"

#define SCHEDULE_SKIPS_KEPT 20 /* of each schedule, the newest */

/* One schedule; `digest` says what decides its times, so that another one of the same name is a new one. */
struct schedule_key {
    const char *function, *name;
    const char *digest;
};

struct schedule_state {
    uint64_t decided_ms;
    int64_t last_number; /* of the call that is its last run; 0: there is none */
    uint64_t *waiting; /* the times that wait, the oldest first; freed by schedule_state_clear() */
    size_t waiting_count;
};

void schedule_state_clear(struct schedule_state *state);

/* 1; 0: nothing is known of it; -1. */
int schedule_store_read(struct call_store *store, const struct schedule_key *key,
                        struct schedule_state *ret_state, struct error *err);

/* It is there, from now on or still. One of which nothing was known, or that was another, begins at `now_ms`.
 */
int schedule_store_note(struct call_store *store, const struct schedule_key *key, uint64_t now_ms,
                        struct error *err);

int schedule_store_set_decided(struct call_store *store, const struct schedule_key *key, uint64_t decided_ms,
                               struct error *err);

/* A time waits. */
int schedule_store_add_waiting(struct call_store *store, const struct schedule_key *key, uint64_t planned_ms,
                               struct error *err);

/* The time that waited has become the call with this number. */
int schedule_store_note_run(struct call_store *store, const struct schedule_key *key, uint64_t planned_ms,
                            int64_t number, struct error *err);

/* Times that were skipped for the same reason. */
struct schedule_skipped {
    uint64_t first_ms, last_ms; /* the times */
    unsigned count;
    uint64_t skipped_ms; /* when that was decided */
    char *reason; /* slug */
};

/* Forgets the oldest beyond SCHEDULE_SKIPS_KEPT. */
int schedule_store_note_skip(struct call_store *store, const struct schedule_key *key,
                             const struct schedule_skipped *skipped, struct error *err);

/* The newest first. Owned by whoever read them: schedule_skips_clear(). */
struct schedule_skips {
    struct schedule_skipped *items;
    size_t count;
};

int schedule_store_read_skips(struct call_store *store, const struct schedule_key *key,
                              struct schedule_skips *ret_skips, struct error *err);
void schedule_skips_clear(struct schedule_skips *skips);

/* Whether the call with this number has not ended: 1, 0, -1. */
int schedule_store_is_busy(struct call_store *store, int64_t number, struct error *err);

/* Forgets all of a schedule; or of those that have not been noted since `before_ms`. Its calls stay. */
int schedule_store_forget(struct call_store *store, const struct schedule_key *key, struct error *err);
int schedule_store_forget_old(struct call_store *store, uint64_t before_ms, struct error *err);

#endif
