/* Inside of the client: what `struct docker` holds. For the files of this folder only. */
#ifndef DOCKER_CLIENT_H
#define DOCKER_CLIENT_H

#include "docker/docker.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <sys/queue.h>

#include <event2/event_struct.h>

#define DOCKER_IDLE_EASY_MAX 16 /* curl handles kept for reuse */

struct docker_call;
TAILQ_HEAD(docker_calls, docker_call);

enum docker_version_state { VERSION_UNKNOWN, VERSION_ASKED, VERSION_KNOWN };

struct docker {
    struct event_base *base;
    char *socket_path;
    unsigned timeout_ms;

    CURLM *multi;
    bool in_curl;       /* curl is on the stack: its handles may not be added or removed now */
    struct event timer; /* the time-out that curl asked for */
    struct event kick;  /* ends the calls in `failed` from the event loop */
    CURL *idle[DOCKER_IDLE_EASY_MAX];
    size_t idle_count;
    struct curl_slist *json_headers, *tar_headers;

    enum docker_version_state version_state;
    char version[16]; /* "" until negotiated */

    /* Every call is in one of these, except while its last callback runs. */
    struct docker_calls waiting; /* for the version */
    struct docker_calls ready;   /* to be started once curl is off the stack */
    struct docker_calls running;
    struct docker_calls failed; /* before they were sent */
    struct docker_calls ended;  /* cancelled while curl was on the stack; to be freed after it */
};

/* loop.c: curl's multi handle on the event base. */
int docker_loop_init(struct docker *docker, struct error *err);
void docker_loop_clear(struct docker *docker);

/* version.c: asks for the version unless that is under way; then the waiting calls go on, or fail. */
void docker_version_negotiate(struct docker *docker);

/* The version to speak with an engine whose newest is `offered` ("1.43"), written to ret_version. */
int docker_version_choose(const char *offered, char *ret_version, size_t size, struct error *err);

#endif
