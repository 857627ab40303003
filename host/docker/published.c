#include "docker/published.h"

#include "base/alloc.h"
#include "docker/answer.h"
#include "docker/call.h"

#include <stdlib.h>

static size_t count_ports(const json_t *containers)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(containers); i++)
        count += json_array_size(json_object_get(json_array_get(containers, i), "Ports"));
    return count;
}

/* Returns how many of a container's ports are the host's, too. */
static size_t read_ports(const json_t *container, struct docker_published *ret_ports)
{
    const json_t *ports = json_object_get(container, "Ports");
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(ports); i++) {
        const json_t *port = json_array_get(ports, i);
        int64_t number = answer_integer(port, "PublicPort");
        if (number > 0 && number <= UINT16_MAX)
            ret_ports[count++] = (struct docker_published){.address = answer_text(port, "IP"),
                                                           .port = (unsigned)number,
                                                           .protocol = answer_text(port, "Type")};
    }
    return count;
}

static void finish_published(struct docker_call *call, const struct error *err)
{
    struct error parse_err;
    json_t *root = err ? NULL : answer_parse(call, JSON_ARRAY, &parse_err);
    if (!root) {
        call->callback.published(call->owner, err ? err : &parse_err, NULL, 0);
        return;
    }
    size_t count = 0;
    struct docker_published *ports = xcalloc(count_ports(root) + 1, sizeof(*ports));
    for (size_t i = 0; i < json_array_size(root); i++)
        count += read_ports(json_array_get(root, i), ports + count);
    call->callback.published(call->owner, NULL, ports, count);
    free(ports);
    json_decref(root);
}

struct docker_call *docker_published_list(struct docker *docker, docker_published_fn *done, void *owner)
{
    static const struct docker_kind kind = {.verb = "list", .finish = finish_published};
    struct docker_call *call = docker_call_create(docker, &kind, "published ports", owner);
    call->callback.published = done;
    docker_call_request(call, "GET", "/containers/json", NULL, NULL, NULL);
    return docker_call_submit(call);
}
