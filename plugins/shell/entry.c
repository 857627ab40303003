#include "entry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_LINE_MAX 256

/* What the runtime image has, and how it is checked. */
static const struct {
    const char *name;
    const char *path;
    const char *checker;
} interpreters[] = {
    {"sh", "/bin/sh", "sh"},         {"dash", "/bin/sh", "sh"},     {"bash", "/bin/bash", "bash"},
    {"perl", "/usr/bin/perl", NULL}, {"awk", "/usr/bin/awk", NULL}, {"mawk", "/usr/bin/mawk", NULL},
    {"sed", "/bin/sed", NULL},       {"env", "/usr/bin/env", NULL},
};

#define INTERPRETER_COUNT (sizeof(interpreters) / sizeof(interpreters[0]))

static const char *const folders[] = {"/bin/", "/usr/bin/"};

/* The index of the interpreter of that path or bare name, or -1. */
static int find_interpreter(const char *text)
{
    const char *name = text;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        if (strncmp(text, folders[i], strlen(folders[i])) == 0)
            name = text + strlen(folders[i]);
    for (size_t i = 0; i < INTERPRETER_COUNT; i++)
        if (strcmp(interpreters[i].name, name) == 0)
            return (int)i;
    return -1;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length > end_length && strcmp(text + length - end_length, end) == 0;
}

/* What the folder offers at its top. */
struct candidates {
    unsigned scripts, executables;
    char script[ENTRY_NAME_MAX];
    char executable[ENTRY_NAME_MAX];
    char list[256]; /* their names, for a message */
};

static void take_candidate(struct candidates *candidates, int folder, const char *name)
{
    struct stat status;
    if (name[0] == '.' || strlen(name) >= ENTRY_NAME_MAX || fstatat(folder, name, &status, 0) < 0 ||
        !S_ISREG(status.st_mode))
        return;
    bool is_script = ends_with(name, ".sh");
    if (!is_script && !(status.st_mode & 0111))
        return;
    char *target = is_script ? candidates->script : candidates->executable;
    snprintf(target, ENTRY_NAME_MAX, "%s", name);
    *(is_script ? &candidates->scripts : &candidates->executables) += 1;
    size_t used = strlen(candidates->list);
    snprintf(candidates->list + used, sizeof(candidates->list) - used, "%s%.100s", used ? ", " : "", name);
}

static int list_candidates(const char *folder, struct candidates *candidates)
{
    *candidates = (struct candidates){0};
    DIR *listing = opendir(folder);
    if (!listing)
        return -1;
    for (const struct dirent *entry; (entry = readdir(listing)) != NULL;)
        take_candidate(candidates, dirfd(listing), entry->d_name);
    closedir(listing);
    return 0;
}

static int choose(const struct berth_function *function, struct findings *findings, char file[ENTRY_NAME_MAX])
{
    struct candidates candidates;
    const struct place place = {0};
    if (list_candidates(function->folder, &candidates) < 0) {
        findings_add(findings, BERTH_SEVERITY_ERROR, place, NULL, "cannot read the folder %.200s: %s",
                     function->folder, strerror(errno));
        return -1;
    }
    if (candidates.scripts == 1 || (candidates.scripts == 0 && candidates.executables == 1)) {
        snprintf(file, ENTRY_NAME_MAX, "%s", candidates.scripts ? candidates.script : candidates.executable);
        return 0;
    }
    if (candidates.scripts + candidates.executables == 0)
        findings_add(findings, BERTH_SEVERITY_ERROR, place,
                     "put a script, say handler.sh, into the folder, or name the file with `file:`",
                     "the folder holds no *.sh file and no executable");
    else
        findings_add(findings, BERTH_SEVERITY_ERROR, place, "name the one to run with `file:`",
                     "more than one file could be the function: %s", candidates.list);
    return -1;
}

/* Reads the start of the file into `text`, which becomes a string. Returns its length, or -1 with errno: 0
 * when it is no plain file. */
static ssize_t read_start(const struct berth_function *function, const char *file, char *text, size_t size,
                          mode_t *ret_mode)
{
    struct stat status;
    int folder = open(function->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = folder < 0 ? -1 : openat(folder, file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ssize_t length = -1;
    if (fd >= 0 && fstat(fd, &status) == 0) {
        errno = 0; /* no error of the system: it is another kind of thing */
        if (S_ISREG(status.st_mode))
            length = read(fd, text, size - 1);
        *ret_mode = status.st_mode;
    }
    int errnum = errno;
    if (fd >= 0)
        close(fd);
    if (folder >= 0)
        close(folder);
    text[length > 0 ? length : 0] = '\0';
    errno = errnum;
    return length;
}

/* Splits "#! interpreter [argument]" in place, as the kernel does: one argument, blanks and all. */
static void split_line(char *line, char **ret_interpreter, char **ret_argument)
{
    char *interpreter = line + 2 + strspn(line + 2, " \t");
    char *end = interpreter + strcspn(interpreter, " \t");
    char *argument = end + strspn(end, " \t");
    for (char *last = argument + strlen(argument); last > argument && strchr(" \t", last[-1]);)
        *--last = '\0';
    *end = '\0';
    *ret_interpreter = interpreter;
    *ret_argument = argument;
}

/* What a #! line asks for is run as it stands: the image may have been given more than is known here. */
static int take_foreign(struct entry *entry, struct findings *findings, const char *interpreter,
                        const char *argument)
{
    const struct place place = {.file = entry->file, .line = 1, .column = 1};
    bool is_env = strcmp(interpreter, "/usr/bin/env") == 0 || strcmp(interpreter, "/bin/env") == 0;
    bool is_named = interpreter[0] == '/' && (!is_env || (argument[0] && strcmp(argument, "env") != 0));
    if (!is_named || strlen(interpreter) >= sizeof(entry->interpreter)) {
        findings_add(findings, BERTH_SEVERITY_ERROR, place, "name a program by its whole path",
                     "the #! line names no program that could be run: \"%.100s\"",
                     is_env ? argument : interpreter);
        return -1;
    }
    findings_add(
        findings, BERTH_SEVERITY_WARNING, place,
        "it has sh, bash, awk, perl and sed in /bin and /usr/bin; for another language use its own runtime",
        "the runtime image may not have \"%.100s\"", is_env ? argument : interpreter);
    snprintf(entry->interpreter, sizeof(entry->interpreter), "%s", interpreter);
    snprintf(entry->argument, sizeof(entry->argument), "%s", argument);
    return 0;
}

static int take_interpreter(struct entry *entry, struct findings *findings, char *line)
{
    char *interpreter, *argument;
    const struct place place = {.file = entry->file, .line = 1, .column = 1};
    split_line(line, &interpreter, &argument);
    if (strlen(argument) >= sizeof(entry->argument)) {
        findings_add(findings, BERTH_SEVERITY_ERROR, place, NULL, "the argument in the #! line is too long");
        return -1;
    }
    int found = find_interpreter(interpreter);
    const char *rest = argument;
    if (found >= 0 && strcmp(interpreters[found].name, "env") == 0) {
        found = strchr(argument, '/') ? -1 : find_interpreter(argument); /* what env would find is known */
        rest = "";
        if (found >= 0 && strcmp(interpreters[found].name, "env") == 0)
            found = -1;
    }
    if (found < 0)
        return take_foreign(entry, findings, interpreter, argument);
    entry->checker = interpreters[found].checker;
    snprintf(entry->interpreter, sizeof(entry->interpreter), "%s", interpreters[found].path);
    snprintf(entry->argument, sizeof(entry->argument), "%s", rest);
    return 0;
}

static int look_at_start(struct entry *entry, struct findings *findings, char *start, size_t length,
                         mode_t mode)
{
    const struct place first = {.file = entry->file, .line = 1, .column = 1};
    if (length >= 4 && memcmp(start, "\177ELF", 4) == 0) {
        entry->kind = ENTRY_BINARY;
        if (mode & 0111)
            return 0;
        findings_add(findings, BERTH_SEVERITY_ERROR, (struct place){.file = entry->file},
                     "run chmod +x on it", "the program is not executable");
        return -1;
    }
    if (strncmp(start, "\xef\xbb\xbf", 3) == 0) {
        findings_add(findings, BERTH_SEVERITY_ERROR, first,
                     "save the file as UTF-8 without a byte order mark",
                     "a byte order mark stands before the script");
        return -1;
    }
    if (strncmp(start, "#!", 2) != 0) {
        findings_add(findings, BERTH_SEVERITY_NOTE, first,
                     "begin the file with the line #!/bin/sh or #!/bin/bash",
                     "there is no #! line, so /bin/sh runs the script");
        snprintf(entry->interpreter, sizeof(entry->interpreter), "/bin/sh");
        entry->checker = "sh";
        return 0;
    }
    start[strcspn(start, "\r\n")] = '\0';
    return take_interpreter(entry, findings, start);
}

int entry_find(const struct berth_function *function, struct findings *findings, struct entry *ret_entry)
{
    char start[FIRST_LINE_MAX];
    mode_t mode = 0;
    struct entry entry = {.kind = ENTRY_SCRIPT};
    if (function->file && strlen(function->file) < ENTRY_NAME_MAX)
        snprintf(entry.file, sizeof(entry.file), "%s", function->file);
    else if (choose(function, findings, entry.file) < 0)
        return -1;
    ssize_t length = read_start(function, entry.file, start, sizeof(start), &mode);
    if (length <= 0) {
        const char *why = errno ? strerror(errno) : "it is not a plain file";
        findings_add(findings, BERTH_SEVERITY_ERROR, (struct place){.file = entry.file},
                     length == 0 ? "write a script: its output is the answer" : NULL, "%s",
                     length == 0 ? "the file is empty" : why);
        return -1;
    }
    if (look_at_start(&entry, findings, start, (size_t)length, mode) < 0)
        return -1;
    *ret_entry = entry;
    return 0;
}
