#include "admin/call_question.h"

#include "admin/admin_later.h"
#include "base/alloc.h"
#include "base/container_of.h"
#include "calls/calls.h"

#include <stdlib.h>

struct call_question {
    struct calls_question question;
    struct admin_later later;
    const struct call_job *job;
    void *context;
};

static int work(struct calls_question *question, struct call_store *store, bool *ret_durable,
                struct error *err)
{
    struct call_question *asked = container_of(question, struct call_question, question);
    return asked->job->work(question->calls, store, asked->context, ret_durable, err);
}

static void done(struct calls_question *question, const struct error *failure)
{
    struct call_question *asked = container_of(question, struct call_question, question);
    if (asked->later.request) {
        struct admin_call call = admin_later_resume(&asked->later, "");
        if (failure)
            admin_call_refuse(&call, failure);
        else
            asked->job->answer(&call, asked->context);
    }
    asked->job->free(asked->context);
    free(asked);
}

/* The question is under way, and ends in done(). */
static void on_client_gone(struct admin_later *later)
{
    (void)later;
}

void admin_call_ask(struct admin_call *call, const struct call_job *job, void *context)
{
    struct error err;
    if (!call->parts->calls) {
        error_set(&err, ERROR_CALLS_UNAVAILABLE, "no async calls are kept: their store cannot be opened");
        error_hint(&err, "the daemon's log says why: event calls.unavailable");
        admin_call_refuse(call, &err);
        job->free(context);
        return;
    }
    struct call_question *asked = xcalloc(1, sizeof(*asked));
    *asked = (struct call_question){.question = {.work = work, .done = done}, .job = job, .context = context};
    admin_later_begin(&asked->later, call, on_client_gone);
    calls_ask(call->parts->calls, &asked->question);
}
