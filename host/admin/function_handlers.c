#include "admin/admin_handlers.h"

#include "admin/admin_work.h"
#include "admin/deployment_parts.h"
#include "admin/function_find.h"
#include "admin/function_name.h"
#include "admin/function_parts.h"
#include "admin/function_status.h"
#include "admin/function_view.h"
#include "admin/request_book.h"
#include "admin/volume_view.h"
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

static void answer_one(struct admin_call *call, describe_fn *describe)
{
    struct function *function = admin_named_function(call);
    if (function)
        admin_call_json(call, HTTP_OK, describe_one(call, function, describe));
}

/* --- the /system contract --- */

void get_system_functions(struct admin_call *call)
{
    struct error err;
    if (function_check_namespace(admin_call_query(call, "namespace"), &err) < 0)
        admin_call_refuse(call, &err);
    else
        answer_list(call, system_status);
}

void get_system_function(struct admin_call *call)
{
    answer_one(call, system_status);
}

/* A number of 0 at least; -1: there is none. */
static json_int_t replicas_of(const json_t *body)
{
    const json_t *replicas = json_object_get(body, "replicas");
    return json_is_integer(replicas) && json_integer_value(replicas) >= 0 ? json_integer_value(replicas) : -1;
}

static int scale(struct function *function, json_int_t replicas, struct error *err)
{
    unsigned most = function_applied_settings(function)->max_scale;
    if (replicas < 0)
        return error_set(err, ERROR_BAD_CALL, "\"replicas\" must be a number of instances, 0 or more");
    if (replicas > most) {
        error_set(err, ERROR_BAD_CALL, "%s may have at most %u instances", function_name(function), most);
        return error_hint(err, "raise its max_scale in the registry");
    }
    function_set_minimum(function, (unsigned)replicas);
    return 0;
}

/* Its namespace has been looked at. */
static void answer_scaled(struct admin_call *call)
{
    const struct function *function = admin_find_function(call, call->name, NULL);
    if (function)
        admin_call_json(call, ADMIN_ACCEPTED,
                        json_pack("{s:s, s:I, s:b}", "function", function_name(function), "minimum",
                                  (json_int_t)function_minimum(function), "kept",
                                  function_latest_settings(function)->deployment != NULL));
}

/* What was deployed over the API keeps what it was scaled to over the API. */
static void scale_it(struct admin_call *call, struct function *function, json_int_t replicas)
{
    struct error err;
    if (scale(function, replicas, &err) < 0) {
        admin_call_refuse(call, &err);
    } else if (function_latest_settings(function)->deployment) {
        deployment_keep_scale(call, function, (unsigned)replicas, answer_scaled);
    } else {
        call->name = function_name(function);
        answer_scaled(call);
    }
}

/* The function stands in the path; older clients say it in the body too. */
void post_scale(struct admin_call *call)
{
    struct error err;
    json_t *body;
    if (admin_call_body(call, &body, &err) < 0) {
        admin_call_refuse(call, &err);
        return;
    }
    struct function *function = admin_find_function(call, call->name, function_namespace_of(call, body));
    if (function)
        scale_it(call, function, replicas_of(body));
    json_decref(body);
}

/* --- /berth --- */

void get_functions(struct admin_call *call)
{
    answer_list(call, function_summary_json);
}

/* The sizes of its volumes are looked up meanwhile. */
static void measure_volumes(void *context)
{
    volumes_add_sizes(json_object_get(context, "volumes"));
}

static void answer_details(struct admin_call *call, void *context)
{
    admin_call_json(call, HTTP_OK, json_incref(context));
}

static void free_details(void *context)
{
    json_decref(context);
}

void get_function(struct admin_call *call)
{
    static const struct admin_job job = {
        .work = measure_volumes, .answer = answer_details, .free = free_details};
    struct function *function = admin_named_function(call);
    if (!function)
        return;
    json_t *details = describe_one(call, function, function_details_json);
    json_t *volumes = function_volume_list_json(call->parts->fleet, function);
    json_object_set_new(details, "volumes", volumes);
    if (json_array_size(volumes) > 0)
        admin_call_work(call, 0, &job, details);
    else
        admin_call_json(call, HTTP_OK, details);
}

void get_instances(struct admin_call *call)
{
    struct function *function = admin_named_function(call);
    struct replicas replicas;
    if (function)
        admin_call_json(call, HTTP_OK, function_instances_json(function, &replicas, clock_ms()));
}

void get_decisions(struct admin_call *call)
{
    struct function *function = admin_named_function(call);
    if (function)
        admin_call_json(call, HTTP_OK, function_decisions_json(function, clock_ms()));
}

void post_restart(struct admin_call *call)
{
    struct function *function = admin_named_function(call);
    if (!function)
        return;
    function_restart(function);
    admin_call_json(call, ADMIN_ACCEPTED, json_pack("{s:s}", "restarting", function_name(function)));
}
