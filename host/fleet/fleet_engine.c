#include "fleet/fleet_inside.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/timer.h"
#include "fleet/engine/engine.h"
#include "fleet/instance/adoption.h"
#include "fleet/instance/fault.h"
#include "fleet/instance/loss_book.h"
#include "fleet/room.h"
#include "fleet/scale/prewarm.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_DOUBLINGS  6
#define ADOPTION_LOOK_MS 200 /* at what nobody has claimed yet */
#define ROOM_RETRY_MS    250 /* while instances are wanted that the host has no room for */

struct search {
    uint64_t id;
    struct instance *found;
};

static void match_instance(struct instance *instance, void *context)
{
    struct search *search = context;
    if (instance_id(instance) == search->id)
        search->found = instance;
}

static struct instance *find_instance(const struct fleet *fleet, uint64_t id)
{
    struct search search = {.id = id};
    fleet_each_instance(fleet, match_instance, &search);
    return search.found;
}

static bool is_spared(const struct fleet *fleet, uint64_t instance)
{
    for (size_t i = 0; i < fleet->spared_count; i++) {
        if (fleet->spared[i] == instance)
            return true;
    }
    return false;
}

void fleet_on_found(void *context, const char *instance, const char *id, const char *name, bool runs)
{
    const struct fleet *fleet = context;
    adoption_note_found(fleet->env.adoption, instance, id, name, runs);
}

bool fleet_is_known(void *context, const char *instance)
{
    const struct fleet *fleet = context;
    uint64_t id = strtoull(instance, NULL, 16);
    if (fleet->released)
        return true; /* what there is besides is the next daemon's */
    return adoption_awaits(fleet->env.adoption, instance) || find_instance(fleet, id) != NULL ||
           is_spared(fleet, id);
}

void fleet_on_died(void *context, const char *name)
{
    const struct fleet *fleet = context;
    struct instance *instance = find_instance(fleet, strtoull(name, NULL, 16));
    if (instance)
        instance_container_died(instance);
    else
        adoption_note_died(fleet->env.adoption, name);
}

void fleet_on_signalled(void *context, const char *name)
{
    struct instance *instance = find_instance(context, strtoull(name, NULL, 16));
    if (instance)
        instance_container_signalled(instance);
}

/* Builds again what could not be built because of the engine. */
static void redeploy_victims(const struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->count; i++) {
        struct function *function = fleet->functions[i];
        if (fault_is_passing(function_problem(function)) && function_is_settled(function) &&
            !function_is_removed(function))
            function_redeploy(function);
    }
}

void fleet_on_retry(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct fleet *fleet = context;
    if (fleet->stopping || engine_is_away(fleet->env.engine))
        return; /* the engine's return will do it */
    if (fleet->retries < RETRY_DOUBLINGS)
        fleet->retries++;
    redeploy_victims(fleet);
}

static void each_current(const struct fleet *fleet, void (*visit)(struct revision *revision))
{
    for (size_t i = 0; i < fleet->count; i++) {
        struct revision *current = function_current(fleet->functions[i]);
        if (current)
            visit(current);
    }
}

/* Room goes to new revisions, which wait to be tried, and to functions that want it, before it goes to
 * prewarmed instances. */
static void share_room(struct fleet *fleet)
{
    fleet->env.engine->budget.short_of_room = false;
    for (size_t i = 0; i < fleet->count; i++) {
        struct revision *next = function_next(fleet->functions[i]);
        if (next)
            revision_scale(next);
    }
    each_current(fleet, revision_scale);
    if (!fleet->env.engine->budget.short_of_room)
        prewarm_refill(fleet->env.prewarm);
}

/* Its container may have ended, or vanished, while nobody told. */
static void verify_instance(struct instance *instance, void *context)
{
    (void)context;
    instance_verify(instance);
}

void fleet_on_engine_up(void *context)
{
    struct fleet *fleet = context;
    if (fleet->stopping)
        return;
    adoption_note_reviewed(fleet->env.adoption);
    if (!fleet->applied && !fleet->reloading) {
        fleet->waiting_for = "the plugins";
        fleet_read_all(fleet);
    } else {
        fleet->retries = 0;
        fleet_each_instance(fleet, verify_instance, NULL);
        redeploy_victims(fleet);
        each_current(fleet, revision_resume);
        prewarm_resume(fleet->env.prewarm);
    }
}

void fleet_on_engine_down(void *context)
{
    each_current(context, revision_scale);
}

void fleet_on_room_freed(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct fleet *fleet = context;
    if (fleet->stopping)
        fleet_check_stopped(fleet);
    else
        share_room(fleet);
}

void fleet_on_room_wanted(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct fleet *fleet = context;
    uint64_t now_ms = clock_ms();
    if (!fleet->stopping && fleet->env.engine->budget.short_of_room &&
        room_wanted(fleet->functions, fleet->count) == 0)
        share_room(fleet); /* whoever stood back need not any more */
    else if (!fleet->stopping && room_make(&fleet->env, fleet->functions, fleet->count, now_ms))
        timer_at(fleet->env.engine->budget.wanted, now_ms + ROOM_RETRY_MS, now_ms);
}

/* Whether one of its revisions may still turn out to be what they serve. */
static bool may_claim(const struct function *function)
{
    const struct revision *current = function_current(function), *next = function_next(function);
    return !function_is_settled(function) ||
           (current && revision_current_state(current) == REVISION_PREPARING) ||
           (next && revision_current_state(next) == REVISION_PREPARING);
}

/* Prewarmed ones are for whichever function is prepared last. */
static bool is_awaited(const void *context, const char *name)
{
    const struct fleet *fleet = context;
    const struct function *function = name ? fleet_function_find(fleet, name) : NULL;
    if (!fleet->applied)
        return true;
    return name ? function && may_claim(function) : !fleet->settled;
}

void fleet_on_adoption(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct fleet *fleet = context;
    adoption_sweep(fleet->env.adoption, is_awaited, fleet, "nothing starts from what it is any more");
    if (adoption_is_open(fleet->env.adoption) && !fleet->stopping)
        timer_at(fleet->adoption, clock_ms() + ADOPTION_LOOK_MS, clock_ms());
}

void fleet_on_inbox(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct fleet *fleet = context;
    mailbox_deliver(&fleet->env.inbox, fleet);
}

struct timeout_mail {
    struct mail mail;
    uint64_t instance;
};

static void deliver_timeout(struct mail *mail, void *owner)
{
    struct fleet *fleet = owner;
    struct instance *instance = find_instance(fleet, ((struct timeout_mail *)mail)->instance);
    if (instance)
        instance_retire(instance, "a request timed out", fleet->env.drain_ms);
    free(mail);
}

void fleet_instance_timed_out(struct fleet *fleet, uint64_t instance)
{
    struct timeout_mail *message = xcalloc(1, sizeof(*message));
    message->mail.deliver = deliver_timeout;
    message->instance = instance;
    mailbox_post(&fleet->env.inbox, &message->mail);
}

enum instance_loss fleet_loss_cause(const struct fleet *fleet, uint64_t instance, uint64_t lost_ms,
                                    struct error *ret_cause)
{
    if (!loss_book_find(fleet->env.losses, instance, lost_ms, ret_cause))
        return LOSS_UNKNOWN;
    return fault_is_own(ret_cause->component, ret_cause->code) ? LOSS_OWN : LOSS_OUTSIDE;
}
