#include "daemon.h"

#include "admin/admin.h"
#include "admin/admin_access.h"
#include "admin/event_book.h"
#include "admin/request_book.h"
#include "admin/request_history.h"
#include "admin/statsd.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/public_text.h"
#include "calls/call_plan.h"
#include "calls/calls.h"
#include "fleet/fleet.h"
#include "gateway/gateway.h"
#include "notify.h"
#include "prepare/store/secret_store.h"
#include "store/log_store.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct daemon {
    struct event_base *base;
    const struct host_settings *host;
    const struct registry *registry;
    time_t started_s; /* since 1970 */
    struct route_table *routes;
    struct gateway *gateway;
    struct event_book *events;
    struct request_book *requests;
    struct request_history *history; /* NULL: none is kept */
    struct log_store *logs; /* the same */
    struct fleet *fleet;
    struct calls *calls; /* NULL: none are kept */
    struct admin *admin;
    struct statsd *statsd; /* NULL: metrics are sent to nobody */
    struct mailbox inbox; /* from the workers */
    struct event *inbox_event;
    struct event *drain_limit;
    struct event *signals[4];
    struct mail drained_mail;
    bool listening, draining, failed;
    struct error *err;
};

/* --- the end --- */

static void stop_fleet(struct daemon *daemon)
{
    event_del(daemon->drain_limit);
    statsd_send(daemon->statsd); /* while there are functions to tell of */
    admin_stop(daemon->admin);
    fleet_stop(daemon->fleet);
}

static void on_admin_finished(void *context)
{
    struct daemon *daemon = context;
    event_base_loopbreak(daemon->base);
}

static void on_fleet_stopped(void *context)
{
    struct daemon *daemon = context;
    admin_finish(daemon->admin, on_admin_finished, daemon);
}

static void deliver_drained(struct mail *mail, void *owner)
{
    (void)mail;
    stop_fleet(owner);
}

static void on_gateway_drained(void *context) /* on a worker thread */
{
    struct daemon *daemon = context;
    mailbox_post(&daemon->inbox, &daemon->drained_mail);
}

static void on_drain_limit(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct daemon *daemon = context;
    log_warning("daemon.drain-timeout", LOG_INT("after_ms", daemon->host->drain_timeout_ms));
    stop_fleet(daemon);
}

static void begin_drain(struct daemon *daemon)
{
    daemon->draining = true;
    log_info("daemon.draining");
    notify_manager("STOPPING=1");
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

/* --- signals --- */

static void on_terminate(evutil_socket_t number, short what, void *context)
{
    (void)what;
    struct daemon *daemon = context;
    log_info("daemon.signal", LOG_STR("signal", sigabbrev_np((int)number)));
    if (daemon->draining)
        _exit(1); /* asked twice: now */
    begin_drain(daemon);
}

static void on_hangup(evutil_socket_t number, short what, void *context)
{
    (void)number, (void)what;
    struct daemon *daemon = context;
    if (daemon->draining)
        return;
    log_info("daemon.reload");
    fleet_reload(daemon->fleet);
}

static const struct {
    int number;
    void (*handle)(evutil_socket_t number, short what, void *context);
} signal_rows[] = {
    {SIGTERM, on_terminate},
    {SIGINT, on_terminate},
    {SIGHUP, on_hangup},
};

#define SIGNAL_COUNT (sizeof(signal_rows) / sizeof(signal_rows[0]))

static void watch_signals(struct daemon *daemon)
{
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        daemon->signals[i] = evsignal_new(daemon->base, signal_rows[i].number, signal_rows[i].handle, daemon);
        event_add(daemon->signals[i], NULL);
    }
}

/* Signals are for the control thread: threads made while this holds do not get them. */
static void mask_signals(int how)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        sigaddset(&set, signal_rows[i].number);
    pthread_sigmask(how, &set, NULL);
}

/* --- the start --- */

static void on_fleet_routed(void *context)
{
    struct daemon *daemon = context;
    struct error err;
    if (daemon->draining)
        return;
    mask_signals(SIG_BLOCK);
    int rc = gateway_start(daemon->gateway, &err);
    mask_signals(SIG_UNBLOCK);
    if (rc < 0) {
        *daemon->err = err;
        daemon->failed = true;
        begin_drain(daemon); /* what was begun meanwhile is undone */
        return;
    }
    daemon->listening = true;
    log_info("daemon.listening", LOG_STR("functions", gateway_address(daemon->gateway)),
             LOG_STR("admin", admin_address(daemon->admin)));
}

/* Callbacks that are to be signed with it fail while it is not to be had. */
static void plan_key(const struct daemon *daemon, struct call_plan *plan, const char *secret)
{
    struct locked value;
    struct error err;
    if (!call_plan_find_key(plan, secret) &&
        secret_store_reveal(fleet_secrets(daemon->fleet), secret, "", &value, &err) == 0)
        call_plan_add_key(plan, secret, &value);
}

static void plan_calls(const struct daemon *daemon, struct call_plan *plan, const struct function *function)
{
    const struct function_settings *settings = function_applied_settings(function);
    call_plan_add(plan, function_name(function), &settings->calls);
    if (settings->calls.callback_secret)
        plan_key(daemon, plan, settings->calls.callback_secret);
    if (!settings->broken)
        call_plan_add_schedules(plan, settings->schedules, settings->schedule_count);
}

static void on_fleet_published(void *context)
{
    const struct daemon *daemon = context;
    if (!daemon->calls)
        return;
    struct call_plan *plan = call_plan_create();
    for (size_t i = 0; i < fleet_function_count(daemon->fleet); i++) {
        const struct function *function = fleet_function_at(daemon->fleet, i);
        if (!function_is_removed(function))
            plan_calls(daemon, plan, function);
    }
    calls_set_plan(daemon->calls, plan);
}

static void on_fleet_settled(void *context)
{
    struct daemon *daemon = context;
    log_info("daemon.ready", LOG_STR("functions", gateway_address(daemon->gateway)),
             LOG_INT("count", fleet_function_count(daemon->fleet)));
    notify_manager("READY=1");
}

static void on_fleet_applied(void *context)
{
    const struct daemon *daemon = context;
    admin_sources_applied(daemon->admin);
}

static void on_fleet_rested(void *context)
{
    const struct daemon *daemon = context;
    admin_fleet_rested(daemon->admin);
}

static void on_function_settled(const struct function *function, void *context)
{
    const struct daemon *daemon = context;
    admin_function_settled(daemon->admin, function_name(function));
}

static void on_instance_timed_out(void *context, uint64_t instance) /* on a worker thread */
{
    struct daemon *daemon = context;
    fleet_instance_timed_out(daemon->fleet, instance);
}

static enum instance_loss find_loss_cause(void *context, uint64_t instance, uint64_t lost_ms,
                                          struct error *ret_cause) /* on a worker thread */
{
    const struct daemon *daemon = context;
    return fleet_loss_cause(daemon->fleet, instance, lost_ms, ret_cause);
}

static void on_records(void *context) /* on a worker thread */
{
    struct daemon *daemon = context;
    request_book_wake(daemon->requests);
}

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
        .state_dir = locations->state_dir,
        .run_dir = locations->run_dir,
        .plugin_dir = locations->plugin_dir,
        .own_plugin_dir = locations->own_plugin_dir,
        .plugin_owner = locations->owner,
        .build_job_program = locations->build_job_program,
        .secret_key_file = locations->secret_key_file,
        .routes = daemon->routes,
        .doors = gateway_doors(daemon->gateway),
    };
    struct fleet_hooks hooks = {.routed = on_fleet_routed,
                                .published = on_fleet_published,
                                .settled = on_fleet_settled,
                                .applied = on_fleet_applied,
                                .rested = on_fleet_rested,
                                .function_settled = on_function_settled,
                                .stopped = on_fleet_stopped,
                                .context = daemon};
    return fleet_create(&options, &hooks, &daemon->fleet, err);
}

/* Without a history the daemon serves as well. */
static void open_history(struct daemon *daemon, const char *state_dir)
{
    struct error err;
    if (request_history_open(state_dir, daemon->host, &daemon->history, &err) < 0)
        log_warning("records.unavailable", LOG_ERR(&err));
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
    struct calls_options options = {.state_dir = state_dir,
                                    .desk_path = desk,
                                    .door_path = door,
                                    .max_waiting = daemon->host->calls_max,
                                    .disk_bytes = daemon->host->calls_disk_bytes,
                                    .callback_networks = &daemon->host->callback_networks,
                                    .base = daemon->base};
    struct error why;
    if (calls_create(&options, &daemon->calls, &why) < 0) {
        keep_no_calls(daemon, &why);
        return 0;
    }
    if (gateway_set_desk(daemon->gateway, desk, err) < 0)
        return -1;
    return gateway_open_calls_door(daemon->gateway, door, err);
}

static int create_parts(struct daemon *daemon, const char *config_path, const struct locations *locations,
                        struct error *err)
{
    daemon->base = event_base_new();
    daemon->routes = route_table_create();
    daemon->drained_mail.deliver = deliver_drained;
    if (mailbox_init(&daemon->inbox, err) < 0)
        return -1;
    daemon->inbox_event = event_new(daemon->base, daemon->inbox.fd, EV_READ | EV_PERSIST, on_inbox, daemon);
    event_add(daemon->inbox_event, NULL);
    daemon->drain_limit = evtimer_new(daemon->base, on_drain_limit, daemon);
    struct gateway_hooks gateway_hooks = {.instance_timed_out = on_instance_timed_out,
                                          .loss_cause = find_loss_cause,
                                          .check_browser = admin_check_browser,
                                          .records = on_records,
                                          .drained = on_gateway_drained,
                                          .context = daemon};
    if (event_book_create(daemon->base, &daemon->events, err) < 0 ||
        request_book_create(daemon->base, &daemon->requests, err) < 0 ||
        gateway_create(daemon->host, daemon->routes, &gateway_hooks, &daemon->gateway, err) < 0 ||
        create_fleet(daemon, config_path, locations, err) < 0)
        return -1;
    if (open_calls(daemon, locations->state_dir, err) < 0)
        return -1;
    open_history(daemon, locations->state_dir);
    open_logs(daemon, locations->state_dir);
    request_book_open(daemon->requests, daemon->gateway, daemon->fleet, daemon->history);
    struct admin_options admin_options = {.base = daemon->base,
                                          .host = daemon->host,
                                          .state_dir = locations->state_dir,
                                          .run_dir = fleet_run_dir(daemon->fleet),
                                          .fleet = daemon->fleet,
                                          .gateway = daemon->gateway,
                                          .requests = daemon->requests,
                                          .events = daemon->events,
                                          .logs = daemon->logs,
                                          .calls = daemon->calls,
                                          .started_s = daemon->started_s};
    if (admin_create(&admin_options, &daemon->admin, err) < 0)
        return -1;
    return statsd_create(&admin_options, &daemon->statsd, err);
}

static void clear(struct daemon *daemon)
{
    calls_end(daemon->calls);
    admin_destroy(daemon->admin);
    request_book_close(daemon->requests);
    statsd_destroy(daemon->statsd);
    calls_destroy(daemon->calls);
    gateway_destroy(daemon->gateway);
    request_book_destroy(daemon->requests);
    request_history_close(daemon->history);
    fleet_destroy(daemon->fleet);
    log_store_close(daemon->logs);
    event_book_destroy(daemon->events);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        if (daemon->signals[i])
            event_free(daemon->signals[i]);
    }
    if (daemon->drain_limit)
        event_free(daemon->drain_limit);
    if (daemon->inbox_event) {
        event_free(daemon->inbox_event);
        mailbox_clear(&daemon->inbox);
    }
    route_table_destroy(daemon->routes);
    event_base_free(daemon->base);
}

/* Under the name that was given, and under its real one. */
static void hide_folder(const char *folder, const char *stand_in)
{
    cleanup_free char *real = realpath(folder, NULL);
    public_text_hide(folder, stand_in);
    if (real && strcmp(real, folder) != 0)
        public_text_hide(real, stand_in);
}

/* The folder that the file is in, or will be. NULL: there is none. The caller frees it. */
static char *real_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    cleanup_free char *real = realpath(path, NULL);
    cleanup_free char *spelt = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
    if (!real)
        return realpath(spelt, NULL);
    *strrchr(real, '/') = '\0';
    return steal(&real);
}

/* What is told to the public calls these folders, which are there by now, by the names of their settings. */
static void hide_folders(const char *config_path, const struct host_settings *host,
                         const struct locations *locations)
{
    cleanup_free char *folder = real_folder(config_path);
    if (folder)
        public_text_hide(folder, NULL);
    hide_folder(locations->state_dir, "state_dir");
    hide_folder(locations->run_dir, "run_dir");
    hide_folder(locations->plugin_dir, "plugin_dir");
    hide_folder(host->docker_socket, "docker_socket");
}

static int start_calls(const struct daemon *daemon, struct error *err)
{
    if (!daemon->calls)
        return 0;
    mask_signals(SIG_BLOCK);
    int rc = calls_start(daemon->calls, err);
    mask_signals(SIG_UNBLOCK);
    return rc;
}

static int serve(struct daemon *daemon, struct error *err)
{
    if (start_calls(daemon, err) < 0)
        return -1;
    fleet_start(daemon->fleet);
    event_base_dispatch(daemon->base);
    if (!daemon->failed && fleet_unusable(daemon->fleet)) {
        error_recall(fleet_unusable(daemon->fleet), err);
        daemon->failed = true;
    }
    return daemon->failed ? -1 : 0;
}

int daemon_run(const char *config_path, const struct registry *registry, const struct locations *locations,
               struct error *err)
{
    struct daemon daemon = {
        .registry = registry, .host = &registry->host, .started_s = time(NULL), .err = err};
    int rc = create_parts(&daemon, config_path, locations, err);
    if (rc == 0) {
        hide_folders(config_path, &registry->host, locations);
        watch_signals(&daemon);
        log_info("daemon.started", LOG_STR("config", config_path), LOG_STR("state", locations->state_dir),
                 LOG_STR("plugins", locations->plugin_dir), LOG_STR("owner", fleet_owner_id(daemon.fleet)));
        rc = serve(&daemon, err);
    }
    clear(&daemon);
    if (rc == 0)
        log_info("daemon.stopped");
    return rc;
}
