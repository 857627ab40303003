#include "admin/admin_handlers.h"

#include "admin/function_status.h"
#include "admin/request_book.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "fleet/fleet.h"

#include <string.h>

static json_t *status_of(const struct admin_call *call, struct function *function)
{
    const struct request_counts *counts = request_book_counts(call->parts->requests);
    uint64_t invocations = request_counts_of(counts, function_name(function)).total;
    return function_status_json(function, invocations, clock_ms());
}

void get_functions(struct admin_call *call)
{
    struct fleet *fleet = call->parts->fleet;
    json_t *list = json_array();
    for (size_t i = 0; i < fleet_function_count(fleet); i++) {
        struct function *function = fleet_function_at(fleet, i);
        if (!function_is_removed(function))
            json_array_append_new(list, status_of(call, function));
    }
    admin_call_json(call, HTTP_OK, list);
}

/* "NAME" or "NAME.NAMESPACE" */
static struct function *find_function(const struct admin_call *call, struct error *err)
{
    const char *dot = strrchr(call->name, '.');
    cleanup_free char *name = xstrndup(call->name, dot ? (size_t)(dot - call->name) : strlen(call->name));
    bool right_namespace = !dot || strcmp(dot + 1, FUNCTION_STATUS_NAMESPACE) == 0;
    struct function *function = right_namespace ? fleet_function_find(call->parts->fleet, name) : NULL;
    if (!function)
        error_set_in(err, COMPONENT_ADMIN, ERROR_FUNCTION_UNKNOWN, "function %s not found", call->name);
    return function;
}

void get_function(struct admin_call *call)
{
    struct error err;
    struct function *function = find_function(call, &err);
    if (function)
        admin_call_json(call, HTTP_OK, status_of(call, function));
    else
        admin_call_refuse(call, &err);
}
