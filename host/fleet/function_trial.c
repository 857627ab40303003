#include "fleet/function_inside.h"

#include "base/log.h"
#include "base/rfc3339.h"
#include "fleet/scale/autoscaler.h"
#include "routing/slot_pool.h"

static bool is_under_way(const struct revision *revision)
{
    struct slot_counts counts;
    slot_pool_counts(revision_pool(revision), &counts);
    return counts.busy > 0;
}

/* How long ago; the clock may have been set back since. */
static uint64_t called_ago_ms(const struct function *function, const struct revision *old)
{
    uint64_t now_ms = wall_clock_ms();
    if (old && is_under_way(old))
        return 0;
    if (function->called_ms == 0)
        return UINT64_MAX;
    return now_ms > function->called_ms ? now_ms - function->called_ms : 0;
}

void function_keep_trial(struct function *function, const struct revision *old)
{
    uint64_t kept_ms = autoscaler_trial_kept_ms(called_ago_ms(function, old));
    if (kept_ms == 0)
        return;
    revision_keep_one(function->current, kept_ms);
    log_info("trial.kept", LOG_STR("function", function->name), LOG_INT("for_ms", kept_ms));
}
