/*
 * The trailer fields of a chunked body, kept until the body ends, then parsed and checked like a head. Fields
 * that a trailer section may not carry are dropped.
 */
#ifndef HTTP_TRAILERS_H
#define HTTP_TRAILERS_H

#include "http/head.h"

#define HTTP_TRAILERS_MAX_BYTES 8192 /* the whole section; more is refused */
#define HTTP_TRAILERS_MAX_COUNT 32

struct http_trailers {
    struct http_head head; /* its headers are the trailers, those to be dropped marked HTTP_HEADER_IS_HOP */
    struct http_header headers[HTTP_TRAILERS_MAX_COUNT];
    uint32_t size;
    char bytes[HTTP_TRAILERS_MAX_BYTES];
};

/* An empty collection, or NULL when memory is out. The caller destroys it. */
struct http_trailers *http_trailers_create(void);
void http_trailers_destroy(struct http_trailers *trailers);

/* Adds bytes of the section. False when there is no room. */
bool http_trailers_append(struct http_trailers *trailers, const char *bytes, size_t size);

/* Parses the section, to be called once, when its empty line has come; that line itself is not appended.
 * ERROR_NONE, or what is wrong. */
enum error_code http_trailers_parse(struct http_trailers *trailers);

#endif
