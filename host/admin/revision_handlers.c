#include "admin/admin_handlers.h"

#include "admin/admin_waiting.h"
#include "admin/admin_work.h"
#include "admin/function_find.h"
#include "admin/function_parts.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/rfc3339.h"
#include "fleet/fleet.h"
#include "prepare/store/revision_store.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

/* --- what is kept --- */

/* What is told of a function's revisions, and what there is to read of them on the disk. */
struct telling {
    const struct revision_store *store;
    char *function;
    json_t *list; /* the newest first */
};

static json_t *time_json(uint64_t time_ms)
{
    char text[RFC3339_SIZE];
    return time_ms ? json_string(rfc3339_write(time_ms, text)) : json_null();
}

/* Whether this revision of the function has this digest. */
static bool is_it(const struct revision *revision, const char *digest)
{
    return revision && strcmp(revision_prepared(revision)->digest, digest) == 0;
}

static const char *state_of(const struct function *function, const struct kept_revision *item)
{
    if (is_it(function_current(function), item->digest))
        return "active";
    if (is_it(function_next(function), item->digest))
        return "next";
    return item->is_gone ? "gone" : "kept";
}

static json_t *item_json(const struct function *function, const struct kept_revision *item)
{
    const char *held = function_held(function), *state = state_of(function, item);
    bool is_held = held && strcmp(held, item->digest) == 0;
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:I, s:I, s:b, s:n}", "revision", item->digest, "state",
                     state, "deployed", time_json(item->deployed_ms), "live_since", time_json(item->live_ms),
                     "served_last", time_json(item->served_ms), "requests", (json_int_t)item->requests,
                     "errors", (json_int_t)item->errors, "rolled_back", is_held, "reason");
}

/* One that nothing is kept of: it has not served yet, or never will. */
static void add_other(const char *digest, const char *state, json_t *reason, json_t *list)
{
    json_array_append_new(list, json_pack("{s:s?, s:s, s:n, s:n, s:n, s:I, s:I, s:b, s:o}", "revision",
                                          digest, "state", state, "deployed", "live_since", "served_last",
                                          "requests", (json_int_t)0, "errors", (json_int_t)0, "rolled_back",
                                          0, "reason", reason));
}

static bool is_kept(const struct revision_index *kept, const struct revision *revision)
{
    return kept && revision_index_find(kept, revision_prepared(revision)->digest);
}

static void add_others(const struct function *function, const struct revision_index *kept, json_t *list)
{
    const struct revision *current = function_current(function), *next = function_next(function);
    const struct kept_error *problem = function_problem(function);
    if (problem)
        add_other(NULL, "failed", json_text(problem->message), list);
    if (next && !is_kept(kept, next))
        add_other(revision_prepared(next)->digest, "next", json_null(), list);
    if (current && !is_kept(kept, current))
        add_other(revision_prepared(current)->digest, "active", json_null(), list);
}

static int compare_deployed(const void *a, const void *b)
{
    const struct kept_revision *left = *(const struct kept_revision *const *)a;
    const struct kept_revision *right = *(const struct kept_revision *const *)b;
    return (left->deployed_ms < right->deployed_ms) - (left->deployed_ms > right->deployed_ms);
}

static json_t *revisions_json(const struct function *function)
{
    const struct revision_index *kept = function_kept(function);
    size_t count = kept ? kept->count : 0;
    cleanup_free const struct kept_revision **sorted = xcalloc(count, sizeof(*sorted));
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        sorted[i] = &kept->items[i];
    if (count > 1)
        qsort(sorted, count, sizeof(*sorted), compare_deployed);
    add_others(function, kept, list);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, item_json(function, sorted[i]));
    return list;
}

/* Adds what its record says; `before` is that of the one deployed before it, or empty. */
static void add_record(json_t *item, const struct revision_record *record,
                       const struct revision_record *before)
{
    const json_t *settings = json_object_get(record->settings, "function");
    json_t *version = json_object_get(settings, "version");
    json_object_set_new(item, "changed", revision_record_changes(before->settings ? before : NULL, record));
    json_object_set_new(item, "plugin", json_text(record->plugin_version));
    json_object_set(item, "version", version);
}

/* From the oldest on, so that each is read once. On the background thread. */
static void read_records(void *context)
{
    const struct telling *telling = context;
    struct revision_record before = {0};
    for (size_t i = json_array_size(telling->list); i-- > 0;) {
        json_t *item = json_array_get(telling->list, i);
        const char *digest = json_string_value(json_object_get(item, "revision"));
        struct revision_record record;
        struct error err;
        if (!digest || revision_store_read(telling->store, telling->function, digest, &record, &err) < 0) {
            json_object_set_new(item, "changed", json_null());
            continue;
        }
        add_record(item, &record, &before);
        revision_record_clear(&before);
        before = record;
    }
    revision_record_clear(&before);
}

static void answer_telling(struct admin_call *call, void *context)
{
    const struct telling *telling = context;
    admin_call_json(call, HTTP_OK, json_incref(telling->list));
}

static void free_telling(void *context)
{
    struct telling *telling = context;
    free(telling->function);
    json_decref(telling->list);
    free(telling);
}

void get_revisions(struct admin_call *call)
{
    static const struct admin_job job = {
        .work = read_records, .answer = answer_telling, .free = free_telling};
    struct function *function = admin_named_function(call);
    if (!function)
        return;
    struct telling *telling = xcalloc(1, sizeof(*telling));
    *telling = (struct telling){.store = fleet_revisions(call->parts->fleet),
                                .function = xstrdup(function_name(function)),
                                .list = revisions_json(function)};
    admin_call_work(call, 0, &job, telling);
}

/* --- going back --- */

/* The revision that the body names; NULL: none, and then there may be no body. */
static int read_wanted(const struct admin_call *call, json_t **ret_body, const char **ret_wanted,
                       struct error *err)
{
    *ret_body = NULL;
    *ret_wanted = NULL;
    if (evbuffer_get_length(evhttp_request_get_input_buffer(call->request)) == 0)
        return 0;
    if (admin_call_body(call, ret_body, err) < 0) {
        *ret_body = NULL;
        return -1;
    }
    const json_t *revision = json_object_get(*ret_body, "revision");
    if (revision && !json_is_null(revision) && !json_is_string(revision))
        return error_set(err, ERROR_BAD_CALL,
                         "\"revision\" must be the digest of a revision, or its beginning");
    *ret_wanted = json_string_value(revision);
    return 0;
}

/* What has become of it. */
static void answer_rollback(struct admin_call *call)
{
    struct function *function = admin_named_function(call);
    if (!function)
        return;
    const struct revision *current = function_current(function);
    const char *digest = current ? revision_prepared(current)->digest : "";
    admin_call_json(call, HTTP_OK,
                    json_pack("{s:s, s:o, s:b, s:o}", "function", function_name(function), "revision",
                              *digest ? json_string(digest) : json_null(), "rolled_back",
                              function_held(function) != NULL, "problem", function_problem_json(function)));
}

static void answer_begun(struct admin_call *call, const struct function *function, const char *digest)
{
    const char *wait = admin_call_query(call, "wait");
    if (wait && strcmp(wait, "0") != 0)
        admin_call_wait_for_function(call, function, answer_rollback);
    else
        admin_call_json(call, ADMIN_ACCEPTED,
                        json_pack("{s:s, s:s}", "function", function_name(function), "revision", digest));
}

void post_rollback(struct admin_call *call)
{
    struct function *function = admin_named_function(call);
    struct error err;
    json_t *body;
    const char *wanted, *digest;
    if (!function)
        return;
    if (read_wanted(call, &body, &wanted, &err) < 0 || function_rollback(function, wanted, &digest, &err) < 0)
        admin_call_refuse(call, &err);
    else
        answer_begun(call, function, digest);
    json_decref(body);
}
