/* Inside of the client: what `struct docker` holds. For the files of this folder only. */
#ifndef DOCKER_CLIENT_H
#define DOCKER_CLIENT_H

#include "docker/docker.h"

#include <event2/event.h>
#include <sys/queue.h>

#include <event2/event_struct.h>

struct docker_call;
TAILQ_HEAD(docker_calls, docker_call);

enum docker_version_state { VERSION_UNKNOWN, VERSION_ASKED, VERSION_KNOWN };

struct docker {
    struct event_base *base;
    char *socket_path;

    struct outgoing *outgoing;
    struct event kick; /* ends the calls in `failed` from the event loop */

    enum docker_version_state version_state;
    char version[16]; /* "" until negotiated */
    bool lacks_seccomp; /* facts.c: it would refuse a profile */
    bool remaps_users; /* the same: containers have to be left out of it */

    struct docker_count *counts; /* of what has been asked for so far */
    size_t count;

    /* Every call is in one of these, except while its last callback runs. */
    struct docker_calls waiting; /* for the version */
    struct docker_calls running;
    struct docker_calls failed; /* before they were sent */
};

/* version.c: the version to speak with an engine whose newest is `offered` ("1.43"), written to ret_version.
 */
int docker_version_choose(const char *offered, char *ret_version, size_t size, struct error *err);

/* Takes over what a /_ping found out. */
int docker_version_learn(const struct docker_call *call, struct error *err);

#endif
