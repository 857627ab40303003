#include "daemon_departure.h"

#include "admin/admin.h"
#include "admin/request_book.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/container_of.h"
#include "base/log.h"
#include "daemon_handover_state.h"
#include "daemon_upgrade.h"
#include "fleet/fleet.h"
#include "gateway/gateway.h"
#include "notify.h"
#include "takeover/channel.h"
#include "takeover/server.h"

#include <stdlib.h>

#define ANSWERS_MS   1000 /* that answers of the management API are waited for */
#define LAST_CALL_MS 5000 /* after drain_timeout: until the containers are gone */

/* --- the beginning --- */

static uint64_t requests_under_way(const struct daemon *daemon)
{
    uint64_t sums[COUNTER_COUNT];
    gateway_counts(daemon->gateway, sums);
    return sums[COUNTER_REQUESTS_ACTIVE];
}

static void ignore(void *context)
{
    (void)context;
}

void departure_begin(struct handover *handover)
{
    struct daemon *daemon = handover->daemon;
    const struct asker *successor = handover->successor;
    cleanup_free char *main_process = xasprintf("MAINPID=%d", (int)successor->pid);
    uint64_t took_ms = clock_ms() - handover->began_ms, finishing = requests_under_way(daemon);
    log_info("daemon.handed-over", LOG_INT("pid", successor->pid), LOG_STR("version", successor->version),
             LOG_INT("took_ms", took_ms), LOG_INT("finishing", finishing));
    handover_enter(handover, PASSING);
    notify_manager(main_process);
    takeover_server_destroy(handover->server, true);
    handover->server = NULL;
    estate_clear(&handover->estate);
    fleet_unlock(daemon->fleet);
    handover_set_timer(handover->limit, daemon->host->drain_timeout_ms);
    gateway_pass(daemon->gateway);
    upgrade_succeed(daemon, json_pack("{s:s, s:s, s:i, s:I, s:I}", "from", BERTH_VERSION, "to",
                                      successor->version, "pid", (int)successor->pid, "took_ms",
                                      (json_int_t)took_ms, "finishing", (json_int_t)finishing));
    admin_stop(daemon->admin);
    admin_finish(daemon->admin, ignore, NULL);
}

/* --- the end --- */

static void on_flushed(void *context)
{
    const struct handover *handover = context;
    event_base_loopbreak(handover->daemon->base);
}

/* What the gateway still has is cut by this, and told of. */
void departure_finish(struct handover *handover)
{
    if (!admin_is_quiet(handover->daemon->admin) && !handover_is_late(handover, ANSWERS_MS)) {
        handover_set_timer(handover->look, LOOK_MS);
        return;
    }
    request_book_close(handover->daemon->requests);
    if (handover->successor)
        takeover_channel_flush(handover->successor->channel, on_flushed, handover);
    else
        on_flushed(handover);
}

static void end(struct handover *handover)
{
    handover_enter(handover, ENDING);
    departure_finish(handover);
}

void departure_look(struct daemon *daemon)
{
    struct handover *handover = daemon->handover;
    if (!handover || handover->phase != PASSING)
        return;
    handover->drained = handover->drained || daemon->is_drained;
    if (handover->drained && !daemon->predecessor && daemon->is_fleet_stopped)
        end(handover);
}

void departure_hurry(struct handover *handover)
{
    request_book_close(handover->daemon->requests);
    handover->drained = true;
    handover_set_timer(handover->limit, LAST_CALL_MS);
    departure_look(handover->daemon);
}

void departure_on_limit(struct handover *handover)
{
    const struct daemon *daemon = handover->daemon;
    if (handover->phase != PASSING)
        return;
    if (handover->drained) {
        end(handover);
        return;
    }
    log_warning("daemon.drain-timeout", LOG_INT("after_ms", daemon->host->drain_timeout_ms));
    departure_hurry(handover);
}

/* --- what the successor is sent --- */

struct passing {
    struct mail mail;
    struct passed_client *passed;
};

void departure_forward_client(struct daemon *daemon, struct passed_client *passed)
{
    const struct handover *handover = daemon->handover;
    if (handover->successor && handover->phase >= PASSING)
        takeover_channel_send_client(handover->successor->channel, passed);
    else
        passed_client_free(passed);
}

static void deliver_passed(struct mail *mail, void *owner)
{
    struct passing *passing = container_of(mail, struct passing, mail);
    departure_forward_client(owner, passing->passed);
    free(passing);
}

void departure_on_passed(void *context, struct passed_client *passed) /* on a worker thread */
{
    struct daemon *daemon = context;
    struct passing *passing = xcalloc(1, sizeof(*passing));
    *passing = (struct passing){.mail.deliver = deliver_passed, .passed = passed};
    mailbox_post(&daemon->inbox, &passing->mail);
}

void departure_tell_request(const void *form, size_t size, void *context)
{
    const struct handover *handover = context;
    if (handover->successor)
        takeover_channel_send(handover->successor->channel, takeover_write_request(form, size), NULL, 0);
}

void departure_forward_request(struct daemon *daemon, const void *note, size_t size)
{
    departure_tell_request(note, size, daemon->handover);
}
