#include "calls/inquiry.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/container_of.h"
#include "base/rfc3339.h"
#include "base/strbuf.h"
#include "calls/call_view.h"
#include "calls/desk_reply.h"
#include "calls/turn.h"

#include <stdlib.h>
#include <string.h>

#define RESULT_HEAD_MAX (128u << 10)

/* One that waits for the end of the turn, since what it has seen may not be kept. */
struct inquiry {
    struct turn_step step;
    struct desk_request *request;
    struct call_record record;
    struct callback_record callback; /* of zeros: there is none, or none yet */
};

static void inquiry_free(struct inquiry *inquiry)
{
    call_record_clear(&inquiry->record);
    callback_record_clear(&inquiry->callback);
    free(inquiry);
}

/* --- the answer --- */

static bool has_ended(const struct call_record *record)
{
    return record->state != CALL_WAITING && record->state != CALL_RUNNING;
}

static bool describes_content(const char *line)
{
    static const char start[] = "Content-";
    return strncasecmp(line, start, sizeof(start) - 1) == 0;
}

/* What the function says of its body, and its status. */
static void write_result_head(const struct call_record *record, struct strbuf *head)
{
    const char *line = record->result_head, *end;
    strbuf_append_format(head, "X-Function-Status: %d\r\nX-Call-Id: %s\r\n", record->status, record->id);
    for (; (end = strstr(line, "\r\n")); line = end + 2) {
        if (describes_content(line))
            strbuf_append(head, line, (size_t)(end - line) + 2);
    }
    if (record->result_cut)
        strbuf_append_text(head, "X-Result-Cut: true\r\n");
}

static void answer_result(struct desk_request *request, const struct call_record *record)
{
    cleanup_strbuf struct strbuf head;
    strbuf_init(&head, RESULT_HEAD_MAX);
    write_result_head(record, &head);
    desk_request_answer(request, &(struct desk_answer){.status = 200,
                                                       .head = strbuf_text(&head),
                                                       .body = {.bytes = record->result,
                                                                .file = record->result_file,
                                                                .size = record->result_size}});
}

/* When there may be something new to tell of a call; 0: nothing will be. */
static uint64_t retry_after_s(const struct call_record *record, uint64_t now_ms)
{
    if (has_ended(record))
        return 0;
    uint64_t wait_ms = record->due_ms > now_ms ? record->due_ms - now_ms : 0;
    return record->state == CALL_WAITING && wait_ms > 1000 ? (wait_ms + 999) / 1000 : 1;
}

static void on_turn_end(struct turn_step *step, const struct error *failure)
{
    struct inquiry *inquiry = container_of(step, struct inquiry, step);
    if (failure)
        desk_reply_error(inquiry->request, failure);
    else if (desk_request_ask(inquiry->request)->kind == DESK_RESULT)
        answer_result(inquiry->request, &inquiry->record);
    else
        desk_reply_json(inquiry->request, retry_after_s(&inquiry->record, wall_clock_ms()),
                        call_view_public(&inquiry->record, &inquiry->callback));
    inquiry_free(inquiry);
}

/* --- what is looked at --- */

static int refuse_unknown(struct error *err)
{
    error_set(err, ERROR_CALL_UNKNOWN, "There is no call of this id.");
    return error_hint(err, "A call that has ended is forgotten after its function's result_ttl.");
}

static int check_result(const struct call_record *record, struct error *err)
{
    if (!has_ended(record)) {
        error_set(err, ERROR_CALL_NOT_ENDED, "The call has no result yet: it is %s.",
                  call_state_name(record->state));
        return error_hint(err, "GET /async/%s says what has become of it.", record->id);
    }
    if (record->result_head)
        return 0;
    error_set(err, ERROR_CALL_NO_RESULT, "The call is %s and has no result.", call_state_name(record->state));
    return error_hint(err, "GET /async/%s says why.", record->id);
}

static int cancel(struct calls_env *env, struct deliveries *deliveries, struct call_record *record,
                  struct error *err)
{
    int rc = deliveries_cancel(deliveries, record, err);
    if (rc < 0)
        return turn_fail(env->turn, err);
    if (rc > 0)
        return 0;
    error_set(err, ERROR_CALL_ENDED, "The call has ended: it is %s.", call_state_name(record->state));
    return error_hint(err, "GET /async/%s says what has become of it.", record->id);
}

static int find(struct calls_env *env, const struct desk_ask *ask, struct inquiry *inquiry, struct error *err)
{
    struct call_record *record = &inquiry->record;
    struct call_store *store;
    int rc = 0;
    if (turn_enter(env->turn, &store, err) < 0)
        return -1;
    if (*ask->id)
        rc = call_store_find_result(store, ask->id, record, err);
    if (rc > 0 && record->callback_url &&
        call_callbacks_find(store, record->number, &inquiry->callback, err) < 0)
        rc = -1;
    if (rc < 0)
        return turn_fail(env->turn, err);
    return rc > 0 ? 0 : refuse_unknown(err);
}

static int look(struct calls_env *env, struct deliveries *deliveries, const struct desk_ask *ask,
                struct inquiry *inquiry, struct error *err)
{
    struct call_record *record = &inquiry->record;
    if (find(env, ask, inquiry, err) < 0)
        return -1;
    if (has_ended(record))
        turn_must_last(env->turn);
    if (ask->kind == DESK_RESULT)
        return check_result(record, err);
    return ask->kind == DESK_CANCEL ? cancel(env, deliveries, record, err) : 0;
}

void inquiry_begin(struct calls_env *env, struct deliveries *deliveries, struct desk_request *request)
{
    struct inquiry *inquiry = xcalloc(1, sizeof(*inquiry));
    struct error err;
    inquiry->request = request;
    inquiry->step.done = on_turn_end;
    if (look(env, deliveries, desk_request_ask(request), inquiry, &err) < 0) {
        desk_reply_error(request, &err);
        inquiry_free(inquiry);
        return;
    }
    turn_then(env->turn, &inquiry->step);
}
