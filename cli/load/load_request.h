/* The bytes of the request that `berth load` sends over and over. */
#ifndef CLI_LOAD_LOAD_REQUEST_H
#define CLI_LOAD_LOAD_REQUEST_H

#include "cli/load/load_plan.h"

/* Fills the plan's method, url, request and is_head; `base` is "http://HOST:PORT". `enum status`; what is
 * wrong is said. */
int load_request_make(const struct arguments *arguments, const char *base, struct load_plan *plan);

#endif
