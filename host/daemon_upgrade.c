#include "daemon_upgrade.h"

#include "base/alloc.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX (1 << 20) /* bytes */
#define TAKEOVER      "--takeover"

struct upgrade {
    struct daemon *daemon;
    pid_t pid;
    int pidfd;
    struct event *ended, *limit;
    struct upgrade_wish wish;
    bool is_late; /* its time is over */
};

void upgrade_init(struct daemon *daemon)
{
    daemon->program = realpath("/proc/self/exe", NULL);
}

/* --- starting a program --- */

/* This process' arguments with --takeover, in *ret_text. The caller frees both. NULL: they cannot be read. */
static const char **find_arguments(char **ret_text)
{
    struct error err;
    size_t size, count = 0;
    if (fs_read_file("/proc/self/cmdline", ARGUMENTS_MAX, ret_text, &size, &err) < 0)
        return NULL;
    const char **arguments = NULL;
    for (const char *text = *ret_text; text < *ret_text + size; text += strlen(text) + 1) {
        if (count > 0 && strcmp(text, TAKEOVER) == 0)
            continue;
        arguments = xgrow(arguments, count, sizeof(*arguments));
        arguments[count++] = text;
    }
    for (int i = 0; i < 2; i++) {
        arguments = xgrow(arguments, count, sizeof(*arguments));
        arguments[count++] = i == 0 ? TAKEOVER : NULL;
    }
    return arguments;
}

static int spawn(const char *program, pid_t *ret_pid, int *ret_pidfd, struct error *err)
{
    cleanup_free char *text = NULL;
    cleanup_free char *folder = getcwd(NULL, 0);
    cleanup_free const char **arguments = find_arguments(&text);
    if (!arguments)
        return error_set(err, ERROR_UPGRADE_FAILED, "the daemon's own arguments cannot be read");
    int fds[3];
    for (int i = 0; i < 3; i++)
        fds[i] = fcntl(i, F_DUPFD_CLOEXEC, 3);
    const struct child child = {.program = program,
                                .arguments = arguments,
                                .environment = environ,
                                .fds = fds,
                                .fd_count = 3,
                                .folder = folder};
    int errnum = child_spawn(&child, ret_pid, ret_pidfd);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    if (errnum == 0)
        return 0;
    error_set(err, ERROR_UPGRADE_FAILED, "%s cannot be started: %s", program, strerror(errnum));
    return error_hint(err, "The daemon goes on as it is.");
}

/* --- what comes of it --- */

static void destroy(struct upgrade *upgrade)
{
    upgrade->daemon->upgrade = NULL;
    event_free(upgrade->ended);
    event_free(upgrade->limit);
    close(upgrade->pidfd);
    free(upgrade);
}

static void fail(struct upgrade *upgrade, const struct error *why)
{
    struct upgrade_wish wish = upgrade->wish;
    log_warning("upgrade.failed", LOG_INT("pid", upgrade->pid), LOG_ERR(why));
    destroy(upgrade);
    if (wish.done)
        wish.done(wish.question, NULL, why);
}

static void describe_end(const struct upgrade *upgrade, int status, struct error *ret_why)
{
    const char *program = upgrade->daemon->program;
    if (upgrade->is_late)
        error_set(ret_why, ERROR_UPGRADE_FAILED, "%s did not serve within %u ms and was ended", program,
                  upgrade->wish.limit_ms);
    else if (WIFSIGNALED(status))
        error_set(ret_why, ERROR_UPGRADE_FAILED, "%s was ended by SIG%s before it served", program,
                  sigabbrev_np(WTERMSIG(status)));
    else
        error_set(ret_why, ERROR_UPGRADE_FAILED, "%s ended with status %d before it served", program,
                  WEXITSTATUS(status));
    error_hint(ret_why, "What it says of that is in the daemon's log. The daemon before goes on.");
}

static void on_ended(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct upgrade *upgrade = context;
    struct error why;
    int status = 0;
    waitpid(upgrade->pid, &status, 0);
    describe_end(upgrade, status, &why);
    fail(upgrade, &why);
}

static void on_limit(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct upgrade *upgrade = context;
    upgrade->is_late = true;
    pidfd_send_signal(upgrade->pidfd, SIGKILL, NULL, 0);
}

static int run(struct daemon *daemon, const char *program, const struct upgrade_wish *wish, struct error *err)
{
    struct upgrade *upgrade = xcalloc(1, sizeof(*upgrade));
    upgrade->daemon = daemon;
    upgrade->wish = *wish;
    if (spawn(program, &upgrade->pid, &upgrade->pidfd, err) < 0) {
        free(upgrade);
        return -1;
    }
    upgrade->ended = event_new(daemon->base, upgrade->pidfd, EV_READ, on_ended, upgrade);
    upgrade->limit = evtimer_new(daemon->base, on_limit, upgrade);
    event_add(upgrade->ended, NULL);
    const struct timeval limit = {.tv_sec = wish->limit_ms / 1000,
                                  .tv_usec = (suseconds_t)(wish->limit_ms % 1000) * 1000};
    evtimer_add(upgrade->limit, &limit);
    daemon->upgrade = upgrade;
    log_info("upgrade.started", LOG_STR("program", program), LOG_INT("pid", upgrade->pid));
    return 0;
}

int upgrade_begin(void *context, const struct upgrade_wish *wish, struct error *err)
{
    struct daemon *daemon = context;
    struct upgrade_wish own = *wish;
    if (own.limit_ms == 0)
        own.limit_ms = UPGRADE_LIMIT_MS;
    if (daemon->draining || !daemon->listening)
        return error_set(err, ERROR_UPGRADE_FAILED, "the daemon is %s",
                         daemon->draining ? "ending" : "starting; try again once it is ready");
    if (daemon->upgrade || daemon->is_handing_over) {
        error_set(err, ERROR_UPGRADE_UNDER_WAY, "another program is taking the daemon's place already");
        return error_hint(err, "Wait for what comes of it.");
    }
    if (!daemon->program)
        return error_set(err, ERROR_UPGRADE_FAILED, "the daemon does not know where its program is");
    return run(daemon, daemon->program, &own, err);
}

int upgrade_run_own(struct daemon *daemon, struct error *err)
{
    return run(daemon, "/proc/self/exe", &(struct upgrade_wish){.limit_ms = UPGRADE_LIMIT_MS}, err);
}

void upgrade_succeed(struct daemon *daemon, json_t *outcome)
{
    struct upgrade *upgrade = daemon->upgrade;
    if (!upgrade) {
        json_decref(outcome);
        return;
    }
    struct upgrade_wish wish = upgrade->wish;
    destroy(upgrade);
    if (wish.done)
        wish.done(wish.question, outcome, NULL);
    else
        json_decref(outcome);
}

bool upgrade_runs(const struct daemon *daemon, pid_t pid)
{
    return daemon->upgrade && daemon->upgrade->pid == pid;
}

unsigned upgrade_limit_ms(const struct daemon *daemon)
{
    return daemon->upgrade ? daemon->upgrade->wish.limit_ms : UPGRADE_LIMIT_MS;
}

void upgrade_clear(struct daemon *daemon)
{
    if (daemon->upgrade) {
        struct error why;
        error_set(&why, ERROR_UPGRADE_FAILED, "the daemon ends");
        pidfd_send_signal(daemon->upgrade->pidfd, SIGKILL, NULL, 0);
        waitpid(daemon->upgrade->pid, NULL, 0);
        fail(daemon->upgrade, &why);
    }
    free(daemon->program);
}
