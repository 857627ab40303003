#include "daemon.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/public_text.h"
#include "calls/calls.h"
#include "daemon_listeners.h"
#include "daemon_parts.h"
#include "daemon_predecessor.h"
#include "daemon_run_dir.h"
#include "daemon_signals.h"
#include "daemon_upgrade.h"
#include "fleet/fleet.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

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
    daemon_mask_signals(SIG_BLOCK);
    int rc = calls_start(daemon->calls, err);
    daemon_mask_signals(SIG_UNBLOCK);
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
               struct descriptors *given, struct inheritance *inheritance, struct error *err)
{
    struct daemon daemon = {.given = given,
                            .registry = registry,
                            .host = &registry->host,
                            .started_s = time(NULL),
                            .desk_fd = -1,
                            .door_fd = -1,
                            .err = err};
    daemon.upgrader = (struct upgrader){.begin = upgrade_begin, .context = &daemon};
    upgrade_init(&daemon);
    int rc = daemon_create_parts(&daemon, config_path, locations, err);
    if (rc == 0) {
        daemon_keep_listeners(&daemon);
        predecessor_attach(&daemon, inheritance);
        hide_folders(config_path, &registry->host, locations);
        daemon_watch_signals(&daemon);
        run_dir_watch_begin(&daemon);
        log_info("daemon.started", LOG_STR("config", config_path), LOG_STR("state", locations->state_dir),
                 LOG_STR("plugins", locations->plugin_dir), LOG_STR("owner", fleet_owner_id(daemon.fleet)));
        rc = serve(&daemon, err);
    }
    daemon_clear_parts(&daemon);
    if (rc == 0)
        log_info("daemon.stopped");
    return rc;
}
