#include "daemon_handover.h"

#include "admin/admin.h"
#include "admin/request_book.h"
#include "admin/request_history.h"
#include "admin/statsd.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "base/queue.h"
#include "calls/calls.h"
#include "daemon_upgrade.h"
#include "fleet/fleet.h"
#include "fleet/instance/instance.h"
#include "gateway/gateway.h"
#include "notify.h"
#include "store/log_store.h"
#include "takeover/ask.h"
#include "takeover/channel.h"
#include "takeover/server.h"

#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define LOOK_MS      5 /* while something is waited for that tells of nothing */
#define REST_MS      10000 /* so long a deployment is waited for */
#define DESK_MS      5000 /* and so long what is being accepted to be done later */
#define RELEASE_MS   5000 /* and so long instances that are starting */
#define ATTEMPTS     3 /* of the daemon's own program, after another one has failed */
#define ANSWERS_MS   1000 /* and so long answers of the management API */
#define LAST_CALL_MS 5000 /* after drain_timeout: until the containers are gone */

enum handover_phase { WAITING, HOLDING, RELEASING, OFFERED, PASSING, ENDING };

/* Who has connected to ask for the place. */
struct asker {
    TAILQ_ENTRY(asker) link;
    struct handover *handover;
    struct takeover_channel *channel;
    pid_t pid;
    int pidfd; /* -1: nobody knows */
    char version[64];
};

struct handover {
    struct daemon *daemon;
    struct takeover_server *server;
    TAILQ_HEAD(, asker) askers;
    struct asker *successor; /* one of them; NULL: none has been found yet, or it has failed */
    enum handover_phase phase; /* while daemon->is_handing_over */
    int fds[WIRE_FDS_MAX];
    const char *names[WIRE_FDS_MAX];
    size_t fd_count;
    struct inherited_instance *instances; /* what they have open */
    size_t instance_count;
    struct event *look; /* timer */
    struct event *limit; /* for the successor, then for what is under way here */
    uint64_t began_ms, phase_ms; /* clock_ms() when it, and when its phase began */
    unsigned attempts;
    bool held, drained;
    struct mail held_mail;
};

/* --- who asks --- */

static void asker_free(struct asker *asker)
{
    takeover_channel_destroy(asker->channel);
    if (asker->pidfd >= 0)
        close(asker->pidfd);
    free(asker);
}

static void drop_asker(struct asker *asker)
{
    struct handover *handover = asker->handover;
    TAILQ_REMOVE(&handover->askers, asker, link);
    if (handover->successor == asker)
        handover->successor = NULL;
    asker_free(asker);
}

static void on_refused(void *context)
{
    drop_asker(context);
}

static void refuse(struct asker *asker, const struct error *why)
{
    log_warning("takeover.refused", LOG_INT("pid", asker->pid), LOG_ERR(why));
    takeover_channel_send(asker->channel, takeover_write_refusal(why), NULL, 0);
    takeover_channel_flush(asker->channel, on_refused, asker);
}

/* --- what is handed over --- */

static void add_fd(struct handover *handover, const char *name, int fd)
{
    int own = handover->fd_count < WIRE_FDS_MAX ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (own < 0)
        return;
    handover->names[handover->fd_count] = name;
    handover->fds[handover->fd_count++] = own;
}

static void gather_fds(struct handover *handover)
{
    const struct daemon *daemon = handover->daemon;
    int listeners[LISTENERS_MAX], first, second;
    size_t count = gateway_listeners(daemon->gateway, false, listeners);
    for (size_t i = 0; i < count; i++)
        add_fd(handover, DESCRIPTOR_FUNCTIONS, listeners[i]);
    admin_listeners(daemon->admin, false, &first, &second);
    add_fd(handover, DESCRIPTOR_ADMIN, first);
    add_fd(handover, DESCRIPTOR_LOCAL, second);
    fleet_locks(daemon->fleet, &first, &second);
    add_fd(handover, DESCRIPTOR_STATE_LOCK, first);
    add_fd(handover, DESCRIPTOR_RUN_LOCK, second);
}

/* Each of which is dup'ed: the successor's, and once more another one's if that fails. */
static void note_instance(struct instance *instance, void *context)
{
    struct handover *handover = context;
    enum instance_state state = instance_current_state(instance);
    struct instance_handles handles;
    if (state != INSTANCE_READY && state != INSTANCE_PREWARMED)
        return;
    instance_handles_of(instance, &handles);
    const int fds[INHERITED_FDS] = {handles.dial, handles.door, handles.line, handles.doorway};
    struct inherited_instance noted = {.instance = instance_id(instance)};
    for (size_t i = 0; i < INHERITED_FDS; i++)
        noted.fds[i] = fds[i] >= 0 ? fcntl(fds[i], F_DUPFD_CLOEXEC, 0) : -1;
    handover->instances = xgrow(handover->instances, handover->instance_count, sizeof(noted));
    handover->instances[handover->instance_count++] = noted;
}

static void offer_instance(const struct handover *handover, const struct inherited_instance *instance)
{
    const char *names[INHERITED_FDS];
    int fds[INHERITED_FDS];
    size_t count = 0;
    for (size_t i = 0; i < INHERITED_FDS; i++) {
        int fd = instance->fds[i] >= 0 ? fcntl(instance->fds[i], F_DUPFD_CLOEXEC, 0) : -1;
        if (fd < 0)
            continue;
        names[count] = inherited_names[i];
        fds[count++] = fd;
    }
    if (count > 0)
        takeover_channel_send(handover->successor->channel,
                              takeover_write_instance(instance->instance, names, count), fds, count);
}

static void drop_fds(struct handover *handover)
{
    for (size_t i = 0; i < handover->instance_count * INHERITED_FDS; i++) {
        int fd = handover->instances[i / INHERITED_FDS].fds[i % INHERITED_FDS];
        if (fd >= 0)
            close(fd);
    }
    free(handover->instances);
    handover->instances = NULL;
    handover->instance_count = 0;
    for (size_t i = 0; i < handover->fd_count; i++)
        close(handover->fds[i]);
    handover->fd_count = 0;
}

static void set_timer(struct event *timer, unsigned ms)
{
    const struct timeval after = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    evtimer_add(timer, &after);
}

static void enter(struct handover *handover, enum handover_phase phase)
{
    handover->phase = phase;
    handover->phase_ms = clock_ms();
}

static bool is_late(const struct handover *handover, unsigned limit_ms)
{
    return clock_ms() >= handover->phase_ms + limit_ms;
}

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
    struct asker *successor = handover->successor;
    cleanup_free uint64_t *keeps = NULL;
    size_t keep_count = 0;
    int fds[WIRE_FDS_MAX];
    fleet_is_released(handover->daemon->fleet, &keeps, &keep_count);
    for (size_t i = 0; i < handover->instance_count; i++)
        offer_instance(handover, &handover->instances[i]);
    for (size_t i = 0; i < handover->fd_count; i++)
        fds[i] = fcntl(handover->fds[i], F_DUPFD_CLOEXEC, 0);
    takeover_channel_send(
        successor->channel,
        takeover_write_yours(BERTH_VERSION, handover->names, handover->fd_count, keeps, keep_count), fds,
        handover->fd_count);
    set_timer(handover->limit, upgrade_limit_ms(handover->daemon));
}

/* The successor is given what there is, or another one is looked for. */
static void go_on(struct handover *handover)
{
    if (handover->phase != OFFERED)
        return;
    if (handover->successor)
        offer(handover);
    else if (handover->daemon->upgrade)
        set_timer(handover->look, LOOK_MS); /* it has yet to ask, or to end */
    else
        run_own(handover);
}

/* --- the end --- */

static void on_flushed(void *context)
{
    const struct handover *handover = context;
    event_base_loopbreak(handover->daemon->base);
}

/* What the gateway still has is cut by this, and told of. */
static void finish(struct handover *handover)
{
    if (!admin_is_quiet(handover->daemon->admin) && !is_late(handover, ANSWERS_MS)) {
        set_timer(handover->look, LOOK_MS);
        return;
    }
    request_book_close(handover->daemon->requests);
    if (handover->successor)
        takeover_channel_flush(handover->successor->channel, on_flushed, handover);
    else
        on_flushed(handover);
}

/* --- the phases --- */

static void keep_request(const void *form, size_t size, void *context)
{
    const struct handover *handover = context;
    if (handover->successor)
        takeover_channel_send(handover->successor->channel, takeover_write_request(form, size), NULL, 0);
}

static void close_files(struct handover *handover)
{
    struct daemon *daemon = handover->daemon;
    fleet_keep_output(daemon->fleet, NULL);
    log_store_close(daemon->logs);
    daemon->logs = NULL;
    request_book_hand_on(daemon->requests, keep_request, handover);
    request_history_close(daemon->history);
    daemon->history = NULL;
}

static void release(struct handover *handover)
{
    struct daemon *daemon = handover->daemon;
    calls_destroy(daemon->calls);
    daemon->calls = NULL;
    gateway_leave_paths(daemon->gateway);
    enter(handover, RELEASING);
    fleet_each_instance(daemon->fleet, note_instance, handover);
    fleet_release(daemon->fleet, daemon->host->drain_timeout_ms);
}

static void hold(struct handover *handover)
{
    struct daemon *daemon = handover->daemon;
    enter(handover, HOLDING);
    gather_fds(handover);
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

static void on_look(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct handover *handover = context;
    const struct daemon *daemon = handover->daemon;
    if (handover->phase == WAITING && (fleet_is_at_rest(daemon->fleet) || is_late(handover, REST_MS))) {
        hold(handover);
    } else if (handover->phase == HOLDING && handover->held &&
               (!gateway_is_at_desk(daemon->gateway) || is_late(handover, DESK_MS))) {
        release(handover);
    } else if (handover->phase == RELEASING && (is_released(handover) || is_late(handover, RELEASE_MS))) {
        close_files(handover);
        enter(handover, OFFERED);
        go_on(handover);
    }
    if (handover->phase == ENDING)
        finish(handover);
    else if (handover->phase == OFFERED && !handover->successor)
        go_on(handover);
    else if (handover->phase < OFFERED)
        set_timer(handover->look, LOOK_MS);
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
    enter(handover, WAITING);
    on_look(-1, EV_TIMEOUT, handover);
}

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

/* The successor serves: nothing is this daemon's any more but what is under way. */
static void pass(struct handover *handover)
{
    struct daemon *daemon = handover->daemon;
    struct asker *successor = handover->successor;
    cleanup_free char *main_process = xasprintf("MAINPID=%d", (int)successor->pid);
    uint64_t took_ms = clock_ms() - handover->began_ms, finishing = requests_under_way(daemon);
    log_info("daemon.handed-over", LOG_INT("pid", successor->pid), LOG_STR("version", successor->version),
             LOG_INT("took_ms", took_ms), LOG_INT("finishing", finishing));
    enter(handover, PASSING);
    notify_manager(main_process);
    takeover_server_destroy(handover->server, true);
    handover->server = NULL;
    drop_fds(handover);
    fleet_unlock(daemon->fleet);
    set_timer(handover->limit, daemon->host->drain_timeout_ms);
    gateway_pass(daemon->gateway);
    upgrade_succeed(daemon, json_pack("{s:s, s:s, s:i, s:I, s:I}", "from", BERTH_VERSION, "to",
                                      successor->version, "pid", (int)successor->pid, "took_ms",
                                      (json_int_t)took_ms, "finishing", (json_int_t)finishing));
    admin_stop(daemon->admin);
    admin_finish(daemon->admin, ignore, NULL);
}

void handover_look(struct daemon *daemon)
{
    struct handover *handover = daemon->handover;
    if (!handover || handover->phase != PASSING)
        return;
    handover->drained = handover->drained || daemon->is_drained;
    if (!handover->drained || daemon->predecessor || !daemon->is_fleet_stopped)
        return;
    enter(handover, ENDING);
    finish(handover);
}

static void kill_successor(const struct handover *handover)
{
    if (handover->successor->pidfd >= 0)
        pidfd_send_signal(handover->successor->pidfd, SIGKILL, NULL, 0);
}

/* Nobody serves any more, for all that is known: somebody else has to. `has_closed`: of its own accord, so
 * that it is about to end. */
static void lose_successor(struct handover *handover, bool has_closed)
{
    struct asker *successor = handover->successor;
    bool serves = handover->phase >= PASSING;
    log_warning(serves ? "takeover.successor-ended" : "takeover.failed", LOG_INT("pid", successor->pid));
    if (!serves && !(has_closed && upgrade_runs(handover->daemon, successor->pid)))
        kill_successor(handover);
    handover->successor = NULL;
    drop_asker(successor);
    if (serves)
        return;
    evtimer_del(handover->limit);
    go_on(handover);
}

static void on_limit(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct handover *handover = context;
    struct daemon *daemon = handover->daemon;
    if (handover->phase == OFFERED && handover->successor) {
        lose_successor(handover, false);
    } else if (handover->phase == PASSING && !handover->drained) {
        log_warning("daemon.drain-timeout", LOG_INT("after_ms", daemon->host->drain_timeout_ms));
        request_book_close(daemon->requests);
        handover->drained = true;
        set_timer(handover->limit, LAST_CALL_MS);
        handover_look(daemon);
    } else if (handover->phase == PASSING) {
        enter(handover, ENDING);
        finish(handover);
    }
}

/* --- what askers say --- */

static void on_ask(struct asker *asker, const struct takeover_message *message)
{
    struct handover *handover = asker->handover;
    const struct daemon *daemon = handover->daemon;
    struct error why;
    memcpy(asker->version, message->version, sizeof(asker->version));
    if (message->protocol != TAKEOVER_PROTOCOL) {
        error_set(&why, ERROR_TAKEOVER_REFUSED, "it hands over by protocol %d and not %llu",
                  TAKEOVER_PROTOCOL, (unsigned long long)message->protocol);
        error_hint(&why, "Restart it in the usual way.");
        refuse(asker, &why);
    } else if (daemon->draining) {
        error_set(&why, ERROR_TAKEOVER_REFUSED, "it is ending");
        refuse(asker, &why);
    } else if (!daemon->is_handing_over) {
        begin(handover, asker);
    } else if (!handover->successor && handover->phase < PASSING) {
        handover->successor = asker;
        go_on(handover);
    } else {
        error_set(&why, ERROR_UPGRADE_UNDER_WAY, "another daemon is taking its place already");
        refuse(asker, &why);
    }
}

static void on_message(void *context, const struct takeover_message *message, struct wire_message *wire)
{
    (void)wire;
    struct asker *asker = context;
    struct handover *handover = asker->handover;
    if (message->kind == TAKEOVER_ASK && handover->successor != asker)
        on_ask(asker, message);
    else if (message->kind == TAKEOVER_SERVING && handover->successor == asker && handover->phase == OFFERED)
        pass(handover);
}

static void on_closed(void *context, const struct error *why)
{
    struct asker *asker = context;
    struct handover *handover = asker->handover;
    if (why)
        log_warning("takeover.nonsense", LOG_INT("pid", asker->pid), LOG_ERR(why));
    if (handover->successor == asker)
        lose_successor(handover, true);
    else
        drop_asker(asker);
}

static void on_connected(void *context, const struct takeover_peer *peer)
{
    struct handover *handover = context;
    struct asker *asker = xcalloc(1, sizeof(*asker));
    asker->handover = handover;
    asker->pid = peer->pid;
    asker->pidfd = peer->pidfd;
    TAILQ_INSERT_TAIL(&handover->askers, asker, link);
    asker->channel = takeover_channel_create(
        handover->daemon->base, peer->fd,
        &(struct takeover_hooks){.message = on_message, .closed = on_closed, .context = asker});
}

/* --- clients --- */

struct passing {
    struct mail mail;
    struct passed_client *passed;
};

void handover_forward_client(struct daemon *daemon, struct passed_client *passed)
{
    const struct handover *handover = daemon->handover;
    if (handover->successor && handover->phase >= PASSING)
        takeover_channel_send_client(handover->successor->channel, passed);
    else
        passed_client_free(passed);
}

void handover_forward_request(struct daemon *daemon, const void *note, size_t size)
{
    keep_request(note, size, daemon->handover);
}

static void deliver_passed(struct mail *mail, void *owner)
{
    struct passing *passing = container_of(mail, struct passing, mail);
    handover_forward_client(owner, passing->passed);
    free(passing);
}

void handover_on_passed(void *context, struct passed_client *passed) /* on a worker thread */
{
    struct daemon *daemon = context;
    struct passing *passing = xcalloc(1, sizeof(*passing));
    *passing = (struct passing){.mail.deliver = deliver_passed, .passed = passed};
    mailbox_post(&daemon->inbox, &passing->mail);
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
    return takeover_server_create(daemon->base, path, on_connected, handover, &handover->server, err);
}

int handover_mend_socket(struct daemon *daemon, struct error *err)
{
    return daemon->handover ? listen_for_askers(daemon->handover, err) : 0;
}

void handover_open(struct daemon *daemon)
{
    struct handover *handover = xcalloc(1, sizeof(*handover));
    struct error err;
    handover->daemon = daemon;
    handover->held_mail.deliver = deliver_held;
    TAILQ_INIT(&handover->askers);
    handover->look = evtimer_new(daemon->base, on_look, handover);
    handover->limit = evtimer_new(daemon->base, on_limit, handover);
    daemon->handover = handover;
    if (listen_for_askers(handover, &err) < 0)
        log_warning("takeover.unavailable", LOG_ERR(&err));
}

void handover_close(struct daemon *daemon)
{
    struct handover *handover = daemon->handover;
    struct asker *asker;
    if (!handover)
        return;
    daemon->handover = NULL;
    takeover_server_destroy(handover->server, false);
    while ((asker = queue_take_first(&handover->askers, link)))
        asker_free(asker);
    drop_fds(handover);
    event_free(handover->look);
    event_free(handover->limit);
    free(handover);
}
