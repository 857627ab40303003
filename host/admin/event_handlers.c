#include "admin/admin_handlers.h"

#include "admin/event_book.h"
#include "admin/event_stream.h"
#include "admin/function_name.h"
#include "base/cleanup.h"
#include "fleet/fleet.h"

#include <event2/keyvalq_struct.h>

/* From where on: what the parameter says; what a client that connects again has seen last; else from here. */
static int read_after(const struct admin_call *call, uint64_t *ret_after, struct error *err)
{
    struct evkeyvalq *headers = evhttp_request_get_input_headers(call->request);
    const char *seen = evhttp_find_header(headers, "Last-Event-ID");
    const char *since = admin_call_query(call, "since");
    const uint64_t last_id = event_book_last_id(call->parts->events);
    *ret_after = last_id;
    if (admin_read_number("since", since ? since : seen, INT64_MAX, ret_after, err) < 0)
        return -1;
    if (*ret_after > last_id) /* of a daemon whose clock was ahead */
        *ret_after = 0;
    return 0;
}

static int read_function(const struct admin_call *call, char **ret_function, struct error *err)
{
    const char *given = admin_call_query(call, "function");
    if (!given || !*given)
        return 0;
    *ret_function = function_name_read(given, NULL);
    if (*ret_function && fleet_function_find(call->parts->fleet, *ret_function))
        return 0;
    return error_set_in(err, COMPONENT_ADMIN, ERROR_FUNCTION_UNKNOWN, "function %.128s not found", given);
}

void get_events(struct admin_call *call)
{
    struct error err;
    cleanup_free char *function = NULL;
    uint64_t after;
    if (read_after(call, &after, &err) < 0 || read_function(call, &function, &err) < 0 ||
        event_stream_add(call->events, call, function, after, &err) < 0)
        admin_call_refuse(call, &err);
}
