#include "gateway/slot_link.h"

#include "base/container_of.h"
#include "gateway/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long a connection to a server is kept for the next request. Shorter than any server's own patience, so
 * that these seldom close one just when it is used. */
#define KEEP_MS 1000

/* While other requests are with the server: it may be one that serves one connection after the other, and
 * waits on this one. */
#define KEEP_CROWDED_MS 20

/* Within this no server takes a connection for one that idles. */
#define PROMPT_MS 5

static void free_watch(struct slot_watch *watch)
{
    event_del(&watch->read);
    event_del(&watch->write);
    timer_remove(&watch->links->loop->wheel, &watch->idle);
    LIST_REMOVE(watch, link);
    slot_unref(watch->slot);
    if (watch->left_fd >= 0)
        close(watch->left_fd);
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

/* Nobody watches it any more. */
static void unwatch(struct slot *slot)
{
    slot->link = NULL;
    slot->watcher = NULL;
    slot->home = -1;
}

static void on_leaving(struct slot *slot)
{
    end_elsewhere(slot->link);
    unwatch(slot);
}

static const struct slot_watcher watcher = {
    .moving = on_moving, .leaving = on_leaving, .closing = on_closing};

/* Of the connection that is watched: the slot may have another by now, of a worker that has taken it over. */
bool slot_link_is_quiet(const struct slot_watch *watch)
{
    char byte;
    ssize_t size = recv(event_get_fd(&watch->read), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return size < 0 && (errno == EAGAIN || errno == EINTR);
}

/* The slot stays, without a connection. Nothing when another has the slot by now. */
static void hang_up_idle(struct slot_watch *watch)
{
    int fd = slot_pool_disconnect_idle(watch->slot, watch);
    if (fd < 0)
        return;
    watch->left_fd = fd;
    free_watch(watch);
}

/* Unless it is another's by now: the pool tells. */
static void end_idle(struct slot_watch *watch)
{
    if (watch->slot->address)
        hang_up_idle(watch);
    else
        slot_pool_drop_idle(watch->slot, watch);
}

static void on_idle_over(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    hang_up_idle(container_of(timer, struct slot_watch, idle));
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
        end_idle(watch);
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
    watch->left_fd = -1;
    timer_init(&watch->idle, on_idle_over);
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

/* Another worker's watch still has the descriptor in its event loop. */
static void take_over(struct slot *slot)
{
    struct slot_watch *former = slot->link;
    former->left_fd = slot->fd;
    slot->fd = fcntl(slot->fd, F_DUPFD_CLOEXEC, 0);
    end_elsewhere(former);
    unwatch(slot);
}

/* The watch on the connection that the slot has, which is this worker's from now on; NULL: there is none. */
static struct slot_watch *claim(struct slot_links *links, struct slot *slot)
{
    if (slot->link && slot->home != links->loop->index)
        take_over(slot);
    if (slot->fd < 0)
        return NULL;
    struct slot_watch *watch = slot_link_attach(links, slot);
    if (watch) {
        timer_stop(&watch->idle);
        return watch;
    }
    close(slot->fd);
    slot->fd = -1;
    return NULL;
}

/* What comes of connecting is seen by whoever sends: a connection that nobody takes breaks. */
static int connect_to(const struct slot_address *address)
{
    int fd = socket(address->socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (connect(fd, (const struct sockaddr *)&address->socket, address->length) < 0)
        errno = 0;
    return fd;
}

/* A server that closes without a word does so after each answer, or after a silence of its own length. One
 * that has answered twice over a connection does not do the first, and none does the second within moments.
 */
static bool will_do(struct slot_watch *watch, enum slot_connection what)
{
    if (what == CONNECTION_NEW)
        return false;
    if (watch->closed || !slot_link_is_quiet(watch)) {
        watch->slot->keeps = false;
        return false;
    }
    uint64_t idle_ms = loop_now_ms(watch->links->loop) - watch->kept_ms;
    return what == CONNECTION_ANY || (watch->slot->keeps && idle_ms <= PROMPT_MS);
}

struct slot_watch *slot_link_connect(struct slot_links *links, struct slot *slot, enum slot_connection what)
{
    struct slot_watch *watch = claim(links, slot);
    if (watch && will_do(watch, what))
        return watch;
    if (watch)
        slot_link_disconnect(slot, false);
    slot->fd = connect_to(slot->address);
    watch = claim(links, slot);
    if (watch)
        watch->fresh = true;
    return watch;
}

void slot_link_keep(struct slot_watch *watch)
{
    struct loop *loop = watch->links->loop;
    watch->slot->keeps = watch->slot->keeps || !watch->fresh;
    watch->fresh = false;
    watch->kept_ms = loop_now_ms(loop);
    unsigned keep_ms = slot_is_alone(watch->slot) ? KEEP_MS : KEEP_CROWDED_MS;
    loop_set_timer(loop, &watch->idle, watch->kept_ms + keep_ms);
}

void slot_link_disconnect(struct slot *slot, bool at_once)
{
    struct slot_watch *watch = slot->link;
    int fd = slot->fd;
    slot->fd = -1;
    unwatch(slot);
    free_watch(watch);
    if (at_once)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    close(fd);
}

/* The end of a connection acknowledges what had come by then. */
bool slot_link_was_deaf(const struct slot_watch *watch, uint64_t size)
{
    int unheard = 0;
    return !watch->broke && ioctl(watch->slot->fd, SIOCOUTQ, &unheard) == 0 && (uint64_t)unheard == size;
}

enum slot_fate slot_link_pass_on(struct slot_links *links, struct slot *slot)
{
    struct slot_watch *watch = slot->address ? claim(links, slot) : slot_link_attach(links, slot);
    if (slot->address && watch)
        slot_link_keep(watch);
    return slot->address || watch ? SLOT_REUSABLE : SLOT_BROKEN;
}

void slot_link_detach(struct slot_watch *watch)
{
    struct slot *slot = watch->slot;
    if (slot->link == watch)
        unwatch(slot);
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
