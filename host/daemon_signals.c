#include "daemon_signals.h"

#include "base/log.h"
#include "daemon_end.h"
#include "daemon_handover.h"
#include "fleet/fleet.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* What a daemon that has yet to serve has of the one before is that one's still, which goes on if this ends.
 */
static void end_unserved(const struct daemon *daemon)
{
    if (!daemon->predecessor || daemon->listening)
        return;
    log_info("daemon.gives-back");
    _exit(1);
}

static void on_end(evutil_socket_t number, short what, void *context)
{
    (void)what;
    struct daemon *daemon = context;
    bool leaves = number == SIGUSR1;
    log_info("daemon.signal", LOG_STR("signal", sigabbrev_np((int)number)));
    end_unserved(daemon);
    if (handover_take_signal(daemon, (int)number))
        return;
    if (daemon->draining && !leaves)
        _exit(1); /* asked twice: now */
    if (daemon->draining)
        return;
    daemon->leaves = leaves;
    daemon_drain(daemon);
}

static void on_hangup(evutil_socket_t number, short what, void *context)
{
    (void)what;
    struct daemon *daemon = context;
    if (daemon->draining || handover_take_signal(daemon, (int)number))
        return;
    log_info("daemon.reload");
    fleet_reload(daemon->fleet);
}

/* SIGUSR1 is for the end of this daemon, not of its instances: the next start goes on with them. */
static const struct {
    int number;
    void (*handle)(evutil_socket_t number, short what, void *context);
} signal_rows[] = {
    {SIGTERM, on_end},
    {SIGINT, on_end},
    {SIGHUP, on_hangup},
    {SIGUSR1, on_end},
};

#define SIGNAL_COUNT (sizeof(signal_rows) / sizeof(signal_rows[0]))

_Static_assert(SIGNAL_COUNT <= DAEMON_SIGNALS, "room for each");

void daemon_watch_signals(struct daemon *daemon)
{
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        daemon->signals[i] = evsignal_new(daemon->base, signal_rows[i].number, signal_rows[i].handle, daemon);
        event_add(daemon->signals[i], NULL);
    }
}

void daemon_mask_signals(int how)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        sigaddset(&set, signal_rows[i].number);
    pthread_sigmask(how, &set, NULL);
}

void daemon_forget_signals(struct daemon *daemon)
{
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        if (daemon->signals[i])
            event_free(daemon->signals[i]);
    }
}
