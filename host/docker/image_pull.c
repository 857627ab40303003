#include "base/alloc.h"
#include "base/cleanup.h"
#include "docker/answer.h"
#include "docker/image.h"
#include "docker/image_reference.h"
#include "docker/progress.h"

#include <stdlib.h>
#include <string.h>

/* --- the pull --- */

static void clear_pull(struct docker_call *call)
{
    struct progress *progress = call->state;
    progress_clear(progress);
    free(progress);
}

static void finish_pull(struct docker_call *call, const struct error *err)
{
    struct error end_err;
    if (!err && progress_end(call->state, &end_err) < 0)
        err = &end_err;
    if (!call->cancelled)
        call->callback.done(call->owner, err);
}

struct docker_call *docker_image_pull(struct docker *docker, const char *name, const char *login,
                                      docker_progress_fn *line, docker_done_fn *done, void *owner)
{
    static const struct docker_kind kind = {.verb = "pull image",
                                            .unlimited = true,
                                            .finish = finish_pull,
                                            .receive = progress_receive,
                                            .clear = clear_pull};
    const struct image_reference reference = image_reference_read(name);
    cleanup_free char *image = xstrndup(name, reference.name_length);
    struct docker_call *call = docker_call_create(docker, &kind, name, owner);
    struct progress *progress = xcalloc(1, sizeof(*progress));
    progress_init(progress, call, ERROR_DOCKER_ERROR, line);
    call->state = progress;
    call->callback.done = done;
    call->header = login ? xasprintf("X-Registry-Auth: %s", login) : NULL;
    docker_call_request(call, "POST", "/images/create", NULL, NULL, NULL);
    docker_call_query(call, "fromImage", image);
    docker_call_query(call, "tag", reference.version);
    return docker_call_submit(call);
}

/* --- which registry that is --- */

static void clear_registry(struct docker_call *call)
{
    free(call->state);
}

/* The engine's own has further names. */
static const char *address_of(const json_t *info, const char *registry)
{
    const json_t *indexes = json_object_get(json_object_get(info, "RegistryConfig"), "IndexConfigs");
    bool own = !registry || answer_boolean(json_object_get(indexes, registry), "Official");
    return own ? answer_text(info, "IndexServerAddress") : registry;
}

static void finish_registry(struct docker_call *call, const struct error *err)
{
    struct error parse_err;
    json_t *info = err ? NULL : answer_parse(call, JSON_OBJECT, &parse_err);
    if (info)
        call->callback.id(call->owner, NULL, address_of(info, call->state));
    else
        call->callback.id(call->owner, err ? err : &parse_err, NULL);
    json_decref(info);
}

struct docker_call *docker_image_registry(struct docker *docker, const char *name, docker_registry_fn *done,
                                          void *owner)
{
    static const struct docker_kind kind = {
        .verb = "ask for", .finish = finish_registry, .clear = clear_registry};
    const struct image_reference reference = image_reference_read(name);
    struct docker_call *call = docker_call_create(docker, &kind, "the engine's registry", owner);
    call->callback.id = done;
    call->state = reference.registry_length > 0 ? xstrndup(name, reference.registry_length) : NULL;
    docker_call_request(call, "GET", "/info", NULL, NULL, NULL);
    return docker_call_submit(call);
}
