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

/* Where the dependencies are in the container; NULL: there are none. The caller frees it. */
static char *dependencies_of(const struct prepared *prepared)
{
    return prepared->dependency_name ? xasprintf("%s/%s", WORLD_DEPENDENCIES, prepared->dependency_name)
                                     : NULL;
}

json_t *init_settings_make(const struct function_settings *settings, const struct prepared *prepared,
                           unsigned concurrency, unsigned timeout_ms)
{
    cleanup_free char *dependencies = dependencies_of(prepared);
    return json_pack("{s:i, s:s, s:s, s:s, s:s, s:s?, s:I, s:I, s:o, s:o}", "protocol", 1, "function",
                     settings->name, "revision", prepared->digest, "code", WORLD_CODE, "work", WORLD_WORK,
                     "dependencies", dependencies, "concurrency", (json_int_t)concurrency, "timeout_ms",
                     (json_int_t)timeout_ms, "environment", environment_object(settings), "runtime",
                     json_loads(prepared->launch->runtime, 0, NULL));
}

/* The names of the variables whose values nobody knows yet. */
static json_t *secret_names(const struct function_settings *settings)
{
    json_t *names = json_array();
    for (size_t i = 0; i < settings->secret_count; i++) {
        if (settings->secrets[i].variable)
            json_array_append_new(names, json_string(settings->secrets[i].variable));
    }
    return names;
}

char *init_settings_prewarm(const struct function_settings *settings, const struct prepared *prepared,
                            json_t *modules)
{
    cleanup_free char *dependencies = dependencies_of(prepared);
    json_t *json =
        json_pack("{s:i, s:s?, s:o, s:o, s:o, s:O}", "protocol", 1, "dependencies", dependencies,
                  "environment", environment_object(settings), "secret_names", secret_names(settings),
                  "runtime", json_loads(prepared->launch->runtime, 0, NULL), "modules", modules);
    char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(json);
    return text;
}
