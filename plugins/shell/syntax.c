#include "syntax.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK_LIMIT_MS 5000
#define OUTPUT_MAX     16384
#define SCRIPT_NAME    "/dev/stdin" /* by name, because bash counts no lines of its mere input */
#define SCRIPT_MAX     1048576 /* what is looked through for line ends */

__attribute__((format(printf, 2, 3))) static int fail(struct berth_error *err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(err->message, sizeof(err->message), format, arguments);
    va_end(arguments);
    return -1;
}

/* ---- Line ends ---- */

/* The first CR before an LF, as line and column; false when there is none. */
static bool find_carriage_return(const char *text, size_t size, unsigned *ret_line, unsigned *ret_column)
{
    unsigned line = 1;
    const char *start = text;
    for (const char *at = text; at < text + size; at++) {
        if (*at == '\r' && at + 1 < text + size && at[1] == '\n') {
            *ret_line = line;
            *ret_column = (unsigned)(at - start) + 1;
            return true;
        }
        if (*at == '\n') {
            line++;
            start = at + 1;
        }
    }
    return false;
}

static int check_line_ends(int fd, const struct entry *entry, struct findings *findings)
{
    unsigned line, column;
    char *text = malloc(SCRIPT_MAX);
    ssize_t size = text ? pread(fd, text, SCRIPT_MAX, 0) : -1;
    bool found = size > 0 && find_carriage_return(text, (size_t)size, &line, &column);
    free(text);
    if (!found)
        return 0;
    findings_add(findings, BERTH_SEVERITY_ERROR, (struct place){entry->file, line, column},
                 "save the file with Unix line ends (sed -i 's/\\r$//' does it)",
                 "the line ends in CR LF, which shells take as part of its last word");
    return -1;
}

/* ---- The shell's own check ---- */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Starts `checker -n` with the script as its input and its errors going to `output`. The environment is
 * empty, since bash runs what BASH_ENV names. */
static int spawn_checker(const char *checker, int script, int output, pid_t *ret_child)
{
    char path[64];
    char *argv[] = {(char *)(uintptr_t)checker, (char *)"-n", (char *)SCRIPT_NAME, NULL};
    char *environment[] = {(char *)"LC_ALL=C", (char *)"PATH=/usr/bin:/bin", NULL};
    posix_spawn_file_actions_t actions;
    snprintf(path, sizeof(path), "/bin/%s", checker);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, script, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    int rc = posix_spawn(ret_child, path, &actions, NULL, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

/* Reads until the end of the stream; false when the time is over before. What is too long is dropped. */
static bool collect(int fd, char *text, size_t size)
{
    int64_t deadline = now_ms() + CHECK_LIMIT_MS;
    size_t used = 0;
    char dropped[512];
    text[0] = '\0';
    for (;;) {
        struct pollfd poller = {.fd = fd, .events = POLLIN};
        int64_t left = deadline - now_ms();
        if (left <= 0 || poll(&poller, 1, (int)left) == 0)
            return false;
        bool is_full = used == size - 1;
        ssize_t got = is_full ? read(fd, dropped, sizeof(dropped)) : read(fd, text + used, size - 1 - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return true;
        if (!is_full)
            text[used += (size_t)got] = '\0';
    }
}

/* Runs the check. 0 with its exit status and its output, or -1. */
static int run_checker(const char *checker, int script, char *text, size_t size, int *ret_status,
                       struct berth_error *err)
{
    int ends[2];
    pid_t child;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return fail(err, "cannot make a pipe: %s", strerror(errno));
    int rc = spawn_checker(checker, script, ends[1], &child);
    close(ends[1]);
    if (rc != 0) {
        close(ends[0]);
        return fail(err, "cannot run %s -n: %s", checker, strerror(rc));
    }
    bool ended = collect(ends[0], text, size);
    close(ends[0]);
    if (!ended)
        kill(child, SIGKILL);
    while (waitpid(child, ret_status, 0) < 0 && errno == EINTR)
        continue;
    return ended ? 0 : fail(err, "%s -n took longer than %d ms", checker, CHECK_LIMIT_MS);
}

int syntax_parse_line(const char *text, const char *file, unsigned *ret_line, const char **ret_message)
{
    size_t length = strlen(file);
    if (strncmp(text, file, length) != 0 || strncmp(text + length, ": ", 2) != 0)
        return -1;
    const char *number = text + length + 2;
    if (strncmp(number, "line ", 5) == 0)
        number += 5;
    char *end;
    unsigned long line = strtoul(number, &end, 10);
    if (end == number || strncmp(end, ": ", 2) != 0 || line > INT32_MAX)
        return -1;
    *ret_line = (unsigned)line;
    *ret_message = end + 2;
    return 0;
}

/* bash follows a message with the text of the line, in "`...'" on the same line number: that is left out. */
static void report_output(char *text, const struct entry *entry, struct findings *findings)
{
    char *rest;
    unsigned last = 0;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        unsigned number;
        const char *message;
        if (syntax_parse_line(line, SCRIPT_NAME, &number, &message) < 0 ||
            (number == last && message[0] == '`'))
            continue;
        last = number;
        findings_add(findings, BERTH_SEVERITY_ERROR, (struct place){.file = entry->file, .line = number},
                     NULL, "%s", message);
    }
}

/* A shell that ends without a word about the script. */
static void report_end(const char *text, int status, const struct entry *entry, struct findings *findings)
{
    char end[64];
    if (WIFSIGNALED(status))
        snprintf(end, sizeof(end), "it ended with SIG%s", sigabbrev_np(WTERMSIG(status)));
    else
        snprintf(end, sizeof(end), "it ended with status %d", WEXITSTATUS(status));
    findings_add(findings, BERTH_SEVERITY_ERROR, (struct place){.file = entry->file}, NULL,
                 "%s -n does not accept the script: %.200s", entry->checker, *text ? text : end);
}

static int check_syntax(int script, const struct entry *entry, struct findings *findings,
                        struct berth_error *err)
{
    char text[OUTPUT_MAX];
    int status = 0;
    unsigned before = findings->errors;
    if (run_checker(entry->checker, script, text, sizeof(text), &status, err) < 0)
        return -1;
    report_output(text, entry, findings);
    if (findings->errors == before && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        report_end(text, status, entry, findings);
    return 0;
}

int syntax_check(const struct berth_function *function, const struct entry *entry, struct findings *findings,
                 struct berth_error *err)
{
    if (entry->kind != ENTRY_SCRIPT)
        return 0;
    int folder = open(function->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int script = folder < 0 ? -1 : openat(folder, entry->file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    int rc = script < 0 ? fail(err, "cannot open %.200s: %s", entry->file, strerror(errno)) : 0;
    if (rc == 0 && check_line_ends(script, entry, findings) == 0 && entry->checker)
        rc = check_syntax(script, entry, findings, err);
    if (script >= 0)
        close(script);
    if (folder >= 0)
        close(folder);
    return rc;
}
