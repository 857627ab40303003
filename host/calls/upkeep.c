#include "calls/upkeep.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "calls/call_end.h"
#include "calls/call_plan.h"
#include "calls/retry.h"
#include "calls/turn.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

#define INTERVAL_MS 5000
#define AT_ONCE_MAX 500 /* calls, so that no turn takes long */
#define AGAIN_MS    10 /* while there are as many */

struct upkeep {
    struct calls_env *env;
    struct event timer;
};

static int give_up(struct calls_env *env, struct call_store *store, const struct call_record *record,
                   uint64_t now_ms, struct error *err)
{
    struct call_outcome outcome = {.status = record->status,
                                   .reason = error_code_slug(ERROR_FUNCTION_UNKNOWN),
                                   .message = "The call reached its max_age, and its function is not there.",
                                   .ended_ms = now_ms};
    return call_end_waiting(env, store, record, &outcome, err);
}

/* 1: one was too old; 0: none is. */
static int give_up_oldest(struct calls_env *env, struct call_store *store, const char *function,
                          uint64_t now_ms, struct error *err)
{
    struct call_record record = {0};
    uint64_t longest_ms = call_plan_longest_wait_ms(env->plan, function);
    int rc = call_store_next(store, function, now_ms, longest_ms, &record, err);
    if (rc > 0 && !retry_is_too_old(call_plan_settings(env->plan, function), record.since_ms, now_ms))
        rc = 0;
    if (rc > 0 && give_up(env, store, &record, now_ms, err) < 0)
        rc = -1;
    call_record_clear(&record);
    return rc;
}

/* Those of functions that are there no more: nobody else comes across them. */
static int give_up_orphans(struct calls_env *env, struct call_store *store, uint64_t now_ms, unsigned *count,
                           struct error *err)
{
    char **functions = call_store_waiting_functions(store);
    int rc = 0;
    for (char **function = functions; *function && rc >= 0; function++) {
        if (call_plan_find(env->plan, *function))
            continue;
        while (*count < AT_ONCE_MAX && (rc = give_up_oldest(env, store, *function, now_ms, err)) > 0)
            ++*count;
    }
    texts_free(functions);
    return rc;
}

static int keep_up(struct calls_env *env, unsigned *ret_count, struct error *err)
{
    struct call_store *store;
    unsigned expired = 0, orphans = 0;
    uint64_t now_ms = wall_clock_ms();
    if (turn_enter(env->turn, &store, err) < 0)
        return -1;
    if (call_store_expire(store, now_ms, AT_ONCE_MAX, &expired, err) < 0)
        return turn_fail(env->turn, err);
    if (env->plan && give_up_orphans(env, store, now_ms, &orphans, err) < 0)
        return turn_fail(env->turn, err);
    turn_must_last(env->turn);
    *ret_count = expired > orphans ? expired : orphans;
    return 0;
}

static void on_time(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct upkeep *upkeep = context;
    struct error err;
    unsigned count = 0;
    if (keep_up(upkeep->env, &count, &err) < 0)
        log_debug("calls.upkeep-failed", LOG_ERR(&err));
    struct timeval wait = {.tv_usec = AGAIN_MS * 1000};
    if (count < AT_ONCE_MAX)
        wait = (struct timeval){.tv_sec = INTERVAL_MS / 1000};
    evtimer_add(&upkeep->timer, &wait);
}

struct upkeep *upkeep_create(struct calls_env *env)
{
    struct upkeep *upkeep = xcalloc(1, sizeof(*upkeep));
    upkeep->env = env;
    evtimer_assign(&upkeep->timer, env->base, on_time, upkeep);
    event_active(&upkeep->timer, EV_TIMEOUT, 0);
    return upkeep;
}

void upkeep_destroy(struct upkeep *upkeep)
{
    if (!upkeep)
        return;
    event_del(&upkeep->timer);
    free(upkeep);
}
