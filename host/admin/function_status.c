#include "admin/function_status.h"

#include "admin/function_name.h"
#include "admin/function_parts.h"
#include "admin/image_deployment.h"
#include "base/json.h"
#include "base/rfc3339.h"
#include "routing/slot_pool.h"

#include <string.h>

static json_t *load_json(struct revision *revision)
{
    struct slot_counts counts;
    slot_pool_counts(revision_pool(revision), &counts);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "idle", (json_int_t)counts.idle, "busy",
                     (json_int_t)counts.busy, "waiting", (json_int_t)counts.waiting, "starting",
                     (json_int_t)counts.starting, "completed", (json_int_t)counts.completed, "refused",
                     (json_int_t)counts.refused);
}

static const char *state_word(struct function *function)
{
    struct revision *current = function_current(function);
    return current ? revision_state_name(revision_current_state(current)) : "broken";
}

/* As its author calls it. */
static const char *image_name(struct function *function)
{
    struct revision *current = function_current(function);
    const struct prepared *prepared = current ? revision_prepared(current) : NULL;
    if (!prepared || !prepared->image)
        return "";
    return prepared->launch->image ? prepared->launch->image : prepared->image;
}

/* What was deployed over the API, with what was given; as many replicas as it is to have. */
static void add_deployment(const struct function *function, const struct replicas *replicas, json_t *status)
{
    const json_t *deployment = function_latest_settings(function)->deployment;
    const json_t *created = json_object_get(deployment, "created_ms");
    const json_t *given = image_deployment_given(deployment);
    unsigned minimum = function_minimum(function);
    char text[RFC3339_SIZE];
    if (json_is_integer(created))
        json_object_set_new(status, "createdAt",
                            json_string(rfc3339_write((uint64_t)json_integer_value(created), text)));
    if (!given)
        return;
    image_deployment_tell(given, function_name(function), status);
    if (minimum > replicas->total)
        json_object_set_new(status, "replicas", json_integer(minimum));
}

json_t *function_status_json(struct function *function, uint64_t invocations, uint64_t now_ms)
{
    struct replicas replicas;
    json_t *instances = function_instances_json(function, &replicas, now_ms);
    struct revision *current = function_current(function);
    const struct function_settings *settings = function_latest_settings(function);
    json_t *load = current ? load_json(current) : json_null();
    json_t *berth =
        json_pack("{s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "state",
                  state_word(function), "source", settings->deployment ? "api" : "registry", "language",
                  json_text(settings->language), "version", json_text(settings->version), "revision",
                  current ? revision_prepared(current)->digest : "", "load", load, "problem",
                  function_problem_json(function), "build_output", json_text(function_build_output(function)),
                  "diagnostics", function_diagnostics_json(function), "last_failure",
                  function_failure_json(function, now_ms), "decisions",
                  function_decisions_json(function, now_ms), "instances", instances);
    struct instance_resources used = function_resources(function);
    json_t *labels = function_labels_json(function_applied_settings(function));
    json_object_set_new(labels, "faas_function", json_string(function_name(function)));
    json_t *status = json_pack(
        "{s:s, s:o, s:s, s:o, s:{}, s:I, s:I, s:I, s:{s:f, s:I}, s:o}", "name", function_name(function),
        "image", json_text(image_name(function)), "namespace", FUNCTION_NAMESPACE, "labels", labels,
        "annotations", "invocationCount", (json_int_t)invocations, "replicas", (json_int_t)replicas.total,
        "availableReplicas", (json_int_t)replicas.ready, "usage", "cpu", used.cores * 1000,
        "totalMemoryBytes", (json_int_t)used.memory_bytes, "berth", berth);
    add_deployment(function, &replicas, status);
    return status;
}
