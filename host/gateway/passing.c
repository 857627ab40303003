#include "gateway/passing.h"

#include "base/alloc.h"
#include "base/container_of.h"
#include "gateway/door.h"
#include "gateway/worker.h"

#include <stdlib.h>
#include <sys/socket.h>

/* --- to the next daemon --- */

static void on_hold(struct mail *mail, void *owner)
{
    (void)owner;
    struct worker *worker = container_of(mail, struct worker, hold_mail);
    struct worker_shared *shared = worker->shared;
    if (worker->loop.phase != LOOP_SERVING)
        return;
    worker->loop.phase = LOOP_HOLDING;
    accept_stop(worker);
    doors_stop(worker);
    clients_settle(&worker->clients);
    if (atomic_fetch_sub_explicit(&shared->holding, 1, memory_order_acq_rel) == 1 && shared->hooks.held)
        shared->hooks.held(shared->hooks.context);
}

static void on_begin(struct mail *mail, void *owner)
{
    (void)owner;
    struct worker *worker = container_of(mail, struct worker, pass_mail);
    if (worker->loop.phase != LOOP_HOLDING)
        return;
    worker->loop.phase = LOOP_PASSING;
    clients_settle(&worker->clients);
    worker_note_drained(worker);
}

void passing_hold(struct worker *worker)
{
    worker->hold_mail.deliver = on_hold;
    mailbox_post(&worker->loop.inbox, &worker->hold_mail);
}

void passing_begin(struct worker *worker)
{
    worker->pass_mail.deliver = on_begin;
    mailbox_post(&worker->loop.inbox, &worker->pass_mail);
}

/* --- from the daemon before --- */

struct taking {
    struct mail mail;
    struct door *door;
    struct passed_client *passed;
};

static struct entrance *entrance_of(struct worker *worker, const struct taking *taking)
{
    if (taking->door)
        return &taking->door->entrance;
    return taking->passed->is_management ? &worker->management[taking->passed->is_checked] : NULL;
}

static void on_take(struct mail *mail, void *owner)
{
    struct taking *taking = container_of(mail, struct taking, mail);
    struct worker *worker = container_of((struct loop *)owner, struct worker, loop);
    struct passed_client *passed = taking->passed;
    struct entrance *entrance = entrance_of(worker, taking);
    struct sockaddr_storage address = {0};
    getpeername(passed->fd, (struct sockaddr *)&address, &(socklen_t){sizeof(address)});
    if (!entrance)
        accept_client_come(worker);
    if (worker->loop.phase < LOOP_DRAINED &&
        client_open_passed(&worker->clients, passed, &address, entrance) == CLIENT_OPENED)
        passed->fd = -1;
    else if (!entrance)
        accept_client_gone(worker);
    passed_client_free(passed);
    free(taking);
}

void passing_take(struct worker *worker, struct door *door, struct passed_client *passed)
{
    struct taking *taking = xcalloc(1, sizeof(*taking));
    *taking = (struct taking){.mail.deliver = on_take, .door = door, .passed = passed};
    mailbox_post(&worker->loop.inbox, &taking->mail);
}
