/*
 * What makes a head acceptable beyond what llhttp checks, and why a line was refused. Internal to http/.
 */
#ifndef HTTP_RULES_H
#define HTTP_RULES_H

#include "http/head.h"

/* Checks a head that llhttp has accepted and fills every derived member. ERROR_NONE, or what is wrong. */
enum error_code http_rules_check(const struct http_head_parser *parser, struct http_head *head);

/* Checks how the message is delimited and fills framing, content_length, keep_alive and upgrade. The headers
 * must have been checked. ERROR_NONE, or what is wrong. */
enum error_code http_framing_check(struct http_head *head, enum http_message_kind kind,
                                   enum http_method request_method);

/* Checks the request target and fills its parts. ERROR_NONE, or what is wrong. */
enum error_code http_target_check(struct http_head *head, struct http_text method, uint32_t limit);

/* Reads a Content-Length. ERROR_NONE, or what is wrong. */
enum error_code http_length_read(struct http_text value, int64_t *ret_length);

/* Why llhttp refused the byte at `position`. `end` is where the bytes end that may be looked at, behind a
 * line end. The answer depends on nothing behind the line of `position`, so it is the same however the bytes
 * came. Never ERROR_NONE. */
enum error_code http_explain(const struct http_head_parser *parser, uint32_t position, uint32_t end);

/* How many bytes of the refused request line, which begins at `start` and ends before `end`, are a method
 * that is well-formed but no method of HTTP to llhttp; 0 when the method is not what it minds. PRI and
 * CONNECT have meanings of their own and are not among them. */
uint32_t http_foreign_method(const struct http_head_parser *parser, uint32_t end);

/* Why the request or status line is refused. Never ERROR_NONE. */
enum error_code http_explain_start_line(const struct http_head_parser *parser, uint32_t end);

/* The first fault in the lines from `offset` up to the one that holds `position` or the empty one, or
 * ERROR_NONE. */
enum error_code http_explain_headers(const struct http_head *head, uint32_t offset, uint32_t position,
                                     uint32_t end);

#endif
