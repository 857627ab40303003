#include "fleet/revision/engine_runtime.h"

#include "base/strbuf.h"
#include "fleet/engine/engine.h"

#include <string.h>

const char *engine_runtime_of(const struct fleet_env *env, const struct function_settings *settings)
{
    return settings->runtime ? settings->runtime : env->host->runtime;
}

static int refuse(const char *name, char *const *known, const char *where, struct error *err)
{
    cleanup_strbuf struct strbuf list;
    strbuf_init(&list, sizeof(err->hint));
    for (; *known; known++)
        strbuf_append_format(&list, "%s%s", list.length ? ", " : "", *known);
    error_set(err, ERROR_RUNTIME_UNKNOWN, "the engine has no runtime \"%s\"", name);
    return error_hint(err, "\"runtime\"%s is one of those that `docker info` lists: %s", where,
                      strbuf_text(&list));
}

int engine_runtime_check(const struct fleet_env *env, const struct function_settings *settings,
                         struct error *err)
{
    const char *name = engine_runtime_of(env, settings);
    char *const *known = env->engine ? env->engine->runtimes : NULL;
    if (!name || !known)
        return 0;
    for (char *const *runtime = known; *runtime; runtime++)
        if (strcmp(*runtime, name) == 0)
            return 0;
    return refuse(name, known, settings->runtime ? "" : " in the section `host`", err);
}
