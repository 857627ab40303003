#include "fleet/room.h"

#include "fleet/scale/prewarm.h"

/* An instance that has just fallen idle may get its next request at any moment. */
#define IDLE_MIN_MS 300

/* How long a new revision waits for others' room before the one that it replaces has to drain an instance. */
#define TRIAL_PATIENCE_MS 2000

static void count_leaving(struct instance *instance, void *context)
{
    unsigned *leaving = context;
    *leaving += instance_current_state(instance) >= INSTANCE_FAILED;
}

static struct instance *longest_idle(struct function *const *functions, size_t count, uint64_t now_ms)
{
    struct instance *best = NULL;
    uint64_t best_since_ms = now_ms - IDLE_MIN_MS;
    for (size_t i = 0; i < count; i++) {
        const struct revision *current = function_current(functions[i]);
        uint64_t since_ms = 0;
        struct instance *spare =
            current && revision_denied(current) == 0 ? revision_spare(current, &since_ms) : NULL;
        if (!spare || since_ms > best_since_ms)
            continue;
        best = spare;
        best_since_ms = since_ms;
    }
    return best;
}

/* Takes an instance of a revision that is to be replaced, for the trial of its successor. */
static bool take_predecessor(struct function *const *functions, size_t count, uint64_t now_ms)
{
    for (size_t i = 0; i < count; i++) {
        struct revision *current = function_current(functions[i]), *next = function_next(functions[i]);
        uint64_t since_ms = next ? revision_trial_waits_since(next) : 0;
        if (since_ms && current && revision_cede(current, now_ms >= since_ms + TRIAL_PATIENCE_MS))
            return true;
    }
    return false;
}

static bool give_up_one(struct fleet_env *env, struct function *const *functions, size_t count,
                        uint64_t now_ms)
{
    if (prewarm_give_up(env->prewarm))
        return true;
    struct instance *idle = longest_idle(functions, count, now_ms);
    if (idle && instance_retire_if_idle(idle, "room is wanted"))
        return true;
    return take_predecessor(functions, count, now_ms);
}

static unsigned denied(const struct revision *revision)
{
    return revision ? revision_denied(revision) : 0;
}

unsigned room_wanted(struct function *const *functions, size_t count)
{
    unsigned wanted = 0;
    for (size_t i = 0; i < count; i++)
        wanted += denied(function_current(functions[i])) + denied(function_next(functions[i]));
    return wanted;
}

bool room_make(struct fleet_env *env, struct function *const *functions, size_t count, uint64_t now_ms)
{
    unsigned leaving = 0, wanted = room_wanted(functions, count);
    prewarm_each_instance(env->prewarm, count_leaving, &leaving);
    for (size_t i = 0; i < count; i++)
        function_each_instance(functions[i], count_leaving, &leaving);
    while (leaving < wanted) {
        if (!give_up_one(env, functions, count, now_ms))
            return true;
        leaving++;
    }
    return false;
}
