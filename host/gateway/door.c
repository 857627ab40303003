#include "gateway/door.h"

#include "base/alloc.h"
#include "base/container_of.h"
#include "base/log.h"
#include "base/queue.h"
#include "gateway/listen.h"
#include "gateway/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Connections by one door at once, unless max_connections_per_address says less: as many as an instance can
 * have requests under way. */
#define CLIENTS_MAX 1024

/* Clients taken in one turn of the loop. */
#define BATCH 64

/* A door that could not take a client looks again after this time. */
#define PAUSE_MS 20

/* Between two log lines that say the same. */
#define TELL_MS 60000

static unsigned clients_max(const struct door *door)
{
    if (!door->function)
        return CLIENTS_MAX;
    unsigned limit = door->worker->shared->settings->max_connections_per_address;
    return limit > 0 && limit < CLIENTS_MAX ? limit : CLIENTS_MAX;
}

static void on_again(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    event_add(&container_of(timer, struct door, again)->listener, NULL);
}

/* Who wants in waits in the kernel. */
static void pause_listener(struct door *door)
{
    struct loop *loop = &door->worker->loop;
    event_del(&door->listener);
    loop_set_timer(loop, &door->again, loop_now_ms(loop) + PAUSE_MS);
}

/* Once a minute. */
static void note_failing(struct door *door, int errnum)
{
    uint64_t now_ms = loop_now_ms(&door->worker->loop);
    if (door->told_ms > 0 && now_ms < door->told_ms + TELL_MS)
        return;
    door->told_ms = now_ms;
    log_warning("gateway.door-paused", LOG_STR("function", door->function),
                LOG_STR("error", strerror(errnum)));
}

static bool somebody_waits(const struct door *door)
{
    struct pollfd listener = {.fd = door->fd, .events = POLLIN};
    return poll(&listener, 1, 0) > 0;
}

/* Who idles makes room for who waits; while nobody does, it is looked again. */
static bool has_room(struct door *door)
{
    if (door->entrance.clients < clients_max(door))
        return true;
    if (!somebody_waits(door))
        return false;
    if (clients_close_idle(&door->worker->clients, &door->entrance))
        return true;
    pause_listener(door);
    return false;
}

/* False: there is nobody to accept, or no room. */
static bool accept_one(struct door *door)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    if (!has_room(door))
        return false;
    int fd = accept4(door->fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        if (client_open(&door->worker->clients, fd, &address, &door->entrance) != CLIENT_OPENED)
            close(fd);
        return true;
    }
    int code = errno;
    if (code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM) {
        note_failing(door, code);
        pause_listener(door);
    }
    return code == ECONNABORTED || code == EINTR;
}

static void on_ready(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct door *door = context;
    for (int i = 0; i < BATCH && accept_one(door); i++)
        ;
}

/* --- its life --- */

static void door_free(struct door *door)
{
    close(door->fd);
    call_book_unref(door->entrance.calls);
    free(door->function);
    free(door);
}

static void on_open(struct mail *mail, void *owner)
{
    struct loop *loop = owner;
    struct door *door = container_of(mail, struct door, open_mail);
    timer_init(&door->again, on_again);
    event_assign(&door->listener, loop->base, door->fd, EV_READ | EV_PERSIST, on_ready, door);
    TAILQ_INSERT_TAIL(&door->worker->doors, door, link);
    event_add(&door->listener, NULL);
}

static void stop(struct door *door)
{
    event_del(&door->listener);
    timer_remove(&door->worker->loop.wheel, &door->again);
}

static void end(struct door *door)
{
    stop(door);
    door_free(door);
}

static void on_close(struct mail *mail, void *owner)
{
    (void)owner;
    struct door *door = container_of(mail, struct door, close_mail);
    enum loop_phase phase = door->worker->loop.phase;
    if (phase == LOOP_HOLDING || phase == LOOP_PASSING) {
        stop(door); /* the next daemon has the instance, and those who came in by this */
        return;
    }
    TAILQ_REMOVE(&door->worker->doors, door, link);
    clients_close_entrance(&door->worker->clients, &door->entrance);
    end(door);
}

static struct door *make(struct worker *worker, int fd)
{
    struct door *door = xcalloc(1, sizeof(*door));
    door->worker = worker;
    door->fd = fd;
    door->open_mail.deliver = on_open;
    door->close_mail.deliver = on_close;
    return door;
}

struct door *door_open(struct worker *worker, const struct door_spec *spec)
{
    struct door *door = make(worker, spec->fd);
    door->function = xstrdup(spec->function);
    door->entrance = (struct entrance){.kind = ENTRANCE_FUNCTION,
                                       .function = door->function,
                                       .instance = spec->instance,
                                       .calls = call_book_ref(spec->calls)};
    listen_tune(door->fd);
    mailbox_post(&worker->loop.inbox, &door->open_mail);
    return door;
}

void door_open_calls(struct worker *worker, int fd)
{
    struct door *door = make(worker, fd);
    door->entrance.kind = ENTRANCE_CALLS;
    mailbox_post(&worker->loop.inbox, &door->open_mail);
}

/* The socket is the same for all workers; whoever still waits at it is refused with it. */
void doors_stop_calls(struct worker *worker)
{
    struct door *door;
    TAILQ_FOREACH(door, &worker->doors, link)
    {
        if (door->function)
            continue;
        shutdown(door->fd, SHUT_RDWR);
        stop(door);
    }
}

void doors_stop(struct worker *worker)
{
    struct door *door;
    TAILQ_FOREACH(door, &worker->doors, link)
    {
        stop(door);
    }
}

void door_close(struct door *door)
{
    mailbox_post(&door->worker->loop.inbox, &door->close_mail);
}

void doors_clear(struct worker *worker)
{
    struct door *door;
    while ((door = queue_take_first(&worker->doors, link)))
        end(door);
}

int door_listener(const struct door *door)
{
    return door->fd;
}
