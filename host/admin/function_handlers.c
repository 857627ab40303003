#include "admin/admin_handlers.h"

#include "admin/function_parts.h"
#include "admin/function_status.h"
#include "admin/function_view.h"
#include "admin/request_book.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "fleet/fleet.h"

#include <string.h>

typedef json_t *describe_fn(struct function *function, const struct request_count *count, uint64_t now_ms);

static json_t *system_status(struct function *function, const struct request_count *count, uint64_t now_ms)
{
    return function_status_json(function, count->total, now_ms);
}

static json_t *describe_one(const struct admin_call *call, struct function *function, describe_fn *describe)
{
    const struct request_count count =
        request_counts_of(request_book_counts(call->parts->requests), function_name(function));
    return describe(function, &count, clock_ms());
}

static void answer_list(struct admin_call *call, describe_fn *describe)
{
    struct fleet *fleet = call->parts->fleet;
    json_t *list = json_array();
    for (size_t i = 0; i < fleet_function_count(fleet); i++) {
        struct function *function = fleet_function_at(fleet, i);
        if (!function_is_removed(function))
            json_array_append_new(list, describe_one(call, function, describe));
    }
    admin_call_json(call, HTTP_OK, list);
}

/* "NAME" or "NAME.NAMESPACE". NULL: there is none, and the call has been answered. */
static struct function *find_function(struct admin_call *call)
{
    const char *dot = strrchr(call->name, '.');
    cleanup_free char *name = xstrndup(call->name, dot ? (size_t)(dot - call->name) : strlen(call->name));
    bool right_namespace = !dot || strcmp(dot + 1, FUNCTION_STATUS_NAMESPACE) == 0;
    struct function *function = right_namespace ? fleet_function_find(call->parts->fleet, name) : NULL;
    if (!function) {
        struct error err;
        error_set_in(&err, COMPONENT_ADMIN, ERROR_FUNCTION_UNKNOWN, "function %s not found", call->name);
        admin_call_refuse(call, &err);
    }
    return function;
}

static void answer_one(struct admin_call *call, describe_fn *describe)
{
    struct function *function = find_function(call);
    if (function)
        admin_call_json(call, HTTP_OK, describe_one(call, function, describe));
}

/* --- the /system contract --- */

void get_system_functions(struct admin_call *call)
{
    answer_list(call, system_status);
}

void get_system_function(struct admin_call *call)
{
    answer_one(call, system_status);
}

/* --- /berth --- */

void get_functions(struct admin_call *call)
{
    answer_list(call, function_summary_json);
}

void get_function(struct admin_call *call)
{
    answer_one(call, function_details_json);
}

void get_instances(struct admin_call *call)
{
    struct function *function = find_function(call);
    struct replicas replicas;
    if (function)
        admin_call_json(call, HTTP_OK, function_instances_json(function, &replicas, clock_ms()));
}

void get_decisions(struct admin_call *call)
{
    struct function *function = find_function(call);
    if (function)
        admin_call_json(call, HTTP_OK, function_decisions_json(function, clock_ms()));
}

void post_restart(struct admin_call *call)
{
    struct function *function = find_function(call);
    if (!function)
        return;
    function_restart(function);
    admin_call_json(call, ADMIN_ACCEPTED, json_pack("{s:s}", "restarting", function_name(function)));
}
