/*
 * Whose fault an answer is that is not valid HTTP. The function chooses the status and the headers, so what
 * is wrong with them is the function's doing; how an answer is delimited and on what it comes is the
 * runner's.
 */
#ifndef GATEWAY_BAD_ANSWER_H
#define GATEWAY_BAD_ANSWER_H

#include "base/error.h"
#include "http/head.h"

/* Describes an answer whose head `parser` has refused. `size`: how many of the head's bytes have come. The
 * line at fault is quoted, in printable ASCII, when it is a header's or the status line. */
void bad_answer_describe(const struct http_head_parser *parser, size_t size, struct error *ret_error);

#endif
