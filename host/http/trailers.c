#include "http/trailers.h"

#include "http/hop.h"

#include <stdlib.h>

/* Stands in front of the section, so that it is parsed as the head it looks like. */
#define STAND_IN        "HTTP/1.1 200 OK\r\n"
#define STAND_IN_LENGTH (sizeof(STAND_IN) - 1)
#define EMPTY_LINE      "\r\n"

struct http_trailers *http_trailers_create(void)
{
    struct http_trailers *trailers = malloc(sizeof(*trailers));
    if (trailers) {
        trailers->head = (struct http_head){.headers = trailers->headers};
        memcpy(trailers->bytes, STAND_IN, STAND_IN_LENGTH);
        trailers->size = STAND_IN_LENGTH;
    }
    return trailers;
}

void http_trailers_destroy(struct http_trailers *trailers)
{
    free(trailers);
}

bool http_trailers_append(struct http_trailers *trailers, const char *bytes, size_t size)
{
    if (size > sizeof(trailers->bytes) - trailers->size - 2)
        return false;
    memcpy(trailers->bytes + trailers->size, bytes, size);
    trailers->size += (uint32_t)size;
    return true;
}

enum error_code http_trailers_parse(struct http_trailers *trailers)
{
    static const struct http_limits limits = {HTTP_TRAILERS_MAX_BYTES, 0};
    struct http_head_parser parser;
    struct http_head *head = &trailers->head;
    memcpy(trailers->bytes + trailers->size, EMPTY_LINE, 2);
    trailers->size += 2;
    http_head_parser_init_trailers(&parser, head, trailers->headers, HTTP_TRAILERS_MAX_COUNT, &limits);
    enum http_parse outcome = http_head_parse(&parser, trailers->bytes, trailers->size);
    if (outcome != HTTP_PARSE_DONE || head->length != trailers->size)
        return outcome == HTTP_PARSE_ERROR ? parser.code : ERROR_TRAILERS_MALFORMED;
    for (uint32_t i = 0; i < head->header_count; i++) {
        if (HTTP_TRAILER_FORBIDDEN & HTTP_HEADER_BIT(head->headers[i].id))
            head->headers[i].flags |= HTTP_HEADER_IS_HOP;
    }
    return ERROR_NONE;
}
