#include "docker/call.h"

#include <stdlib.h>
#include <string.h>

/* The minor number of "1.<minor>", or -1. */
static int parse_minor(const char *version)
{
    if (strncmp(version, "1.", 2) != 0 || version[2] < '0' || version[2] > '9')
        return -1;
    char *end;
    unsigned long minor = strtoul(version + 2, &end, 10);
    return *end || minor > 10000 ? -1 : (int)minor;
}

int docker_version_choose(const char *offered, char *ret_version, size_t size, struct error *err)
{
    int theirs = parse_minor(offered);
    if (theirs < 0)
        return error_set(err, "docker", "docker-answer",
                         *offered ? "the Docker Engine offers an API version of unknown form: \"%s\""
                                  : "what answers does not say its API version%s: it is not a Docker Engine",
                         offered);
    if (theirs < parse_minor(DOCKER_API_OLDEST)) {
        error_set(err, "docker", "docker-version", "the Docker Engine speaks API %s; %s or newer is needed",
                  offered, DOCKER_API_OLDEST);
        return error_hint(err, "upgrade to Docker Engine 20.10 or newer");
    }
    int ours = parse_minor(DOCKER_API_NEWEST);
    snprintf(ret_version, size, "1.%d", theirs < ours ? theirs : ours);
    return 0;
}

/* Takes over what a /_ping found out. */
static int learn(struct docker_call *call, struct error *err)
{
    struct docker *docker = call->docker;
    if (docker_version_choose(call->offered_version, docker->version, sizeof(docker->version), err) < 0)
        return -1;
    docker->version_state = VERSION_KNOWN;
    return 0;
}

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
    if (!err && learn(call, &learn_err) < 0)
        err = &learn_err;
    release_waiting(call->docker, err);
}

void docker_version_negotiate(struct docker *docker)
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

static void finish_ping(struct docker_call *call, const struct error *err)
{
    struct error learn_err;
    if (!err && learn(call, &learn_err) < 0)
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
