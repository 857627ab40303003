#include "gateway/worker.h"

#include "base/container_of.h"
#include "gateway/door.h"
#include "gateway/overdue.h"
#include "gateway/serve.h"

#include <stdio.h>
#include <unistd.h>

/* Those that came in by doors are served to the end of the requests that they belong to, and passed on like
 * others. */
static bool is_done(const struct worker *worker)
{
    if (worker->loop.phase == LOOP_PASSING)
        return LIST_EMPTY(&worker->clients.list);
    return worker->loop.phase == LOOP_DRAINING && worker->clients.count == 0;
}

void worker_note_drained(struct worker *worker)
{
    struct worker_shared *shared = worker->shared;
    if (!is_done(worker))
        return;
    worker->loop.phase = LOOP_DRAINED;
    if (atomic_fetch_sub_explicit(&shared->draining, 1, memory_order_acq_rel) == 1 && shared->hooks.drained)
        shared->hooks.drained(shared->hooks.context);
}

static void on_client_closed(struct clients *clients, struct entrance *entrance)
{
    struct worker *worker = container_of(clients, struct worker, clients);
    if (!entrance)
        accept_client_gone(worker);
    worker_note_drained(worker);
}

static void on_client_passed(struct clients *clients, struct passed_client *passed)
{
    const struct gateway_hooks *hooks = &container_of(clients, struct worker, clients)->shared->hooks;
    hooks->passed(hooks->context, passed);
}

static void *run(void *context)
{
    struct worker *worker = context;
    char name[16];
    snprintf(name, sizeof(name), "worker-%d", worker->loop.index);
    pthread_setname_np(pthread_self(), name);
    loop_run(&worker->loop);
    return NULL;
}

static void on_drain(struct mail *mail, void *owner)
{
    (void)owner;
    struct worker *worker = container_of(mail, struct worker, drain_mail);
    if (worker->loop.phase >= LOOP_DRAINING)
        return;
    bool held = worker->loop.phase != LOOP_SERVING;
    if (!held)
        accept_ready(worker->listen_fd, EV_READ, worker); /* who is in the backlog is still served */
    worker->loop.phase = LOOP_DRAINING;
    accept_stop(worker);
    doors_stop_calls(worker);
    clients_end_waiting(&worker->clients);
    if (held)
        clients_resume(&worker->clients);
    worker_note_drained(worker);
}

static void on_stop(struct mail *mail, void *owner)
{
    (void)mail;
    loop_stop(owner);
}

void worker_drain(struct worker *worker)
{
    worker->drain_mail.deliver = on_drain;
    mailbox_post(&worker->loop.inbox, &worker->drain_mail);
}

int worker_init(struct worker *worker, struct worker_shared *shared, int index, int listen_fd,
                struct error *err)
{
    const struct host_settings *settings = shared->settings;
    struct loop *loop = &worker->loop;
    *worker = (struct worker){.shared = shared, .listen_fd = listen_fd};
    TAILQ_INIT(&worker->doors);
    for (int checked = false; checked <= true; checked++)
        worker->management[checked] =
            (struct entrance){.kind = ENTRANCE_MANAGEMENT, .is_checked = (bool)checked};
    int code = loop_init(loop, index, settings, err);
    exchanges_init(&worker->exchanges, loop, shared->table, &shared->hooks, &shared->desk,
                   settings->buffer_memory_bytes / shared->worker_count, overdue_give_way);
    clients_init(&worker->clients, loop, &serve_handler, &worker->exchanges, &shared->addresses,
                 on_client_closed, on_client_passed);
    accept_init(worker);
    if (code < 0)
        return -1;
    event_assign(&worker->listener, loop->base, listen_fd, EV_READ | EV_PERSIST, accept_ready, worker);
    if (event_add(&worker->listener, NULL) < 0)
        return error_set(err, ERROR_EVENT_LOOP, "cannot watch the listener");
    return 0;
}

int worker_start(struct worker *worker, struct error *err)
{
    int code = pthread_create(&worker->thread, NULL, run, worker);
    if (code != 0)
        return error_errno(err, COMPONENT_GATEWAY, code, "cannot start a worker thread");
    worker->started = true;
    return 0;
}

void worker_stop(struct worker *worker)
{
    if (!worker->started)
        return;
    worker->stop_mail.deliver = on_stop;
    mailbox_post(&worker->loop.inbox, &worker->stop_mail);
    pthread_join(worker->thread, NULL);
    worker->started = false;
}

bool worker_close_clients(struct worker *worker, unsigned most)
{
    worker->loop.phase = LOOP_STOPPED;
    worker->loop.now_ns = 0; /* it has not looked at the clock since its last turn */
    return clients_close_some(&worker->clients, most);
}

void worker_clear(struct worker *worker)
{
    doors_clear(worker);
    exchanges_clear(&worker->exchanges);
    clients_clear(&worker->clients);
    if (worker->loop.base)
        event_del(&worker->listener);
    loop_clear(&worker->loop);
    if (worker->listen_fd >= 0)
        close(worker->listen_fd);
}
