#include "admin/function_status.h"

#include "base/json.h"
#include "routing/slot_pool.h"

#include <string.h>

struct gathering {
    json_t *instances;
    unsigned total, ready;
    const char *revision;
};

static void add_instance(struct instance *instance, void *context)
{
    struct gathering *gathering = context;
    const struct instance_times *times = instance_phase_times(instance);
    enum instance_state state = instance_current_state(instance);
    unsigned slots, busy;
    uint64_t idle_since_ms;
    instance_usage(instance, &slots, &busy, &idle_since_ms);
    gathering->total++;
    gathering->ready += state == INSTANCE_READY;
    json_array_append_new(gathering->instances,
                          json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "instance",
                                    instance_name(instance), "revision", gathering->revision, "state",
                                    instance_state_name(state), "slots", (json_int_t)slots, "busy",
                                    (json_int_t)busy, "create_ms", (json_int_t)times->create_ms, "start_ms",
                                    (json_int_t)times->start_ms, "load_ms", (json_int_t)times->load_ms));
}

static void add_revision(struct revision *revision, void *context)
{
    struct gathering *gathering = context;
    gathering->revision = revision_prepared(revision)->digest;
    revision_each_instance(revision, add_instance, gathering);
}

static json_t *load_json(struct revision *revision)
{
    struct slot_counts counts;
    slot_pool_counts(revision_pool(revision), &counts);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "idle", (json_int_t)counts.idle, "busy",
                     (json_int_t)counts.busy, "waiting", (json_int_t)counts.waiting, "starting",
                     (json_int_t)counts.starting, "completed", (json_int_t)counts.completed, "refused",
                     (json_int_t)counts.refused);
}

static json_t *problem_json(const struct kept_error *problem)
{
    if (!problem)
        return json_null();
    return json_pack("{s:s, s:s, s:o, s:o}", "component", error_component_name(problem->component), "reason",
                     error_code_slug(problem->code), "message", json_text(problem->message), "hint",
                     json_text(problem->hint));
}

static json_t *failure_json(const struct failure *failure, uint64_t now_ms)
{
    if (failure->at_ms == 0)
        return json_null();
    json_t *json = problem_json(failure->cause);
    json_object_set_new(json, "instance", json_text(failure->instance));
    json_object_set_new(json, "ago_ms", json_integer((json_int_t)(now_ms - failure->at_ms)));
    json_object_set_new(json, "traceback", json_text(failure->traceback));
    json_object_set_new(json, "output", json_text(failure->output));
    return json;
}

static json_t *decision_json(const struct scale_record *record, uint64_t now_ms)
{
    const struct scale_inputs *inputs = &record->inputs;
    const struct slot_counts *counts = &inputs->counts;
    return json_pack("{s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "ago_ms",
                     (json_int_t)(now_ms - inputs->now_ms), "reason",
                     scale_reason_name(record->decision.reason), "start", (json_int_t)record->decision.start,
                     "denied", (json_int_t)record->decision.denied, "waiting", (json_int_t)counts->waiting,
                     "idle", (json_int_t)counts->idle, "busy", (json_int_t)counts->busy, "instances",
                     (json_int_t)counts->instances, "starting", (json_int_t)inputs->starting_instances,
                     "room", (json_int_t)inputs->host_room, "service_us", (json_int_t)counts->service_us,
                     "expected_start_ms", (json_int_t)inputs->expected_start_ms);
}

static json_t *decisions_json(const struct scale_history *history, uint64_t now_ms)
{
    json_t *list = json_array();
    for (size_t age = 0; age < scale_history_length(history); age++)
        json_array_append_new(list, decision_json(scale_history_at(history, age), now_ms));
    return list;
}

static json_t *diagnostics_json(const struct diagnostics *diagnostics)
{
    json_t *list = json_array();
    for (size_t i = 0; i < diagnostics->count; i++)
        json_array_append_new(list, diagnostic_to_json(&diagnostics->items[i]));
    return list;
}

static const char *state_word(struct function *function)
{
    struct revision *current = function_current(function);
    return current ? revision_state_name(revision_current_state(current)) : "broken";
}

static const char *image_name(struct function *function)
{
    struct revision *current = function_current(function);
    const char *image = current ? revision_prepared(current)->image : NULL;
    return image ? image : "";
}

/* The newest deployment's problem, else that of the revision that serves. */
static const struct kept_error *newest_problem(struct function *function)
{
    const struct kept_error *problem = function_problem(function);
    struct revision *current = function_current(function);
    return problem || !current ? problem : revision_problem(current);
}

json_t *function_status_json(struct function *function, uint64_t invocations, uint64_t now_ms)
{
    struct gathering gathering = {.instances = json_array()};
    function_each_revision(function, add_revision, &gathering);
    struct revision *current = function_current(function);
    const struct function_settings *settings = function_latest_settings(function);
    json_t *load = current ? load_json(current) : json_null();
    json_t *berth = json_pack(
        "{s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "state", state_word(function), "language",
        json_text(settings->language), "version", json_text(settings->version), "revision",
        current ? revision_prepared(current)->digest : "", "load", load, "problem",
        problem_json(newest_problem(function)), "build_output", json_text(function_build_output(function)),
        "diagnostics", diagnostics_json(function_diagnostics(function)), "last_failure",
        failure_json(function_last_failure(function), now_ms), "decisions",
        decisions_json(function_scale_history(function), now_ms), "instances", gathering.instances);
    return json_pack("{s:s, s:o, s:s, s:{s:s}, s:{}, s:I, s:I, s:I, s:o}", "name", function_name(function),
                     "image", json_text(image_name(function)), "namespace", FUNCTION_STATUS_NAMESPACE,
                     "labels", "faas_function", function_name(function), "annotations", "invocationCount",
                     (json_int_t)invocations, "replicas", (json_int_t)gathering.total, "availableReplicas",
                     (json_int_t)gathering.ready, "berth", berth);
}
