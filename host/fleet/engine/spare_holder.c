#include "fleet/engine/spare_holder.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "docker/image.h"
#include "fleet/engine/docker_inside.h"
#include "fleet/engine/world.h"

#include <stdlib.h>

#define IMAGE        "berth-network:1"
#define MEMORY_BYTES (16u << 20)
#define PIDS         1

struct spare_holder {
    const struct docker_engine *engine;
    char *name, *id;
    char *container; /* NULL: not yet */
    struct docker_call *call;
    bool is_built; /* the image was missing, and has been made */
    spare_holder_fn *done;
    void *owner;
};

static void create(struct spare_holder *holder);

static void holder_free(struct spare_holder *holder)
{
    free(holder->name);
    free(holder->id);
    free(holder->container);
    free(holder);
}

static void finish(struct spare_holder *holder, const struct error *err, const char *address)
{
    holder->done(holder->owner, err, holder->container, address);
    holder_free(holder);
}

static void on_seen(void *owner, const struct error *err, const struct docker_state *state)
{
    struct spare_holder *holder = owner;
    struct error ended;
    if (!err && !state->running) {
        error_set(&ended, ERROR_DOCKER_ERROR, "the container %s has ended with %d", holder->name,
                  state->exit_code);
        err = &ended;
    }
    finish(holder, err, err ? NULL : state->address);
}

static void on_started(void *owner, const struct error *err)
{
    struct spare_holder *holder = owner;
    if (err)
        finish(holder, err, NULL);
    else
        holder->call =
            docker_container_inspect(holder->engine->options.docker, holder->container, on_seen, holder);
}

static void on_built(void *owner, const struct error *err, const char *id)
{
    (void)id;
    struct spare_holder *holder = owner;
    if (err)
        finish(holder, err, NULL);
    else
        create(holder);
}

static void build(struct spare_holder *holder)
{
    static const struct docker_pair label = {"berth.image", "network"};
    static const struct docker_build build = {.dockerfile = "FROM scratch\nLABEL berth.image=network\n",
                                              .tag = IMAGE,
                                              .labels = &label,
                                              .label_count = 1};
    holder->is_built = true;
    holder->call = docker_image_build(holder->engine->options.docker, &build, NULL, on_built, holder);
}

/* One that may have been made although the engine reported a failure is found by its event, or at the next
 * look at all containers. */
static void on_created(void *owner, const struct error *err, const char *id)
{
    struct spare_holder *holder = owner;
    if (err && err->code == ERROR_IMAGE_MISSING && !holder->is_built) {
        build(holder);
    } else if (err) {
        finish(holder, err, NULL);
    } else {
        holder->container = xstrdup(id);
        holder->call = docker_container_start(holder->engine->options.docker, id, on_started, holder);
    }
}

static void create(struct spare_holder *holder)
{
    const struct docker_engine_options *options = &holder->engine->options;
    static const char *const command[] = {WORLD_INIT, "--wait", NULL};
    cleanup_free char *program = xasprintf("%s/init", options->world_dir);
    cleanup_free char *user = xasprintf("%u:%u", WORLD_UID, WORLD_GID);
    const struct docker_pair labels[] = {{LABEL_HOST, options->owner_id}, {LABEL_NETWORK, holder->id}};
    const struct docker_bind bind = {.source = program, .target = WORLD_INIT, .read_only = true};
    const struct docker_container container = {.name = holder->name,
                                               .image = IMAGE,
                                               .entrypoint = command,
                                               .user = user,
                                               .labels = labels,
                                               .label_count = sizeof(labels) / sizeof(*labels),
                                               .binds = &bind,
                                               .bind_count = 1,
                                               .limits = {.memory_bytes = MEMORY_BYTES, .pids = PIDS},
                                               .network = options->network,
                                               .read_only_root = true,
                                               .own_seccomp = true,
                                               .log_driver = DOCKER_LOG_NONE};
    holder->call = docker_container_create(options->docker, &container, on_created, holder);
}

char *spare_holder_name(const char *id)
{
    return xasprintf("berth.network.%s", id);
}

struct spare_holder *spare_holder_make(const struct docker_engine *engine, const char *id,
                                       spare_holder_fn *done, void *owner)
{
    struct spare_holder *holder = xcalloc(1, sizeof(*holder));
    holder->engine = engine;
    holder->name = spare_holder_name(id);
    holder->id = xstrdup(id);
    holder->done = done;
    holder->owner = owner;
    create(holder);
    return holder;
}

void spare_holder_cancel(struct spare_holder *holder)
{
    if (!holder)
        return;
    docker_cancel(holder->call);
    holder_free(holder);
}
