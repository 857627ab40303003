#include "docker/call.h"

/* Sends the waiting calls on their way, or to their end. A callback may add to docker->waiting again, so the
 * list is emptied first. */
static void release_waiting(struct docker *docker, const struct error *err)
{
    struct docker_calls batch = TAILQ_HEAD_INITIALIZER(batch);
    struct docker_call *call;
    while ((call = TAILQ_FIRST(&docker->waiting)))
        docker_call_move(call, &batch);
    while ((call = TAILQ_FIRST(&batch))) {
        if (err)
            docker_call_end(call, err);
        else
            docker_call_submit(call);
    }
}

static void finish_negotiate(struct docker_call *call, const struct error *err)
{
    struct error learn_err;
    call->docker->version_state = VERSION_UNKNOWN;
    if (!err && docker_version_learn(call, &learn_err) < 0)
        err = &learn_err;
    release_waiting(call->docker, err);
}

/* Asks for the version unless that is under way; then the waiting calls go on, or fail. */
static void negotiate(struct docker *docker)
{
    static const struct docker_kind kind = {
        .verb = "ask for", .unversioned = true, .finish = finish_negotiate};
    if (docker->version_state == VERSION_ASKED)
        return;
    docker->version_state = VERSION_ASKED;
    struct docker_call *call = docker_call_create(docker, &kind, "the API version", docker);
    docker_call_request(call, "GET", "/_ping", NULL, NULL, NULL);
    docker_call_submit(call);
}

struct docker_call *docker_call_submit(struct docker_call *call)
{
    struct docker *docker = call->docker;
    if (call->path.overflowed) {
        struct error err;
        error_set(&err, ERROR_DOCKER_REQUEST, "cannot %s %s: the request is too long", call->kind->verb,
                  call->subject);
        docker_call_refuse(call, &err);
    }
    if (call->stage == CALL_NEW)
        docker_call_arm_timer(call);
    if (call->failed) {
        call->stage = CALL_FAILED;
        docker_call_move(call, &docker->failed);
        event_active(&docker->kick, EV_TIMEOUT, 0);
    } else if (!call->kind->unversioned && docker->version_state != VERSION_KNOWN) {
        call->stage = CALL_WAITING;
        docker_call_move(call, &docker->waiting);
        negotiate(docker);
    } else {
        docker_transfer_start(call);
    }
    return call;
}
