/* The header traceparent, by which programs tell each other what a request belongs to (W3C Trace Context). */
#ifndef HTTP_TRACEPARENT_H
#define HTTP_TRACEPARENT_H

#include "http/text.h"

#include <stdbool.h>

#define TRACE_ID_DIGITS    32
#define TRACEPARENT_LENGTH 55 /* of one that is made here */

/* Whether this is a header's value as it should be, of version 00 or of one to come; *ret_trace is then the
 * id of the trace within it, TRACE_ID_DIGITS small hexadecimal digits. */
bool traceparent_read(struct http_text value, struct http_text *ret_trace);

#endif
