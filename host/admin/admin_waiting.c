#include "admin/admin_waiting.h"

#include "admin/admin_later.h"
#include "base/alloc.h"
#include "base/container_of.h"
#include "base/queue.h"
#include "fleet/fleet.h"

#include <stdlib.h>
#include <string.h>

enum awaited { AWAITED_SOURCES, AWAITED_FUNCTION, AWAITED_REST };

struct waiting_call {
    TAILQ_ENTRY(waiting_call) link;
    struct admin_waiting *waiting;
    struct admin_later later;
    enum awaited awaited;
    char *name; /* the call's; of AWAITED_FUNCTION that function's */
    void (*answer)(struct admin_call *call);
};

struct admin_waiting {
    const struct admin_options *parts;
    TAILQ_HEAD(waiting_calls, waiting_call) calls;
    bool is_stopped;
};

struct admin_waiting *admin_waiting_create(const struct admin_options *parts)
{
    struct admin_waiting *waiting = xcalloc(1, sizeof(*waiting));
    waiting->parts = parts;
    TAILQ_INIT(&waiting->calls);
    return waiting;
}

static void free_call(struct waiting_call *call)
{
    free(call->name);
    free(call);
}

void admin_waiting_destroy(struct admin_waiting *waiting)
{
    if (!waiting)
        return;
    struct waiting_call *call;
    while ((call = queue_take_first(&waiting->calls, link)))
        free_call(call);
    free(waiting);
}

static void on_client_gone(struct admin_later *later)
{
    struct waiting_call *call = container_of(later, struct waiting_call, later);
    TAILQ_REMOVE(&call->waiting->calls, call, link);
    free_call(call);
}

/* The whole end of one that has been taken out. */
static void answer(struct waiting_call *call)
{
    struct admin_call now = admin_later_resume(&call->later, call->name);
    call->answer(&now);
    free_call(call);
}

static void refuse_stopping(struct admin_call *call)
{
    struct error err;
    error_set_in(&err, COMPONENT_ADMIN, ERROR_CANCELLED, "the daemon is stopping");
    error_hint(&err, "what it has been given it takes up when it is started again; berth ls then shows it");
    admin_call_refuse(call, &err);
}

static void wait_for(struct admin_call *call, enum awaited awaited, const char *name,
                     void (*answer_it)(struct admin_call *call))
{
    struct waiting_call *later = xcalloc(1, sizeof(*later));
    *later = (struct waiting_call){
        .waiting = call->waiting, .awaited = awaited, .name = xstrdup(name), .answer = answer_it};
    admin_later_begin(&later->later, call, on_client_gone);
    TAILQ_INSERT_TAIL(&call->waiting->calls, later, link);
}

void admin_call_wait(struct admin_call *call, void (*answer_it)(struct admin_call *call))
{
    if (call->waiting->is_stopped)
        refuse_stopping(call);
    else if (fleet_is_at_rest(call->parts->fleet))
        answer_it(call);
    else
        wait_for(call, AWAITED_REST, call->name, answer_it);
}

void admin_call_wait_for_sources(struct admin_call *call, void (*answer_it)(struct admin_call *call))
{
    if (call->waiting->is_stopped)
        refuse_stopping(call);
    else if (fleet_is_reading(call->parts->fleet))
        wait_for(call, AWAITED_SOURCES, call->name, answer_it);
    else
        answer_it(call);
}

void admin_call_wait_for_function(struct admin_call *call, const struct function *function,
                                  void (*answer_it)(struct admin_call *call))
{
    if (call->waiting->is_stopped)
        refuse_stopping(call);
    else if (function_is_settled(function))
        answer_it(call);
    else
        wait_for(call, AWAITED_FUNCTION, function_name(function), answer_it);
}

/* Answers those that wait for this; `name` is the function's, or NULL. An answer may have its call wait for
 * something else. */
static void end(struct admin_waiting *waiting, enum awaited awaited, const char *name)
{
    struct waiting_calls due;
    struct waiting_call *call, *next;
    TAILQ_INIT(&due);
    for (call = TAILQ_FIRST(&waiting->calls); call; call = next) {
        next = TAILQ_NEXT(call, link);
        if (call->awaited != awaited || (name && strcmp(call->name, name) != 0))
            continue;
        TAILQ_REMOVE(&waiting->calls, call, link);
        TAILQ_INSERT_TAIL(&due, call, link);
    }
    while ((call = queue_take_first(&due, link)))
        answer(call);
}

void admin_waiting_end_sources(struct admin_waiting *waiting)
{
    end(waiting, AWAITED_SOURCES, NULL);
}

void admin_waiting_end(struct admin_waiting *waiting)
{
    end(waiting, AWAITED_FUNCTION, NULL); /* of those that are gone */
    end(waiting, AWAITED_REST, NULL);
}

void admin_waiting_end_function(struct admin_waiting *waiting, const char *function)
{
    end(waiting, AWAITED_FUNCTION, function);
}

void admin_waiting_stop(struct admin_waiting *waiting)
{
    struct waiting_call *call;
    waiting->is_stopped = true;
    while ((call = queue_take_first(&waiting->calls, link))) {
        call->answer = refuse_stopping;
        answer(call);
    }
}
