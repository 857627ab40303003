#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/client.h"
#include "cli/findings.h"
#include "cli/grid.h"
#include "cli/members.h"
#include "cli/quantity.h"
#include "cli/run_commands.h"
#include "cli/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define REVISION_DIGITS 12
#define SETTING_WIDTH   26
#define BUILD_LINES     30

/* --- ls --- */

static enum colour state_colour(const json_t *function)
{
    if (!member_is_true(function, "callable"))
        return COLOUR_RED;
    return json_is_string(json_object_get(function, "reason")) ? COLOUR_YELLOW : COLOUR_GREEN;
}

/* What is wrong, or that somebody has meddled; NULL: nothing. */
static const char *remark_of(const json_t *function)
{
    const char *reason = json_string_value(json_object_get(function, "reason"));
    return !reason && member_is_true(function, "rolled_back")
               ? "rolled back, until its files or settings change"
               : reason;
}

static void add_row(struct grid *grid, const json_t *function, bool with_source)
{
    const char *revision = member_text(function, "revision");
    grid_add(grid, COLOUR_BOLD, member_text(function, "name"));
    grid_add(grid, state_colour(function), member_text(function, "state"));
    if (with_source)
        grid_add(grid, COLOUR_NONE, member_text(function, "source"));
    grid_add_format(grid, "%.*s", REVISION_DIGITS, *revision ? revision : "-");
    grid_add_format(grid, "%lld", member_number(function, "instances"));
    grid_add_format(grid, "%lld", member_number(function, "waiting"));
    grid_add_format(grid, "%lld", member_number(function, "invocations"));
    grid_add_format(grid, "%lld", member_number(function, "failed"));
    grid_add(grid, COLOUR_NONE, remark_of(function));
}

/* As long as all are the registry's there is nothing to tell apart. */
static bool has_deployed(const json_t *functions)
{
    const json_t *function;
    size_t i;
    json_array_foreach(functions, i, function)
    {
        if (strcmp(member_text(function, "source"), "api") == 0)
            return true;
    }
    return false;
}

static void print_functions(const struct arguments *arguments, const json_t *functions)
{
    (void)arguments;
    if (json_array_size(functions) == 0) {
        printf("No function is registered. To make one: berth new python hello\n");
        return;
    }
    static const char *const columns[] = {"FUNCTION", "STATE",  "REVISION", ">INSTANCES",
                                          ">WAITING", ">CALLS", ">FAILED",  "WHAT IS WRONG"};
    static const char *const more[] = {"FUNCTION", "STATE",  "SOURCE",  "REVISION",     ">INSTANCES",
                                       ">WAITING", ">CALLS", ">FAILED", "WHAT IS WRONG"};
    bool with_source = has_deployed(functions);
    struct grid *grid =
        with_source ? grid_create(more, COUNT_OF(more)) : grid_create(columns, COUNT_OF(columns));
    const json_t *function;
    size_t i;
    json_array_foreach(functions, i, function) add_row(grid, function, with_source);
    grid_print(grid);
}

int run_ls(const struct arguments *arguments)
{
    return client_show(arguments, "GET", "/berth/functions", print_functions);
}

/* --- describe --- */

static void print_line(const char *label, const char *text)
{
    if (*text)
        printf("  %-14s%s\n", label, text);
}

static void print_load(const json_t *function)
{
    printf("  %-14s%lld (%lld ready; %lld slots busy), %lld requests wait\n", "instances",
           member_number(function, "instances"), member_number(function, "ready"),
           member_number(function, "busy"), member_number(function, "waiting"));
    printf("  %-14s%lld, %lld of them failed\n", "calls", member_number(function, "invocations"),
           member_number(function, "failed"));
}

static bool has_suffix(const char *name, const char *suffix, int *ret_stem)
{
    size_t length = strlen(name), own = strlen(suffix);
    bool has = length > own && strcmp(name + length - own, suffix) == 0;
    *ret_stem = (int)(has ? length - own : length);
    return has;
}

/* By the name and with the unit that it has in the registry. */
static void print_setting(const char *name, const json_t *value)
{
    int stem = (int)strlen(name);
    char quantity[32];
    if (json_is_integer(value) && has_suffix(name, "_bytes", &stem))
        quantity_of_bytes((unsigned long long)json_integer_value(value), quantity, sizeof(quantity));
    else if (json_is_integer(value) && has_suffix(name, "_ms", &stem))
        quantity_of_ms((unsigned long long)json_integer_value(value), quantity, sizeof(quantity));
    else
        quantity[0] = '\0';
    cleanup_free char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    printf("  %-*.*s ", SETTING_WIDTH - 1, stem, name);
    say_text(stdout, *quantity ? quantity : json_is_string(value) ? json_string_value(value) : text);
    putchar('\n');
}

/* One that is a mapping: a line for each member, "labels.team". */
static void print_members(const char *setting, const json_t *members)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)members, name, value)
    {
        cleanup_free char *whole = xasprintf("%s.%s", setting, name);
        print_setting(whole, value);
    }
}

/* Whether it runs an image that no release of Berth's own is in. */
static bool is_without_base(const json_t *function)
{
    return *member_text(function, "image") && !*member_text(function, "base");
}

static void print_settings(const json_t *function)
{
    const char *name;
    json_t *value;
    printf("\nSettings\n");
    json_object_foreach(json_object_get(function, "settings"), name, value)
    {
        if (strcmp(name, "volumes") == 0)
            continue; /* they have a part of their own */
        if (strcmp(name, "base") == 0 && is_without_base(function))
            continue;
        if (json_is_object(value))
            print_members(name, value);
        else if (!json_is_null(value) && !(json_is_array(value) && json_array_size(value) == 0))
            print_setting(name, value);
    }
}

static void print_instances(const json_t *instances)
{
    static const char *const columns[] = {"INSTANCE", "STATE", "REVISION",  ">SLOTS",
                                          ">BUSY",    ">IDLE", ">LOADED IN"};
    if (json_array_size(instances) == 0)
        return;
    printf("\n");
    struct grid *grid = grid_create(columns, COUNT_OF(columns));
    const json_t *instance;
    size_t i;
    json_array_foreach(instances, i, instance)
    {
        grid_add(grid, COLOUR_NONE, member_text(instance, "instance"));
        grid_add(grid, COLOUR_NONE, member_text(instance, "state"));
        grid_add_format(grid, "%.*s", REVISION_DIGITS, member_text(instance, "revision"));
        grid_add_format(grid, "%lld", member_number(instance, "slots"));
        grid_add_format(grid, "%lld", member_number(instance, "busy"));
        grid_add_format(grid, "%.1f s", (double)member_number(instance, "idle_ms") / 1e3);
        grid_add_format(grid, "%lld ms", member_number(instance, "load_ms"));
    }
    grid_print(grid);
}

static void print_volumes(const json_t *volumes)
{
    static const char *const columns[] = {"VOLUME", "AT", ">SIZE", ">FILES", ""};
    const json_t *volume;
    size_t i;
    if (json_array_size(volumes) == 0)
        return;
    printf("\n");
    struct grid *grid = grid_create(columns, COUNT_OF(columns));
    json_array_foreach(volumes, i, volume)
    {
        char size[32];
        const char *name = member_text(volume, "name");
        quantity_measured((unsigned long long)member_number(volume, "size_bytes"), size, sizeof(size));
        grid_add(grid, COLOUR_NONE, *name ? name : member_text(volume, "path"));
        grid_add(grid, COLOUR_NONE, member_text(volume, "at"));
        grid_add_format(grid, "%s%s", member_is_true(volume, "size_is_whole") ? "" : "> ", size);
        grid_add_format(grid, "%lld", member_number(volume, "files"));
        grid_add(grid, COLOUR_NONE, member_is_true(volume, "read_only") ? "read-only" : NULL);
    }
    grid_print(grid);
}

static void print_problem(const char *title, const json_t *problem)
{
    if (!json_is_object(problem))
        return;
    printf("\n%s%s%s\n  %s: %s\n", colour_begin(stdout, COLOUR_RED), title, colour_end(stdout),
           member_text(problem, "reason"), member_text(problem, "message"));
    print_line("", member_text(problem, "hint"));
}

/* Where the last `count` lines of a text begin. */
static const char *last_lines(const char *text, size_t count)
{
    const char *begin = text + strlen(text);
    if (begin > text)
        begin--; /* the newline at the end begins no line */
    for (; begin > text; begin--) {
        if (begin[-1] == '\n' && --count == 0)
            break;
    }
    return begin;
}

static void print_build_output(const char *name, const char *output)
{
    const char *line = last_lines(output, BUILD_LINES);
    if (!*output)
        return;
    printf("\n%sWhat the build wrote%s\n", colour_begin(stdout, COLOUR_RED), colour_end(stdout));
    if (line > output)
        printf("  (what comes before: berth describe %s --json, build_output)\n", name);
    while (*line) {
        size_t length = strcspn(line, "\n");
        cleanup_free char *text = xasprintf("  %.*s", (int)length, line);
        say_text(stdout, text);
        putchar('\n');
        line += length + (line[length] == '\n');
    }
}

/* Which of its revisions that is, when it is not just the newest. */
static void print_serving(const json_t *function)
{
    const char *name = member_text(function, "name"), *since = member_text(function, "serving_since");
    print_line("serves since", since);
    if (member_is_true(function, "last_good"))
        printf("  %-14sits last good revision: what is wrong with the newest stands below\n", "");
    if (member_is_true(function, "rolled_back"))
        printf("  %-14ssomebody has gone back to it; it holds until the function's files or settings change\n"
               "  %-14s(berth history %s)\n",
               "", "", name);
}

/* "Python 3.11.2 on bookworm". */
static void print_world(const json_t *function)
{
    const char *interpreter = member_text(function, "interpreter"), *base = member_text(function, "base");
    if (*base)
        printf("  %-14s%s%s%s\n", "runs", *interpreter ? interpreter : "", *interpreter ? " on " : "on ",
               base);
    print_line("image", member_text(function, "image"));
}

static void print_function(const struct arguments *arguments, const json_t *function)
{
    (void)arguments;
    const char *version = member_text(function, "version");
    printf("%s%s%s %s, %s%s%s\n", colour_begin(stdout, COLOUR_BOLD), member_text(function, "name"),
           colour_end(stdout), member_is_true(function, "callable") ? "can be called" : "cannot be called",
           member_text(function, "language"), *version ? ", version " : "", version);
    if (strcmp(member_text(function, "source"), "api") == 0)
        print_line("deployed", "over the API");
    print_line("folder", member_text(function, "folder"));
    print_line("file", member_text(function, "file"));
    print_line("revision", member_text(function, "revision"));
    print_world(function);
    print_serving(function);
    print_line("on its way", member_text(function, "next_revision"));
    print_load(function);
    print_instances(json_object_get(function, "instance_list"));
    print_volumes(json_object_get(function, "volumes"));
    print_problem("What is wrong", json_object_get(function, "problem"));
    print_build_output(member_text(function, "name"), member_text(function, "build_output"));
    const json_t *findings = json_object_get(function, "diagnostics");
    if (json_array_size(findings) > 0) {
        printf("\n");
        findings_print(stdout, findings);
    }
    print_problem("The last instance that was lost", json_object_get(function, "last_failure"));
    print_settings(function);
}

int run_describe(const struct arguments *arguments)
{
    cleanup_free char *path = client_path("/berth/functions/%s", arguments_operand(arguments, 0));
    return client_show(arguments, "GET", path, print_function);
}

/* --- restart --- */

static void print_restart(const struct arguments *arguments, const json_t *answer)
{
    (void)answer;
    const char *name = arguments_operand(arguments, 0);
    printf("New instances of %s take over as soon as one has loaded; those that serve finish first.\n"
           "To see them: berth describe %s\n",
           name, name);
}

int run_restart(const struct arguments *arguments)
{
    cleanup_free char *path = client_path("/berth/functions/%s/restart", arguments_operand(arguments, 0));
    return client_show(arguments, "POST", path, print_restart);
}

/* --- scale --- */

int run_scale(const struct arguments *arguments)
{
    const char *name = arguments_operand(arguments, 0), *count = arguments_operand(arguments, 1);
    char *end;
    long instances = strtol(count, &end, 10);
    if (end == count || *end || instances < 0) {
        say_wrong("\"%s\" is no number of instances", count);
        return STATUS_USAGE;
    }
    cleanup_free char *path = client_path("/berth/functions/%s/scale", name);
    json_t *answer;
    int status =
        client_send(arguments, "POST", path, json_pack("{s:I}", "replicas", (json_int_t)instances), &answer);
    if (status != STATUS_OK)
        return status;
    if (arguments_has(arguments, "json"))
        print_json(answer);
    else if (member_is_true(answer, "kept"))
        printf("%s keeps at least %ld instances\n", name, instances);
    else
        printf("%s keeps at least %ld instances, until the next reload. For good: min_scale: %ld in the "
               "registry\n",
               name, instances, instances);
    json_decref(answer);
    return STATUS_OK;
}
