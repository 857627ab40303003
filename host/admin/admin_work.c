#include "admin/admin_work.h"

#include "admin/admin_later.h"
#include "base/alloc.h"
#include "base/background.h"
#include "base/container_of.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>

#define REST_MS 200 /* after an empty piece */

struct work {
    struct admin_later later;
    const struct admin_job *job;
    void *context;
    struct event *rest; /* ends, and the work begins, again for one in pieces */
    bool is_working;
};

static void free_work(struct work *work)
{
    if (work->rest)
        event_free(work->rest);
    work->job->free(work->context);
    free(work);
}

static void on_client_gone(struct admin_later *later)
{
    struct work *work = container_of(later, struct work, later);
    if (!work->is_working)
        free_work(work);
}

static struct work *create_work(struct admin_call *call, const struct admin_job *job, void *context)
{
    struct work *work = xcalloc(1, sizeof(*work));
    *work = (struct work){.job = job, .context = context};
    admin_later_begin(&work->later, call, on_client_gone);
    return work;
}

static void run(void *context)
{
    struct work *work = context;
    work->job->work(work->context);
}

/* What comes after the end of the client or of the daemon: nothing. */
static bool is_wanted(struct work *work, bool ran)
{
    work->is_working = false;
    if (work->later.request && ran)
        return true;
    if (work->later.request)
        admin_later_forget(&work->later);
    free_work(work);
    return false;
}

/* --- one answer --- */

static void on_done(void *context, bool ran)
{
    struct work *work = context;
    if (!is_wanted(work, ran))
        return;
    struct admin_call call = admin_later_resume(&work->later, "");
    work->job->answer(&call, work->context);
    free_work(work);
}

static void on_due(evutil_socket_t fd, short what, void *context)
{
    struct work *work = context;
    (void)fd, (void)what;
    work->is_working = true;
    background_run(work->later.background, run, on_done, work);
}

static void rest(struct work *work, unsigned ms)
{
    event_add(work->rest, &(struct timeval){.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000});
}

void admin_call_work(struct admin_call *call, unsigned delay_ms, const struct admin_job *job, void *context)
{
    struct work *work = create_work(call, job, context);
    work->rest = evtimer_new(call->parts->base, on_due, work);
    rest(work, delay_ms);
}

/* --- in pieces --- */

static void on_piece(void *context, bool ran);

static void work_on(struct work *work)
{
    work->is_working = true;
    background_run(work->later.background, run, on_piece, work);
}

static void on_rested(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    work_on(context);
}

static void on_taken(struct evhttp_connection *connection, void *context)
{
    (void)connection;
    work_on(context);
}

static void end_stream(struct work *work)
{
    admin_later_forget(&work->later);
    evhttp_send_reply_end(work->later.request);
    free_work(work);
}

static void on_piece(void *context, bool ran)
{
    struct work *work = context;
    if (!is_wanted(work, ran))
        return;
    struct evbuffer *piece = evbuffer_new();
    bool goes_on = work->job->next_piece(work->context, piece);
    bool is_empty = evbuffer_get_length(piece) == 0;
    if (!goes_on) {
        if (!is_empty)
            evhttp_send_reply_chunk(work->later.request, piece);
        end_stream(work);
    } else if (is_empty) {
        rest(work, REST_MS);
    } else {
        evhttp_send_reply_chunk_with_cb(work->later.request, piece, on_taken, work);
    }
    evbuffer_free(piece);
}

void admin_call_stream(struct admin_call *call, const char *type, const struct admin_job *job, void *context)
{
    struct work *work = create_work(call, job, context);
    work->rest = evtimer_new(call->parts->base, on_rested, work);
    admin_call_begin(call, type);
    work_on(work);
}
