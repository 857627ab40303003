#include "daemon_hooks.h"

#include "admin/admin.h"
#include "admin/admin_access.h"
#include "admin/request_book.h"
#include "base/locked.h"
#include "base/log.h"
#include "calls/call_plan.h"
#include "calls/calls.h"
#include "daemon_departure.h"
#include "daemon_end.h"
#include "daemon_handover.h"
#include "daemon_predecessor.h"
#include "daemon_signals.h"
#include "notify.h"
#include "prepare/store/secret_store.h"

#include <signal.h>

static void on_fleet_routed(void *context)
{
    struct daemon *daemon = context;
    struct error err;
    if (daemon->draining)
        return;
    daemon_mask_signals(SIG_BLOCK);
    int rc = gateway_start(daemon->gateway, &err);
    daemon_mask_signals(SIG_UNBLOCK);
    if (rc < 0) {
        *daemon->err = err;
        daemon->failed = true;
        daemon_drain(daemon); /* what was begun meanwhile is undone */
        return;
    }
    daemon->listening = true;
    predecessor_tell_serving(daemon);
    handover_open(daemon);
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

struct gateway_hooks daemon_gateway_hooks(struct daemon *daemon)
{
    return (struct gateway_hooks){.instance_timed_out = on_instance_timed_out,
                                  .loss_cause = find_loss_cause,
                                  .check_browser = admin_check_browser,
                                  .records = on_records,
                                  .drained = daemon_on_gateway_drained,
                                  .held = handover_on_held,
                                  .passed = departure_on_passed,
                                  .context = daemon};
}

struct fleet_hooks daemon_fleet_hooks(struct daemon *daemon)
{
    return (struct fleet_hooks){.routed = on_fleet_routed,
                                .published = on_fleet_published,
                                .settled = on_fleet_settled,
                                .applied = on_fleet_applied,
                                .rested = on_fleet_rested,
                                .function_settled = on_function_settled,
                                .stopped = daemon_on_fleet_stopped,
                                .context = daemon};
}
