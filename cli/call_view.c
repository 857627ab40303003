#include "cli/call_view.h"

#include "base/rfc3339.h"
#include "cli/grid.h"
#include "cli/members.h"
#include "cli/quantity.h"
#include "cli/say.h"
#include "cli/when.h"

#include <stdio.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static bool is_state(const json_t *call, const char *state)
{
    return strcmp(member_text(call, "state"), state) == 0;
}

static enum colour state_colour(const json_t *call)
{
    if (is_state(call, "dead"))
        return COLOUR_RED;
    return is_state(call, "done") ? COLOUR_GREEN : COLOUR_NONE;
}

/* --- a list --- */

static void add_call(struct grid *grid, const json_t *call)
{
    char time[WHEN_SIZE];
    const char *reason = member_text(call, "reason"), *schedule = member_text(call, "schedule");
    long long status = member_number(call, "status");
    grid_add_format(grid, "%lld", member_number(call, "number"));
    grid_add(grid, COLOUR_NONE, when_short(member_text(call, "accepted"), wall_clock_ms(), time));
    grid_add(grid, COLOUR_NONE, member_text(call, "function"));
    grid_add(grid, state_colour(call), member_text(call, "state"));
    grid_add_format(grid, "%lld", member_number(call, "attempts"));
    if (status > 0)
        grid_add_format(grid, "%lld", status);
    else
        grid_add(grid, COLOUR_NONE, NULL);
    grid_add(grid, COLOUR_NONE, member_text(call, "id"));
    if (*reason)
        grid_add(grid, COLOUR_NONE, reason);
    else if (*schedule)
        grid_add_format(grid, "schedule %s", schedule);
    else
        grid_add(grid, COLOUR_NONE, "");
}

void call_view_print_list(const json_t *calls)
{
    static const char *const columns[] = {">NUMBER", "ACCEPTED (UTC)", "FUNCTION", "STATE",
                                          ">TRIES",  ">STATUS",        "ID",       "REMARK"};
    struct grid *grid = grid_create(columns, COUNT_OF(columns));
    for (size_t i = json_array_size(calls); i > 0; i--)
        add_call(grid, json_array_get(calls, i - 1));
    grid_print(grid);
}

/* --- what it is --- */

static void print_title(const json_t *call)
{
    const char *reason = member_text(call, "reason");
    long long attempts = member_number(call, "attempts");
    printf("%sAsync call %lld of ", colour_begin(stdout, COLOUR_BOLD), member_number(call, "number"));
    say_text(stdout, member_text(call, "function"));
    printf("%s: %s%s%s, %lld attempt%s\n", colour_end(stdout), member_text(call, "state"),
           is_state(call, "dead") ? ", " : "", is_state(call, "dead") ? reason : "", attempts,
           attempts == 1 ? "" : "s");
}

static void print_request(const json_t *call)
{
    char size[32];
    quantity_measured((unsigned long long)member_number(call, "bytes"), size, sizeof(size));
    printf("  %-10s", "request");
    say_text(stdout, member_text(call, "method"));
    printf(" /");
    say_text(stdout, member_text(call, "function"));
    say_text(stdout, member_text(call, "path"));
    printf(", %s\n", size);
}

static void print_header(const char *label, const char *name, const char *value)
{
    printf("  %-10s", label);
    say_text(stdout, name);
    printf(": ");
    say_text(stdout, value);
    putchar('\n');
}

/* A name that stands several times has a list of values. */
static void print_headers(const json_t *call)
{
    const char *label = "headers", *name;
    json_t *headers = json_object_get(call, "headers"), *value;
    json_object_foreach(headers, name, value)
    {
        if (json_is_string(value))
            print_header(label, name, json_string_value(value));
        for (size_t i = 0; i < json_array_size(value); i++)
            print_header(i == 0 ? label : "", name, json_string_value(json_array_get(value, i)));
        label = "";
    }
}

static void print_accepted(const json_t *call)
{
    const char *request = member_text(call, "request_id");
    printf("  %-10s%s%s", "accepted", member_text(call, "accepted"), *request ? ", as request " : "");
    say_text(stdout, request);
    putchar('\n');
}

static void print_facts(const json_t *call)
{
    say_fact("id", member_text(call, "id"));
    print_request(call);
    print_headers(call);
    say_fact("client", member_text(call, "client"));
    print_accepted(call);
    say_fact("schedule", member_text(call, "schedule"));
    say_fact("planned", member_text(call, "scheduled"));
    say_fact("end of", member_text(call, "origin"));
    say_fact("callback", member_text(call, "callback_url"));
}

/* --- its attempts --- */

/* Since `since_ms`, which then is when the attempt ended. */
static void add_wait(struct grid *grid, const json_t *attempt, uint64_t *since_ms)
{
    uint64_t began_ms = 0, ended_ms;
    rfc3339_read(member_text(attempt, "began"), &began_ms);
    double waited_ms = began_ms > *since_ms ? (double)(began_ms - *since_ms) : 0;
    grid_add_format(grid, "%.1f s", waited_ms / 1e3);
    *since_ms = rfc3339_read(member_text(attempt, "ended"), &ended_ms) == 0 ? ended_ms : began_ms;
}

/* `is_last` of a call that is running: what is not over is under way. */
static void add_end(struct grid *grid, const json_t *attempt, bool is_last)
{
    const char *reason = member_text(attempt, "reason"), *message = member_text(attempt, "message");
    long long status = member_number(attempt, "status");
    if (status > 0)
        grid_add_format(grid, "%lld", status);
    else
        grid_add(grid, COLOUR_NONE, NULL);
    if (!*member_text(attempt, "ended"))
        grid_add(grid, COLOUR_NONE, is_last ? "under way" : "the daemon ended meanwhile");
    else if (*reason)
        grid_add_format(grid, "%s%s%.200s", reason, *message ? ": " : "", message);
    else
        grid_add(grid, COLOUR_NONE, "answered");
}

static void add_attempt(struct grid *grid, const json_t *attempt, bool is_last, uint64_t *since_ms)
{
    char time[WHEN_SIZE];
    const json_t *duration = json_object_get(attempt, "duration_ms");
    grid_add_format(grid, "%lld", member_number(attempt, "number"));
    grid_add(grid, COLOUR_NONE, when_short(member_text(attempt, "began"), wall_clock_ms(), time));
    add_wait(grid, attempt, since_ms);
    if (json_is_number(duration))
        grid_add_format(grid, "%.1f ms", json_number_value(duration));
    else
        grid_add(grid, COLOUR_NONE, NULL);
    add_end(grid, attempt, is_last);
}

static void print_attempts(const json_t *call)
{
    static const char *const columns[] = {">TRY", "BEGAN (UTC)", ">WAITED", ">TOOK", ">STATUS", "WHAT CAME"};
    const json_t *tries = json_object_get(call, "tries"), *attempt;
    const json_t *last = json_array_get(tries, json_array_size(tries) - 1);
    uint64_t since_ms = 0;
    size_t i;
    if (!last)
        return;
    rfc3339_read(member_text(call, "accepted"), &since_ms);
    putchar('\n');
    struct grid *grid = grid_create(columns, COUNT_OF(columns));
    json_array_foreach(tries, i, attempt)
        add_attempt(grid, attempt, attempt == last && is_state(call, "running"), &since_ms);
    grid_print(grid);
    printf("What happened to the last one: berth why %s\n", member_text(last, "request_id"));
}

/* --- what came of it, and what is next --- */

static void print_heading(const char *text)
{
    printf("\n%s%s%s\n", colour_begin(stdout, COLOUR_BOLD), text, colour_end(stdout));
}

static void print_result(const json_t *call)
{
    char size[32];
    const json_t *result = json_object_get(call, "result");
    if (!json_is_object(result))
        return;
    quantity_measured((unsigned long long)member_number(result, "bytes"), size, sizeof(size));
    print_heading("What came of it");
    printf("  status %lld, %s%s", member_number(result, "status"), size,
           member_is_true(result, "cut") ? ", of more than is kept" : "");
    if (*member_text(call, "expires"))
        printf(", kept until %s", member_text(call, "expires"));
    putchar('\n');
}

static void print_callback(const json_t *call)
{
    const json_t *callback = json_object_get(call, "callback");
    long long attempts = member_number(callback, "attempts"), status = member_number(callback, "status");
    const char *message = member_text(callback, "message"), *due = member_text(callback, "due");
    if (!json_is_object(callback))
        return;
    print_heading("Its callback");
    printf("  %s, %lld attempt%s", member_text(callback, "state"), attempts, attempts == 1 ? "" : "s");
    if (status > 0)
        printf(", status %lld", status);
    if (*message) {
        printf(": ");
        say_text(stdout, message);
    }
    printf("%s%s\n", *due ? "\n  the next one is due at " : "", due);
}

/* Why it waits again, unless its last attempt has told it. */
static void print_put_back(const json_t *call)
{
    const json_t *tries = json_object_get(call, "tries");
    const json_t *last = json_array_get(tries, json_array_size(tries) - 1);
    const char *message = member_text(call, "message");
    if (!*message || strcmp(message, member_text(last, "message")) == 0)
        return;
    printf("  it was put back: ");
    say_text(stdout, message);
    putchar('\n');
}

static void print_waiting(const json_t *call)
{
    uint64_t due_ms = 0, now_ms = wall_clock_ms();
    print_put_back(call);
    rfc3339_read(member_text(call, "due"), &due_ms);
    if (due_ms > now_ms)
        printf("  attempt %lld is due in %.1f s\n", member_number(call, "attempts") + 1,
               (double)(due_ms - now_ms) / 1e3);
    else
        printf("  attempt %lld is due: it waits for its turn (the function's setting async_concurrency)\n",
               member_number(call, "attempts") + 1);
    printf("  to take it back: berth calls cancel %lld\n", member_number(call, "number"));
}

static void print_dead(const json_t *call)
{
    const long long number = member_number(call, "number");
    const char *message = member_text(call, "message");
    if (*message) {
        printf("  it was given up: ");
        say_text(stdout, message);
        putchar('\n');
    }
    printf("  to have it delivered again: berth dead redrive %lld\n", number);
    printf("  to forget it: berth dead drop %lld\n", number);
}

static void print_next(const json_t *call)
{
    print_heading("What is next");
    if (is_state(call, "waiting"))
        print_waiting(call);
    else if (is_state(call, "dead"))
        print_dead(call);
    else if (is_state(call, "running"))
        printf("  the function is at work; to break it off: berth calls cancel %lld\n",
               member_number(call, "number"));
    else
        printf("  nothing: it has ended at %s\n", member_text(call, "ended"));
}

void call_view_print(const json_t *call)
{
    print_title(call);
    print_facts(call);
    print_attempts(call);
    print_result(call);
    print_callback(call);
    print_next(call);
}
