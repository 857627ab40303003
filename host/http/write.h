/*
 * Heads written anew, so that nothing odd that a sender wrote reaches the other side: request or status line,
 * Host, framing and Connection are always the host's own; other headers are copied in their order, hop-by-hop
 * ones left out.
 *
 * A writer fills a buffer of the caller's and never passes its end: what does not fit sets `full`, and one
 * check at the end is enough. A forwarded head goes in three steps: begin (line, copied headers, framing),
 * any number of own fields, end.
 *
 *     struct http_writer w = http_writer_make(buffer, sizeof(buffer));
 *     http_write_request(&w, &head, &(struct http_request_edit){.target = rest, .drop = MY_HEADERS});
 *     http_write_field(&w, HTTP_TEXT("X-Request-Id"), id);
 *     http_write_end(&w);
 *     if (w.full) ...
 */
#ifndef HTTP_WRITE_H
#define HTTP_WRITE_H

#include "http/head.h"
#include "http/status.h"
#include "http/trailers.h"

struct http_writer {
    char *at; /* where the next byte goes */
    char *end;
    char *start;
    bool full; /* something did not fit; what was written is of no use */
};

static inline struct http_writer http_writer_make(char *buffer, size_t capacity)
{
    return (struct http_writer){.at = buffer, .end = buffer + capacity, .start = buffer};
}

static inline size_t http_writer_size(const struct http_writer *writer)
{
    return (size_t)(writer->at - writer->start);
}

/* Bytes as they are; NULL is allowed when there are none. */
static inline void http_write_raw(struct http_writer *writer, const void *bytes, size_t size)
{
    if (size > (size_t)(writer->end - writer->at)) {
        writer->full = true;
        return;
    }
    if (size > 0) {
        memcpy(writer->at, bytes, size);
        writer->at += size;
    }
}

static inline void http_write_text(struct http_writer *writer, struct http_text text)
{
    http_write_raw(writer, text.data, text.length);
}

/* "Name: value\r\n". The caller vouches for both: no CR, LF or NUL. */
void http_write_field(struct http_writer *writer, struct http_text name, struct http_text value);

/* The same with a number as value. */
void http_write_field_number(struct http_writer *writer, struct http_text name, uint64_t value);

/* A decimal number. */
void http_write_number(struct http_writer *writer, uint64_t value);

/* The empty line that ends a head. */
void http_write_end(struct http_writer *writer);

/* How a request changes on its way. */
struct http_request_edit {
    struct http_text target; /* path and query for the other side. A "/" is put in front when it does not
                                begin with one, except that "*" stays for OPTIONS * */
    struct http_text host; /* for the other side; empty: the request's own */
    uint64_t drop; /* ids of headers not to copy, because the caller writes them itself */
};

/* Begins a request as HTTP/1.1 (an HTTP/1.0 client's Expect is left out): line, Host (an empty one when the
 * client sent none), copied headers, and either Content-Length or Transfer-Encoding, or "Connection: upgrade"
 * with the client's Upgrade headers. */
void http_write_request(struct http_writer *writer, const struct http_head *head,
                        const struct http_request_edit *edit);

/* How a response changes on its way. */
struct http_response_edit {
    uint64_t drop; /* ids of headers not to copy */
    uint8_t framing; /* towards the client: see http_response_framing() */
    uint8_t client_minor; /* version_minor of the client's request */
    bool keep_alive; /* whether the client's connection stays open behind this response */
};

/* The framing in which a response that came as `head` goes on to a client of HTTP/1.`client_minor`: as it
 * came, but chunked where only closing would delimit it, and delimited by closing for HTTP/1.0, which has no
 * chunks. HTTP_FRAMING_UNTIL_CLOSE demands keep_alive = false. */
enum http_framing http_response_framing(const struct http_head *head, uint8_t client_minor);

/* Begins a response as HTTP/1.1: status line, copied headers, framing, and Connection where the client needs
 * it. Content-Length stays in answers to HEAD and in 304. Interim responses (1xx) are written with it too,
 * but must not go to an HTTP/1.0 client; a 101 keeps its Upgrade. */
void http_write_response(struct http_writer *writer, const struct http_head *head,
                         const struct http_response_edit *edit);

/* The fields of a trailer section, if any (NULL allowed), and the empty line that ends a chunked body. */
void http_write_trailers(struct http_writer *writer, const struct http_trailers *trailers);

/* An answer made here. */
struct http_answer {
    int status;
    struct http_text content_type; /* left out when empty */
    struct http_text body;
    uint8_t client_minor;
    bool keep_alive;
    bool head_only; /* answer to HEAD: Content-Length of the body, but no body */
};

/* Begins an answer: status line, Content-Type, Content-Length (not for 1xx, 204, 304), Connection where the
 * client needs it. Add fields, then http_write_answer_end() writes the empty line and the body. */
void http_write_answer(struct http_writer *writer, const struct http_answer *answer);
void http_write_answer_end(struct http_writer *writer, const struct http_answer *answer);

#define HTTP_CHUNK_BEGIN_MAX 18 /* sixteen digits and CRLF */

/* Writes the line in front of a chunk of `size` bytes (not 0) and returns its length. The chunk's bytes are
 * followed by "\r\n". */
size_t http_chunk_begin(char ret_line[HTTP_CHUNK_BEGIN_MAX], uint64_t size);

#endif
