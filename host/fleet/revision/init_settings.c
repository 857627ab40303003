#include "fleet/revision/init_settings.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "fleet/engine/world.h"

static json_t *environment_object(const struct function_settings *settings)
{
    json_t *object = json_object();
    for (size_t i = 0; i < settings->environment_count; i++)
        json_object_set_new(object, settings->environment[i].name,
                            json_string(settings->environment[i].value));
    return object;
}

json_t *init_settings_make(const struct function_settings *settings, const struct prepared *prepared,
                           unsigned concurrency, unsigned timeout_ms)
{
    cleanup_free char *dependencies =
        prepared->dependency_name ? xasprintf("%s/%s", WORLD_DEPENDENCIES, prepared->dependency_name) : NULL;
    return json_pack("{s:i, s:s, s:s, s:s, s:s, s:s?, s:I, s:I, s:o, s:o}", "protocol", 1, "function",
                     settings->name, "revision", prepared->digest, "code", WORLD_CODE, "work", WORLD_WORK,
                     "dependencies", dependencies, "concurrency", (json_int_t)concurrency, "timeout_ms",
                     (json_int_t)timeout_ms, "environment", environment_object(settings), "runtime",
                     json_loads(prepared->launch->runtime, 0, NULL));
}
