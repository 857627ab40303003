/* Prefer (RFC 7240): what a client would rather have; nobody has to heed it. */
#ifndef HTTP_PREFER_H
#define HTTP_PREFER_H

#include "http/head.h"
#include "http/write.h"

/* Whether a request names this preference, in any case and with whatever value, in any of its Prefer lines.
 */
bool http_prefer_has(const struct http_head *head, struct http_text name);

/* The request's Prefer lines less that preference; nothing when there are no others. */
void http_prefer_write_others(struct http_writer *writer, const struct http_head *head,
                              struct http_text name);

#endif
