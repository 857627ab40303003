#include "gateway/slot_link.h"

#include "gateway/exchange.h"
#include "gateway/worker.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>

static void free_watch(struct slot_watch *watch)
{
    event_del(&watch->read);
    event_del(&watch->write);
    if (watch->next)
        watch->next->previous = watch->previous;
    if (watch->previous)
        watch->previous->next = watch->next;
    else
        watch->worker->watches = watch->next;
    slot_unref(watch->slot);
    free(watch);
}

static void on_end_mail(struct mail *mail, void *owner)
{
    (void)owner;
    free_watch((struct slot_watch *)((char *)mail - offsetof(struct slot_watch, end_mail)));
}

/* Any thread. Comes once for a watch: either its slot gets another watch or it is closed. */
static void end_elsewhere(struct slot_watch *watch)
{
    watch->end_mail.deliver = on_end_mail;
    mailbox_post(&watch->worker->inbox, &watch->end_mail);
}

static void on_moving(struct slot *slot)
{
    slot_link_detach(slot->link);
}

static void on_closing(struct slot *slot)
{
    shutdown(slot->fd, SHUT_RDWR); /* the runner shall not have to wait for our mail */
    end_elsewhere(slot->link);
}

static void on_leaving(struct slot *slot)
{
    end_elsewhere(slot->link);
    slot->link = NULL;
    slot->watcher = NULL;
    slot->home = -1;
}

static const struct slot_watcher watcher = {
    .moving = on_moving, .leaving = on_leaving, .closing = on_closing};

bool slot_link_is_quiet(const struct slot_watch *watch)
{
    char byte;
    ssize_t size = recv(watch->slot->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return size < 0 && (errno == EAGAIN || errno == EINTR);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    struct slot_watch *watch = context;
    watch->readable = true;
    if (what & EV_CLOSED)
        watch->closed = true;
    if (watch->exchange)
        exchange_slot_readable(watch->exchange);
    else if (!slot_link_is_quiet(watch))
        slot_pool_drop_idle(watch->slot, watch); /* unless it is another's by now: the pool tells */
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct slot_watch *watch = context;
    watch->wants_write = false;
    if (watch->exchange)
        exchange_slot_writable(watch->exchange);
}

static struct slot_watch *make_watch(struct worker *worker, struct slot *slot)
{
    struct slot_watch *watch = calloc(1, sizeof(*watch));
    if (!watch)
        return NULL;
    watch->worker = worker;
    event_assign(&watch->read, worker->base, slot->fd, EV_READ | EV_CLOSED | EV_ET | EV_PERSIST, on_readable,
                 watch);
    event_assign(&watch->write, worker->base, slot->fd, EV_WRITE | EV_ET, on_writable, watch);
    if (event_add(&watch->read, NULL) < 0) {
        free(watch);
        return NULL;
    }
    watch->slot = slot_ref(slot);
    watch->next = worker->watches;
    if (worker->watches)
        worker->watches->previous = watch;
    worker->watches = watch;
    return watch;
}

struct slot_watch *slot_link_attach(struct worker *worker, struct slot *slot)
{
    if (slot->link && slot->home == worker->index)
        return slot->link;
    struct slot_watch *watch = make_watch(worker, slot);
    if (!watch)
        return NULL;
    if (slot->link)
        end_elsewhere(slot->link);
    slot->link = watch;
    slot->home = worker->index;
    slot->watcher = &watcher;
    return watch;
}

void slot_link_detach(struct slot_watch *watch)
{
    struct slot *slot = watch->slot;
    if (slot->link == watch) {
        slot->link = NULL;
        slot->watcher = NULL;
        slot->home = -1;
    }
    free_watch(watch);
}

void slot_link_want_write(struct slot_watch *watch)
{
    if (watch->wants_write)
        return;
    watch->wants_write = true;
    event_add(&watch->write, NULL);
}
