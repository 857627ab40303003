#include "language.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX  64 /* of a command, and of its environment */
#define WORD_MAX   8192
#define OUTPUT_MAX 262144
#define SHOWN_MAX  300 /* of what a check says that failed */

/* Both ends of what goes to the check and of what comes from it. */
struct ends {
    int listing[2];
    int output[2];
};

/* A list of words for posix_spawn(). */
struct words {
    char *list[WORDS_MAX + 1];
    size_t count;
};

static void words_free(struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->list[i]);
}

__attribute__((format(printf, 2, 3))) static void add_word(struct words *words, const char *format, ...)
{
    char word[WORD_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(word, sizeof(word), format, arguments);
    va_end(arguments);
    if (words->count < WORDS_MAX && (words->list[words->count] = strdup(word)) != NULL)
        words->count++;
}

/* ---- What the check is given ---- */

/* The folder of the language's name beside the plugin. */
static void own_folder(char folder[PATH_MAX])
{
    Dl_info place = {0};
    dladdr(&berth_language, &place);
    snprintf(folder, PATH_MAX, "%s", place.dli_fname ? place.dli_fname : "");
    char *name = strrchr(folder, '/');
    name = name ? name + 1 : folder;
    snprintf(name, (size_t)(folder + PATH_MAX - name), "%s", berth_language.name);
}

static void add_command(struct words *words, const char *file)
{
    char folder[PATH_MAX];
    own_folder(folder);
    for (const char *const *word = berth_language.check; *word; word++) {
        if (strncmp(*word, "@/", 2) == 0)
            add_word(words, "%s%s", folder, *word + 1);
        else
            add_word(words, "%s", *word);
    }
    add_word(words, "%s", file);
}

static void add_option(struct words *words, const char *name, const char *value)
{
    char capitals[64];
    size_t length = 0;
    for (; name[length] && length < sizeof(capitals) - 1; length++)
        capitals[length] = (char)toupper((unsigned char)name[length]);
    capitals[length] = '\0';
    add_word(words, "BERTH_OPTION_%s=%s", capitals, value);
}

static void add_environment(struct words *words, const struct language_job *about)
{
    add_word(words, "LC_ALL=C.UTF-8");
    add_word(words, "PATH=/usr/local/bin:/usr/bin:/bin");
    if (BERTH_HAS(about->function, dependencies) && about->function->dependencies)
        add_word(words, "BERTH_DEPENDENCIES=%s", about->function->dependencies);
    for (size_t i = 0; i < berth_language.option_count; i++) {
        const char *name = berth_language.options[i].name;
        const char *value = about->host->option(about->job, name);
        if (value)
            add_option(words, name, value);
    }
}

/* ---- Its process ---- */

static void close_ends(struct ends *ends)
{
    int *all[] = {&ends->listing[0], &ends->listing[1], &ends->output[0], &ends->output[1]};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (*all[i] >= 0)
            close(*all[i]);
        *all[i] = -1;
    }
}

static void close_end(int *end)
{
    close(*end);
    *end = -1;
}

/* A process that writes the files' names while the check is read; -1 with errno. */
static pid_t start_listing(struct ends *ends, const char *folder)
{
    pid_t child = fork();
    if (child == 0) {
        signal(SIGPIPE, SIG_DFL); /* it ends with a check that reads no more */
        close_end(&ends->listing[0]);
        close_end(&ends->output[0]);
        close_end(&ends->output[1]);
        _exit(listing_write(folder, berth_language.exclude, ends->listing[1]) == 0 ? 0 : 1);
    }
    return child;
}

/* 0, or what posix_spawn() says. */
static int start_check(struct ends *ends, const char *folder, struct words *command,
                       struct words *environment, pid_t *ret_child)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends->listing[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends->output[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends->output[1], STDERR_FILENO);
    posix_spawn_file_actions_addchdir_np(&actions, folder);
    int rc = posix_spawnp(ret_child, command->list[0], &actions, NULL, command->list, environment->list);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

/* Reads to the end of the stream; what is too long is dropped. */
static void collect(int fd, char text[OUTPUT_MAX])
{
    size_t used = 0;
    char dropped[4096];
    for (;;) {
        bool is_full = used == OUTPUT_MAX - 1;
        ssize_t got =
            is_full ? read(fd, dropped, sizeof(dropped)) : read(fd, text + used, OUTPUT_MAX - 1 - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        used += is_full ? 0 : (size_t)got;
    }
    text[used] = '\0';
}

static int status_of(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

/* ---- What it found ---- */

static char *take_line(char **rest)
{
    char *line = *rest, *end = strchr(line, '\n');
    if (!*line)
        return NULL;
    *rest = end ? end + 1 : line + strlen(line);
    if (end)
        *end = '\0';
    return line;
}

/* Reports what the output tells. Returns the last line that tells nothing, or ""; counts the errors. */
static const char *report_output(const struct language_job *about, char *output, unsigned *ret_errors)
{
    const char *other = "";
    char *rest = output, *line = take_line(&rest);
    while (line) {
        struct finding finding;
        bool is_finding = finding_parse(line, &finding);
        if (!is_finding && *line)
            other = line;
        line = take_line(&rest);
        if (!is_finding)
            continue;
        bool has_hint = line && strncmp(line, "hint: ", 6) == 0;
        *ret_errors += finding.severity == BERTH_SEVERITY_ERROR;
        finding_report(about, &finding, has_hint ? line + 6 : NULL);
        if (has_hint)
            line = take_line(&rest);
    }
    return other;
}

static int report_end(const struct language_job *about, char *output, int status)
{
    unsigned errors = 0;
    const char *other = report_output(about, output, &errors);
    if (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || errors > 0))
        return 0;
    if (WIFSIGNALED(status))
        return language_fail(about, other, "the check of the language ended with SIG%s",
                             sigabbrev_np(WTERMSIG(status)));
    return language_fail(about, "", "the check of the language failed (exit status %d): %.*s",
                         WEXITSTATUS(status), SHOWN_MAX, other);
}

/* The check cannot be started: functions of a host without the interpreter are tried unseen. */
static int report_absence(const struct language_job *about, const char *program, int error)
{
    if (error != ENOENT)
        return language_fail(about, "", "cannot run %.200s: %s", program, strerror(error));
    finding_add(about, BERTH_SEVERITY_WARNING, NULL, "install it beside the daemon",
                "the files are not looked at before they run: this machine has no %.200s", program);
    return 0;
}

static int run(const struct language_job *about, struct ends *ends, struct words *command,
               struct words *environment, char output[OUTPUT_MAX])
{
    pid_t check;
    const char *folder = about->function->folder;
    pid_t listing = start_listing(ends, folder);
    if (listing < 0)
        return language_fail(about, "", "cannot start a process: %s", strerror(errno));
    int rc = start_check(ends, folder, command, environment, &check);
    close_end(&ends->listing[0]);
    close_end(&ends->listing[1]);
    close_end(&ends->output[1]);
    if (rc == 0)
        collect(ends->output[0], output);
    int listed = status_of(listing);
    if (rc != 0)
        return report_absence(about, command->list[0], rc);
    rc = report_end(about, output, status_of(check));
    if (rc == 0 && WIFEXITED(listed) && WEXITSTATUS(listed) != 0)
        return language_fail(about, "", "the names of the function's files cannot be read");
    return rc;
}

int check_run(const struct language_job *about, const char *file)
{
    struct ends ends = {{-1, -1}, {-1, -1}};
    struct words command = {0}, environment = {0};
    char *output = calloc(1, OUTPUT_MAX);
    int rc = -1;
    if (!output || pipe2(ends.listing, O_CLOEXEC) < 0 || pipe2(ends.output, O_CLOEXEC) < 0) {
        language_fail(about, "", "cannot run the check of the language: %s", strerror(errno));
    } else {
        add_command(&command, file);
        add_environment(&environment, about);
        rc = run(about, &ends, &command, &environment, output);
    }
    close_ends(&ends);
    words_free(&command);
    words_free(&environment);
    free(output);
    return rc;
}
