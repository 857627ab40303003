#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/rfc3339.h"
#include "base/strbuf.h"
#include "cli/client.h"
#include "cli/grid.h"
#include "cli/members.h"
#include "cli/run_commands.h"
#include "cli/say.h"
#include "cli/when.h"

#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static int make_path(const struct arguments *arguments, struct strbuf *path)
{
    const char *function = arguments_operand(arguments, 0), *since = arguments_value(arguments, "since");
    const char *slow = arguments_value(arguments, "slow"), *limit = arguments_value(arguments, "limit");
    strbuf_append_text(path, "/berth/requests");
    if (function)
        client_add_parameter(path, "function", function);
    if (arguments_has(arguments, "failed"))
        client_add_parameter(path, "failed", "1");
    if (slow)
        client_add_parameter(path, "slow_ms", slow);
    if (limit)
        client_add_parameter(path, "limit", limit);
    if (!since)
        return STATUS_OK;
    uint64_t since_ms;
    char time[RFC3339_SIZE];
    if (when_read(since, wall_clock_ms(), &since_ms) < 0)
        return STATUS_USAGE;
    client_add_parameter(path, "since", rfc3339_write(since_ms, time));
    return STATUS_OK;
}

/* The reason of an error, how it ended otherwise, whose error it is, or that it waited for an instance. */
static const char *remark_of(const json_t *request)
{
    const char *code = member_text(request, "code"), *end = member_text(request, "end");
    if (*code)
        return code;
    if (strcmp(end, "answered") != 0)
        return end;
    if (member_number(request, "status") >= 500)
        return "the function's own";
    return member_is_true(request, "cold") ? "cold start" : "";
}

static void add_request(struct grid *grid, const json_t *request)
{
    const bool failed = member_is_true(request, "failed");
    const char *caller = member_text(request, "caller");
    long long status = member_number(request, "status");
    char status_text[8], time[WHEN_SIZE];
    snprintf(status_text, sizeof(status_text), "%lld", status);
    grid_add(grid, COLOUR_NONE, when_short(member_text(request, "began"), wall_clock_ms(), time));
    grid_add(grid, failed ? COLOUR_RED : COLOUR_NONE, status > 0 ? status_text : NULL);
    grid_add_format(grid, "%.1f ms", json_number_value(json_object_get(request, "duration_ms")));
    grid_add(grid, COLOUR_NONE, member_text(request, "id"));
    grid_add_format(grid, "%s %.200s%s%s", member_text(request, "method"), member_text(request, "path"),
                    *caller ? ", by " : "", caller);
    grid_add(grid, failed ? COLOUR_RED : COLOUR_NONE, remark_of(request));
}

/* Oldest first, so that the newest is next to the prompt. */
static void print_requests(const json_t *requests)
{
    static const char *const columns[] = {"BEGAN (UTC)", ">STATUS", ">TOOK", "ID", "REQUEST", "REMARK"};
    struct grid *grid = grid_create(columns, COUNT_OF(columns));
    for (size_t i = json_array_size(requests); i > 0; i--)
        add_request(grid, json_array_get(requests, i - 1));
    grid_print(grid);
    printf("\nWhat happened to one: berth why ID\n");
}

int run_requests(const struct arguments *arguments)
{
    cleanup_strbuf struct strbuf path;
    json_t *requests;
    strbuf_init(&path, CLIENT_PATH_MAX);
    int status = make_path(arguments, &path);
    if (status == STATUS_OK)
        status = client_ask(arguments, "GET", strbuf_text(&path), &requests);
    if (status != STATUS_OK)
        return status;
    if (arguments_has(arguments, "json"))
        print_json(requests);
    else if (json_array_size(requests) > 0)
        print_requests(requests);
    else
        printf("No such request is kept.\n");
    json_decref(requests);
    return STATUS_OK;
}
