#include "calls/scheduler.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/container_of.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "base/timer.h"
#include "calls/call_counts.h"
#include "calls/call_plan.h"
#include "calls/deliveries.h"
#include "calls/schedule.h"
#include "calls/scheduled.h"
#include "calls/turn.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_MS     1000 /* after the store has refused, and while a time waits */
#define LOOK_LAST_MS 10000 /* a wall clock may be set meanwhile */
#define SEEN_TTL_MS  (7ull * 24 * 3600 * 1000) /* of what no plan has had since */

struct scheduler {
    struct calls_env *env;
    struct deliveries *deliveries;
    struct scheduled *by_id;
    struct scheduled_list all;
    struct event timer;
    struct turn_step step; /* of a turn in which something has changed */
    bool is_in_turn;
    unsigned begun; /* calls of that turn */
    bool has_plan, is_stopped;
    bool is_failing; /* the store refuses, which has been said */
};

/* --- the turn --- */

static void look_in(struct scheduler *scheduler, uint64_t wait_ms)
{
    timer_at(&scheduler->timer, wait_ms, 0);
}

static void on_turn_end(struct turn_step *step, const struct error *failure)
{
    struct scheduler *scheduler = container_of(step, struct scheduler, step);
    struct scheduled *scheduled;
    TAILQ_FOREACH(scheduled, &scheduler->all, link)
    {
        if (failure && scheduled->is_touched)
            scheduled->is_known = false;
        scheduled->is_touched = false;
    }
    scheduler->is_in_turn = false;
    if (!failure)
        call_count_add(scheduler->env->counts, CALL_COUNT_ACCEPTED, scheduler->begun);
    else if (!scheduler->is_stopped)
        look_in(scheduler, AGAIN_MS);
    scheduler->begun = 0;
}

static int enter_turn(struct scheduler *scheduler, struct call_store **ret_store, struct error *err)
{
    if (turn_enter(scheduler->env->turn, ret_store, err) < 0)
        return -1;
    if (!scheduler->is_in_turn)
        turn_then(scheduler->env->turn, &scheduler->step);
    scheduler->is_in_turn = true;
    return 0;
}

/* Once, until it works again. */
static void note_refusal(struct scheduler *scheduler, const struct error *err)
{
    if (!scheduler->is_failing)
        log_warning("schedule.store-failing", LOG_ERR(err));
    scheduler->is_failing = true;
}

/* --- the times --- */

static int look_at(struct scheduler *scheduler, struct scheduled *scheduled, uint64_t now_ms,
                   struct error *err)
{
    struct call_store *store;
    unsigned begun;
    if (enter_turn(scheduler, &store, err) < 0)
        return -1;
    if (scheduled_look(scheduled, scheduler->env, store, now_ms, &begun, err) < 0)
        return turn_fail(scheduler->env->turn, err);
    if (begun == 0)
        return 0;
    scheduler->begun += begun;
    turn_must_last(scheduler->env->turn);
    deliveries_look(scheduler->deliveries, scheduled->function);
    return 0;
}

static int look_at_all(struct scheduler *scheduler, uint64_t now_ms, struct error *err)
{
    struct scheduled *scheduled;
    TAILQ_FOREACH(scheduled, &scheduler->all, link)
    {
        if (scheduled_is_due(scheduled, now_ms) && look_at(scheduler, scheduled, now_ms, err) < 0)
            return -1;
    }
    return 0;
}

/* How long until there is something to look at. */
static uint64_t next_look(const struct scheduler *scheduler, uint64_t now_ms)
{
    uint64_t wait_ms = LOOK_LAST_MS;
    const struct scheduled *scheduled;
    TAILQ_FOREACH(scheduled, &scheduler->all, link)
    {
        uint64_t own_ms = scheduled->next_ms > now_ms ? scheduled->next_ms - now_ms : 0;
        if (!scheduled->zone)
            continue;
        if (scheduled->state.waiting_count > 0 && own_ms > AGAIN_MS)
            own_ms = AGAIN_MS;
        wait_ms = own_ms < wait_ms ? own_ms : wait_ms;
    }
    return wait_ms;
}

static void look(struct scheduler *scheduler)
{
    const uint64_t now_ms = wall_clock_ms();
    struct error err;
    scheduler->env->run_ended = false;
    if (scheduler->is_stopped || !scheduler->has_plan)
        return;
    if (look_at_all(scheduler, now_ms, &err) < 0) {
        note_refusal(scheduler, &err);
        look_in(scheduler, AGAIN_MS);
        return;
    }
    scheduler->is_failing = false;
    if (!TAILQ_EMPTY(&scheduler->all))
        look_in(scheduler, next_look(scheduler, now_ms));
}

static void on_time(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    look(context);
}

void scheduler_go_on(struct scheduler *scheduler)
{
    if (scheduler->env->run_ended)
        look(scheduler);
}

/* --- the plan --- */

/* The one of this schedule from before, taken out of `former`, or a new one. */
static struct scheduled *take(struct scheduled_list *former, struct scheduled **former_by_id,
                              const char *function, const struct function_schedule *schedule)
{
    cleanup_free char *id = xasprintf("%s %s", function, schedule->name);
    char digest[HASH_HEX_SIZE];
    struct scheduled *found;
    scheduled_digest(schedule, digest);
    HASH_FIND_STR(*former_by_id, id, found);
    if (!found || strcmp(found->digest, digest) != 0)
        return scheduled_create(function, schedule);
    HASH_DELETE(hh, *former_by_id, found);
    TAILQ_REMOVE(former, found, link);
    found->schedule = schedule;
    return found;
}

static void take_plan(struct scheduler *scheduler, struct scheduled_list *former,
                      struct scheduled **former_by_id)
{
    const struct call_plan *plan = scheduler->env->plan;
    for (size_t i = 0; i < call_plan_count(plan); i++) {
        const struct call_plan_function *function = call_plan_at(plan, i);
        for (size_t j = 0; j < function->schedule_count; j++) {
            struct scheduled *scheduled = take(former, former_by_id, function->name, &function->schedules[j]);
            HASH_ADD_KEYPTR(hh, scheduler->by_id, scheduled->id, strlen(scheduled->id), scheduled);
            TAILQ_INSERT_TAIL(&scheduler->all, scheduled, link);
        }
    }
}

/* Those that the plan had before and has no more, in whatever form. */
static int forget_former(struct scheduler *scheduler, const struct scheduled_list *former, struct error *err)
{
    struct call_store *store;
    const struct scheduled *scheduled, *now;
    TAILQ_FOREACH(scheduled, former, link)
    {
        const struct schedule_key key = scheduled_key(scheduled);
        HASH_FIND_STR(scheduler->by_id, scheduled->id, now);
        if (now)
            continue;
        if (enter_turn(scheduler, &store, err) < 0)
            return -1;
        if (schedule_store_forget(store, &key, err) < 0)
            return turn_fail(scheduler->env->turn, err);
    }
    return 0;
}

static int forget_old(struct scheduler *scheduler, struct error *err)
{
    struct call_store *store;
    if (enter_turn(scheduler, &store, err) < 0)
        return -1;
    if (schedule_store_forget_old(store, wall_clock_ms() - SEEN_TTL_MS, err) < 0)
        return turn_fail(scheduler->env->turn, err);
    return 0;
}

static void destroy_all(struct scheduled_list *list, struct scheduled *by_id)
{
    struct scheduled *scheduled;
    HASH_CLEAR(hh, by_id);
    while ((scheduled = queue_take_first(list, link)))
        scheduled_destroy(scheduled);
}

void scheduler_stop(struct scheduler *scheduler)
{
    scheduler->is_stopped = true;
    event_del(&scheduler->timer);
    destroy_all(&scheduler->all, scheduler->by_id);
    scheduler->by_id = NULL;
}

/* What goes once it has been stopped has not been taken back by anybody. */
void scheduler_plan_changed(struct scheduler *scheduler)
{
    struct scheduled *former_by_id = scheduler->by_id;
    struct scheduled_list former = TAILQ_HEAD_INITIALIZER(former);
    struct error err;
    if (scheduler->is_stopped)
        return;
    TAILQ_CONCAT(&former, &scheduler->all, link);
    scheduler->by_id = NULL;
    take_plan(scheduler, &former, &former_by_id);
    if (forget_former(scheduler, &former, &err) < 0) /* then once it has not been seen for long */
        note_refusal(scheduler, &err);
    destroy_all(&former, former_by_id);
    const bool is_first = !scheduler->has_plan;
    scheduler->has_plan = true;
    look(scheduler);
    if (is_first && !scheduler->is_failing && forget_old(scheduler, &err) < 0)
        note_refusal(scheduler, &err);
}

struct scheduler *scheduler_create(struct calls_env *env, struct deliveries *deliveries)
{
    struct scheduler *scheduler = xcalloc(1, sizeof(*scheduler));
    scheduler->env = env;
    scheduler->deliveries = deliveries;
    scheduler->step.done = on_turn_end;
    TAILQ_INIT(&scheduler->all);
    evtimer_assign(&scheduler->timer, env->base, on_time, scheduler);
    return scheduler;
}

void scheduler_destroy(struct scheduler *scheduler)
{
    if (!scheduler)
        return;
    event_del(&scheduler->timer);
    destroy_all(&scheduler->all, scheduler->by_id);
    free(scheduler);
}
