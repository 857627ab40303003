/*
 * Why a head is refused: a second look, at the lines themselves, at what llhttp or the rules did not take.
 * Off the way of every head that is accepted.
 */
#ifndef HTTP_EXPLAIN_H
#define HTTP_EXPLAIN_H

#include "http/head.h"

/* Why llhttp refused the byte at `position`. `end` is where the bytes end that may be looked at, behind a
 * line end. The answer depends on nothing behind the line of `position`, so it is the same however the bytes
 * came. Never ERROR_NONE. */
enum error_code http_explain(const struct http_head_parser *parser, uint32_t position, uint32_t end);

/* How many bytes of the refused request line, which begins at `start` and ends before `end`, are a method
 * that is well-formed but no method of HTTP to llhttp; 0 when the method is not what it minds. PRI and
 * CONNECT have meanings of their own and are not among them. */
uint32_t http_explain_foreign_method(const struct http_head_parser *parser, uint32_t end);

/* Why the request or status line is refused. Never ERROR_NONE. */
enum error_code http_explain_start_line(const struct http_head_parser *parser, uint32_t end);

/* The first fault in the lines from `offset` up to the one that holds `position` or the empty one, or
 * ERROR_NONE. */
enum error_code http_explain_headers(const struct http_head *head, uint32_t offset, uint32_t position,
                                     uint32_t end);

/* The first header line that by itself is refused as the head was, without its LF; empty when none is. `end`:
 * how many of the head's bytes have come. */
struct http_text http_explain_header_line(const struct http_head_parser *parser, uint32_t end);

#endif
