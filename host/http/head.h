/*
 * The head of an HTTP/1.1 message: request line or status line and header section, parsed once and in place.
 * llhttp does the lexing; rules.c refuses what llhttp lets pass, so that everything accepted has exactly one
 * meaning: single spaces, CRLF line ends, no folding, one unambiguous framing, one Host.
 *
 * The bytes stay the caller's. A head holds offsets from `bytes`; when the buffer moves, set `bytes` anew and
 * every view is right again. Nothing is allocated. No locks: one thread per parser.
 *
 *     struct http_header headers[HTTP_HEADERS_DEFAULT];
 *     struct http_head head;
 *     struct http_head_parser parser;
 *     http_head_parser_init_request(&parser, &head, headers, HTTP_HEADERS_DEFAULT, &limits);
 *     do { read more at buffer + size; } while (http_head_parse(&parser, buffer, size) == HTTP_PARSE_MORE);
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <llhttp.h>

#include "base/error_code.h"
#include "http/header.h"
#include "http/text.h"

#define HTTP_HEADERS_DEFAULT 128

enum http_method {
    HTTP_METHOD_OTHER = 0, /* any other token but CONNECT and PRI (PROPFIND, get, ...); see the text */
    HTTP_METHOD_GET,
    HTTP_METHOD_HEAD,
    HTTP_METHOD_POST,
    HTTP_METHOD_PUT,
    HTTP_METHOD_DELETE,
    HTTP_METHOD_OPTIONS,
    HTTP_METHOD_PATCH,
    HTTP_METHOD_TRACE,
};

/* True for the methods that may be repeated when nobody knows whether they arrived (RFC 9110, 9.2.2). */
bool http_method_is_idempotent(enum http_method method);

enum http_framing {
    HTTP_FRAMING_NONE = 0, /* the message ends with its head */
    HTTP_FRAMING_LENGTH, /* content_length bytes follow, maybe 0 */
    HTTP_FRAMING_CHUNKED, /* chunks and trailers follow */
    HTTP_FRAMING_UNTIL_CLOSE, /* responses only: everything up to the end of the connection */
};

enum http_target_form {
    HTTP_TARGET_ORIGIN = 0, /* "/path?query" */
    HTTP_TARGET_ABSOLUTE, /* "http://host/path?query" */
    HTTP_TARGET_ASTERISK, /* "*", with OPTIONS only */
};

enum http_header_flag {
    HTTP_HEADER_IS_HOP = 1, /* hop-by-hop by its name or because Connection names it */
    HTTP_HEADER_IS_PLAIN = 2, /* stands as "Name: value\r\n" already, so the line can be copied as it is */
};

struct http_header {
    uint32_t name_offset;
    uint32_t value_offset; /* without the white space around the value */
    uint32_t value_length; /* may be 0 */
    uint16_t name_length;
    uint8_t id; /* enum http_header_id */
    uint8_t flags; /* enum http_header_flag */
};

/* What the Connection headers say, joined. */
struct http_connection {
    bool close;
    bool keep_alive;
    bool upgrade;
    bool names_others; /* some header was marked HTTP_HEADER_IS_HOP because it is named */
};

struct http_head {
    const char *bytes; /* the buffer; its first byte is the head's first */
    struct http_header *headers; /* the caller's array */
    uint32_t header_capacity;
    uint32_t header_count;
    uint64_t header_ids; /* set of the ids present, HTTP_HEADER_OTHER included */
    uint32_t length; /* bytes of the head with its empty line; the body begins at bytes + length */

    uint8_t version_minor; /* HTTP/1.0 or HTTP/1.1 */
    uint8_t framing; /* enum http_framing */
    bool keep_alive; /* the sender allows another message on this connection */
    bool upgrade; /* request: asks for an upgrade that may be passed on; response: it is a 101 */
    bool expect_continue; /* request: "Expect: 100-continue" from an HTTP/1.1 client */
    struct http_connection connection;
    int64_t content_length; /* as announced, also where no body follows (HEAD, 304); -1 when not */

    /* Requests. */
    uint8_t method; /* enum http_method */
    uint8_t target_form; /* enum http_target_form */
    struct http_span method_text;
    struct http_span target; /* as sent */
    struct http_span path; /* as sent, up to "?"; empty for "http://host" (means "/") and for "*" */
    struct http_span query; /* from "?" to the end, follows the path directly; empty when there is none */
    struct http_span host; /* the target's authority in absolute form, else the Host header; maybe empty */

    /* Responses. */
    uint16_t status; /* 100 to 599; 0 in a request */
    struct http_span reason;
};

/* A span of the head as a view, valid until the buffer moves. */
static inline struct http_text http_head_text(const struct http_head *head, struct http_span span)
{
    return http_text_make(head->bytes + span.offset, span.length);
}

static inline struct http_text http_head_name(const struct http_head *head, const struct http_header *header)
{
    return http_text_make(head->bytes + header->name_offset, header->name_length);
}

static inline struct http_text http_head_value(const struct http_head *head, const struct http_header *header)
{
    return http_text_make(head->bytes + header->value_offset, header->value_length);
}

static inline bool http_head_has(const struct http_head *head, enum http_header_id id)
{
    return head->header_ids & HTTP_HEADER_BIT(id);
}

/* The first header with this id (not HTTP_HEADER_OTHER), or NULL. Costs one test when it is absent. */
static inline const struct http_header *http_head_find(const struct http_head *head, enum http_header_id id)
{
    if (!http_head_has(head, id))
        return NULL;
    for (uint32_t i = 0; i < head->header_count; i++) {
        if (head->headers[i].id == id)
            return &head->headers[i];
    }
    return NULL;
}

/* The next header with the same id behind this one, or NULL. */
static inline const struct http_header *http_head_next(const struct http_head *head,
                                                       const struct http_header *header)
{
    const struct http_header *end = head->headers + head->header_count;
    for (const struct http_header *next = header + 1; next < end; next++) {
        if (next->id == header->id)
            return next;
    }
    return NULL;
}

/* True for a host name or address with an optional port; may be empty. */
bool http_host_is_valid(struct http_text host);

/* Bounds on a head. The number of headers is bounded by the array. */
struct http_limits {
    uint32_t head_bytes; /* 431 above; the whole head with its empty line */
    uint32_t target_bytes; /* 414 above */
};

enum http_parse {
    HTTP_PARSE_DONE, /* the head is complete: head->length bytes */
    HTTP_PARSE_MORE, /* call again with the same bytes and more behind them */
    HTTP_PARSE_ERROR, /* see parser->code; the connection is of no further use */
};

enum http_message_kind {
    HTTP_MESSAGE_REQUEST,
    HTTP_MESSAGE_RESPONSE,
    HTTP_MESSAGE_TRAILERS, /* a trailer section behind a stand-in status line; used by trailers.c */
};

struct http_head_parser {
    llhttp_t llhttp;
    struct http_head *head;
    const struct http_limits *limits;
    enum error_code code; /* set by HTTP_PARSE_ERROR */
    uint32_t scanned; /* bytes that llhttp has seen, always whole lines */
    uint32_t searched; /* bytes that were searched for a line end */
    uint32_t start; /* offset of the first line: 0, or 2 behind an empty line */
    uint8_t kind; /* enum http_message_kind */
    uint8_t request_method; /* responses: enum http_method of the request */
};

/* Both make the parser ready for the first byte of a message and empty the head. `head`, `headers` and
 * `limits` are borrowed until the parse ends. The parser may be used again and again; it holds nothing to
 * free. */
void http_head_parser_init_request(struct http_head_parser *parser, struct http_head *head,
                                   struct http_header *headers, uint32_t header_capacity,
                                   const struct http_limits *limits);

/* `request_method` is the method of the request that is being answered: a response to HEAD has no body. */
void http_head_parser_init_response(struct http_head_parser *parser, struct http_head *head,
                                    struct http_header *headers, uint32_t header_capacity,
                                    const struct http_limits *limits, enum http_method request_method);

/* For trailers.c: a stand-in status line, then the trailer section. Only the lines are checked, no framing.
 */
void http_head_parser_init_trailers(struct http_head_parser *parser, struct http_head *head,
                                    struct http_header *headers, uint32_t header_capacity,
                                    const struct http_limits *limits);

/* Parses what has come so far: `bytes` is the head's first byte and `size` counts all bytes from there, those
 * of earlier calls included; the buffer may have moved in between. Each byte is looked at once over all
 * calls, and the outcome does not depend on how the bytes were cut. Bytes behind the head (a body, the next
 * request) are not touched. One empty line before a request is skipped and counted in head->length. After
 * DONE or ERROR, init before the next parse. */
enum http_parse http_head_parse(struct http_head_parser *parser, const char *bytes, size_t size);

/* True when no byte of a message has come yet (an empty line before it is none), so that a connection may be
 * closed here without breaking anything. */
bool http_head_parser_is_idle(const struct http_head_parser *parser);

#endif
