#include "plugin_test/trial_daemon.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 600000 /* the runtime image is made meanwhile */
#define STOP_MS  60000
#define LOOK_MS  20
#define LOG_MAX  (16u << 20)
#define LOG_MODE 0600

static _Noreturn void run(const char *folder, const char *log)
{
    cleanup_free char *config = xasprintf("%s/registry.yml", folder), *state = xasprintf("%s/state", folder);
    cleanup_free char *run_dir = xasprintf("%s/run", folder), *plugins = xasprintf("%s/plugins", folder);
    const char *const argv[] = {"berthd",      "--config", config,        "--state",      state,
                                "--run-dir",   run_dir,    "--plugins",   plugins,        "--listen",
                                "127.0.0.1:0", "--admin",  "127.0.0.1:0", "--log-format", "json",
                                "--log-level", "info",     NULL};
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, LOG_MODE),
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
    setpgid(0, 0); /* Ctrl-C is for the test, which ends it in order */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (fd < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        dup2(fd, STDERR_FILENO) < 0)
        _exit(127);
    execv("/proc/self/exe", (char *const *)argv);
    _exit(127);
}

/* A member of the first line of its log that tells of `event`. The caller frees it; NULL: there is none yet.
 */
static char *find_in_log(const struct trial_daemon *daemon, const char *event, const char *member)
{
    cleanup_free char *text = NULL;
    if (fs_read_file(daemon->log, LOG_MAX, &text, NULL, NULL) < 0)
        return NULL;
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        json_t *entry = json_loadb(line, (size_t)(end - line), 0, NULL);
        const char *name = json_string_value(json_object_get(entry, "event"));
        const char *value = json_string_value(json_object_get(entry, member));
        char *found = name && value && strcmp(name, event) == 0 ? xstrdup(value) : NULL;
        json_decref(entry);
        if (found)
            return found;
    }
    return NULL;
}

/* Whether it ends within so many milliseconds. */
static bool ends_within(const struct trial_daemon *daemon, int ms)
{
    struct pollfd end = {.fd = daemon->pidfd, .events = POLLIN};
    return poll(&end, 1, ms) > 0;
}

static int await_ready(struct trial_daemon *daemon, struct error *err)
{
    uint64_t until_ms = clock_ms() + START_MS;
    while (!(daemon->gateway = find_in_log(daemon, "daemon.ready", "functions"))) {
        if (ends_within(daemon, LOOK_MS) || clock_ms() > until_ms) {
            cleanup_free char *why = find_in_log(daemon, "daemon.failed", "error");
            return error_set_in(err, COMPONENT_PLUGIN, ERROR_IO, "the daemon for it does not come up: %s",
                                why ? why : "no word of it");
        }
    }
    return 0;
}

int trial_daemon_start(struct trial_daemon *daemon, const char *folder, struct error *err)
{
    *daemon = (struct trial_daemon){
        .admin = xasprintf("%s/run/admin.sock", folder), .log = xasprintf("%s/log", folder), .pidfd = -1};
    daemon->pid = fork();
    if (daemon->pid == 0)
        run(folder, daemon->log);
    daemon->pidfd = daemon->pid < 0 ? -1 : pidfd_open(daemon->pid, 0);
    if (daemon->pidfd < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot start a daemon for it");
    fcntl(daemon->pidfd, F_SETFD, FD_CLOEXEC);
    return await_ready(daemon, err);
}

void trial_daemon_stop(struct trial_daemon *daemon)
{
    if (daemon->pid > 0) {
        kill(daemon->pid, SIGTERM);
        if (daemon->pidfd >= 0 && !ends_within(daemon, STOP_MS))
            kill(daemon->pid, SIGKILL);
        waitpid(daemon->pid, NULL, 0);
        if (daemon->pidfd >= 0)
            close(daemon->pidfd);
    }
    free(daemon->gateway);
    free(daemon->admin);
    free(daemon->log);
    *daemon = (struct trial_daemon){.pidfd = -1};
}
