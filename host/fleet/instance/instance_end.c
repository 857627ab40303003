#include "fleet/instance/instance_inside.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/timer.h"
#include "fleet/instance/loss_book.h"

#include <assert.h>

void instance_change_state(struct instance *instance, enum instance_state state)
{
    uint64_t now_ms = clock_ms();
    assert(instance_state_leads_to(instance->state, state));
    log_event(state == INSTANCE_FAILED ? LOG_WARNING : LOG_INFO, "instance.state",
              LOG_STR("instance", instance->name), LOG_STR("function", instance->function),
              LOG_STR("runtime", instance->spec.runtime),
              LOG_STR("from", instance_state_name(instance->state)),
              LOG_STR("to", instance_state_name(state)),
              LOG_INT("age_ms", now_ms - instance->times.created_ms), LOG_STR("why", instance->why_removed));
    instance->state = state;
    instance->phase_began_ms = now_ms;
    if (!instance->leaves)
        instance_forget(instance);
}

void instance_tell(struct instance *instance, const char *what, const char *more)
{
    const struct output_origin from = {instance->name, instance->revision};
    if (instance->output)
        function_output_tell(instance->output, &from, "instance %s: %s", what, more);
}

bool instance_is_alive(const struct instance *instance)
{
    return instance->state < INSTANCE_FAILED;
}

void instance_return_slot(struct instance *instance, enum slot_fate fate)
{
    struct slot_loan loan = instance->loan;
    instance->loan = (struct slot_loan){0};
    if (loan.slot)
        slot_group_return(&loan, fate, clock_ms());
}

void instance_end_question(struct instance *instance)
{
    handshake_cancel(steal(&instance->question));
    instance_return_slot(instance, SLOT_BROKEN);
}

void instance_close_connections(struct instance *instance)
{
    instance_end_question(instance);
    if (instance->link)
        link_drop(instance->link);
}

void instance_remove_container(struct instance *instance, const char *why)
{
    instance_note_resources(instance);
    instance->why_removed = why;
    instance_change_state(instance, INSTANCE_REMOVING);
    instance_tell(instance, "removed", why);
    event_del(instance->timer);
    instance_close_connections(instance);
    instance_door_close(instance);
    container_remove(instance->container);
}

void instance_report(struct instance *instance, const struct error *cause)
{
    if (instance->failure_reported)
        return;
    instance->failure_reported = true;
    if (instance->ready_ms > 0)
        loss_book_add(instance->env->losses, instance->id, LOSS_FOR_GOOD, cause);
    log_warning("instance.failed", LOG_STR("instance", instance->name),
                LOG_STR("function", instance->function), LOG_STR("runtime", instance->spec.runtime),
                LOG_ERR(cause));
    instance_tell(instance, "failed", cause->message);
    instance->hooks.failed(instance, cause, instance->owner);
}

void instance_fail(struct instance *instance, const struct error *cause)
{
    instance_report(instance, cause);
    if (instance->state != INSTANCE_REMOVING)
        instance_remove_container(instance, "failed");
}

/* Although requests are under way. */
void instance_cut_off(struct instance *instance)
{
    struct error cause;
    error_set(&cause, ERROR_INSTANCE_REMOVED, "the instance was removed before the request was finished (%s)",
              instance->why_removed);
    error_hint(&cause, "how long requests under way are waited for is drain_timeout in the section `host`");
    loss_book_add(instance->env->losses, instance->id, LOSS_FOR_GOOD, &cause);
    instance_remove_container(instance, "drain-timeout");
}

bool instance_retire_if_idle(struct instance *instance, const char *why)
{
    if (instance->state != INSTANCE_READY || !slot_group_retire(instance->group, RETIRE_IF_IDLE))
        return false;
    instance->group = NULL;
    instance_remove_container(instance, why);
    return true;
}

void instance_drain(struct instance *instance, const char *why, uint64_t drain_ms)
{
    uint64_t now_ms = clock_ms();
    if (instance->state == INSTANCE_DRAINING && now_ms + drain_ms >= instance->drained_by_ms)
        return;
    if (instance->state == INSTANCE_READY) {
        instance->why_removed = why;
        instance_change_state(instance, INSTANCE_DRAINING);
        slot_group_retire(steal(&instance->group), RETIRE_DRAIN);
    }
    instance->drained_by_ms = now_ms + drain_ms;
    timer_at(instance->timer, instance->drained_by_ms, now_ms);
}

void instance_retire(struct instance *instance, const char *why, uint64_t drain_ms)
{
    if (instance_retire_if_idle(instance, why))
        return;
    if (instance->state == INSTANCE_READY || instance->state == INSTANCE_DRAINING)
        instance_drain(instance, why, drain_ms);
    else if (instance_is_alive(instance))
        instance_remove_container(instance, why);
}

void instance_drained(struct instance *instance)
{
    instance->drained = true;
    if (instance->state == INSTANCE_DRAINING && !container_is_examined(instance->container))
        instance_remove_container(instance, instance->why_removed);
}
