#include "calls/call_end.h"

#include "calls/call_plan.h"
#include "calls/turn.h"

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

int call_end(struct calls_env *env, struct call_store *store, const struct call_record *record,
             enum call_state state, const struct call_outcome *outcome, struct error *err)
{
    const struct call_settings *settings = call_plan_settings(env->plan, record->function);
    uint64_t expires_ms = state == CALL_DONE ? outcome->ended_ms + call_end_keep_ms(settings) : 0;
    struct call_outcome kept = *outcome;
    if (!call_end_needs_result(settings, record)) {
        kept.result_head = NULL;
        kept.result = (struct call_body){0};
    }
    env->run_ended = env->run_ended || record->schedule;
    turn_must_last(env->turn);
    return call_store_end(store, record->number, state, &kept, expires_ms, err);
}

int call_end_waiting(struct calls_env *env, struct call_store *store, const struct call_record *record,
                     const struct call_outcome *outcome, struct error *err)
{
    env->run_ended = env->run_ended || record->schedule;
    turn_must_last(env->turn);
    return call_store_give_up(store, record->number, outcome, err);
}
