#include "docker/container.h"

#include "docker/answer.h"
#include "docker/call.h"
#include "docker/container_body.h"

/* A call about one container that answers nothing but success. */
static struct docker_call *plain_call(struct docker *docker, const struct docker_kind *kind,
                                      const char *method, const char *id, const char *after,
                                      docker_done_fn *done, void *owner)
{
    struct docker_call *call = docker_call_create(docker, kind, id, owner);
    call->callback.done = done;
    docker_call_request(call, method, "/containers/", id, NULL, after);
    return call;
}

/* The engine's 404 can only mean the image here. */
static void finish_create(struct docker_call *call, const struct error *err)
{
    struct error missing;
    if (err && call->status == 404 && err->code == ERROR_NOT_FOUND) {
        missing = *err;
        missing.code = ERROR_IMAGE_MISSING;
        error_hint(&missing, "build or pull the image first; docker images lists what is there");
        err = &missing;
    }
    answer_report_id(call, err, "Id");
}

json_t *docker_container_request(const struct docker *docker, const struct docker_container *container)
{
    struct docker_container wanted = *container;
    wanted.own_seccomp = wanted.own_seccomp && !docker->lacks_seccomp;
    wanted.host_users = docker->remaps_users;
    return container_body(&wanted);
}

struct docker_call *docker_container_create(struct docker *docker, const struct docker_container *container,
                                            docker_id_fn *done, void *owner)
{
    static const struct docker_kind kind = {.verb = "create container", .finish = finish_create};
    struct docker_call *call =
        docker_call_create(docker, &kind, container->name ? container->name : container->image, owner);
    call->callback.id = done;
    docker_call_request(call, "POST", "/containers/create", NULL, NULL, NULL);
    if (container->name)
        docker_call_query(call, "name", container->name);
    docker_call_set_body(call, docker_container_request(docker, container));
    return docker_call_submit(call);
}

struct docker_call *docker_container_start(struct docker *docker, const char *id, docker_done_fn *done,
                                           void *owner)
{
    static const struct docker_kind kind = {.verb = "start container", .finish = docker_call_finish_plain};
    return docker_call_submit(plain_call(docker, &kind, "POST", id, "/start", done, owner));
}

struct docker_call *docker_container_stop(struct docker *docker, const char *id, unsigned timeout_s,
                                          docker_done_fn *done, void *owner)
{
    static const struct docker_kind kind = {.verb = "stop container", .finish = docker_call_finish_plain};
    struct docker_call *call = plain_call(docker, &kind, "POST", id, "/stop", done, owner);
    char text[16];
    snprintf(text, sizeof(text), "%u", timeout_s);
    docker_call_query(call, "t", text);
    if (call->timeout_ms)
        call->timeout_ms += timeout_s * 1000;
    return docker_call_submit(call);
}

struct docker_call *docker_container_remove(struct docker *docker, const char *id, bool force,
                                            docker_done_fn *done, void *owner)
{
    static const struct docker_kind kind = {.verb = "remove container", .finish = docker_call_finish_plain};
    struct docker_call *call = plain_call(docker, &kind, "DELETE", id, NULL, done, owner);
    docker_call_query(call, "v", "1");
    docker_call_query(call, "force", force ? "1" : "0");
    return docker_call_submit(call);
}

struct docker_call *docker_container_rename(struct docker *docker, const char *id, const char *name,
                                            docker_done_fn *done, void *owner)
{
    static const struct docker_kind kind = {.verb = "rename container", .finish = docker_call_finish_plain};
    struct docker_call *call = plain_call(docker, &kind, "POST", id, "/rename", done, owner);
    docker_call_query(call, "name", name);
    return docker_call_submit(call);
}

struct docker_call *docker_container_update(struct docker *docker, const char *id,
                                            const struct docker_limits *limits, docker_done_fn *done,
                                            void *owner)
{
    static const struct docker_kind kind = {.verb = "set the limits of container",
                                            .finish = docker_call_finish_plain};
    struct docker_call *call = plain_call(docker, &kind, "POST", id, "/update", done, owner);
    docker_call_set_body(call, container_body_limits(limits));
    return docker_call_submit(call);
}

static void finish_wait(struct docker_call *call, const struct error *err)
{
    struct error own_err;
    json_t *root = err ? NULL : answer_parse(call, JSON_OBJECT, &own_err);
    if (!root) {
        call->callback.wait(call->owner, err ? err : &own_err, -1);
        return;
    }
    const char *message = answer_text(json_object_get(root, "Error"), "Message");
    const json_t *code = json_object_get(root, "StatusCode");
    int failed = 0;
    if (*message)
        failed = error_set(&own_err, ERROR_DOCKER_ERROR, "cannot wait for container %s: %s", call->subject,
                           message);
    else if (!json_is_integer(code))
        failed = docker_failure_answer(call, &own_err, "it names no exit code");
    if (failed)
        call->callback.wait(call->owner, &own_err, -1);
    else
        call->callback.wait(call->owner, NULL, (int)json_integer_value(code));
    json_decref(root);
}

struct docker_call *docker_container_wait(struct docker *docker, const char *id, docker_wait_fn *done,
                                          void *owner)
{
    static const struct docker_kind kind = {
        .verb = "wait for container", .unlimited = true, .finish = finish_wait};
    struct docker_call *call = docker_call_create(docker, &kind, id, owner);
    call->callback.wait = done;
    docker_call_request(call, "POST", "/containers/", id, NULL, "/wait");
    return docker_call_submit(call);
}
