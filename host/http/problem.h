/*
 * What people are told of a head or a body that was refused. The parsers give a code; the same fault of a
 * runner is a 502.
 */
#ifndef HTTP_PROBLEM_H
#define HTTP_PROBLEM_H

#include "base/error_code.h"

struct http_problem {
    const char *message; /* one sentence; NULL: no parser gives this code */
    const char *hint; /* what to do next; may be "" */
};

/* Of any code; static. */
const struct http_problem *http_problem(enum error_code code);

#endif
