/*
 * A client of the Docker Engine API over its unix socket: asynchronous, on one event base, without threads
 * or locks. Everything here and in the other headers of this folder belongs to the thread that runs the
 * base (the control thread).
 *
 * Calls. Every function that asks the engine something returns a `struct docker_call *`, never NULL, and
 * reports through callbacks, always from the event loop and never from inside the function itself. Arguments
 * are copied: they may go as soon as the function returns. A call ends with exactly one call of its last
 * callback (`done`), after which the handle is gone; docker_cancel() ends it earlier and silently. Callbacks
 * may start calls and cancel any call, their own included; they must not destroy the client.
 *
 * Results. `err` is NULL on success; on failure the result is NULL, zero or -1. Both are borrowed for the
 * length of the callback.
 *
 * Errors. Component "docker" and one of these reasons:
 *   docker-unreachable  nothing listens on the socket (or it broke off); the hint says how to start it
 *   docker-permission   the socket may not be opened by this user
 *   docker-version      the engine is older or newer than this client speaks
 *   docker-timeout      no answer within the call's limit, or 408
 *   docker-answer       an answer that is not what the API promises, or is too big
 *   not-found           404: no such container, image or network; the registry has no such image
 *   image-missing       404 of docker_container_create: no such image
 *   conflict            409: the name is taken, the container is (not) running, removal is under way, ...
 *   docker-request      any other 4xx, and a command that cannot be executed: asking again changes nothing
 *   docker-error        429, any other 5xx, and failures reported inside a stream
 *   build-failed        docker_image_build: a step of the Dockerfile failed
 *   build-context       docker_image_build: what is sent cannot be read or is too big
 * Messages carry the engine's own words and its HTTP status.
 *
 * The API version is negotiated before the first call, and again after the engine could not be reached.
 * Spoken: DOCKER_API_OLDEST (Engine 20.10) to DOCKER_API_NEWEST, the newest that both sides know.
 */
#ifndef DOCKER_DOCKER_H
#define DOCKER_DOCKER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOCKER_SOCKET     "/var/run/docker.sock"
#define DOCKER_API_OLDEST "1.41"
#define DOCKER_API_NEWEST "1.51"
#define DOCKER_TIMEOUT_MS 60000 /* for one call that is not a stream, unless set otherwise */
#define DOCKER_CONNECT_MS 5000
#define DOCKER_ANSWER_MAX (32u << 20) /* bytes of one answer that is not a stream */

struct event_base;
struct docker;
struct docker_call;

/* A name and its value: labels, build arguments. */
struct docker_pair {
    const char *name;
    const char *value;
};

/* The labels of a container or image, or the attributes of an event. Borrowed. */
struct docker_labels;

/* The value of a label, or NULL. `labels` may be NULL. */
const char *docker_label(const struct docker_labels *labels, const char *name);

/* The end of a call that answers nothing but success or failure. */
typedef void docker_done_fn(void *owner, const struct error *err);

/* Makes a client; does not connect yet. `socket_path` NULL means DOCKER_SOCKET. */
int docker_create(struct event_base *base, const char *socket_path, struct docker **ret_docker,
                  struct error *err);

/* Cancels every call and closes every connection. Not from a callback. NULL is fine. */
void docker_destroy(struct docker *docker);

/* Gives one call under way a limit of its own, in milliseconds, counted from now; 0: none. */
void docker_call_set_timeout(struct docker_call *call, unsigned timeout_ms);

/* Ends a call without its callbacks. What the engine had begun to do it may still do. Harmless from the
 * call's own callbacks; NULL is fine. */
void docker_cancel(struct docker_call *call);

/* Asks the engine whether it lives and negotiates the version anew. */
struct docker_call *docker_ping(struct docker *docker, docker_done_fn *done, void *owner);

/* What the engine was asked for, and how that ended. */
struct docker_count {
    const char *verb; /* as in messages: "create container"; static */
    uint64_t calls, failed; /* that came to an end; whose end was an error, of whichever side */
    uint64_t took_ms; /* all of them together */
};

/* One for each verb that there was, borrowed until the event loop goes on. */
const struct docker_count *docker_counts(const struct docker *docker, size_t *ret_count);

/* The negotiated version, e.g. "1.41"; "" before the first answer. */
const char *docker_api_version(const struct docker *docker);

#endif
