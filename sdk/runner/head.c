#include "connection.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static struct berth_connection *connection_of_parser(llhttp_t *parser)
{
    return (struct berth_connection *)parser->data;
}

static bool header_is(const struct berth_header *header, const char *name)
{
    return strncasecmp(header->name, name, header->name_length) == 0 && name[header->name_length] == '\0';
}

static int on_method(llhttp_t *parser, const char *at, size_t length)
{
    (void)length;
    struct berth_connection *connection = connection_of_parser(parser);
    if (!connection->request.method)
        connection->request.method = at;
    return 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t length)
{
    (void)length;
    struct berth_connection *connection = connection_of_parser(parser);
    if (!connection->request.target)
        connection->request.target = at;
    return 0;
}

static int refuse(struct berth_connection *connection, int status)
{
    connection->refusal = status;
    return HPE_USER;
}

static int add_header(struct berth_connection *connection, const char *name)
{
    struct berth_request *request = &connection->request;
    if (request->header_count == request->header_capacity) {
        size_t capacity = request->header_capacity * 2;
        if (capacity == 0 || capacity > HEADERS_MAX)
            return refuse(connection, 431);
        struct berth_header *grown = realloc(request->headers, capacity * sizeof(*grown));
        if (!grown)
            return refuse(connection, 503);
        request->headers = grown;
        request->header_capacity = capacity;
    }
    request->headers[request->header_count++] = (struct berth_header){.name = name};
    return 0;
}

/* A text may come in several parts when it came in several reads; the parts are adjacent. */
static int on_header_field(llhttp_t *parser, const char *at, size_t length)
{
    struct berth_connection *connection = connection_of_parser(parser);
    struct berth_request *request = &connection->request;
    if (connection->head_done)
        return 0;
    if (request->header_count == 0 || request->headers[request->header_count - 1].value) {
        int rc = add_header(connection, at);
        if (rc != 0)
            return rc;
    }
    request->headers[request->header_count - 1].name_length += length;
    return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t length)
{
    struct berth_connection *connection = connection_of_parser(parser);
    if (connection->head_done)
        return 0;
    struct berth_header *header = &connection->request.headers[connection->request.header_count - 1];
    if (!header->value)
        header->value = at;
    header->value_length += length;
    return 0;
}

static int on_header_value_complete(llhttp_t *parser)
{
    struct berth_connection *connection = connection_of_parser(parser);
    if (connection->head_done)
        return 0;
    struct berth_header *header = &connection->request.headers[connection->request.header_count - 1];
    if (!header->value)
        header->value = header->name + header->name_length + 1; /* empty */
    while (header->value_length > 0 && strchr(" \t", header->value[header->value_length - 1]))
        header->value_length--;
    return 0;
}

static void note_header(struct berth_request *request, const struct berth_header *header)
{
    if (header_is(header, "expect") && strncasecmp(header->value, "100-continue", 12) == 0 &&
        header->value_length == 12)
        request->expects_continue = true;
}

static int on_headers_complete(llhttp_t *parser)
{
    struct berth_connection *connection = connection_of_parser(parser);
    struct berth_request *request = &connection->request;
    connection->head_done = true;
    if (parser->http_major != 1 || parser->http_minor > 1)
        return refuse(connection, 505);
    if ((parser->flags & F_CONTENT_LENGTH) && (parser->flags & F_TRANSFER_ENCODING))
        return refuse(connection, 400);
    for (size_t i = 0; i < request->header_count; i++)
        note_header(request, &request->headers[i]);
    request->is_http10 = parser->http_minor == 0;
    request->keep_alive = llhttp_should_keep_alive(parser);
    request->wants_upgrade = parser->upgrade;
    if (parser->flags & F_CHUNKED) {
        request->body = BODY_CHUNKED;
        request->content_length = -1;
    } else if (parser->flags & F_TRANSFER_ENCODING) {
        return refuse(connection, 501);
    } else {
        if (parser->content_length > INT64_MAX)
            return refuse(connection, 413);
        request->content_length = (int64_t)parser->content_length;
        request->body_left = parser->content_length;
        request->body = request->body_left > 0 ? BODY_LENGTH : BODY_NONE;
    }
    if (request->body == BODY_NONE || request->is_http10)
        request->expects_continue = false;
    return HPE_PAUSED;
}

static int on_body(llhttp_t *parser, const char *at, size_t length)
{
    struct berth_connection *connection = connection_of_parser(parser);
    memcpy(connection->body_target + connection->body_stored, at, length);
    connection->body_stored += length;
    return 0;
}

static int on_message_complete(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_method = on_method,
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void berth_head_begin(struct berth_connection *connection)
{
    struct berth_request *request = &connection->request;
    *request =
        (struct berth_request){.headers = request->headers, .header_capacity = request->header_capacity};
    llhttp_init(&connection->parser, HTTP_REQUEST, &settings);
    connection->parser.data = connection;
    connection->head_done = false;
    connection->head_end = 0;
    connection->refusal = 0;
}

enum head_result berth_head_parse(struct berth_connection *connection)
{
    const char *from = connection->input + connection->position;
    enum llhttp_errno rc = llhttp_execute(&connection->parser, from, connection->end - connection->position);
    if (rc == HPE_OK) {
        connection->position = connection->end;
        return HEAD_PARTIAL;
    }
    if (rc != HPE_PAUSED || !connection->head_done)
        return HEAD_BAD;
    connection->position = (size_t)(llhttp_get_error_pos(&connection->parser) - connection->input);
    connection->head_end = connection->position;
    llhttp_resume(&connection->parser);
    return HEAD_COMPLETE;
}

/* Each text is followed by a byte of syntax (space, colon, CR) that nobody needs any more. */
void berth_head_terminate(struct berth_connection *connection)
{
    struct berth_request *request = &connection->request;
    char *base = connection->input;
    *strchr(base + (request->method - base), ' ') = '\0';
    *strchr(base + (request->target - base), ' ') = '\0';
    for (size_t i = 0; i < request->header_count; i++) {
        const struct berth_header *header = &request->headers[i];
        base[header->name - base + (ptrdiff_t)header->name_length] = '\0';
        base[header->value - base + (ptrdiff_t)header->value_length] = '\0';
    }
}

ssize_t berth_chunks_decode(struct berth_connection *connection, char *buffer, size_t size)
{
    connection->body_target = buffer;
    connection->body_stored = 0;
    while (connection->position < connection->end && connection->body_stored < size) {
        size_t room = size - connection->body_stored;
        size_t given = connection->end - connection->position;
        const char *from = connection->input + connection->position;
        enum llhttp_errno rc = llhttp_execute(&connection->parser, from, given < room ? given : room);
        if (rc == HPE_OK) {
            connection->position += given < room ? given : room;
            continue;
        }
        if (rc != HPE_PAUSED && rc != HPE_PAUSED_UPGRADE) {
            connection->request.body = BODY_BROKEN;
            errno = EPROTO;
            return connection->body_stored > 0 ? (ssize_t)connection->body_stored : -1;
        }
        connection->position = (size_t)(llhttp_get_error_pos(&connection->parser) - connection->input);
        connection->request.body = BODY_NONE;
        break;
    }
    return (ssize_t)connection->body_stored;
}
