#include "daemon_end.h"

#include "admin/admin.h"
#include "admin/statsd.h"
#include "base/log.h"
#include "calls/calls.h"
#include "daemon_departure.h"
#include "daemon_listeners.h"
#include "fleet/fleet.h"
#include "gateway/gateway.h"
#include "notify.h"

#include <event2/event.h>

static void stop_fleet(struct daemon *daemon)
{
    event_del(daemon->drain_limit);
    statsd_send(daemon->statsd); /* while there are functions to tell of */
    admin_stop(daemon->admin);
    if (daemon->leaves)
        fleet_release(daemon->fleet, 0);
    else
        fleet_stop(daemon->fleet);
}

static void on_admin_finished(void *context)
{
    struct daemon *daemon = context;
    event_base_loopbreak(daemon->base);
}

void daemon_on_fleet_stopped(void *context)
{
    struct daemon *daemon = context;
    daemon->is_fleet_stopped = true;
    if (daemon->is_handing_over) {
        departure_look(daemon);
        return;
    }
    admin_finish(daemon->admin, on_admin_finished, daemon);
}

void daemon_deliver_drained(struct mail *mail, void *owner)
{
    (void)mail;
    struct daemon *daemon = owner;
    daemon->is_drained = true;
    if (daemon->is_handing_over)
        departure_look(daemon);
    else
        stop_fleet(daemon);
}

void daemon_on_gateway_drained(void *context) /* on a worker thread */
{
    struct daemon *daemon = context;
    mailbox_post(&daemon->inbox, &daemon->drained_mail);
}

void daemon_on_drain_limit(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct daemon *daemon = context;
    log_warning("daemon.drain-timeout", LOG_INT("after_ms", daemon->host->drain_timeout_ms));
    stop_fleet(daemon);
}

void daemon_drain(struct daemon *daemon)
{
    daemon->draining = true;
    log_info("daemon.draining");
    notify_manager("STOPPING=1");
    daemon_end_listeners(daemon, daemon->leaves);
    struct timeval limit = {.tv_sec = daemon->host->drain_timeout_ms / 1000,
                            .tv_usec = (suseconds_t)(daemon->host->drain_timeout_ms % 1000) * 1000};
    evtimer_add(daemon->drain_limit, &limit);
    if (daemon->calls)
        calls_stop(daemon->calls);
    if (daemon->listening)
        gateway_drain(daemon->gateway);
    else
        stop_fleet(daemon);
}
