#include "base/cleanup.h"
#include "base/rfc3339.h"
#include "base/strbuf.h"
#include "cli/client.h"
#include "cli/members.h"
#include "cli/run_commands.h"
#include "cli/say.h"

#include <string.h>

/* A line of a stream of server-sent events that has an event begins with this. */
#define DATA "data: "

static enum colour colour_of(const json_t *event)
{
    const char *level = member_text(event, "level");
    if (strcmp(level, "error") == 0)
        return COLOUR_RED;
    return strcmp(level, "warning") == 0 ? COLOUR_YELLOW : COLOUR_BOLD;
}

static void print_value(const json_t *value)
{
    if (json_is_string(value))
        say_text(stdout, json_string_value(value));
    else
        json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
}

/* What the line begins with is not said twice. */
static bool is_member_of_head(const char *name)
{
    static const char *const names[] = {"time", "level", "event", "function"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

/* "12:30:01.123 instance.state greet instance=3b0f6a55d2e1 from=loading to=ready" */
static void print_event(json_t *event)
{
    const char *time = member_text(event, "time"), *function = member_text(event, "function"), *name;
    json_t *value;
    if (strlen(time) == RFC3339_SIZE - 1)
        printf("%.12s ", time + strlen("2024-05-01T"));
    printf("%s%s%s", colour_begin(stdout, colour_of(event)), member_text(event, "event"), colour_end(stdout));
    if (*function)
        printf(" %s", function);
    json_object_foreach(event, name, value)
    {
        if (is_member_of_head(name))
            continue;
        printf(" %s%s=%s", colour_begin(stdout, COLOUR_DIM), name, colour_end(stdout));
        print_value(value);
    }
    putchar('\n');
}

static void on_line(const char *line, void *context)
{
    const struct arguments *arguments = context;
    if (strncmp(line, DATA, strlen(DATA)) != 0)
        return;
    json_t *event = arguments_has(arguments, "json") ? NULL : json_loads(line + strlen(DATA), 0, NULL);
    if (event)
        print_event(event);
    else
        printf("%s\n", line + strlen(DATA));
    fflush(stdout);
    json_decref(event);
}

int run_events(const struct arguments *arguments)
{
    const char *name = arguments_operand(arguments, 0), *flag = arguments_value(arguments, "function");
    const char *function = name ? name : flag;
    cleanup_strbuf struct strbuf path;
    strbuf_init(&path, CLIENT_PATH_MAX);
    strbuf_append_text(&path, "/berth/events");
    if (function)
        client_add_parameter(&path, "function", function);
    if (arguments_has(arguments, "all"))
        client_add_parameter(&path, "since", "0");
    return client_read_lines(arguments, strbuf_text(&path), on_line, (void *)arguments);
}
