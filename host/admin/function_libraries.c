#include "admin/function_parts.h"

/* What is kept of instances that have them, and why; nothing before the first plan. */
static void add_share(const struct revision *revision, json_t *json)
{
    const struct warm_share *share = revision_warm_share(revision);
    if (!share)
        return;
    json_t *more = json_pack("{s:i, s:s, s:f, s:f}", "instances", (int)share->instances, "reason",
                             warm_reason_name(share->reason), "expected_per_hour", share->expected, "value",
                             share->value);
    json_object_update(json, more);
    json_decref(more);
}

json_t *function_libraries_json(const struct function *function)
{
    const struct revision *revision = function_current(function);
    const struct module_profile *profile = revision ? revision_modules(revision) : NULL;
    if (!profile)
        return json_null();
    json_t *json = json_pack(
        "{s:o, s:O, s:f, s:I, s:i, s:s?}", "ahead", module_profile_names(profile), "left", profile->left,
        "saved_ms", module_profile_saved_ms(profile), "memory_bytes", (json_int_t)profile->memory_bytes,
        "ready", (int)revision_warm_ready(revision), "failed", revision_libraries_problem(revision));
    add_share(revision, json);
    return json;
}
