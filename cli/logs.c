#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/rfc3339.h"
#include "base/strbuf.h"
#include "cli/client.h"
#include "cli/members.h"
#include "cli/run_commands.h"
#include "cli/say.h"
#include "cli/when.h"

#include <string.h>

#define USUAL_TAIL "100"

/* "12:30:01.123 greet 3b0f6a55d2e1 text"; what is no usual output says so in its colour. */
static void print_line(const json_t *line)
{
    const char *time = member_text(line, "timestamp"), *stream = member_text(line, "stream");
    const char *clock = strlen(time) == RFC3339_SIZE - 1 ? time + strlen("2024-05-01T") : time;
    enum colour colour = COLOUR_NONE;
    if (strcmp(stream, "event") == 0)
        colour = COLOUR_DIM;
    else if (strcmp(stream, "stdout") != 0)
        colour = COLOUR_RED;
    printf("%.12s %s %s %s%s", clock, member_text(line, "name"), member_text(line, "instance"),
           colour_begin(stdout, colour), colour == COLOUR_DIM ? "-- " : "");
    say_text(stdout, member_text(line, "text"));
    printf("%s\n", colour == COLOUR_NONE ? "" : colour_end(stdout));
}

static void on_line(const char *text, void *context)
{
    const struct arguments *arguments = context;
    json_t *line = arguments_has(arguments, "json") ? NULL : json_loads(text, 0, NULL);
    if (line)
        print_line(line);
    else
        printf("%s\n", text);
    fflush(stdout);
    json_decref(line);
}

/* Without a time and a number the last ones of all that is kept; of a request all of them. */
static int make_path(const struct arguments *arguments, struct strbuf *path)
{
    const char *since = arguments_value(arguments, "since"), *tail = arguments_value(arguments, "tail");
    const char *name = arguments_operand(arguments, 0), *request = arguments_value(arguments, "request");
    const char *instance = arguments_value(arguments, "instance");
    uint64_t since_ms = 0;
    char time[RFC3339_SIZE];
    if (since && when_read(since, wall_clock_ms(), &since_ms) < 0)
        return STATUS_USAGE;
    strbuf_append_text(path, "/system/logs");
    client_add_parameter(path, "since", rfc3339_write(since_ms, time));
    client_add_parameter(path, "follow", arguments_has(arguments, "follow") ? "1" : "0");
    client_add_parameter(path, "events", "1");
    if (name)
        client_add_parameter(path, "name", name);
    if (request)
        client_add_parameter(path, "request_id", request);
    if (instance)
        client_add_parameter(path, "instance", instance);
    if (tail || (!since && !request))
        client_add_parameter(path, "tail", tail ? tail : USUAL_TAIL);
    return STATUS_OK;
}

int run_logs(const struct arguments *arguments)
{
    cleanup_strbuf struct strbuf path;
    strbuf_init(&path, CLIENT_PATH_MAX);
    int status = make_path(arguments, &path);
    if (status != STATUS_OK)
        return status;
    return client_read_lines(arguments, strbuf_text(&path), on_line, (void *)arguments);
}
