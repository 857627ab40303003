#include "daemon_predecessor.h"

#include "admin/request_book.h"
#include "admin/request_history.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "daemon_departure.h"
#include "fleet/fleet.h"
#include "fleet/instance/adoption.h"
#include "gateway/gateway.h"
#include "takeover/channel.h"

#include <event2/event.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct predecessor {
    struct takeover_channel *channel;
    int pidfd; /* -1: nobody knows */
    struct event *dead; /* once it has hung up; NULL without a pidfd */
    uint64_t clients, requests; /* that have come from it */
};

static void take_client(struct daemon *daemon, const struct takeover_message *message,
                        struct wire_message *wire)
{
    struct passed_client *client = takeover_take_client(message, wire);
    if (!client)
        return;
    daemon->predecessor->clients++;
    if (daemon->is_handing_over)
        departure_forward_client(daemon, client);
    else
        gateway_take_client(daemon->gateway, client);
}

static void take_request(struct daemon *daemon, const struct takeover_message *message)
{
    cleanup_free unsigned char *note = xcalloc(1, message->note_digits / 2 + 1);
    size_t size;
    if (sodium_hex2bin(note, message->note_digits / 2, message->note, message->note_digits, NULL, &size,
                       NULL) != 0)
        return;
    daemon->predecessor->requests++;
    if (daemon->history)
        request_history_add_form(daemon->history, note, size);
    else if (daemon->is_handing_over)
        departure_forward_request(daemon, note, size);
}

static void on_message(void *context, const struct takeover_message *message, struct wire_message *wire)
{
    if (message->kind == TAKEOVER_CLIENT)
        take_client(context, message, wire);
    else if (message->kind == TAKEOVER_REQUEST)
        take_request(context, message);
}

/* Of one that was killed meanwhile: what it had under way. */
static void take_lost(const struct daemon *daemon)
{
    cleanup_free char *folder = xasprintf("%s/" IN_FLIGHT_FOLDER, fleet_run_dir(daemon->fleet));
    request_book_take_lost(daemon->requests, folder);
}

static void conclude(struct daemon *daemon)
{
    log_info("daemon.predecessor-ended", LOG_INT("clients", daemon->predecessor->clients),
             LOG_INT("requests", daemon->predecessor->requests));
    predecessor_detach(daemon);
    take_lost(daemon);
    fleet_spare(daemon->fleet, NULL, 0);
    departure_look(daemon);
}

static void on_dead(evutil_socket_t pidfd, short what, void *daemon)
{
    (void)pidfd, (void)what;
    conclude(daemon);
}

/* What it has locked is free a little later. */
static void on_closed(void *context, const struct error *why)
{
    struct daemon *daemon = context;
    if (why)
        log_warning("takeover.nonsense", LOG_ERR(why));
    if (daemon->predecessor->dead)
        event_add(daemon->predecessor->dead, NULL);
    else
        conclude(daemon);
}

/* Instances that are adopted go on with what they have open. */
static void give_handles(const struct daemon *daemon, struct inheritance *inheritance)
{
    for (size_t i = 0; i < inheritance->instance_count; i++) {
        struct inherited_instance *instance = &inheritance->instances[i];
        const struct instance_handles handles = {.dial = steal_fd(&instance->fds[0]),
                                                 .door = steal_fd(&instance->fds[1]),
                                                 .line = steal_fd(&instance->fds[2]),
                                                 .doorway = steal_fd(&instance->fds[3])};
        char name[INSTANCE_ID_DIGITS + 1];
        snprintf(name, sizeof(name), "%0*llx", INSTANCE_ID_DIGITS, (unsigned long long)instance->instance);
        adoption_give_handles(fleet_adoption(daemon->fleet), name, &handles);
    }
}

void predecessor_attach(struct daemon *daemon, struct inheritance *inheritance)
{
    const struct takeover_hooks hooks = {.message = on_message, .closed = on_closed, .context = daemon};
    if (inheritance->fd < 0)
        return;
    log_info("daemon.takes-over", LOG_STR("from", inheritance->version));
    fleet_spare(daemon->fleet, inheritance->keeps, inheritance->keep_count);
    give_handles(daemon, inheritance);
    daemon->predecessor = xcalloc(1, sizeof(*daemon->predecessor));
    daemon->predecessor->channel = takeover_channel_create(daemon->base, inheritance->fd, &hooks);
    inheritance->fd = -1;
    daemon->predecessor->pidfd = steal_fd(&inheritance->pidfd);
    if (daemon->predecessor->pidfd >= 0)
        daemon->predecessor->dead =
            event_new(daemon->base, daemon->predecessor->pidfd, EV_READ, on_dead, daemon);
}

void predecessor_tell_serving(struct daemon *daemon)
{
    if (daemon->predecessor)
        takeover_channel_send(daemon->predecessor->channel, takeover_write_serving(), NULL, 0);
}

void predecessor_detach(struct daemon *daemon)
{
    if (!daemon->predecessor)
        return;
    takeover_channel_destroy(daemon->predecessor->channel);
    if (daemon->predecessor->dead)
        event_free(daemon->predecessor->dead);
    if (daemon->predecessor->pidfd >= 0)
        close(daemon->predecessor->pidfd);
    free(daemon->predecessor);
    daemon->predecessor = NULL;
}
