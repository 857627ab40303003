#include "fleet/instance/instance_grants.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "fleet/engine/engine.h"
#include "fleet/instance/instance_memory.h"
#include "fleet/instance/instance_mounts.h"
#include "fleet/link/dial.h"

#include <stdlib.h>
#include <string.h>

/* A server that asks for no settings gets its secret variables by a file. */
static bool has_environment_file(const struct container_spec *spec, const struct secret_use *secrets,
                                 size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (secrets[i].variable)
            return spec->port > 0;
    }
    return false;
}

static json_t *ask_engine(const struct fleet_env *env, const struct container_spec *spec,
                          bool has_environment)
{
    cleanup_free char *run_dir = xasprintf("%s/" INSTANCE_GRANTS_NAME, env->run_dir);
    cleanup_free char *code = xasprintf("%s/" INSTANCE_GRANTS_NAME ".code", env->run_dir);
    cleanup_free char *secrets =
        xasprintf("%s/" INSTANCE_GRANTS_NAME "/secrets", env->memory_dir ? env->memory_dir : "");
    cleanup_free char *environment =
        xasprintf("%s/" INSTANCE_GRANTS_NAME "/environment", env->memory_dir ? env->memory_dir : "");
    const struct container_place place = {
        .name = INSTANCE_GRANTS_NAME,
        .instance = INSTANCE_GRANTS_NAME,
        .link_variable = spec->port > 0 ? NULL : DIAL_VARIABLE,
        .run_dir = run_dir,
        .code_dir = spec->code_dir ? spec->code_dir : code,
        .secrets_dir = env->memory_dir ? secrets : NULL,
        .environment_file = has_environment ? environment : NULL,
    };
    return engine_grants(env->engine, spec, &place);
}

static void name_volumes(const struct container_spec *spec, json_t *mounts)
{
    json_t *mount;
    size_t i;
    json_array_foreach(mounts, i, mount)
    {
        const char *at = json_string_value(json_object_get(mount, "at"));
        for (size_t j = 0; j < spec->mount_count; j++) {
            if (strcmp(spec->mounts[j].target, at) == 0)
                json_object_set_new(mount, "volume", json_text(spec->mounts[j].volume));
        }
    }
}

json_t *instance_grants(const struct fleet_env *env, const struct container_spec *spec,
                        const struct secret_use *secrets, size_t secret_count)
{
    struct container_spec located;
    container_spec_copy(spec, &located);
    instance_mounts_locate(env, &located);
    json_t *grants = ask_engine(env, &located, has_environment_file(spec, secrets, secret_count));
    if (grants)
        name_volumes(spec, json_object_get(grants, "mounts"));
    container_spec_clear(&located);
    return grants;
}
