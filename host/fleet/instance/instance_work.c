#include "fleet/instance/instance_inside.h"

#include "base/clock.h"

#include <stdlib.h>

static void on_told(void *owner, const struct error *err, bool working)
{
    struct instance *instance = owner;
    instance->question = NULL;
    instance->told_ms = clock_ms();
    instance->works = working;
    bool refused = err && err->code == ERROR_LOAD_FAILED;
    instance_return_slot(instance, err && !refused ? SLOT_DROPPED : SLOT_REUSABLE);
    if (!working && (!err || refused))
        instance_retire_if_idle(instance, "idle");
}

/* Over a slot on loan: a runner that is too busy to answer is busy. */
static bool ask(struct instance *instance)
{
    if (!slot_group_borrow(instance->group, &instance->loan))
        return false;
    char *settings = json_dumps(instance->settings, JSON_COMPACT);
    instance->question = link_ask(instance->link, instance->loan.slot->fd, settings, on_told, instance);
    free(settings);
    return true;
}

enum instance_expiry instance_expire(struct instance *instance, uint64_t idle_since_ms, uint64_t now_ms)
{
    if (link_is_reached_out(instance->link))
        return instance_retire_if_idle(instance, "idle") ? EXPIRY_GONE : EXPIRY_STAYS;
    uint64_t since_ms = instance->question ? instance->loan.idle_since_ms : idle_since_ms;
    if (now_ms >= since_ms + instance->timeout_ms) {
        instance_end_question(instance);
        return instance_retire_if_idle(instance, "idle") ? EXPIRY_GONE : EXPIRY_STAYS;
    }
    if (instance->question)
        return EXPIRY_ASKED;
    if (instance->works && now_ms < instance->told_ms + INSTANCE_WORK_MS)
        return EXPIRY_STAYS;
    return ask(instance) ? EXPIRY_ASKED : EXPIRY_STAYS;
}

bool instance_is_asked(const struct instance *instance)
{
    return instance->question != NULL;
}

bool instance_works(const struct instance *instance)
{
    return instance->works;
}
