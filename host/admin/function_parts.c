#include "admin/function_parts.h"

#include "base/json.h"

struct gathering {
    json_t *instances;
    struct replicas replicas;
    const char *revision;
    uint64_t memory_limit_bytes; /* of an instance of that revision */
    uint64_t now_ms;
};

static bool is_on_its_way(enum instance_state state)
{
    return state == INSTANCE_CREATING || state == INSTANCE_STARTING || state == INSTANCE_LOADING;
}

static void add_instance(struct instance *instance, void *context)
{
    struct gathering *gathering = context;
    const struct instance_times *times = instance_phase_times(instance);
    const struct instance_resources *used = instance_look_at_resources(instance);
    enum instance_state state = instance_current_state(instance);
    unsigned slots, busy;
    uint64_t idle_since_ms;
    instance_usage(instance, &slots, &busy, &idle_since_ms);
    gathering->replicas.total++;
    gathering->replicas.ready += state == INSTANCE_READY;
    gathering->replicas.starting += is_on_its_way(state);
    gathering->replicas.busy += busy;
    gathering->replicas.memory_limit_bytes += gathering->memory_limit_bytes;
    json_array_append_new(
        gathering->instances,
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:b}", "instance",
                  instance_name(instance), "revision", gathering->revision, "state",
                  instance_state_name(state), "slots", (json_int_t)slots, "busy", (json_int_t)busy, "idle_ms",
                  (json_int_t)(idle_since_ms ? gathering->now_ms - idle_since_ms : 0), "create_ms",
                  (json_int_t)times->create_ms, "start_ms", (json_int_t)times->start_ms, "load_ms",
                  (json_int_t)times->load_ms, "memory_bytes", (json_int_t)used->memory_bytes, "cpu_cores",
                  used->cores, "adopted", instance_was_adopted(instance)));
}

static void add_revision(struct revision *revision, void *context)
{
    struct gathering *gathering = context;
    gathering->revision = revision_prepared(revision)->digest;
    gathering->memory_limit_bytes = revision_settings(revision)->memory_bytes;
    revision_each_instance(revision, add_instance, gathering);
}

json_t *function_instances_json(struct function *function, struct replicas *ret_replicas, uint64_t now_ms)
{
    struct gathering gathering = {.instances = json_array(), .now_ms = now_ms};
    function_each_revision(function, add_revision, &gathering);
    *ret_replicas = gathering.replicas;
    return gathering.instances;
}

static void add_resources(struct instance *instance, void *context)
{
    struct instance_resources *sum = context;
    const struct instance_resources *used = instance_look_at_resources(instance);
    sum->cpu_ns += used->cpu_ns;
    sum->memory_bytes += used->memory_bytes;
    sum->cores += used->cores;
}

struct instance_resources function_resources(struct function *function)
{
    struct instance_resources sum = {.cpu_ns = function_counts_of(function)->cpu_ns};
    function_each_instance(function, add_resources, &sum);
    return sum;
}

static json_t *problem_json(const struct kept_error *problem)
{
    if (!problem)
        return json_null();
    return json_pack("{s:s, s:s, s:o, s:o}", "component", error_component_name(problem->component), "reason",
                     error_code_slug(problem->code), "message", json_text(problem->message), "hint",
                     json_text(problem->hint));
}

const struct kept_error *function_newest_problem(struct function *function)
{
    const struct kept_error *problem = function_problem(function);
    struct revision *current = function_current(function);
    return problem || !current ? problem : revision_problem(current);
}

json_t *function_problem_json(struct function *function)
{
    return problem_json(function_newest_problem(function));
}

json_t *function_failure_json(const struct function *function, uint64_t now_ms)
{
    const struct failure *failure = function_last_failure(function);
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
    return json_pack(
        "{s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "ago_ms",
        (json_int_t)(now_ms - inputs->now_ms), "reason", scale_reason_name(record->decision.reason), "start",
        (json_int_t)record->decision.start, "denied", (json_int_t)record->decision.denied, "spared",
        (json_int_t)record->decision.spared, "prewarmed", (json_int_t)inputs->prewarmed, "waiting",
        (json_int_t)counts->waiting, "idle", (json_int_t)counts->idle, "busy", (json_int_t)counts->busy,
        "instances", (json_int_t)counts->instances, "starting", (json_int_t)inputs->starting_instances,
        "room", (json_int_t)inputs->host_room, "service_us", (json_int_t)counts->service_us,
        "expected_start_ms", (json_int_t)inputs->expected_start_ms);
}

json_t *function_decisions_json(const struct function *function, uint64_t now_ms)
{
    const struct scale_history *history = function_scale_history(function);
    json_t *list = json_array();
    for (size_t age = 0; age < scale_history_length(history); age++)
        json_array_append_new(list, decision_json(scale_history_at(history, age), now_ms));
    return list;
}

json_t *function_diagnostics_json(const struct function *function)
{
    return diagnostics_to_json(function_diagnostics(function));
}
