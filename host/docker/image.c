#include "docker/image.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "docker/answer.h"
#include "docker/call.h"

#include <stdlib.h>
#include <string.h>

/* What an image's name may hold and the path must keep. */
#define NAME_KEEP "/:@"

/* Its entrypoint, and behind it its arguments. The caller frees the array only. */
static const char **command_of(const json_t *config)
{
    const json_t *parts[] = {json_object_get(config, "Entrypoint"), json_object_get(config, "Cmd")};
    const char **command =
        xcalloc(json_array_size(parts[0]) + json_array_size(parts[1]) + 1, sizeof(*command));
    size_t count = 0;
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < json_array_size(parts[i]); k++) {
            const char *text = json_string_value(json_array_get(parts[i], k));
            if (text)
                command[count++] = text;
        }
    }
    return command;
}

static void finish_inspect(struct docker_call *call, const struct error *err)
{
    struct error parse_err;
    json_t *root = err ? NULL : answer_parse(call, JSON_OBJECT, &parse_err);
    if (!root) {
        call->callback.image(call->owner, err ? err : &parse_err, NULL);
        return;
    }
    const char *name = json_string_value(json_array_get(json_object_get(root, "RepoTags"), 0));
    const json_t *config = json_object_get(root, "Config");
    const char *user = json_string_value(json_object_get(config, "User"));
    cleanup_free const char **command = command_of(config);
    struct docker_image image = {
        .id = answer_text(root, "Id"),
        .name = name ? name : "",
        .labels = answer_labels(config, "Labels"),
        .user = user ? user : "",
        .command = command,
    };
    if (*image.id) {
        call->callback.image(call->owner, NULL, &image);
    } else {
        docker_failure_answer(call, &parse_err, "it names no id");
        call->callback.image(call->owner, &parse_err, NULL);
    }
    json_decref(root);
}

struct docker_call *docker_image_inspect(struct docker *docker, const char *name, docker_image_fn *done,
                                         void *owner)
{
    static const struct docker_kind kind = {.verb = "inspect image", .finish = finish_inspect};
    struct docker_call *call = docker_call_create(docker, &kind, name, owner);
    call->callback.image = done;
    docker_call_request(call, "GET", "/images/", name, NAME_KEEP, "/json");
    return docker_call_submit(call);
}

static void read_listed(const json_t *item, struct docker_image *ret_image)
{
    const char *name = json_string_value(json_array_get(json_object_get(item, "RepoTags"), 0));
    *ret_image = (struct docker_image){
        .id = answer_text(item, "Id"),
        .name = name && strcmp(name, "<none>:<none>") != 0 ? name : "",
        .created_s = answer_integer(item, "Created"),
        .labels = answer_labels(item, "Labels"),
        .user = "",
    };
}

static void finish_list(struct docker_call *call, const struct error *err)
{
    struct error parse_err;
    json_t *root = err ? NULL : answer_parse(call, JSON_ARRAY, &parse_err);
    if (!root) {
        call->callback.images(call->owner, err ? err : &parse_err, NULL, 0);
        return;
    }
    size_t count = json_array_size(root);
    struct docker_image *images = xcalloc(count + 1, sizeof(*images));
    for (size_t i = 0; i < count; i++)
        read_listed(json_array_get(root, i), &images[i]);
    call->callback.images(call->owner, NULL, images, count);
    free(images);
    json_decref(root);
}

struct docker_call *docker_image_list(struct docker *docker, const char *const *labels,
                                      docker_images_fn *done, void *owner)
{
    static const struct docker_kind kind = {.verb = "list", .finish = finish_list};
    struct docker_call *call = docker_call_create(docker, &kind, "images", owner);
    call->callback.images = done;
    docker_call_request(call, "GET", "/images/json", NULL, NULL, NULL);
    docker_call_query_labels(call, labels, NULL);
    return docker_call_submit(call);
}

struct docker_call *docker_image_remove(struct docker *docker, const char *name, bool force,
                                        docker_done_fn *done, void *owner)
{
    static const struct docker_kind kind = {.verb = "remove image", .finish = docker_call_finish_plain};
    struct docker_call *call = docker_call_create(docker, &kind, name, owner);
    call->callback.done = done;
    docker_call_request(call, "DELETE", "/images/", name, NAME_KEEP, NULL);
    docker_call_query(call, "force", force ? "1" : "0");
    return docker_call_submit(call);
}
