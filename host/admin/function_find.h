/* The function that a call is about. Control thread. */
#ifndef ADMIN_FUNCTION_FIND_H
#define ADMIN_FUNCTION_FIND_H

#include "admin/admin_call.h"
#include "fleet/function.h"

/* As function_name_read() has it. NULL: there is none, and the call has been answered. */
struct function *admin_find_function(struct admin_call *call, const char *given, const char *space);

/* The one that the path names, with the namespace that the query may have. */
struct function *admin_named_function(struct admin_call *call);

/* The namespace of a call with a body: in that, or in the query of older clients. Borrowed; may be NULL. */
const char *function_namespace_of(const struct admin_call *call, const json_t *body);

/* -1: it is not the one that there is. */
int function_check_namespace(const char *space, struct error *err);

#endif
