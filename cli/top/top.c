#include "cli/top/top.h"

#include "base/clock.h"
#include "cli/client.h"
#include "cli/run_commands.h"
#include "cli/say.h"
#include "cli/when.h"

#include <stdio.h>
#include <unistd.h>

#define INTERVAL_USUAL_MS 1000
#define INTERVAL_MIN_MS   100
#define INTERVAL_MAX_MS   3600000

int top_ask(const struct arguments *arguments, struct top_sample *ret_sample)
{
    json_t *answer = NULL;
    const int status = client_ask(arguments, "GET", TOP_PATH, &answer);
    if (status != STATUS_OK)
        return status;
    const int rc = top_sample_read(answer, clock_ns(), ret_sample);
    json_decref(answer);
    if (rc == 0)
        return STATUS_OK;
    say_wrong("what answers has no list of functions");
    return STATUS_FAILED;
}

static int read_wish(const struct arguments *arguments, struct top_wish *ret_wish)
{
    const char *interval = arguments_value(arguments, "interval"), *sort = arguments_value(arguments, "sort");
    const char *filter = arguments_value(arguments, "filter");
    *ret_wish = (struct top_wish){.arguments = arguments,
                                  .interval_ms = INTERVAL_USUAL_MS,
                                  .column = top_column_named(sort ? sort : "requests_per_s"),
                                  .filter = filter ? filter : ""};
    if (interval && (duration_read(interval, &ret_wish->interval_ms) < 0 ||
                     ret_wish->interval_ms < INTERVAL_MIN_MS || ret_wish->interval_ms > INTERVAL_MAX_MS)) {
        say_wrong("--interval %s: it is a time from 100ms to 1h", interval);
        return -1;
    }
    if (ret_wish->column)
        return 0;
    say_wrong("--sort %s: there is no such column", sort);
    fputs("  one of", stderr);
    for (size_t i = 0; i < top_column_count; i++)
        fprintf(stderr, " %s", top_columns[i].key);
    fputc('\n', stderr);
    return -1;
}

int run_top(const struct arguments *arguments)
{
    struct top_wish wish;
    if (read_wish(arguments, &wish) < 0)
        return STATUS_USAGE;
    const bool is_live = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !arguments_has(arguments, "once") &&
                         !arguments_has(arguments, "json");
    return is_live ? top_show_live(&wish) : top_show_once(&wish);
}
