#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/client.h"
#include "cli/members.h"
#include "cli/run_commands.h"
#include "cli/say.h"

#include <stdio.h>
#include <string.h>

#define SKIPS_SHOWN 5 /* the newest; --json has all that are kept */

/* The name is the expression, unless it has another. */
static void print_title(const json_t *schedule)
{
    const char *zone = member_text(schedule, "time_zone"), *cron = member_text(schedule, "cron");
    printf("%s", colour_begin(stdout, COLOUR_BOLD));
    say_text(stdout, member_text(schedule, "function"));
    printf("%s  ", colour_end(stdout));
    say_text(stdout, member_text(schedule, "name"));
    if (strcmp(member_text(schedule, "name"), cron) != 0)
        printf(", %s", cron);
    printf("%s%s\n", *zone ? ", " : "", zone);
}

static void print_next(const json_t *schedule)
{
    const json_t *next = json_object_get(schedule, "next"), *time;
    size_t i;
    json_array_foreach(next, i, time) say_fact(i == 0 ? "next" : "", json_string_value(time));
    if (json_array_size(next) == 0)
        say_fact("next", "never");
}

static void print_last(const json_t *schedule)
{
    const json_t *last = json_object_get(schedule, "last");
    long long status = member_number(last, "status");
    if (!json_is_object(last)) {
        say_fact("last", "none is kept");
        return;
    }
    printf("  %-10s%s  %s", "last", member_text(last, "scheduled"), member_text(last, "state"));
    if (status > 0)
        printf(", status %lld", status);
    printf("   berth why %s\n", member_text(last, "id"));
}

static void print_skip(const char *label, const json_t *skip)
{
    long long count = member_number(skip, "count");
    printf("  %-10s%s", label, member_text(skip, "first"));
    if (count > 1)
        printf(" to %s, %lld times", member_text(skip, "last"), count);
    printf("  %s\n", member_text(skip, "reason"));
}

static void print_lists(const json_t *schedule)
{
    const json_t *waiting = json_object_get(schedule, "waiting"), *skips = json_object_get(schedule, "skips"),
                 *item;
    size_t i;
    json_array_foreach(waiting, i, item) say_fact(i == 0 ? "waiting" : "", json_string_value(item));
    for (i = 0; i < json_array_size(skips) && i < SKIPS_SHOWN; i++)
        print_skip(i == 0 ? "skipped" : "", json_array_get(skips, i));
}

static void print_none(const char *function)
{
    if (function) {
        say_text(stdout, function);
        printf(" is not called by the clock. It would be by: ");
    } else {
        printf("Nothing is called by the clock. A function is by: ");
    }
    printf("schedule: \"*/5 * * * *\"\n");
}

static void print_schedules(const struct arguments *arguments, const json_t *schedules)
{
    const json_t *schedule;
    size_t i;
    if (json_array_size(schedules) == 0)
        print_none(arguments_operand(arguments, 0));
    json_array_foreach(schedules, i, schedule)
    {
        if (i > 0)
            putchar('\n');
        print_title(schedule);
        print_next(schedule);
        print_last(schedule);
        print_lists(schedule);
    }
}

int run_cron_ls(const struct arguments *arguments)
{
    cleanup_strbuf struct strbuf path;
    const char *function = arguments_operand(arguments, 0);
    strbuf_init(&path, CLIENT_PATH_MAX);
    strbuf_append_text(&path, "/berth/schedules");
    if (function)
        client_add_parameter(&path, "function", function);
    return client_show(arguments, "GET", strbuf_text(&path), print_schedules);
}
