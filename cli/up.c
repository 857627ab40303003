#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/berthd.h"
#include "cli/event_view.h"
#include "cli/registry_entry.h"
#include "cli/run_commands.h"
#include "cli/say.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 16

static volatile sig_atomic_t daemon_pid;

static void hand_on(int number)
{
    kill(daemon_pid, number);
}

static void watch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = hand_on, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        sigaction(numbers[i], &action, NULL);
}

/* What is no JSON is shown as it is: a sanitizer's report, say. */
static void show(FILE *log)
{
    struct event_view view = {.began_ms = clock_ms()};
    cleanup_free char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, log) > 0) {
        json_t *event = json_loads(line, 0, NULL);
        if (event)
            event_view_print(&view, event);
        else
            fputs(line, stderr);
        json_decref(event);
        fflush(stdout);
    }
}

static char *find_registry(const char *folder)
{
    struct stat status;
    if (folder && stat(folder, &status) == 0 && !S_ISDIR(status.st_mode))
        return xstrdup(folder);
    return xasprintf("%s%sglobal-function-definition.yml", folder ? folder : "", folder ? "/" : "");
}

static int serve(const struct arguments *arguments, const char *registry)
{
    static const char *const passed[] = {"listen", "admin", "state", "run-dir", "plugins"};
    char names[sizeof(passed) / sizeof(passed[0])][16];
    /* Requests are told of at level debug whatever the registry says. */
    const char *argv[ARGUMENTS_MAX + 1] = {"--config", registry,      "--log-format",
                                           "json",     "--log-level", "debug"};
    size_t count = 6;
    for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
        const char *value = arguments_value(arguments, passed[i]);
        if (!value)
            continue;
        snprintf(names[i], sizeof(names[i]), "--%s", passed[i]);
        argv[count++] = names[i];
        argv[count++] = value;
    }
    int fd, status;
    pid_t child = berthd_start(argv, &fd);
    if (child < 0)
        return STATUS_FAILED;
    daemon_pid = child;
    watch_signals();
    cleanup_file FILE *log = fdopen(fd, "r");
    show(log);
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? STATUS_OK : STATUS_FAILED;
}

int run_up(const struct arguments *arguments)
{
    cleanup_free char *registry = find_registry(arguments_operand(arguments, 0));
    struct error err;
    bool is_new;
    if (registry_file_ensure(registry, &is_new, &err) < 0) {
        say_wrong("%s", err.message);
        return STATUS_FAILED;
    }
    if (is_new)
        printf("made %s, without a function. In another terminal: berth new python hello\n", registry);
    return serve(arguments, registry);
}
