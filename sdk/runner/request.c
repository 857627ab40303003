#include "connection.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

const char *berth_request_method(const struct berth_request *request)
{
    return request->method;
}

const char *berth_request_target(const struct berth_request *request)
{
    return request->target;
}

const char *berth_request_path(const struct berth_request *request, size_t *ret_length)
{
    *ret_length = strcspn(request->target, "?");
    return request->target;
}

const char *berth_request_query(const struct berth_request *request)
{
    const char *mark = strchr(request->target, '?');
    return mark ? mark + 1 : NULL;
}

const char *berth_request_header(const struct berth_request *request, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct berth_header *header = &request->headers[i];
        if (header->name_length == length && strncasecmp(header->name, name, length) == 0)
            return header->value;
    }
    return NULL;
}

const struct berth_header *berth_request_headers(const struct berth_request *request, size_t *ret_count)
{
    *ret_count = request->header_count;
    return request->headers;
}

int64_t berth_request_content_length(const struct berth_request *request)
{
    return request->content_length;
}

struct berth_connection *berth_request_connection(const struct berth_request *request)
{
    return connection_of(request);
}

bool berth_request_cancelled(const struct berth_request *request)
{
    struct pollfd socket = {.fd = connection_of(request)->fd, .events = POLLRDHUP};
    return socket.fd < 0 || (poll(&socket, 1, 0) > 0 && (socket.revents & (POLLRDHUP | POLLHUP | POLLERR)));
}

static ssize_t body_cut(struct berth_request *request, ssize_t received)
{
    if (received < 0 && errno == EAGAIN)
        return -1;
    request->body = BODY_BROKEN;
    if (received == 0)
        errno = ECONNRESET;
    return -1;
}

/* Bytes that came with the head first; then straight from the socket into the caller's buffer. */
static ssize_t read_plain(struct berth_request *request, void *buffer, size_t size, int flags)
{
    struct berth_connection *connection = connection_of(request);
    size_t stored = connection->end - connection->position;
    if (stored == 0)
        return berth_connection_receive(connection, buffer, size, flags);
    if (stored > size)
        stored = size;
    memcpy(buffer, connection->input + connection->position, stored);
    connection->position += stored;
    return (ssize_t)stored;
}

static ssize_t read_length(struct berth_request *request, void *buffer, size_t size, int flags)
{
    if (size > request->body_left)
        size = request->body_left;
    ssize_t received = read_plain(request, buffer, size, flags);
    if (received <= 0)
        return body_cut(request, received);
    request->body_left -= (uint64_t)received;
    if (request->body_left == 0)
        request->body = BODY_NONE;
    return received;
}

/* Receives into the space behind the head, of which there are INPUT_RESERVE bytes or more. */
static ssize_t receive_chunks(struct berth_connection *connection, int flags)
{
    connection->position = connection->head_end;
    connection->end = connection->head_end;
    ssize_t received = berth_connection_receive(connection, connection->input + connection->end,
                                                connection->capacity - connection->end, flags);
    if (received > 0)
        connection->end += (size_t)received;
    return received;
}

static ssize_t read_chunked(struct berth_request *request, void *buffer, size_t size, int flags)
{
    struct berth_connection *connection = connection_of(request);
    for (;;) {
        ssize_t stored = berth_chunks_decode(connection, buffer, size);
        if (stored != 0 || request->body != BODY_CHUNKED)
            return stored;
        ssize_t received = receive_chunks(connection, flags);
        if (received <= 0)
            return body_cut(request, received);
    }
}

static ssize_t read_body(struct berth_request *request, void *buffer, size_t size, int flags)
{
    if (size == 0 || request->body == BODY_NONE)
        return 0;
    if (request->body == BODY_BROKEN) {
        errno = ECONNRESET;
        return -1;
    }
    if (berth_request_continue(request) < 0)
        return body_cut(request, -1);
    if (request->body == BODY_TUNNEL)
        return read_plain(request, buffer, size, flags);
    if (request->body == BODY_LENGTH)
        return read_length(request, buffer, size, flags);
    return read_chunked(request, buffer, size, flags);
}

ssize_t berth_request_read(struct berth_request *request, void *buffer, size_t size)
{
    return read_body(request, buffer, size, 0);
}

ssize_t berth_request_try_read(struct berth_request *request, void *buffer, size_t size)
{
    return read_body(request, buffer, size, MSG_DONTWAIT);
}

bool berth_request_can_drain(const struct berth_request *request)
{
    return request->body == BODY_NONE || (request->body == BODY_LENGTH && !request->expects_continue &&
                                          request->body_left <= DRAIN_MAX_BYTES);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for more of the body until the deadline. */
static bool wait_for_body(const struct berth_request *request, int64_t deadline)
{
    struct pollfd socket = {.fd = connection_of(request)->fd, .events = POLLIN};
    int64_t left = deadline - now_ms();
    return left > 0 && poll(&socket, 1, (int)left) > 0;
}

bool berth_request_drain(struct berth_request *request)
{
    if (!berth_request_can_drain(request))
        return false;
    int64_t deadline = request->body == BODY_NONE ? 0 : now_ms() + DRAIN_MAX_MS;
    while (request->body != BODY_NONE) {
        char dropped[4096];
        ssize_t size = berth_request_try_read(request, dropped, sizeof(dropped));
        if (size < 0 && (errno != EAGAIN || !wait_for_body(request, deadline)))
            return false;
    }
    return true;
}
