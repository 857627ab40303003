/*
 * The autoscaler: pure functions over the counters of a revision, its settings and a clock that is passed in.
 * They decide; the fleet acts. Nothing here knows of Docker, threads or real time, so recorded histories can
 * be replayed.
 */
#ifndef FLEET_SCALE_AUTOSCALER_H
#define FLEET_SCALE_AUTOSCALER_H

#include "routing/slot_pool.h"

#include <stdbool.h>
#include <stdint.h>

struct scale_settings {
    unsigned concurrency; /* slots of one instance, at least 1 */
    unsigned min_scale; /* instances kept even when idle */
    unsigned max_scale; /* instances at most */
    unsigned idle_timeout_ms;
    uint64_t kept_until_ms; /* one is kept until then, even when idle, for a first request; 0: none */
};

/* What one decision to start is made from. */
struct scale_inputs {
    struct slot_counts counts; /* of the pool; `starting` is slots, `instances` also those that are ready and
                                  have no connection at the moment */
    unsigned starting_instances; /* on their way, not yet ready */
    unsigned host_room; /* instances that the host's budget still allows */
    bool engine_away; /* Docker does not answer: only prewarmed instances can be had */
    unsigned prewarmed; /* of those, at hand: they take no time */
    uint64_t expected_start_ms; /* how long any other start takes at present: measured; 0: not known */
    uint64_t now_ms;
    uint64_t retry_at_ms; /* earliest next start after failures; 0: at once */
};

enum scale_reason {
    SCALE_ENOUGH, /* what is there or on its way will do */
    SCALE_DEMAND, /* waiters exceed the slots that are idle or on their way */
    SCALE_MINIMUM, /* fewer than min_scale */
    SCALE_SHORT_WAIT, /* waiting for a slot that is busy or on its way is quicker than a start */
    SCALE_AT_MAXIMUM, /* max_scale reached */
    SCALE_HOST_FULL, /* the host's budget is used up */
    SCALE_BACKING_OFF, /* starts failed lately */
    SCALE_ENGINE_AWAY, /* Docker does not answer */
};

struct scale_decision {
    unsigned start; /* instances to start now */
    unsigned spared; /* further ones that would be ready too late to serve anybody who waits */
    unsigned denied; /* further ones that the host has no room for */
    enum scale_reason reason;
};

/* How many instances to start. */
struct scale_decision autoscaler_decide(const struct scale_settings *settings,
                                        const struct scale_inputs *inputs);

/* Whether one of the instances that start, which has not begun yet, is still of use. `inputs` are those of a
 * decision. */
bool autoscaler_needs_start(const struct scale_settings *settings, const struct scale_inputs *inputs);

/* The word for a reason, for logs: "demand", "minimum", ... */
const char *scale_reason_name(enum scale_reason reason);

/* The setting that keeps waiting requests waiting, for the error when their patience ends; NULL when none
 * does. Static. */
const char *scale_reason_limit(enum scale_reason reason);

/* Whether an instance that has been idle since `idle_since_ms` (0: it is busy) may be removed now, when its
 * revision has `ready` instances. When not, *ret_check_ms is when to ask again (never 0). */
bool autoscaler_expired(const struct scale_settings *settings, uint64_t idle_since_ms, unsigned ready,
                        uint64_t now_ms, uint64_t *ret_check_ms);

/* For how long the instance that a revision was tried with is kept for its first request, when its function
 * was last called so long ago (UINT64_MAX: never). 0: no longer than any other. */
uint64_t autoscaler_trial_kept_ms(uint64_t called_ago_ms);

/* How long to wait before the next start after `failures` starts in a row have failed: 0, then 250 ms
 * doubling up to 30 s. */
uint64_t autoscaler_backoff_ms(unsigned failures);

#endif
