/* The paths of the management API: a row for each path and method. Control thread. */
#ifndef ADMIN_ADMIN_ROUTES_H
#define ADMIN_ADMIN_ROUTES_H

#include "admin/admin_call.h"

#include <stdbool.h>
#include <stddef.h>

struct admin_route {
    enum evhttp_cmd_type method;
    const char *path; /* "*" as a segment stands for a name, which the handler gets */
    bool is_open; /* needs no password */
    void (*handle)(struct admin_call *call);
};

/* The row of a path, without its query, and a method; NULL: there is none, and *ret_allowed has the methods
 * that the path knows, as for a header Allow; none when it is no path at all. The caller frees *ret_name,
 * which is decoded, and *ret_allowed; each may be NULL. */
const struct admin_route *admin_route_find(enum evhttp_cmd_type method, const char *path, char **ret_name,
                                           char **ret_allowed);

#endif
