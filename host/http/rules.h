/*
 * What makes a head acceptable beyond what llhttp checks. Internal to http/.
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

#endif
