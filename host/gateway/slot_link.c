#include "gateway/slot_link.h"

#include "base/container_of.h"
#include "gateway/loop.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>

static void free_watch(struct slot_watch *watch)
{
    event_del(&watch->read);
    event_del(&watch->write);
    LIST_REMOVE(watch, link);
    slot_unref(watch->slot);
    free(watch);
}

static void on_end_mail(struct mail *mail, void *owner)
{
    (void)owner;
    free_watch(container_of(mail, struct slot_watch, end_mail));
}

/* Any thread. Comes once for a watch: either its slot gets another watch or it is closed. */
static void end_elsewhere(struct slot_watch *watch)
{
    watch->end_mail.deliver = on_end_mail;
    mailbox_post(&watch->links->loop->inbox, &watch->end_mail);
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
    if (watch->handler)
        watch->handler->on_readable(watch->user);
    else if (!slot_link_is_quiet(watch))
        slot_pool_drop_idle(watch->slot, watch); /* unless it is another's by now: the pool tells */
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct slot_watch *watch = context;
    watch->wants_write = false;
    if (watch->handler)
        watch->handler->on_writable(watch->user);
}

static struct slot_watch *make_watch(struct slot_links *links, struct slot *slot)
{
    struct slot_watch *watch = calloc(1, sizeof(*watch));
    if (!watch)
        return NULL;
    struct event_base *base = links->loop->base;
    watch->links = links;
    event_assign(&watch->read, base, slot->fd, EV_READ | EV_CLOSED | EV_ET | EV_PERSIST, on_readable, watch);
    event_assign(&watch->write, base, slot->fd, EV_WRITE | EV_ET, on_writable, watch);
    if (event_add(&watch->read, NULL) < 0) {
        free(watch);
        return NULL;
    }
    watch->slot = slot_ref(slot);
    LIST_INSERT_HEAD(&links->watches, watch, link);
    return watch;
}

struct slot_watch *slot_link_attach(struct slot_links *links, struct slot *slot)
{
    if (slot->link && slot->home == links->loop->index)
        return slot->link;
    struct slot_watch *watch = make_watch(links, slot);
    if (!watch)
        return NULL;
    if (slot->link)
        end_elsewhere(slot->link);
    slot->link = watch;
    slot->home = links->loop->index;
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

void slot_links_clear(struct slot_links *links)
{
    for (struct slot_watch *watch = LIST_FIRST(&links->watches), *next; watch; watch = next) {
        next = LIST_NEXT(watch, link);
        slot_link_detach(watch);
    }
}
