#include "admin/admin_handlers.h"

#include "admin/function_name.h"

void get_namespaces(struct admin_call *call)
{
    admin_call_json(call, HTTP_OK, json_pack("[s]", FUNCTION_NAMESPACE));
}

/* Clients of the contract take for a namespace of functions what is marked as one. */
void get_namespace(struct admin_call *call)
{
    struct error err;
    if (function_namespace_is_known(call->name)) {
        admin_call_json(call, HTTP_OK,
                        json_pack("{s:s, s:{s:s}, s:{s:s}}", "name", FUNCTION_NAMESPACE, "labels", "openfaas",
                                  "1", "annotations", "openfaas", "1"));
        return;
    }
    error_set(&err, ERROR_NAMESPACE_UNKNOWN, "namespace %.128s not found", call->name);
    admin_call_refuse(call, &err);
}

void refuse_namespace(struct admin_call *call)
{
    struct error err;
    error_set(&err, ERROR_NOT_IMPLEMENTED,
              "not implemented: there is the namespace " FUNCTION_NAMESPACE " and no other");
    admin_call_refuse(call, &err);
}
