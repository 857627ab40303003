#include "fleet/instance/instance_inside.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/timer.h"
#include "fleet/instance/loss_book.h"
#include "fleet/instance/secret_hide.h"

unsigned instance_connection_count(const struct instance *instance)
{
    unsigned slots = 0;
    if (instance->group)
        slot_group_usage(instance->group, &slots, &(unsigned){0}, &(uint64_t){0});
    return slots + (instance->link ? link_count(instance->link) : 0);
}

static const char *phase_name(const struct instance *instance)
{
    switch (instance->state) {
    case INSTANCE_CREATING:
    case INSTANCE_STARTING:
        return instance->loads_libraries ? "it loaded libraries" : AUTOPSY_STARTING;
    case INSTANCE_PREWARMED:
        return "it waited for a function";
    case INSTANCE_LOADING:
        return "it loaded the function";
    default:
        return "it served";
    }
}

/* It serves no more. */
static void take_out_of_service(struct instance *instance)
{
    if (instance->group)
        slot_group_retire(steal(&instance->group), RETIRE_DRAIN);
    instance->lost_ms = clock_ms();
    instance_change_state(instance, INSTANCE_FAILED);
    event_del(instance->timer);
    instance_close_connections(instance);
}

static void examine(struct instance *instance, enum autopsy_case what, const char *phase)
{
    if (container_is_examined(instance->container))
        return;
    instance->ask_again = false;
    instance->asked_ms = clock_ms();
    char trouble[256] = "";
    const char *advice = instance->link ? link_describe(instance->link, trouble, sizeof(trouble)) : NULL;
    const struct autopsy_subject subject = {.phase = phase,
                                            .trouble = *trouble ? trouble : NULL,
                                            .advice = advice,
                                            .memory_bytes = instance->spec.memory_bytes,
                                            .start_timeout_ms = instance->start_timeout_ms};
    container_examine(instance->container, what, &subject);
}

/* Why the runner of an instance that drains has closed a connection, or a server that goes on serving. */
static void on_loss_explained(struct instance *instance, const struct error *cause)
{
    bool alive = instance_is_alive(instance);
    if (alive && cause->component == COMPONENT_CONTAINER) {
        take_out_of_service(instance);
        instance_fail(instance, cause);
        return;
    }
    loss_book_add(instance->env->losses, instance->id, instance->asked_ms, cause);
    if (instance->state == INSTANCE_DRAINING && cause->component == COMPONENT_RUNNER)
        instance_report(instance, cause);
    if (alive && instance->ask_again)
        examine(instance, AUTOPSY_DIED, phase_name(instance));
    else if (alive && instance->drained)
        instance_drained(instance);
    else if (alive && instance->overdue)
        instance_cut_off(instance);
}

void instance_on_explained(void *owner, const struct error *cause)
{
    struct instance *instance = owner;
    struct error told = *cause; /* it may quote what the function wrote last */
    secret_hide_error(instance->secrets, instance->secret_count, instance->env->secrets, &told);
    if (instance->state == INSTANCE_FAILED)
        instance_fail(instance, &told);
    else
        on_loss_explained(instance, &told);
}

void instance_give_up(struct instance *instance, enum autopsy_case what)
{
    if (!instance_is_alive(instance))
        return;
    const char *phase = phase_name(instance);
    take_out_of_service(instance);
    examine(instance, what, phase);
}

void instance_settle(struct instance *instance)
{
    uint64_t now_ms = clock_ms();
    if (slot_group_settle(instance->group) > 0)
        return;
    if (now_ms < instance->away_until_ms)
        timer_at(instance->timer, instance->away_until_ms, now_ms);
    else if (instance->away_until_ms > 0)
        instance_retire(instance, "a request that its client gave up timed out", 0);
    else
        instance_give_up(instance, AUTOPSY_DISCONNECTED);
}

static void note_absence(struct instance *instance, enum slot_fate fate)
{
    uint64_t now_ms = clock_ms();
    if (fate == SLOT_BROKEN)
        instance->away_until_ms = now_ms + instance->timeout_ms;
    else if (instance->away_until_ms <= now_ms)
        instance->away_until_ms = 0;
    if (instance_connection_count(instance) == 0)
        timer_at(instance->timer, now_ms + INSTANCE_DIAL_MS, now_ms);
}

/* A runner that closes a connection on which it owes an answer is never used again; a server may do it with
 * one request and serve all others. The container's end comes with an event of its own; should it go on, the
 * request that was lost is to learn that too. */
static void note_loss(struct instance *instance)
{
    instance->ask_again = true;
    examine(instance, AUTOPSY_DIED, phase_name(instance));
    if (instance->state == INSTANCE_READY && !link_is_reached_out(instance->link))
        instance_drain(instance, "its runner closed a connection", instance->env->drain_ms);
}

void instance_slot_lost(struct instance *instance, enum slot_fate fate)
{
    if (fate == SLOT_LOST && (instance->state == INSTANCE_READY || instance->state == INSTANCE_DRAINING))
        note_loss(instance);
    else if (fate == SLOT_UNREACHED)
        instance_verify(instance);
    else if (instance->state == INSTANCE_READY)
        note_absence(instance, fate);
}

void instance_container_signalled(struct instance *instance)
{
    if (instance_is_alive(instance))
        container_note_signalled(instance->container);
}

void instance_container_died(struct instance *instance)
{
    if (instance->state == INSTANCE_CREATING)
        return; /* somebody else has started it, and it is started anew */
    container_note_died(instance->container);
    instance_give_up(instance, AUTOPSY_DIED);
}

void instance_verify(struct instance *instance)
{
    if (instance_is_alive(instance))
        container_verify(instance->container);
}
