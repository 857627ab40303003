#include "daemon_parts.h"

#include "admin/admin.h"
#include "admin/event_book.h"
#include "admin/request_book.h"
#include "admin/request_history.h"
#include "admin/statsd.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "base/unix_socket.h"
#include "calls/calls.h"
#include "daemon_end.h"
#include "daemon_handover.h"
#include "daemon_hooks.h"
#include "daemon_predecessor.h"
#include "daemon_run_dir.h"
#include "daemon_signals.h"
#include "daemon_upgrade.h"
#include "store/log_store.h"

#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

static void on_inbox(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct daemon *daemon = context;
    mailbox_deliver(&daemon->inbox, daemon);
}

static int create_fleet(struct daemon *daemon, const char *config_path, const struct locations *locations,
                        struct error *err)
{
    struct fleet_options options = {
        .base = daemon->base,
        .host = daemon->host,
        .started = daemon->registry,
        .config_path = config_path,
        .given = daemon->given,
        .state_dir = locations->state_dir,
        .run_dir = locations->run_dir,
        .plugin_dir = locations->plugin_dir,
        .own_plugin_dir = locations->own_plugin_dir,
        .plugin_owner = locations->owner,
        .build_job_program = locations->build_job_program,
        .firewall_program = locations->firewall_program,
        .secret_key_file = locations->secret_key_file,
        .routes = daemon->routes,
        .doors = gateway_doors(daemon->gateway),
    };
    struct fleet_hooks hooks = daemon_fleet_hooks(daemon);
    return fleet_create(&options, &hooks, &daemon->fleet, err);
}

/* Without a history the daemon serves as well. */
static void open_history(struct daemon *daemon, const char *state_dir)
{
    struct error err;
    if (request_history_open(state_dir, daemon->host, &daemon->history, &err) < 0)
        log_warning("records.unavailable", LOG_ERR(&err));
}

/* What predecessors have left, and the file for what a successor may have to find. Without it the daemon
 * serves as well. */
static void keep_in_flight(struct daemon *daemon)
{
    struct error err;
    cleanup_free char *folder = xasprintf("%s/" IN_FLIGHT_FOLDER, fleet_run_dir(daemon->fleet));
    request_book_take_lost(daemon->requests, folder);
    if (gateway_keep_in_flight(daemon->gateway, folder, &err) < 0)
        log_warning("in-flight.unavailable", LOG_ERR(&err));
}

static void open_logs(struct daemon *daemon, const char *state_dir)
{
    struct error err;
    cleanup_free char *dir = xasprintf("%s/logs", state_dir);
    if (daemon->host->log_disk_bytes > 0 &&
        log_store_open(dir, daemon->host->log_disk_bytes, &daemon->logs, &err) < 0)
        log_warning("logs.unavailable", LOG_ERR(&err));
    fleet_keep_output(daemon->fleet, daemon->logs);
}

/* Without them the daemon serves as well. */
static void keep_no_calls(struct daemon *daemon, const struct error *why)
{
    log_warning("calls.unavailable", LOG_ERR(why));
    gateway_set_no_desk(daemon->gateway, why);
}

static int open_calls(struct daemon *daemon, const char *state_dir, struct error *err)
{
    const char *run_dir = fleet_run_dir(daemon->fleet);
    cleanup_free char *desk = xasprintf("%s/desk.sock", run_dir);
    cleanup_free char *door = xasprintf("%s/calls.sock", run_dir);
    if (gateway_open_calls_door(daemon->gateway, door, err) < 0 ||
        unix_socket_hold(door, COMPONENT_GATEWAY, &daemon->door_path, &daemon->door_fd, err) < 0)
        return -1;
    struct calls_options options = {.state_dir = state_dir,
                                    .desk_path = desk,
                                    .door_path = daemon->door_path,
                                    .max_waiting = daemon->host->calls_max,
                                    .disk_bytes = daemon->host->calls_disk_bytes,
                                    .callback_networks = &daemon->host->callback_networks,
                                    .base = daemon->base};
    struct error why;
    if (calls_create(&options, &daemon->calls, &why) < 0) {
        keep_no_calls(daemon, &why);
        return 0;
    }
    if (unix_socket_hold(desk, COMPONENT_CALLS, &daemon->desk_path, &daemon->desk_fd, err) < 0)
        return -1;
    return gateway_set_desk(daemon->gateway, daemon->desk_path, err);
}

int daemon_create_parts(struct daemon *daemon, const char *config_path, const struct locations *locations,
                        struct error *err)
{
    daemon->base = event_base_new();
    daemon->routes = route_table_create();
    daemon->drained_mail.deliver = daemon_deliver_drained;
    if (mailbox_init(&daemon->inbox, err) < 0)
        return -1;
    daemon->inbox_event = event_new(daemon->base, daemon->inbox.fd, EV_READ | EV_PERSIST, on_inbox, daemon);
    event_add(daemon->inbox_event, NULL);
    daemon->drain_limit = evtimer_new(daemon->base, daemon_on_drain_limit, daemon);
    struct gateway_hooks gateway_hooks = daemon_gateway_hooks(daemon);
    if (event_book_create(daemon->base, &daemon->events, err) < 0 ||
        request_book_create(daemon->base, &daemon->requests, err) < 0 ||
        gateway_create(daemon->host, daemon->given, daemon->routes, &gateway_hooks, &daemon->gateway, err) <
            0 ||
        create_fleet(daemon, config_path, locations, err) < 0)
        return -1;
    if (open_calls(daemon, locations->state_dir, err) < 0)
        return -1;
    open_history(daemon, locations->state_dir);
    open_logs(daemon, locations->state_dir);
    request_book_open(daemon->requests, daemon->gateway, daemon->fleet, daemon->history);
    keep_in_flight(daemon);
    struct admin_options admin_options = {.base = daemon->base,
                                          .given = daemon->given,
                                          .host = daemon->host,
                                          .state_dir = locations->state_dir,
                                          .run_dir = fleet_run_dir(daemon->fleet),
                                          .fleet = daemon->fleet,
                                          .gateway = daemon->gateway,
                                          .requests = daemon->requests,
                                          .events = daemon->events,
                                          .logs = daemon->logs,
                                          .calls = daemon->calls,
                                          .upgrader = &daemon->upgrader,
                                          .started_s = daemon->started_s};
    if (admin_create(&admin_options, &daemon->admin, err) < 0)
        return -1;
    return statsd_create(&admin_options, &daemon->statsd, err);
}

static void free_held(char **path, const int *fd)
{
    free(*path);
    if (*fd >= 0)
        close(*fd);
}

void daemon_clear_parts(struct daemon *daemon)
{
    run_dir_watch_end(daemon);
    calls_end(daemon->calls);
    upgrade_clear(daemon);
    admin_destroy(daemon->admin);
    request_book_close(daemon->requests);
    statsd_destroy(daemon->statsd);
    calls_destroy(daemon->calls);
    gateway_destroy(daemon->gateway);
    mailbox_deliver(&daemon->inbox, daemon);
    handover_close(daemon);
    predecessor_detach(daemon);
    request_book_destroy(daemon->requests);
    request_history_close(daemon->history);
    fleet_destroy(daemon->fleet);
    log_store_close(daemon->logs);
    event_book_destroy(daemon->events);
    daemon_forget_signals(daemon);
    if (daemon->drain_limit)
        event_free(daemon->drain_limit);
    if (daemon->inbox_event) {
        event_free(daemon->inbox_event);
        mailbox_clear(&daemon->inbox);
    }
    route_table_destroy(daemon->routes);
    descriptors_destroy(daemon->given);
    event_base_free(daemon->base);
    free_held(&daemon->desk_path, &daemon->desk_fd);
    free_held(&daemon->door_path, &daemon->door_fd);
}
