#include "calls/desk_server.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/queue.h"
#include "base/strbuf.h"
#include "base/unix_socket.h"
#include "http/body.h"
#include "http/write.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE_BYTES     (64u << 10) /* read at once; most requests are one */
#define HEADERS_MAX     10100 /* what the gateway may let pass, and its own */
#define ANSWER_HEAD_MAX 512 /* without the further header lines */

enum desk_state { DESK_HEAD, DESK_BODY, DESK_WAITING, DESK_ANSWERING };

/* A connection, and the request on it. */
struct desk_request {
    struct desk_server *server;
    LIST_ENTRY(desk_request) link;
    int fd;
    enum desk_state state;
    bool closing; /* nothing more is read: the connection ends with the answer */
    struct event readable, writable;
    struct strbuf partial; /* of a head that has not come whole */
    struct desk_ask ask;
    struct http_body body;
    uint64_t announced;
    struct spool spool;
    struct hash *hash; /* of a request with a key */
    char fingerprint[HASH_HEX_SIZE];
    char *out; /* what is left of the answer's head and of a body in memory */
    size_t out_size, out_sent;
    int file; /* -1: no file is left to send */
    uint64_t file_left;
};

LIST_HEAD(desk_requests, desk_request);

struct desk_server {
    struct event_base *base;
    struct evconnlistener *listener;
    char *path;
    struct spool_room *room;
    struct desk_handler handler;
    struct desk_requests requests;
    unsigned count, idle;
    struct http_header headers[HEADERS_MAX]; /* of the head that is being looked at */
    char piece[PIECE_BYTES];
};

static const struct http_limits limits = {.head_bytes = DESK_HEAD_MAX, .target_bytes = DESK_HEAD_MAX};

/* --- the life of a request --- */

static void enter(struct desk_request *request, enum desk_state state)
{
    if (request->state == DESK_HEAD)
        request->server->idle--;
    if (state == DESK_HEAD)
        request->server->idle++;
    request->state = state;
}

/* The connection is ready for the next one. */
static void reset(struct desk_request *request)
{
    char unused[HASH_HEX_SIZE];
    if (request->hash)
        hash_finish(request->hash, unused);
    request->hash = NULL;
    desk_ask_clear(&request->ask);
    http_body_clear(&request->body);
    spool_clear(&request->spool);
    free(request->out);
    request->out = NULL;
    if (request->file >= 0)
        close(request->file);
    request->file = -1;
    enter(request, DESK_HEAD);
}

static void destroy(struct desk_request *request)
{
    struct desk_server *server = request->server;
    reset(request);
    strbuf_clear(&request->partial);
    event_del(&request->readable);
    event_del(&request->writable);
    close(request->fd);
    LIST_REMOVE(request, link);
    free(request);
    server->idle--;
    if (server->count-- == DESK_CONNECTIONS_MAX)
        evconnlistener_enable(server->listener);
}

/* --- the answer --- */

static void want_write(struct desk_request *request)
{
    event_add(&request->writable, NULL);
}

/* 1: all of it is sent; 0: the rest waits; -1: the connection is of no more use. */
static int send_rest(struct desk_request *request)
{
    while (request->out_sent < request->out_size) {
        ssize_t sent = send(request->fd, request->out + request->out_sent,
                            request->out_size - request->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -1;
        request->out_sent += (size_t)sent;
    }
    while (request->file_left > 0) {
        ssize_t sent = sendfile(request->fd, request->file, NULL, request->file_left);
        if (sent <= 0)
            return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
        request->file_left -= (uint64_t)sent;
    }
    return 1;
}

static void send_more(struct desk_request *request)
{
    int rc = send_rest(request);
    if (rc == 0)
        want_write(request);
    else if (rc < 0 || request->closing)
        destroy(request);
    else
        reset(request);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    send_more(context);
}

/* A body that was to be sent and has gone is a connection that ends too early. */
static void take_body(struct desk_request *request, const struct call_body *body)
{
    struct error err;
    if (request->ask.head_only || !body->file)
        return;
    if (fs_open_plain(AT_FDCWD, body->file, 0, &request->file, NULL, &err) < 0)
        request->closing = true;
    else
        request->file_left = body->size;
}

void desk_request_answer(struct desk_request *request, const struct desk_answer *answer)
{
    bool in_memory = answer->body.bytes && !request->ask.head_only;
    const char *head = answer->head ? answer->head : "";
    size_t head_size = strlen(head);
    size_t capacity = ANSWER_HEAD_MAX + head_size + (in_memory ? answer->body.size : 0);
    request->out = xmalloc(capacity);
    struct http_writer writer = http_writer_make(request->out, capacity);
    const char *type = answer->content_type ? answer->content_type : "";
    http_write_answer(&writer, &(struct http_answer){
                                   .status = answer->status,
                                   .content_type = http_text_make(type, strlen(type)),
                                   .body = http_text_make(answer->body.bytes, answer->body.size),
                                   .client_minor = 1,
                                   .keep_alive = !request->closing,
                               });
    http_write_raw(&writer, head, head_size);
    http_write_end(&writer);
    if (in_memory)
        http_write_raw(&writer, answer->body.bytes, answer->body.size);
    request->out_size = writer.full ? 0 : http_writer_size(&writer);
    request->out_sent = 0;
    request->closing |= writer.full;
    enter(request, DESK_ANSWERING);
    take_body(request, &answer->body);
    send_more(request);
}

/* --- what comes --- */

static void refuse(struct desk_request *request, const struct error *err)
{
    const struct desk_handler *handler = &request->server->handler;
    request->closing = true;
    enter(request, DESK_WAITING);
    event_del(&request->readable);
    handler->refused(handler->owner, request, err);
}

static void finish(struct desk_request *request)
{
    const struct desk_handler *handler = &request->server->handler;
    if (request->hash)
        hash_finish(steal(&request->hash), request->fingerprint);
    enter(request, DESK_WAITING);
    handler->whole(handler->owner, request);
}

static int keep(struct desk_request *request, struct http_text data, struct error *err)
{
    const struct desk_handler *handler = &request->server->handler;
    if (handler->check(handler->owner, request, data.length, err) < 0)
        return -1;
    if (request->hash)
        hash_update(request->hash, data.data, data.length);
    return spool_add(&request->spool, data.data, data.length, err);
}

/* What comes behind a request that is not answered yet is nothing that the gateway sends. */
static void take_body_bytes(struct desk_request *request, const char *bytes, size_t size)
{
    struct http_text data;
    struct error err;
    size_t consumed;
    for (;;) {
        enum http_body_step step = http_body_scan(&request->body, bytes, size, &data, &consumed);
        bytes += consumed;
        size -= consumed;
        if (step == HTTP_BODY_MORE)
            return;
        if (step == HTTP_BODY_DONE)
            break;
        if (step == HTTP_BODY_ERROR) {
            destroy(request);
            return;
        }
        if (keep(request, data, &err) < 0) {
            refuse(request, &err);
            return;
        }
    }
    request->closing |= size > 0;
    finish(request);
}

static void begin_hash(struct desk_request *request)
{
    const struct desk_ask *ask = &request->ask;
    request->fingerprint[0] = '\0';
    if (!ask->key)
        return;
    request->hash = hash_create();
    hash_update_text(request->hash, ask->method);
    hash_update_text(request->hash, ask->target);
}

static void answer_expectation(const struct desk_request *request, const struct http_head *head, size_t rest)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (head->expect_continue && rest == 0)
        (void)!send(request->fd, go_on, sizeof(go_on) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The head is there, and maybe more behind it. */
static void take_head(struct desk_request *request, const struct http_head *head, const char *bytes,
                      size_t size)
{
    const struct desk_handler *handler = &request->server->handler;
    struct error err;
    if (desk_ask_read(head, &request->ask) < 0) {
        destroy(request);
        return;
    }
    begin_hash(request);
    http_body_init_head(&request->body, head, HTTP_BODY_UNLIMITED);
    request->announced = head->content_length > 0 ? (uint64_t)head->content_length : 0;
    request->closing |= !head->keep_alive;
    enter(request, DESK_BODY);
    if (handler->check(handler->owner, request, 0, &err) < 0) {
        refuse(request, &err);
        return;
    }
    answer_expectation(request, head, size - head->length);
    take_body_bytes(request, bytes + head->length, size - head->length);
}

/* A head that has not come whole is looked at again from its beginning: that is rare. */
static void take_head_bytes(struct desk_request *request, const char *bytes, size_t size)
{
    struct http_head head;
    struct http_head_parser parser;
    http_head_parser_init_request(&parser, &head, request->server->headers, HEADERS_MAX, &limits);
    switch (http_head_parse(&parser, bytes, size)) {
    case HTTP_PARSE_MORE:
        if (strbuf_append(&request->partial, bytes, size) < 0)
            destroy(request);
        return;
    case HTTP_PARSE_ERROR:
        destroy(request);
        return;
    case HTTP_PARSE_DONE:
        take_head(request, &head, bytes, size);
    }
}

static void take_piece(struct desk_request *request, size_t size)
{
    const char *piece = request->server->piece;
    if (request->state == DESK_BODY) {
        take_body_bytes(request, piece, size);
        return;
    }
    if (request->partial.length == 0) {
        take_head_bytes(request, piece, size);
        return;
    }
    bool fits = strbuf_append(&request->partial, piece, size) == 0;
    size_t length = request->partial.length;
    cleanup_free char *whole = strbuf_steal(&request->partial);
    if (fits)
        take_head_bytes(request, whole, length);
    else
        destroy(request);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct desk_request *request = context;
    ssize_t size = recv(fd, request->server->piece, PIECE_BYTES, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (request->state == DESK_WAITING || request->state == DESK_ANSWERING) {
        request->closing = true;
        event_del(&request->readable);
    } else if (size <= 0) {
        destroy(request);
    } else {
        take_piece(request, (size_t)size);
    }
}

/* --- the server --- */

static void on_connect(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                       int length, void *context)
{
    (void)address, (void)length;
    struct desk_server *server = context;
    struct desk_request *request = xcalloc(1, sizeof(*request));
    request->server = server;
    request->fd = fd;
    request->file = -1;
    strbuf_init(&request->partial, DESK_HEAD_MAX + PIECE_BYTES);
    spool_init(&request->spool, server->room);
    event_assign(&request->readable, server->base, fd, EV_READ | EV_PERSIST, on_readable, request);
    event_assign(&request->writable, server->base, fd, EV_WRITE, on_writable, request);
    event_add(&request->readable, NULL);
    LIST_INSERT_HEAD(&server->requests, request, link);
    server->idle++;
    if (++server->count == DESK_CONNECTIONS_MAX)
        evconnlistener_disable(listener);
}

/* Out of descriptors, say: whoever waits to be accepted waits on. */
static void on_accept_error(struct evconnlistener *listener, void *context)
{
    (void)listener, (void)context;
}

int desk_server_create(struct event_base *base, const char *path, struct spool_room *room,
                       const struct desk_handler *handler, struct desk_server **ret_server, struct error *err)
{
    int fd;
    if (unix_socket_listen(path, COMPONENT_CALLS, &fd, err) < 0)
        return -1;
    struct desk_server *server = xcalloc(1, sizeof(*server));
    server->base = base;
    server->path = xstrdup(path);
    server->room = room;
    server->handler = *handler;
    server->listener =
        evconnlistener_new(base, on_connect, server, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    evconnlistener_set_error_cb(server->listener, on_accept_error);
    *ret_server = server;
    return 0;
}

void desk_server_destroy(struct desk_server *server)
{
    if (!server)
        return;
    struct desk_request *request, *next;
    for (request = LIST_FIRST(&server->requests); request; request = next) {
        next = LIST_NEXT(request, link);
        destroy(request);
    }
    evconnlistener_free(server->listener);
    unlink(server->path);
    free(server->path);
    free(server);
}

unsigned desk_server_idle(const struct desk_server *server)
{
    return server->idle;
}

/* --- what is known of a request --- */

const struct desk_ask *desk_request_ask(const struct desk_request *request)
{
    return &request->ask;
}

struct call_body desk_request_body(const struct desk_request *request)
{
    return spool_body(&request->spool);
}

uint64_t desk_request_announced(const struct desk_request *request)
{
    return request->announced;
}

const char *desk_request_fingerprint(const struct desk_request *request)
{
    return *request->fingerprint ? request->fingerprint : NULL;
}
