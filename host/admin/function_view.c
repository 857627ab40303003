#include "admin/function_view.h"

#include "admin/function_parts.h"
#include "base/json.h"
#include "base/rfc3339.h"
#include "prepare/store/revision_index.h"
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

/* When the revision that serves went live; null while it is not known to have loaded. */
static json_t *since_json(const struct function *function)
{
    struct revision *current = function_current(function);
    const struct revision_index *kept = function_kept(function);
    const struct kept_revision *item =
        current && kept ? revision_index_find(kept, revision_prepared(current)->digest) : NULL;
    char text[RFC3339_SIZE];
    return item ? json_string(rfc3339_write(item->live_ms, text)) : json_null();
}

static void add_serving(const struct function *function, json_t *json)
{
    json_t *more =
        json_pack("{s:o, s:b, s:b}", "serving_since", since_json(function), "last_good",
                  function_serves_last_good(function), "rolled_back", function_held(function) != NULL);
    json_object_update(json, more);
    json_decref(more);
}

/* What the revision that serves runs on, as far as that is known. */
static void add_world(const struct function *function, json_t *json)
{
    struct revision *current = function_current(function);
    const struct prepared *prepared = current ? revision_prepared(current) : NULL;
    const char *interpreter = prepared ? prepared->interpreter : NULL;
    const char *base = prepared && prepared_is_on_base(prepared) ? revision_settings(current)->base : NULL;
    json_t *more = json_pack("{s:o, s:o, s:o}", "image", json_text(prepared ? prepared->image : NULL), "base",
                             json_text(base), "interpreter",
                             json_text(interpreter && *interpreter ? interpreter : NULL));
    json_object_update(json, more);
    json_decref(more);
}

static uint64_t failed(const struct request_count *count)
{
    return count->by_class[0] + count->by_class[5];
}

static uint64_t cold_starts(const struct request_count *count)
{
    return count->cold_waits ? count->cold_waits->count : 0;
}

/* How many answered requests took no longer than each of histogram_bounds_ms, and how many there were. */
static json_t *latency_json(const struct request_count *count)
{
    uint64_t within[HISTOGRAM_BOUNDS + 1] = {0};
    for (size_t i = 0; i < count->status_count; i++) {
        const struct histogram *seconds = count->statuses[i].seconds;
        for (size_t bound = 0; seconds && bound < HISTOGRAM_BOUNDS; bound++)
            within[bound] += histogram_within(seconds, bound);
        within[HISTOGRAM_BOUNDS] += seconds ? seconds->count : 0;
    }
    if (within[HISTOGRAM_BOUNDS] == 0)
        return json_null();
    json_t *list = json_array();
    for (size_t bound = 0; bound <= HISTOGRAM_BOUNDS; bound++)
        json_array_append_new(list, json_integer((json_int_t)within[bound]));
    return list;
}

/* What changes from second to second. */
static json_t *load_json(struct function *function, const struct replicas *replicas,
                         const struct slot_counts *load, const struct request_count *count)
{
    struct instance_resources used = function_resources(function);
    const struct revision *current = function_current(function);
    return json_pack("{s:I, s:i, s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:I, s:I, s:o}", "instances",
                     (json_int_t)replicas->total, "kept_warm",
                     current ? (int)revision_warm_ready(current) : 0, "ready", (json_int_t)replicas->ready,
                     "starting", (json_int_t)replicas->starting, "busy", (json_int_t)replicas->busy,
                     "memory_limit_bytes", (json_int_t)replicas->memory_limit_bytes, "memory_bytes",
                     (json_int_t)used.memory_bytes, "cpu_cores", used.cores, "waiting",
                     (json_int_t)load->waiting, "invocations", (json_int_t)count->total, "failed",
                     (json_int_t)failed(count), "cold_starts", (json_int_t)cold_starts(count), "latency",
                     latency_json(count));
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
    json_t *json =
        json_pack("{s:s, s:s, s:o, s:o, s:s, s:b, s:o, s:o, s:o, s:I}", "name", function_name(function),
                  "source", settings->deployment ? "api" : "registry", "language",
                  json_text(settings->language), "version", json_text(settings->version), "state",
                  state_word(function), "callable", current != NULL, "reason", reason_json(function),
                  "revision", revision_json(current), "next_revision", revision_json(function_next(function)),
                  "findings", (json_int_t)function_diagnostics(function)->count);
    json_t *more = load_json(function, &replicas, &load, count);
    json_object_update(json, more);
    json_decref(more);
    add_serving(function, json);
    return json;
}

static uint64_t trial_kept_ms(struct function *function)
{
    const struct revision *current = function_current(function);
    return current ? revision_keeps_one_ms(current) : 0;
}

json_t *function_details_json(struct function *function, const struct request_count *count, uint64_t now_ms)
{
    const struct function_settings *settings = function_latest_settings(function);
    struct replicas replicas;
    json_t *json = function_summary_json(function, count, now_ms);
    json_t *more = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o}", "folder", json_text(settings->folder),
        "file", json_text(settings->file), "settings",
        function_settings_json(function_applied_settings(function)), "diagnostics",
        function_diagnostics_json(function), "problem", function_problem_json(function), "build_output",
        json_text(function_build_output(function)), "last_failure", function_failure_json(function, now_ms),
        "decisions", function_decisions_json(function, now_ms), "trial_kept_ms",
        (json_int_t)trial_kept_ms(function), "libraries", function_libraries_json(function), "instance_list",
        function_instances_json(function, &replicas, now_ms));
    json_object_update(json, more);
    json_decref(more);
    add_world(function, json);
    return json;
}
