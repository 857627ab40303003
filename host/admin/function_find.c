#include "admin/function_find.h"

#include "admin/function_name.h"
#include "base/cleanup.h"
#include "fleet/fleet.h"

struct function *admin_find_function(struct admin_call *call, const char *given, const char *space)
{
    cleanup_free char *name = function_name_read(given, space);
    struct function *function = name ? fleet_function_find(call->parts->fleet, name) : NULL;
    if (!function) {
        struct error err;
        error_set_in(&err, COMPONENT_ADMIN, ERROR_FUNCTION_UNKNOWN, "function %s not found", given);
        admin_call_refuse(call, &err);
    }
    return function;
}

struct function *admin_named_function(struct admin_call *call)
{
    return admin_find_function(call, call->name, admin_call_query(call, "namespace"));
}

const char *function_namespace_of(const struct admin_call *call, const json_t *body)
{
    const char *space = json_string_value(json_object_get(body, "namespace"));
    return space && *space ? space : admin_call_query(call, "namespace");
}

int function_check_namespace(const char *space, struct error *err)
{
    if (function_namespace_is_known(space))
        return 0;
    return error_set(err, ERROR_BAD_CALL, "there is no namespace \"%.128s\", only " FUNCTION_NAMESPACE,
                     space);
}
