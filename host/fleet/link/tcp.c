#include "fleet/link/tcp.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/timer.h"
#include "fleet/link/listeners.h"
#include "http/head.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAUSE_MIN_MS   1 /* between two attempts, at first */
#define PAUSE_MAX_MS   50
#define ATTEMPT_MS     2000 /* that one may take */
#define HEAD_MAX       (16u << 10)
#define HEADERS_MAX    64
#define LISTENERS_SIZE 160

/* What an attempt has come to. */
enum attempt { ATTEMPT_UNDER_WAY, ATTEMPT_IN_VAIN, ATTEMPT_MADE };

struct tcp {
    struct link link;
    char *dir;
    uint16_t port;
    char *ready_path;
    struct slot_address address;
    char *request; /* what asks for the ready path */
    int fd; /* of the attempt; -1: none */
    struct event *event; /* of fd; NULL: none */
    struct event *timer; /* the next attempt, or the end of this one */
    struct event *loaded; /* tells from the event loop that nothing is to be loaded */
    unsigned pause_ms;
    bool asked; /* the request has been sent */
    char answer[HEAD_MAX];
    size_t answer_length;
    int error; /* why the last attempt got no connection; 0: it got one */
    int status; /* what the last one that came to an end was answered; 0: nothing */
};

static void begin_attempt(struct tcp *tcp);

/* --- one attempt --- */

static void end_attempt(struct tcp *tcp)
{
    if (tcp->event)
        event_free(tcp->event);
    if (tcp->fd >= 0)
        close(tcp->fd);
    tcp->event = NULL;
    tcp->fd = -1;
    event_del(tcp->timer);
}

static void try_later(struct tcp *tcp)
{
    uint64_t now_ms = clock_ms();
    end_attempt(tcp);
    timer_at(tcp->timer, now_ms + tcp->pause_ms, now_ms);
    tcp->pause_ms = tcp->pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : tcp->pause_ms * 2;
}

/* The status of the final answer, as far as it has come; 0: not yet; -1: it is no HTTP. */
static int status_of(const struct tcp *tcp)
{
    struct http_header headers[HEADERS_MAX];
    struct http_head head;
    struct http_head_parser parser;
    const struct http_limits limits = {.head_bytes = HEAD_MAX};
    for (size_t at = 0; at < tcp->answer_length; at += head.length) {
        http_head_parser_init_response(&parser, &head, headers, HEADERS_MAX, &limits, HTTP_METHOD_GET);
        enum http_parse parsed = http_head_parse(&parser, tcp->answer + at, tcp->answer_length - at);
        if (parsed != HTTP_PARSE_DONE)
            return parsed == HTTP_PARSE_ERROR ? -1 : 0;
        if (head.status >= 200)
            return head.status;
    }
    return 0;
}

static enum attempt read_answer(struct tcp *tcp)
{
    ssize_t size =
        recv(tcp->fd, tcp->answer + tcp->answer_length, sizeof(tcp->answer) - tcp->answer_length, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return ATTEMPT_UNDER_WAY;
    if (size > 0)
        tcp->answer_length += (size_t)size;
    int status = status_of(tcp);
    if (status == 0 && size > 0 && tcp->answer_length < sizeof(tcp->answer))
        return ATTEMPT_UNDER_WAY;
    tcp->status = status > 0 ? status : 0;
    return status >= 200 && status < 400 ? ATTEMPT_MADE : ATTEMPT_IN_VAIN;
}

/* There is a connection, or there will be none. */
static enum attempt on_connected(struct tcp *tcp)
{
    socklen_t size = sizeof(tcp->error);
    if (getsockopt(tcp->fd, SOL_SOCKET, SO_ERROR, &tcp->error, &size) < 0 || tcp->error != 0) {
        tcp->status = 0;
        return ATTEMPT_IN_VAIN;
    }
    if (!tcp->ready_path)
        return ATTEMPT_MADE;
    size_t length = strlen(tcp->request);
    if (send(tcp->fd, tcp->request, length, MSG_NOSIGNAL) != (ssize_t)length)
        return ATTEMPT_IN_VAIN; /* a new connection takes as little as that at once */
    tcp->asked = true;
    return ATTEMPT_UNDER_WAY;
}

static void on_ready(evutil_socket_t fd, short what, void *context);

static void watch_for(struct tcp *tcp, short what)
{
    if (tcp->event)
        event_free(tcp->event);
    tcp->event = event_new(tcp->link.base, tcp->fd, what | EV_PERSIST, on_ready, tcp);
    event_add(tcp->event, NULL);
}

static void on_ready(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct tcp *tcp = context;
    enum attempt attempt = tcp->asked ? read_answer(tcp) : on_connected(tcp);
    if (attempt == ATTEMPT_UNDER_WAY) {
        watch_for(tcp, EV_READ);
    } else if (attempt == ATTEMPT_IN_VAIN) {
        try_later(tcp);
    } else {
        end_attempt(tcp);
        link_reached(&tcp->link);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct tcp *tcp = context;
    if (tcp->fd < 0) {
        begin_attempt(tcp);
        return;
    }
    if (!tcp->asked)
        tcp->error = ETIMEDOUT;
    tcp->status = 0;
    try_later(tcp);
}

static void begin_attempt(struct tcp *tcp)
{
    const struct slot_address *address = &tcp->address;
    uint64_t now_ms = clock_ms();
    tcp->asked = false;
    tcp->answer_length = 0;
    tcp->fd = socket(address->socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int code =
        tcp->fd < 0 ? -1 : connect(tcp->fd, (const struct sockaddr *)&address->socket, address->length);
    if (code < 0 && errno != EINPROGRESS) {
        tcp->error = errno;
        try_later(tcp);
        return;
    }
    watch_for(tcp, EV_WRITE);
    timer_at(tcp->timer, now_ms + ATTEMPT_MS, now_ms);
}

/* --- what every link does --- */

static const char *dir_of(const struct link *link)
{
    return ((const struct tcp *)link)->dir;
}

static int listen_for_nobody(struct link *link, struct error *err)
{
    (void)link, (void)err;
    return 0;
}

static int set_address(struct tcp *tcp, const char *address, struct error *err)
{
    struct sockaddr_in *socket = (struct sockaddr_in *)&tcp->address.socket;
    tcp->address.length = sizeof(*socket);
    socket->sin_family = AF_INET;
    socket->sin_port = htons(tcp->port);
    if (inet_pton(AF_INET, address, &socket->sin_addr) != 1)
        return error_set_in(err, COMPONENT_FLEET, ERROR_NO_ADDRESS,
                            "the container has no address (\"%.40s\")", address);
    return 0;
}

static int reach(struct link *link, const char *address, struct error *err)
{
    struct tcp *tcp = (struct tcp *)link;
    if (set_address(tcp, address, err) < 0)
        return -1;
    begin_attempt(tcp);
    return 0;
}

static int resume(struct link *link, const struct link_past *past, struct error *err)
{
    return set_address((struct tcp *)link, past->address ? past->address : "", err);
}

static void on_loaded(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct tcp *tcp = context;
    tcp->link.hooks.loaded(tcp->link.owner, NULL, NULL);
}

static void load_nothing(struct link *link)
{
    event_active(((struct tcp *)link)->loaded, EV_TIMEOUT, 0);
}

static const struct slot_address *address_of(const struct link *link)
{
    return &((const struct tcp *)link)->address;
}

static const char *describe(const struct link *link, char *text, size_t size)
{
    const struct tcp *tcp = (const struct tcp *)link;
    char others[LISTENERS_SIZE];
    if (tcp->status > 0) {
        snprintf(text, size, "GET %.100s was answered %d", tcp->ready_path, tcp->status);
        return "see why the server answers so there; the path is the function's `ready`";
    } else if (tcp->error == 0 && tcp->asked) {
        snprintf(text, size, "GET %.100s was not answered", tcp->ready_path);
    } else if (tcp->error == 0 || tcp->error == ETIMEDOUT) {
        snprintf(text, size, "port %u takes no connection", tcp->port);
    } else if (listeners_of_process(link->process, others, sizeof(others))) {
        snprintf(text, size, "nothing listens on port %u: the container listens on %s", tcp->port, others);
        return "set the function's `port` to where the server listens, or have it listen at the variable "
               "PORT, "
               "on 0.0.0.0 and not on one address";
    } else {
        snprintf(text, size, "nothing listens on port %u", tcp->port);
    }
    return NULL;
}

static void stop(struct link *link)
{
    struct tcp *tcp = (struct tcp *)link;
    end_attempt(tcp);
    event_del(tcp->loaded);
}

static void close_tcp(struct link *link)
{
    struct tcp *tcp = (struct tcp *)link;
    stop(link);
    link_clear(link);
    event_free(tcp->timer);
    event_free(tcp->loaded);
    link_remove_dir(link, tcp->dir);
    free(tcp->dir);
    free(tcp->ready_path);
    free(tcp->request);
    free(tcp);
}

static const struct link_kind tcp_kind = {
    .dir = dir_of,
    .listen = listen_for_nobody,
    .resume = resume,
    .reach = reach,
    .load = load_nothing,
    .address = address_of,
    .describe = describe,
    .drop = stop,
    .close = close_tcp,
};

int tcp_open(struct event_base *base, const char *dir, uint16_t port, const char *ready_path,
             const struct link_hooks *hooks, void *owner, struct link **ret_link, struct error *err)
{
    if (link_make_dir(dir, err) < 0)
        return -1;
    struct tcp *tcp = xcalloc(1, sizeof(*tcp));
    link_init(&tcp->link, &tcp_kind, base, hooks, owner);
    tcp->dir = xstrdup(dir);
    tcp->fd = -1;
    tcp->port = port;
    tcp->pause_ms = PAUSE_MIN_MS;
    tcp->timer = evtimer_new(base, on_timer, tcp);
    tcp->loaded = event_new(base, -1, 0, on_loaded, tcp);
    if (ready_path) {
        tcp->ready_path = xstrdup(ready_path);
        tcp->request = xasprintf("GET %s HTTP/1.1\r\nHost: localhost:%u\r\nUser-Agent: berth\r\n"
                                 "Accept: */*\r\nConnection: close\r\n\r\n",
                                 ready_path, port);
    }
    *ret_link = &tcp->link;
    return 0;
}
