#include "outgoing/curl_loop.h"

#include "base/alloc.h"

#include <stdlib.h>

#define KEPT_CONNECTIONS_MAX 16L

/* A socket that curl watches. Curl keeps the pointer (curl_multi_assign) until it says CURL_POLL_REMOVE. */
struct watched {
    struct curl_loop *loop;
    struct event event;
};

/* Tells curl of a socket that is ready, or that its time has come, then reports what has ended by it. */
static void drive(struct curl_loop *loop, curl_socket_t fd, int ready)
{
    int running, left;
    loop->entered = true;
    curl_multi_socket_action(loop->multi, fd, ready, &running);
    loop->entered = false;
    loop->left(loop->owner);

    CURLMsg *message;
    while ((message = curl_multi_info_read(loop->multi, &left)))
        if (message->msg == CURLMSG_DONE)
            loop->ended(message->easy_handle, message->data.result);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct watched *watched = arg;
    drive(watched->loop, fd,
          (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    drive(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* Curl says what it waits for on a socket: also when its last event is the one being delivered. */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    (void)easy;
    struct curl_loop *loop = arg;
    struct watched *watched = known;
    if (watched)
        event_del(&watched->event);
    if (what == CURL_POLL_REMOVE) {
        free(watched);
        return 0;
    }
    if (!watched) {
        watched = xcalloc(1, sizeof(*watched));
        watched->loop = loop;
        curl_multi_assign(loop->multi, fd, watched);
    }
    short events = (short)((what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
    event_assign(&watched->event, loop->base, fd, (short)(events | EV_PERSIST), on_socket, watched);
    return event_add(&watched->event, NULL);
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    struct curl_loop *loop = arg;
    if (timeout_ms < 0)
        return event_del(&loop->timer);
    struct timeval after = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    return event_add(&loop->timer, &after);
}

int curl_loop_init(struct curl_loop *loop, struct event_base *base, struct error *err)
{
    CURLcode ready = curl_global_init_mem(CURL_GLOBAL_DEFAULT, alloc_for_library, free,
                                          alloc_again_for_library, xstrdup, xcalloc);
    loop->multi = ready == CURLE_OK ? curl_multi_init() : NULL;
    if (!loop->multi) {
        if (ready == CURLE_OK)
            curl_global_cleanup();
        return error_set_in(err, COMPONENT_HTTP, ERROR_EVENT_LOOP, "libcurl cannot be set up");
    }
    loop->base = base;
    event_assign(&loop->timer, base, -1, 0, on_timer, loop);
    curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
    curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
    curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS_MAX);
    return 0;
}

void curl_loop_clear(struct curl_loop *loop)
{
    curl_multi_cleanup(loop->multi);
    curl_global_cleanup();
    event_del(&loop->timer);
}

/* Curl asks for a timer of 0 ms, which would wait for the loop's next turn. */
int curl_loop_add(struct curl_loop *loop, CURL *easy)
{
    if (curl_multi_add_handle(loop->multi, easy) != CURLM_OK)
        return -1;
    drive(loop, CURL_SOCKET_TIMEOUT, 0);
    return 0;
}

void curl_loop_remove(struct curl_loop *loop, CURL *easy)
{
    curl_multi_remove_handle(loop->multi, easy);
}
