#include "fleet/engine/docker_inside.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "fleet/engine/world.h"

#include <stdlib.h>

#define PIDS_LIMIT      512
#define FIXED_VARIABLES 4

/* The plugin's environment and what the runner protocol adds. The caller frees the array only. */
static const char **environment_with(const struct container_spec *spec, const struct container_place *place)
{
    size_t count = 0;
    while (spec->environment && spec->environment[count])
        count++;
    const char **all = xcalloc(count + FIXED_VARIABLES + 1, sizeof(*all));
    for (size_t i = 0; i < count; i++)
        all[i] = spec->environment[i];
    all[count++] = "HOME=" WORLD_HOME;
    all[count++] = "USER=" WORLD_USER;
    all[count++] = spec->code_dir ? "BERTH_PREWARMED=0" : "BERTH_PREWARMED=1";
    all[count] = place->link_variable;
    return all;
}

/* In front of the command: its output goes to pipes, and its environment may have more than the engine's. */
static const char *const init[] = {WORLD_INIT, WORLD_RUN "/" WORLD_STDOUT, WORLD_RUN "/" WORLD_STDERR, NULL};
static const char *const init_with_environment[] = {
    WORLD_INIT, "--environment", WORLD_ENVIRONMENT, WORLD_RUN "/" WORLD_STDOUT, WORLD_RUN "/" WORLD_STDERR,
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

struct docker_call *docker_container_of(const struct docker_engine *engine, const struct container_spec *spec,
                                        const struct container_place *place, docker_id_fn *done, void *owner)
{
    const struct docker_engine_options *options = &engine->options;
    cleanup_free char *user = xasprintf("%d:%d", WORLD_UID, WORLD_GID);
    cleanup_free char *program = xasprintf("%s/init", options->world_dir);
    cleanup_free char *passwd = xasprintf("%s/passwd", options->world_dir);
    cleanup_free char *group = xasprintf("%s/group", options->world_dir);
    cleanup_free const char **environment = environment_with(spec, place);
    const struct docker_bind binds[] = {
        {.source = place->run_dir, .target = WORLD_RUN, .read_only = true},
        {.source = options->dependencies_dir, .target = "/berth/dependencies", .read_only = true},
        {.source = place->code_dir, .target = "/berth/code", .read_only = true},
        {.source = program, .target = WORLD_INIT, .read_only = true},
        {.source = passwd, .target = "/etc/passwd", .read_only = true},
        {.source = group, .target = "/etc/group", .read_only = true},
        {.source = place->environment_file, .target = WORLD_ENVIRONMENT, .read_only = true},
    };
    const size_t bind_count = sizeof(binds) / sizeof(binds[0]) - !place->environment_file;
    const struct docker_tmpfs tmpfs[] = {
        {.target = "/tmp", .size_bytes = spec->tmp_bytes, .executable = true},
        own_folder(spec, WORLD_HOME),
        own_folder(spec, WORLD_WORK),
    };
    const struct docker_pair labels[] = {
        {LABEL_HOST, options->owner_id},
        {LABEL_RUNTIME, spec->runtime},
        {LABEL_INSTANCE, place->instance},
    };
    struct docker_container container = {
        .name = place->name,
        .image = spec->image,
        .entrypoint = place->environment_file ? init_with_environment : init,
        .command = spec->command,
        .environment = environment,
        .user = user,
        .labels = labels,
        .label_count = sizeof(labels) / sizeof(labels[0]),
        .binds = binds,
        .bind_count = bind_count,
        .tmpfs = tmpfs,
        .tmpfs_count = sizeof(tmpfs) / sizeof(tmpfs[0]),
        .limits = {.memory_bytes = spec->memory_bytes, .cpus = spec->cpus, .pids = PIDS_LIMIT},
        .shm_bytes = spec->shm_bytes,
        .network = spec->network == NETWORK_NONE ? "none" : options->network,
        .read_only_root = true,
        .stop_timeout_s = CONTAINER_STOP_S,
        .log_driver = DOCKER_LOG_NONE,
    };
    return docker_container_create(options->docker, &container, done, owner);
}
