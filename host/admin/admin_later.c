#include "admin/admin_later.h"

#include <sys/queue.h>

/* The connection, and the request with it, is about to go. */
static void on_client_gone(struct evhttp_connection *connection, void *context)
{
    struct admin_later *later = context;
    (void)connection;
    admin_call_abandon(later->request, later->is_ending);
    later->request = NULL;
    later->gone(later);
}

void admin_later_begin(struct admin_later *later, const struct admin_call *call,
                       void (*gone)(struct admin_later *later))
{
    *later = (struct admin_later){.parts = call->parts,
                                  .waiting = call->waiting,
                                  .background = call->background,
                                  .request = call->request,
                                  .is_ending = call->is_ending,
                                  .gone = gone};
    TAILQ_INIT(&later->query);
    evhttp_connection_set_closecb(evhttp_request_get_connection(call->request), on_client_gone, later);
}

struct admin_call admin_later_resume(struct admin_later *later, const char *name)
{
    admin_later_forget(later);
    return (struct admin_call){.parts = later->parts,
                               .request = later->request,
                               .name = name,
                               .query = &later->query,
                               .waiting = later->waiting,
                               .background = later->background,
                               .is_ending = later->is_ending};
}

void admin_later_forget(struct admin_later *later)
{
    evhttp_connection_set_closecb(evhttp_request_get_connection(later->request), NULL, NULL);
}
