/* An HTTP server on the test's event loop and a unix socket, or a port, which says what it is told to, byte
 * for byte. */
#ifndef TESTS_SCRIPTED_SERVER_H
#define TESTS_SCRIPTED_SERVER_H

#include "base/strbuf.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define SERVER_CLIENTS_MAX 64

/* What is answered to requests that begin with `request`. */
struct rule {
    const char *request;
    const char *answer; /* NULL: nothing, ever */
    bool closes; /* the connection, after the answer */
    bool early; /* answers when the request's head has come, and takes nothing of its body */
    bool drips; /* one byte at a time */
    const char *endless; /* goes on with this behind the answer for as long as it is read */
};

struct scripted_server {
    struct event_base *base;
    char folder[64], path[96];
    struct evconnlistener *listener;
    const struct rule *rules; /* ended by a NULL request */
    struct bufferevent *clients[SERVER_CLIENTS_MAX];
    size_t client_count; /* connections accepted so far */
    unsigned requests;
    struct strbuf seen; /* first lines of the requests */
    struct strbuf heads; /* of the requests, whole */
    struct strbuf bodies; /* of requests that have a length, a line each */
    const struct rule *rule; /* that drips or is endless, and how far it has come */
    size_t dripped;
};

static inline void server_close_when_sent(struct bufferevent *client, void *arg)
{
    (void)arg;
    shutdown(bufferevent_getfd(client), SHUT_RDWR);
}

static inline void server_write_more(struct bufferevent *client, void *arg)
{
    struct scripted_server *server = arg;
    const char *answer = server->rule->answer;
    if (server->rule->drips && server->dripped < strlen(answer))
        bufferevent_write(client, answer + server->dripped++, 1);
    else if (server->rule->endless)
        bufferevent_write(client, server->rule->endless, strlen(server->rule->endless));
}

static inline void server_answer(struct scripted_server *server, struct bufferevent *client, const char *line)
{
    strbuf_append_format(&server->seen, "%s\n", line);
    server->requests++;
    for (const struct rule *rule = server->rules; rule->request; rule++) {
        if (strncmp(line, rule->request, strlen(rule->request)) != 0)
            continue;
        if (rule->closes)
            bufferevent_setcb(client, NULL, server_close_when_sent, NULL, NULL);
        if (rule->drips || rule->endless) {
            server->rule = rule;
            server->dripped = rule->drips ? 0 : strlen(rule->answer);
            bufferevent_setcb(client, NULL, server_write_more, NULL, server);
        }
        if (rule->drips)
            server_write_more(client, server);
        else if (rule->answer)
            bufferevent_write(client, rule->answer, strlen(rule->answer));
        return;
    }
    fail_msg("unexpected request: %s", line);
}

static inline bool server_answers_early(const struct scripted_server *server, const char *line)
{
    for (const struct rule *rule = server->rules; rule->request; rule++) {
        if (strncmp(line, rule->request, strlen(rule->request)) == 0)
            return rule->early;
    }
    return false;
}

/* True when the input holds a whole request, which is then taken out; its first line is copied. */
static inline bool server_take_request(struct scripted_server *server, struct evbuffer *input, char *ret_line,
                                       size_t size)
{
    struct evbuffer_ptr end = evbuffer_search(input, "\r\n\r\n", 4, NULL);
    if (end.pos < 0)
        return false;
    size_t head_total = (size_t)end.pos + 4, total = head_total;
    char head[8192];
    size_t head_length = total < sizeof(head) ? total : sizeof(head) - 1;
    evbuffer_copyout(input, head, head_length);
    head[head_length] = '\0';
    snprintf(ret_line, size, "%.*s", (int)strcspn(head, "\r"), head);
    const char *length = strstr(head, "Content-Length: ");
    bool early = server_answers_early(server, ret_line);
    if (length && !early)
        total += strtoul(length + strlen("Content-Length: "), NULL, 10);
    if (strstr(head, "chunked") && !early) {
        struct evbuffer_ptr last = evbuffer_search(input, "\r\n0\r\n\r\n", 7, NULL);
        if (last.pos < 0)
            return false;
        total = (size_t)last.pos + 7;
    }
    if (evbuffer_get_length(input) < total)
        return false;
    strbuf_append(&server->heads, head, head_length);
    evbuffer_drain(input, head_total);
    if (length && !early)
        strbuf_append_format(&server->bodies, "%.*s\n", (int)(total - head_total),
                             (const char *)evbuffer_pullup(input, -1));
    evbuffer_drain(input, total - head_total);
    return true;
}

static inline void server_on_input(struct bufferevent *client, void *arg)
{
    char line[4096];
    while (server_take_request(arg, bufferevent_get_input(client), line, sizeof(line)))
        server_answer(arg, client, line);
}

static inline void server_on_connect(struct evconnlistener *listener, evutil_socket_t fd,
                                     struct sockaddr *address, int length, void *arg)
{
    (void)listener, (void)address, (void)length;
    struct scripted_server *server = arg;
    assert_true(server->client_count < SERVER_CLIENTS_MAX);
    struct bufferevent *client = bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(client, server_on_input, NULL, NULL, server);
    bufferevent_enable(client, EV_READ | EV_WRITE);
    server->clients[server->client_count++] = client;
}

static inline void server_listen_at(struct scripted_server *server, const void *address, int size)
{
    server->listener =
        evconnlistener_new_bind(server->base, server_on_connect, server,
                                LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16, address, size);
    assert_non_null(server->listener);
}

static inline void server_listen(struct scripted_server *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", server->path);
    unlink(server->path);
    server_listen_at(server, &address, sizeof(address));
}

/* On a port of 127.0.0.1, which is returned. */
static inline unsigned server_listen_port(struct scripted_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    server_listen_at(server, &address, sizeof(address));
    assert_return_code(
        getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

static inline void server_drop_clients(struct scripted_server *server)
{
    while (server->client_count > 0)
        bufferevent_free(server->clients[--server->client_count]);
}

/* Makes a folder for the socket; its path is known when this returns, and listened at after server_listen().
 */
static inline void server_init(struct scripted_server *server, const struct rule *rules)
{
    *server = (struct scripted_server){.rules = rules};
    signal(SIGPIPE, SIG_IGN); /* a client may be gone before it has its answer */
    snprintf(server->folder, sizeof(server->folder), "/tmp/berth-test-server-XXXXXX");
    assert_non_null(mkdtemp(server->folder));
    snprintf(server->path, sizeof(server->path), "%s/server.sock", server->folder);
    strbuf_init(&server->seen, 1 << 20);
    strbuf_init(&server->heads, 1 << 20);
    strbuf_init(&server->bodies, 1 << 20);
}

static inline void server_clear(struct scripted_server *server)
{
    server_drop_clients(server);
    if (server->listener)
        evconnlistener_free(server->listener);
    unlink(server->path);
    rmdir(server->folder);
    strbuf_clear(&server->seen);
    strbuf_clear(&server->heads);
    strbuf_clear(&server->bodies);
}

#endif
