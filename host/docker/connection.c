#include "docker/connection.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "http/body.h"
#include "http/head.h"
#include "http/write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define KEPT_MAX         16 /* connections without a call */
#define HEAD_MAX_BYTES   (64u << 10)
#define HEADERS_MAX      64
#define RECEIVE_BYTES    16384
#define PIECE_BYTES      32768 /* of a body that is made piece by piece */
#define REQUEST_MAX      (32u << 20)
#define CONNECT_RETRY_MS 10 /* while the engine's backlog is full */

struct docker_connection {
    struct docker *docker;
    struct docker_call *call;            /* NULL: kept */
    TAILQ_ENTRY(docker_connection) link; /* among the kept ones */
    int fd;
    struct event event;
    bool connected;
    uint64_t connect_by_ms;
    bool reused; /* has carried a call before this one */

    struct strbuf request; /* the head and the body, or the piece of it under way */
    size_t sent;
    bool pieces_left; /* the body is made piece by piece and has not ended */

    bool answered;       /* a byte of the answer has come */
    struct strbuf input; /* the answer's head, as far as it has come */
    struct http_limits limits;
    struct http_header headers[HEADERS_MAX];
    struct http_head head;
    struct http_head_parser parser;
    bool head_done;
    struct http_body body;
    bool overlong; /* bytes came behind the answer */
};

/* What a step has brought the call to. Everything but GOES_ON is its end. */
enum outcome { GOES_ON, ENDED, ENDED_BADLY, CANCELLED, STALE };

static void on_event(evutil_socket_t fd, short what, void *arg);

/* --- one connection --- */

static void watch(struct docker_connection *connection, short what)
{
    event_del(&connection->event);
    event_assign(&connection->event, connection->docker->base, connection->fd, (short)(what | EV_PERSIST),
                 on_event, connection);
    event_add(&connection->event, NULL);
}

void docker_connection_close(struct docker_connection *connection)
{
    if (!connection)
        return;
    struct docker *docker = connection->docker;
    if (connection->call) {
        connection->call->connection = NULL;
    } else {
        TAILQ_REMOVE(&docker->kept, connection, link);
        docker->kept_count--;
    }
    event_del(&connection->event);
    close(connection->fd);
    strbuf_clear(&connection->request);
    strbuf_clear(&connection->input);
    http_body_clear(&connection->body);
    free(connection);
}

/* Takes the call off. The connection is kept when another one may follow. */
static void release(struct docker_connection *connection, bool clean)
{
    struct docker *docker = connection->docker;
    if (!clean || docker->kept_count >= KEPT_MAX) {
        docker_connection_close(connection);
        return;
    }
    connection->call->connection = NULL;
    connection->call = NULL;
    strbuf_clear(&connection->request);
    strbuf_clear(&connection->input);
    http_body_clear(&connection->body);
    TAILQ_INSERT_HEAD(&docker->kept, connection, link);
    docker->kept_count++;
    watch(connection, EV_READ); /* anything that comes now is its end */
}

static bool is_clean(const struct docker_connection *connection)
{
    return connection->head_done && connection->head.keep_alive && !connection->overlong &&
           !connection->pieces_left && connection->sent == connection->request.length;
}

/* --- the request --- */

static void write_request(struct docker_connection *connection)
{
    const struct docker_call *call = connection->call;
    struct strbuf *request = &connection->request;
    bool versioned = !call->kind->unversioned;
    strbuf_append_format(request, "%s %s%s%s HTTP/1.1\r\nHost: docker\r\n", call->method,
                         versioned ? "/v" : "", versioned ? call->docker->version : "",
                         strbuf_text(&call->path));
    if (call->kind->send) {
        strbuf_append_text(request, "Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n");
    } else if (strcmp(call->method, "POST") == 0) {
        const char *body = call->body ? call->body : "";
        strbuf_append_format(request, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                             strlen(body));
        strbuf_append_text(request, body);
    } else { /* a body is there for the step that follows */
        strbuf_append_text(request, "\r\n");
    }
    connection->pieces_left = call->kind->send != NULL;
}

/* Puts the next piece of the body where the last one was. */
static int make_piece(struct docker_connection *connection, struct error *err)
{
    struct docker_call *call = connection->call;
    char piece[PIECE_BYTES], line[HTTP_CHUNK_BEGIN_MAX];
    size_t length = 0;
    if (call->kind->send(call, piece, sizeof(piece), &length, err) < 0)
        return -1;
    strbuf_reset(&connection->request);
    connection->sent = 0;
    connection->pieces_left = length > 0;
    if (length > 0) {
        strbuf_append(&connection->request, line, http_chunk_begin(line, length));
        strbuf_append(&connection->request, piece, length);
        strbuf_append_text(&connection->request, "\r\n");
    } else {
        strbuf_append_text(&connection->request, "0\r\n\r\n");
    }
    return 0;
}

static enum outcome transmit(struct docker_connection *connection, struct error *err)
{
    if (connection->sent == connection->request.length && connection->pieces_left &&
        make_piece(connection, err) < 0)
        return ENDED_BADLY;
    size_t left = connection->request.length - connection->sent;
    ssize_t size = send(connection->fd, connection->request.data + connection->sent, left, MSG_NOSIGNAL);
    if (size > 0)
        connection->sent += (size_t)size;
    bool refused = size < 0 && errno != EAGAIN && errno != EINTR; /* its answer may be there all the same */
    if (refused || (connection->sent == connection->request.length && !connection->pieces_left))
        watch(connection, EV_READ);
    return GOES_ON;
}

/* --- the answer --- */

/* Gives the call a run of the answer's body. */
static enum outcome deliver(struct docker_call *call, struct http_text data, struct error *err)
{
    int rc;
    if (call->kind->receive && docker_call_is_good(call))
        rc = call->kind->receive(call, data.data, data.length, err);
    else if ((rc = strbuf_append(&call->answer, data.data, data.length)) < 0)
        docker_failure_answer(call, err, "it is too big");
    if (call->cancelled)
        return CANCELLED;
    return rc < 0 ? ENDED_BADLY : GOES_ON;
}

static enum outcome take_body(struct docker_connection *connection, const char *bytes, size_t size,
                              struct error *err)
{
    enum outcome outcome = GOES_ON;
    while (outcome == GOES_ON) {
        struct http_text data;
        size_t consumed = 0;
        enum http_body_step step = http_body_scan(&connection->body, bytes, size, &data, &consumed);
        bytes += consumed;
        size -= consumed;
        if (step == HTTP_BODY_MORE)
            return GOES_ON;
        if (step == HTTP_BODY_DATA) {
            outcome = deliver(connection->call, data, err);
        } else if (step == HTTP_BODY_DONE) {
            connection->overlong = size > 0;
            outcome = ENDED;
        } else {
            docker_failure_answer(connection->call, err, connection->body.problem->message);
            outcome = ENDED_BADLY;
        }
    }
    return outcome;
}

static void begin_head(struct docker_connection *connection)
{
    connection->limits = (struct http_limits){.head_bytes = HEAD_MAX_BYTES};
    http_head_parser_init_response(&connection->parser, &connection->head, connection->headers, HEADERS_MAX,
                                   &connection->limits, HTTP_METHOD_GET);
}

/* The engine says in its answer to _ping which version it speaks. */
static void note_version(struct docker_connection *connection)
{
    struct docker_call *call = connection->call;
    const struct http_header *header = http_head_find_name(&connection->head, HTTP_TEXT("Api-Version"));
    if (!call->kind->unversioned || !header)
        return;
    struct http_text value = http_head_value(&connection->head, header);
    snprintf(call->offered_version, sizeof(call->offered_version), "%.*s", (int)value.length, value.data);
}

/* The head is complete: the bytes behind it are the body's. */
static enum outcome take_head(struct docker_connection *connection, struct error *err)
{
    struct docker_call *call = connection->call;
    connection->head_done = true;
    call->status = connection->head.status;
    note_version(connection);
    http_body_init_head(&connection->body, &connection->head, HTTP_BODY_UNLIMITED);
    if (call->kind->opened && docker_call_is_good(call))
        call->kind->opened(call);
    if (call->cancelled)
        return CANCELLED;
    return take_body(connection, connection->input.data + connection->head.length,
                     connection->input.length - connection->head.length, err);
}

/* Interim answers (1xx) are passed over. */
static enum outcome parse_heads(struct docker_connection *connection, struct error *err)
{
    struct strbuf *input = &connection->input;
    for (;;) {
        enum http_parse parse = http_head_parse(&connection->parser, input->data, input->length);
        if (parse == HTTP_PARSE_MORE)
            return GOES_ON;
        if (parse == HTTP_PARSE_ERROR) {
            docker_failure_answer(connection->call, err, connection->parser.problem->message);
            error_hint(err, "check that the Docker Engine, and nothing else, listens on %s",
                       connection->docker->socket_path);
            return ENDED_BADLY;
        }
        if (connection->head.status >= 200)
            return take_head(connection, err);
        input->length -= connection->head.length;
        memmove(input->data, input->data + connection->head.length, input->length);
        begin_head(connection);
    }
}

static enum outcome take_bytes(struct docker_connection *connection, const char *bytes, size_t size,
                               struct error *err)
{
    connection->answered = true;
    if (connection->head_done)
        return take_body(connection, bytes, size, err);
    if (strbuf_append(&connection->input, bytes, size) < 0) {
        docker_failure_answer(connection->call, err, "its head is too big");
        return ENDED_BADLY;
    }
    return parse_heads(connection, err);
}

/* The engine has closed the connection. */
static enum outcome take_end(struct docker_connection *connection, struct error *err)
{
    const struct docker_call *call = connection->call;
    if (connection->head_done && http_body_end_of_stream(&connection->body))
        return ENDED;
    if (connection->reused && !connection->answered && !call->kind->send)
        return STALE; /* it was closed before it saw the call */
    docker_failure_cut(call, err);
    return ENDED_BADLY;
}

static enum outcome receive(struct docker_connection *connection, struct error *err)
{
    char block[RECEIVE_BYTES];
    ssize_t size = recv(connection->fd, block, sizeof(block), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return GOES_ON;
    if (size <= 0)
        return take_end(connection, err);
    return take_bytes(connection, block, (size_t)size, err);
}

/* --- connecting --- */

/* A full backlog is the one reason to try again: unlike those of networks, connections to local sockets are
 * never "in progress". */
static int try_connect(struct docker_connection *connection, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", connection->docker->socket_path);
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
        connection->connected = true;
        watch(connection, EV_READ | EV_WRITE);
        return 0;
    }
    uint64_t now_ms = clock_ms();
    if (errno != EAGAIN || now_ms >= connection->connect_by_ms) {
        docker_failure_connect(connection->call, errno == EAGAIN ? ETIMEDOUT : errno, err);
        return -1;
    }
    struct timeval pause = {.tv_usec = CONNECT_RETRY_MS * 1000};
    event_assign(&connection->event, connection->docker->base, -1, 0, on_event, connection);
    event_add(&connection->event, &pause);
    return 0;
}

/* --- from the event loop --- */

static enum outcome step(struct docker_connection *connection, short what, struct error *err)
{
    if (!connection->connected)
        return try_connect(connection, err) < 0 ? ENDED_BADLY : GOES_ON;
    enum outcome outcome = what & EV_READ ? receive(connection, err) : GOES_ON;
    if (outcome == GOES_ON && (what & EV_WRITE))
        outcome = transmit(connection, err);
    return outcome;
}

static void conclude(struct docker_connection *connection, enum outcome outcome, const struct error *err)
{
    struct docker_call *call = connection->call;
    release(connection, outcome == ENDED && is_clean(connection));
    if (outcome == CANCELLED)
        docker_call_free(call);
    else if (outcome == STALE)
        docker_transfer_start(call);
    else
        docker_transfer_complete(call, outcome == ENDED ? NULL : err);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    struct docker_connection *connection = arg;
    struct docker_call *call = connection->call;
    if (!call) {
        docker_connection_close(connection);
        return;
    }
    struct error err;
    call->delivering = true;
    enum outcome outcome = step(connection, what, &err);
    call->delivering = false;
    if (outcome != GOES_ON)
        conclude(connection, outcome, &err);
}

/* --- carrying a call --- */

static struct docker_connection *take_kept(struct docker *docker)
{
    struct docker_connection *connection = TAILQ_FIRST(&docker->kept);
    if (!connection)
        return NULL;
    TAILQ_REMOVE(&docker->kept, connection, link);
    docker->kept_count--;
    connection->reused = true;
    connection->sent = 0;
    connection->answered = connection->head_done = connection->overlong = false;
    return connection;
}

/* A body that is made piece by piece cannot be repeated, so it never goes over a connection that may be
 * stale. */
int docker_connection_carry(struct docker_call *call, struct error *err)
{
    struct docker_connection *connection = call->kind->send ? NULL : take_kept(call->docker);
    if (!connection) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            docker_failure_connect(call, errno, err);
            return -1;
        }
        connection = xcalloc(1, sizeof(*connection));
        connection->docker = call->docker;
        connection->fd = fd;
        connection->connect_by_ms = clock_ms() + DOCKER_CONNECT_MS;
        event_assign(&connection->event, call->docker->base, -1, 0, on_event, connection);
        strbuf_init(&connection->request, REQUEST_MAX);
        strbuf_init(&connection->input, HEAD_MAX_BYTES + RECEIVE_BYTES);
    }
    connection->call = call;
    call->connection = connection;
    begin_head(connection);
    write_request(connection);
    if (connection->connected)
        watch(connection, EV_READ | EV_WRITE);
    else if (try_connect(connection, err) < 0)
        docker_connection_close(connection);
    return call->connection ? 0 : -1;
}
