#include "daemon_run_dir.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/timer.h"
#include "daemon_handover.h"
#include "daemon_listeners.h"
#include "fleet/fleet.h"
#include "takeover/ask.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#define EVENTS                                                                                               \
    (IN_DELETE | IN_MOVED_FROM | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_ONLYDIR)

#define QUIET_MS 100 /* whoever removes one thing may be about to remove all */
#define RETRY_MS 10000 /* when it cannot be made, or raises no events */

struct run_dir_watch {
    struct daemon *daemon;
    int inotify; /* -1: there is none */
    struct event *readable; /* NULL: the same */
    struct event *look; /* timer */
    bool is_told; /* that it cannot be made */
};

static bool has(const struct daemon *daemon, const char *name)
{
    cleanup_free char *path = xasprintf("%s/%s", fleet_run_dir(daemon->fleet), name);
    return access(path, F_OK) == 0;
}

static bool is_whole(const struct daemon *daemon)
{
    return has(daemon, "run.lock") && has(daemon, "i") && has(daemon, "admin.sock") &&
           (!daemon->handover || has(daemon, TAKEOVER_SOCKET));
}

static int mend(struct daemon *daemon, struct error *err)
{
    if (fleet_mend_run_dir(daemon->fleet, err) < 0)
        return -1;
    const int is_new = admin_mend_socket(daemon->admin, err);
    if (is_new > 0)
        daemon_keep_local_listener(daemon);
    return is_new < 0 ? -1 : handover_mend_socket(daemon, err);
}

static void tell(struct run_dir_watch *watch, const struct error *failure)
{
    const char *path = fleet_run_dir(watch->daemon->fleet);
    if (!failure)
        log_warning(
            "run-dir.mended", LOG_STR("path", path),
            LOG_STR("message", "somebody has removed the run directory or files of it"),
            LOG_STR("hint", "Its instances go on, but the next daemon will start others in their place."));
    else if (!watch->is_told)
        log_error("run-dir.missing", LOG_STR("path", path), LOG_ERR(failure));
    watch->is_told = failure;
}

/* What is removed from here on is seen; whether that has happened before is looked at then. */
static bool watch_folder(const struct run_dir_watch *watch)
{
    return watch->inotify >= 0 &&
           inotify_add_watch(watch->inotify, fleet_run_dir(watch->daemon->fleet), EVENTS) >= 0;
}

static void on_look(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct run_dir_watch *watch = context;
    struct daemon *daemon = watch->daemon;
    struct error err;
    if (daemon->is_handing_over || daemon->draining)
        return;
    bool is_watched = watch_folder(watch);
    if (!is_whole(daemon)) {
        const bool is_mended = mend(daemon, &err) == 0;
        tell(watch, is_mended ? NULL : &err);
        is_watched = is_mended && watch_folder(watch) && is_whole(daemon);
    }
    if (!is_watched)
        timer_at(watch->look, RETRY_MS, 0);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct run_dir_watch *watch = context;
    char bytes[4096];
    while (read(fd, bytes, sizeof(bytes)) > 0)
        ;
    timer_at(watch->look, QUIET_MS, 0);
}

void run_dir_watch_begin(struct daemon *daemon)
{
    struct run_dir_watch *watch = xcalloc(1, sizeof(*watch));
    watch->daemon = daemon;
    watch->look = evtimer_new(daemon->base, on_look, watch);
    watch->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->inotify >= 0) {
        watch->readable = event_new(daemon->base, watch->inotify, EV_READ | EV_PERSIST, on_readable, watch);
        event_add(watch->readable, NULL);
    }
    daemon->run_dir_watch = watch;
    on_look(-1, 0, watch);
}

void run_dir_watch_end(struct daemon *daemon)
{
    struct run_dir_watch *watch = steal(&daemon->run_dir_watch);
    if (!watch)
        return;
    if (watch->readable)
        event_free(watch->readable);
    if (watch->inotify >= 0)
        close(watch->inotify);
    event_free(watch->look);
    free(watch);
}
