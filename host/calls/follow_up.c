#include "calls/follow_up.h"

#include "calls/call_head.h"
#include "calls/call_plan.h"
#include "calls/call_report.h"
#include "calls/turn_notes.h"
#include "store/call_chains.h"
#include "store/call_id.h"

#include <stdio.h>
#include <stdlib.h>

#define HEAD_MAX    (128u << 10)
#define MESSAGE_MAX 256

/* So that what belongs together is found together. */
static void keep_trace(const char *origin_head, struct strbuf *head)
{
    static const char *const names[] = {"traceparent", "tracestate"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char *value = call_head_find(origin_head, names[i]);
        if (value)
            strbuf_append_format(head, "%s: %s\r\n", names[i], value);
        free(value);
    }
}

static int put(struct call_store *store, const struct call_record *record, const struct call_outcome *outcome,
               struct call_new *call, int64_t *ret_number, struct error *err)
{
    const struct call_ended ended = {.id = record->id,
                                     .function = record->function,
                                     .status = outcome->status,
                                     .reason = outcome->reason,
                                     .message = outcome->message,
                                     .result_head = outcome->result_head,
                                     .result = outcome->result,
                                     .result_cut = outcome->result_cut,
                                     .accepted_ms = record->accepted_ms,
                                     .run_ms = outcome->run_ms};
    struct call_report report;
    cleanup_strbuf struct strbuf head;
    strbuf_init(&head, HEAD_MAX);
    call_report_make(&ended, &report);
    call_report_function_head(&report, &ended, &head);
    keep_trace(record->head, &head);
    call->head = strbuf_text(&head);
    call->body = report.body;
    call->body.stays = true;
    int rc = call_store_put(store, call, ret_number, err);
    call_report_clear(&report);
    return rc;
}

static int give_up(struct calls_env *env, struct call_store *store, const struct call_new *call,
                   int64_t number, const char *reason, const char *message, struct error *err)
{
    const struct call_outcome outcome = {.reason = reason, .message = message, .ended_ms = call->accepted_ms};
    if (call_store_give_up(store, number, &outcome, err) < 0)
        return -1;
    turn_note_event(env->turn, LOG_WARNING, LOG_CHANGE, "call.dead",
                    LOG_FIELDS(LOG_STR("call", call->id), LOG_STR("function", call->function),
                               LOG_STR("origin", call->origin), LOG_STR("reason", reason),
                               LOG_STR("message", message)));
    turn_note_count(env->turn, env->counts, CALL_COUNT_ENDED_DEAD, 1);
    return 0;
}

/* Has it be done, unless it cannot. */
static int begin(struct calls_env *env, struct call_store *store, const struct call_new *call, int64_t number,
                 unsigned depth, struct error *err)
{
    char message[MESSAGE_MAX];
    if (depth > FOLLOW_UPS_MAX) {
        snprintf(message, sizeof(message),
                 "The ends of %u calls have called each other in a row, which may be a circle.",
                 FOLLOW_UPS_MAX);
        return give_up(env, store, call, number, "chain-too-long", message, err);
    }
    if (env->plan && !call_plan_find(env->plan, call->function)) {
        snprintf(message, sizeof(message), "There is no function %s.", call->function);
        return give_up(env, store, call, number, error_code_slug(ERROR_FUNCTION_UNKNOWN), message, err);
    }
    env->put(env->owner, call->function);
    return 0;
}

int follow_up_put(struct calls_env *env, struct call_store *store, const struct call_record *record,
                  enum call_state state, const struct call_outcome *outcome, struct error *err)
{
    const struct call_settings *settings = call_plan_settings(env->plan, record->function);
    const char *function = state == CALL_DONE ? settings->on_success : settings->on_failure;
    char id[CALL_ID_DIGITS + 1];
    unsigned depth = 0;
    int64_t number = 0;
    if (!function)
        return 0;
    call_id_make(outcome->ended_ms, id);
    struct call_new call = {.id = id,
                            .function = function,
                            .method = "POST",
                            .target = "",
                            .origin = record->id,
                            .accepted_ms = outcome->ended_ms,
                            .due_ms = outcome->ended_ms};
    if (put(store, record, outcome, &call, &number, err) < 0 ||
        call_chains_find(store, record->number, &depth, err) < 0 ||
        call_chains_put(store, number, depth + 1, err) < 0)
        return -1;
    turn_note_count(env->turn, env->counts, CALL_COUNT_ACCEPTED, 1);
    return begin(env, store, &call, number, depth + 1, err);
}
