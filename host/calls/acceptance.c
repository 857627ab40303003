#include "calls/acceptance.h"

#include "base/alloc.h"
#include "base/container_of.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "calls/call_counts.h"
#include "calls/callback_address.h"
#include "calls/desk_reply.h"
#include "calls/turn.h"
#include "store/call_id.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX 255 /* bytes */

/* One that waits for the end of the turn. */
struct acceptance {
    struct turn_step step;
    struct calls_env *env;
    struct desk_request *request;
    char id[CALL_ID_DIGITS + 1];
    bool replayed; /* it was accepted before, by its key */
};

/* --- whether there is room --- */

static int refuse_many(const struct calls_env *env, struct error *err)
{
    error_set(err, ERROR_CALLS_FULL, "As many calls wait to be done later as may.");
    return error_hint(err, "The limit is calls_max: %" PRIu64 " in the section `host`. Try again later.",
                      env->max_waiting);
}

static int refuse_much(const struct calls_env *env, struct error *err)
{
    error_set(err, ERROR_CALLS_FULL, "Calls that are kept take as much of the disk as they may.");
    return error_hint(err,
                      "The limit is calls_disk: %" PRIu64 " bytes in the section `host`. Try again later.",
                      env->disk_bytes);
}

static int check_room(const struct calls_env *env, uint64_t bytes, struct error *err)
{
    struct call_sums sums;
    call_store_sums(env->store, &sums);
    if ((uint64_t)sums.by_state[CALL_WAITING] >= env->max_waiting)
        return refuse_many(env, err);
    if (calls_env_disk_left(env) <= bytes)
        return refuse_much(env, err);
    return 0;
}

static int check_key(const char *key, struct error *err)
{
    if (!key || (*key && strlen(key) <= KEY_MAX))
        return 0;
    error_set(err, ERROR_IDEMPOTENCY_KEY, "The header Idempotency-Key has %zu bytes.", strlen(key));
    return error_hint(err, "It may have 1 to %d.", KEY_MAX);
}

static int check_callback(const struct calls_env *env, const char *url, struct error *err)
{
    return url ? callback_url_check(url, &env->callback_networks, err) : 0;
}

int acceptance_check(const struct calls_env *env, const struct desk_request *request, uint64_t more,
                     struct error *err)
{
    if (more > 0)
        return check_room(env, more, err);
    const struct desk_ask *ask = desk_request_ask(request);
    if (check_key(ask->key, err) < 0 || check_callback(env, ask->callback_url, err) < 0)
        return -1;
    return check_room(env, desk_request_announced(request), err);
}

/* --- the end of the turn --- */

static void log_accepted(const struct acceptance *acceptance, const struct desk_ask *ask)
{
    log_traffic(LOG_DEBUG, "call.accepted", LOG_STR("call", acceptance->id),
                LOG_STR("function", ask->function), LOG_STR("request", ask->request_id),
                LOG_INT("replayed", acceptance->replayed));
}

static void on_turn_end(struct turn_step *step, const struct error *failure)
{
    struct acceptance *acceptance = container_of(step, struct acceptance, step);
    if (failure) {
        desk_reply_error(acceptance->request, failure);
    } else {
        log_accepted(acceptance, desk_request_ask(acceptance->request));
        if (!acceptance->replayed)
            call_count_add(acceptance->env->counts, CALL_COUNT_ACCEPTED, 1);
        desk_reply_accepted(acceptance->request, acceptance->id, acceptance->replayed);
    }
    free(acceptance);
}

static void await_turn(struct acceptance *acceptance)
{
    acceptance->step.done = on_turn_end;
    turn_then(acceptance->env->turn, &acceptance->step);
}

/* --- what is written --- */

static int put(struct acceptance *acceptance, struct call_store *store, uint64_t now_ms, struct error *err)
{
    const struct desk_ask *ask = desk_request_ask(acceptance->request);
    struct call_new call = {.id = acceptance->id,
                            .function = ask->function,
                            .method = ask->method,
                            .target = ask->target,
                            .head = ask->head,
                            .body = desk_request_body(acceptance->request),
                            .callback_url = ask->callback_url,
                            .key = ask->key,
                            .fingerprint = desk_request_fingerprint(acceptance->request),
                            .client = ask->client,
                            .request_id = ask->request_id,
                            .accepted_ms = now_ms,
                            .due_ms = now_ms};
    int64_t number;
    call_id_make(now_ms, acceptance->id);
    return call_store_put(store, &call, &number, err);
}

/* 1: a call with this key was accepted before; 0: none was; -1. */
static int find_former(struct acceptance *acceptance, struct call_store *store, uint64_t now_ms,
                       struct error *err)
{
    const struct desk_ask *ask = desk_request_ask(acceptance->request);
    char fingerprint[HASH_HEX_SIZE];
    if (!ask->key)
        return 0;
    int rc = call_store_find_key(store, ask->function, ask->key, now_ms - CALL_KEY_MS, acceptance->id,
                                 fingerprint, err);
    if (rc < 0)
        return turn_fail(acceptance->env->turn, err);
    if (rc == 0 || strcmp(fingerprint, desk_request_fingerprint(acceptance->request)) == 0)
        return rc;
    error_set(err, ERROR_IDEMPOTENCY_CONFLICT,
              "Another request to this function had the same Idempotency-Key.");
    return error_hint(err, "A key stands for one request, for a day: method, path and body.");
}

static int write_down(struct acceptance *acceptance, struct error *err)
{
    struct turn *turn = acceptance->env->turn;
    struct call_store *store;
    uint64_t now_ms = wall_clock_ms();
    if (turn_enter(turn, &store, err) < 0)
        return -1;
    int former = find_former(acceptance, store, now_ms, err);
    if (former != 0) {
        acceptance->replayed = former > 0;
        return former < 0 ? -1 : 0;
    }
    if (put(acceptance, store, now_ms, err) < 0)
        return turn_fail(turn, err);
    turn_must_last(turn);
    return 0;
}

void acceptance_begin(struct calls_env *env, struct deliveries *deliveries, struct desk_request *request)
{
    struct acceptance *acceptance = xcalloc(1, sizeof(*acceptance));
    struct error err;
    acceptance->env = env;
    acceptance->request = request;
    if (write_down(acceptance, &err) < 0) {
        desk_reply_error(request, &err);
        free(acceptance);
        return;
    }
    if (!acceptance->replayed)
        deliveries_look(deliveries, desk_request_ask(request)->function);
    await_turn(acceptance);
}
