#include "fleet/room.h"

#include "fleet/prewarm.h"

/* An instance that has just fallen idle may get its next request at any moment. */
#define IDLE_MIN_MS 300

struct leaving {
    unsigned count;
};

static void count_leaving(struct instance *instance, void *context)
{
    struct leaving *leaving = context;
    leaving->count += instance_current_state(instance) >= INSTANCE_FAILED;
}

static void count_revision(struct revision *revision, void *context)
{
    revision_each(revision, count_leaving, context);
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

bool room_make(struct fleet_env *env, struct function *const *functions, size_t count, uint64_t now_ms)
{
    struct leaving leaving = {0};
    unsigned wanted = 0;
    prewarm_each(env->prewarm, count_leaving, &leaving);
    for (size_t i = 0; i < count; i++) {
        const struct revision *current = function_current(functions[i]);
        wanted += current ? revision_denied(current) : 0;
        function_each_revision(functions[i], count_revision, &leaving);
    }
    while (leaving.count < wanted) {
        struct instance *idle;
        bool gave_up =
            prewarm_give_up(env->prewarm) || ((idle = longest_idle(functions, count, now_ms)) != NULL &&
                                              instance_retire_if_idle(idle, "room is wanted"));
        if (!gave_up)
            return true;
        leaving.count++;
    }
    return false;
}
