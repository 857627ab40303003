#include "admin/function_audit.h"

#include "admin/function_parts.h"
#include "admin/reach_json.h"
#include "base/json.h"

#include <string.h>

/* --- its containers --- */

static void add_container(struct revision *revision, json_t *audit)
{
    json_t *grants = revision ? revision_grants(revision) : NULL;
    const char *digest = revision ? revision_prepared(revision)->digest : "";
    json_object_set_new(audit, "revision", json_text(*digest ? digest : NULL));
    json_object_set(audit, "container", grants ? json_object_get(grants, "own") : json_null());
    json_object_set(audit, "prewarmed", grants ? json_object_get(grants, "prewarmed") : json_null());
    json_decref(grants);
}

static json_t *software_json(struct revision *revision, const struct function_settings *settings)
{
    const struct prepared *prepared = revision ? revision_prepared(revision) : NULL;
    const char *interpreter = prepared ? prepared->interpreter : NULL;
    json_t *packages = json_array();
    for (size_t i = 0; i < settings->system_packages.count; i++)
        json_array_append_new(packages, json_text(settings->system_packages.items[i].text));
    return json_pack(
        "{s:o, s:o, s:o, s:b}", "interpreter", json_text(interpreter && *interpreter ? interpreter : NULL),
        "base", json_text(prepared && prepared_is_on_base(prepared) ? settings->base : NULL),
        "system_packages", packages, "dependencies", prepared && prepared->dependency_name != NULL);
}

/* --- what it is given --- */

static json_t *secrets_json(const struct function_settings *settings)
{
    json_t *secrets = json_array();
    for (size_t i = 0; i < settings->secret_count; i++)
        json_array_append_new(secrets, json_pack("{s:s, s:s?}", "name", settings->secrets[i].name, "variable",
                                                 settings->secrets[i].variable));
    return secrets;
}

static void add_name(json_t *names, const char *name)
{
    const json_t *other;
    size_t i;
    json_array_foreach(names, i, other)
    {
        if (strcmp(json_string_value(other), name) == 0)
            return;
    }
    json_array_append_new(names, json_text(name));
}

/* Those of its settings, those that its secrets have, and those that every container has. */
static json_t *variables_json(const struct function_settings *settings, const json_t *audit)
{
    json_t *names = json_array();
    const json_t *name;
    size_t i;
    for (i = 0; i < settings->environment_count; i++)
        add_name(names, settings->environment[i].name);
    for (i = 0; i < settings->secret_count; i++) {
        if (settings->secrets[i].variable)
            add_name(names, settings->secrets[i].variable);
    }
    json_array_foreach(json_object_get(json_object_get(audit, "container"), "environment"), i, name)
        add_name(names, json_string_value(name));
    return names;
}

static json_t *limits_json(const struct function_settings *settings, const struct host_settings *host)
{
    unsigned start_ms = settings->start_timeout_ms ? settings->start_timeout_ms : host->start_timeout_ms;
    uint64_t body_bytes = settings->max_body_bytes ? settings->max_body_bytes : host->max_body_bytes;
    return json_pack("{s:I, s:I, s:I, s:o, s:I}", "timeout_ms", (json_int_t)settings->timeout_ms,
                     "stream_idle_timeout_ms", (json_int_t)settings->stream_idle_ms, "start_timeout_ms",
                     (json_int_t)start_ms, "max_body_bytes",
                     body_bytes ? json_integer((json_int_t)body_bytes) : json_null(), "instances",
                     (json_int_t)settings->max_scale);
}

/* --- who calls it, and whom it calls --- */

static bool is_called(const char *wanted, const struct function *function)
{
    return wanted && strcmp(wanted, function_name(function)) == 0;
}

/* The functions that have it called with their results. */
static json_t *results_json(const struct fleet *fleet, const struct function *function)
{
    json_t *callers = json_array();
    for (size_t i = 0; i < fleet_function_count(fleet); i++) {
        const struct function *other = fleet_function_at(fleet, i);
        const struct call_settings *calls = &function_applied_settings(other)->calls;
        bool on_success = is_called(calls->on_success, function);
        bool on_failure = is_called(calls->on_failure, function);
        if (!function_is_removed(other) && (on_success || on_failure))
            json_array_append_new(callers, json_pack("{s:s, s:b, s:b}", "function", function_name(other),
                                                     "on_success", on_success, "on_failure", on_failure));
    }
    return callers;
}

static json_t *callers_json(const struct fleet *fleet, const struct function *function,
                            const struct function_settings *settings)
{
    return json_pack("{s:b, s:o, s:o}", "public", settings->is_public, "schedules",
                     function_schedules_json(settings), "results_of", results_json(fleet, function));
}

static json_t *calls_json(const struct function_settings *settings, const struct host_settings *host)
{
    const struct call_settings *calls = &settings->calls;
    return json_pack("{s:I, s:s?, s:s?, s:s?}", "depth", (json_int_t)host->call_depth, "on_success",
                     calls->on_success, "on_failure", calls->on_failure, "callback_secret",
                     calls->callback_secret);
}

/* --- what stays --- */

static json_t *leaves_json(const struct function_settings *settings, const struct host_settings *host)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "log_disk_bytes", (json_int_t)host->log_disk_bytes,
                     "request_records_bytes", (json_int_t)host->request_records_bytes, "revisions",
                     (json_int_t)host->keep_revisions, "result_ttl_ms",
                     (json_int_t)settings->calls.result_ttl_ms, "max_age_ms",
                     (json_int_t)settings->calls.max_age_ms);
}

/* What its containers are is the serving revision's; what applies at once is the function's. */
json_t *function_audit_json(const struct fleet *fleet, const struct host_settings *host,
                            struct function *function)
{
    struct revision *current = function_current(function);
    const struct function_settings *applied = function_applied_settings(function);
    const struct function_settings *made = current ? revision_settings(current) : applied;
    json_t *audit =
        json_pack("{s:s, s:o}", "function", function_name(function), "language", json_text(made->language));
    add_container(current, audit);
    json_object_set_new(audit, "problem", function_problem_json(function));
    json_object_set_new(audit, "software", software_json(current, made));
    json_object_set_new(audit, "reach", reach_json(fleet));
    json_object_set_new(audit, "secrets", secrets_json(made));
    json_object_set_new(audit, "environment", variables_json(made, audit));
    json_object_set_new(audit, "limits", limits_json(applied, host));
    json_object_set_new(audit, "callers", callers_json(fleet, function, applied));
    json_object_set_new(audit, "calls", calls_json(applied, host));
    json_object_set_new(audit, "leaves", leaves_json(applied, host));
    return audit;
}
