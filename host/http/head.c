#include "http/head.h"

#include "http/explain.h"
#include "http/rules.h"

static struct http_head_parser *parser_of(llhttp_t *llhttp)
{
    return llhttp->data;
}

static uint32_t offset_of(const struct http_head_parser *parser, const char *at)
{
    return (uint32_t)(at - parser->head->bytes);
}

/* Lines are handed to llhttp whole, so every span comes in one piece; a second piece of a value is a folded
 * line. */
static int on_target(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http_head_parser *parser = parser_of(llhttp);
    parser->head->target = (struct http_span){offset_of(parser, at), (uint32_t)length};
    return 0;
}

static int on_header_name(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http_head_parser *parser = parser_of(llhttp);
    struct http_head *head = parser->head;
    if (head->header_count == head->header_capacity) {
        parser->code = ERROR_TOO_MANY_HEADERS;
        return -1;
    }
    if (length > UINT16_MAX) {
        parser->code = ERROR_HEAD_TOO_LARGE;
        return -1;
    }
    head->headers[head->header_count++] = (struct http_header){
        .name_offset = offset_of(parser, at),
        .name_length = (uint16_t)length,
    };
    return 0;
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http_head_parser *parser = parser_of(llhttp);
    struct http_head *head = parser->head;
    if (head->header_count == 0 || head->headers[head->header_count - 1].value_offset != 0) {
        parser->code = ERROR_HEADER_FOLDING;
        return -1;
    }
    struct http_header *header = &head->headers[head->header_count - 1];
    header->value_offset = offset_of(parser, at);
    header->value_length = (uint32_t)length;
    return 0;
}

/* The body is framed by body.c: llhttp stops here. */
static int on_head_complete(llhttp_t *llhttp)
{
    (void)llhttp;
    return HPE_PAUSED;
}

static const llhttp_settings_t callbacks = {
    .on_url = on_target,
    .on_header_field = on_header_name,
    .on_header_value = on_header_value,
    .on_headers_complete = on_head_complete,
};

static void parser_init(struct http_head_parser *parser, enum http_message_kind kind, struct http_head *head,
                        struct http_header *headers, uint32_t header_capacity,
                        const struct http_limits *limits)
{
    llhttp_init(&parser->llhttp, kind == HTTP_MESSAGE_REQUEST ? HTTP_REQUEST : HTTP_RESPONSE, &callbacks);
    parser->head = head;
    parser->limits = limits;
    parser->code = ERROR_NONE;
    parser->scanned = 0;
    parser->searched = 0;
    parser->start = 0;
    parser->kind = (uint8_t)kind;
    parser->request_method = HTTP_METHOD_OTHER;
    *head = (struct http_head){
        .headers = headers,
        .header_capacity = header_capacity,
        .content_length = -1,
    };
}

void http_head_parser_init_request(struct http_head_parser *parser, struct http_head *head,
                                   struct http_header *headers, uint32_t header_capacity,
                                   const struct http_limits *limits)
{
    parser_init(parser, HTTP_MESSAGE_REQUEST, head, headers, header_capacity, limits);
}

void http_head_parser_init_response(struct http_head_parser *parser, struct http_head *head,
                                    struct http_header *headers, uint32_t header_capacity,
                                    const struct http_limits *limits, enum http_method request_method)
{
    parser_init(parser, HTTP_MESSAGE_RESPONSE, head, headers, header_capacity, limits);
    parser->request_method = (uint8_t)request_method;
}

void http_head_parser_init_trailers(struct http_head_parser *parser, struct http_head *head,
                                    struct http_header *headers, uint32_t header_capacity,
                                    const struct http_limits *limits)
{
    parser_init(parser, HTTP_MESSAGE_TRAILERS, head, headers, header_capacity, limits);
}

static enum http_parse fail(struct http_head_parser *parser, enum error_code code)
{
    parser->code = code;
    return HTTP_PARSE_ERROR;
}

#define TLS_HANDSHAKE 0x16

/* Looks at the first bytes before any line is complete, so that what is no HTTP at all is refused at once.
 * DONE: go on. */
static enum http_parse check_beginning(struct http_head_parser *parser, const char *bytes, size_t size)
{
    if (parser->kind == HTTP_MESSAGE_REQUEST && size > 0 && bytes[0] == '\r') {
        if (size == 1)
            return HTTP_PARSE_MORE;
        if (bytes[1] != '\n')
            return fail(parser, ERROR_EMPTY_LINES);
        parser->start = 2;
    }
    if (size <= parser->start)
        return HTTP_PARSE_MORE;
    char first = bytes[parser->start];
    if (parser->kind != HTTP_MESSAGE_REQUEST)
        return first == 'H' ? HTTP_PARSE_DONE : fail(parser, ERROR_STATUS_LINE_MALFORMED);
    if (http_char_is_token(first))
        return HTTP_PARSE_DONE;
    enum error_code code = ERROR_METHOD_MALFORMED;
    if (first == TLS_HANDSHAKE)
        code = ERROR_TLS_ON_PLAIN_PORT;
    else if (first == '\r' || first == '\n')
        code = ERROR_EMPTY_LINES;
    return fail(parser, code);
}

/* The head is not complete: within the limit there may be more. */
static enum http_parse need_more(struct http_head_parser *parser, size_t size)
{
    if (size < parser->limits->head_bytes)
        return HTTP_PARSE_MORE;
    bool in_first_line = parser->kind == HTTP_MESSAGE_REQUEST && parser->scanned == 0;
    return fail(parser, in_first_line ? ERROR_TARGET_TOO_LONG : ERROR_HEAD_TOO_LARGE);
}

static enum http_parse finish(struct http_head_parser *parser)
{
    struct http_head *head = parser->head;
    head->length = offset_of(parser, llhttp_get_error_pos(&parser->llhttp));
    parser->code = http_rules_check(parser, head);
    return parser->code == ERROR_NONE ? HTTP_PARSE_DONE : HTTP_PARSE_ERROR;
}

/* Any token is a method, but llhttp knows a fixed set, some of it for other protocols only. The first lines
 * with another method go to it once more with a method that it knows in that place; it reads as
 * HTTP_METHOD_OTHER. */
#define STAND_IN_METHOD "PURGE"

static llhttp_errno_t execute_stand_in(struct http_head_parser *parser, const char *from, size_t size)
{
    llhttp_init(&parser->llhttp, HTTP_REQUEST, &callbacks);
    parser->llhttp.data = parser;
    parser->head->header_count = 0;
    llhttp_execute(&parser->llhttp, STAND_IN_METHOD, sizeof(STAND_IN_METHOD) - 1);
    return llhttp_execute(&parser->llhttp, from, size);
}

static llhttp_errno_t execute(struct http_head_parser *parser, const char *bytes, uint32_t from, uint32_t end)
{
    parser->llhttp.data = parser;
    llhttp_errno_t outcome = llhttp_execute(&parser->llhttp, bytes + from, end - from);
    if (outcome == HPE_OK || outcome == HPE_PAUSED || parser->scanned != 0 ||
        parser->kind != HTTP_MESSAGE_REQUEST)
        return outcome;
    uint32_t method = http_explain_foreign_method(parser, end);
    return method > 0 ? execute_stand_in(parser, bytes + from + method, end - from - method) : outcome;
}

/* Hands llhttp the lines up to `end`. */
static enum http_parse scan_lines(struct http_head_parser *parser, const char *bytes, uint32_t end,
                                  size_t size)
{
    uint32_t from = parser->scanned == 0 ? parser->start : parser->scanned;
    llhttp_errno_t outcome = execute(parser, bytes, from, end);
    if (outcome == HPE_PAUSED)
        return finish(parser);
    if (outcome == HPE_OK) {
        parser->scanned = end;
        return need_more(parser, size);
    }
    if (parser->code == ERROR_NONE) {
        uint32_t position = offset_of(parser, llhttp_get_error_pos(&parser->llhttp));
        parser->code = http_explain(parser, position, end);
    }
    return HTTP_PARSE_ERROR;
}

enum http_parse http_head_parse(struct http_head_parser *parser, const char *bytes, size_t size)
{
    parser->head->bytes = bytes;
    if (parser->scanned == 0) {
        enum http_parse beginning = check_beginning(parser, bytes, size);
        if (beginning != HTTP_PARSE_DONE)
            return beginning;
    }
    uint32_t window = parser->limits->head_bytes;
    if (size < window)
        window = (uint32_t)size;
    const char *line_end = NULL;
    if (window > parser->searched)
        line_end = memrchr(bytes + parser->searched, '\n', window - parser->searched);
    parser->searched = window;
    uint32_t end = line_end ? offset_of(parser, line_end) + 1 : 0;
    return end > parser->start ? scan_lines(parser, bytes, end, size) : need_more(parser, size);
}

bool http_head_parser_is_idle(const struct http_head_parser *parser)
{
    return parser->searched == 0;
}

bool http_method_is_idempotent(enum http_method method)
{
    switch (method) {
    case HTTP_METHOD_GET:
    case HTTP_METHOD_HEAD:
    case HTTP_METHOD_PUT:
    case HTTP_METHOD_DELETE:
    case HTTP_METHOD_OPTIONS:
    case HTTP_METHOD_TRACE:
        return true;
    default:
        return false;
    }
}
