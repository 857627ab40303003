#include "docker/docker.h"

#include "base/alloc.h"
#include "docker/answer.h"
#include "docker/call.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

/* Ends the calls that failed before they were sent. */
static void on_kick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct docker *docker = arg;
    struct docker_calls batch = TAILQ_HEAD_INITIALIZER(batch);
    struct docker_call *call;
    while ((call = TAILQ_FIRST(&docker->failed)))
        docker_call_move(call, &batch);
    while ((call = TAILQ_FIRST(&batch)))
        docker_call_end(call, &call->failure);
}

int docker_create(struct event_base *base, const char *socket_path, struct docker **ret_docker,
                  struct error *err)
{
    const char *path = socket_path ? socket_path : DOCKER_SOCKET;
    if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return error_set(err, ERROR_DOCKER_SOCKET, "the path of the Docker Engine's socket is too long: %s",
                         path);
    struct outgoing *outgoing;
    if (outgoing_create(base, &outgoing, err) < 0)
        return -1;
    struct docker *docker = xcalloc(1, sizeof(*docker));
    docker->base = base;
    docker->outgoing = outgoing;
    docker->socket_path = xstrdup(path);
    TAILQ_INIT(&docker->waiting);
    TAILQ_INIT(&docker->running);
    TAILQ_INIT(&docker->failed);
    event_assign(&docker->kick, base, -1, 0, on_kick, docker);
    *ret_docker = docker;
    return 0;
}

static void free_all(struct docker_calls *calls)
{
    struct docker_call *call;
    while ((call = TAILQ_FIRST(calls)))
        docker_call_free(call);
}

void docker_destroy(struct docker *docker)
{
    if (!docker)
        return;
    free_all(&docker->waiting);
    free_all(&docker->running);
    free_all(&docker->failed);
    event_del(&docker->kick);
    outgoing_destroy(docker->outgoing);
    free(docker->socket_path);
    free(docker->counts);
    free(docker);
}

const char *docker_api_version(const struct docker *docker)
{
    return docker->version;
}

const struct docker_count *docker_counts(const struct docker *docker, size_t *ret_count)
{
    *ret_count = docker->count;
    return docker->counts;
}

const char *docker_label(const struct docker_labels *labels, const char *name)
{
    return json_string_value(json_object_get((const json_t *)labels, name));
}

static void finish_ping(struct docker_call *call, const struct error *err)
{
    struct error learn_err;
    if (!err && docker_version_learn(call, &learn_err) < 0)
        err = &learn_err;
    call->callback.done(call->owner, err);
}

struct docker_call *docker_ping(struct docker *docker, docker_done_fn *done, void *owner)
{
    static const struct docker_kind kind = {.verb = "reach", .unversioned = true, .finish = finish_ping};
    struct docker_call *call = docker_call_create(docker, &kind, "the engine", owner);
    call->callback.done = done;
    docker_call_request(call, "GET", "/_ping", NULL, NULL, NULL);
    return docker_call_submit(call);
}
