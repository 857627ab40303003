/* One schedule of the plan, with what the store keeps of it. Calls thread. */
#ifndef CALLS_SCHEDULED_H
#define CALLS_SCHEDULED_H

#include "base/queue.h"
#include "base/table.h"
#include "calls/calls_env.h"
#include "config/registry.h"
#include "store/schedule_store.h"

struct scheduled {
    UT_hash_handle hh; /* by its id */
    TAILQ_ENTRY(scheduled) link;
    char *id; /* "FUNCTION NAME" */
    char *function, *name;
    char digest[HASH_HEX_SIZE]; /* of what decides its times */
    const struct function_schedule *schedule; /* of the plan */
    struct time_zone *zone; /* NULL: the system does not know it any more; it has no times */
    bool is_known; /* `state` is that of the store */
    bool is_touched; /* it has changed in this turn */
    struct schedule_state state;
    uint64_t next_ms; /* the first time after those that are decided */
};

TAILQ_HEAD(scheduled_list, scheduled);

/* What decides the times of a schedule. */
void scheduled_digest(const struct function_schedule *schedule, char ret_digest[HASH_HEX_SIZE]);

/* Borrows the schedule. */
struct scheduled *scheduled_create(const char *function, const struct function_schedule *schedule);
void scheduled_destroy(struct scheduled *scheduled);

struct schedule_key scheduled_key(const struct scheduled *scheduled);

/* Whether there is something to decide: a time has come, one waits, or the clock has been set back. */
bool scheduled_is_due(const struct scheduled *scheduled, uint64_t now_ms);

/* Decides it, within a turn: writes down what becomes of its times, and puts the calls of those that begin,
 * of which *ret_begun says how many. -1: the store refuses, and `is_known` is to be unset once the turn has
 * been taken back. */
int scheduled_look(struct scheduled *scheduled, const struct calls_env *env, struct call_store *store,
                   uint64_t now_ms, unsigned *ret_begun, struct error *err);

#endif
