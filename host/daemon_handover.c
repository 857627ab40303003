#include "daemon_handover.h"

#include "admin/admin.h"
#include "admin/request_book.h"
#include "admin/request_history.h"
#include "admin/statsd.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/container_of.h"
#include "base/log.h"
#include "calls/calls.h"
#include "daemon_departure.h"
#include "daemon_handover_state.h"
#include "daemon_upgrade.h"
#include "fleet/fleet.h"
#include "gateway/gateway.h"
#include "store/log_store.h"
#include "takeover/ask.h"
#include "takeover/message.h"
#include "takeover/server.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REST_MS    10000 /* so long deployments are waited for, and calls that are being delivered */
#define DESK_MS    5000 /* and so long what is being accepted to be done later */
#define RELEASE_MS 5000 /* and so long instances that are starting */
#define ATTEMPTS   3 /* of the daemon's own program, after another one has failed */

/* --- a successor, or another one --- */

/* A failure before the other one serves is the successor's; this one's program takes its place. */
static void run_own(struct handover *handover)
{
    struct daemon *daemon = handover->daemon;
    struct error err;
    if (handover->attempts++ < ATTEMPTS && upgrade_run_own(daemon, &err) == 0)
        return;
    if (handover->attempts > ATTEMPTS)
        error_set(&err, ERROR_UPGRADE_FAILED, "neither another program nor the daemon's own could take over");
    *daemon->err = err;
    daemon->failed = true;
    event_base_loopbreak(daemon->base);
}

static void offer(struct handover *handover)
{
    estate_offer(&handover->estate, handover->daemon, handover->successor->channel);
    handover_set_timer(handover->limit, upgrade_limit_ms(handover->daemon));
}

/* The successor is given what there is, or another one is looked for. */
static void go_on(struct handover *handover)
{
    if (handover->phase != OFFERED)
        return;
    if (handover->successor)
        offer(handover);
    else if (handover->daemon->upgrade)
        handover_set_timer(handover->look, LOOK_MS); /* it has yet to ask, or to end */
    else
        run_own(handover);
}

/* Nothing has been given up yet, and nothing is. The successor is the caller's. */
static void call_off(struct handover *handover)
{
    struct daemon *daemon = handover->daemon;
    evtimer_del(handover->look);
    handover->successor = NULL;
    daemon->is_handing_over = false;
    log_info("daemon.keeps-place");
    if (daemon->calls)
        calls_resume(daemon->calls);
}

/* Nobody serves any more, for all that is known: somebody else has to. `has_closed`: of its own accord, so
 * that it is about to end. */
static void lose_successor(struct handover *handover, bool has_closed)
{
    struct asker *successor = handover->successor;
    bool serves = handover->phase >= PASSING;
    log_warning(serves ? "takeover.successor-ended" : "takeover.failed", LOG_INT("pid", successor->pid));
    if (!serves && !(has_closed && upgrade_runs(handover->daemon, successor->pid)))
        asker_signal(successor, SIGKILL);
    handover->successor = NULL;
    asker_drop(successor);
    if (serves)
        return;
    evtimer_del(handover->limit);
    if (handover->phase == WAITING)
        call_off(handover);
    else
        go_on(handover);
}

/* --- the phases --- */

static void close_files(struct handover *handover)
{
    struct daemon *daemon = handover->daemon;
    fleet_keep_output(daemon->fleet, NULL);
    log_store_close(daemon->logs);
    daemon->logs = NULL;
    request_book_hand_on(daemon->requests, departure_tell_request, handover);
    request_history_close(daemon->history);
    daemon->history = NULL;
}

static void release(struct handover *handover)
{
    struct daemon *daemon = handover->daemon;
    calls_destroy(daemon->calls);
    daemon->calls = NULL;
    gateway_leave_paths(daemon->gateway);
    handover_enter(handover, RELEASING);
    estate_add_instances(&handover->estate, daemon);
    fleet_release(daemon->fleet, daemon->host->drain_timeout_ms);
}

static void hold(struct handover *handover)
{
    struct daemon *daemon = handover->daemon;
    handover_enter(handover, HOLDING);
    estate_add_listeners(&handover->estate, daemon);
    statsd_destroy(daemon->statsd);
    daemon->statsd = NULL;
    admin_leave(daemon->admin);
    if (daemon->calls)
        calls_stop(daemon->calls);
    gateway_hold(daemon->gateway);
}

static bool is_released(const struct handover *handover)
{
    cleanup_free uint64_t *keeps = NULL;
    size_t count;
    return fleet_is_released(handover->daemon->fleet, &keeps, &count);
}

/* Whether whatever would be begun anew by a successor has ended. */
static bool is_at_rest(const struct daemon *daemon)
{
    return fleet_is_at_rest(daemon->fleet) && calls_are_at_rest(daemon->calls);
}

static void on_look(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct handover *handover = context;
    const struct daemon *daemon = handover->daemon;
    if (handover->phase == WAITING && (is_at_rest(daemon) || handover_is_late(handover, REST_MS))) {
        hold(handover);
    } else if (handover->phase == HOLDING && handover->held &&
               (!gateway_is_at_desk(daemon->gateway) || handover_is_late(handover, DESK_MS))) {
        release(handover);
    } else if (handover->phase == RELEASING &&
               (is_released(handover) || handover_is_late(handover, RELEASE_MS))) {
        close_files(handover);
        handover_enter(handover, OFFERED);
        go_on(handover);
    }
    if (handover->phase == ENDING)
        departure_finish(handover);
    else if (handover->phase == OFFERED && !handover->successor)
        go_on(handover);
    else if (handover->phase < OFFERED)
        handover_set_timer(handover->look, LOOK_MS);
}

static void deliver_held(struct mail *mail, void *owner)
{
    (void)owner;
    struct handover *handover = container_of(mail, struct handover, held_mail);
    handover->held = true;
    on_look(-1, EV_TIMEOUT, handover);
}

void handover_on_held(void *context) /* on a worker thread */
{
    struct daemon *daemon = context;
    mailbox_post(&daemon->inbox, &daemon->handover->held_mail);
}

static void begin(struct handover *handover, struct asker *successor)
{
    struct daemon *daemon = handover->daemon;
    log_info("daemon.handing-over", LOG_INT("pid", successor->pid), LOG_STR("version", successor->version));
    daemon->is_handing_over = true;
    handover->successor = successor;
    handover->began_ms = clock_ms();
    if (daemon->calls)
        calls_pause(daemon->calls);
    handover_enter(handover, WAITING);
    on_look(-1, EV_TIMEOUT, handover);
}

/* --- signals --- */

/* To whoever serves now, in this daemon's place. */
static void send_on(const struct handover *handover, int number)
{
    const struct asker *successor = handover->successor;
    if (successor && asker_signal(successor, number))
        log_info("daemon.signal-sent-on", LOG_STR("signal", sigabbrev_np(number)),
                 LOG_INT("pid", successor->pid));
    else
        log_warning("daemon.signal-ignored", LOG_STR("signal", sigabbrev_np(number)));
}

static void refuse_to_end(struct handover *handover)
{
    struct asker *successor = handover->successor;
    struct error why;
    call_off(handover);
    error_set(&why, ERROR_TAKEOVER_REFUSED, "it has been told to end");
    if (successor)
        asker_refuse(successor, &why);
}

static void take_end(struct handover *handover, int number)
{
    if (handover->phase >= PASSING) {
        departure_hurry(handover);
        return;
    }
    if (handover->end_signal) { /* asked twice: now */
        if (handover->successor)
            asker_signal(handover->successor, SIGKILL);
        _exit(1);
    }
    handover->end_signal = number;
}

bool handover_take_signal(struct daemon *daemon, int number)
{
    struct handover *handover = daemon->handover;
    if (!daemon->is_handing_over)
        return false;
    if (handover->phase == WAITING) {
        if (number != SIGHUP)
            refuse_to_end(handover);
        return false;
    }
    if (number != SIGHUP)
        take_end(handover, number);
    else if (handover->phase >= PASSING)
        send_on(handover, number);
    else
        handover->reloads = true;
    return true;
}

/* --- what askers say --- */

static void on_serving(void *context, struct asker *asker)
{
    struct handover *handover = context;
    if (handover->successor != asker || handover->phase != OFFERED)
        return;
    departure_begin(handover);
    if (handover->reloads)
        send_on(handover, SIGHUP);
    if (handover->end_signal)
        send_on(handover, handover->end_signal);
}

static void on_limit(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct handover *handover = context;
    if (handover->phase == OFFERED && handover->successor)
        lose_successor(handover, false);
    else
        departure_on_limit(handover);
}

static void on_asked(void *context, struct asker *asker, uint64_t protocol)
{
    struct handover *handover = context;
    const struct daemon *daemon = handover->daemon;
    struct error why;
    if (handover->successor == asker)
        return;
    if (protocol != TAKEOVER_PROTOCOL) {
        error_set(&why, ERROR_TAKEOVER_REFUSED, "it hands over by protocol %d and not %llu",
                  TAKEOVER_PROTOCOL, (unsigned long long)protocol);
        error_hint(&why, "Restart it in the usual way.");
        asker_refuse(asker, &why);
    } else if (daemon->draining) {
        error_set(&why, ERROR_TAKEOVER_REFUSED, "it is ending");
        asker_refuse(asker, &why);
    } else if (!daemon->is_handing_over) {
        begin(handover, asker);
    } else if (!handover->successor && handover->phase < PASSING) {
        handover->successor = asker;
        go_on(handover);
    } else {
        error_set(&why, ERROR_UPGRADE_UNDER_WAY, "another daemon is taking its place already");
        asker_refuse(asker, &why);
    }
}

static void on_gone(void *context, struct asker *asker)
{
    struct handover *handover = context;
    if (handover->successor == asker)
        lose_successor(handover, true);
    else
        asker_drop(asker);
}

/* --- its life --- */

static int listen_for_askers(struct handover *handover, struct error *err)
{
    const struct daemon *daemon = handover->daemon;
    cleanup_free char *path = xasprintf("%s/" TAKEOVER_SOCKET, fleet_run_dir(daemon->fleet));
    if (handover->server && access(path, F_OK) == 0)
        return 0;
    takeover_server_destroy(handover->server, true);
    handover->server = NULL;
    return takeover_server_create(daemon->base, path, askers_add, &handover->askers, &handover->server, err);
}

int handover_mend_socket(struct daemon *daemon, struct error *err)
{
    return daemon->handover ? listen_for_askers(daemon->handover, err) : 0;
}

void handover_open(struct daemon *daemon)
{
    struct handover *handover = xcalloc(1, sizeof(*handover));
    const struct asker_hooks hooks = {
        .asked = on_asked, .serving = on_serving, .gone = on_gone, .context = handover};
    struct error err;
    handover->daemon = daemon;
    handover->held_mail.deliver = deliver_held;
    askers_init(&handover->askers, daemon->base, &hooks);
    handover->look = evtimer_new(daemon->base, on_look, handover);
    handover->limit = evtimer_new(daemon->base, on_limit, handover);
    daemon->handover = handover;
    if (listen_for_askers(handover, &err) < 0)
        log_warning("takeover.unavailable", LOG_ERR(&err));
}

void handover_close(struct daemon *daemon)
{
    struct handover *handover = daemon->handover;
    if (!handover)
        return;
    daemon->handover = NULL;
    takeover_server_destroy(handover->server, false);
    askers_clear(&handover->askers);
    estate_clear(&handover->estate);
    event_free(handover->look);
    event_free(handover->limit);
    free(handover);
}
