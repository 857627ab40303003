#include "fleet/scale/autoscaler.h"

#include <stddef.h>

#define BACKOFF_FIRST_MS 250
#define BACKOFF_MAX_MS   30000

/* Who edits a function and tries it out calls it every few minutes. */
#define CALLED_LATELY_MS 300000
#define TRIAL_KEPT_MS    300000
#define KEPT_CHECK_MS    1000 /* at least between two looks whether the first request has come */

static unsigned min_unsigned(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Waiters that no slot, idle or on its way, will serve. */
static unsigned unserved(const struct slot_counts *counts)
{
    unsigned coming = counts->idle + counts->starting;
    return counts->waiting > coming ? counts->waiting - coming : 0;
}

/* Whether the last waiter is served by the slots at work before a new instance could be there. */
static bool wait_is_shorter(const struct scale_inputs *inputs)
{
    const struct slot_counts *counts = &inputs->counts;
    if (counts->busy == 0 || counts->service_us == 0 || inputs->expected_start_ms == 0)
        return false;
    uint64_t rounds = (counts->waiting + counts->busy - 1) / counts->busy;
    return rounds * counts->service_us / 1000 < inputs->expected_start_ms;
}

struct scale_decision autoscaler_decide(const struct scale_settings *settings,
                                        const struct scale_inputs *inputs)
{
    unsigned present = inputs->counts.instances + inputs->starting_instances;
    unsigned missing = unserved(&inputs->counts);
    unsigned for_demand = (missing + settings->concurrency - 1) / settings->concurrency;
    unsigned for_minimum = settings->min_scale > present ? settings->min_scale - present : 0;

    enum scale_reason reason = SCALE_DEMAND;
    if (for_demand > 0 && wait_is_shorter(inputs)) {
        for_demand = 0;
        reason = SCALE_SHORT_WAIT;
    }
    unsigned wanted = for_demand;
    if (for_minimum > for_demand) {
        wanted = for_minimum;
        reason = SCALE_MINIMUM;
    }
    if (wanted == 0)
        return (struct scale_decision){.reason = reason == SCALE_SHORT_WAIT ? reason : SCALE_ENOUGH};

    if (inputs->now_ms < inputs->retry_at_ms)
        return (struct scale_decision){.reason = SCALE_BACKING_OFF};
    unsigned below_maximum = settings->max_scale > present ? settings->max_scale - present : 0;
    if (below_maximum == 0)
        return (struct scale_decision){.reason = SCALE_AT_MAXIMUM};
    wanted = min_unsigned(wanted, below_maximum);
    if (inputs->engine_away && inputs->prewarmed < wanted) {
        wanted = inputs->prewarmed;
        reason = wanted > 0 ? reason : SCALE_ENGINE_AWAY;
    }
    unsigned start = min_unsigned(wanted, inputs->host_room);
    return (struct scale_decision){.start = start,
                                   .denied = wanted - start,
                                   .reason = start < wanted && start == 0 ? SCALE_HOST_FULL : reason};
}

static const struct {
    const char *name;
    const char *limit;
} reasons[] = {
    [SCALE_ENOUGH] = {"enough", NULL},
    [SCALE_DEMAND] = {"demand", NULL},
    [SCALE_MINIMUM] = {"minimum", NULL},
    [SCALE_SHORT_WAIT] = {"short-wait", NULL},
    [SCALE_AT_MAXIMUM] = {"at-maximum", "the function's setting `max_scale`"},
    [SCALE_HOST_FULL] = {"host-full", "max_instances or max_memory in the section `host`"},
    [SCALE_BACKING_OFF] = {"backing-off", NULL},
    [SCALE_ENGINE_AWAY] = {"engine-away", NULL},
};

const char *scale_reason_name(enum scale_reason reason)
{
    return reasons[reason].name;
}

const char *scale_reason_limit(enum scale_reason reason)
{
    return reasons[reason].limit;
}

bool autoscaler_expired(const struct scale_settings *settings, uint64_t idle_since_ms, unsigned ready,
                        uint64_t now_ms, uint64_t *ret_check_ms)
{
    uint64_t due = (idle_since_ms ? idle_since_ms : now_ms) + settings->idle_timeout_ms;
    if (now_ms < due) {
        *ret_check_ms = due;
        return false;
    }
    if (ready <= settings->min_scale) {
        *ret_check_ms = now_ms + (settings->idle_timeout_ms ? settings->idle_timeout_ms : 1000);
        return false;
    }
    if (ready == 1 && now_ms < settings->kept_until_ms) {
        unsigned pause_ms = settings->idle_timeout_ms;
        due = now_ms + (pause_ms > KEPT_CHECK_MS ? pause_ms : KEPT_CHECK_MS);
        *ret_check_ms = due < settings->kept_until_ms ? due : settings->kept_until_ms;
        return false;
    }
    if (idle_since_ms == 0) { /* busy, with an idle time-out of 0: look again soon */
        *ret_check_ms = now_ms + 1;
        return false;
    }
    return true;
}

uint64_t autoscaler_trial_kept_ms(uint64_t called_ago_ms)
{
    return called_ago_ms < CALLED_LATELY_MS ? TRIAL_KEPT_MS : 0;
}

uint64_t autoscaler_backoff_ms(unsigned failures)
{
    if (failures == 0)
        return 0;
    uint64_t wait = BACKOFF_FIRST_MS;
    for (unsigned i = 1; i < failures && wait < BACKOFF_MAX_MS; i++)
        wait *= 2;
    return wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS;
}
