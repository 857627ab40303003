/*
 * Where a body's payload lies in the bytes that come, and where the body ends. The bytes are never copied or
 * changed: a scan yields spans of the caller's buffer. State is kept over calls, so the bytes may be cut
 * anywhere.
 *
 * Chunked bodies are held to the letter: CRLF only, 1 to 16 hexadecimal digits, bounded extensions (dropped),
 * bounded trailers (parsed by the rules of heads). No locks: one thread per body.
 */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include "http/head.h"

struct http_trailers;

enum http_body_step {
    HTTP_BODY_DATA, /* *ret_data holds bytes; call again with what follows */
    HTTP_BODY_MORE, /* every byte given is consumed and none of it is left to yield */
    HTTP_BODY_DONE, /* the body has ended; bytes that were not consumed belong to the next message */
    HTTP_BODY_ERROR, /* see body->code; the connection is of no further use */
};

struct http_body {
    uint8_t framing; /* enum http_framing */
    uint8_t state;
    uint8_t digits; /* of the chunk size being read */
    uint8_t line_state; /* of the trailer line being read */
    uint16_t line_bytes; /* extension bytes of this chunk line */
    uint32_t overhead_bytes; /* extension bytes of the whole body */
    uint64_t remaining; /* payload bytes of the current chunk, or of the body, still to come */
    uint64_t received; /* payload bytes yielded so far */
    uint64_t limit; /* payload bytes allowed */
    enum error_code code; /* set by HTTP_BODY_ERROR */
    struct http_trailers *trailers; /* owned; NULL unless the body ended with trailer fields */
};

#define HTTP_BODY_UNLIMITED UINT64_MAX

/* Begins a body. `content_length` is used by HTTP_FRAMING_LENGTH only. More than `limit` payload bytes are
 * ERROR_BODY_TOO_LARGE, found before the first byte when the length is announced. Owns memory
 * only once trailers have come: clear it in the end. */
void http_body_init(struct http_body *body, enum http_framing framing, int64_t content_length,
                    uint64_t limit);

/* Begins the body that a parsed head announces. */
void http_body_init_head(struct http_body *body, const struct http_head *head, uint64_t limit);

/* Frees the trailers. The body may be begun anew afterwards. */
void http_body_clear(struct http_body *body);

/* Finds the next run of payload in `bytes`. *ret_consumed says how many bytes are dealt with, the run
 * included; *ret_data is set by HTTP_BODY_DATA and points into `bytes`. A body without payload is DONE at
 * once, also for size 0. */
enum http_body_step http_body_scan(struct http_body *body, const char *bytes, size_t size,
                                   struct http_text *ret_data, size_t *ret_consumed);

/* Like http_body_scan, for forwarding a chunked body as chunked: the runs hold the chunk framing too,
 * checked, exactly as it came, without extensions; the last one ends with "0\r\n". After DONE write the
 * trailers and the empty line: http_write_trailers(). Other framings behave as with http_body_scan. Do not
 * mix both calls on one body. */
enum http_body_step http_body_scan_raw(struct http_body *body, const char *bytes, size_t size,
                                       struct http_text *ret_data, size_t *ret_consumed);

/* True when the body has ended. */
bool http_body_is_done(const struct http_body *body);

/* Tells that the connection has ended. True when the body is complete with that (it was delimited by the
 * close, or was done already); false when it has been cut short. */
bool http_body_end_of_stream(struct http_body *body);

#endif
