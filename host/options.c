#include "options.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/roff.h"
#include "base/suggest.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKERS_MAX 64

enum option_kind { OPTION_TEXT, OPTION_TWO_TEXTS, OPTION_FLAG };

static const struct option_row {
    const char *name;
    const char *argument; /* NULL: a flag */
    enum option_kind kind;
    size_t offset;
    const char *help;
} rows[] = {
    {"--config", "FILE", OPTION_TEXT, offsetof(struct options, config),
     "the registry of functions (default: global-function-definition.yml)"},
    {"--listen", "ADDR:PORT", OPTION_TEXT, offsetof(struct options, listen),
     "where functions answer (0.0.0.0:8080)"},
    {"--admin", "ADDR:PORT", OPTION_TEXT, offsetof(struct options, admin),
     "where the management API answers (127.0.0.1:8081)"},
    {"--state", "DIR", OPTION_TEXT, offsetof(struct options, state_dir),
     "packages, dependencies, the host's id (/var/lib/berth)"},
    {"--run-dir", "DIR", OPTION_TEXT, offsetof(struct options, run_dir),
     "sockets; keep it short (/run/berth)"},
    {"--plugins", "DIR", OPTION_TEXT, offsetof(struct options, plugin_dir),
     "where plugins are (beside the binary)"},
    {"--workers", "N", OPTION_TEXT, offsetof(struct options, workers),
     "threads that carry requests (one per core, up to 4)"},
    {"--no-watch", NULL, OPTION_FLAG, offsetof(struct options, no_watch),
     "only a reload changes what is served, not the saving of a file"},
    {"--allow-empty", NULL, OPTION_FLAG, offsetof(struct options, allow_empty),
     "a registry without a function removes those that it had"},
    {"--log-level", "LEVEL", OPTION_TEXT, offsetof(struct options, log_level),
     "debug, info, warning or error (info)"},
    {"--log-format", "FORMAT", OPTION_TEXT, offsetof(struct options, log_format), "text or json (text)"},
    {"--takeover", NULL, OPTION_FLAG, offsetof(struct options, takeover),
     "take the place of the daemon that runs with this run directory: no request is refused or lost"},
    {"--check", NULL, OPTION_FLAG, offsetof(struct options, check),
     "report every mistake in the registry and the functions, build nothing; exit status 2 when there are "
     "errors"},
    {"--new", "LANGUAGE NAME", OPTION_TWO_TEXTS, offsetof(struct options, new_function),
     "make the folder and the files of a new function beside the registry, and print the entry to add to it; "
     "the registry is not changed"},
    {"--test-plugin", "FILE", OPTION_TEXT, offsetof(struct options, test_plugin),
     "say what a plugin offers, and test whether it behaves; exit status 1 when it does not, 2 when it "
     "cannot be "
     "used"},
    {"--function", "DIR", OPTION_TEXT, offsetof(struct options, function),
     "with --test-plugin: a function to test it with (one that it makes)"},
    {"--only", "NAMES", OPTION_TEXT, offsetof(struct options, only),
     "with --test-plugin: these checks or groups of them, with commas (all)"},
    {"--list-checks", NULL, OPTION_FLAG, offsetof(struct options, list_checks),
     "the checks of --test-plugin"},
    {"--json", NULL, OPTION_FLAG, offsetof(struct options, json),
     "with --check: findings as JSON on standard output; with --new: files and entry; with --test-plugin: "
     "the "
     "report; with --help-settings: the settings"},
    {"--help-settings", NULL, OPTION_FLAG, offsetof(struct options, help_settings),
     "describe every setting of the registry"},
    {"--help", NULL, OPTION_FLAG, offsetof(struct options, help), "this text"},
    {"--man-page", NULL, OPTION_FLAG, offsetof(struct options, man_page),
     "the manual page, as troff takes it"},
    {"--version", NULL, OPTION_FLAG, offsetof(struct options, version), "the version"},
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

void options_print_help(void)
{
    puts("Usage: berthd [options]\n\n"
         "Serves the functions of a registry at http://ADDR:PORT/<name>, each in Docker containers that\n"
         "are started when requests need them and removed when they have been idle.\n\nOptions:");
    for (size_t i = 0; i < ROW_COUNT; i++) {
        char left[40];
        snprintf(left, sizeof(left), "%s %s", rows[i].name, rows[i].argument ? rows[i].argument : "");
        printf("  %-24s %s\n", left, rows[i].help);
    }
    puts("\nThe `host:` section of the registry sets the same and more; the command line wins.\n"
         "What is saved is live; SIGHUP has everything looked at again. SIGTERM drains and exits; a second "
         "SIGTERM exits at once.");
}

void options_print_man_page(const char *version)
{
    printf(".TH BERTHD 8 \"\" \"Berth %s\" \"System Administration\"\n", version);
    puts(".SH NAME\nberthd \\- serves functions on this machine\n"
         ".SH SYNOPSIS\n.B berthd\n[options]\n"
         ".SH DESCRIPTION\nServes the functions of a registry at http://ADDR:PORT/<name>, each in Docker "
         "containers\nthat are started when requests need them and removed when they have been idle.\n"
         ".BR berth (1)\nshows and steers what it does.\n"
         ".SH OPTIONS");
    for (size_t i = 0; i < ROW_COUNT; i++) {
        printf(".TP\n.B ");
        roff_print(rows[i].name);
        if (rows[i].argument)
            printf(" \\fI%s\\fR", rows[i].argument);
        putchar('\n');
        roff_print_line(rows[i].help);
    }
    puts(".PP\nThe section host of the registry sets the same and more; the command line wins.\n"
         ".SH SIGNALS\n"
         ".TP\nSIGHUP\nRegistry, code and plugins are looked at again.\n"
         ".TP\nSIGTERM, SIGINT\nRequests under way are finished and containers removed; the same again ends "
         "at "
         "once.\n"
         ".SH SEE ALSO\n.BR berth (1)");
}

static const struct option_row *find_row(const char *name, size_t length)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (strlen(rows[i].name) == length && strncmp(rows[i].name, name, length) == 0)
            return &rows[i];
    }
    return NULL;
}

static int unknown_option(const char *argument, struct error *err)
{
    const char *names[ROW_COUNT];
    for (size_t i = 0; i < ROW_COUNT; i++)
        names[i] = rows[i].name;
    const char *near = suggest_nearest(argument, names, ROW_COUNT);
    error_set(err, ERROR_USAGE, "unknown option \"%s\"", argument);
    return near ? error_hint(err, "did you mean %s?", near) : error_hint(err, "see berthd --help");
}

/* The values that the row takes: the one behind "=", if any, then further arguments. */
static int take_values(const struct option_row *row, const char *value, int argc, char **argv, int *i,
                       const char **field, struct error *err)
{
    int count = row->kind == OPTION_TWO_TEXTS ? 2 : 1;
    for (int k = 0; k < count; k++) {
        if (!value && *i + 1 < argc && !find_row(argv[*i + 1], strcspn(argv[*i + 1], "=")))
            value = argv[++*i];
        if (!value || !*value)
            return error_set(err, ERROR_USAGE, "%s needs %s (%s)", row->name,
                             count == 1 ? "a value" : "two values", row->argument);
        field[k] = value;
        value = NULL;
    }
    return 0;
}

int options_parse(int argc, char **argv, struct options *ret_options, struct error *err)
{
    struct options options = {.config = "global-function-definition.yml"};
    for (int i = 1; i < argc; i++) {
        size_t length = strcspn(argv[i], "=");
        const struct option_row *row = find_row(argv[i], length);
        if (!row)
            return unknown_option(argv[i], err);
        const char *value = argv[i][length] == '=' ? argv[i] + length + 1 : NULL;
        char *field = (char *)&options + row->offset;
        if (row->kind == OPTION_FLAG && value)
            return error_set(err, ERROR_USAGE, "%s takes no value", row->name);
        if (row->kind == OPTION_FLAG) {
            *(bool *)field = true;
            continue;
        }
        if (take_values(row, value, argc, argv, &i, (const char **)field, err) < 0)
            return -1;
    }
    *ret_options = options;
    return 0;
}

static void replace(char **slot, const char *value)
{
    if (!value)
        return;
    free(*slot);
    *slot = xstrdup(value);
}

static int parse_workers(const char *text, unsigned *ret_workers, struct error *err)
{
    char *end;
    errno = 0;
    unsigned long workers = strtoul(text, &end, 10);
    if (errno || *end || end == text || workers < 1 || workers > WORKERS_MAX)
        return error_set(err, ERROR_USAGE, "--workers must be a number from 1 to %d, not \"%s\"", WORKERS_MAX,
                         text);
    *ret_workers = (unsigned)workers;
    return 0;
}

int options_apply(const struct options *options, struct host_settings *host, struct error *err)
{
    if (options->workers && parse_workers(options->workers, &host->workers, err) < 0)
        return -1;
    enum log_level level;
    if (options->log_level && log_level_parse(options->log_level, &level) < 0)
        return error_set(err, ERROR_USAGE, "--log-level must be debug, info, warning or error, not \"%s\"",
                         options->log_level);
    if (options->log_format && strcmp(options->log_format, "text") != 0 &&
        strcmp(options->log_format, "json") != 0)
        return error_set(err, ERROR_USAGE, "--log-format must be text or json, not \"%s\"",
                         options->log_format);
    if (options->no_watch)
        host->watch = false;
    host->allow_empty_option = options->allow_empty;
    replace(&host->listen, options->listen);
    replace(&host->admin, options->admin);
    replace(&host->state_dir, options->state_dir);
    replace(&host->run_dir, options->run_dir);
    replace(&host->plugin_dir, options->plugin_dir);
    replace(&host->log_level, options->log_level);
    replace(&host->log_format, options->log_format);
    return 0;
}
