#include "fleet/scale/autoscaler.h"

#include <stddef.h>

#define BACKOFF_FIRST_MS 250
#define BACKOFF_MAX_MS   30000
#define QUICK_SHARE      4 /* of a start: within one such part a queue that needs no further start is through */
#define TRUSTED_STARTS   3 /* whoever has waited for so many times of one has waited in vain */

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

static unsigned divide_up(unsigned count, unsigned by)
{
    return (count + by - 1) / by;
}

/* Whether it is known how long a request and a start take. Who has waited for several starts shows that it is
 * not: what is busy hangs, or what is on its way. */
static bool knows_times(const struct scale_inputs *inputs)
{
    const struct slot_counts *counts = &inputs->counts;
    uint64_t since_ms = counts->oldest_wait_since_ms;
    return counts->service_us > 0 && inputs->expected_start_ms > 0 &&
           (since_ms == 0 || inputs->now_ms < since_ms + TRUSTED_STARTS * inputs->expected_start_ms);
}

/* Whether the last waiter is served by the slots at work before a new instance could be there. */
static bool wait_is_shorter(const struct scale_inputs *inputs)
{
    const struct slot_counts *counts = &inputs->counts;
    if (counts->busy == 0 || !knows_times(inputs))
        return false;
    uint64_t rounds = divide_up(counts->waiting, counts->busy);
    return rounds * counts->service_us / 1000 < inputs->expected_start_ms;
}

/* How many of `wanted` containers are worth starting. A queue that few slots work off in a fraction of the
 * time that a start takes needs these and no more: each further start would hold up the first one, and come
 * too late. */
static unsigned worth_starting(const struct scale_settings *settings, const struct scale_inputs *inputs,
                               unsigned wanted)
{
    const struct slot_counts *counts = &inputs->counts;
    if (wanted == 0 || !knows_times(inputs))
        return wanted;
    if (wait_is_shorter(inputs))
        return 0;
    uint64_t rounds = inputs->expected_start_ms * 1000 / QUICK_SHARE / counts->service_us;
    if (rounds == 0)
        return wanted;
    uint64_t slots = (counts->waiting + rounds - 1) / rounds;
    unsigned coming = counts->busy + counts->starting + inputs->prewarmed * settings->concurrency;
    unsigned missing = slots > coming ? (unsigned)(slots - coming) : 0;
    return min_unsigned(wanted, divide_up(missing, settings->concurrency));
}

struct scale_decision autoscaler_decide(const struct scale_settings *settings,
                                        const struct scale_inputs *inputs)
{
    unsigned present = inputs->counts.instances + inputs->starting_instances;
    unsigned missing = unserved(&inputs->counts);
    unsigned for_demand = divide_up(missing, settings->concurrency);
    unsigned for_minimum = settings->min_scale > present ? settings->min_scale - present : 0;

    unsigned at_hand = min_unsigned(for_demand, inputs->prewarmed);
    unsigned worth = at_hand + worth_starting(settings, inputs, for_demand - at_hand);
    unsigned wanted = for_minimum > worth ? for_minimum : worth;
    enum scale_reason reason = for_minimum > worth ? SCALE_MINIMUM : SCALE_DEMAND;
    if (wanted == 0)
        return (struct scale_decision){.spared = for_demand,
                                       .reason = for_demand > 0 ? SCALE_SHORT_WAIT : SCALE_ENOUGH};

    if (inputs->now_ms < inputs->retry_at_ms)
        return (struct scale_decision){.reason = SCALE_BACKING_OFF};
    unsigned below_maximum = settings->max_scale > present ? settings->max_scale - present : 0;
    if (below_maximum == 0)
        return (struct scale_decision){.reason = SCALE_AT_MAXIMUM};
    wanted = min_unsigned(wanted, below_maximum);
    unsigned spared = min_unsigned(for_demand, below_maximum);
    spared -= min_unsigned(spared, wanted);
    if (inputs->engine_away && inputs->prewarmed < wanted) {
        wanted = inputs->prewarmed;
        reason = wanted > 0 ? reason : SCALE_ENGINE_AWAY;
    }
    unsigned start = min_unsigned(wanted, inputs->host_room);
    return (struct scale_decision){.start = start,
                                   .denied = wanted - start,
                                   .spared = spared,
                                   .reason = start < wanted && start == 0 ? SCALE_HOST_FULL : reason};
}

bool autoscaler_needs_start(const struct scale_settings *settings, const struct scale_inputs *inputs)
{
    struct scale_inputs without = *inputs;
    without.counts.starting -= min_unsigned(settings->concurrency, without.counts.starting);
    without.starting_instances--;
    without.host_room = 1; /* it has its room */
    without.prewarmed = 0; /* whoever asks takes these first */
    without.engine_away = false;
    without.retry_at_ms = 0;
    return autoscaler_decide(settings, &without).start > 0;
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
