#include "connection.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* ---- The head, put together in connection->output ---- */

static const struct {
    int status;
    const char *text;
} reasons[] = {
    {101, "Switching Protocols"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
};

static const char *reason_of(int status)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "";
}

static int reserve_output(struct berth_connection *connection, size_t size)
{
    size_t needed = connection->output_length + size;
    size_t capacity = connection->output_capacity;
    if (needed <= capacity)
        return 0;
    while (capacity < needed && capacity <= OUTPUT_MAX)
        capacity *= 2;
    if (needed > OUTPUT_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    char *larger = realloc(connection->output, capacity);
    if (!larger)
        return -1;
    connection->output = larger;
    connection->output_capacity = capacity;
    return 0;
}

static int put(struct berth_connection *connection, const char *bytes, size_t size)
{
    if (reserve_output(connection, size) < 0)
        return -1;
    memcpy(connection->output + connection->output_length, bytes, size);
    connection->output_length += size;
    return 0;
}

static int put_text(struct berth_connection *connection, const char *text)
{
    return put(connection, text, strlen(text));
}

__attribute__((format(printf, 2, 3))) static int put_format(struct berth_connection *connection,
                                                            const char *format, ...)
{
    char text[128];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return put(connection, text, (size_t)length);
}

static bool is_token(const char *bytes, size_t length)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < length; i++) {
        char c = bytes[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c != '\0' && strchr(others, c))))
            return false;
    }
    return length > 0;
}

static bool is_value(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool are_headers_valid(const struct berth_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!is_token(headers[i].name, headers[i].name_length) ||
            !is_value(headers[i].value, headers[i].value_length))
            return false;
    return true;
}

static bool is_name(const struct berth_header *header, const char *name)
{
    return header->name_length == strlen(name) && strncasecmp(header->name, name, header->name_length) == 0;
}

static bool is_framing(const struct berth_header *header)
{
    switch (header->name_length) {
    case 10:
        return is_name(header, "connection") || is_name(header, "keep-alive");
    case 14:
        return is_name(header, "content-length");
    case 17:
        return is_name(header, "transfer-encoding");
    default:
        return false;
    }
}

static int put_headers(struct berth_connection *connection, const struct berth_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct berth_header *header = &headers[i];
        if (is_framing(header))
            continue;
        if (put(connection, header->name, header->name_length) < 0 || put_text(connection, ": ") < 0 ||
            put(connection, header->value, header->value_length) < 0 || put_text(connection, "\r\n") < 0)
            return -1;
    }
    return 0;
}

/* Asks for "close" as one of the members of a Connection header. */
static bool asks_to_close(const struct berth_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_name(&headers[i], "connection"))
            continue;
        const char *at = headers[i].value, *end = at + headers[i].value_length;
        for (; end - at >= 5; at++)
            if (strncasecmp(at, "close", 5) == 0)
                return true;
    }
    return false;
}

/* ---- Sending ---- */

static int fail(struct berth_request *request)
{
    request->stage = RESPONSE_FAILED;
    request->keep_alive = false;
    return -1;
}

/* Sends every byte of the parts, which it changes. */
static int send_parts(struct berth_request *request, struct iovec *parts, size_t count)
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    while (message.msg_iovlen > 0) {
        ssize_t sent = sendmsg(connection_of(request)->fd, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return fail(request);
        while (message.msg_iovlen > 0 && (size_t)sent >= message.msg_iov->iov_len) {
            sent -= (ssize_t)message.msg_iov->iov_len;
            message.msg_iov++;
            message.msg_iovlen--;
        }
        if (message.msg_iovlen > 0) {
            message.msg_iov->iov_base = (char *)message.msg_iov->iov_base + sent;
            message.msg_iov->iov_len -= (size_t)sent;
        }
    }
    return 0;
}

/* The head, when it still waits, together with the parts after parts[0], which is left free for it. */
static int send_after_head(struct berth_request *request, struct iovec *parts, size_t count)
{
    struct berth_connection *connection = connection_of(request);
    parts[0] = (struct iovec){.iov_base = connection->output, .iov_len = connection->output_length};
    if (request->stage == RESPONSE_HEAD)
        request->stage = RESPONSE_BODY;
    connection->output_length = 0;
    return send_parts(request, parts, count);
}

static const char *static_text(const char *text, struct iovec *part)
{
    *part = (struct iovec){.iov_base = (char *)(uintptr_t)text, .iov_len = strlen(text)};
    return text;
}

int berth_request_continue(struct berth_request *request)
{
    if (!request->expects_continue || request->stage > RESPONSE_HEAD)
        return 0;
    struct iovec part;
    static_text("HTTP/1.1 100 Continue\r\n\r\n", &part);
    request->expects_continue = false;
    return send_parts(request, &part, 1);
}

/* ---- The public calls ---- */

static void choose_framing(struct berth_request *request, int status, int64_t content_length)
{
    request->discards_body = status == 204 || status == 304 || strcmp(request->method, "HEAD") == 0;
    if (request->discards_body) {
        request->framing = RESPONSE_BODILESS;
    } else if (content_length >= 0) {
        request->framing = RESPONSE_LENGTH;
        request->response_left = (uint64_t)content_length;
    } else if (request->is_http10) {
        request->framing = RESPONSE_CLOSE;
        request->keep_alive = false;
    } else {
        request->framing = RESPONSE_CHUNKED;
    }
}

static int put_framing(struct berth_request *request, int status, int64_t content_length)
{
    struct berth_connection *connection = connection_of(request);
    if (content_length >= 0 && status != 204 &&
        put_format(connection, "Content-Length: %" PRId64 "\r\n", content_length) < 0)
        return -1;
    if (request->framing == RESPONSE_CHUNKED && put_text(connection, "Transfer-Encoding: chunked\r\n") < 0)
        return -1;
    if (!request->keep_alive)
        return put_text(connection, "Connection: close\r\n\r\n");
    return put_text(connection, request->is_http10 ? "Connection: keep-alive\r\n\r\n" : "\r\n");
}

static int put_status(struct berth_connection *connection, int status)
{
    connection->output_length = 0;
    return put_format(connection, "HTTP/1.1 %d %s\r\n", status, reason_of(status));
}

static int accept_upgrade(struct berth_request *request, const struct berth_header *headers, size_t count)
{
    struct berth_connection *connection = connection_of(request);
    if (put_status(connection, 101) < 0 || put_headers(connection, headers, count) < 0 ||
        put_text(connection, "Connection: upgrade\r\n\r\n") < 0)
        return -1;
    struct iovec part;
    request->keep_alive = false;
    request->framing = RESPONSE_CLOSE;
    request->body = BODY_TUNNEL;
    request->stage = RESPONSE_HEAD;
    return send_after_head(request, &part, 1);
}

int berth_response_start(struct berth_request *request, int status, const struct berth_header *headers,
                         size_t count, int64_t content_length)
{
    struct berth_connection *connection = connection_of(request);
    if (request->stage != RESPONSE_NONE) {
        errno = EALREADY;
        return -1;
    }
    bool is_upgrade = status == 101 && request->wants_upgrade && request->body == BODY_NONE;
    if ((!is_upgrade && (status < 200 || status > 999)) || !are_headers_valid(headers, count)) {
        errno = EINVAL;
        return -1;
    }
    if (is_upgrade)
        return accept_upgrade(request, headers, count);
    if (asks_to_close(headers, count) || !berth_request_can_drain(request))
        request->keep_alive = false;
    choose_framing(request, status, content_length);
    if (put_status(connection, status) < 0 || put_headers(connection, headers, count) < 0 ||
        put_framing(request, status, content_length) < 0)
        return -1;
    request->stage = RESPONSE_HEAD;
    return 0;
}

static int check_writable(const struct berth_request *request)
{
    if (request->stage == RESPONSE_HEAD || request->stage == RESPONSE_BODY)
        return 0;
    errno = request->stage == RESPONSE_FAILED ? EPIPE : EINVAL;
    return -1;
}

int berth_response_write(struct berth_request *request, const void *bytes, size_t size)
{
    if (check_writable(request) < 0)
        return -1;
    if (size == 0 || request->framing == RESPONSE_BODILESS)
        return 0;
    struct iovec parts[4];
    struct iovec body = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    if (request->framing == RESPONSE_CHUNKED) {
        char length[24];
        int digits = snprintf(length, sizeof(length), "%zx\r\n", size);
        parts[1] = (struct iovec){.iov_base = length, .iov_len = (size_t)digits};
        parts[2] = body;
        static_text("\r\n", &parts[3]);
        return send_after_head(request, parts, 4);
    }
    if (request->framing == RESPONSE_LENGTH) {
        if (size > request->response_left) {
            fail(request);
            errno = EMSGSIZE;
            return -1;
        }
        request->response_left -= size;
    }
    parts[1] = body;
    return send_after_head(request, parts, 2);
}

int berth_response_flush(struct berth_request *request)
{
    if (check_writable(request) < 0)
        return -1;
    struct iovec part;
    return request->stage == RESPONSE_HEAD ? send_after_head(request, &part, 1) : 0;
}

int berth_response_end(struct berth_request *request)
{
    if (request->stage == RESPONSE_ENDED)
        return 0;
    if (check_writable(request) < 0)
        return -1;
    struct iovec parts[2];
    size_t count = 1;
    if (request->framing == RESPONSE_CHUNKED) {
        static_text("0\r\n\r\n", &parts[1]);
        count = 2;
    }
    if ((count == 2 || request->stage == RESPONSE_HEAD) && send_after_head(request, parts, count) < 0)
        return -1;
    if (request->framing == RESPONSE_LENGTH && request->response_left > 0) {
        errno = EMSGSIZE;
        return fail(request);
    }
    request->stage = RESPONSE_ENDED;
    return 0;
}

int berth_response_inform(struct berth_request *request, int status, const struct berth_header *headers,
                          size_t count)
{
    struct berth_connection *connection = connection_of(request);
    if (request->stage != RESPONSE_NONE) {
        errno = EALREADY;
        return -1;
    }
    if (status < 102 || status > 199 || !are_headers_valid(headers, count)) {
        errno = EINVAL;
        return -1;
    }
    if (request->is_http10)
        return 0;
    if (put_status(connection, status) < 0 || put_headers(connection, headers, count) < 0 ||
        put_text(connection, "\r\n") < 0)
        return -1;
    struct iovec part = {.iov_base = connection->output, .iov_len = connection->output_length};
    return send_parts(request, &part, 1);
}

void berth_response_abort(struct berth_request *request)
{
    fail(request);
}

bool berth_response_started(const struct berth_request *request)
{
    return request->stage != RESPONSE_NONE;
}

int berth_response_send(struct berth_request *request, int status, const char *content_type, const void *body,
                        size_t size)
{
    struct berth_header header = {.name = "Content-Type", .name_length = 12};
    if (content_type) {
        header.value = content_type;
        header.value_length = strlen(content_type);
    }
    if (berth_response_start(request, status, &header, content_type ? 1 : 0, (int64_t)size) < 0 ||
        berth_response_write(request, body, size) < 0)
        return -1;
    return berth_response_end(request);
}

bool berth_request_finish(struct berth_request *request)
{
    struct berth_connection *connection = connection_of(request);
    if (request->stage == RESPONSE_NONE)
        (void)berth_response_error(request, 500, "the handler gave no response", NULL);
    (void)berth_response_end(request);
    if (request->stage == RESPONSE_ENDED && request->keep_alive && berth_request_drain(request))
        return true;
    berth_connection_close(connection);
    return false;
}
