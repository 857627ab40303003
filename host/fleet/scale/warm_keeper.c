#include "fleet/scale/warm_keeper.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/machine_memory.h"
#include "base/rfc3339.h"
#include "base/timer.h"
#include "config/setting.h"

#include <stdlib.h>

#define MOMENT_MS    20 /* in which what happens at once is seen together */
#define LEAVING_MS   200 /* after which it is looked whether what was to go is gone */
#define LOOK_MS      5000 /* at the machine's memory */
#define LOOK_LAST_MS 600000 /* a wall clock may be set meanwhile */
#define PART         10 /* of the machine's memory, unless set */

TAILQ_HEAD(warm_members, warm_member);

struct warm_keeper {
    struct fleet_env *env;
    struct warm_members members;
    size_t count;
    struct event *timer;
    uint64_t memory_bytes; /* what the last plan keeps takes */
    bool is_due; /* somebody has asked for a plan */
    bool is_stopped;
};

/* What is planned: members by their pools. */
struct plan {
    struct warm_member **members;
    struct warm_need *needs; /* of the member with the same index */
    struct warm_use *uses; /* the same */
    struct warm_candidate *candidates; /* one of each pool, whose uses are next to each other */
    struct warm_share *shares;
    size_t candidate_count;
};

uint64_t warm_keeper_budget(const struct warm_keeper *keeper)
{
    uint64_t set_bytes = keeper->env->host->prewarm_memory_bytes;
    return set_bytes == SETTING_UNSET ? machine_memory() / PART : set_bytes;
}

uint64_t warm_keeper_memory(const struct warm_keeper *keeper)
{
    return keeper->memory_bytes;
}

/* --- what there is --- */

static int compare_pools(const void *left, const void *right)
{
    uint64_t a = prewarm_number((*(const struct warm_member *const *)left)->pool);
    uint64_t b = prewarm_number((*(const struct warm_member *const *)right)->pool);
    return a < b ? -1 : a > b;
}

static void collect_members(const struct warm_keeper *keeper, struct plan *plan)
{
    struct warm_member *member;
    size_t count = 0;
    TAILQ_FOREACH(member, &keeper->members, link) plan->members[count++] = member;
    qsort(plan->members, count, sizeof(*plan->members), compare_pools);
}

/* The members of a pool have the same libraries, so what one of them knows of these is true of all. */
static void add_use(struct plan *plan, size_t index, uint64_t now_ms)
{
    struct warm_member *member = plan->members[index];
    bool is_first = index == 0 || plan->members[index - 1]->pool != member->pool;
    struct warm_candidate *candidate = &plan->candidates[plan->candidate_count - !is_first];
    struct warm_need *need = &plan->needs[index];
    member->describe(member->owner, need, now_ms);
    plan->uses[index] = need->use;
    if (is_first) {
        *candidate = (struct warm_candidate){.uses = &plan->uses[index],
                                             .held = member->is_planned ? member->share.set_aside
                                                                        : prewarm_wanted(member->pool)};
        plan->candidate_count++;
    }
    candidate->use_count++;
    if (need->saved_ms > candidate->saved_ms)
        candidate->saved_ms = need->saved_ms;
    if (need->memory_bytes > candidate->memory_bytes)
        candidate->memory_bytes = need->memory_bytes;
}

/* That memory is set aside for, by an earlier daemon too. */
static uint64_t held_bytes(const struct plan *plan)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < plan->candidate_count; i++)
        bytes += plan->candidates[i].held * warm_memory(&plan->candidates[i]);
    return bytes;
}

static void plan_make(const struct warm_keeper *keeper, struct plan *ret_plan, uint64_t now_ms)
{
    *ret_plan = (struct plan){.members = xcalloc(keeper->count, sizeof(*ret_plan->members)),
                              .needs = xcalloc(keeper->count, sizeof(*ret_plan->needs)),
                              .uses = xcalloc(keeper->count, sizeof(*ret_plan->uses)),
                              .candidates = xcalloc(keeper->count, sizeof(*ret_plan->candidates)),
                              .shares = xcalloc(keeper->count, sizeof(*ret_plan->shares))};
    collect_members(keeper, ret_plan);
    for (size_t i = 0; i < keeper->count; i++)
        add_use(ret_plan, i, now_ms);
    struct warm_limits limits = {.set_bytes = warm_keeper_budget(keeper)};
    limits.allowed_bytes =
        warm_budget(limits.set_bytes, held_bytes(ret_plan), machine_memory_available(), machine_memory());
    warm_plan(ret_plan->candidates, ret_plan->candidate_count, &limits, now_ms, ret_plan->shares);
}

static void plan_clear(struct plan *plan)
{
    free(plan->members);
    free(plan->needs);
    free(plan->uses);
    free(plan->candidates);
    free(plan->shares);
}

/* --- what becomes of it --- */

static void log_share(const char *function, const struct warm_share *share,
                      const struct warm_candidate *candidate)
{
    log_info("libraries.kept", LOG_STR("function", function), LOG_INT("instances", share->instances),
             LOG_STR("reason", warm_reason_name(share->reason)),
             LOG_INT("saved_ms", (uint64_t)candidate->saved_ms),
             LOG_INT("memory_mib", candidate->memory_bytes >> 20));
}

/* Whose instances are to be how many others: the members learn of it here, their pools by apply(). */
static void note_shares(struct warm_keeper *keeper, const struct plan *plan)
{
    keeper->memory_bytes = 0;
    for (size_t i = 0, index = 0; i < plan->candidate_count; i++) {
        const struct warm_candidate *candidate = &plan->candidates[i];
        keeper->memory_bytes += plan->shares[i].instances * warm_memory(candidate);
        for (size_t end = index + candidate->use_count; index < end; index++) {
            struct warm_member *member = plan->members[index];
            bool is_other = member->share.instances != plan->shares[i].instances;
            member->share = plan->shares[i];
            member->is_planned = true;
            if (is_other)
                log_share(plan->needs[index].function, &member->share, candidate);
        }
    }
}

/* A pool that is to have fewer; else one that is to have more. A member may leave with what this does. */
static struct warm_member *find_unequal(const struct warm_keeper *keeper, bool fewer)
{
    struct warm_member *member;
    TAILQ_FOREACH(member, &keeper->members, link)
    {
        unsigned wanted = prewarm_wanted(member->pool), share = member->share.instances;
        if (member->is_planned && (fewer ? wanted > share : wanted < share))
            return member;
    }
    return NULL;
}

static void look_in(struct warm_keeper *keeper, uint64_t wait_ms)
{
    timer_at(keeper->timer, wait_ms, 0);
}

/* What is to go goes first, and has its memory until it is gone. */
static void apply(struct warm_keeper *keeper)
{
    struct warm_member *member;
    while ((member = find_unequal(keeper, true)))
        prewarm_want(member->pool, member->share.instances);
    if (prewarm_libraries_leave(keeper->env->prewarm)) {
        look_in(keeper, LEAVING_MS);
        return;
    }
    while ((member = find_unequal(keeper, false)))
        prewarm_want(member->pool, member->share.instances);
}

static void look_again(struct warm_keeper *keeper, const struct plan *plan, uint64_t now_ms)
{
    uint64_t again_ms = warm_plan_again_ms(plan->candidates, plan->shares, plan->candidate_count, now_ms);
    if (again_ms == UINT64_MAX)
        return;
    uint64_t wait_ms = again_ms - now_ms, last_ms = keeper->memory_bytes > 0 ? LOOK_MS : LOOK_LAST_MS;
    look_in(keeper, wait_ms < last_ms ? wait_ms : last_ms);
}

static void on_time(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct warm_keeper *keeper = context;
    const uint64_t now_ms = wall_clock_ms();
    struct plan plan;
    keeper->is_due = false;
    plan_make(keeper, &plan, now_ms);
    note_shares(keeper, &plan);
    look_again(keeper, &plan, now_ms);
    plan_clear(&plan);
    apply(keeper);
}

/* --- from outside --- */

void warm_keeper_look(struct warm_keeper *keeper)
{
    if (keeper->count == 0 || keeper->is_stopped || keeper->is_due)
        return;
    keeper->is_due = true;
    look_in(keeper, MOMENT_MS);
}

void warm_keeper_join(struct warm_keeper *keeper, struct warm_member *member)
{
    member->share = (struct warm_share){0};
    member->is_planned = false;
    TAILQ_INSERT_TAIL(&keeper->members, member, link);
    keeper->count++;
    warm_keeper_look(keeper);
}

void warm_keeper_leave(struct warm_keeper *keeper, struct warm_member *member)
{
    TAILQ_REMOVE(&keeper->members, member, link);
    keeper->count--;
    if (keeper->count == 0)
        keeper->memory_bytes = 0;
    warm_keeper_look(keeper);
}

void warm_keeper_stop(struct warm_keeper *keeper)
{
    keeper->is_stopped = true;
    event_del(keeper->timer);
}

struct warm_keeper *warm_keeper_create(struct fleet_env *env)
{
    struct warm_keeper *keeper = xcalloc(1, sizeof(*keeper));
    keeper->env = env;
    TAILQ_INIT(&keeper->members);
    keeper->timer = evtimer_new(env->base, on_time, keeper);
    return keeper;
}

void warm_keeper_destroy(struct warm_keeper *keeper)
{
    if (!keeper)
        return;
    event_free(keeper->timer);
    free(keeper);
}
