#include "admin/admin_handlers.h"

#include "admin/function_audit.h"
#include "admin/function_find.h"

void get_audit(struct admin_call *call)
{
    struct function *function = admin_named_function(call);
    if (function)
        admin_call_json(call, HTTP_OK, function_audit_json(call->parts->fleet, call->parts->host, function));
}
