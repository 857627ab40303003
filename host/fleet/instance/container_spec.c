#include "fleet/instance/container_spec.h"

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "fleet/instance/instance_output.h"
#include "fleet/instance/world.h"
#include "prepare/store/dependency_store.h"

#include <stdlib.h>

#define PIDS_LIMIT      512
#define FIXED_VARIABLES 4

static size_t list_length(const char *const *list)
{
    size_t length = 0;
    while (list && list[length])
        length++;
    return length;
}

static char **list_copy(const char *const *list)
{
    if (!list)
        return NULL;
    char **copy = xcalloc(list_length(list) + 1, sizeof(*copy));
    for (size_t i = 0; list[i]; i++)
        copy[i] = xstrdup(list[i]);
    return copy;
}

static void list_free(char **list)
{
    for (char **entry = list; entry && *entry; entry++)
        free(*entry);
    free(list);
}

void container_spec_init(struct container_spec *spec, const struct instance_spec *from)
{
    *spec = (struct container_spec){
        .runtime = xstrdup(from->runtime),
        .image = xstrdup(from->image),
        .code_dir = from->code_dir ? xstrdup(from->code_dir) : NULL,
        .command = list_copy(from->command),
        .environment = list_copy(from->environment),
        .memory_bytes = from->memory_bytes,
        .tmp_bytes = from->tmp_bytes,
        .shm_bytes = from->shm_bytes,
        .cpus = from->cpus,
        .network = from->network,
    };
}

void container_spec_clear(struct container_spec *spec)
{
    free(spec->runtime);
    free(spec->image);
    free(spec->code_dir);
    list_free(spec->command);
    list_free(spec->environment);
    *spec = (struct container_spec){0};
}

char *container_spec_name(const struct container_spec *spec, const char *function, const char *instance)
{
    return function ? xasprintf("berth-%s-%s", function, instance)
                    : xasprintf("berth.%s.%s", spec->runtime, instance);
}

/* The plugin's environment and what the runner protocol adds. The caller frees the array only. */
static const char **environment_with(const struct container_spec *spec)
{
    size_t count = list_length((const char *const *)spec->environment);
    const char **all = xcalloc(count + FIXED_VARIABLES + 1, sizeof(*all));
    for (size_t i = 0; i < count; i++)
        all[i] = spec->environment[i];
    all[count] = "BERTH_SOCKET=/run/berth/host.sock";
    all[count + 1] = "HOME=" WORLD_HOME;
    all[count + 2] = "USER=" WORLD_USER;
    all[count + 3] = spec->code_dir ? "BERTH_PREWARMED=0" : "BERTH_PREWARMED=1";
    return all;
}

/* In front of the command: its output goes to the pipes of instance_output.h. */
static const char *const init[] = {WORLD_INIT, "/run/berth/" INSTANCE_STDOUT, "/run/berth/" INSTANCE_STDERR,
                                   NULL};

/* A folder in memory that is the function's own. */
static struct docker_tmpfs own_folder(const struct container_spec *spec, const char *target)
{
    return (struct docker_tmpfs){.target = target,
                                 .size_bytes = spec->tmp_bytes,
                                 .mode = 0755,
                                 .user = WORLD_UID,
                                 .group = WORLD_GID,
                                 .executable = true};
}

struct docker_call *container_spec_create(const struct fleet_env *env, const struct container_spec *spec,
                                          const struct container_place *place, docker_id_fn *done,
                                          void *owner)
{
    cleanup_free char *name = container_spec_name(spec, place->function, place->instance);
    cleanup_free char *user = xasprintf("%d:%d", WORLD_UID, WORLD_GID);
    cleanup_free char *program = xasprintf("%s/init", env->world_dir);
    cleanup_free char *passwd = xasprintf("%s/passwd", env->world_dir);
    cleanup_free char *group = xasprintf("%s/group", env->world_dir);
    cleanup_free const char **environment = environment_with(spec);
    const struct docker_bind binds[] = {
        {.source = place->dial_dir, .target = "/run/berth", .read_only = true},
        {.source = dependency_store_dir(env->dependencies),
         .target = "/berth/dependencies",
         .read_only = true},
        {.source = place->code_dir, .target = "/berth/code", .read_only = true},
        {.source = program, .target = WORLD_INIT, .read_only = true},
        {.source = passwd, .target = "/etc/passwd", .read_only = true},
        {.source = group, .target = "/etc/group", .read_only = true},
    };
    const struct docker_tmpfs tmpfs[] = {
        {.target = "/tmp", .size_bytes = spec->tmp_bytes, .executable = true},
        own_folder(spec, WORLD_HOME),
        own_folder(spec, WORLD_WORK),
    };
    const struct docker_pair labels[] = {
        {LABEL_HOST, env->owner_id},
        {LABEL_RUNTIME, spec->runtime},
        {LABEL_INSTANCE, place->instance},
    };
    struct docker_container container = {
        .name = name,
        .image = spec->image,
        .entrypoint = init,
        .command = (const char *const *)spec->command,
        .environment = environment,
        .user = user,
        .labels = labels,
        .label_count = sizeof(labels) / sizeof(labels[0]),
        .binds = binds,
        .bind_count = sizeof(binds) / sizeof(binds[0]),
        .tmpfs = tmpfs,
        .tmpfs_count = sizeof(tmpfs) / sizeof(tmpfs[0]),
        .limits = {.memory_bytes = spec->memory_bytes, .cpus = spec->cpus, .pids = PIDS_LIMIT},
        .shm_bytes = spec->shm_bytes,
        .network = spec->network == NETWORK_NONE ? "none" : env->network,
        .read_only_root = true,
        .stop_timeout_s = CONTAINER_STOP_S,
        .log_driver = DOCKER_LOG_NONE,
    };
    return docker_container_create(env->docker, &container, done, owner);
}
