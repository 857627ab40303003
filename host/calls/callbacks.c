#include "calls/callbacks.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/container_of.h"
#include "base/json.h"
#include "base/log.h"
#include "base/queue.h"
#include "base/rfc3339.h"
#include "base/timer.h"
#include "calls/call_counts.h"
#include "calls/call_plan.h"
#include "calls/callback_address.h"
#include "calls/callback_post.h"
#include "calls/retry.h"
#include "calls/turn.h"
#include "store/call_callbacks.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define AT_ONCE_MAX       64 /* under way */
#define RECEIVER_MAX      8 /* the same, of one receiver: those that are slow hold up no others */
#define RETRIES           5
#define RETRY_WAIT_MS     5000 /* before the first; doubled each time: a receiver may be away for a minute */
#define RETRY_WAIT_MAX_MS (600 * 1000)
#define AGAIN_MS          1000 /* after the store has refused */
#define LOOK_LAST_MS      60000 /* a wall clock may be set meanwhile */
#define WAIT_LONGEST_MS   (RETRY_WAIT_MAX_MS + LOOK_LAST_MS) /* by a clock that is not set back */
#define MESSAGE_MAX       512

/* One that is under way. */
struct posting {
    TAILQ_ENTRY(posting) link;
    struct callbacks *all;
    struct turn_step step; /* of its beginning and of its end */
    struct callback_record callback; /* as it was before this try */
    struct call_record record; /* its call, with the result */
    struct callback_post *post;
    struct event again; /* to note its end */
    bool is_put_back; /* the store did not take its beginning, or none is to begin any more */

    /* How it ended. */
    struct callback_try end;
    char message[MESSAGE_MAX];
    enum callback_state next;
    uint64_t due_ms;
};

struct callbacks {
    struct calls_env *env;
    struct call_settings settings; /* as far as retry.h wants them */
    TAILQ_HEAD(, posting) postings;
    unsigned count;
    struct event look;
    struct turn_step put_step; /* of a turn in which some were put */
    bool is_put, stopped;
};

static void look_soon(struct callbacks *all)
{
    event_active(&all->look, EV_TIMEOUT, 0);
}

static void look_at(struct callbacks *all, uint64_t due_ms)
{
    uint64_t now_ms = wall_clock_ms(), last_ms = now_ms + LOOK_LAST_MS;
    timer_at(&all->look, due_ms < last_ms ? due_ms : last_ms, now_ms);
}

static void free_posting(struct posting *posting)
{
    event_del(&posting->again);
    callback_post_destroy(posting->post);
    callback_record_clear(&posting->callback);
    call_record_clear(&posting->record);
    free(posting);
}

static void forget(struct posting *posting)
{
    TAILQ_REMOVE(&posting->all->postings, posting, link);
    posting->all->count--;
    free_posting(posting);
}

/* --- the end of one --- */

static void note_end(struct posting *posting);

static void on_again(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    note_end(context);
}

static void note_later(struct posting *posting)
{
    struct timeval wait = {.tv_sec = AGAIN_MS / 1000};
    event_add(&posting->again, &wait);
}

static void log_end(const struct posting *posting)
{
    const struct log_field fields[] = {LOG_STR("call", posting->record.id),
                                       LOG_STR("function", posting->record.function),
                                       LOG_STR("receiver", posting->callback.receiver),
                                       LOG_INT("attempt", posting->callback.attempts + 1),
                                       LOG_INT("status", posting->end.status),
                                       LOG_STR("reason", posting->end.reason),
                                       LOG_STR("message", posting->end.message),
                                       {.kind = LOG_KIND_END}};
    if (posting->next == CALLBACK_STATE_DELIVERED)
        log_write(LOG_DEBUG, LOG_TRAFFIC, "callback.delivered", fields);
    else if (posting->next == CALLBACK_STATE_WAITING)
        log_write(LOG_INFO, LOG_TRAFFIC, "callback.failed", fields);
    else
        log_write(LOG_WARNING, LOG_CHANGE, "callback.given-up", fields);
}

static void count_end(const struct posting *posting)
{
    enum call_count count = posting->next == CALLBACK_STATE_DELIVERED ? CALL_COUNT_CALLBACKS_DELIVERED
                            : posting->next == CALLBACK_STATE_WAITING ? CALL_COUNT_CALLBACKS_FAILED
                                                                      : CALL_COUNT_CALLBACKS_GIVEN_UP;
    call_count_add(posting->all->env->counts, count, 1);
}

static void on_end_noted(struct turn_step *step, const struct error *failure)
{
    struct posting *posting = container_of(step, struct posting, step);
    struct callbacks *all = posting->all;
    if (failure) {
        note_later(posting);
        return;
    }
    if (!posting->is_put_back) {
        log_end(posting);
        count_end(posting);
    }
    forget(posting);
    look_soon(all);
}

static int write_end(const struct posting *posting, struct call_store *store, struct error *err)
{
    int64_t number = posting->record.number;
    if (posting->is_put_back)
        return call_callbacks_put_back(store, number, err);
    if (posting->next == CALLBACK_STATE_WAITING)
        return call_callbacks_retry(store, number, &posting->end, posting->due_ms, err);
    return call_callbacks_end(store, number, posting->next, &posting->end, err);
}

/* That it was delivered may be forgotten when the machine goes down: then it is delivered once more. */
static void note_end(struct posting *posting)
{
    struct turn *turn = posting->all->env->turn;
    struct call_store *store;
    struct error err;
    int rc = turn_enter(turn, &store, &err);
    if (rc == 0 && write_end(posting, store, &err) < 0)
        rc = turn_fail(turn, &err);
    if (rc < 0) {
        note_later(posting);
        return;
    }
    posting->step.done = on_end_noted;
    turn_then(turn, &posting->step);
}

static void decide(struct posting *posting, const struct callback_result *result)
{
    uint64_t now_ms = posting->end.ended_ms;
    struct retry_case attempt = {.kind = result->status >= 400 ? ATTEMPT_ANSWERED : ATTEMPT_BROKEN,
                                 .status = result->status,
                                 .retry_after_ms = result->retry_after_ms,
                                 .attempts = posting->callback.attempts + 1,
                                 .since_ms = now_ms,
                                 .now_ms = now_ms,
                                 .chance = arc4random()};
    struct retry_decision decision = retry_decide(&posting->all->settings, &attempt);
    bool is_repeated = result->outcome == CALLBACK_FAILED && decision.verdict == RETRY_AGAIN;
    posting->due_ms = decision.due_ms;
    posting->next = result->outcome == CALLBACK_DELIVERED ? CALLBACK_STATE_DELIVERED
                    : is_repeated                         ? CALLBACK_STATE_WAITING
                                                          : CALLBACK_STATE_GIVEN_UP;
}

static void on_ended(void *owner, const struct callback_result *result)
{
    struct posting *posting = owner;
    posting->end = (struct callback_try){
        .status = result->status, .reason = result->reason, .ended_ms = wall_clock_ms()};
    if (result->message) {
        snprintf(posting->message, sizeof(posting->message), "%s", result->message);
        posting->end.message = posting->message;
    }
    decide(posting, result);
    note_end(posting);
}

/* --- the beginning of one --- */

static void fail_start(struct posting *posting, const char *reason, const char *message)
{
    const struct callback_result result = {.outcome = CALLBACK_FAILED, .reason = reason, .message = message};
    on_ended(posting, &result);
}

/* NULL: there is nothing to sign it with. */
static const struct locked *find_key(const struct posting *posting)
{
    const struct call_plan *plan = posting->all->env->plan;
    const char *secret = call_plan_settings(plan, posting->record.function)->callback_secret;
    return secret ? call_plan_find_key(plan, secret) : NULL;
}

static void start(struct posting *posting)
{
    struct calls_env *env = posting->all->env;
    struct callback_post_spec spec = {.base = env->base,
                                      .outgoing = env->outgoing,
                                      .allowed = &env->callback_networks,
                                      .record = &posting->record,
                                      .ended = on_ended,
                                      .owner = posting};
    struct error err;
    if (posting->callback.is_signed)
        spec.key = find_key(posting);
    if (posting->callback.is_signed && !spec.key)
        fail_start(posting, "secret-missing", "The secret that callbacks are signed with is not to be had.");
    else if (callback_post_start(&spec, &posting->post, &err) < 0)
        fail_start(posting, "result-unreadable", "The result cannot be read.");
}

/* What failed may have been kept all the same, when it is only the disk that does not confirm it. */
static void on_begun(struct turn_step *step, const struct error *failure)
{
    struct posting *posting = container_of(step, struct posting, step);
    posting->is_put_back = failure || posting->all->stopped;
    if (posting->is_put_back)
        note_end(posting);
    else
        start(posting);
}

/* The call of a callback, with its result. 1, -1. */
static int read_call(struct call_store *store, int64_t number, struct call_record *ret_record,
                     struct error *err)
{
    struct call_record found;
    int rc = call_store_find(store, NULL, number, &found, err);
    if (rc <= 0)
        return rc;
    rc = call_store_find_result(store, found.id, ret_record, err);
    call_record_clear(&found);
    return rc;
}

/* `callback` is taken over when that works. */
static int begin(struct callbacks *all, struct call_store *store, struct callback_record *callback,
                 struct error *err)
{
    struct call_record record = {0};
    if (call_callbacks_begin_try(store, callback->number, err) < 0 ||
        read_call(store, callback->number, &record, err) < 0)
        return -1;
    struct posting *posting = xcalloc(1, sizeof(*posting));
    posting->all = all;
    posting->callback = *callback;
    posting->record = record;
    posting->step.done = on_begun;
    evtimer_assign(&posting->again, all->env->base, on_again, posting);
    TAILQ_INSERT_TAIL(&all->postings, posting, link);
    all->count++;
    turn_then(all->env->turn, &posting->step);
    return 0;
}

/* --- which are to begin --- */

static unsigned count_of(const struct callbacks *all, const char *receiver)
{
    const struct posting *posting;
    unsigned count = 0;
    TAILQ_FOREACH(posting, &all->postings, link)
    {
        count += strcmp(posting->callback.receiver, receiver) == 0;
    }
    return count;
}

/* Whether a callback that waits is being put back, after which is looked again. */
static bool is_put_back(const struct callbacks *all, int64_t number)
{
    const struct posting *posting;
    TAILQ_FOREACH(posting, &all->postings, link)
    {
        if (posting->is_put_back && posting->record.number == number)
            return true;
    }
    return false;
}

/* Receivers that have as many under way as they may, as a list of JSON. */
static char *busy_receivers(const struct callbacks *all)
{
    const struct posting *posting;
    json_t *list = json_array();
    TAILQ_FOREACH(posting, &all->postings, link)
    {
        if (all->count >= RECEIVER_MAX && count_of(all, posting->callback.receiver) >= RECEIVER_MAX)
            json_array_append_new(list, json_text(posting->callback.receiver));
    }
    char *text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    return text;
}

/* 1: one begins; 0: none is due. */
static int begin_next(struct callbacks *all, struct call_store *store, struct error *err)
{
    cleanup_free char *busy = busy_receivers(all);
    struct callback_record callback;
    uint64_t due_ms;
    int rc = call_callbacks_next(store, wall_clock_ms(), WAIT_LONGEST_MS, busy, &callback, err);
    if (rc < 0)
        return -1;
    if (rc > 0 && is_put_back(all, callback.number)) {
        callback_record_clear(&callback);
        return 0;
    }
    if (rc > 0) {
        if (begin(all, store, &callback, err) == 0)
            return 1;
        callback_record_clear(&callback);
        return -1;
    }
    if (call_callbacks_next_due(store, busy, &due_ms, err) < 0)
        return -1;
    if (due_ms != UINT64_MAX)
        look_at(all, due_ms);
    return 0;
}

static int fill(struct callbacks *all, struct call_store *store, struct error *err)
{
    int rc = 1;
    while (rc > 0 && all->count < AT_ONCE_MAX)
        rc = begin_next(all, store, err);
    return rc < 0 ? -1 : 0;
}

static void on_look(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct callbacks *all = context;
    struct call_store *store;
    struct error err;
    if (all->stopped || !all->env->plan)
        return;
    if (turn_enter(all->env->turn, &store, &err) < 0) {
        look_at(all, wall_clock_ms() + AGAIN_MS);
    } else if (fill(all, store, &err) < 0) {
        turn_fail(all->env->turn, &err);
        look_at(all, wall_clock_ms() + AGAIN_MS);
    }
}

/* --- what others ask for --- */

/* The end of its call may have been kept as well, and then nothing more is put with it. */
static void on_put(struct turn_step *step, const struct error *failure)
{
    struct callbacks *all = container_of(step, struct callbacks, put_step);
    all->is_put = false;
    if (failure)
        look_at(all, wall_clock_ms() + AGAIN_MS);
    else
        look_soon(all);
}

int callbacks_put(struct callbacks *all, struct call_store *store, const struct call_record *record,
                  const struct call_settings *settings, uint64_t now_ms, struct error *err)
{
    cleanup_free char *receiver = callback_url_receiver(record->callback_url);
    struct callback_new callback = {.number = record->number,
                                    .receiver = receiver,
                                    .is_signed = settings->callback_secret != NULL,
                                    .keeps_result = settings->result_ttl_ms > 0,
                                    .due_ms = now_ms};
    if (call_callbacks_put(store, &callback, err) < 0)
        return -1;
    if (!all->is_put)
        turn_then(all->env->turn, &all->put_step);
    all->is_put = true;
    return 0;
}

void callbacks_plan_changed(struct callbacks *all)
{
    look_soon(all);
}

void callbacks_stop(struct callbacks *all)
{
    all->stopped = true;
}

struct callbacks *callbacks_create(struct calls_env *env)
{
    struct callbacks *all = xcalloc(1, sizeof(*all));
    all->env = env;
    all->put_step.done = on_put;
    all->settings = (struct call_settings){.retries = RETRIES,
                                           .retry_wait_ms = RETRY_WAIT_MS,
                                           .retry_wait_max_ms = RETRY_WAIT_MAX_MS,
                                           .max_age_ms = UINT_MAX,
                                           .retry_on = {.timeout = true, .connection = true}};
    retry_causes_add(&all->settings.retry_on, "4xx", strlen("4xx"));
    retry_causes_add(&all->settings.retry_on, "5xx", strlen("5xx"));
    TAILQ_INIT(&all->postings);
    evtimer_assign(&all->look, env->base, on_look, all);
    return all;
}

void callbacks_destroy(struct callbacks *all)
{
    struct posting *posting;
    if (!all)
        return;
    while ((posting = queue_take_first(&all->postings, link)))
        free_posting(posting);
    event_del(&all->look);
    free(all);
}
