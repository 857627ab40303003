#include "docker/call.h"

#include <stdlib.h>

/* One socket that curl watches. Curl keeps the pointer for us (curl_multi_assign) until it says
 * CURL_POLL_REMOVE. */
struct loop_socket {
    struct docker *docker;
    struct event event;
};

/* Hands curl a socket's readiness or a time-out, then reports what ended by it. */
static void drive(struct docker *docker, curl_socket_t fd, int flags)
{
    int still_running;
    docker->in_curl = true;
    curl_multi_socket_action(docker->multi, fd, flags, &still_running);
    docker->in_curl = false;

    docker_call_free_ended(docker);
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(docker->multi, &left))) {
        struct docker_call *call = NULL;
        CURLcode result = message->data.result; /* the message dies with the handle's removal */
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call) == CURLE_OK && call)
            docker_transfer_complete(call, result);
    }
    docker_call_start_ready(docker);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct loop_socket *watched = arg;
    int flags = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
    drive(watched->docker, fd, flags);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    drive(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    (void)easy;
    struct docker *docker = arg;
    struct loop_socket *watched = known;
    if (watched)
        event_del(&watched->event);
    if (what == CURL_POLL_REMOVE) {
        free(watched);
        curl_multi_assign(docker->multi, fd, NULL);
        return 0;
    }
    if (!watched) {
        watched = xcalloc(1, sizeof(*watched));
        watched->docker = docker;
        curl_multi_assign(docker->multi, fd, watched);
    }
    short events = (short)((what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
    event_assign(&watched->event, docker->base, fd, (short)(events | EV_PERSIST), on_socket, watched);
    return event_add(&watched->event, NULL) == 0 ? 0 : -1;
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    struct docker *docker = arg;
    if (timeout_ms < 0)
        return event_del(&docker->timer);
    struct timeval after = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    return event_add(&docker->timer, &after);
}

int docker_loop_init(struct docker *docker, struct error *err)
{
    event_assign(&docker->timer, docker->base, -1, 0, on_timer, docker);
    if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK)
        return error_set(err, "docker", "curl", "libcurl cannot be initialised");
    docker->multi = curl_multi_init();
    if (!docker->multi) {
        curl_global_cleanup();
        return error_set(err, "docker", "curl", "libcurl gives no multi handle");
    }
    curl_multi_setopt(docker->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(docker->multi, CURLMOPT_SOCKETDATA, docker);
    curl_multi_setopt(docker->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(docker->multi, CURLMOPT_TIMERDATA, docker);
    curl_multi_setopt(docker->multi, CURLMOPT_MAXCONNECTS, 32L);
    return 0;
}

void docker_loop_clear(struct docker *docker)
{
    while (docker->idle_count > 0)
        curl_easy_cleanup(docker->idle[--docker->idle_count]);
    if (docker->multi) {
        curl_multi_cleanup(docker->multi);
        curl_global_cleanup();
    }
    event_del(&docker->timer);
}
