/*
 * How many instances are kept whose runners have imported libraries ahead, and for whom: where a given memory
 * saves most waiting. Pure: no clock, no state; times are those of the wall, in milliseconds since 1970.
 *
 * What such an instance is worth is how much shorter it makes a cold start, times how often one is expected,
 * by the memory that it takes. Expected is what the last hours have shown, each hour counting less than the
 * one after it, and what a schedule says; the second instance of a kind is worth what is expected of two at
 * once, and so on. A function whose instances stay, since it is called all the time, has no cold starts, and
 * so nothing is kept for it.
 */
#ifndef FLEET_SCALE_WARM_PLAN_H
#define FLEET_SCALE_WARM_PLAN_H

#include "prepare/store/cold_starts.h"

#include <stddef.h>
#include <stdint.h>

#define WARM_LEAD_MS   60000 /* a scheduled call has its instance for so long before it is due */
#define WARM_LEAST_MS  5 /* saved of a cold start: less is worth no memory */
#define WARM_KIND_MAX  8 /* instances of one kind */
#define WARM_GUESS_MIB 64 /* what an instance takes of which that is not known yet */

/* Why a candidate has what it has. */
enum warm_reason {
    WARM_OFF, /* there is no memory for any */
    WARM_SAVES_LITTLE, /* a cold start would be hardly shorter */
    WARM_NOT_EXPECTED, /* none is expected soon enough */
    WARM_NO_ROOM, /* the memory saves more elsewhere */
    WARM_SHORT_OF_MEMORY, /* the machine has too little left for what is set to be kept */
    WARM_IN_USE, /* whoever would use one has all its instances already */
    WARM_COLD_STARTS, /* there have been cold starts lately */
    WARM_DEPLOYED, /* it was deployed, and so may be called */
    WARM_SCHEDULED, /* a schedule is about to call it */
};

/* A function that would use such an instance. */
struct warm_use {
    const struct cold_starts *cold_starts;
    uint64_t deployed_ms; /* 0: not known */
    uint64_t due_ms; /* when a schedule calls it next; 0: none does */
    unsigned most; /* how many instances it may have at once */
    unsigned room; /* how many of these it has not got */
};

/* Instances of one kind, that may stand for each other. */
struct warm_candidate {
    const struct warm_use *uses;
    size_t use_count;
    double saved_ms; /* of a cold start, by such an instance */
    uint64_t memory_bytes; /* that one takes; 0: not known yet */
    unsigned held; /* for how many memory is set aside now: that stays unless others are clearly worth more */
};

/* What is kept of a candidate. Memory is set aside for `set_aside`; while those who would use them have
 * instances already, fewer are there, and nobody else gets that memory, only to lose it a moment later. */
struct warm_share {
    unsigned set_aside, instances;
    enum warm_reason reason;
    double expected; /* cold starts in the next hour */
    double value; /* of the first instance: milliseconds saved an hour, by MiB */
};

/* What may be spent. */
struct warm_limits {
    uint64_t set_bytes; /* as it is set */
    uint64_t allowed_bytes; /* of that, for now: see warm_budget() */
};

/* Divides the memory. `ret_shares` has room for one of each candidate. */
void warm_plan(const struct warm_candidate *candidates, size_t count, const struct warm_limits *limits,
               uint64_t now_ms, struct warm_share *ret_shares);

/* What of a budget may be spent on a machine of so much memory that has so much left (UINT64_MAX: nobody can
 * tell), while what is kept takes `held_bytes`: that grows only where much is left, and goes before memory
 * runs short. */
uint64_t warm_budget(uint64_t budget_bytes, uint64_t held_bytes, uint64_t left_bytes, uint64_t machine_bytes);

/* When time alone may make another plan of the one that gave these shares; UINT64_MAX: never. */
uint64_t warm_plan_again_ms(const struct warm_candidate *candidates, const struct warm_share *shares,
                            size_t count, uint64_t now_ms);

/* What one is taken to need: what it is known to, else a guess. */
uint64_t warm_memory(const struct warm_candidate *candidate);

/* "off", "saves-little", "not-expected", "no-room", "short-of-memory", "in-use", "cold-starts", "deployed",
 * "scheduled". */
const char *warm_reason_name(enum warm_reason reason);

#endif
