#include "admin/admin_waiting.h"

#include "base/alloc.h"
#include "base/queue.h"
#include "fleet/fleet.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>

struct waiting_call {
    TAILQ_ENTRY(waiting_call) link;
    struct admin_waiting *waiting;
    struct evhttp_request *request;
    const bool *is_ending;
    void (*answer)(struct admin_call *call);
};

struct admin_waiting {
    const struct admin_options *parts;
    TAILQ_HEAD(waiting_calls, waiting_call) calls;
};

struct admin_waiting *admin_waiting_create(const struct admin_options *parts)
{
    struct admin_waiting *waiting = xcalloc(1, sizeof(*waiting));
    waiting->parts = parts;
    TAILQ_INIT(&waiting->calls);
    return waiting;
}

static void forget(struct waiting_call *call)
{
    TAILQ_REMOVE(&call->waiting->calls, call, link);
    free(call);
}

void admin_waiting_destroy(struct admin_waiting *waiting)
{
    if (!waiting)
        return;
    struct waiting_call *call;
    while ((call = queue_take_first(&waiting->calls, link)))
        free(call);
    free(waiting);
}

/* The connection, and the request with it, is about to go. */
static void on_client_gone(struct evhttp_connection *connection, void *context)
{
    struct waiting_call *call = context;
    (void)connection;
    admin_call_abandon(call->request, call->is_ending);
    forget(call);
}

static void answer(struct waiting_call *call)
{
    struct evkeyvalq none = {0};
    TAILQ_INIT(&none);
    struct admin_call now = {.parts = call->waiting->parts,
                             .request = call->request,
                             .name = "",
                             .query = &none,
                             .waiting = call->waiting};
    evhttp_connection_set_closecb(evhttp_request_get_connection(call->request), NULL, NULL);
    call->answer(&now);
}

void admin_call_wait(struct admin_call *call, void (*answer_it)(struct admin_call *call))
{
    if (fleet_is_at_rest(call->parts->fleet)) {
        answer_it(call);
        return;
    }
    struct waiting_call *later = xcalloc(1, sizeof(*later));
    *later = (struct waiting_call){.waiting = call->waiting,
                                   .request = call->request,
                                   .is_ending = call->is_ending,
                                   .answer = answer_it};
    TAILQ_INSERT_TAIL(&call->waiting->calls, later, link);
    evhttp_connection_set_closecb(evhttp_request_get_connection(call->request), on_client_gone, later);
}

void admin_waiting_end(struct admin_waiting *waiting)
{
    struct waiting_call *call;
    while ((call = queue_take_first(&waiting->calls, link))) {
        answer(call);
        free(call);
    }
}
