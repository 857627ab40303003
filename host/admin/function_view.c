#include "admin/function_view.h"

#include "admin/function_parts.h"
#include "base/json.h"
#include "routing/slot_pool.h"

/* What a caller meets: those of a revision that is still prepared wait for it. */
static const char *state_word(struct function *function)
{
    struct revision *current = function_current(function);
    if (!current)
        return "broken";
    return revision_current_state(current) == REVISION_PREPARING ? "building" : "ready";
}

static json_t *revision_json(struct revision *revision)
{
    const char *digest = revision ? revision_prepared(revision)->digest : "";
    return *digest ? json_string(digest) : json_null();
}

/* What is wrong, though it may serve all the same: an older revision goes on, say. */
static json_t *reason_json(struct function *function)
{
    const struct kept_error *problem = function_newest_problem(function);
    return problem ? json_text(problem->message) : json_null();
}

static uint64_t failed(const struct request_count *count)
{
    return count->by_class[0] + count->by_class[5];
}

static uint64_t cold_starts(const struct request_count *count)
{
    return count->cold_waits ? count->cold_waits->count : 0;
}

json_t *function_summary_json(struct function *function, const struct request_count *count, uint64_t now_ms)
{
    const struct function_settings *settings = function_latest_settings(function);
    struct revision *current = function_current(function);
    struct slot_counts load = {0};
    if (current)
        slot_pool_counts(revision_pool(current), &load);
    struct replicas replicas;
    json_decref(function_instances_json(function, &replicas, now_ms));
    return json_pack("{s:s, s:o, s:o, s:s, s:b, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
                     "name", function_name(function), "language", json_text(settings->language), "version",
                     json_text(settings->version), "state", state_word(function), "callable", current != NULL,
                     "reason", reason_json(function), "revision", revision_json(current), "next_revision",
                     revision_json(function_next(function)), "instances", (json_int_t)replicas.total, "ready",
                     (json_int_t)replicas.ready, "busy", (json_int_t)replicas.busy, "waiting",
                     (json_int_t)load.waiting, "findings", (json_int_t)function_diagnostics(function)->count,
                     "invocations", (json_int_t)count->total, "failed", (json_int_t)failed(count),
                     "cold_starts", (json_int_t)cold_starts(count));
}

json_t *function_details_json(struct function *function, const struct request_count *count, uint64_t now_ms)
{
    const struct function_settings *settings = function_latest_settings(function);
    struct replicas replicas;
    json_t *json = function_summary_json(function, count, now_ms);
    json_t *more = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "folder", json_text(settings->folder), "file",
        json_text(settings->file), "settings", function_settings_json(function_applied_settings(function)),
        "diagnostics", function_diagnostics_json(function), "problem", function_problem_json(function),
        "build_output", json_text(function_build_output(function)), "last_failure",
        function_failure_json(function, now_ms), "decisions", function_decisions_json(function, now_ms),
        "instance_list", function_instances_json(function, &replicas, now_ms));
    json_object_update(json, more);
    json_decref(more);
    return json;
}
