/* A secret as clients of the management API send it: {"name", "namespace", "value", "rawValue"}, the last one
 * in base64. */
#ifndef ADMIN_SECRET_BODY_H
#define ADMIN_SECRET_BODY_H

#include "admin/admin_call.h"
#include "base/locked.h"

struct secret_body {
    char *name; /* "" when there is none */
    char *space; /* the namespace, which older clients say in the query; NULL: not said */
    struct locked value;
    bool has_value;
};

/* Reads the body and overwrites it. "bad-call": it is none. The caller clears *ret_body. */
int secret_body_read(struct admin_call *call, struct secret_body *ret_body, struct error *err);
void secret_body_clear(struct secret_body *body);

#endif
