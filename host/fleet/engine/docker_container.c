#include "fleet/engine/docker_inside.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "fleet/engine/container_user.h"
#include "fleet/engine/init/door.h"
#include "fleet/engine/world.h"

#include <stdlib.h>
#include <string.h>

#define FIXED_VARIABLES 5
#define OOM_SCORE       600 /* as the machine's memory runs out, functions go before what serves them */
#define USUAL_LABELS    4

/* What the user is called; NULL: the image may know. */
static const char *user_variable(const struct container_user *user)
{
    if (user->is_world)
        return "USER=" WORLD_USER;
    return user->is_known && user->uid == 0 ? "USER=root" : NULL;
}

/* The plugin's environment and what the runner protocol adds. The caller frees the array only. */
static const char **environment_with(const struct container_spec *spec, const struct container_place *place,
                                     const struct container_user *user)
{
    size_t count = 0;
    const char *name = user_variable(user);
    while (spec->environment && spec->environment[count])
        count++;
    const char **all = xcalloc(count + FIXED_VARIABLES + 1, sizeof(*all));
    for (size_t i = 0; i < count; i++)
        all[i] = spec->environment[i];
    if (name)
        all[count++] = name;
    all[count++] = "HOME=" WORLD_HOME;
    all[count++] = spec->code_dir ? "BERTH_PREWARMED=0" : "BERTH_PREWARMED=1";
    all[count++] = DOOR_VARIABLE "=" DOOR_URL;
    all[count] = place->link_variable;
    return all;
}

/* In front of the command: its output goes to pipes, and its environment may have more than the engine's. */
static const char *const init[] = {WORLD_INIT, WORLD_RUN "/" WORLD_STDOUT, WORLD_RUN "/" WORLD_STDERR, NULL};
static const char *const init_with_environment[] = {
    WORLD_INIT, "--environment", WORLD_ENVIRONMENT, WORLD_RUN "/" WORLD_STDOUT, WORLD_RUN "/" WORLD_STDERR,
    NULL};

/* A folder in memory that is the function's own. When nobody knows who that will be, everybody may write. */
static struct docker_tmpfs own_folder(const struct container_spec *spec, const struct container_user *user,
                                      const char *target)
{
    return (struct docker_tmpfs){.target = target,
                                 .size_bytes = spec->tmp_bytes,
                                 .mode = user->is_known ? 0755 : 0777,
                                 .user = user->uid,
                                 .group = user->gid,
                                 .executable = true};
}

/* The files of the world's folder that are mounted. */
struct world_files {
    char *init, *passwd, *group;
};

/* Where installed dependencies are: those that are known to be for it, else all, which it cannot tell apart
 * without a name.
 * What is made up here is freed with *ret_source and *ret_target. */
static struct docker_bind bind_dependencies(const struct docker_engine_options *options,
                                            const struct container_spec *spec, char **ret_source,
                                            char **ret_target)
{
    if (!spec->code_dir && !spec->ahead)
        return (struct docker_bind){options->dependencies_dir, WORLD_DEPENDENCIES, .read_only = true};
    if (!spec->dependencies)
        return (struct docker_bind){0};
    *ret_source = xasprintf("%s/%s", options->dependencies_dir, spec->dependencies);
    *ret_target = xasprintf(WORLD_DEPENDENCIES "/%s", spec->dependencies);
    return (struct docker_bind){*ret_source, *ret_target, .read_only = true};
}

/* What every instance has of this host, and what its function has beside. A bind without a source is left
 * out: the names in /etc/passwd are the world's user's only, since another may have one in the image. The
 * caller frees the array only. */
static struct docker_bind *binds_of(const struct container_spec *spec, const struct container_place *place,
                                    const struct container_user *user, const struct world_files *world,
                                    const struct docker_bind *dependencies, size_t *ret_count)
{
    const struct docker_bind usual[] = {
        {.source = place->run_dir, .target = WORLD_RUN, .read_only = true},
        *dependencies,
        {.source = place->code_dir, .target = WORLD_CODE, .read_only = true},
        {.source = world->init, .target = WORLD_INIT, .read_only = true},
        {.source = user->is_world ? world->passwd : NULL, .target = "/etc/passwd", .read_only = true},
        {.source = user->is_world ? world->group : NULL, .target = "/etc/group", .read_only = true},
        {.source = place->secrets_dir, .target = WORLD_SECRETS, .read_only = true},
        {.source = place->secrets_dir, .target = WORLD_SECRETS_TOO, .read_only = true},
        {.source = place->environment_file, .target = WORLD_ENVIRONMENT, .read_only = true},
    };
    const size_t usual_count = sizeof(usual) / sizeof(usual[0]);
    struct docker_bind *binds = xcalloc(usual_count + spec->mount_count, sizeof(*binds));
    size_t count = 0;
    for (size_t i = 0; i < usual_count; i++)
        if (usual[i].source)
            binds[count++] = usual[i];
    for (size_t i = 0; i < spec->mount_count; i++) {
        const struct container_mount *mount = &spec->mounts[i];
        binds[count++] = (struct docker_bind){mount->source, mount->target, mount->read_only};
    }
    *ret_count = count;
    return binds;
}

/* As Docker wants it; NULL: the image's own. The caller frees it. */
static char *docker_user(const struct container_user *user)
{
    return user->is_known ? xasprintf("%u:%u", user->uid, user->gid) : NULL;
}

/* Its function's own, and those that every container of ours has. The caller calls labels_free(). */
static struct docker_pair *labels_of(const struct docker_engine_options *options,
                                     const struct container_spec *spec, const struct container_place *place,
                                     const char *spare, size_t *ret_count)
{
    const struct docker_pair usual[USUAL_LABELS] = {
        {LABEL_HOST, options->owner_id},
        {LABEL_RUNTIME, spec->runtime},
        {LABEL_INSTANCE, place->instance},
        {LABEL_NETWORK, spare},
    };
    struct docker_pair *labels = xcalloc(spec->label_count + USUAL_LABELS, sizeof(*labels));
    for (size_t i = 0; i < spec->label_count; i++)
        labels[i] = (struct docker_pair){xasprintf(LABEL_OF_FUNCTION "%s", spec->labels[i].name),
                                         spec->labels[i].value};
    memcpy(labels + spec->label_count, usual, sizeof(usual));
    *ret_count = spec->label_count + (spare ? USUAL_LABELS : USUAL_LABELS - 1);
    return labels;
}

static void labels_free(const struct container_spec *spec, struct docker_pair *labels)
{
    for (size_t i = 0; i < spec->label_count; i++)
        free((char *)labels[i].name);
    free(labels);
}

void docker_container_make(const struct docker_engine *engine, const struct container_spec *spec,
                           const struct container_place *place, const struct container_network *network,
                           docker_container_use_fn *use, void *context)
{
    const struct docker_engine_options *options = &engine->options;
    const struct container_user user = container_user_of(spec->user);
    cleanup_free char *user_text = docker_user(&user);
    cleanup_free char *program = xasprintf("%s/init", options->world_dir);
    cleanup_free char *passwd = xasprintf("%s/passwd", options->world_dir);
    cleanup_free char *group = xasprintf("%s/group", options->world_dir);
    const struct world_files world = {program, passwd, group};
    cleanup_free const char **environment = environment_with(spec, place, &user);
    size_t bind_count;
    cleanup_free char *set = NULL, *set_target = NULL;
    const struct docker_bind dependencies = bind_dependencies(options, spec, &set, &set_target);
    cleanup_free struct docker_bind *binds = binds_of(spec, place, &user, &world, &dependencies, &bind_count);
    const struct docker_tmpfs tmpfs[] = {
        {.target = "/tmp", .size_bytes = spec->tmp_bytes, .executable = true},
        own_folder(spec, &user, WORLD_HOME),
        own_folder(spec, &user, WORLD_WORK),
    };
    size_t label_count;
    struct docker_pair *labels =
        labels_of(options, spec, place, network ? network->spare : NULL, &label_count);
    struct docker_container container = {
        .name = place->name,
        .image = spec->image,
        .entrypoint = place->environment_file ? init_with_environment : init,
        .command = spec->command,
        .environment = environment,
        .user = user_text,
        .labels = labels,
        .label_count = label_count,
        .binds = binds,
        .bind_count = bind_count,
        .tmpfs = tmpfs,
        .tmpfs_count = sizeof(tmpfs) / sizeof(tmpfs[0]),
        .own_seccomp = spec->seccomp == SECCOMP_BERTH,
        .oom_score_adj = OOM_SCORE,
        .runtime = spec->engine_runtime,
        .limits = {.memory_bytes = spec->memory_bytes, .cpus = spec->cpus, .pids = spec->pids},
        .shm_bytes = spec->shm_bytes,
        .network = network                         ? network->name
                   : spec->network == NETWORK_NONE ? "none"
                                                   : options->network,
        .name_server = network ? network->name_server : NULL,
        .read_only_root = spec->read_only_root,
        .stop_timeout_s = CONTAINER_STOP_S,
        .log_driver = DOCKER_LOG_NONE,
    };
    use(&container, context);
    labels_free(spec, labels);
}

/* What is to be created, and who is told. */
struct order {
    struct docker *docker;
    docker_id_fn *done;
    void *owner;
    struct docker_call *call;
};

static void create(const struct docker_container *container, void *context)
{
    struct order *order = context;
    order->call = docker_container_create(order->docker, container, order->done, order->owner);
}

struct docker_call *docker_container_of(const struct docker_engine *engine, const struct container_spec *spec,
                                        const struct container_place *place,
                                        const struct container_network *network, docker_id_fn *done,
                                        void *owner)
{
    struct order order = {.docker = engine->options.docker, .done = done, .owner = owner};
    docker_container_make(engine, spec, place, network, create, &order);
    return order.call;
}
