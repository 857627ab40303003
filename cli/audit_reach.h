/* The part of an audit that says what a function's containers can reach. */
#ifndef CLI_AUDIT_REACH_H
#define CLI_AUDIT_REACH_H

#include <jansson.h>

/* Of the answer of /berth/functions/<name>/audit, to standard output. */
void audit_print_reach(const json_t *audit);

#endif
