#include "calls/call_end.h"

#include "calls/call_plan.h"
#include "calls/callbacks.h"
#include "calls/follow_up.h"
#include "calls/turn.h"
#include "calls/turn_notes.h"

#define KEEP_LEAST_MS (3600u * 1000) /* also of calls whose results are not kept */

uint64_t call_end_keep_ms(const struct call_settings *settings)
{
    return settings->result_ttl_ms > 0 ? settings->result_ttl_ms : KEEP_LEAST_MS;
}

bool call_end_needs_result(const struct call_settings *settings, const struct call_record *record)
{
    return settings->result_ttl_ms > 0 || record->callback_url || settings->on_success ||
           settings->on_failure;
}

/* Whether somebody hears of it without having asked. What nobody has heard of may be lost when the machine
 * goes down, since the call is then delivered once more. */
static bool is_told(const struct call_settings *settings, const struct call_record *record,
                    enum call_state state)
{
    return state != CALL_DONE || record->callback_url || settings->on_success;
}

/* What others are to hear of it. */
static int tell(struct calls_env *env, struct call_store *store, const struct call_record *record,
                enum call_state state, const struct call_outcome *outcome, struct error *err)
{
    const struct call_settings *settings = call_plan_settings(env->plan, record->function);
    if (record->callback_url &&
        callbacks_put(env->callbacks, store, record, settings, outcome->ended_ms, err) < 0)
        return -1;
    return follow_up_put(env, store, record, state, outcome, err);
}

int call_end(struct calls_env *env, struct call_store *store, const struct call_record *record,
             enum call_state state, const struct call_outcome *outcome, struct error *err)
{
    const struct call_settings *settings = call_plan_settings(env->plan, record->function);
    uint64_t expires_ms = state == CALL_DONE ? outcome->ended_ms + call_end_keep_ms(settings) : 0;
    struct call_outcome kept = *outcome;
    kept.result.stays = true; /* another call may have it, too */
    if (settings->result_ttl_ms == 0 && !record->callback_url) {
        kept.result_head = NULL;
        kept.result = (struct call_body){0};
    }
    env->run_ended = env->run_ended || record->schedule;
    if (is_told(settings, record, state))
        turn_must_last(env->turn);
    int rc = call_store_end(store, record->number, state, &kept, expires_ms, err);
    return rc > 0 ? tell(env, store, record, state, outcome, err) : rc;
}

static void note_dead(struct calls_env *env, const struct call_record *record, const char *reason)
{
    turn_note_event(env->turn, LOG_WARNING, LOG_CHANGE, "call.dead",
                    LOG_FIELDS(LOG_STR("call", record->id), LOG_STR("function", record->function),
                               LOG_INT("attempt", record->attempts), LOG_STR("reason", reason)));
    turn_note_count(env->turn, env->counts, CALL_COUNT_ENDED_DEAD, 1);
}

int call_end_waiting(struct calls_env *env, struct call_store *store, const struct call_record *record,
                     const struct call_outcome *outcome, struct error *err)
{
    env->run_ended = env->run_ended || record->schedule;
    turn_must_last(env->turn);
    int rc = call_store_give_up(store, record->number, outcome, err);
    if (rc <= 0)
        return rc;
    note_dead(env, record, outcome->reason);
    return tell(env, store, record, CALL_DEAD, outcome, err);
}
